"""The vendor's encryption SDK for Python, unmodified, against alikms.

It takes no endpoint: it calls https://kms.<region>.aliyuncs.com for the region of a key's ARN. So it is led here by what it
reads from the environment: HTTPS_PROXY, a resolver, and ALIBABA_CLOUD_CA_BUNDLE, the CA of alikms.

Not here: its SecretManagerDataKeyProvider, which keeps its data key as a secret (CreateSecret, GetSecretValue).
"""

import json
import os
import shutil
import tempfile
import unittest
from unittest import mock

from aliyun_encryption_sdk.cache.local import LocalDataKeyMaterialCache
from aliyun_encryption_sdk.ckm.cache import CachingCryptoKeyManager
from aliyun_encryption_sdk.client import AliyunCrypto
from aliyun_encryption_sdk.kms import AliyunConfig
from aliyun_encryption_sdk.model import Algorithm, ContentType, SignatureAlgorithm
from aliyun_encryption_sdk.provider.default import DefaultDataKeyProvider
from aliyun_encryption_sdk.provider.signature.base import KmsAsymmetricKeyProvider
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkkms.request.v20160120.DisableKeyRequest import DisableKeyRequest
from aliyunsdkkms.request.v20160120.UpdateRotationPolicyRequest import UpdateRotationPolicyRequest

import alikms
import evidence
import resolver

ACCOUNT = "1234567890123456"
MESSAGE = "测试消息".encode() * 16  # of whole blocks, for the algorithms that do not pad
CONTEXT = {"one": "一", "two": "two"}
VERSION = "2ab1a983-7072-4bbc-a582-584b5bd8e00%d"


def key(number, spec="Aliyun_AES_256", usage="ENCRYPT/DECRYPT", region="cn-hangzhou"):
    return {
        "keyId": f"key-hzz000000000000000e{number:02d}", "keySpec": spec, "keyUsage": usage, "region": region,
        "versions": [{"keyVersionId": VERSION % number}],
    }


AES, SM4, ABROAD = key(1), key(2, "Aliyun_SM4"), key(3, region="cn-shanghai")
SIGNERS = {
    SignatureAlgorithm.RSA_PKCS1_SHA_256: key(4, "RSA_2048", "SIGN/VERIFY"),
    SignatureAlgorithm.RSA_PSS_SHA_256: key(5, "RSA_2048", "SIGN/VERIFY"),
    SignatureAlgorithm.ECDSA_P256_SHA_256: key(6, "EC_P256", "SIGN/VERIFY"),
    SignatureAlgorithm.ECDSA_P256K_SHA_256: key(7, "EC_P256K", "SIGN/VERIFY"),
}
SCENARIO = {"credentials": [{"accessKeyId": "testid", "accessKeySecret": "testsecret"}], "keys": [AES, SM4, ABROAD, *SIGNERS.values()]}


def arn(of):
    return f"acs:kms:{of['region']}:{ACCOUNT}:key/{of['keyId']}"


