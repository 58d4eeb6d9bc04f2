package emulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// restart ends a server and starts another on its store.
func (s *testServer) restart(scenario string, change ...func(*Options)) *testServer {
	s.t.Helper()
	s.Close()
	return newTestServer(s.t, append([]func(*Options){holding(s.t, scenario), on(s.kms.Store)}, change...)...)
}

// refusedStart is why a server does not start on a store.
func refusedStart(t *testing.T, st *store.Store, scenario string) string {
	t.Helper()
	s, err := New(Options{Store: st, Scenario: scenarioOf(t, scenario), Region: "cn-hangzhou", Account: "1234567890123456"})
	if err != nil {
		return err.Error()
	}
	s.Close()
	return ""
}

// defaultPEM is the private key of a key of the default scenario.
func defaultPEM(t testing.TB, keyID string) string {
	t.Helper()
	document, _ := fixtures.Default()
	for _, k := range document.Keys {
		if k.KeyID == keyID {
			return k.Versions[0].PrivateKey
		}
	}
	t.Fatalf("%s is not in the default scenario", keyID)
	return ""
}

// inline writes a private key as a value of YAML.
func inline(pem string) string { return fmt.Sprintf("%q", pem) }

func TestAStartAddsWhatIsLackingAndChangesNothingThatIsThere(t *testing.T) {
	const scenario = `
keys:
  - {keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/a, alias/gone, alias/moved], description: seeded, deletionProtection: Enabled}
  - {keyId: key-b, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT}
  - {keyId: key-c, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/c]}
`
	first := newTestServer(t, holding(t, scenario))
	first.mustDo("UpdateKeyDescription", "KeyId", "key-a", "Description", "changed")
	first.mustDo("SetDeletionProtection", "KeyId", "key-a", "EnableDeletionProtection", "false")
	first.mustDo("DisableKey", "KeyId", "key-a")
	first.mustDo("DeleteAlias", "AliasName", "alias/gone")
	first.mustDo("UpdateAlias", "AliasName", "alias/moved", "KeyId", "key-b")
	first.mustDo("CreateAlias", "AliasName", "alias/more", "KeyId", "key-a")
	first.mustDo("TagResource", "KeyId", "key-a", "Tags", `[{"TagKey":"team","TagValue":"x"}]`)
	made := first.mustDo("CreateKey", "KeySpec", "EC_SM2").field("KeyMetadata.KeyId").(string)
	version := first.mustDo("CreateKeyVersion", "KeyId", "key-b").field("KeyVersion.KeyVersionId").(string)
	before := first.dump()

	var log strings.Builder
	second := first.restart(scenario+"  - {keyId: key-d, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/d]}\n", logging(&log))
	for _, line := range []string{
		`of="key key-a" difference="keyState is Disabled, not Enabled; description is changed, not seeded; tags is team=x, not none; deletionProtection is Disabled, not Enabled; alias/moved is of key key-b; it has alias/more too"`,
		`of="key key-b" difference="it has 2 versions, not 1; it has alias/moved too"`,
		`by --fresh at a start, or by POST /_emulator/reset now: either also drops what calls made" differ=2`,
	} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log does not say %s:\n%s", line, log.String())
		}
	}
	second.mustDo("DescribeKey", "KeyId", made)
	second.mustDo("DescribeKeyVersion", "KeyId", "key-b", "KeyVersionId", version)
	second.mustDo("DescribeKey", "KeyId", "alias/d")
	second.mustDo("DescribeKey", "KeyId", "alias/gone") // was lacking
	second.mustDo("DeleteAlias", "AliasName", "alias/gone")
	second.mustDo("DeleteAlias", "AliasName", "alias/d")
	after := second.dump()
	delete(after, "key-d")
	if !reflect.DeepEqual(after, before) {
		t.Errorf("after the restart\n%v\nbefore\n%v", after, before)
	}
}

