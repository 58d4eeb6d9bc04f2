package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.aliyun.kms20160120.Client;
import com.aliyun.kms20160120.models.GenerateDataKeyRequest;
import com.aliyun.kms20160120.models.ListKeysRequest;
import com.aliyun.tea.TeaException;
import com.aliyun.teaopenapi.models.Config;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The recipe for JUnit 5, as it is printed: with an alikms that it starts, and by two suites at one that runs. */
class RecipeTest {
    private static Client client(alikms.Alikms kms) throws Exception {
        return new Client(new Config()
                .setAccessKeyId(kms.accessKeyId).setAccessKeySecret("any").setRegionId("cn-hangzhou").setEndpoint(kms.endpoint).setProtocol("http"));
    }

    /** The code under test: it tries three times. */
    private static String pay(alikms.Alikms kms) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                return client(kms).generateDataKey(new GenerateDataKeyRequest().setKeyId("alias/demo-aes-256")).getBody().getCiphertextBlob();
            } catch (TeaException refused) {
                if (attempt == 3) {
                    throw refused;
                }
            }
        }
    }

    private static List<String> codes(alikms.Alikms kms) throws Exception {
        return StreamSupport.stream(kms.calls("GenerateDataKey").spliterator(), false)
                .map(call -> call.getAsJsonObject().get("code").getAsString()).toList();
    }

    @Nested
    class StartedByTheRecipe {
        @RegisterExtension
        static final alikms.Alikms kms = new alikms.Alikms();

        @RepeatedTest(10)
        void aThrottledPaymentIsTriedAgain() throws Exception {
            kms.failNext("GenerateDataKey", "Rejected.Throttling");
            kms.failNext("GenerateDataKey", "InternalFailure");
            pay(kms);
            assertEquals(List.of("InternalFailure", "Rejected.Throttling", ""), codes(kms)); // the later fault is in front
            kms.failNext("GenerateDataKey", "InternalFailure");
            kms.reset();
            pay(kms);
            assertEquals(List.of(""), codes(kms));
        }

        @Test
        void whatIsWrongIsSaid() {
            var error = assertThrows(AssertionError.class, () -> kms.failNext("GenerateDatakey", "InternalFailure"));
            assertTrue(error.getMessage().contains("did you mean GenerateDataKey"), error.getMessage());
        }
    }

    @Nested
    class WithAScenario {
        @RegisterExtension
        static final alikms.Alikms kms = new alikms.Alikms();

        @Test
        void itIsLoaded(@TempDir Path folder) throws Exception {
            var scenario = Files.writeString(folder.resolve("scenario.yaml"), "keys: [{keyId: mine, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}]");
            kms.load(scenario);
            var listed = client(kms).listKeys(new ListKeysRequest()).getBody().getKeys().getKey();
            assertEquals(List.of("mine"), listed.stream().map(key -> key.getKeyId()).toList());
        }
    }

    @Nested
    class Shared {
        private static Alikms running;

        @BeforeAll
        static void start() throws Exception {
            running = new Alikms(List.of());
        }

        @AfterAll
        static void stop() throws Exception {
            running.close();
        }

        /** A suite has a test, in which it is throttled once, ten times over. */
        private static List<String> suite() throws Exception {
            var kms = new alikms.Alikms(running.endpoint);
            kms.beforeAll(null);
            for (int turn = 0; turn < 10; turn++) {
                kms.beforeEach(null);
                kms.failNext("GenerateDataKey", "Rejected.Throttling");
                pay(kms);
                assertEquals(List.of("Rejected.Throttling", ""), codes(kms));
                kms.failNext("GenerateDataKey", "InternalFailure");
                kms.afterEach(null);
                pay(kms);
            }
            var codes = codes(kms);
            kms.afterAll(null);
            return codes;
        }

        @Test
        void suitesDoNotMeetEachOthersFaults() throws Exception {
            var threads = Executors.newFixedThreadPool(2);
            for (var codes : threads.invokeAll(List.<Callable<List<String>>>of(Shared::suite, Shared::suite))) {
                assertEquals(List.of("Rejected.Throttling", "", ""), codes.get());
            }
            threads.shutdown();
            assertEquals(0, new alikms.Alikms(running.endpoint).control("GET", "faults", "").getAsJsonArray("faults").size());
        }
    }
}
