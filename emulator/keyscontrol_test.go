package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const keysScenario = `
clock: 2026-06-01T00:00:00Z
instances: [{instanceId: kst-one}]
keys:
  - {keyId: key-old, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, creationDate: -2d, aliases: [alias/b, alias/a], description: old, tags: {team: a}, deletionProtection: Enabled, dkmsInstanceId: kst-one,
     versions: [{keyVersionId: v1}, {keyVersionId: v2, creationDate: -1d}]}
  - {keyId: key-aes, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, creationDate: -1d, automaticRotation: Enabled, rotationInterval: 365d,
     versions: [{keyVersionId: 2ab1a983-7072-4bbc-a582-584b5bd80001, keyMaterial: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}
  - {keyId: key-ext, keySpec: Aliyun_SM4, keyUsage: ENCRYPT/DECRYPT, origin: EXTERNAL}
  - {keyId: key-going, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, keyState: PendingDeletion, deleteDate: +7d}
  - {keyId: key-there, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, account: "2222222222222222", region: cn-beijing}
`

// keys are those that the control shows.
func (s *testServer) keys() (all []Key, text string) {
	s.t.Helper()
	text = s.must("GET", "keys", "").body
	var shown shownKeys
	if err := json.Unmarshal([]byte(text), &shown); err != nil || shown.Count != len(shown.Keys) {
		s.t.Fatalf("%v: %s", err, text)
	}
	return shown.Keys, text
}

func TestKeysAreShownWithAllButTheirMaterial(t *testing.T) {
	s := newTestServer(t, holding(t, keysScenario))
	all, text := s.keys()
	var ids []string
	for _, k := range all {
		ids = append(ids, k.KeyID)
	}
	if want := []string{"key-old", "key-aes", "key-ext", "key-going", "key-there"}; !slices.Equal(ids, want) {
		t.Fatalf("keys %q, want %q", ids, want)
	}
	for _, part := range []string{
		`{"keyId":"key-old","arn":"acs:kms:cn-hangzhou:1234567890123456:key/key-old","account":"1234567890123456","region":"cn-hangzhou","keySpec":"EC_SM2","keyUsage":"SIGN/VERIFY",` +
			`"origin":"Aliyun_KMS","keyState":"Enabled","description":"old","creationDate":"2026-05-30T00:00:00Z","deletionProtection":"Enabled","dkmsInstanceId":"kst-one","tags":{"team":"a"},` +
			`"aliases":["alias/a","alias/b"],"versions":[{"keyVersionId":"v1","creationDate":"2026-05-30T00:00:00Z","primary":false},{"keyVersionId":"v2","creationDate":"2026-05-31T00:00:00Z","primary":false}]}`,
		`"rotationInterval":"31536000s","nextRotation":"2027-05-31T00:00:00Z","versions":[{"keyVersionId":"2ab1a983-7072-4bbc-a582-584b5bd80001","creationDate":"2026-05-31T00:00:00Z","primary":true}]`,
		`"origin":"EXTERNAL","keyState":"PendingImport"`,
		`"keyState":"PendingDeletion","description":"","creationDate":"2026-06-01T00:00:00Z","deleteDate":"2026-06-08T00:00:00Z","deletionProtection":"Disabled","dkmsInstanceId":"","tags":{},"aliases":[]`,
		`"account":"2222222222222222","region":"cn-beijing"`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in\n%s", part, text)
		}
	}
	if strings.Contains(text, "MDEy") || strings.Contains(text, "PRIVATE") {
		t.Error("key material is shown")
	}
}

func TestKeysThatAreGoneAreNotShown(t *testing.T) {
	s := newTestServer(t, holding(t, keysScenario))
	s.must("POST", "clock/advance", "{by: 8d}")
	if _, text := s.keys(); strings.Contains(text, "key-going") {
		t.Error("a key whose deletion window has passed is shown")
	}
	if s := newTestServer(t, holding(t, "{}")); s.must("GET", "keys", "").body != `{"count":0,"keys":[]}`+"\n" && len(s.must("GET", "keys", "").field("keys").([]any)) != 0 {
		t.Error("no keys are no empty list")
	}
}

func TestKeysTakesNoQuery(t *testing.T) {
	s := newTestServer(t)
	if a := s.control("GET", "keys?keyId=a", ""); a.status != http.StatusBadRequest || !strings.Contains(a.body, "takes no query") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
