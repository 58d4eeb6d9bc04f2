"""The vendor's cache client for secrets, unmodified, against alikms.

It takes an endpoint without a port and speaks HTTPS to it, so it is led here by HTTPS_PROXY. It does not check certificates.
"""

import json
import logging
import os
import shutil
import tempfile
import time
import unittest
from unittest import mock

from alibaba_cloud_secretsmanager_client.cache.file_cache_secret_store_strategy import FileCacheSecretStoreStrategy
from alibaba_cloud_secretsmanager_client.secret_manager_cache_client_builder import SecretManagerCacheClientBuilder
from alibaba_cloud_secretsmanager_client.service.default_secret_manager_client_builder import DefaultSecretManagerClientBuilder
from alibaba_cloud_secretsmanager_client.service.full_jitter_back_off_strategy import FullJitterBackoffStrategy
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException

import alikms
import evidence
import resolver

logging.disable(logging.CRITICAL)  # the client logs each refusal with its stack

NAME = "app/db"
FIRST = "p@ss & <wörd>; 测试消息"


class CacheClient(unittest.TestCase):
    def setUp(self):
        self.endpoint, secure = (addresses := alikms.run(self, "--ephemeral", "--credential", "testid:testsecret"))["http"], addresses["https"]
        environment = mock.patch.dict(os.environ, HTTPS_PROXY=resolver.start(self, secure))
        environment.start()
        self.addCleanup(environment.stop)
        self.cache = self.folder()
        self.change("CreateSecret", "v1", FIRST)

    def folder(self):
        folder = tempfile.mkdtemp(prefix="alikms-conformance-")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def change(self, operation, version, value):
        """Does what an operator does; the client only reads."""
        parameters = {"SecretName": NAME, "VersionId": version, "SecretData": value}
        answer = self.control("POST", "try", {"operation": operation, "accessKeyId": "testid", "parameters": parameters})
        self.assertEqual(answer["status"], 200, answer)
        self.control("DELETE", f"requests?operation={operation}")

    def control(self, method, path, body=None):
        return json.loads(alikms.control(self.endpoint, method, path, body))

    def fault(self, **rule):
        self.control("PUT", "faults/unwell", {"match": {"operation": "GetSecretValue"}, **rule})

    def connect(self, ttl=None):
        """A client as an application makes one, with a file cache that it reads when it starts. It waits milliseconds between attempts."""
        kms = (
            DefaultSecretManagerClientBuilder.standard().with_access_key("testid", "testsecret").with_region("cn-hangzhou")
            .with_back_off_strategy(FullJitterBackoffStrategy(3, 1, 10)).build()
        )
        builder = SecretManagerCacheClientBuilder.new_cache_client_builder(kms)
        builder = builder.with_cache_secret_strategy(FileCacheSecretStoreStrategy(self.cache, True, "salt"))
        if ttl is not None:
            builder = builder.with_secret_ttl(NAME, ttl)
        client = builder.build()
        self.addCleanup(client.close)
        return client

    def must_read(self, client, version, value):
        got = client.get_secret_info(NAME)
        self.assertEqual((got.version_id, got.secret_value, got.secret_data_type), (version, value, "text"))

    def codes(self):
        """Those of the calls since the last time, which have to be signed rightly; "" is an answer."""
        calls = self.control("DELETE", "requests")["requests"]
        for call in calls:
            self.assertEqual((call["operation"], call["verified"]), ("GetSecretValue", True), call)
            if call["status"] == 200:
                evidence.answered("aliyun-secret-manager-client", call["operation"])
        return [call["code"] for call in calls]

    def test_reads_once_and_then_from_its_cache(self):
        client = self.connect()
        for _ in range(3):
            self.must_read(client, "v1", FIRST)
        self.assertEqual(self.codes(), [""])

    def test_refreshes_when_told_to(self):
        client = self.connect()
        self.must_read(client, "v1", FIRST)
        self.change("PutSecretValue", "v2", "second")
        self.must_read(client, "v1", FIRST)
        self.assertTrue(client.refresh_now(NAME))
        self.must_read(client, "v2", "second")
        self.assertEqual(self.codes(), ["", ""])

    def test_refreshes_by_itself(self):
        client = self.connect(ttl=1500)  # its scheduler cannot be stopped while it refreshes
        self.change("PutSecretValue", "v2", "second")
        limit = time.monotonic() + 30
        while client.cache_secret_store_strategy.get_cache_secret_info(NAME).secret_info.version_id != "v2":
            self.assertLess(time.monotonic(), limit, "it still has the first version")
            time.sleep(0.01)

    def test_keeps_its_value_over_a_throttle_and_an_outage(self):
        """It has a back-off for these codes, which never runs: it waits for ClientException, and the SDK raises ServerException."""
        client = self.connect()
        self.must_read(client, "v1", FIRST)
        self.change("PutSecretValue", "v2", "second")
        codes = ["Rejected.Throttling", "ServiceUnavailableTemporary", "InternalFailure"]
        self.fault(script=[{"error": code} for code in codes])
        for _ in codes:
            self.assertFalse(client.refresh_now(NAME))
            self.must_read(client, "v1", FIRST)
        self.assertTrue(client.refresh_now(NAME))
        self.must_read(client, "v2", "second")
        self.assertEqual(self.codes(), ["", *codes, ""])

    def test_tells_a_throttle_where_it_has_nothing(self):
        self.fault(script=[{"error": "Rejected.Throttling"}])
        with self.assertRaises(ServerException) as raised:
            self.connect().get_secret_info(NAME)
        self.assertEqual((raised.exception.get_http_status(), raised.exception.get_error_code()), (429, "Rejected.Throttling"))

    def test_survives_a_reset_connection(self):
        self.fault(script=[{"connection": "reset"}])
        self.must_read(self.connect(), "v1", FIRST)
        self.assertEqual(self.codes(), ["", ""])  # of the first nothing was answered

    def test_falls_back_to_its_file_when_the_service_is_out(self):
        self.must_read(self.connect(), "v1", FIRST)
        self.fault(error="ServiceUnavailableTemporary")
        self.change("PutSecretValue", "v2", "second")
        self.must_read(self.connect(), "v1", FIRST)  # a new process of the application
        self.assertEqual(self.codes(), [""])
        self.cache = self.folder()
        with self.assertRaises((ClientException, ServerException)):  # it has no file
            self.connect().get_secret_info(NAME)


if __name__ == "__main__":
    unittest.main()