// dump is all that the API tells of the keys, by key.
func (s *testServer) dump() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, entry := range s.mustDo("ListKeys", "PageSize", "100").field("Keys.Key").([]any) {
		id := entry.(map[string]any)["KeyId"].(string)
		metadata := s.mustDo("DescribeKey", "KeyId", id).object["KeyMetadata"]
		aliases := s.mustDo("ListAliasesByKeyId", "KeyId", id, "PageSize", "100").object["Aliases"]
		versions := s.mustDo("ListKeyVersions", "KeyId", id, "PageSize", "100")
		all[id] = fmt.Sprint(metadata, aliases, versions.object["KeyVersions"])
		if kms.Symmetric(metadata.(map[string]any)["KeySpec"].(string)) {
			continue // no public key
		}
		for _, v := range versions.field("KeyVersions.KeyVersion").([]any) {
			version := v.(map[string]any)["KeyVersionId"].(string)
			all[id] += s.mustDo("GetPublicKey", "KeyId", id, "KeyVersionId", version).object["PublicKey"].(string)
		}
	}
	return all
}

func TestWhatCallsHaveDeletedAStartBringsBack(t *testing.T) {
	const scenario = runningScenario + "  - {keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/b]}\n"
	first := newTestServer(t, holding(t, scenario))
	first.mustDo("ScheduleKeyDeletion", "KeyId", "key-b", "PendingWindowInDays", "7")
	first.must("POST", "clock/advance", "{by: 8d}")
	first.mustDo("EnableKey", "KeyId", "key-a") // a write, which removes key-b
	second := first.restart(scenario)
	second.mustDo("DescribeKey", "KeyId", "alias/b")
}

// Whether a write has removed it yet makes no difference: it is gone.
func TestWhatIsGoneButNotYetRemovedAStartBringsBackToo(t *testing.T) {
	const scenario = runningScenario + "  - {keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/b]}\n"
	first := newTestServer(t, holding(t, scenario))
	first.mustDo("ScheduleKeyDeletion", "KeyId", "key-b", "PendingWindowInDays", "7")
	first.must("POST", "clock/advance", "{by: 8d}")
	first.expectGone("key-b", "alias/b")
	second := first.restart(scenario)
	if a := second.do("DescribeKey", "KeyId", "alias/b"); a.status != http.StatusOK || a.field("KeyMetadata.KeyState") != "Enabled" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAStartAddsAVersionThatIsLacking(t *testing.T) {
	const one = "keys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, creationDate: 2026-01-01T00:00:00Z, versions: [{keyVersionId: v1}%s]}]"
	first := newTestServer(t, holding(t, fmt.Sprintf(one, "")))
	before := first.mustDo("GetPublicKey", "KeyId", "key-a", "KeyVersionId", "v1").object["PublicKey"]
	second := first.restart(fmt.Sprintf(one, ", {keyVersionId: v2, creationDate: 2026-02-01T00:00:00Z}"))
	listed := second.mustDo("ListKeyVersions", "KeyId", "key-a").field("KeyVersions.KeyVersion").([]any)
	if len(listed) != 2 || listed[0].(map[string]any)["KeyVersionId"] != "v2" || listed[1].(map[string]any)["CreationDate"] != "2026-01-01T00:00:00Z" {
		t.Errorf("%v", listed)
	}
	if after := second.mustDo("GetPublicKey", "KeyId", "key-a", "KeyVersionId", "v1").object["PublicKey"]; after != before {
		t.Error("the version that was there has another key")
	}
	if a := second.mustDo("DescribeKey", "KeyId", "key-a"); a.field("KeyMetadata.LastRotationDate") != "2026-02-01T00:00:00Z" {
		t.Errorf("%s", a.body)
	}
}

func TestTheSameIDWithSomethingElseStopsTheStart(t *testing.T) {
	const head = "keys:\n  - {keyId: key-a, keyUsage: ENCRYPT/DECRYPT, keySpec: "
	with := func(keyID string) string {
		return "RSA_2048, versions: [{keyVersionId: v1, privateKey: " + inline(defaultPEM(t, keyID)) + "}]}\n"
	}
	for _, c := range []struct{ name, first, second, message string }{
		{"spec", head + "EC_SM2}", head + "RSA_2048}",
			"key key-a is in the data folder with spec EC_SM2 and usage ENCRYPT/DECRYPT, the scenario says RSA_2048 and ENCRYPT/DECRYPT; --fresh starts from the scenario alone, another --data folder or another keyId keeps both"},
		{"usage", head + "EC_SM2}", "keys: [{keyId: key-a, keyUsage: SIGN/VERIFY, keySpec: EC_SM2}]",
			"key key-a is in the data folder with spec EC_SM2 and usage ENCRYPT/DECRYPT, the scenario says EC_SM2 and SIGN/VERIFY; --fresh starts from the scenario alone, another --data folder or another keyId keeps both"},
		{"material", head + with(rsaKey), head + with("key-hzz630494463ejqjx0004"),
			"version v1 of key key-a is in the data folder with another private key than the scenario's; --fresh starts from the scenario alone, another --data folder or another keyId keeps both"},
		{"version of another key", head + with(rsaKey), strings.Replace(head, "key-a", "key-b", 1) + with(rsaKey),
			"version v1 is in the data folder as one of another key than key-b; --fresh starts from the scenario alone, another --data folder or another keyId keeps both"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := newTestServer(t, holding(t, c.first))
			before := first.dump()
			first.Close()
			if got := refusedStart(t, first.kms.Store, c.second); got != c.message {
				t.Errorf("got  %s\nwant %s", got, c.message)
			}
			if after := first.restart(c.first).dump(); !reflect.DeepEqual(after, before) {
				t.Errorf("the refused start changed the store:\n%v\nwas\n%v", after, before)
			}
		})
	}
}

