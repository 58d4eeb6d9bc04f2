package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What secrets of type Generic have to do whichever the SDK; ../go/secrets_test.go has the same, and more refusals. */
abstract class SecretTopics extends Topics {
    private static final String VALUE = "p@ss & <wörd>; 测试消息\n\"quoted\"";
    private static final String POLICY = """
            {"Version":"1","Statement":[{"Effect":"Allow","Principal":{"RAM":["acs:ram::9999999999999999:*"]},\
            "Action":["kms:GetSecretValue"],"Resource":["*"]}]}""";

    private JsonObject newSecret(String name, Map<String, ?> more) throws Exception {
        return call("CreateSecret", and(Map.of("SecretName", name, "VersionId", "v1", "SecretData", VALUE), more));
    }

    private void mustHold(String version, String value, Map<String, ?> parameters) throws Exception {
        var answer = call("GetSecretValue", parameters);
        assertEquals(version, answer.get("VersionId").getAsString());
        assertEquals(value, answer.get("SecretData").getAsString());
    }

    private void notFound(String action, Map<String, ?> parameters) {
        mustRefuse(action, parameters, 404, "Forbidden.ResourceNotFound", "The resource is not found.");
    }

    private void inWindow(String action, Map<String, ?> parameters) {
        mustRefuse(action, parameters, 409, "Rejected.ResourceInDeleteWindow", "The secret is planned to be deleted.");
    }

    private void exists(String action, Map<String, ?> parameters) {
        mustRefuse(action, parameters, 409, "Rejected.ResourceExist", "The resource already exists.");
    }

    private void notValid(String action, Map<String, ?> parameters, String name) {
        mustRefuse(action, parameters, 400, "InvalidParameter", "The specified parameter " + name + " is not valid.");
    }

    private void mustHaveStages(String name, String want) throws Exception {
        var stages = new TreeMap<String, JsonElement>();
        for (var version : removeList(call("ListSecretVersionIds", Map.of("SecretName", name)), "VersionIds", "VersionId")) {
            var one = version.getAsJsonObject();
            stages.put(one.get("VersionId").getAsString(), removeList(one, "VersionStages", "VersionStage"));
        }
        assertEquals(want, stages.toString());
    }

    @Test
    void keepsTheVersionsOfASecret() throws Exception {
        var arn = newSecret("app/db", Map.of()).get("Arn").getAsString();
        assertEquals("acs:kms:cn-hangzhou:1234567890123456:secret/app/db", arn);
        var secret = Map.of("SecretName", "app/db");
        mustHold("v1", VALUE, and(secret, Map.of("FetchExtendedConfig", true)));
        var second = and(secret, Map.of("VersionId", "v2", "SecretData", "second"));
        call("PutSecretValue", second);
        call("PutSecretValue", second); // the same again is no error
        exists("PutSecretValue", and(second, Map.of("SecretData", "other")));
        call("PutSecretValue", and(secret, Map.of("VersionId", "v3", "SecretData", "third", "VersionStages", "[\"next\"]")));
        mustHaveStages("app/db", "{v1=[\"ACSPrevious\"], v2=[\"ACSCurrent\"], v3=[\"next\"]}");
        call("UpdateSecretVersionStage", and(secret, Map.of("VersionStage", "ACSCurrent", "MoveToVersion", "v3")));
        call("UpdateSecretVersionStage", and(secret, Map.of("VersionStage", "next", "RemoveFromVersion", "v3")));
        mustHaveStages("app/db", "{v2=[\"ACSPrevious\"], v3=[\"ACSCurrent\"]}");
        mustHold("v2", "second", and(secret, Map.of("VersionStage", "ACSPrevious")));
        mustHold("v1", VALUE, and(secret, Map.of("VersionId", "v1")));
        notFound("GetSecretValue", and(secret, Map.of("VersionStage", "nobody's")));
    }

    @Test
    void describesAndTagsASecret() throws Exception {
        newSecret("app/db", Map.of("Description", TEXT, "Tags", "[{\"TagKey\":\"team\",\"TagValue\":\"a\"}]"));
        var secret = Map.of("SecretName", "app/db");
        call("UpdateSecret", and(secret, Map.of("Description", "other")));
        var described = call("DescribeSecret", and(secret, Map.of("FetchTags", "true")));
        assertEquals("other", described.get("Description").getAsString());
        assertEquals(JsonParser.parseString("[{TagKey: team, TagValue: a}]"), removeList(described, "Tags", "Tag"));
        var filters = Map.of("Filters", "[{\"Key\":\"SecretName\",\"Values\":[\"app/\"]}]");
        assertEquals(1, removeList(call("ListSecrets", filters), "SecretList", "Secret").size());
        call("TagResource", and(secret, Map.of("Tags", "[{\"TagKey\":\"stage\",\"TagValue\":\"test\"}]")));
        call("UntagResource", and(secret, Map.of("TagKeys", "[\"team\"]")));
        var tagged = call("DescribeSecret", and(secret, Map.of("FetchTags", "true")));
        assertEquals(JsonParser.parseString("[{TagKey: stage, TagValue: test}]"), removeList(tagged, "Tags", "Tag"));
    }

