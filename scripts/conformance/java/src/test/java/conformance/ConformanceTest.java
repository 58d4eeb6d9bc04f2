package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Each SDK, with an alikms that serves any caller, and with one that verifies signatures. */
class ConformanceTest {
    @Nested
    class TeaOfAnyCaller extends Contract {
        TeaOfAnyCaller() {
            super(TeaKms::new, List.of());
        }
    }

    @Nested
    class TeaOfVerifiedCallers extends Verified {
        TeaOfVerifiedCallers() {
            super(TeaKms::new);
        }
    }

    @Nested
    class ClassicOfAnyCaller extends Contract {
        ClassicOfAnyCaller() {
            super(ClassicKms::new, List.of());
        }
    }

    @Nested
    class ClassicOfVerifiedCallers extends Verified {
        ClassicOfVerifiedCallers() {
            super(ClassicKms::new);
        }
    }

    abstract static class Verified extends Contract {
        Verified(Connector connector) {
            super(connector, List.of("--credential", Kms.ACCESS_KEY_ID + ":" + SECRET));
        }

        @Test
        void tellsWhenTheSecretIsWrong() throws Exception {
            var stranger = connect("wrong");
            var refusal = refusalOf(stranger, "ListKeys", Map.of());
            var expected = stranger.wrongSecret();
            assertEquals(expected.status(), refusal.status());
            assertEquals(expected.code(), refusal.code());
            assertTrue(refusal.message().matches(expected.message()), refusal.message());
        }
    }
}