func TestMaterialThatWasGeneratedIsNotReplacedByThatOfAnotherScenario(t *testing.T) {
	first := newTestServer(t, holding(t, "keys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, versions: [{keyVersionId: v1}]}]"))
	first.dump() // generates
	first.Close()
	second := "keys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, versions: [{keyVersionId: v1, privateKey: " + inline(defaultPEM(t, sm2Key)) + "}]}]"
	if got := refusedStart(t, first.kms.Store, second); !strings.Contains(got, "version v1 of key key-a is in the data folder with another private key") {
		t.Errorf("%q", got)
	}
}

func TestGeneratedMaterialIsMadeOnceHoweverManyAsk(t *testing.T) {
	const scenario = "keys: [{keyId: key-a, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT}, {keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}]"
	s := newTestServer(t, holding(t, scenario))
	var callers sync.WaitGroup
	seen := make([]string, 16)
	for i := range seen {
		callers.Go(func() {
			seen[i] = fmt.Sprint(serve(s, form("GetPublicKey", "KeyId", "key-a", "KeyVersionId", fixtures.DerivedVersionID("key-a", 1))).object["PublicKey"])
		})
	}
	callers.Wait()
	for _, pem := range seen {
		if pem != seen[0] || !strings.HasPrefix(pem, "-----BEGIN PUBLIC KEY-----") {
			t.Fatalf("got %q and %q", pem, seen[0])
		}
	}
	before := s.dump()
	s.must("POST", "reset", "")
	if after := s.dump(); !reflect.DeepEqual(publicKeys(after), publicKeys(before)) {
		t.Error("a reset generated keys again")
	}
	if after := s.restart(scenario).dump(); !reflect.DeepEqual(publicKeys(after), publicKeys(before)) {
		t.Error("a restart generated keys again")
	}
}

// publicKeys leaves of a dump only the public keys: a reset counts dates anew.
func publicKeys(dump map[string]string) map[string]string {
	left := map[string]string{}
	for id, text := range dump {
		_, pem, _ := strings.Cut(text, "-----BEGIN")
		left[id] = pem
	}
	return left
}

func TestGeneratedMaterialOutlivesItsDeletedKeyInAReset(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.expectSameKeysAfterDeletionAndReset(s.dump())
}

func TestGeneratedMaterialOutlivesItsDeletedKeyInAResetAfterARestart(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	before := s.dump()
	s.restart(ruleScenario).expectSameKeysAfterDeletionAndReset(before)
}

func TestGeneratedMaterialOutlivesItsDeletedKeyInAStart(t *testing.T) {
	first := newTestServer(t, holding(t, ruleScenario))
	before := first.dump()
	first.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	first.must("POST", "clock/advance", "{by: 8d}")
	first.mustDo("EnableKey", "KeyId", "key-b") // removes key-a
	if after := first.restart(ruleScenario).dump(); !reflect.DeepEqual(publicKeys(after), publicKeys(before)) {
		t.Error("the start generated keys again")
	}
}

