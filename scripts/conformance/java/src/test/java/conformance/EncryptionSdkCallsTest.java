package conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The calls that the vendor's encryption SDK for Java makes, by the SDK it makes them with and in its order. The SDK itself,
 * com.aliyun:alibabacloud-encryption-sdk-java, is not here: Maven Central does not have it, though its README says so. (That
 * for Python is in ../encryption-python.)
 */
class EncryptionSdkCallsTest {
    private static final byte[] MESSAGE = Topics.TEXT.getBytes(StandardCharsets.UTF_8);

    private Alikms alikms;
    private Kms kms;

    @BeforeEach
    void start() throws Exception {
        alikms = new Alikms(List.of("--credential", "testid:testsecret"));
        kms = new ClassicKms(alikms.endpoint, "testsecret");
    }

    @AfterEach
    void stop() throws Exception {
        alikms.close();
    }

    /** A data key encrypts the message; each further key of the region is given it by ReEncrypt, of another one by Encrypt. */
    @Test
    void encryptsForSeveralKeys() throws Exception {
        for (var spec : Map.of("AES_256", 32, "AES_128", 16).entrySet()) {
            var context = "{\"one\":\"一\",\"two\":\"two\"}";
            var made = kms.call("GenerateDataKey", Map.of("KeyId", Topics.AES_256, "KeySpec", spec.getKey(), "EncryptionContext", context));
            var dataKey = Base64.getDecoder().decode(text(made, "Plaintext"));
            assertEquals(spec.getValue(), dataKey.length);
            var iv = new byte[12];
            new SecureRandom().nextBytes(iv);
            var sealed = cipher(Cipher.ENCRYPT_MODE, dataKey, iv).doFinal(MESSAGE);

            var blob = text(made, "CiphertextBlob");
            var again = kms.call("ReEncrypt", Map.of("CiphertextBlob", blob, "SourceEncryptionContext", context,
                    "DestinationKeyId", Topics.SM4, "DestinationEncryptionContext", context));
            var bare = kms.call("Encrypt", Map.of("KeyId", Topics.AES_192, "Plaintext", text(made, "Plaintext")));
            opens(sealed, iv, Map.of("CiphertextBlob", blob, "EncryptionContext", context));
            opens(sealed, iv, Map.of("CiphertextBlob", text(again, "CiphertextBlob"), "EncryptionContext", context));
            opens(sealed, iv, Map.of("CiphertextBlob", text(bare, "CiphertextBlob")));
        }
    }

    private void opens(byte[] sealed, byte[] iv, Map<String, String> encryptedDataKey) throws Exception {
        var dataKey = Base64.getDecoder().decode(text(kms.call("Decrypt", encryptedDataKey), "Plaintext"));
        assertArrayEquals(MESSAGE, cipher(Cipher.DECRYPT_MODE, dataKey, iv).doFinal(sealed));
    }

    private static Cipher cipher(int mode, byte[] key, byte[] iv) throws Exception {
        var cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, iv));
        return cipher;
    }

    private static String text(JsonObject answer, String name) {
        return answer.get(name).getAsString();
    }

    /** It signs by KMS, and verifies by KMS or with the public key. */
    @Test
    void signsAndVerifies() throws Exception {
        var signer = Map.of("KeyId", Contract.RSA_2048_SIGN.id(), "KeyVersionId", Contract.RSA_2048_SIGN.version());
        var in = new HashMap<String, Object>(signer);
        in.put("Algorithm", "RSA_PKCS1_SHA_256");
        in.put("Digest", Base64.getEncoder().encodeToString(new byte[32]));
        in.put("Value", text(kms.call("AsymmetricSign", Map.copyOf(in)), "Value"));
        assertTrue(kms.call("AsymmetricVerify", in).get("Value").getAsBoolean());
        assertTrue(text(kms.call("GetPublicKey", signer), "PublicKey").startsWith("-----BEGIN PUBLIC KEY-----"));
    }
}
