package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** alikms as a process, with its built-in keys, on a free port. */
final class Alikms implements AutoCloseable {
    private final Path folder;
    private final Process process;

    /** host:port */
    final String endpoint;

    /** host:port for HTTPS */
    final String secure;

    Alikms(List<String> flags) throws Exception {
        folder = Files.createTempDirectory("alikms-conformance-");
        process = start(flags);
        var addresses = awaitReady();
        endpoint = addresses.get("http").getAsString();
        secure = addresses.get("https").getAsString();
    }

    private Process start(List<String> flags) throws IOException {
        var binary = Objects.requireNonNull(System.getenv("ALIKMS_BINARY"), "ALIKMS_BINARY has to name the binary; scripts/conformance/run builds one");
        var command = new ArrayList<>(List.of(binary,
                "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--ready-file", ready().toString(), "--ephemeral"));
        command.addAll(flags);
        var builder = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(log().toFile());
        // They are settings of alikms, which refuses those it does not know.
        builder.environment().keySet().removeIf(name -> name.startsWith("ALIKMS_"));
        return builder.start();
    }

    private Path ready() {
        return folder.resolve("ready.json");
    }

    private Path log() {
        return folder.resolve("log");
    }

    /** Waits for the ready file, which appears whole or not at all. */
    private JsonObject awaitReady() throws Exception {
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!Files.exists(ready())) {
            if (System.nanoTime() > limit || process.waitFor(2, TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("alikms was not ready within 30 s, or ended before:\n" + Files.readString(log()));
            }
        }
        return JsonParser.parseString(Files.readString(ready())).getAsJsonObject();
    }

    /** Stops alikms, which has to end with exit code 0 and without an internal failure in its log. */
    @Override
    public void close() throws Exception {
        process.destroy(); // SIGTERM
        boolean ended = process.waitFor(30, TimeUnit.SECONDS);
        process.destroyForcibly();
        String text = Files.readString(log());
        assertTrue(ended, "alikms did not stop within 30 s of SIGTERM");
        assertEquals(0, process.exitValue(), text);
        assertFalse(text.contains("level=ERROR"), text);
        Files.deleteIfExists(ready());
        Files.delete(log());
        Files.delete(folder);
    }
}