func (s *testServer) expectSameKeysAfterDeletionAndReset(before map[string]string) {
	s.t.Helper()
	s.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	s.must("POST", "clock/advance", "{by: 8d}")
	s.mustDo("EnableKey", "KeyId", "key-b") // removes key-a
	s.must("POST", "reset", "")
	if after := s.dump(); !reflect.DeepEqual(publicKeys(after), publicKeys(before)) {
		s.t.Error("the reset generated keys again")
	}
}

// What an answer depends on is in the file before the answer is: here the file
// is copied as a crash would leave it.
func TestTheFirstAnswerIsAlreadyCommitted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alikms.db")
	st, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := newTestServer(t, holding(t, ruleScenario), on(st))
	key := s.mustDo("GetPublicKey", "KeyId", "key-a", "KeyVersionId", "version-2").object["PublicKey"]
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copied.db")
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	left, err := store.Open(copied, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { left.Close() })
	again := newTestServer(t, holding(t, ruleScenario), on(left))
	if got := again.mustDo("GetPublicKey", "KeyId", "key-a", "KeyVersionId", "version-2").object["PublicKey"]; got != key {
		t.Error("after a crash the key is another than answered")
	}
}

// Sixty RSA keys take seconds to make; the server is there before, and its end
// does not wait for them either.
func TestAStartDoesNotWaitForGeneratedMaterial(t *testing.T) {
	var scenario strings.Builder
	scenario.WriteString("keys:\n")
	for i := range 60 {
		fmt.Fprintf(&scenario, "  - {keyId: key-%d, keySpec: RSA_3072, keyUsage: SIGN/VERIFY}\n", i)
	}
	s := newTestServer(t, holding(t, scenario.String()))
	s.mustDo("DescribeKey", "KeyId", "key-59")
	s.Close()
	made := 0
	err := s.kms.Store.View(func(tx *store.Tx) error {
		return kms.EachKey(tx, func(key store.Key) error {
			versions, err := tx.VersionsPage(key.Scope, key.ID, 0, 1)
			if err == nil && versions[0].MaterialHash != (store.MaterialHash{}) {
				made++
			}
			return err
		})
	})
	if err != nil || made == 60 {
		t.Errorf("%v; every key was made before the start was over", err)
	}
}

func TestSeedOnlyEmptyLeavesAStoreWithKeysAlone(t *testing.T) {
	onlyEmpty := func(o *Options) { o.SeedOnlyEmpty = true }
	first := newTestServer(t, holding(t, "keys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}]"), onlyEmpty)
	second := first.restart("keys: [{keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}]", onlyEmpty)
	if a := second.do("DescribeKey", "KeyId", "key-b"); a.code() != "Forbidden.KeyNotFound" {
		t.Errorf("%d %s", a.status, a.body)
	}
	second.must("POST", "reset", "")
	second.mustDo("DescribeKey", "KeyId", "key-b")
	if a := second.do("DescribeKey", "KeyId", "key-a"); a.code() != "Forbidden.KeyNotFound" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAResetLeavesTheScenarioAndNothingElse(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, at(real), holding(t, `
keys:
  - {keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/a], description: seeded, creationDate: -30d, tags: {k: v}}
  - {keyId: key-b, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, keyState: PendingDeletion, deleteDate: +7d, creationDate: -1d}
quotas: [{name: q, rate: 3/h, match: {operation: DescribeRegions}}]
faults:
  - {name: f, match: {operation: GetPublicKey}, script: [{pass: 100}]}
  - {name: start, match: {operation: ListAliases}, until: +2s, error: InternalFailure}
`))
	before := s.dump()
	s.must("DELETE", "faults/start", "")
	rules := func() string { return s.must("GET", "faults/f", "").body + s.must("GET", "quotas", "").body }
	fresh := strings.Replace(rules(), `"calls":2`, `"calls":0`, 1)
	s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	s.mustDo("CreateKeyVersion", "KeyId", "key-a")
	s.mustDo("UpdateKeyDescription", "KeyId", "key-a", "Description", "changed")
	s.mustDo("CreateAlias", "KeyId", "key-a", "AliasName", "alias/new")
	s.mustDo("DeleteAlias", "AliasName", "alias/a")
	s.mustDo("CancelKeyDeletion", "KeyId", "key-b")
	s.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	s.must("POST", "clock/advance", "{by: 30d}")
	s.must("PUT", "faults/other", "{error: InternalFailure}")
	passing(s, 5, form("DescribeRegions"))

	if a := s.must("POST", "reset", ""); a.body != "{}" {
		t.Errorf("answered %s", a.body)
	}
	if a := s.must("GET", "requests", ""); a.object["count"] != 0.0 || a.object["dropped"] != 0.0 {
		t.Errorf("the journal has %s", a.body)
	}
	if a := s.do("ListAliases"); faultOf(a) != "start" {
		t.Errorf("until +2s is not counted anew: %d %s", a.status, a.body)
	}
	if got := s.names("faults"); !reflect.DeepEqual(got, []string{"f", "start"}) {
		t.Errorf("the faults are %v", got)
	}
	if got := withoutNearest(rules()); got != withoutNearest(fresh) {
		t.Errorf("the rules are\n%s\nwere\n%s", got, fresh)
	}
	if after := s.dump(); !reflect.DeepEqual(after, before) {
		t.Errorf("the keys are\n%v\nwere\n%v", after, before)
	}
	real.add(time.Hour) // the dates are counted from each reset
	s.must("POST", "reset", "")
	if a := s.mustDo("DescribeKey", "KeyId", "key-b"); a.field("KeyMetadata.DeleteDate") != "2026-06-08T13:00:00Z" || a.field("KeyMetadata.CreationDate") != "2026-05-31T13:00:00Z" {
		t.Errorf("%s", a.body)
	}
}

