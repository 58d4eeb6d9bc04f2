package conformance;

import com.aliyuncs.AcsRequest;
import com.aliyuncs.CommonRequest;
import com.aliyuncs.DefaultAcsClient;
import com.aliyuncs.exceptions.ClientException;
import com.aliyuncs.http.ProtocolType;
import com.aliyuncs.profile.DefaultProfile;
import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.Map;

/** com.aliyun:aliyun-java-sdk-core and -kms, signature V1. */
final class ClassicKms implements Kms {
    // Answers are plain objects with a field keyId for KeyId.
    private static final Gson GSON = new GsonBuilder().setFieldNamingPolicy(FieldNamingPolicy.UPPER_CAMEL_CASE).create();

    private final String endpoint;
    private final DefaultAcsClient client;

    ClassicKms(String endpoint, String secret) {
        this.endpoint = endpoint;
        client = new DefaultAcsClient(DefaultProfile.getProfile(REGION, ACCESS_KEY_ID, secret));
    }

    @Override
    public JsonObject call(String action, Map<String, ?> parameters) throws Exception {
        if (action.equals("BatchGetSecretValue")) {
            return callYounger(action, parameters);
        }
        Class<?> type = Class.forName("com.aliyuncs.kms.model.v20160120." + action + "Request");
        var request = (AcsRequest<?>) type.getConstructor().newInstance();
        request.setSysEndpoint(endpoint);
        request.setSysProtocol(ProtocolType.HTTP); // else HTTPS, whatever the profile says
        for (var parameter : parameters.entrySet()) {
            set(request, parameter.getKey(), parameter.getValue());
        }
        return GSON.toJsonTree(client.getAcsResponse(request)).getAsJsonObject();
    }

    /** What is younger than the SDK goes by its generic request. */
    private JsonObject callYounger(String action, Map<String, ?> parameters) throws ClientException {
        var request = new CommonRequest();
        request.setSysDomain(endpoint);
        request.setSysProtocol(ProtocolType.HTTP);
        request.setSysVersion("2016-01-20");
        request.setSysAction(action);
        parameters.forEach((name, value) -> request.putQueryParameter(name, value.toString()));
        return JsonParser.parseString(client.getCommonResponse(request).getData()).getAsJsonObject();
    }

    /** Lists have names of their own, and RegionId is the client's. */
    private static void set(AcsRequest<?> request, String name, Object value) throws ReflectiveOperationException {
        if (name.equals("RegionId")) {
            return;
        }
        var setter = "set" + name + (value instanceof List ? "s" : "");
        for (var method : request.getClass().getMethods()) {
            if (method.getName().equals(setter)) {
                method.invoke(request, (Object) GSON.fromJson(GSON.toJson(value), method.getGenericParameterTypes()[0]));
                return;
            }
        }
        throw new NoSuchMethodException(request.getClass() + " has no " + setter);
    }

    @Override
    public Object context(Map<String, ?> pairs) {
        return new Gson().toJson(pairs);
    }

    @Override
    public Refusal refusal(Exception error) {
        var told = (ClientException) error;
        return new Refusal(0, told.getErrCode(), told.getErrMsg(), told.getRequestId());
    }

    /** The SDK says so where the string to sign in the message is its own, to the byte. */
    @Override
    public Expected wrongSecret() {
        return new Expected(0, "SDK.InvalidAccessKeySecret", "Specified Access Key Secret is not valid\\.");
    }

    @Override
    public boolean tellsStatus() {
        return false;
    }

    @Override
    public String artifact() {
        return "aliyun-java-sdk-kms";
    }
}
