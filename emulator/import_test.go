package emulator

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/auth"
)

// importing is a key of origin EXTERNAL with a token for it.
type importing struct {
	s             *testServer
	key           string
	token, public string
}

func (s *testServer) importing(more ...string) *importing {
	s.t.Helper()
	i := &importing{s: s, key: s.newKey(append(more, "Origin", "EXTERNAL")...)}
	i.renew()
	return i
}

// renew takes a new token.
func (i *importing) renew() {
	i.s.t.Helper()
	a := i.s.mustDo("GetParametersForImport", "KeyId", i.key, "WrappingKeySpec", "EC_SM2", "WrappingAlgorithm", "SM2PKE")
	i.token, i.public = a.field("ImportToken").(string), a.field("PublicKey").(string)
}

// parameters are those that import material.
func (i *importing) parameters(material []byte, more ...string) []string {
	i.s.t.Helper()
	encrypted, err := wrapped("SM2PKE", i.public, base64.StdEncoding.EncodeToString(material))
	if err != nil {
		i.s.t.Fatal(err)
	}
	return append(more, "KeyId", i.key, "ImportToken", i.token, "EncryptedKeyMaterial", encrypted)
}

func (i *importing) expect(code string, material []byte, more ...string) {
	i.s.t.Helper()
	i.s.expectCode(code, "ImportKeyMaterial", i.parameters(material, more...)...)
}

// expiring is the parameter of an expiry.
func expiring(t time.Time) []string {
	return []string{"KeyMaterialExpireUnix", strconv.FormatInt(t.Unix(), 10)}
}

var (
	material      = bytes.Repeat([]byte{7}, 32)
	otherMaterial = bytes.Repeat([]byte{8}, 32)
	frozenStart   = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
)

func TestImportedMaterialExpiresByTheClockAndComesBack(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	i := s.importing()
	i.expect("", material, expiring(frozenStart.Add(2*time.Hour))...)
	blob := s.seal(i.key, "text")
	s.must("POST", "clock/advance", "{by: 7199s}")
	s.expectOpens(blob, "text")
	s.must("POST", "clock/advance", "{by: 1s}")
	s.expectCode("Rejected.PendingImport", "Decrypt", "CiphertextBlob", blob)
	s.expectCode("Rejected.StateModifiedFailed", "EnableKey", "KeyId", i.key)
	if got := s.metadata(i.key, "KeyState"); got != "PendingImport" {
		t.Errorf("the state is %v", got)
	}
	i.expect("InvalidKeyMaterial", otherMaterial)
	i.expect("", material)
	s.expectOpens(blob, "text")
	s.must("POST", "clock/advance", "{by: 3650d}")
	s.expectOpens(blob, "text")
}

// What only reads have seen as expired comes back with the time; what a write
// has done stays done.
func TestAnExpiryThatNoWriteHasSeenGoesBackWithTheClock(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	i := s.importing()
	i.expect("", material, expiring(frozenStart.Add(time.Hour))...)
	blob := s.seal(i.key, "text")
	s.must("POST", "clock/advance", "{by: 2h}")
	s.expectCode("Rejected.PendingImport", "Decrypt", "CiphertextBlob", blob)
	s.must("PUT", "clock", "{now: 2026-06-01T00:00:00Z}")
	s.expectOpens(blob, "text")
	s.must("POST", "clock/advance", "{by: 2h}")
	s.newKey()
	s.must("PUT", "clock", "{now: 2026-06-01T00:00:00Z}")
	s.expectCode("Rejected.PendingImport", "Decrypt", "CiphertextBlob", blob)
}

func TestAKeyPendingDeletionLosesItsMaterialAndStaysPendingDeletion(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	i := s.importing()
	i.expect("", material, expiring(frozenStart.Add(time.Hour))...)
	s.mustDo("ScheduleKeyDeletion", "KeyId", i.key, "PendingWindowInDays", "7")
	s.must("POST", "clock/advance", "{by: 2h}")
	for range 2 { // before and after a write has seen it
		if got := s.metadata(i.key, "KeyState"); got != "PendingDeletion" {
			t.Errorf("the state is %v", got)
		}
		if got := s.metadata(i.key, "MaterialExpireTime"); got != "" {
			t.Errorf("it expires %v", got)
		}
		s.newKey()
	}
	s.mustDo("CancelKeyDeletion", "KeyId", i.key)
	if got := s.metadata(i.key, "KeyState"); got != "PendingImport" {
		t.Errorf("the state is %v", got)
	}
}