// withoutNearest cuts what a rule says of the journal.
func withoutNearest(text string) string {
	head, rest, found := strings.Cut(text, `,"nearest":`)
	if !found {
		return text
	}
	_, rest, _ = strings.Cut(rest, "}")
	_, rest, _ = strings.Cut(rest, "}")
	return head + rest
}

// A call sees the state before a reset or after it, never one in between.
func TestAResetIsOneStepForTheCallsInFlight(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.dump() // so that all material is there
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, params := range []string{"key-a", "alias/a", "alias/b"} {
					if a := serve(s, form("DescribeKey", "KeyId", params)); a.status != http.StatusOK {
						t.Errorf("%s: %d %s", params, a.status, a.body)
					}
				}
				if a := serve(s, form("GetPublicKey", "KeyId", "key-a", "KeyVersionId", "version-1")); a.status != http.StatusOK {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
	for range rounds(30, 5) {
		s.must("POST", "reset", "")
	}
	close(stop)
	callers.Wait()
}

func TestARestartBeginsRulesAndJournalAnew(t *testing.T) {
	scenario := ruleScenario + "faults: [{name: f, script: [{error: InternalFailure}]}]\n"
	first := newTestServer(t, holding(t, scenario))
	if got := story(first, 2); got != "I." {
		t.Errorf("%s, want I.", got)
	}
	first.must("PUT", "faults/mine", "{error: Rejected.Throttling}")
	second := first.restart(scenario)
	if got := second.names("faults"); !reflect.DeepEqual(got, []string{"f"}) {
		t.Errorf("the faults are %v", got)
	}
	if got := story(second, 2); got != "I." {
		t.Errorf("%s, want I.", got)
	}
	if a := second.must("GET", "requests", ""); a.object["count"] != 2.0 {
		t.Errorf("the journal has %s", a.body)
	}
}

const exportScenario = `
account: "1234567890123456"
region: cn-hangzhou
clock: 2026-06-01T00:00:00Z
credentials:
  - {accessKeyId: app, accessKeySecret: "s: #1", account: "2222222222222222"}
  - {accessKeyId: lim, accessKeySecret: s, securityToken: t, policy: {Version: "1", Statement: [{Effect: Allow, Action: ["kms:Describe*"], Resource: ["*"]}]}}
instances: [{instanceId: kst-one, publicAccess: true}, {instanceId: kst-far, region: cn-beijing}]
keys:
  - {keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, creationDate: -30d, description: "two\nlines \u00e9 \t#", tags: {k: "v:1", n: "1"},
     aliases: [alias/a, alias/z], deletionProtection: Enabled, versions: [{keyVersionId: version-1}, {keyVersionId: version-2, creationDate: -1d}]}
  - {keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, keyState: Disabled, dkmsInstanceId: kst-one}
  - {keyId: key-c, keySpec: RSA_2048, keyUsage: SIGN/VERIFY, keyState: PendingDeletion, deleteDate: +7d, creationDate: -1h,
     versions: [{privateKey: %s}]}
  - {keyId: key-far, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, region: cn-beijing, account: "2222222222222222", aliases: [alias/a]}
quotas: [{name: q, rate: 5/m, match: {operation: [CreateKey, ListKeys]}}, {profile: shared-gateway}]
faults:
  - {name: f, match: {operation: AsymmetricEncrypt, keyId: alias/a}, from: +1d, script: [{pass: 2}, {error: Rejected.Throttling, retryAfter: 1s500ms, times: 3}], repeat: last}
  - {name: g, match: {accessKeyId: app}, chance: 0.125, seed: 18446744073709551615, error: {code: X, status: 418, message: "a: b"}, phase: after, delay: 5ms}
`

func TestAnExportMakesAnEmptyEmulatorBehaveTheSame(t *testing.T) {
	s := newTestServer(t, holding(t, fmt.Sprintf(exportScenario, inline(defaultPEM(t, "key-hzz630494463ejqjx0004")))))
	s.know(nil) // until the keys are compared
	s.mustDo("UpdateKeyDescription", "KeyId", "key-a", "Description", "- 'no' \"yes\": {a}\n\n  b\x7f\u2028\u00a0🔑\r\n\\")
	s.mustDo("UpdateAlias", "AliasName", "alias/z", "KeyId", "key-b")
	made := s.mustDo("CreateKey", "KeySpec", "EC_SM2", "KeyUsage", "ENCRYPT/DECRYPT", "Tags", `[{"TagKey":"x","TagValue":""}]`).field("KeyMetadata.KeyId").(string)
	s.must("POST", "clock/advance", "{by: 36h}")
	s.mustDo("CreateKeyVersion", "KeyId", "key-a")
	version := s.mustDo("ListKeyVersions", "KeyId", made).field("KeyVersions.KeyVersion").([]any)[0].(map[string]any)["KeyVersionId"].(string)
	cipher := s.mustDo("AsymmetricEncrypt", "KeyId", made, "KeyVersionId", version, "Algorithm", "SM2PKE", "Plaintext", "c2VjcmV0").object["CiphertextBlob"].(string)

	exported := s.must("GET", "export", "").body
	if !strings.HasPrefix(exported, "#") || !strings.Contains(exported, "TEST KEYS") {
		t.Errorf("its keys are not marked: %.200s", exported)
	}
	again := newTestServer(t, holding(t, exported), func(o *Options) { o.Region, o.Account = "cn-shanghai", "3333333333333333" })
	if second := again.must("GET", "export", "").body; second != exported {
		t.Errorf("exported again it is\n%s\nfirst\n%s", second, exported)
	}
	if got, want := interpretedCredentials(t, again), interpretedCredentials(t, s); !reflect.DeepEqual(got, want) || got["app"].Secret != "s: #1" {
		t.Errorf("the callers are %v, want %v", got, want)
	}
	again.know(nil)
	for _, host := range []string{sharedHost, "kms.cn-beijing.aliyuncs.com"} {
		if got, want := serve(again, form("ListKeys"), toHost(host)).object["Keys"], serve(s, form("ListKeys"), toHost(host)).object["Keys"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s has the keys %v, want %v", host, got, want)
		}
	}
	for _, plural := range []string{"faults", "quotas"} {
		if got := again.names(plural); !reflect.DeepEqual(got, s.names(plural)) {
			t.Errorf("%s %v, want %v", plural, got, s.names(plural))
		}
	}
	for _, server := range []*testServer{s, again} {
		server.must("DELETE", "quotas", "")
		server.must("DELETE", "faults", "")
	}
	if got, want := again.dump(), s.dump(); !reflect.DeepEqual(got, want) {
		t.Errorf("the keys are\n%v\nwant\n%v", got, want)
	}
	opened := again.mustDo("AsymmetricDecrypt", "KeyId", made, "KeyVersionId", version, "Algorithm", "SM2PKE", "CiphertextBlob", cipher)
	if opened.object["Plaintext"] != "c2VjcmV0" {
		t.Errorf("the ciphertext of the first opens as %s", opened.body)
	}
}

func interpretedCredentials(t testing.TB, s *testServer) map[string]auth.Credential {
	loaded, problems := interpret(s.inForce.Load().doc, s.scope, s.more, s.clock.now())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return loaded.credentials
}

func TestAnExportedRuleBeginsAnewWithItsTimesAbsolute(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario+"faults: [{name: f, from: +1d, until: +2d, script: [{error: InternalFailure}]}]"))
	s.must("POST", "clock/advance", "{by: 1d}")
	if got := story(s, 2); got != "I." {
		t.Fatalf("%s, want I.", got)
	}
	exported := s.must("GET", "export", "").body
	if !strings.Contains(exported, "2026-06-02T00:00:00Z") || !strings.Contains(exported, "2026-06-03T00:00:00Z") {
		t.Errorf("%s", exported)
	}
	if got := story(newTestServer(t, holding(t, exported)), 2); got != "I." {
		t.Errorf("%s, want I.", got)
	}
}

