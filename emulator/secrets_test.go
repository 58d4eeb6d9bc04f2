package emulator

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alikms/alikms/emulator/internal/auth"
)

// Of another account's secret, the secret's own policy and the caller's RAM policy
// have to allow an action, by the secret's ARN; and likewise of its key, to decrypt.
func TestAnotherAccountsSecretIsReadWhereBothPoliciesAllow(t *testing.T) {
	for _, c := range []struct {
		name, secret, ram string
		reads             bool
	}{
		{"all", keyPolicy("Allow", otherAccount, "kms:*"), "", true},
		{"one action", keyPolicy("Allow", otherAccount, "kms:GetSecretValue"), "", true},
		{"another action", keyPolicy("Allow", otherAccount, "kms:DescribeSecret"), "", false},
		{"no policy of the secret", "", "", false},
		{"deny wins", keyPolicy("Allow", otherAccount, "kms:*") + "," + keyPolicy("Deny", otherAccount, "kms:GetSecretValue"), "", false},
		{"a third account", keyPolicy("Allow", "acs:ram::3333333333333333:*", "kms:*"), "", false},
		{"the caller's policy names it", keyPolicy("Allow", otherAccount, "kms:*"), allow("kms:GetSecretValue", "acs:kms:*:*:secret/app/*") + "," + allow("kms:Decrypt", "acs:kms:*:*:key/*"), true},
		{"the caller's policy lacks the key", keyPolicy("Allow", otherAccount, "kms:*"), allow("kms:*", "acs:kms:*:*:secret/*"), false},
		{"the caller's policy names another", keyPolicy("Allow", otherAccount, "kms:*"), allow("kms:*", "acs:kms:*:*:secret/web/*"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			policy := ""
			if c.secret != "" {
				policy = `, policy: {Version: "1", Statement: [` + c.secret + `]}`
			}
			s := newTestServer(t, holding(t, clockAlone+`
instances: [{instanceId: kst-one, publicAccess: true}]
keys:
  - {keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, dkmsInstanceId: kst-one,
     policy: {Version: "1", Statement: [`+keyPolicy("Allow", otherAccount, "kms:Decrypt")+`]}}
secrets: [{secretName: app/db, encryptionKeyId: key-a, dkmsInstanceId: kst-one, versions: [{versionId: v1, secretData: TEST-VALUE}]`+policy+`}]
`))
			s.know(map[string]auth.Credential{"other": otherCredential(t, s, c.ram)})
			want := map[bool]string{true: "", false: "Forbidden.NoPermission"}[c.reads]
			s.expectForeign(want, "GetSecretValue", "SecretName", arnPrefix+"secret/app/db")
		})
	}
}

// otherCredential is of another account, with a statement of its RAM policy; "":
// it may do everything.
func otherCredential(t *testing.T, s *testServer, ram string) auth.Credential {
	t.Helper()
	if ram == "" {
		return auth.Credential{Secret: "other-secret", Account: "2222222222222222"}
	}
	document := scenarioOf(t, "credentials: [{accessKeyId: other, accessKeySecret: other-secret, account: '2222222222222222', policy: {Version: '1', Statement: ["+ram+"]}}]")
	loaded, problems := interpret(document, s.scope, nil, s.clock.now())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return loaded.credentials["other"]
}

