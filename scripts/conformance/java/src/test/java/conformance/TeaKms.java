package conformance;

import com.aliyun.kms20160120.Client;
import com.aliyun.tea.TeaException;
import com.aliyun.tea.TeaModel;
import com.aliyun.teaopenapi.models.Config;
import com.aliyun.teaopenapi.models.OpenApiRequest;
import com.aliyun.teaopenapi.models.Params;
import com.aliyun.teautil.models.RuntimeOptions;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Pattern;

/** com.aliyun:kms20160120, signature V3. */
final class TeaKms implements Kms {
    private static final Pattern MESSAGE = Pattern.compile("code: (\\d+), (.*) request id: (\\S+)", Pattern.DOTALL);

    private final Client client;

    TeaKms(String endpoint, String secret) throws Exception {
        client = new Client(new Config()
                .setAccessKeyId(ACCESS_KEY_ID).setAccessKeySecret(secret).setRegionId(REGION).setEndpoint(endpoint).setProtocol("http"));
    }

    @Override
    public JsonObject call(String action, Map<String, ?> parameters) throws Exception {
        if (action.equals("BatchGetSecretValue")) {
            return callYounger(action, parameters);
        }
        String method = action.substring(0, 1).toLowerCase() + action.substring(1);
        try {
            Object response = takesRequest(method) ? send(method, action, parameters) : Client.class.getMethod(method).invoke(client);
            TeaModel body = (TeaModel) response.getClass().getMethod("getBody").invoke(response);
            return new Gson().toJsonTree(body.toMap()).getAsJsonObject();
        } catch (InvocationTargetException e) {
            throw (Exception) e.getCause();
        }
    }

    /** What is younger than the SDK goes by its generic call. */
    private JsonObject callYounger(String action, Map<String, ?> parameters) throws Exception {
        var how = new Params().setAction(action).setVersion("2016-01-20").setProtocol("HTTP").setPathname("/").setMethod("POST")
                .setAuthType("AK").setStyle("RPC").setReqBodyType("formData").setBodyType("json");
        var request = new OpenApiRequest().setQuery(com.aliyun.openapiutil.Client.query(parameters));
        return new Gson().toJsonTree(client.callApi(how, request, new RuntimeOptions()).get("body")).getAsJsonObject();
    }

    /** Actions without parameters have no request. */
    private static boolean takesRequest(String method) {
        return Arrays.stream(Client.class.getMethods()).noneMatch(m -> m.getName().equals(method) && m.getParameterCount() == 0);
    }

    private Object send(String method, String action, Map<String, ?> parameters) throws ReflectiveOperationException {
        Class<?> type = Class.forName("com.aliyun.kms20160120.models." + action + "Request");
        TeaModel request = TeaModel.build(parameters, (TeaModel) type.getConstructor().newInstance());
        return Client.class.getMethod(method, type).invoke(client, request);
    }

    @Override
    public Object context(Map<String, ?> pairs) {
        return pairs;
    }

    @Override
    public Refusal refusal(Exception error) {
        var told = (TeaException) error;
        var parts = MESSAGE.matcher(told.getMessage());
        if (!parts.matches() || !parts.group(1).equals(told.getStatusCode().toString())) {
            throw new AssertionError("the message has another form, or another status than " + told.getStatusCode(), told);
        }
        return new Refusal(told.getStatusCode(), told.getCode(), parts.group(2), parts.group(3));
    }

    @Override
    public Expected wrongSecret() {
        return new Expected(400, "SignatureDoesNotMatch",
                "Specified signature does not match our calculation\\. server StringToSign is \\[ACS3-HMAC-SHA256\n[0-9a-f]{64}]");
    }

    @Override
    public boolean tellsStatus() {
        return true;
    }

    @Override
    public String artifact() {
        return "kms20160120";
    }
}