func TestAnExportHasTheCredentialsOfTheSettings(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Credentials = []Credential{{"flag", "its-secret"}} })
	again := newTestServer(t, holding(t, s.must("GET", "export", "").body))
	if a := again.call("flag", form("ListKeys")); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// loadsAgain says what is wrong with an export as a scenario of an empty emulator.
func (s *testServer) loadsAgain(change ...func(*Options)) string {
	s.t.Helper()
	text := s.must("GET", "export", "").body
	document, problems := fixtures.Parse("export.yaml", []byte(text))
	if len(problems) > 0 {
		return problems.Error()
	}
	st, err := store.Open(filepath.Join(s.t.TempDir(), "again.db"), store.Options{Ephemeral: true})
	if err != nil {
		s.t.Fatal(err)
	}
	defer st.Close()
	o := Options{Store: st, Scenario: document, Region: "cn-hangzhou", Account: "1234567890123456"}
	for _, f := range change {
		f(&o)
	}
	server, err := New(o)
	if err != nil {
		return err.Error()
	}
	server.Close()
	return ""
}

func TestAnExportLoadsWhenTheClockWasSetBack(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	s.must("PUT", "clock", "{now: 2020-01-01T00:00:00Z}")
	if wrong := s.loadsAgain(); wrong != "" {
		t.Error(wrong)
	}
}