// A caller wants permission on the secret, and on its key: to write
// kms:GenerateDataKey, to read kms:Decrypt.
func TestASecretWantsPermissionOnItselfAndOnItsKey(t *testing.T) {
	const key, secret = "acs:kms:*:*:key/key-a", "acs:kms:*:*:secret/app/db"
	for _, c := range []struct {
		name, policy  string
		reads, writes bool
	}{
		{"all", allow("kms:*", "*"), true, true},
		{"all on the secret alone", allow("kms:*", secret), false, false},
		{"reading", allow("kms:GetSecretValue", secret) + "," + allow("kms:Decrypt", key), true, false},
		{"writing", allow("kms:PutSecretValue", secret) + "," + allow("kms:GenerateDataKey", key), false, true},
		{"the key alone", allow("kms:*", key), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t, holding(t, clockAlone+`
keys: [{keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}]
secrets: [{secretName: app/db, encryptionKeyId: key-a, versions: [{versionId: v1, secretData: TEST-VALUE}]}]
credentials: [{accessKeyId: app, accessKeySecret: app-secret, policy: {Version: "1", Statement: [`+c.policy+`]}}]
`))
			want := map[bool]string{true: "", false: "Forbidden.NoPermission"}
			if a := s.call("app", form("GetSecretValue", "SecretName", "app/db")); a.code() != want[c.reads] {
				t.Errorf("reading: %d %s", a.status, a.body)
			}
			if a := s.call("app", form("PutSecretValue", "SecretName", "app/db", "VersionId", "v2", "SecretData", "x")); a.code() != want[c.writes] {
				t.Errorf("writing: %d %s", a.status, a.body)
			}
		})
	}
}

// What happens to the key of a secret happens to its value.
func TestASecretsKeyHasToWork(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+`
keys: [{keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}]
secrets: [{secretName: app/db, encryptionKeyId: key-a, versions: [{versionId: v1, secretData: TEST-VALUE}]}]
`))
	put := []string{"SecretName", "app/db", "VersionId", "v2", "SecretData", "x"}
	s.mustDo("DisableKey", "KeyId", "key-a")
	s.expectCode("Rejected.Disabled", "GetSecretValue", "SecretName", "app/db")
	s.expectCode("Rejected.Disabled", "PutSecretValue", put...)
	s.mustDo("DescribeSecret", "SecretName", "app/db")
	s.mustDo("EnableKey", "KeyId", "key-a")
	if a := s.mustDo("GetSecretValue", "SecretName", "app/db"); a.text("SecretData") != "TEST-VALUE" {
		t.Errorf("%s", a.body)
	}
	s.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	s.expectCode("Rejected.PendingDeletion", "GetSecretValue", "SecretName", "app/db")
	s.must("POST", "clock/advance", "{by: 8d}")
	s.expectCode("Forbidden.KeyNotFound", "GetSecretValue", "SecretName", "app/db")
	s.expectCode("Forbidden.KeyNotFound", "PutSecretValue", put...)
}

const secretRules = `
clock: 2026-06-01T00:00:00Z
secrets:
  - {secretName: app/a, versions: [{versionId: v1, secretData: TEST-VALUE-1}, {versionId: v2, secretData: TEST-VALUE-2}], tags: {team: a}}
  - {secretName: app/b, versions: [{versionId: v1, secretData: TEST-VALUE-3}]}
  - {secretName: app/going, plannedDeleteTime: +7d, versions: [{versionId: v1, secretData: TEST-VALUE-4}]}
`

func TestAFaultOnASecretMeetsTheCallsAboutIt(t *testing.T) {
	s := newTestServer(t, holding(t, secretRules))
	for _, c := range []struct {
		match  string
		params url.Values
		fits   bool
	}{
		{"{secretName: app/a}", form("GetSecretValue", "SecretName", "app/a"), true},
		{"{secretName: app/a}", form("DescribeSecret", "SecretName", arnPrefix+"secret/app/a"), true},
		{"{secretName: '" + arnPrefix + "secret/app/a'}", form("GetSecretValue", "SecretName", "app/a"), true},
		{"{secretName: [app/b, app/a]}", form("GetSecretValue", "SecretName", "app/a"), true},
		{"{secretName: app/a}", form("GetSecretValue", "SecretName", "app/b"), false},
		{"{secretName: app/a}", form("GetSecretValue", "SecretName", "acs:kms:cn-beijing:1234567890123456:secret/app/a"), false},
		{"{secretName: app/a}", form("GetSecretValue"), false},
		{"{secretName: app/a}", form("ListSecrets"), false},
		{"{secretName: app/a}", form("BatchGetSecretValue", "SecretsList", `[{"SecretName":"app/a"}]`), true},
		{"{secretName: app/new}", form("CreateSecret", "SecretName", "app/new", "VersionId", "v1", "SecretData", "x"), true},
		{"{operation: GetSecretValue, secretName: app/a}", form("DescribeSecret", "SecretName", "app/a"), false},
	} {
		s.must("PUT", "faults", "{faults: [{name: f, match: "+c.match+", error: InternalFailure}]}")
		a := serve(s, c.params)
		if met := faultOf(a) == "f"; met != c.fits || met != (a.code() == "InternalFailure") {
			t.Errorf("%s and %v: %d %s", c.match, c.params, a.status, a.body)
		}
	}
}

