"""What must hold whichever the SDK, as in ../go: each test has an alikms of its own, with the keys of fixtures/default.yaml."""

import base64
import hashlib
import json
import re
import unittest

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

import alikms
import clients
import evidence
import secret_topics
import topics


def built_in(number):
    return {"KeyId": f"key-hzz630494463ejqjx000{number}", "KeyVersionId": f"2ab1a983-7072-4bbc-a582-584b5bd8000{number}"}


RSA_2048, RSA_3072, SM2, RSA_2048_SIGN, RSA_3072_SIGN, SM2_SIGN = map(built_in, range(1, 7))
CIPHERS = [
    (RSA_2048, "RSAES_OAEP_SHA_1"), (RSA_2048, "RSAES_OAEP_SHA_256"),
    (RSA_3072, "RSAES_OAEP_SHA_1"), (RSA_3072, "RSAES_OAEP_SHA_256"), (SM2, "SM2PKE"),
]
SIGNERS = [
    (RSA_2048_SIGN, "RSA_PKCS1_SHA_256"), (RSA_2048_SIGN, "RSA_PSS_SHA_256"),
    (RSA_3072_SIGN, "RSA_PKCS1_SHA_256"), (RSA_3072_SIGN, "RSA_PSS_SHA_256"), (SM2_SIGN, "SM2DSA"),
]

MESSAGE = b"attack at dawn"
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
DATE = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"


def arn(key):
    return f"acs:kms:cn-hangzhou:1234567890123456:key/{key['KeyId']}"


def encode(data):
    return base64.b64encode(data).decode()


PLAINTEXT = encode(MESSAGE)
DIGEST = encode(hashlib.sha256(MESSAGE).digest())


SCENARIO = "../../../fixtures/default.yaml"
with open(SCENARIO, encoding="utf-8") as scenario:
    BUILT_IN_KEYS = len(re.findall("^  - keyId: ", scenario.read(), re.MULTILINE))