func TestAnExportLoadsWhenAVersionIsOlderThanTheOneBefore(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	for _, now := range []string{"2026-05-02T00:00:00Z", "2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z"} {
		s.must("PUT", "clock", "{now: "+now+"}")
		s.mustDo("CreateKeyVersion", "KeyId", "key-a")
	}
	if wrong := s.loadsAgain(); wrong != "" {
		t.Error(wrong)
	}
}

func TestAnExportLoadsWhenARunningClockWasMovedOn(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, holding(t, runningScenario), at(real))
	s.must("POST", "clock/advance", "{by: 8d}")
	s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	if wrong := s.loadsAgain(at(real)); wrong != "" {
		t.Error(wrong)
	}
}

func TestAnExportLoadsWhenARuleIsAboutAKeyThatIsGone(t *testing.T) {
	for _, match := range []string{"{keyId: alias/a}", "{keyId: [key-a, key-b]}", "{keyVersionId: version-1}"} {
		s := newTestServer(t, holding(t, ruleScenario))
		s.must("PUT", "faults/f", "{match: "+match+", script: [{pass: 100}]}")
		s.must("PUT", "quotas/q", "{match: "+match+", rate: 5/s}")
		s.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
		s.must("POST", "clock/advance", "{by: 7d}")
		if wrong := s.loadsAgain(); wrong != "" {
			t.Errorf("%s: %s", match, wrong)
		}
	}
}

// The rule in force is about the key that the alias named when the rule came.
func TestAnExportedRuleIsAboutTheKeyItWasAbout(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.must("PUT", "faults/f", "{match: {operation: DescribeKey, keyId: alias/a2}, error: InternalFailure}")
	s.mustDo("UpdateAlias", "AliasName", "alias/a2", "KeyId", "key-b")
	again := newTestServer(t, holding(t, s.must("GET", "export", "").body))
	for name, server := range map[string]*testServer{"the first": s, "the second": again} {
		for keyID, met := range map[string]bool{"key-a": true, "key-b": false} {
			if a := server.do("DescribeKey", "KeyId", keyID); (faultOf(a) == "f") != met {
				t.Errorf("%s, %s: %d %s", name, keyID, a.status, a.body)
			}
		}
	}
}

