package conformance

import (
	"encoding/json"
	"slices"
	"strings"
)

// Secrets of type Generic, from the first version to the end of the recovery window.

const secretText = "p@ss & <wörd>; 测试消息\n\"quoted\""

func secret(name string) parameters { return parameters{"SecretName": name} }

func newSecret(name string) parameters {
	return secret(name).and(parameters{"VersionId": "v1", "SecretData": secretText})
}

func secrets(c *conversation) {
	made := c.call("CreateSecret", newSecret("app/db").and(parameters{"Description": "测试", "Tags": `[{"TagKey":"team","TagValue":"a"}]`}))
	equal(c.t, "Arn", made.text("Arn"), arn+"secret/app/db")
	equal(c.t, "SecretType", made.text("SecretType"), "Generic")
	equalValue(c, secret("app/db"), "v1", secretText)
	secretVersions(c)
	secretStages(c)
	secretMetadata(c)
	secretTags(c)
	secretsOfAKey(c)
	secretsInABatch(c)
	secretPolicies(c)
	secretDeletion(c)
	password := c.call("GetRandomPassword", parameters{"PasswordLength": "20", "ExcludePunctuation": "true"}).text("RandomPassword")
	equal(c.t, "the length of the password", len(password), 20)
}

// equalValue reads a value and compares it, and the version that it is of.
func equalValue(c *conversation, in parameters, version, want string) {
	c.t.Helper()
	got := c.call("GetSecretValue", in.and(parameters{"FetchExtendedConfig": true}))
	equal(c.t, "SecretData", got.text("SecretData"), want)
	equal(c.t, "VersionId", got.text("VersionId"), version)
	equal(c.t, "SecretDataType", got.text("SecretDataType"), "text")
}

func secretVersions(c *conversation) {
	put := secret("app/db").and(parameters{"VersionId": "v2", "SecretData": "second"})
	c.call("PutSecretValue", put)
	c.call("PutSecretValue", put) // the same again is no error
	equalValue(c, secret("app/db"), "v2", "second")
	equalValue(c, secret("app/db").and(parameters{"VersionStage": "ACSPrevious"}), "v1", secretText)
	c.call("PutSecretValue", secret("app/db").and(parameters{"VersionId": "v3", "SecretData": "third", "VersionStages": `["next"]`}))
	equalValue(c, secret("app/db").and(parameters{"VersionStage": "next"}), "v3", "third")
	equalValue(c, secret(arn+"secret/app/db"), "v2", "second")
}

func secretStages(c *conversation) {
	c.call("UpdateSecretVersionStage", secret("app/db").and(parameters{"VersionStage": "ACSCurrent", "MoveToVersion": "v3"}))
	equalStages(c, map[string][]string{"v3": {"ACSCurrent", "next"}, "v2": {"ACSPrevious"}})
	c.call("UpdateSecretVersionStage", secret("app/db").and(parameters{"VersionStage": "next", "RemoveFromVersion": "v3"}))
	equalStages(c, map[string][]string{"v3": {"ACSCurrent"}, "v2": {"ACSPrevious"}})
	all := c.call("ListSecretVersionIds", secret("app/db").and(parameters{"IncludeDeprecated": "true"})).at("VersionIds").list("VersionId")
	equal(c.t, "versions with those that have no stage", len(all), 3)
}

func equalStages(c *conversation, want map[string][]string) {
	c.t.Helper()
	versions := c.call("ListSecretVersionIds", secret("app/db")).at("VersionIds").list("VersionId")
	equal(c.t, "versions with a stage", len(versions), len(want))
	for _, v := range versions {
		stages, _ := v.at("VersionStages")["VersionStage"].([]any)
		var got []string
		for _, stage := range stages {
			got = append(got, stage.(string))
		}
		if !slices.Equal(got, want[v.text("VersionId")]) {
			c.t.Errorf("stages of %s: got %v, want %v", v.text("VersionId"), got, want[v.text("VersionId")])
		}
	}
}

func secretMetadata(c *conversation) {
	c.call("UpdateSecret", secret("app/db").and(parameters{"Description": "other"}))
	got := c.call("DescribeSecret", secret("app/db").and(parameters{"FetchTags": "true"}))
	equal(c.t, "Description", got.text("Description"), "other")
	equal(c.t, "the tag", got.at("Tags").list("Tag")[0].text("TagValue"), "a")
	listed := c.call("ListSecrets", parameters{"Filters": `[{"Key":"SecretName","Values":["app/"]}]`, "FetchTags": "true"})
	equal(c.t, "secrets of the name", len(listed.at("SecretList").list("Secret")), 1)
}