class Contract(topics.Topics, secret_topics.SecretTopics):
    """The tests; the TestCases below say with which SDK, and whether signatures are verified."""

    flags = []

    @classmethod
    def setUpClass(cls):
        cls.called = set()

    @classmethod
    def tearDownClass(cls):
        """A TestCase has to call all that the binary emulates."""
        if missing := sorted(cls.operations - cls.called):
            raise AssertionError(f"operations that no test of {cls.__name__} has called: {missing}")

    def setUp(self):
        self.endpoint = alikms.start(self, "--fixture", SCENARIO, "--fixture", "../instance.yaml", *self.flags)
        self.kms = self.sdk(self.endpoint, "testsecret")
        listed = json.loads(self.control("GET", "operations"))["operations"]
        type(self).operations = {operation["name"] for operation in listed}

    def call(self, action, **parameters):
        answer = self.kms.call(action, **parameters)
        self.called.add(action)
        evidence.answered(self.sdk.name, action)
        return answer

    def control(self, method, path, body=None):
        return alikms.control(self.endpoint, method, path, body)

    def error_of(self, kms, action, **parameters):
        with self.assertRaises(self.sdk.error) as raised:
            kms.call(action, **parameters)
        refusal = self.sdk.refusal(raised.exception)
        evidence.refused(self.sdk.name, refusal.code)
        return refusal

    def must_refuse(self, wanted, action, **parameters):
        refusal = self.error_of(self.kms, action, **parameters)
        self.assertEqual((refusal.status, refusal.code, refusal.message), wanted)
        self.assertRegex(refusal.request_id, UUID)
        return refusal

    def test_opens_what_it_encrypts(self):
        for key, algorithm in CIPHERS:
            with self.subTest(algorithm, **key):
                encrypted = self.call("AsymmetricEncrypt", **key, Algorithm=algorithm, Plaintext=PLAINTEXT)
                ciphertext = encrypted.pop("CiphertextBlob")
                self.assertRegex(encrypted.pop("RequestId"), UUID)
                self.assertEqual(encrypted, key)
                opened = self.call("AsymmetricDecrypt", **key, Algorithm=algorithm, CiphertextBlob=ciphertext)
                self.assertEqual(opened["Plaintext"], PLAINTEXT)

    def test_verifies_what_it_signs_and_nothing_else(self):
        for key, algorithm in SIGNERS:
            with self.subTest(algorithm, **key):
                signature = self.call("AsymmetricSign", **key, Algorithm=algorithm, Digest=DIGEST)["Value"]
                for digest, valid in (DIGEST, True), (encode(bytes(32)), False):
                    verified = self.call("AsymmetricVerify", **key, Algorithm=algorithm, Digest=digest, Value=signature)
                    self.assertIs(verified["Value"], valid)

    def public_key(self, key):
        return serialization.load_pem_public_key(self.call("GetPublicKey", **key)["PublicKey"].encode())

    def test_rsa_signatures_verify_with_the_public_key_outside(self):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        for algorithm, scheme in ("RSA_PKCS1_SHA_256", padding.PKCS1v15()), ("RSA_PSS_SHA_256", pss):
            signature = self.call("AsymmetricSign", **RSA_2048_SIGN, Algorithm=algorithm, Digest=DIGEST)["Value"]
            # It raises InvalidSignature where they do not agree.
            self.public_key(RSA_2048_SIGN).verify(base64.b64decode(signature), MESSAGE, scheme, hashes.SHA256())

    def test_opens_what_was_encrypted_with_the_public_key_outside(self):
        for algorithm, digest in ("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256()):
            sealed = self.public_key(RSA_2048).encrypt(MESSAGE, padding.OAEP(padding.MGF1(digest), digest, None))
            opened = self.call("AsymmetricDecrypt", **RSA_2048, Algorithm=algorithm, CiphertextBlob=encode(sealed))
            self.assertEqual(opened["Plaintext"], PLAINTEXT)

    def test_lists_the_built_in_keys(self):
        page = self.call("ListKeys", PageNumber=1, PageSize=2)
        self.assertRegex(page.pop("RequestId"), UUID)
        listed = [{"KeyId": key["KeyId"], "KeyArn": arn(key)} for key in (RSA_2048, RSA_3072)]
        self.assertEqual(page, {"Keys": {"Key": listed}, "PageNumber": 1, "PageSize": 2, "TotalCount": BUILT_IN_KEYS})

    def test_lists_the_versions_of_a_key(self):
        page = self.call("ListKeyVersions", KeyId=SM2["KeyId"])
        self.assertRegex(page.pop("RequestId"), UUID)
        self.assertRegex(page["KeyVersions"]["KeyVersion"][0].pop("CreationDate"), DATE)
        self.assertEqual(page, {"KeyVersions": {"KeyVersion": [SM2]}, "PageNumber": 1, "PageSize": 10, "TotalCount": 1})

    def test_describes_a_built_in_key_by_its_alias(self):
        metadata = self.call("DescribeKey", KeyId="alias/demo-sm2")["KeyMetadata"]
        for name in "CreationDate", "LastRotationDate":
            self.assertRegex(metadata.pop(name), DATE)
        self.assertEqual(metadata, {
            "KeyId": SM2["KeyId"], "Arn": arn(SM2), "Creator": "1234567890123456",
            "Description": "Test key for encryption with EC_SM2. Not a secret.",
            "KeySpec": "EC_SM2", "KeyUsage": "ENCRYPT/DECRYPT", "KeyState": "Enabled", "Origin": "Aliyun_KMS", "ProtectionLevel": "SOFTWARE",
            "DeleteDate": "", "MaterialExpireTime": "", "AutomaticRotation": "Disabled",
            "DeletionProtection": "Disabled",
        })

    def test_keeps_a_key_its_description_and_its_alias(self):
        description = "*~ +中/'()!"
        created = self.call("CreateKey", KeySpec="EC_SM2", KeyUsage="SIGN/VERIFY", Description=description)["KeyMetadata"]
        self.call("CreateAlias", KeyId=created["KeyId"], AliasName="alias/python")
        found = self.call("DescribeKey", KeyId="alias/python")["KeyMetadata"]
        self.assertEqual((found["KeyId"], found["Description"]), (created["KeyId"], description))
        aliases = self.call("ListAliasesByKeyId", KeyId=created["KeyId"])["Aliases"]["Alias"]
        self.assertEqual([alias["AliasName"] for alias in aliases], ["alias/python"])
        self.call("DeleteAlias", AliasName="alias/python")
        self.must_refuse((404, "Forbidden.AliasNotFound", "The specified Alias is not found."), "DescribeKey", KeyId="alias/python")

    def test_tells_each_refusal_with_status_code_and_message(self):
        encryption = {**RSA_2048, "Algorithm": "RSAES_OAEP_SHA_256", "Plaintext": PLAINTEXT}
        self.call("DisableKey", KeyId=RSA_3072["KeyId"])
        for action, parameters, *wanted in (
            ("DescribeKey", {}, 400, "MissingParameter", "The parameter  KeyId  needed but no provided."),
            ("AsymmetricEncrypt", {**encryption, "Algorithm": "RSAES_OAEP_SHA_512"}, 400, "InvalidParameter", "The specified parameter Algorithm is not valid."),
            ("AsymmetricEncrypt", {**encryption, "Algorithm": "SM2PKE"}, 400, "Rejected.UnsupportedOperation", "Unsupported operation."),
            ("AsymmetricEncrypt", {**encryption, **RSA_3072}, 409, "Rejected.Disabled", "The request was rejected because the key state is Disabled."),
            ("CancelKeyDeletion", {"KeyId": SM2["KeyId"]}, 409, "Rejected.StateModifiedFailed", "Keystate modified failed."),
            ("DescribeKey", {"KeyId": "key-hzz000000000000000000"}, 404, "Forbidden.KeyNotFound", "The specified Key is not found."),
            ("GetPublicKey", {**RSA_2048, "KeyVersionId": SM2["KeyVersionId"]}, 404, "Forbidden.KeyVersionNotFound", "The specified Key version is not found."),
            ("CreateAlias", {"KeyId": SM2["KeyId"], "AliasName": "alias/demo-sm2"}, 400, "AliasAlreadyExists", "AliasName Already Exists."),
            ("Encrypt", {"KeyId": RSA_2048["KeyId"], "Plaintext": PLAINTEXT}, 400, "UnsupportedOperation", "This action is not supported."),
            ("GenerateDataKey", {"KeyId": "alias/unknown"}, 404, "Forbidden.AliasNotFound", "The specified Alias is not found."),
            ("GenerateDataKey", {"KeyId": topics.AES_256, "NumberOfBytes": 1025}, 400, "InvalidParameter", "The specified parameter NumberOfBytes is not valid."),
            ("Decrypt", {"CiphertextBlob": encode(b"2ab1a983-7072-4bbc-a582-584b5bd89999" + bytes(40))}, 404, "Forbidden.KeyNotFound", "The specified Key is not found."),
            ("GetParametersForImport", {"KeyId": RSA_2048["KeyId"], **topics.RSA_WRAPPING}, 400, "Unsupported.Origin", "This key origin is not valid for this api."),
            ("CreateNetworkRule", {"Name": "none"}, 400, "NotEmulated", "alikms does not emulate CreateNetworkRule."),
        ):
            with self.subTest(wanted[1]):
                self.must_refuse(tuple(wanted), action, **parameters)

    def test_tells_a_fault_that_was_put_in(self):
        rule = {"match": {"operation": "ListKeys"}, "error": "Rejected.Throttling", "retryAfter": "100ms"}
        self.control("PUT", "faults/busy", rule)
        refusal = self.must_refuse((429, "Rejected.Throttling", "QPS Limit Exceeded"), "ListKeys")
        self.assertEqual(refusal.retry_after, self.sdk.retry_after)
        self.call("DescribeKey", KeyId=SM2["KeyId"])


    def test_tells_each_error_of_the_catalogue(self):
        for error in json.loads(self.control("GET", "errors"))["errors"]:
            if error["code"] == "SignatureDoesNotMatch":
                continue  # some SDKs make another of it: see Verified
            with self.subTest(error["code"]):
                self.control("PUT", "faults/each", {"match": {"operation": "ListKeys"}, "error": error["code"]})
                self.must_refuse((error["status"], error["code"], error["message"]), "ListKeys")


class Verified(Contract):
    """With an AccessKey configured."""

    flags = ["--credential", "testid:testsecret"]

    def test_tells_when_the_secret_is_wrong(self):
        refusal = self.error_of(self.sdk(self.endpoint, "wrong"), "ListKeys")
        code, message = self.sdk.wrong_secret
        self.assertEqual((refusal.status, refusal.code), (400, code))
        self.assertRegex(refusal.message, message)


class ClassicOfAnyCaller(Contract, unittest.TestCase):
    sdk = clients.Classic


class ClassicOfVerifiedCallers(Verified, unittest.TestCase):
    sdk = clients.Classic


class TeaOfAnyCaller(Contract, unittest.TestCase):
    sdk = clients.Tea


class TeaOfVerifiedCallers(Verified, unittest.TestCase):
    sdk = clients.Tea