func TestAnExportKeepsAnyDescriptionThatKMSTakes(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	for _, text := range []string{"", " ", "~", "null", "1.5", "-", "|", "a\r\nb", "\x00\x01\x1b", "\ufeff", "\u2029\u0085", "'", `"`, "# x", "a: b", "&a", "*a", "!a", "%a", "@a", "`a",
		"💥", "\t", " a ", "a\n", "\n\n", strings.Repeat("é", 8192), "2026-01-01T00:00:00Z", "true", "-----BEGIN X\n"} {
		s.mustDo("UpdateKeyDescription", "KeyId", "key-a", "Description", text)
		document, problems := fixtures.Parse("export.yaml", []byte(s.must("GET", "export", "").body))
		if len(problems) > 0 || document.Keys[0].Description != text {
			t.Errorf("%.40q comes back as %v %v", text, problems, document.Keys)
		}
	}
}

// A plaintext is opened with the material that the scenario brought in any form.
func TestPrivateKeysOfAScenarioAreThoseThatAreUsed(t *testing.T) {
	s := newTestServer(t)
	other := newTestServer(t)
	for _, c := range []struct{ keyID, version, algorithm string }{
		{rsaKey, rsaVersion, "RSAES_OAEP_SHA_256"},
		{"key-hzz630494463ejqjx0002", "2ab1a983-7072-4bbc-a582-584b5bd80002", "RSAES_OAEP_SHA_1"},
		{sm2Key, sm2Version, "SM2PKE"},
	} {
		plain := base64.StdEncoding.EncodeToString([]byte("the same everywhere"))
		sealed := s.mustDo("AsymmetricEncrypt", "KeyId", c.keyID, "KeyVersionId", c.version, "Algorithm", c.algorithm, "Plaintext", plain)
		opened := other.mustDo("AsymmetricDecrypt", "KeyId", c.keyID, "KeyVersionId", c.version, "Algorithm", c.algorithm,
			"CiphertextBlob", sealed.object["CiphertextBlob"].(string))
		if opened.object["Plaintext"] != plain {
			t.Errorf("%s: %s", c.keyID, opened.body)
		}
	}
}

// A key id may come back with another spec, when the first key was deleted.
func TestGeneratedMaterialOfAnotherSpecIsNotUsed(t *testing.T) {
	long(t)
	const scenario = "keys: [{keyId: key-a, keySpec: %s, keyUsage: SIGN/VERIFY}, {keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}]"
	first := newTestServer(t, holding(t, fmt.Sprintf(scenario, "EC_SM2")))
	first.dump()
	first.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	first.must("POST", "clock/advance", "{by: 8d}")
	first.mustDo("EnableKey", "KeyId", "key-b") // removes key-a
	second := first.restart(fmt.Sprintf(scenario, "RSA_3072"))
	second.must("POST", "reset", "")
	if a := second.do("GetPublicKey", "KeyId", "key-a", "KeyVersionId", fixtures.DerivedVersionID("key-a", 1)); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTheExampleIsACallThatTheScenarioAllows(t *testing.T) {
	for keys, want := range map[string]string{
		"{keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}":                                            "-d Action=Encrypt -d KeyId=key-a ",
		"{keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, versions: [{creationDate: -1d}]}":                   "-d KeyVersionId=" + fixtures.DerivedVersionID("key-a", 1) + " ",
		"{keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT}":                                                    "-d KeyVersionId=" + fixtures.DerivedVersionID("key-a", 1) + " ",
		"{keyId: key-a, keySpec: EC_P256, keyUsage: SIGN/VERIFY}":                                                       "-d Action=ListKeys",
		"{keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, origin: EXTERNAL, keyState: PendingImport}": "-d Action=ListKeys",
		"{keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, versions: [{keyVersionId: v}]}":                     "-d Action=AsymmetricEncrypt -d KeyId=key-a -d KeyVersionId=v -d Algorithm=SM2PKE ",
	} {
		s := newTestServer(t, holding(t, "keys: ["+keys+"]"))
		if got := s.Example("http://localhost"); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
	}
}
