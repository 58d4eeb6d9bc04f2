"""What symmetric keys, imports, rotation, tags and key policies have to do whichever the SDK."""

import base64
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TEXT = "测试消息"
INSTANCE = "kst-hzz65f176a0ogplgq0001"
AES_256, AES_192, AES_128, SM4 = SYMMETRIC = [f"key-hzz630494463ejqjx00{number}" for number in ("07", "08", "09", "10")]
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
RSA_WRAPPING = {"WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}

INVALID_BLOB = 400, "InvalidParameter", "The specified parameter CiphertextBlob is not valid."
PENDING_IMPORT = 409, "Rejected.PendingImport", "The request was rejected because the key state is PendingImport."


def encode(data):
    return base64.b64encode(data).decode()


class Topics:
    """Tests for a TestCase with call, control and must_refuse."""

    def new_key(self, **parameters):
        return self.call("CreateKey", **parameters)["KeyMetadata"]["KeyId"]

    def metadata(self, key):
        return self.call("DescribeKey", KeyId=key)["KeyMetadata"]

    def open(self, answer, **more):
        return self.call("Decrypt", CiphertextBlob=answer["CiphertextBlob"], **more)["Plaintext"]

    def context(self, **pairs):
        """The typed SDK takes an object, the classic one its JSON."""
        return pairs if self.sdk.typed else json.dumps(pairs)

    def test_keeps_texts_with_symmetric_keys(self):
        for key in SYMMETRIC:
            for text in TEXT, encode(TEXT.encode()), '\\u6d4b "quoted" & <marked>':
                with self.subTest(text, key=key):
                    sealed = self.call("Encrypt", KeyId=key, Plaintext=text)
                    blob = base64.b64decode(sealed["CiphertextBlob"])
                    self.assertEqual(len(blob), 64 + len(text.encode()))
                    self.assertEqual(blob[:36].decode(), sealed["KeyVersionId"])
                    opened = self.call("Decrypt", CiphertextBlob=sealed["CiphertextBlob"])
                    self.assertEqual((opened["Plaintext"], opened["KeyId"]), (text, key))

    def test_binds_texts_to_their_contexts(self):
        sealed = self.call("Encrypt", KeyId=AES_256, Plaintext=TEXT, EncryptionContext=self.context(a="1", 用途=TEXT))
        self.assertEqual(self.open(sealed, EncryptionContext=self.context(用途=TEXT, a="1")), TEXT)
        self.must_refuse(INVALID_BLOB, "Decrypt", CiphertextBlob=sealed["CiphertextBlob"])
        self.must_refuse(INVALID_BLOB, "Decrypt", CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=self.context(a="1"))
        invalid = 400, "InvalidParameter", "The specified parameter EncryptionContext is not valid."
        self.must_refuse(invalid, "Encrypt", KeyId=AES_256, Plaintext=TEXT, EncryptionContext=self.context(a=1))

    def test_makes_data_keys(self):
        for size, parameters in (32, {}), (16, {"KeySpec": "AES_128"}), (1, {"NumberOfBytes": 1}), (1024, {"NumberOfBytes": 1024}):
            with self.subTest(size):
                made = self.call("GenerateDataKey", KeyId=AES_256, **parameters)
                self.assertEqual(len(base64.b64decode(made["Plaintext"])), size)
                self.assertEqual(self.open(made), made["Plaintext"])
                bare = self.call("GenerateDataKeyWithoutPlaintext", KeyId=AES_256, **parameters)
                self.assertNotIn("Plaintext", bare)
                self.assertEqual(len(base64.b64decode(self.open(bare))), size)

    def test_exports_data_keys(self):
        private = rsa.generate_private_key(65537, 2048)
        public = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        wrapping = {"PublicKeyBlob": encode(public), **RSA_WRAPPING}
        made = self.call("GenerateAndExportDataKey", KeyId=AES_256, **wrapping)
        again = self.call("ExportDataKey", CiphertextBlob=made["CiphertextBlob"], **wrapping)
        for answer in made, again:
            data_key = private.decrypt(base64.b64decode(answer["ExportedDataKey"]), OAEP)
            self.assertEqual(encode(data_key), self.open(made))

    def test_encrypts_anew(self):
        sealed = self.call("Encrypt", KeyId=AES_256, Plaintext=TEXT)
        again = self.call("ReEncrypt", CiphertextBlob=sealed["CiphertextBlob"], DestinationKeyId=SM4)
        self.assertEqual(again["KeyId"], AES_256)
        self.assertEqual(self.open(again), TEXT)

    def import_parameters(self, key, material):
        given = self.call("GetParametersForImport", KeyId=key, **RSA_WRAPPING)
        public = serialization.load_der_public_key(base64.b64decode(given["PublicKey"]))
        return {
            "KeyId": key, "ImportToken": given["ImportToken"], "KeyMaterialExpireUnix": 0,
            "EncryptedKeyMaterial": encode(public.encrypt(material, OAEP)),
        }

    def test_imports_key_material_and_the_same_again(self):
        key, material = self.new_key(Origin="EXTERNAL"), os.urandom(32)
        self.call("ImportKeyMaterial", **self.import_parameters(key, material))
        sealed = self.call("Encrypt", KeyId=key, Plaintext=TEXT)
        blob = base64.b64decode(sealed["CiphertextBlob"])
        self.assertEqual(AESGCM(material).decrypt(blob[36:48], blob[48:], None).decode(), TEXT)
        with self.assertRaises(InvalidTag):
            AESGCM(bytes(32)).decrypt(blob[36:48], blob[48:], None)
        self.call("DeleteKeyMaterial", KeyId=key)
        self.must_refuse(PENDING_IMPORT, "Decrypt", CiphertextBlob=sealed["CiphertextBlob"])
        other = self.import_parameters(key, os.urandom(32))
        self.must_refuse((400, "InvalidKeyMaterial", "key material is invalid."), "ImportKeyMaterial", **other)
        self.call("ImportKeyMaterial", **self.import_parameters(key, material))
        self.assertEqual(self.open(sealed), TEXT)

    def test_opens_what_was_encrypted_before_a_rotation(self):
        key = self.new_key()
        self.call("UpdateRotationPolicy", KeyId=key, EnableAutomaticRotation=True, RotationInterval="365d")
        self.assertEqual(self.metadata(key)["RotationInterval"], "31536000s")
        old = self.call("Encrypt", KeyId=key, Plaintext=TEXT)
        self.control("POST", "clock/advance", {"by": "366d"})
        rotated = self.metadata(key)
        self.assertNotEqual(rotated["PrimaryKeyVersion"], old["KeyVersionId"])
        self.assertEqual(self.open(old), TEXT)
        self.assertEqual(self.call("Encrypt", KeyId=key, Plaintext=TEXT)["KeyVersionId"], rotated["PrimaryKeyVersion"])
        invalid = 400, "InvalidParameter", "The specified parameter RotationInterval is not valid."
        self.must_refuse(invalid, "UpdateRotationPolicy", KeyId=key, EnableAutomaticRotation=True, RotationInterval="5x")

    def test_tags_a_key(self):
        self.call("TagResource", KeyId=AES_256, Tags=json.dumps([{"TagKey": "team", "TagValue": "a"}, {"TagKey": "stage", "TagValue": "test"}]))
        self.call("UntagResource", KeyId=AES_256, TagKeys='["stage"]')
        listed = self.call("ListResourceTags", KeyId=AES_256)["Tags"]["Tag"]
        self.assertEqual(listed, [{"KeyId": AES_256, "TagKey": "team", "TagValue": "a"}])
        missing = 404, "Forbidden.KeyNotFound", "The specified Key is not found."
        self.must_refuse(missing, "ListResourceTags", KeyId="unknown")

    def test_tags_several_keys(self):
        both = {"RegionId": "cn-hangzhou", "ResourceType": "key", "ResourceId": [AES_256, AES_192]}
        self.call("TagResources", **both, Tag=[{"Key": "team", "Value": "b"}])
        rows = [{"ResourceId": key, "ResourceType": "key", "TagKey": "team", "TagValue": "b"} for key in (AES_256, AES_192)]
        self.assertEqual(self.call("ListTagResources", **both)["TagResources"]["TagResource"], rows)
        self.call("UntagResources", **both, TagKey=["team"])
        self.assertEqual(self.call("ListTagResources", **both)["TagResources"]["TagResource"], [])

    def test_keeps_key_policies(self):
        key = self.new_key(DKMSInstanceId=INSTANCE)
        own = json.loads(self.call("GetKeyPolicy", KeyId=key)["Policy"])
        self.assertEqual(own["Statement"][0]["Principal"], {"RAM": ["acs:ram::1234567890123456:*"]})
        statement = {"Sid": TEXT, "Effect": "Allow", "Principal": {"RAM": ["acs:ram::9999999999999999:*"]}, "Action": ["kms:Encrypt"], "Resource": ["*"]}
        policy = {"Version": "1", "Statement": [statement]}
        self.call("SetKeyPolicy", KeyId=key, Policy=json.dumps(policy, ensure_ascii=False))
        self.assertEqual(json.loads(self.call("GetKeyPolicy", KeyId=key)["Policy"]), policy)
        unsupported = 400, "Forbidden.KeyPolicyUnSupported", "The specified key does not support key policy."
        self.must_refuse(unsupported, "GetKeyPolicy", KeyId=AES_256)

    def test_does_the_rest(self):
        key = self.new_key(KeySpec="EC_SM2", KeyUsage="SIGN/VERIFY")
        self.call("UpdateKeyDescription", KeyId=key, Description=TEXT)
        self.assertEqual(self.metadata(key)["Description"], TEXT)
        version = self.call("CreateKeyVersion", KeyId=key)["KeyVersion"]["KeyVersionId"]
        self.assertEqual(self.call("DescribeKeyVersion", KeyId=key, KeyVersionId=version)["KeyVersion"]["KeyVersionId"], version)
        self.call("UpdateAlias", KeyId=key, AliasName="alias/demo-sm2")
        self.assertIn(key, [alias["KeyId"] for alias in self.call("ListAliases", PageSize=100)["Aliases"]["Alias"]])
        for action in "DisableKey", "EnableKey":
            self.call(action, KeyId=key)
        arn = f"acs:kms:cn-hangzhou:1234567890123456:key/{key}"
        self.call("SetDeletionProtection", ProtectedResourceArn=arn, EnableDeletionProtection=False)
        self.call("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
        self.call("CancelKeyDeletion", KeyId=key)
        self.assertEqual(self.metadata(key)["KeyState"], "Enabled")
        self.assertIn("cn-hangzhou", [region["RegionId"] for region in self.call("DescribeRegions")["Regions"]["Region"]])
        self.assertEqual(self.call("DescribeAccountKmsStatus")["AccountStatus"], "Enabled")
