package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.aliyun.kms20160120.Client;
import com.aliyuncs.kms.model.v20160120.ListKeysRequest;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What each SDK's request classes have, as the sample programs are written from: kept in a file for each SDK, read off the
 * SDK here. What differs fails, unless UPDATE_MODELS is set, which writes the file.
 */
class ModelsTest {
    private static final Path FOLDER = Path.of("../../../emulator/internal/wiring/models");
    private static final Map<String, String> KINDS = Map.of(
            "java.lang.String", "string", "java.lang.Boolean", "boolean", "java.lang.Integer", "integer", "java.lang.Long", "long",
            "java.util.Map<java.lang.String, ?>", "map", "java.util.List<java.lang.String>", "strings");

    @Test
    void tea() throws Exception {
        var operations = Arrays.stream(Client.class.getMethods()).filter(m -> m.getName().endsWith("WithOptions")).map(ModelsTest::lineOfTea);
        compare("java", operations);
    }

    private static String lineOfTea(Method method) {
        var name = method.getName();
        var operation = name.substring(0, 1).toUpperCase() + name.substring(1, name.length() - "WithOptions".length());
        return method.getParameterCount() == 1 ? operation + " -" : operation + parameters(method.getParameterTypes()[0], "");
    }

    @Test
    void classic() throws Exception {
        var pattern = Pattern.compile("(com/aliyuncs/kms/model/v20160120/(\\w+)Request)\\.class");
        var jar = Path.of(ListKeysRequest.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (var entries = new JarFile(jar.toFile())) {
            compare("java-classic", entries.stream().map(e -> pattern.matcher(e.getName())).filter(m -> m.matches())
                    .map(m -> m.group(2) + parameters(load(m.group(1).replace('/', '.')), "s")));
        }
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    /** The setters of a class by the names of their parameters. That of a list has a suffix. */
    private static String parameters(Class<?> type, String suffix) {
        return Arrays.stream(type.getDeclaredMethods()).filter(m -> m.getName().startsWith("set") && m.getParameterCount() == 1)
                .filter(m -> !m.isBridge() && !kind(m).isEmpty())
                .map(m -> " " + (isList(m) ? m.getName().substring(3).replaceAll(suffix + "$", "") : m.getName().substring(3)) + ":" + kind(m))
                .sorted().collect(Collectors.joining());
    }

    private static boolean isList(Method setter) {
        return setter.getGenericParameterTypes()[0] instanceof ParameterizedType p && p.getRawType() == java.util.List.class;
    }

    /** What the samples call the type that a setter takes; "" where they know no such. */
    private static String kind(Method setter) {
        Type type = setter.getGenericParameterTypes()[0];
        boolean nested = type.getTypeName().startsWith("java.util.List<" + setter.getDeclaringClass().getName() + "$");
        return nested ? "objects" : KINDS.getOrDefault(type.getTypeName(), "");
    }

    private static void compare(String sdk, Stream<String> lines) throws Exception {
        var text = lines.sorted().map(line -> line + "\n").collect(Collectors.joining());
        var path = FOLDER.resolve(sdk + ".txt");
        if (System.getenv("UPDATE_MODELS") != null) {
            Files.writeString(path, text);
        }
        assertEquals(Files.readString(path), text, path + " is not what the SDK has (UPDATE_MODELS=1 writes it)");
    }
}
