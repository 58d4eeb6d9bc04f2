package conformance;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** What a client has read, a line of JSON each, in the file that CONFORMANCE_EVIDENCE names, for the table that ../run makes of it. */
final class Evidence {
    private static final Set<String> NOTED = ConcurrentHashMap.newKeySet();

    private Evidence() {}

    /** Notes that the client, named by its artifact, has read the answer of an operation. */
    static void answered(String artifact, String operation) {
        note(artifact, "operation", operation);
    }

    /** Notes that the client has told an error by its code. */
    static void refused(String artifact, String code) {
        note(artifact, "error", code);
    }

    private static void note(String artifact, String kind, String name) {
        var file = System.getenv("CONFORMANCE_EVIDENCE");
        if (file == null) {
            return;
        }
        var line = new Gson().toJson(Map.of("client", "com.aliyun:" + artifact, "version", version(artifact), kind, name));
        if (NOTED.add(line)) {
            append(Path.of(file), line);
        }
    }

    private static void append(Path file, String line) {
        try {
            Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String version(String artifact) {
        try (var built = Evidence.class.getResourceAsStream("/META-INF/maven/com.aliyun/" + artifact + "/pom.properties")) {
            var properties = new Properties();
            properties.load(built);
            return properties.getProperty("version");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