func secretTags(c *conversation) {
	c.call("TagResource", secret("app/db").and(parameters{"Tags": `[{"TagKey":"stage","TagValue":"test"}]`}))
	c.call("UntagResource", secret("app/db").and(parameters{"TagKeys": `["team"]`}))
	of := parameters{"RegionId": region, "ResourceType": "secret", "ResourceId": []string{"app/db"}}
	c.call("TagResources", of.and(parameters{"Tag": pairs("more", "yes")}))
	c.call("UntagResources", of.and(parameters{"TagKey": []string{"more"}}))
	tagged := c.call("ListTagResources", of).at("TagResources").list("TagResource")
	equal(c.t, "tags", len(tagged), 1)
	equal(c.t, "TagKey", tagged[0].text("TagKey"), "stage")
	equal(c.t, "ResourceType", tagged[0].text("ResourceType"), "secret")
}

// secretsOfAKey: a secret is read as long as its key can decrypt.
func secretsOfAKey(c *conversation) {
	key := c.newKey(nil)
	c.call("CreateSecret", newSecret("app/own-key").and(parameters{"EncryptionKeyId": key}))
	equal(c.t, "EncryptionKeyId", c.call("DescribeSecret", secret("app/own-key")).text("EncryptionKeyId"), key)
	c.call("DisableKey", parameters{"KeyId": key})
	c.refuse(disabled, "GetSecretValue", secret("app/own-key"))
	c.call("EnableKey", parameters{"KeyId": key})
	equalValue(c, secret("app/own-key"), "v1", secretText)
}

func secretsInABatch(c *conversation) {
	list, _ := json.Marshal([]parameters{secret("app/db"), secret("app/nobody's"), secret("app/own-key")})
	got := c.call("BatchGetSecretValue", parameters{"SecretsList": string(list)})
	equal(c.t, "values", len(got.list("SecretValues")), 2)
	equal(c.t, "SecretData", got.list("SecretValues")[1].text("SecretData"), secretText)
	refused := got.list("Errors")
	equal(c.t, "errors", len(refused), 1)
	equal(c.t, "SecretName", refused[0].text("SecretName"), "app/nobody's")
	equal(c.t, "Code", refused[0].text("Code"), secretNotFound.code)
}

func secretPolicies(c *conversation) {
	key := c.newKey(parameters{"DKMSInstanceId": instance})
	c.call("CreateSecret", newSecret("app/in-instance").and(parameters{"DKMSInstanceId": instance, "EncryptionKeyId": key}))
	c.call("SetSecretPolicy", secret("app/in-instance").and(parameters{"PolicyName": "default", "Policy": otherSecretPolicy}))
	got := c.call("GetSecretPolicy", secret("app/in-instance").and(parameters{"PolicyName": "default"})).text("Policy")
	if !strings.Contains(got, "9999999999999999") {
		c.t.Errorf("Policy is %s", got)
	}
}

const otherSecretPolicy = `{"Version":"1","Statement":[{"Effect":"Allow","Principal":{"RAM":["acs:ram::9999999999999999:*"]},"Action":["kms:GetSecretValue"],"Resource":["*"]}]}`

func secretDeletion(c *conversation) {
	planned := c.call("DeleteSecret", secret("app/db").and(parameters{"RecoveryWindowInDays": "7"}))
	if planned.text("PlannedDeleteTime") == "" {
		c.t.Error("no PlannedDeleteTime")
	}
	c.refuse(secretInWindow, "GetSecretValue", secret("app/db"))
	c.call("RestoreSecret", secret("app/db"))
	equalValue(c, secret("app/db"), "v3", "third")
	c.call("DeleteSecret", secret("app/db").and(parameters{"RecoveryWindowInDays": "7"}))
	c.advance("8d")
	c.refuse(secretNotFound, "DescribeSecret", secret("app/db"))
	c.call("DeleteSecret", secret("app/own-key").and(parameters{"ForceDeleteWithoutRecovery": "true"}))
	c.refuse(secretNotFound, "DescribeSecret", secret("app/own-key"))
	c.call("CreateSecret", newSecret("app/own-key"))
}

var (
	secretNotFound = refusal{404, "Forbidden.ResourceNotFound", "The resource is not found."}
	secretInWindow = refusal{409, "Rejected.ResourceInDeleteWindow", "The secret is planned to be deleted."}
	secretExists   = refusal{409, "Rejected.ResourceExist", "The resource already exists."}
	secretInUse    = refusal{409, "Rejected.ResourceInUse", "restore normal secret"}
)

