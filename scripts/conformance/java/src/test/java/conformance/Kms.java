package conformance;

import com.google.gson.JsonObject;
import java.util.Map;

/** An SDK, connected to an endpoint. */
interface Kms {
    String ACCESS_KEY_ID = "testid";
    String REGION = "cn-hangzhou";

    /**
     * Calls an action. Parameters are named as on the wire, and so are the fields of the answer, as far as the SDK's
     * model has them.
     */
    JsonObject call(String action, Map<String, ?> parameters) throws Exception;

    /** An encryption context as the SDK takes it: an object, or its JSON. */
    Object context(Map<String, ?> pairs);

    /** Reads what the SDK tells of an error. */
    Refusal refusal(Exception error);

    /** Says what the SDK tells when the secret is wrong; the message is a regular expression. */
    Expected wrongSecret();

    /** The artifact that the SDK is, of the group com.aliyun. */
    String artifact();

    /** Whether the SDK tells the HTTP status of an error. */
    boolean tellsStatus();

    /** An error as an SDK tells it; status 0 where it tells none. */
    record Refusal(int status, String code, String message, String requestId) {}

    /** What an error has to be. */
    record Expected(int status, String code, String message) {}
}
