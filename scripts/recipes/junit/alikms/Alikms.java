package alikms;

import com.google.gson.*;
import java.net.URI;
import java.net.http.*;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.*;
import java.util.*;
import org.junit.jupiter.api.extension.*;

/**
 * alikms in JUnit 5: put this file among your tests, and into a class: @RegisterExtension static final Alikms kms = new Alikms(); Tests point
 * their SDK at kms.endpoint (protocol http) with kms.accessKeyId and any secret. The alikms is started from ALIKMS_BINARY, or from the PATH.
 * With ALIKMS_ENDPOINT=host:port classes share one that runs: faults and calls are told apart by AccessKeyId.
 */
public final class Alikms implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {
    private final Deque<String> faults = new ArrayDeque<>();
    private final boolean shared;
    private Process server;
    public String endpoint, accessKeyId;

    public Alikms() { this(System.getenv("ALIKMS_ENDPOINT")); }
    public Alikms(String endpoint) { this.endpoint = endpoint; shared = endpoint != null; }
    public JsonObject control(String method, String path, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://" + endpoint + "/_emulator/" + path)).method(method, BodyPublishers.ofString(body));
        var answer = HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new AssertionError(method + " " + path + ": " + answer.body());
        return JsonParser.parseString(answer.body()).getAsJsonObject();
    }
    public void load(Path file) throws Exception { control("PUT", "scenario", Files.readString(file)); } // from now on, for all who share the alikms
    public void failNext(String operation, String error) throws Exception {
        var rule = "{match: {operation: %s, accessKeyId: %s}, script: [{error: %s}]}".formatted(operation, accessKeyId, error);
        faults.push(control("PUT", "faults/" + accessKeyId + "." + faults.size(), rule).get("name").getAsString());
    }
    public JsonArray calls(String operation) throws Exception {
        return control("GET", "requests?accessKeyId=" + accessKeyId + "&operation=" + operation, "").getAsJsonArray("requests");
    }
    public void reset() throws Exception { // of one that is shared, only what this test put there
        if (!shared) control("POST", "reset", "");
        for (; !faults.isEmpty(); faults.pop()) if (shared) control("DELETE", "faults/" + faults.peek(), "");
    }
    private static Process run(String... arguments) throws Exception {
        var command = new ArrayList<>(List.of(arguments));
        command.add(0, Objects.requireNonNullElse(System.getenv("ALIKMS_BINARY"), "alikms"));
        var program = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.INHERIT);
        program.environment().keySet().removeIf(name -> name.startsWith("ALIKMS_"));
        return program.start();
    }
    @Override public void beforeAll(ExtensionContext context) throws Exception {
        if (shared) return;
        var ready = Files.createTempDirectory("alikms-").resolve("ready.json").toString();
        server = run("--ephemeral", "--listen=127.0.0.1:0", "--listen-tls=", "--ready-file", ready);
        if (run("wait", "--ready-file", ready).waitFor() != 0) throw new AssertionError("alikms does not start");
        endpoint = JsonParser.parseString(Files.readString(Path.of(ready))).getAsJsonObject().get("http").getAsString();
    }
    @Override public void beforeEach(ExtensionContext context) { accessKeyId = "test-" + UUID.randomUUID(); }
    @Override public void afterEach(ExtensionContext context) throws Exception { reset(); }
    @Override public void afterAll(ExtensionContext context) { if (server != null) server.destroy(); }
}
