package conformance

import (
	"encoding/json"
	"reflect"
	"strings"
)

// ownPolicy lets the key's own account do all, as the vendor's page
// "SetKeyPolicy" has it.
const ownPolicy = `{"Version":"1","Statement":[{"Sid":"Enable RAM User Permissions","Effect":"Allow","Principal":{"RAM":["acs:ram::` + account + `:*"]},"Action":["kms:*"],"Resource":["*"]}]}`

const otherPolicy = `{"Version":"1","Statement":[{"Sid":"测试消息","Effect":"Allow","Principal":{"RAM":["acs:ram::9999999999999999:*"]},"Action":["kms:Encrypt","kms:Decrypt"],"Resource":["*"]}]}`

func keyPolicies(c *conversation) {
	id := c.newKey(parameters{"DKMSInstanceId": instance})
	equal(c.t, "DKMSInstanceId", c.metadata(id).text("DKMSInstanceId"), instance)
	equalPolicies(c, id, ownPolicy)
	c.call("SetKeyPolicy", parameters{"KeyId": id, "PolicyName": "default", "Policy": otherPolicy})
	equalPolicies(c, id, otherPolicy)
	symmetricRoundTrip(c, id, id, "测试消息", nil) // the key's own account needs no policy
	made := c.newKey(parameters{"DKMSInstanceId": instance, "Policy": otherPolicy})
	equalPolicies(c, made, otherPolicy)
}

// equalPolicies compares what they say, not how they are written.
func equalPolicies(c *conversation, id, want string) {
	c.t.Helper()
	got := c.call("GetKeyPolicy", parameters{"KeyId": id, "PolicyName": "default"}).text("Policy")
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		c.t.Fatalf("Policy %q: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		c.t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		c.t.Errorf("Policy:\ngot  %s\nwant %s", got, want)
	}
}

func keyPolicyRefusals(c *conversation) []refusedCall {
	shared, id, pending := c.newKey(nil), c.newKey(parameters{"DKMSInstanceId": instance}), c.newKey(parameters{"DKMSInstanceId": instance})
	c.call("ScheduleKeyDeletion", parameters{"KeyId": pending, "PendingWindowInDays": 7})
	unsupported := refusal{400, "Forbidden.KeyPolicyUnSupported", "The specified key does not support key policy."}
	set := parameters{"KeyId": id, "Policy": ownPolicy}
	all := []refusedCall{
		{"GetKeyPolicy of a key without instance", unsupported, "GetKeyPolicy", parameters{"KeyId": shared}},
		{"GetKeyPolicy without KeyId", missing("KeyId"), "GetKeyPolicy", nil},
		{"GetKeyPolicy of an unknown key", keyNotFound, "GetKeyPolicy", parameters{"KeyId": "unknown"}},
		{"GetKeyPolicy of another name", invalid("PolicyName"), "GetKeyPolicy", parameters{"KeyId": id, "PolicyName": "other"}},
		{"SetKeyPolicy of a key without instance", unsupported, "SetKeyPolicy", set.and(parameters{"KeyId": shared})},
		{"SetKeyPolicy without Policy", missing("Policy"), "SetKeyPolicy", parameters{"KeyId": id}},
		{"SetKeyPolicy of an unknown key", keyNotFound, "SetKeyPolicy", set.and(parameters{"KeyId": "unknown"})},
		{"SetKeyPolicy of a key PendingDeletion", pendingDeletion, "SetKeyPolicy", set.and(parameters{"KeyId": pending})},
		{"CreateKey with a policy and no instance", unsupported, "CreateKey", parameters{"Policy": ownPolicy}},
		{"CreateKey in an unknown instance", instanceNotFound, "CreateKey", parameters{"DKMSInstanceId": "kst-hzz65f176a0ogplgq9999"}},
	}
	for what, policy := range map[string]string{
		"that is no JSON":         `{"Version"`,
		"of another version":      strings.Replace(ownPolicy, `"1"`, `"2"`, 1),
		"about another resource":  strings.Replace(ownPolicy, `"Resource":["*"]`, `"Resource":["acs:kms:*:*:key/*"]`, 1),
		"with a condition":        strings.Replace(ownPolicy, `"Effect"`, `"Condition":{},"Effect"`, 1),
		"with a Sid of 129":       strings.Replace(ownPolicy, "Enable RAM User Permissions", strings.Repeat("s", 129), 1),
		"of more than 32768 byte": strings.Replace(ownPolicy, `"kms:*"`, `"kms:*"`+strings.Repeat(`,"kms:*"`, 5000), 1),
	} {
		all = append(all, refusedCall{"SetKeyPolicy " + what, invalid("Policy"), "SetKeyPolicy", set.and(parameters{"Policy": policy})})
	}
	return all
}