    @Test
    void readsASecretAsLongAsItsKeyDecrypts() throws Exception {
        var key = call("CreateKey", Map.of()).getAsJsonObject("KeyMetadata").get("KeyId").getAsString();
        newSecret("app/key", Map.of("EncryptionKeyId", key));
        call("DisableKey", Map.of("KeyId", key));
        mustRefuse("GetSecretValue", Map.of("SecretName", "app/key"), 409, "Rejected.Disabled",
                "The request was rejected because the key state is Disabled.");
        call("EnableKey", Map.of("KeyId", key));
        mustHold("v1", VALUE, Map.of("SecretName", "app/key"));
    }

    @Test
    void readsSeveralSecretsAtOnce() throws Exception {
        newSecret("app/db", Map.of());
        var answer = call("BatchGetSecretValue", Map.of("SecretsList", "[{\"SecretName\":\"app/db\"},{\"SecretName\":\"x\"}]"));
        var values = answer.getAsJsonArray("SecretValues");
        assertEquals(1, values.size());
        assertEquals(VALUE, values.get(0).getAsJsonObject().get("SecretData").getAsString());
        var refused = answer.getAsJsonArray("Errors").get(0).getAsJsonObject();
        assertEquals("Forbidden.ResourceNotFound", refused.get("Code").getAsString());
    }

    @Test
    void keepsThePolicyOfASecret() throws Exception {
        var key = call("CreateKey", Map.of("DKMSInstanceId", INSTANCE)).getAsJsonObject("KeyMetadata").get("KeyId").getAsString();
        newSecret("app/instance", Map.of("DKMSInstanceId", INSTANCE, "EncryptionKeyId", key));
        call("SetSecretPolicy", Map.of("SecretName", "app/instance", "Policy", POLICY));
        var kept = call("GetSecretPolicy", Map.of("SecretName", "app/instance")).get("Policy").getAsString();
        assertEquals(JsonParser.parseString(POLICY), JsonParser.parseString(kept));
        newSecret("app/shared", Map.of());
        mustRefuse("SetSecretPolicy", Map.of("SecretName", "app/shared", "Policy", POLICY), 400, "UnsupportedOperation",
                "This action is not supported.");
    }

    @Test
    void deletesAndRestoresASecret() throws Exception {
        newSecret("app/db", Map.of());
        var secret = Map.of("SecretName", "app/db");
        mustRefuse("RestoreSecret", secret, 409, "Rejected.ResourceInUse", "restore normal secret");
        var window = and(secret, Map.of("RecoveryWindowInDays", "7"));
        assertFalse(call("DeleteSecret", window).get("PlannedDeleteTime").getAsString().isEmpty());
        inWindow("GetSecretValue", secret);
        inWindow("CreateSecret", and(secret, Map.of("VersionId", "v1", "SecretData", "x")));
        call("RestoreSecret", secret);
        mustHold("v1", VALUE, secret);
        call("DeleteSecret", window);
        control("POST", "clock/advance", "{by: 8d}");
        notFound("DescribeSecret", secret);
        newSecret("app/db", Map.of());
        call("DeleteSecret", and(secret, Map.of("ForceDeleteWithoutRecovery", "true")));
        notFound("GetSecretValue", secret);
    }

    @Test
    void makesPasswords() throws Exception {
        var password = call("GetRandomPassword", Map.of("PasswordLength", "20", "ExcludePunctuation", "true")).get("RandomPassword").getAsString();
        assertTrue(password.matches("[0-9A-Za-z]{20}"), password);
    }

    @Test
    void refusesWhatSecretsMayNotBe() throws Exception {
        newSecret("live", Map.of());
        Map<String, Object> created = and(Map.of("SecretName", "x", "VersionId", "v1"), Map.of("SecretData", VALUE));
        exists("CreateSecret", and(created, Map.of("SecretName", "live")));
        notValid("CreateSecret", and(created, Map.of("SecretName", "acs/x")), "SecretName");
        notValid("CreateSecret", and(created, Map.of("SecretData", "x".repeat(30721))), "SecretData");
        notValid("DeleteSecret", Map.of("SecretName", "live", "RecoveryWindowInDays", "6"), "RecoveryWindowInDays");
        mustRefuse("CreateSecret", and(created, Map.of("SecretType", "Rds")), 400, "NotEmulated", "alikms does not emulate SecretType Rds.");
        mustRefuse("CreateSecret", and(created, Map.of("EncryptionKeyId", "unknown")), 404, "Forbidden.KeyNotFound", "The specified Key is not found.");
        mustRefuse("GetSecretValue", Map.of(), 400, "MissingParameter", "The parameter  SecretName  needed but no provided.");
        mustRefuse("RotateSecret", Map.of("SecretName", "live", "VersionId", "v2"), 400, "NotEmulated", "alikms does not emulate RotateSecret.");
    }
}
