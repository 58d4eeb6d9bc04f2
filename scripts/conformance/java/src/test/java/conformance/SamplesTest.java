package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonSyntaxException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The sample programs that alikms writes, one of every operation: they have to compile, together, and each is to be answered as
 * ../samples/calls.json says. What arrives is what was asked for, to the byte.
 */
class SamplesTest {
    private static final List<String> FLAGS = List.of("--fixture", "../../../fixtures/default.yaml",
            "--fixture", "../samples/scenario.yaml", "--credential", "testid:testsecret");

    private final HttpClient http = HttpClient.newHttpClient();
    private final JsonObject table;
    private String endpoint;

    @TempDir
    Path folder;

    SamplesTest() throws Exception {
        table = JsonParser.parseString(Files.readString(Path.of("../samples/calls.json"))).getAsJsonObject();
    }

    @ParameterizedTest
    @ValueSource(strings = {"java", "java-classic"})
    void areAnswered(String sdk) throws Exception {
        try (var alikms = new Alikms(FLAGS)) {
            endpoint = alikms.endpoint;
            var calls = calls(false);
            var files = new ArrayList<String>();
            for (var call : calls.entrySet()) {
                files.add(write(call.getKey() + "Sample", program(sdk, call.getKey(), call.getValue())));
            }
            for (var call : calls(true).entrySet()) { // these only compile
                var name = call.getKey() + "Sample";
                files.add(write("Complete" + name, program(sdk, call.getKey(), call.getValue()).replace("class " + name, "class Complete" + name)));
            }
            try (var compiled = compile(files)) {
                for (var call : calls.entrySet()) {
                    check(compiled.loadClass(call.getKey() + "Sample"), call.getKey(), call.getValue());
                }
            }
        }
    }

    private String program(String sdk, String operation, Map<String, String> parameters) throws Exception {
        var query = new StringBuilder("sample?sdk=" + sdk + "&operation=" + operation);
        parameters.forEach((name, value) -> query.append('&').append(name).append('=').append(encoded(value)));
        return control("GET", query.toString());
    }

    private String write(String name, String text) throws Exception {
        return Files.writeString(folder.resolve(name + ".java"), text).toString();
    }

    private static String encoded(String value) {
        return URLEncoder.encode(value, StandardCharsets.UTF_8);
    }

    private String control(String method, String path) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://" + endpoint + "/_emulator/" + path)).method(method, HttpRequest.BodyPublishers.noBody());
        var answer = http.send(request.build(), BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer.body());
        return answer.body();
    }

    /** The calls of all operations: what each requires, and what the table has for it; or else with every parameter. */
    private Map<String, Map<String, String>> calls(boolean complete) throws Exception {
        var all = new LinkedHashMap<String, Map<String, String>>();
        for (var element : JsonParser.parseString(control("GET", "operations")).getAsJsonObject().getAsJsonArray("operations")) {
            var operation = element.getAsJsonObject();
            var name = operation.get("name").getAsString();
            var parameters = new LinkedHashMap<String, String>();
            for (var detail : operation.getAsJsonArray("details")) {
                for (var parameter : names(detail.getAsJsonObject())) {
                    var value = value(name, parameter, detail.getAsJsonObject());
                    if (value != null) {
                        parameters.put(parameter, value.getAsString());
                    } else if (complete && !detail.getAsJsonObject().has("notEmulated")) {
                        parameters.put(parameter, any(detail.getAsJsonObject()));
                    }
                }
            }
            all.put(name, parameters);
        }
        return all;
    }

    /** Those of a parameter on the wire; of a list, of its first element. */
    private static List<String> names(JsonObject detail) {
        var name = detail.get("name").getAsString();
        var elements = detail.get("elements");
        var all = new ArrayList<String>();
        for (var element : elements == null ? new JsonArray() : elements.getAsJsonArray()) {
            var field = element.getAsJsonObject().get("name").getAsString();
            all.add(name + ".1" + (field.isEmpty() ? "" : "." + field));
        }
        return elements == null ? List.of(name) : all;
    }

    private JsonElement value(String operation, String name, JsonObject detail) {
        var values = table.getAsJsonObject("parameters");
        var own = values.get(operation + "." + name);
        if (own != null || !detail.has("required")) {
            return own;
        }
        return values.has(name) || !detail.has("oneOf") ? values.get(name) : detail.getAsJsonArray("oneOf").get(0);
    }

    /** A value of a parameter's type. */
    private static String any(JsonObject detail) {
        if (detail.has("oneOf")) {
            return detail.getAsJsonArray("oneOf").get(0).getAsString();
        }
        return switch (detail.get("type").getAsString()) {
            case "integer" -> "7";
            case "boolean" -> "true";
            case "json" -> "{\"a\": \"b\"}";
            case "bytes" -> "YQ==";
            default -> "a";
        };
    }

    /** Compiles all programs at once, as a project would. */
    private URLClassLoader compile(List<String> files) throws Exception {
        var compiler = ToolProvider.getSystemJavaCompiler();
        var manager = compiler.getStandardFileManager(null, null, null);
        var said = new StringWriter();
        var options = List.of("-d", folder.toString(), "-classpath", System.getProperty("java.class.path"), "-encoding", "US-ASCII", "-proc:none");
        assertTrue(compiler.getTask(said, manager, null, options, null, manager.getJavaFileObjectsFromStrings(files)).call(), said.toString());
        return new URLClassLoader(new URL[] {folder.toUri().toURL()});
    }

    private void check(Class<?> program, String operation, Map<String, String> parameters) throws Exception {
        var refused = table.getAsJsonObject("refused").get(operation);
        int status = refused == null ? 200 : refused.getAsInt();
        var printed = new ByteArrayOutputStream();
        var out = System.out;
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        Throwable failure = null;
        try {
            program.getMethod("main", String[].class).invoke(null, (Object) new String[0]);
        } catch (InvocationTargetException e) {
            failure = e.getCause();
        } finally {
            System.setOut(out);
        }
        if (status == 200) {
            assertNull(failure, operation);
            assertTrue(printed.toString(StandardCharsets.UTF_8).matches("(?is).*\"requestId\".*"), operation + ": " + printed);
        } else {
            assertNotNull(failure, operation);
        }
        compare(operation, status, parameters);
    }

    private void compare(String operation, int status, Map<String, String> parameters) throws Exception {
        var requests = JsonParser.parseString(control("DELETE", "requests")).getAsJsonObject().getAsJsonArray("requests");
        assertEquals(1, requests.size(), operation);
        var request = requests.get(0).getAsJsonObject();
        assertEquals(status, request.get("status").getAsInt(), operation);
        parameters.forEach((name, want) -> {
            var got = request.getAsJsonObject("parameters").get(name).getAsString();
            assertTrue(same(got, want), operation + ": " + name + " arrived as " + got + ", want " + want);
        });
    }

    /** How the journal tells the size of a value, that of what it is the base64 of. */
    private static String size(String value) {
        var bytes = value.getBytes(StandardCharsets.UTF_8);
        try {
            return "(" + Base64.getDecoder().decode(bytes).length + " bytes)";
        } catch (IllegalArgumentException e) {
            return "(" + bytes.length + " bytes)";
        }
    }

    /** Compares what the journal has, which is a size where that is secret or long. SDKs write the same JSON in other ways. */
    private static boolean same(String got, String want) {
        if (got.equals(want) || got.equals(size(want))) {
            return true;
        }
        try {
            return want.startsWith("{") && JsonParser.parseString(got).equals(JsonParser.parseString(want));
        } catch (JsonSyntaxException e) {
            return false;
        }
    }
}