func secretRefusals(c *conversation) []refusedCall {
	c.call("CreateSecret", newSecret("live"))
	c.call("CreateSecret", newSecret("leaving"))
	c.call("DeleteSecret", secret("leaving"))
	all := []refusedCall{
		{"CreateSecret without SecretName", missing("SecretName"), "CreateSecret", newSecret("").and(secret(""))},
		{"CreateSecret of a name that is taken", secretExists, "CreateSecret", newSecret("live")},
		{"CreateSecret of a name in its recovery window", secretInWindow, "CreateSecret", newSecret("leaving")},
		{"CreateSecret of the name of a service", invalid("SecretName"), "CreateSecret", newSecret("acs/x")},
		{"CreateSecret of too long a value", invalid("SecretData"), "CreateSecret", newSecret("x").and(parameters{"SecretData": strings.Repeat("x", 30721)})},
		{"CreateSecret with an unknown key", keyNotFound, "CreateSecret", newSecret("x").and(parameters{"EncryptionKeyId": "unknown"})},
		{"CreateSecret with an asymmetric key", notSupported, "CreateSecret", newSecret("x").and(parameters{"EncryptionKeyId": rsa2048Key.id})},
		{"CreateSecret in an unknown instance", instanceNotFound, "CreateSecret", newSecret("x").and(parameters{"DKMSInstanceId": "kst-hzz65f176a0ogplgq9999", "EncryptionKeyId": "x"})},
		{"CreateSecret of a managed type", notEmulated("SecretType Rds"), "CreateSecret", newSecret("x").and(parameters{"SecretType": "Rds"})},
		{"GetSecretValue of an unknown stage", secretNotFound, "GetSecretValue", secret("live").and(parameters{"VersionStage": "nobody's"})},
		{"GetSecretValue of an unknown version", secretNotFound, "GetSecretValue", secret("live").and(parameters{"VersionId": "nobody's"})},
		{"PutSecretValue with another value", secretExists, "PutSecretValue", newSecret("live").and(parameters{"SecretData": "other"})},
		{"UpdateSecretVersionStage that only takes ACSCurrent away", missing("MoveToVersion"), "UpdateSecretVersionStage", secret("live").and(parameters{"VersionStage": "ACSCurrent", "RemoveFromVersion": "v1"})},
		{"RestoreSecret of a live secret", secretInUse, "RestoreSecret", secret("live")},
		{"DeleteSecret with a short window", invalid("RecoveryWindowInDays"), "DeleteSecret", secret("live").and(parameters{"RecoveryWindowInDays": "6"})},
		{"ListSecrets with an unknown filter", invalid("Filters"), "ListSecrets", parameters{"Filters": `[{"Key":"Colour","Values":["x"]}]`}},
		{"GetRandomPassword that is too short", invalid("PasswordLength"), "GetRandomPassword", parameters{"PasswordLength": "7"}},
		{"SetSecretPolicy of a secret without instance", notSupported, "SetSecretPolicy", secret("live").and(parameters{"Policy": otherSecretPolicy})},
		{"RotateSecret", notEmulated("RotateSecret"), "RotateSecret", secret("live").and(parameters{"VersionId": "v9"})},
		{"UpdateSecretRotationPolicy", notEmulated("UpdateSecretRotationPolicy"), "UpdateSecretRotationPolicy", secret("live").and(parameters{"EnableAutomaticRotation": true})},
	}
	return append(all, absentSecretRefusals()...)
}

// absentSecretRefusals: what asks for a secret says that it is not there, or on its way out.
func absentSecretRefusals() (all []refusedCall) {
	for action, more := range map[string]parameters{
		"GetSecretValue":           nil,
		"ListSecretVersionIds":     nil,
		"PutSecretValue":           {"VersionId": "v2", "SecretData": "x"},
		"UpdateSecretVersionStage": {"VersionStage": "s", "MoveToVersion": "v1"},
		"UpdateSecret":             {"Description": "x"},
		"DeleteSecret":             nil,
		"TagResource":              {"Tags": `[{"TagKey":"k","TagValue":"v"}]`},
		"UntagResource":            {"TagKeys": `["k"]`},
		"SetSecretPolicy":          {"Policy": otherSecretPolicy},
		"GetSecretPolicy":          nil,
	} {
		all = append(all,
			refusedCall{action + " of an unknown secret", secretNotFound, action, secret("nobody's").and(more)},
			refusedCall{action + " of a secret in its recovery window", secretInWindow, action, secret("leaving").and(more)})
	}
	return append(all,
		refusedCall{"DescribeSecret of an unknown secret", secretNotFound, "DescribeSecret", secret("nobody's")},
		refusedCall{"RestoreSecret of an unknown secret", secretNotFound, "RestoreSecret", secret("nobody's")})
}
