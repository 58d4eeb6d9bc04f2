"""What secrets of type Generic have to do whichever the SDK; ../go/secrets_test.go has the same, and more refusals."""

import json

TEXT = "p@ss & <wörd>; 测试消息\n\"quoted\""
INSTANCE = "kst-hzz65f176a0ogplgq0001"
POLICY = json.dumps({"Version": "1", "Statement": [
    {"Effect": "Allow", "Principal": {"RAM": ["acs:ram::9999999999999999:*"]}, "Action": ["kms:GetSecretValue"], "Resource": ["*"]},
]})

NOT_FOUND = 404, "Forbidden.ResourceNotFound", "The resource is not found."
IN_WINDOW = 409, "Rejected.ResourceInDeleteWindow", "The secret is planned to be deleted."
EXISTS = 409, "Rejected.ResourceExist", "The resource already exists."
IN_USE = 409, "Rejected.ResourceInUse", "restore normal secret"
DISABLED = 409, "Rejected.Disabled", "The request was rejected because the key state is Disabled."
NOT_SUPPORTED = 400, "UnsupportedOperation", "This action is not supported."


def invalid(name):
    return 400, "InvalidParameter", f"The specified parameter {name} is not valid."


def not_emulated(what):
    return 400, "NotEmulated", f"alikms does not emulate {what}."