func TestATokenIsOfOneKeyAndForADay(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	one, other := s.importing(), s.importing()
	stranger := &importing{s, one.key, other.token, other.public}
	stranger.expect("InvalidImportToken", material)
	mixed := &importing{s, one.key, one.token, other.public}
	mixed.expect("InvalidKeyMaterial", material)
	s.must("POST", "clock/advance", "{by: 86399s}")
	one.expect("", material)
	s.must("POST", "clock/advance", "{by: 1s}")
	one.expect("ExpiredImportToken", material)
	one.renew()
	one.expect("", material)
}

func TestAKeyKeepsItsLatestTokens(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	i := s.importing()
	var kept []importing
	for range 51 {
		kept = append(kept, *i)
		s.must("POST", "clock/advance", "{by: 1s}")
		i.renew()
	}
	oldest, second := kept[1], kept[2] // with the last there are 52
	kept[0].expect("InvalidImportToken", material)
	oldest.expect("InvalidImportToken", material)
	second.expect("", material)
	i.expect("", material)
}

func TestMaterialHasTheLengthOfItsSpec(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	for spec, size := range map[string]int{"Aliyun_AES_256": 32, "Aliyun_AES_192": 24, "Aliyun_AES_128": 16, "Aliyun_SM4": 16} {
		i := s.importing("KeySpec", spec)
		for _, n := range []int{1, 15, 16, 17, 23, 24, 25, 31, 32, 33, 64} {
			if n != size {
				i.expect("InvalidKeyMaterial", bytes.Repeat([]byte{7}, n))
			}
		}
		i.expect("", material[:size])
		s.expectOpens(s.seal(i.key, spec), spec)
	}
}

func TestImportSurvivesARestart(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	full, empty := s.importing(), s.importing()
	full.expect("", material, expiring(frozenStart.Add(48*time.Hour))...)
	blob := s.seal(full.key, "text")
	s = s.restart(clockAlone)
	full.s, empty.s = s, s
	s.expectOpens(blob, "text")
	if got := s.metadata(full.key, "MaterialExpireTime"); got != "2026-06-03T00:00:00Z" {
		t.Errorf("it expires %v", got)
	}
	full.expect("InvalidKeyMaterial", otherMaterial)
	empty.expect("", otherMaterial)
	s.mustDo("DeleteKeyMaterial", "KeyId", full.key)
	s = s.restart(clockAlone)
	full.s = s
	s.expectCode("Rejected.PendingImport", "Decrypt", "CiphertextBlob", blob)
	full.expect("InvalidKeyMaterial", otherMaterial)
	full.expect("", material)
	s.expectOpens(blob, "text")
}

func TestAnImportedKeyOfTheScenario(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+`
keys:
  - {keyId: key-empty, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, origin: EXTERNAL}
  - {keyId: key-full, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, origin: EXTERNAL, materialExpireTime: +1h,
     versions: [{keyMaterial: BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=}]}
`))
	s.expectCode("Rejected.PendingImport", "Encrypt", "KeyId", "key-empty", "Plaintext", "text")
	blob := s.seal("key-full", "text")
	s.must("POST", "clock/advance", "{by: 1h}")
	s.expectCode("Rejected.PendingImport", "Decrypt", "CiphertextBlob", blob)
	full, empty := &importing{s: s, key: "key-full"}, &importing{s: s, key: "key-empty"}
	full.renew()
	full.expect("InvalidKeyMaterial", otherMaterial)
	full.expect("", material)
	s.expectOpens(blob, "text")
	empty.renew()
	empty.expect("", otherMaterial)
	s.must("POST", "reset", "")
	s.expectCode("Rejected.PendingImport", "Encrypt", "KeyId", "key-empty", "Plaintext", "text")
	s.expectOpens(blob, "text")
}

// twoAccounts lets a caller of the server's account call, and one of another.
func (s *testServer) twoAccounts() {
	s.know(map[string]auth.Credential{"owner": {Secret: "s"}, "other": {Secret: "s", Account: "2222222222222222"}})
}

// expectForeign makes a call of the other account.
func (s *testServer) expectForeign(code, action string, more ...string) {
	s.t.Helper()
	if a := s.call("other", form(action, more...)); a.code() != code {
		s.t.Errorf("%s %q: %d %s, want %q", action, more, a.status, a.body, code)
	}
}

