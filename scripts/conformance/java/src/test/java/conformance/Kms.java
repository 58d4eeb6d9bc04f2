package conformance;

import com.google.gson.JsonObject;
import java.util.Map;
import java.util.regex.Pattern;

/** An SDK, connected to an endpoint. */
interface Kms {
    String ACCESS_KEY_ID = "testid";
    String REGION = "cn-hangzhou";

    /** Calls an action. Parameters are named as on the wire, and so are the fields that the SDK's model of the answer has. */
    JsonObject call(String action, Map<String, ?> parameters) throws Exception;

    /** Reads what the SDK tells of an error. */
    Refusal refusal(Exception error);

    /** How the SDK tells that the secret is wrong. */
    Refusal wrongSecret();

    /** An error as an SDK tells it; status 0 where it tells none. */
    record Refusal(int status, String code, String message) {
        boolean matches(Refusal pattern) {
            return status == pattern.status && code.equals(pattern.code) && Pattern.compile(pattern.message, Pattern.DOTALL).matcher(message).matches();
        }
    }
}
