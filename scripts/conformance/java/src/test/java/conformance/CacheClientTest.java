package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.aliyuncs.kms.secretsmanager.client.SecretCacheClient;
import com.aliyuncs.kms.secretsmanager.client.SecretCacheClientBuilder;
import com.aliyuncs.kms.secretsmanager.client.cache.CacheSecretStoreStrategy;
import com.aliyuncs.kms.secretsmanager.client.cache.FileCacheSecretStoreStrategy;
import com.aliyuncs.kms.secretsmanager.client.cache.MemoryCacheSecretStoreStrategy;
import com.aliyuncs.kms.secretsmanager.client.exception.CacheSecretException;
import com.aliyuncs.kms.secretsmanager.client.model.RegionInfo;
import com.aliyuncs.kms.secretsmanager.client.service.BaseSecretManagerClientBuilder;
import com.aliyuncs.kms.secretsmanager.client.service.FullJitterBackoffStrategy;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The vendor's cache client for secrets, com.aliyun:alibabacloud-secretsmanager-client. It speaks HTTPS and does not check
 * the certificate.
 */
class CacheClientTest {
    private static final String NAME = "app/db";
    private static final String FIRST = "p@ss & <wörd>; 测试消息";

    @TempDir Path cache;
    @TempDir Path emptyCache;

    private final List<SecretCacheClient> clients = new ArrayList<>();
    private Alikms alikms;

    @BeforeEach
    void start() throws Exception {
        alikms = new Alikms(List.of("--credential", "testid:testsecret"));
        change("CreateSecret", "v1", FIRST);
    }

    @AfterEach
    void stop() throws Exception {
        for (var client : clients) {
            client.close();
        }
        alikms.close();
    }

    /** A client as an application makes one, with a file cache that it reads when it starts. It waits milliseconds between attempts. */
    private SecretCacheClient connect(Path cache) throws Exception {
        return connect(new FileCacheSecretStoreStrategy(cache.toString(), true, "salt"), 0);
    }

    private SecretCacheClient connect(CacheSecretStoreStrategy cache, long ttl) throws Exception {
        var kms = BaseSecretManagerClientBuilder.standard().withAccessKey("testid", "testsecret")
                .addRegion(new RegionInfo("cn-hangzhou", alikms.secure))
                .withBackoffStrategy(new FullJitterBackoffStrategy(5, 1, 10)).build();
        var builder = SecretCacheClientBuilder.newCacheClientBuilder(kms).withCacheSecretStrategy(cache);
        if (ttl > 0) {
            builder.withSecretTTL(NAME, ttl);
        }
        var client = builder.build();
        clients.add(client);
        return client;
    }

    private SecretCacheClient connect() throws Exception {
        return connect(cache);
    }

    private JsonObject control(String method, String path, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://" + alikms.endpoint + "/_emulator/" + path))
                .method(method, HttpRequest.BodyPublishers.ofString(body)).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer.body());
        return JsonParser.parseString(answer.body()).getAsJsonObject();
    }

    /** Does what an operator does; the client only reads. */
    private void change(String operation, String version, String value) throws Exception {
        var parameters = Map.of("SecretName", NAME, "VersionId", version, "SecretData", value);
        var body = new Gson().toJson(Map.of("operation", operation, "accessKeyId", "testid", "parameters", parameters));
        assertEquals(200, control("POST", "try", body).get("status").getAsInt());
        control("DELETE", "requests?operation=" + operation, "");
    }

    private void fault(String action) throws Exception {
        control("PUT", "faults/unwell", "{match: {operation: GetSecretValue}, " + action + "}");
    }

    private static void mustRead(SecretCacheClient client, String version, String value) throws Exception {
        var got = client.getSecretInfo(NAME);
        assertEquals(List.of(version, value, "text"), List.of(got.getVersionId(), got.getSecretValue(), got.getSecretDataType()));
    }

    /** Those of the calls since the last time, which have to be signed rightly; "" is an answer. */
    private List<String> codes() throws Exception {
        var codes = new ArrayList<String>();
        for (var one : control("DELETE", "requests", "").getAsJsonArray("requests")) {
            var call = one.getAsJsonObject();
            assertEquals("GetSecretValue", call.get("operation").getAsString());
            assertTrue(call.get("verified").getAsBoolean(), call.toString());
            if (call.get("status").getAsInt() == 200) {
                Evidence.answered("alibabacloud-secretsmanager-client", "GetSecretValue");
            }
            codes.add(call.get("code").getAsString());
        }
        return codes;
    }

    @Test
    void readsOnceAndThenFromItsCache() throws Exception {
        var client = connect();
        for (int i = 0; i < 3; i++) {
            mustRead(client, "v1", FIRST);
        }
        assertEquals(List.of(""), codes());
    }

    @Test
    void refreshesWhenToldTo() throws Exception {
        var client = connect();
        mustRead(client, "v1", FIRST);
        change("PutSecretValue", "v2", "second");
        mustRead(client, "v1", FIRST);
        assertTrue(client.refreshNow(NAME));
        mustRead(client, "v2", "second");
    }

    /** In memory: two refreshes at once would write the same file. */
    @Test
    void refreshesByItself() throws Exception {
        var client = connect(new MemoryCacheSecretStoreStrategy(), 200);
        change("PutSecretValue", "v2", "second");
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!client.getSecretInfo(NAME).getVersionId().equals("v2")) {
            assertTrue(System.nanoTime() < limit, "it still has the first version");
        }
    }

    @Test
    void survivesAThrottleAndAnOutage() throws Exception {
        for (int turn = 1; ; turn++) {
            fault("script: [{error: Rejected.Throttling}, {error: ServiceUnavailableTemporary}, {error: InternalFailure}]");
            var failure = failureOf(connect(emptyCache.resolve("turn-" + turn)));
            assertEquals(List.of("Rejected.Throttling", "ServiceUnavailableTemporary", "InternalFailure", ""), codes());
            if (failure.isEmpty()) {
                return;
            }
            assertTrue(failure.contains("SDK.ReadTimeout") && turn < 20, failure);
        }
    }

    /**
     * What a first read fails with, or "". A retry of the client says that it has the answer before it gives it; where the client looks in between,
     * it tells of an SDK.ReadTimeout.
     */
    private static String failureOf(SecretCacheClient client) throws Exception {
        try {
            mustRead(client, "v1", FIRST);
            return "";
        } catch (CacheSecretException e) {
            return String.valueOf(e.getMessage());
        }
    }

    @Test
    void keepsItsValueOverAResetConnection() throws Exception {
        var client = connect();
        mustRead(client, "v1", FIRST);
        change("PutSecretValue", "v2", "second");
        fault("script: [{connection: reset, times: 2}]");
        for (int i = 0; i < 10 && !client.refreshNow(NAME); i++) {
            mustRead(client, "v1", FIRST);
        }
        mustRead(client, "v2", "second");
        assertTrue(codes().size() > 2, "nothing was reset");
    }

    @Test
    void fallsBackToItsFileWhenTheServiceIsOut() throws Exception {
        mustRead(connect(), "v1", FIRST);
        fault("error: ServiceUnavailableTemporary");
        change("PutSecretValue", "v2", "second");
        mustRead(connect(), "v1", FIRST); // a new process of the application
        assertEquals(List.of(""), codes());
        var stranger = connect(emptyCache);
        assertThrows(CacheSecretException.class, () -> stranger.getSecretInfo(NAME));
        assertFalse(codes().isEmpty());
    }
}