func TestAnotherAccountsKeyIsNotUsedUnlessItsPolicySaysSo(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+`
keys:
  - {keyId: key-sm2, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, versions: [{keyVersionId: version-1}], aliases: [alias/sm2]}
  - {keyId: key-aes, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/aes]}
`))
	blob := s.seal("key-aes", "text")
	sm2, aes := arnPrefix+"key/key-sm2", arnPrefix+"key/key-aes"
	calls := [][]string{
		{"Decrypt", "CiphertextBlob", blob},
		{"Encrypt", "KeyId", aes, "Plaintext", "text"},
		{"Encrypt", "KeyId", arnPrefix + "alias/aes", "Plaintext", "text"},
		{"GenerateDataKey", "KeyId", aes},
		{"DescribeKey", "KeyId", aes},
		{"ListKeyVersions", "KeyId", aes},
		{"AsymmetricEncrypt", "KeyId", sm2, "KeyVersionId", "version-1", "Algorithm", "SM2PKE", "Plaintext", "SGVsbG8="},
		{"SetDeletionProtection", "ProtectedResourceArn", aes, "EnableDeletionProtection", "true"},
	}
	for _, c := range calls {
		s.expectCode("", c[0], c[1:]...) // without credentials nobody is asked
	}
	s.twoAccounts()
	own := s.call("other", form("CreateKey")).field("KeyMetadata.KeyId").(string)
	calls = append(calls, []string{"ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", own})
	for _, c := range calls {
		s.expectForeign("Forbidden.NoPermission", c[0], c[1:]...)
	}
	s.expectForeign("Forbidden.KeyNotFound", "DescribeKey", "KeyId", "key-aes")
	s.expectForeign("Forbidden.KeyNotFound", "EnableKey", "KeyId", aes)
	if a := s.call("owner", form("DescribeKey", "KeyId", "key-aes")); a.field("KeyMetadata.DeletionProtection") != "Enabled" {
		t.Errorf("%s", a.body)
	}
}

// Not even the policy of the key lets another account manage it.
func TestAnotherAccountsKeyIsNeverManaged(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+`
keys:
  - {keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT,
     policy: {Version: "1", Statement: [{Effect: Allow, Principal: {RAM: ["acs:ram::2222222222222222:*"]}, Action: ["kms:*"], Resource: ["*"]}]}}
`))
	s.twoAccounts()
	s.expectForeign("Forbidden.NoPermission", "SetDeletionProtection", "ProtectedResourceArn", arnPrefix+"key/key-a", "EnableDeletionProtection", "true")
}

func TestReEncryptAsksForItsTwoPermissions(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+`
keys:
  - {keyId: key-from, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}
  - {keyId: key-to, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}
`))
	from, to := arnPrefix+"key/key-from", arnPrefix+"key/key-to"
	blob := s.seal("key-from", "text")
	for _, c := range []struct{ policy, refused string }{
		{allow("kms:ReEncryptFrom", from) + "," + allow("kms:ReEncryptTo", to), ""},
		{allow("kms:ReEncrypt*", "*"), ""},
		{allow("kms:ReEncryptFrom", "*"), to},
		{allow("kms:ReEncryptTo", "*"), from},
		{allow("kms:ReEncryptFrom", to) + "," + allow("kms:ReEncryptTo", to), from},
		{allow("kms:ReEncryptFrom", from) + "," + allow("kms:ReEncryptTo", from), to},
		{allow("kms:Decrypt", "*") + "," + allow("kms:Encrypt", "*"), from},
	} {
		document := scenarioOf(t, "credentials: [{accessKeyId: app, accessKeySecret: s, policy: {Version: '1', Statement: ["+c.policy+"]}}]")
		loaded, problems := interpret(document, s.scope, nil, s.clock.now())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		s.know(loaded.credentials)
		a := s.call("app", form("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", "key-to"))
		message := "This operation for " + c.refused + " is forbidden by permission system."
		if c.refused == "" && a.status != 200 || c.refused != "" && a.object["Message"] != message {
			t.Errorf("%s: %d %s, want %q refused", c.policy, a.status, a.body, c.refused)
		}
	}
}

func TestAFaultOnAKeyActsOnWhatItsCiphertextNames(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+`
keys:
  - {keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/a]}
  - {keyId: key-b, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}
`))
	a, b := s.seal("key-a", "a"), s.seal("key-b", "b")
	s.must("PUT", "faults/f", "{match: {keyId: alias/a}, error: InternalFailure}")
	for _, c := range []struct {
		blob string
		more []string
		code string
	}{
		{a, []string{"Decrypt"}, "InternalFailure"},
		{b, []string{"Decrypt"}, ""},
		{a, []string{"ReEncrypt", "DestinationKeyId", "key-b"}, "InternalFailure"},
		{b, []string{"ReEncrypt", "DestinationKeyId", "key-b"}, ""},
		{"AAAA", []string{"Decrypt"}, "InvalidParameter"},
	} {
		s.expectCode(c.code, c.more[0], append(c.more[1:], "CiphertextBlob", c.blob)...)
	}
	s.expectStatus("faults/f", "calls=2", "hits=2")
	if entry := s.entry(s.do("Decrypt", "CiphertextBlob", b)); entry["keyId"] != "key-b" {
		t.Errorf("the journal has %v", entry)
	}
}
