package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource.PSpecified;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** What symmetric keys, imports, rotation, tags and key policies have to do whichever the SDK. */
abstract class Topics {
    static final String TEXT = "测试消息";
    static final String INSTANCE = "kst-hzz65f176a0ogplgq0001";
    static final String AES_256 = "key-hzz630494463ejqjx0007";
    static final String AES_192 = "key-hzz630494463ejqjx0008";
    static final String AES_128 = "key-hzz630494463ejqjx0009";
    static final String SM4 = "key-hzz630494463ejqjx0010";
    static final Map<String, Object> RSA_WRAPPING = Map.of("WrappingKeySpec", "RSA_2048", "WrappingAlgorithm", "RSAES_OAEP_SHA_256");

    private static final String INVALID_BLOB = "The specified parameter CiphertextBlob is not valid.";
    private static final OAEPParameterSpec OAEP =
            new OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSpecified.DEFAULT);

    abstract JsonObject call(String action, Map<String, ?> parameters) throws Exception;

    abstract void mustRefuse(String action, Map<String, ?> parameters, int status, String code, String message);

    abstract void control(String method, String path, String body) throws Exception;

    /** An encryption context as the SDK takes it. */
    abstract Object context(Map<String, ?> pairs);

    /** Takes a list out of an answer. */
    abstract JsonArray removeList(JsonObject answer, String names, String name);

    static Map<String, Object> and(Map<String, ?> some, Map<String, ?> more) {
        var all = new HashMap<String, Object>(some);
        all.putAll(more);
        return all;
    }

    private static byte[] decode(String text) {
        return Base64.getDecoder().decode(text);
    }

    private static String encode(byte[] data) {
        return Base64.getEncoder().encodeToString(data);
    }

    private static String text(JsonObject answer, String name) {
        return answer.get(name).getAsString();
    }

    private String newKey(Map<String, ?> parameters) throws Exception {
        return text(call("CreateKey", parameters).getAsJsonObject("KeyMetadata"), "KeyId");
    }

    private JsonObject metadata(String key) throws Exception {
        return call("DescribeKey", Map.of("KeyId", key)).getAsJsonObject("KeyMetadata");
    }

    private static Map<String, String> blob(JsonObject sealed) {
        return Map.of("CiphertextBlob", text(sealed, "CiphertextBlob"));
    }

    private String open(JsonObject sealed) throws Exception {
        return text(call("Decrypt", blob(sealed)), "Plaintext");
    }

    @Test
    void keepsTextsWithSymmetricKeys() throws Exception {
        for (var key : List.of(AES_256, AES_192, AES_128, SM4)) {
            for (var text : List.of(TEXT, encode(TEXT.getBytes(StandardCharsets.UTF_8)), "\\u6d4b \"quoted\" & <marked>")) {
                var sealed = call("Encrypt", Map.of("KeyId", key, "Plaintext", text));
                var raw = decode(text(sealed, "CiphertextBlob"));
                assertEquals(64 + text.getBytes(StandardCharsets.UTF_8).length, raw.length);
                assertEquals(text(sealed, "KeyVersionId"), new String(raw, 0, 36, StandardCharsets.US_ASCII));
                var opened = call("Decrypt", blob(sealed));
                assertEquals(text, text(opened, "Plaintext"));
                assertEquals(key, text(opened, "KeyId"));
            }
        }
    }

    @Test
    void bindsTextsToTheirContexts() throws Exception {
        var context = context(Map.of("a", "1", "用途", TEXT));
        var sealed = call("Encrypt", Map.of("KeyId", AES_256, "Plaintext", TEXT, "EncryptionContext", context));
        assertEquals(TEXT, text(call("Decrypt", and(blob(sealed), Map.of("EncryptionContext", context))), "Plaintext"));
        mustRefuse("Decrypt", blob(sealed), 400, "InvalidParameter", INVALID_BLOB);
        var part = Map.of("EncryptionContext", context(Map.of("a", "1")));
        mustRefuse("Decrypt", and(blob(sealed), part), 400, "InvalidParameter", INVALID_BLOB);
        var number = Map.of("KeyId", AES_256, "Plaintext", TEXT, "EncryptionContext", context(Map.of("a", 1)));
        mustRefuse("Encrypt", number, 400, "InvalidParameter", "The specified parameter EncryptionContext is not valid.");
    }

    @Test
    void makesDataKeys() throws Exception {
        for (var size : Map.of(
                32, Map.of(), 16, Map.of("KeySpec", "AES_128"), 1, Map.of("NumberOfBytes", 1), 1024, Map.of("NumberOfBytes", 1024)).entrySet()) {
            var in = new HashMap<String, Object>(Map.of("KeyId", AES_256));
            size.getValue().forEach((name, value) -> in.put((String) name, value));
            var made = call("GenerateDataKey", in);
            assertEquals(size.getKey(), decode(text(made, "Plaintext")).length);
            assertEquals(text(made, "Plaintext"), open(made));
            var bare = call("GenerateDataKeyWithoutPlaintext", in);
            assertFalse(bare.has("Plaintext"));
            assertEquals(size.getKey(), decode(open(bare)).length);
        }
    }

    @Test
    void exportsDataKeys() throws Exception {
        var generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        var pair = generator.generateKeyPair();
        var wrapping = and(RSA_WRAPPING, Map.of("PublicKeyBlob", encode(pair.getPublic().getEncoded())));
        var made = call("GenerateAndExportDataKey", and(wrapping, Map.of("KeyId", AES_256)));
        var again = call("ExportDataKey", and(wrapping, blob(made)));
        for (var answer : List.of(made, again)) {
            var cipher = Cipher.getInstance("RSA/ECB/OAEPPadding");
            cipher.init(Cipher.DECRYPT_MODE, pair.getPrivate(), OAEP);
            assertEquals(open(made), encode(cipher.doFinal(decode(text(answer, "ExportedDataKey")))));
        }
    }

    @Test
    void encryptsAnew() throws Exception {
        var sealed = call("Encrypt", Map.of("KeyId", AES_256, "Plaintext", TEXT));
        var again = call("ReEncrypt", and(blob(sealed), Map.of("DestinationKeyId", SM4)));
        assertEquals(AES_256, text(again, "KeyId"));
        assertEquals(TEXT, open(again));
    }

    private Map<String, Object> importOf(String key, byte[] material) throws Exception {
        var given = call("GetParametersForImport", and(RSA_WRAPPING, Map.of("KeyId", key)));
        PublicKey wrapping = KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(decode(text(given, "PublicKey"))));
        var cipher = Cipher.getInstance("RSA/ECB/OAEPPadding");
        cipher.init(Cipher.ENCRYPT_MODE, wrapping, OAEP);
        return Map.of("KeyId", key, "ImportToken", text(given, "ImportToken"), "KeyMaterialExpireUnix", 0L,
                "EncryptedKeyMaterial", encode(cipher.doFinal(material)));
    }

    private static byte[] random() {
        var material = new byte[32];
        new SecureRandom().nextBytes(material);
        return material;
    }

    @Test
    void importsKeyMaterialAndTheSameAgain() throws Exception {
        var key = newKey(Map.of("Origin", "EXTERNAL"));
        var material = random();
        call("ImportKeyMaterial", importOf(key, material));
        var sealed = call("Encrypt", Map.of("KeyId", key, "Plaintext", TEXT));
        assertEquals(TEXT, openOutside(material, decode(text(sealed, "CiphertextBlob"))));
        call("DeleteKeyMaterial", Map.of("KeyId", key));
        mustRefuse("Decrypt", blob(sealed), 409, "Rejected.PendingImport", "The request was rejected because the key state is PendingImport.");
        mustRefuse("ImportKeyMaterial", importOf(key, random()), 400, "InvalidKeyMaterial", "key material is invalid.");
        call("ImportKeyMaterial", importOf(key, material));
        assertEquals(TEXT, open(sealed));
    }

    /** A ciphertext is the id of the version, an IV of 12 bytes, the encrypted text and a tag of 16. */
    private static String openOutside(byte[] material, byte[] blob) throws Exception {
        var cipher = Cipher.getInstance("AES/GCM/NoPadding");
        var iv = new GCMParameterSpec(128, blob, 36, 12);
        cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(material, "AES"), iv);
        return new String(cipher.doFinal(Arrays.copyOfRange(blob, 48, blob.length)), StandardCharsets.UTF_8);
    }

    @Test
    void opensWhatWasEncryptedBeforeARotation() throws Exception {
        var key = newKey(Map.of());
        var update = Map.of("KeyId", key, "EnableAutomaticRotation", true, "RotationInterval", "365d");
        call("UpdateRotationPolicy", update);
        assertEquals("31536000s", text(metadata(key), "RotationInterval"));
        var old = call("Encrypt", Map.of("KeyId", key, "Plaintext", TEXT));
        control("POST", "clock/advance", "{by: 366d}");
        var rotated = metadata(key);
        assertNotEquals(text(old, "KeyVersionId"), text(rotated, "PrimaryKeyVersion"));
        assertEquals(TEXT, open(old));
        var sealed = call("Encrypt", Map.of("KeyId", key, "Plaintext", TEXT));
        assertEquals(text(rotated, "PrimaryKeyVersion"), text(sealed, "KeyVersionId"));
        mustRefuse("UpdateRotationPolicy", and(update, Map.of("RotationInterval", "5x")), 400, "InvalidParameter",
                "The specified parameter RotationInterval is not valid.");
    }

    @Test
    void tagsAKey() throws Exception {
        call("TagResource", Map.of("KeyId", AES_256, "Tags", """
                [{"TagKey": "team", "TagValue": "a"}, {"TagKey": "stage", "TagValue": "test"}]"""));
        call("UntagResource", Map.of("KeyId", AES_256, "TagKeys", "[\"stage\"]"));
        var listed = removeList(call("ListResourceTags", Map.of("KeyId", AES_256)), "Tags", "Tag");
        assertEquals(JsonParser.parseString("[{KeyId: %s, TagKey: team, TagValue: a}]".formatted(AES_256)), listed);
        mustRefuse("ListResourceTags", Map.of("KeyId", "unknown"), 404, "Forbidden.KeyNotFound", "The specified Key is not found.");
    }

    @Test
    void tagsSeveralKeys() throws Exception {
        var both = Map.of("RegionId", Kms.REGION, "ResourceType", "key", "ResourceId", List.of(AES_256, AES_192));
        call("TagResources", and(both, Map.of("Tag", List.of(Map.of("Key", "team", "Value", "b")))));
        var row = "{ResourceId: %s, ResourceType: key, TagKey: team, TagValue: b}";
        var rows = "[%s, %s]".formatted(row.formatted(AES_256), row.formatted(AES_192));
        assertEquals(JsonParser.parseString(rows), removeList(call("ListTagResources", both), "TagResources", "TagResource"));
        call("UntagResources", and(both, Map.of("TagKey", List.of("team"))));
        assertEquals(0, removeList(call("ListTagResources", both), "TagResources", "TagResource").size());
    }

    @Test
    void keepsKeyPolicies() throws Exception {
        var key = newKey(Map.of("DKMSInstanceId", INSTANCE));
        var own = JsonParser.parseString(text(call("GetKeyPolicy", Map.of("KeyId", key)), "Policy")).getAsJsonObject();
        var principal = own.getAsJsonArray("Statement").get(0).getAsJsonObject().get("Principal");
        assertEquals(JsonParser.parseString("{RAM: ['acs:ram::1234567890123456:*']}"), principal);
        var policy = """
                {"Version":"1","Statement":[{"Sid":"%s","Effect":"Allow","Principal":{"RAM":["acs:ram::9999999999999999:*"]},\
                "Action":["kms:Encrypt"],"Resource":["*"]}]}""".formatted(TEXT);
        call("SetKeyPolicy", Map.of("KeyId", key, "Policy", policy));
        var kept = text(call("GetKeyPolicy", Map.of("KeyId", key)), "Policy");
        assertEquals(JsonParser.parseString(policy), JsonParser.parseString(kept));
        mustRefuse("GetKeyPolicy", Map.of("KeyId", AES_256), 400, "Forbidden.KeyPolicyUnSupported", "The specified key does not support key policy.");
    }

    @Test
    void doesTheRest() throws Exception {
        var key = newKey(Map.of("KeySpec", "EC_SM2", "KeyUsage", "SIGN/VERIFY"));
        var id = Map.of("KeyId", key);
        call("UpdateKeyDescription", Map.of("KeyId", key, "Description", TEXT));
        assertEquals(TEXT, text(metadata(key), "Description"));
        var version = text(call("CreateKeyVersion", id).getAsJsonObject("KeyVersion"), "KeyVersionId");
        var described = call("DescribeKeyVersion", Map.of("KeyId", key, "KeyVersionId", version));
        assertEquals(version, text(described.getAsJsonObject("KeyVersion"), "KeyVersionId"));
        call("UpdateAlias", Map.of("KeyId", key, "AliasName", "alias/demo-sm2"));
        var aliases = removeList(call("ListAliases", Map.of("PageSize", 100)), "Aliases", "Alias");
        assertTrue(aliases.toString().contains(key), aliases.toString());
        call("EnableKey", id);
        var protection = Map.of("ProtectedResourceArn", "acs:kms:cn-hangzhou:1234567890123456:key/" + key, "EnableDeletionProtection", false);
        call("SetDeletionProtection", protection);
        call("ScheduleKeyDeletion", Map.of("KeyId", key, "PendingWindowInDays", 7));
        call("CancelKeyDeletion", id);
        assertEquals("Enabled", text(metadata(key), "KeyState"));
        var regions = removeList(call("DescribeRegions", Map.of()), "Regions", "Region");
        assertTrue(regions.toString().contains(Kms.REGION), regions.toString());
        assertEquals("Enabled", text(call("DescribeAccountKmsStatus", Map.of()), "AccountStatus"));
    }
}