class EncryptionSDK(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="alikms-conformance-")
        cls.addClassCleanup(shutil.rmtree, cls.root)

    def setUp(self):
        self.folder = os.path.join(self.root, self.id())
        os.mkdir(self.folder)
        self.start()

    def start(self):
        """Runs alikms with the keys, on the folder of the test, and leads the SDK to it."""
        scenario = os.path.join(self.folder, "scenario.json")
        with open(scenario, "w", encoding="utf-8") as file:
            json.dump(SCENARIO, file)
        addresses = alikms.run(self, "--data", os.path.join(self.folder, "data"), "--fixture", scenario)
        self.endpoint = addresses["http"]
        ca = os.path.join(self.folder, "ca.pem")
        with open(ca, "wb") as file:
            file.write(alikms.control(self.endpoint, "GET", "ca.pem"))
        environment = mock.patch.dict(os.environ, HTTPS_PROXY=resolver.start(self, addresses["https"]), ALIBABA_CLOUD_CA_BUNDLE=ca)
        environment.start()
        self.addCleanup(environment.stop)
        self.crypto = AliyunCrypto(AliyunConfig("testid", "testsecret"))

    def journal(self):
        """The calls since the last time, which have to be signed rightly."""
        requests = json.loads(alikms.control(self.endpoint, "DELETE", "requests"))["requests"]
        self.assertTrue(all(r["verified"] for r in requests), requests)
        return requests

    def calls(self):
        """What the encryption SDK has called, which shows no answer of KMS."""
        calls = self.journal()
        for call in calls:
            if call["status"] == 200:
                evidence.answered("bestv-aliyun-encryption-sdk", call["operation"])
        return [call["operation"] for call in calls]

    def refusals(self):
        return [r["code"] for r in self.journal()]

    def manage(self, request):
        """Makes a call that the encryption SDK has none for, with the SDK below it."""
        AcsClient("testid", "testsecret", "cn-hangzhou").do_action_with_exception(request)
        self.journal()

    def encrypt(self, provider, context=None):
        return self.crypto.encrypt(provider, MESSAGE, context)[0]

    def decrypt(self, provider, ciphertext):
        return self.crypto.decrypt(provider, ciphertext)[0]

    def test_decrypts_what_it_encrypts_with_each_algorithm(self):
        for algorithm in Algorithm:
            for of in AES, SM4:
                with self.subTest(algorithm.name, key=of["keySpec"]):
                    ciphertext = self.encrypt(DefaultDataKeyProvider(arn(of), algorithm=algorithm), CONTEXT)
                    self.assertEqual(self.decrypt(DefaultDataKeyProvider(arn(of)), ciphertext), MESSAGE)
                    self.assertEqual(self.calls(), ["GenerateDataKey", "Decrypt"])

    def test_encrypts_without_a_context(self):
        ciphertext = self.encrypt(DefaultDataKeyProvider(arn(AES)))
        self.assertEqual(self.decrypt(DefaultDataKeyProvider(arn(AES)), ciphertext), MESSAGE)

    def test_encrypts_for_several_keys_each_of_which_decrypts(self):
        several = DefaultDataKeyProvider(arn(AES), keys={arn(SM4), arn(ABROAD)})
        ciphertext = self.encrypt(several, CONTEXT)
        self.assertEqual(sorted(self.calls()), ["Encrypt", "GenerateDataKey", "ReEncrypt"])
        for of in AES, SM4, ABROAD:
            self.assertEqual(self.decrypt(DefaultDataKeyProvider(arn(of)), ciphertext), MESSAGE)
            self.assertEqual(self.calls(), ["Decrypt"])

    def test_asks_once_where_it_caches_data_keys(self):
        manager = CachingCryptoKeyManager(LocalDataKeyMaterialCache())
        self.crypto = AliyunCrypto(AliyunConfig("testid", "testsecret"), manager)
        for _ in range(3):
            ciphertext = self.encrypt(DefaultDataKeyProvider(arn(AES)), CONTEXT)
            self.assertEqual(self.decrypt(DefaultDataKeyProvider(arn(AES)), ciphertext), MESSAGE)
        self.assertEqual(self.calls(), ["GenerateDataKey", "Decrypt"])

    def test_decrypts_after_rotation(self):
        ciphertext = self.encrypt(DefaultDataKeyProvider(arn(AES)), CONTEXT)
        rotate = UpdateRotationPolicyRequest()
        rotate.set_KeyId(AES["keyId"])
        rotate.set_EnableAutomaticRotation(True)
        rotate.set_RotationInterval("365d")
        self.manage(rotate)
        alikms.control(self.endpoint, "POST", "clock/advance", {"by": "366d"})
        self.assertEqual(self.decrypt(DefaultDataKeyProvider(arn(AES)), ciphertext), MESSAGE)

    def test_decrypts_what_another_process_encrypted(self):
        ciphertext = self.encrypt(DefaultDataKeyProvider(arn(AES)), CONTEXT)
        self.doCleanups()  # alikms is stopped
        self.start()
        self.assertEqual(self.decrypt(DefaultDataKeyProvider(arn(AES)), ciphertext), MESSAGE)

    def test_does_not_decrypt_with_a_disabled_key(self):
        ciphertext = self.encrypt(DefaultDataKeyProvider(arn(AES)), CONTEXT)
        disable = DisableKeyRequest()
        disable.set_KeyId(AES["keyId"])
        self.manage(disable)
        with self.assertRaises(AttributeError):  # the SDK passes over the refusal, and has no data key then
            self.decrypt(DefaultDataKeyProvider(arn(AES)), ciphertext)
        self.assertEqual(self.refusals(), ["Rejected.Disabled"])
        with self.assertRaises(ServerException) as raised:
            self.encrypt(DefaultDataKeyProvider(arn(AES)), CONTEXT)
        self.assertEqual((raised.exception.get_http_status(), raised.exception.get_error_code()), (409, "Rejected.Disabled"))
        evidence.refused("bestv-aliyun-encryption-sdk", raised.exception.get_error_code())

    def test_verifies_what_it_signs_and_nothing_else(self):
        for algorithm, of in SIGNERS.items():
            with self.subTest(algorithm.name):
                provider = KmsAsymmetricKeyProvider(arn(of), of["versions"][0]["keyVersionId"], algorithm)
                signature = self.crypto.sign(provider, MESSAGE, ContentType.MESSAGE)
                for content, valid in (MESSAGE, True), (b"other", False):
                    self.assertIs(self.crypto.verify(provider, content, signature, ContentType.MESSAGE), valid)
                self.assertEqual(self.calls(), ["AsymmetricSign", "AsymmetricVerify", "AsymmetricVerify"])


if __name__ == "__main__":
    unittest.main()