class SecretTopics:
    """Tests for a TestCase with call, control and must_refuse."""

    def new_secret(self, name, **more):
        return self.call("CreateSecret", SecretName=name, VersionId="v1", SecretData=TEXT, **more)

    def value(self, name, **more):
        answer = self.call("GetSecretValue", SecretName=name, **more)
        return answer["VersionId"], answer["SecretData"]

    def stages(self, name):
        listed = self.call("ListSecretVersionIds", SecretName=name)["VersionIds"]["VersionId"]
        return {version["VersionId"]: version["VersionStages"]["VersionStage"] for version in listed}

    def test_keeps_the_versions_of_a_secret(self):
        self.assertEqual(self.new_secret("app/db")["Arn"], "acs:kms:cn-hangzhou:1234567890123456:secret/app/db")
        self.assertEqual(self.value("app/db", FetchExtendedConfig=True), ("v1", TEXT))
        second = {"SecretName": "app/db", "VersionId": "v2", "SecretData": "second"}
        self.call("PutSecretValue", **second)
        self.call("PutSecretValue", **second)  # the same again is no error
        self.must_refuse(EXISTS, "PutSecretValue", **{**second, "SecretData": "other"})
        self.call("PutSecretValue", SecretName="app/db", VersionId="v3", SecretData="third", VersionStages='["next"]')
        self.assertEqual(self.stages("app/db"), {"v3": ["next"], "v2": ["ACSCurrent"], "v1": ["ACSPrevious"]})
        self.call("UpdateSecretVersionStage", SecretName="app/db", VersionStage="ACSCurrent", MoveToVersion="v3")
        self.call("UpdateSecretVersionStage", SecretName="app/db", VersionStage="next", RemoveFromVersion="v3")
        self.assertEqual(self.stages("app/db"), {"v3": ["ACSCurrent"], "v2": ["ACSPrevious"]})
        self.assertEqual(self.value("app/db", VersionStage="ACSPrevious"), ("v2", "second"))
        self.assertEqual(self.value("app/db", VersionId="v1"), ("v1", TEXT))
        self.must_refuse(NOT_FOUND, "GetSecretValue", SecretName="app/db", VersionStage="nobody's")

    def test_describes_and_tags_a_secret(self):
        self.new_secret("app/db", Description=TEXT, Tags='[{"TagKey":"team","TagValue":"a"}]')
        self.call("UpdateSecret", SecretName="app/db", Description="other")
        described = self.call("DescribeSecret", SecretName="app/db", FetchTags="true")
        self.assertEqual((described["Description"], described["Tags"]["Tag"]), ("other", [{"TagKey": "team", "TagValue": "a"}]))
        filters = json.dumps([{"Key": "SecretName", "Values": ["app/"]}])
        self.assertEqual([one["SecretName"] for one in self.call("ListSecrets", Filters=filters)["SecretList"]["Secret"]], ["app/db"])
        self.call("TagResource", SecretName="app/db", Tags='[{"TagKey":"stage","TagValue":"test"}]')
        self.call("UntagResource", SecretName="app/db", TagKeys='["team"]')
        rows = self.call("ListTagResources", RegionId="cn-hangzhou", ResourceType="secret", ResourceId=["app/db"])["TagResources"]["TagResource"]
        self.assertEqual(rows, [{"ResourceId": "app/db", "ResourceType": "secret", "TagKey": "stage", "TagValue": "test"}])

    def test_reads_a_secret_as_long_as_its_key_decrypts(self):
        key = self.call("CreateKey")["KeyMetadata"]["KeyId"]
        self.new_secret("app/key", EncryptionKeyId=key)
        self.call("DisableKey", KeyId=key)
        self.must_refuse(DISABLED, "GetSecretValue", SecretName="app/key")
        self.call("EnableKey", KeyId=key)
        self.assertEqual(self.value("app/key"), ("v1", TEXT))

    def test_reads_several_secrets_at_once(self):
        self.new_secret("app/db")
        entries = [{"SecretName": "app/db"}, {"SecretName": "nobody's"}]
        answer = self.call("BatchGetSecretValue", SecretsList=entries if self.sdk.typed else json.dumps(entries))
        self.assertEqual([value["SecretData"] for value in answer["SecretValues"]], [TEXT])
        status, code, message = NOT_FOUND
        self.assertEqual(answer["Errors"], [{"SecretName": "nobody's", "Code": code, "HttpStatus": status, "Message": message}])

    def test_keeps_the_policy_of_a_secret(self):
        key = self.call("CreateKey", DKMSInstanceId=INSTANCE)["KeyMetadata"]["KeyId"]
        self.new_secret("app/instance", DKMSInstanceId=INSTANCE, EncryptionKeyId=key)
        self.call("SetSecretPolicy", SecretName="app/instance", Policy=POLICY)
        self.assertEqual(json.loads(self.call("GetSecretPolicy", SecretName="app/instance")["Policy"]), json.loads(POLICY))
        self.new_secret("app/shared")
        self.must_refuse(NOT_SUPPORTED, "SetSecretPolicy", SecretName="app/shared", Policy=POLICY)

    def test_deletes_and_restores_a_secret(self):
        self.new_secret("app/db")
        self.must_refuse(IN_USE, "RestoreSecret", SecretName="app/db")
        self.assertTrue(self.call("DeleteSecret", SecretName="app/db", RecoveryWindowInDays="7")["PlannedDeleteTime"])
        self.must_refuse(IN_WINDOW, "GetSecretValue", SecretName="app/db")
        self.must_refuse(IN_WINDOW, "CreateSecret", SecretName="app/db", VersionId="v1", SecretData="x")
        self.call("RestoreSecret", SecretName="app/db")
        self.assertEqual(self.value("app/db"), ("v1", TEXT))
        self.call("DeleteSecret", SecretName="app/db", RecoveryWindowInDays="7")
        self.control("POST", "clock/advance", {"by": "8d"})
        self.must_refuse(NOT_FOUND, "DescribeSecret", SecretName="app/db")
        self.new_secret("app/db")
        self.call("DeleteSecret", SecretName="app/db", ForceDeleteWithoutRecovery="true")
        self.must_refuse(NOT_FOUND, "GetSecretValue", SecretName="app/db")

    def test_makes_passwords(self):
        password = self.call("GetRandomPassword", PasswordLength="20", ExcludePunctuation="true")["RandomPassword"]
        self.assertRegex(password, "^[0-9A-Za-z]{20}$")

    def test_refuses_what_secrets_may_not_be(self):
        self.new_secret("live")
        new = {"SecretName": "x", "VersionId": "v1", "SecretData": TEXT}
        for action, parameters, wanted in (
            ("CreateSecret", {**new, "SecretName": "live"}, EXISTS),
            ("CreateSecret", {**new, "SecretName": "acs/x"}, invalid("SecretName")),
            ("CreateSecret", {**new, "SecretData": "x" * 30721}, invalid("SecretData")),
            ("CreateSecret", {**new, "SecretType": "Rds"}, not_emulated("SecretType Rds")),
            ("CreateSecret", {**new, "EncryptionKeyId": "unknown"}, (404, "Forbidden.KeyNotFound", "The specified Key is not found.")),
            ("GetSecretValue", {}, (400, "MissingParameter", "The parameter  SecretName  needed but no provided.")),
            ("DeleteSecret", {"SecretName": "live", "RecoveryWindowInDays": "6"}, invalid("RecoveryWindowInDays")),
            ("RotateSecret", {"SecretName": "live", "VersionId": "v2"}, not_emulated("RotateSecret")),
        ):
            with self.subTest(wanted[1], **parameters):
                self.must_refuse(wanted, action, **parameters)