func TestAFaultOnASecretThatCannotActIsRefused(t *testing.T) {
	s := newTestServer(t, holding(t, secretRules))
	for match, want := range map[string]string{
		"{operation: Encrypt, secretName: app/a}":                 "can never match: Encrypt has no such parameter",
		"{operation: GetRandomPassword, secretName: app/a}":       "can never match",
		"{operation: [ListKeys, ListSecrets], secretName: app/a}": "can never match",
		"{secretName: 'app a'}":                                   "secretName",
	} {
		a := s.control("PUT", "faults/f", "{match: "+match+", error: InternalFailure}")
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, "match.secretName") || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", match, a.status, a.body)
		}
	}
}

func TestSecretsAreShownWithAllButTheirValues(t *testing.T) {
	s := newTestServer(t, holding(t, secretRules))
	text := s.must("GET", "secrets", "").body
	for _, part := range []string{
		`"secretName":"app/a","arn":"acs:kms:cn-hangzhou:1234567890123456:secret/app/a","account":"1234567890123456","region":"cn-hangzhou","secretType":"Generic"`,
		`"tags":{"team":"a"},"versions":[{"versionId":"v1","secretDataType":"text","versionStages":["ACSPrevious"],"creationDate":"2026-06-01T00:00:00Z"},{"versionId":"v2","secretDataType":"text","versionStages":["ACSCurrent"]`,
		`"plannedDeleteTime":"2026-06-08T00:00:00Z"`, `"count":3`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in\n%s", part, text)
		}
	}
	if strings.Contains(text, "TEST-VALUE") {
		t.Error("a value is shown")
	}
	s.must("POST", "clock/advance", "{by: 8d}")
	if text := s.must("GET", "secrets", "").body; strings.Contains(text, "app/going") {
		t.Error("a secret whose recovery window has passed is shown")
	}
	if a := s.control("GET", "secrets?secretName=a", ""); a.status != http.StatusBadRequest {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// An instance's own gateway serves the reading of its own secrets, and nothing else
// about secrets.
func TestAnInstanceServesItsOwnSecrets(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+`
instances: [{instanceId: kst-one, publicAccess: true}]
keys: [{keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, dkmsInstanceId: kst-one}]
secrets:
  - {secretName: app/its, encryptionKeyId: key-a, dkmsInstanceId: kst-one, versions: [{versionId: v1, secretData: TEST-VALUE}]}
  - {secretName: app/own, versions: [{versionId: v1, secretData: TEST-VALUE}]}
`))
	for _, c := range []struct {
		params url.Values
		ok     bool
	}{
		{form("GetSecretValue", "SecretName", "app/its"), true},
		{form("GetSecretValue", "SecretName", "app/own"), false},
		{form("BatchGetSecretValue", "SecretsList", `[{"SecretName":"app/its"}]`), false},
		{form("DescribeSecret", "SecretName", "app/its"), false},
	} {
		if a := serve(s, c.params, toHost(instanceHost)); (a.status == http.StatusOK) != c.ok {
			t.Errorf("%v: %d %s", c.params, a.status, a.body)
		}
	}
}
