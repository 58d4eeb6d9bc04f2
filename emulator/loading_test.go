package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alikms/alikms/fixtures"
)

const putScenario = `
region: cn-beijing
clock: 2026-02-01T00:00:00Z
keys:
  - {keyId: key-put, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, creationDate: -30d, aliases: [alias/put]}
quotas: [{name: q, rate: 5/s}]
faults: [{name: f, match: {keyId: alias/put}, until: +2s, error: InternalFailure}]
`

func TestAScenarioIsPutAndAnsweredAsItWasWritten(t *testing.T) {
	s := newTestServer(t)
	s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	a := s.must("PUT", "scenario", putScenario)
	want := `{"region": "cn-beijing", "clock": "2026-02-01T00:00:00Z",
		"keys": [{"keyId": "key-put", "keySpec": "EC_SM2", "keyUsage": "ENCRYPT/DECRYPT", "creationDate": "-30d", "aliases": ["alias/put"]}],
		"quotas": [{"name": "q", "rate": "5/s"}],
		"faults": [{"name": "f", "match": {"keyId": "alias/put"}, "until": "+2s", "error": "InternalFailure"}]}`
	if !sameJSON(t, a.body, want) {
		t.Errorf("PUT answers\n%s\nwant\n%s", a.body, want)
	}
	again := s.must("GET", "scenario", "").body
	if !sameJSON(t, again, want) || !sameJSON(t, s.must("PUT", "scenario", again).body, want) {
		t.Errorf("what GET answers is not as it was put, or cannot be put:\n%s", again)
	}
	keys := s.mustDo("ListKeys")
	if keys.header.Get("Date") != "Sun, 01 Feb 2026 00:00:00 GMT" || keys.field("TotalCount") != 1.0 || keys.field("Keys.Key").([]any)[0].(map[string]any)["KeyId"] != "key-put" {
		t.Errorf("the scenario put is not in force: %v %s", keys.header, keys.body)
	}
	if s.must("GET", "quotas", "").field("quotas").([]any)[0].(map[string]any)["name"] != "q" || s.must("GET", "faults/f", "").status != http.StatusOK {
		t.Error("its rules are not in force")
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var values [2]any
	for i, text := range []string{a, b} {
		if err := json.Unmarshal([]byte(text), &values[i]); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}

func TestAResetReturnsToTheScenarioPut(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "scenario", "keys: [{keyId: key-put, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}]")
	public := s.mustDo("GetPublicKey", "KeyId", "key-put", "KeyVersionId", fixtures.DerivedVersionID("key-put", 1)).field("PublicKey")
	s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	s.must("PUT", "faults/f", "{error: InternalFailure}")
	s.must("POST", "clock/advance", "{by: 1d}")
	s.must("POST", "reset", "")
	if keys := s.mustDo("ListKeys"); keys.field("TotalCount") != 1.0 {
		t.Errorf("after the reset there are %s", keys.body)
	}
	if now := s.mustDo("GetPublicKey", "KeyId", "key-put", "KeyVersionId", fixtures.DerivedVersionID("key-put", 1)).field("PublicKey"); now != public {
		t.Error("a reset made a key of the scenario anew")
	}
}

func TestAScenarioThatIsRefusedChangesNothing(t *testing.T) {
	pem := filepath.Join(t.TempDir(), "host.pem")
	if err := os.WriteFile(pem, []byte(defaultPEM(t, rsaKey)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newTestServer(t, func(o *Options) { o.Credentials = []Credential{{"flag", "flag-secret"}} })
	s.must("PUT", "faults/kept", "{match: {operation: CreateKey}, error: InternalFailure}")
	s.must("POST", "clock/advance", "{by: 1d}")
	before := s.everyControl() + s.must("GET", "scenario", "").body
	const key = "{keyId: k, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT"
	for name, c := range map[string]struct{ body, at, message string }{
		"not YAML":             {"{", "1:1", "is not YAML"},
		"a list":               {"[]", "1:1", "a map of fields is expected here"},
		"unknown field":        {"keys:\n- {keyId: k, spec: RSA_2048, keyUsage: ENCRYPT/DECRYPT}", "2:14 keys[0]", `no field "spec"; did you mean keySpec?`},
		"unknown spec":         {"keys: [{keyId: k, keySpec: RSA_2047, keyUsage: SIGN/VERIFY}]", "1:28 keys[0].keySpec", "is not allowed here; one of"},
		"a file of the host":   {"keys: [" + key + ", versions: [{privateKeyFile: " + pem + "}]}]", "1:77 keys[0].versions[0].privateKeyFile", "which a control does not read: write its content here, as privateKey"},
		"no such file":         {"keys: [" + key + ", versions: [{privateKeyFile: /no/such.pem}]}]", "1:77 keys[0].versions[0].privateKeyFile", "which a control does not read"},
		"a caller of the flag": {"credentials: [{accessKeyId: flag, accessKeySecret: x}]", "1:29 credentials[0].accessKeyId", "is given by --credential too"},
		"a rule about nothing": {"faults: [{name: f, match: {keyId: " + rsaKey + "}, error: InternalFailure}]", "1:35 faults[0].match.keyId", "is no key here"},
		"an alias twice":       {"keys: [" + key + ", aliases: [alias/a]}, {keyId: l, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/a]}]", "1:147 keys[1].aliases[0]", "is already used at 1:75"},
		"too many values":      {"keys: [" + strings.Repeat(",", 2_000_001) + "]", "1:1", "more than 2000000 values"},
		"too large":            {strings.Repeat("# 64 MiB of comments\n", 64<<20/21+1), "", "too large: more than 64 MiB"},
	} {
		a := s.control("PUT", "scenario", c.body)
		var refused controlErrors
		if err := json.Unmarshal([]byte(a.body), &refused); err != nil || a.status != http.StatusBadRequest || len(refused.Errors) == 0 {
			t.Errorf("%s: %d %.200s", name, a.status, a.body)
			continue
		}
		first := refused.Errors[0]
		at := ""
		if first.Line > 0 {
			at = strings.TrimSpace(fmt.Sprintf("%d:%d %s", first.Line, first.Column, first.Path))
		}
		if at != c.at || !strings.Contains(first.Message, c.message) {
			t.Errorf("%s: %s %q, want %s %q", name, at, first.Message, c.at, c.message)
		}
	}
	if after := s.everyControl() + s.must("GET", "scenario", "").body; after != before {
		t.Errorf("refused scenarios changed something:\n%s\nbefore\n%s", after, before)
	}
}

func TestAccessKeysOfTheFlagsStay(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Credentials = []Credential{{"flag", "flag-secret"}} })
	s.must("PUT", "scenario", "credentials: [{accessKeyId: other, accessKeySecret: other-secret}]")
	s.secrets["other"] = "other-secret"
	for caller, code := range map[string]string{"flag": "", "other": "", "": "MissingAccessKeyId"} {
		if a := s.call(caller, form("ListKeys")); a.code() != code {
			t.Errorf("%q: %s, want %q", caller, a.body, code)
		}
	}
	s.must("PUT", "scenario", "{}")
	for caller, code := range map[string]string{"flag": "", "other": "InvalidAccessKeyId.NotFound"} {
		if a := s.call(caller, form("ListKeys")); a.code() != code {
			t.Errorf("%q: %s, want %q", caller, a.body, code)
		}
	}
}

func TestAScenarioPutDropsTheCallsThatWait(t *testing.T) {
	for _, action := range []string{"delay: 1h", "delay: 1h, phase: after"} {
		s := newTestServer(t)
		s.must("PUT", "faults/f", "{match: {operation: CreateAlias}, "+action+"}")
		done := s.hang(1, form("CreateAlias", "KeyId", sm2Key, "AliasName", "alias/new"))
		s.must("PUT", "scenario", s.must("GET", "scenario", "").body)
		if got := <-done; got.err == nil {
			t.Errorf("%s: the client got %s", action, got.answer.body)
		}
		if a := s.do("DescribeKey", "KeyId", "alias/new"); a.code() != "Forbidden.AliasNotFound" {
			t.Errorf("%s: the operation took effect in the new scenario: %s", action, a.body)
		}
	}
}

// The ids of two scenarios may be of different keys.
func TestTheSameIDsMayBeOtherKeysInAnotherScenario(t *testing.T) {
	s := newTestServer(t)
	for range 2 {
		for _, spec := range []string{"EC_SM2", "EC_P256", "Aliyun_AES_256", "Aliyun_SM4"} {
			usage := "SIGN/VERIFY"
			if strings.HasPrefix(spec, "Aliyun") {
				usage = "ENCRYPT/DECRYPT, automaticRotation: Enabled, rotationInterval: 7d"
			}
			s.must("PUT", "scenario", "keys: [{keyId: key-same, keySpec: "+spec+", keyUsage: "+usage+"}]")
			if got := s.mustDo("DescribeKey", "KeyId", "key-same").field("KeyMetadata.KeySpec"); got != spec {
				t.Errorf("the key is of %v, want %s", got, spec)
			}
			s.must("POST", "clock/advance", "{by: 8d}")
			if usage == "SIGN/VERIFY" {
				s.mustDo("GetPublicKey", "KeyId", "key-same", "KeyVersionId", fixtures.DerivedVersionID("key-same", 1))
			} else {
				s.expectOpens(s.seal("key-same", "text"), "text")
			}
			loadedAgain := s.must("GET", "export", "").body
			scenarioOf(t, loadedAgain)
		}
	}
}

func TestAStartReturnsToItsOwnScenario(t *testing.T) {
	const own = "keys: [{keyId: key-one, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/a]}]"
	first := newTestServer(t, holding(t, own))
	version := fixtures.DerivedVersionID("key-one", 1)
	public := first.mustDo("GetPublicKey", "KeyId", "key-one", "KeyVersionId", version).field("PublicKey")
	first.must("PUT", "scenario", "clock: 2026-02-01T00:00:00Z\nkeys: [{keyId: key-one, keySpec: EC_P256, keyUsage: SIGN/VERIFY}, {keyId: key-two, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/a]}]")
	first.must("POST", "reset", "") // stays with the scenario put, and so does its mark
	var log strings.Builder
	second := first.restart(own, logging(&log))
	if keys := second.mustDo("ListKeys"); keys.field("TotalCount") != 1.0 || !strings.Contains(keys.body, "key-one") {
		t.Errorf("the start has %s", keys.body)
	}
	if got := second.mustDo("GetPublicKey", "KeyId", "key-one", "KeyVersionId", version).field("PublicKey"); got != public {
		t.Error("the generated key of the start's own scenario is another one")
	}
	if second.must("GET", "clock", "").field("frozen") != false {
		t.Error("the clock of the scenario put outlives it")
	}
	if !strings.Contains(log.String(), "this start begins with its own scenario alone") {
		t.Errorf("the log does not say so: %s", log.String())
	}
	second.mustDo("CreateKey", "KeySpec", "EC_SM2")
	third := second.restart(own)
	if keys := third.mustDo("ListKeys"); keys.field("TotalCount") != 2.0 {
		t.Errorf("the start after that one lost what calls made: %s", keys.body)
	}
}

func TestAFreshStartHoldsTheScenarioAlone(t *testing.T) {
	first := newTestServer(t, holding(t, "keys: [{keyId: key-one, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}]"))
	first.mustDo("CreateKey", "KeySpec", "EC_SM2")
	first.must("POST", "clock/advance", "{by: 1d}")
	second := first.restart("keys: [{keyId: key-one, keySpec: EC_P256, keyUsage: SIGN/VERIFY}]", func(o *Options) { o.Fresh = true })
	if keys := second.mustDo("ListKeys"); keys.field("TotalCount") != 1.0 {
		t.Errorf("the start has %s", keys.body)
	}
	if got := second.mustDo("DescribeKey", "KeyId", "key-one").field("KeyMetadata.KeySpec"); got != "EC_P256" {
		t.Errorf("key-one is of %v", got)
	}
}

// A call is answered under one scenario: that before or that after, never with the
// caller of one, the rule of the other and the key of either.
func TestNoCallIsAnsweredUnderTwoScenarios(t *testing.T) {
	scenario := func(name, spec string) string {
		return fmt.Sprintf(`
credentials: [{accessKeyId: app-%[1]s, accessKeySecret: secret}]
instances: [{instanceId: kst-%[1]s, publicAccess: true}]
keys:
  - {keyId: key-one, keySpec: %[2]s, keyUsage: SIGN/VERIFY, description: %[1]s, versions: [{privateKey: %[3]s}]}
faults: [{name: fault-%[1]s, match: {operation: ListAliases}, error: Rejected.Throttling}]
`, name, spec, inline(defaultPEM(t, map[string]string{"RSA_2048": "key-hzz630494463ejqjx0004", "EC_SM2": "key-hzz630494463ejqjx0006"}[spec])))
	}
	s := newTestServer(t, holding(t, scenario("a", "RSA_2048")))
	scenarios := map[string]string{"a": scenario("a", "RSA_2048"), "b": scenario("b", "EC_SM2")}
	version := fixtures.DerivedVersionID("key-one", 1)
	keyLength := map[string]int{"a": len(publicKeyOf(s, "app-a", version))}
	s.must("PUT", "scenario", scenarios["b"])
	keyLength["b"] = len(publicKeyOf(s, "app-b", version))
	// What a call of each caller may get: the caller is unknown, or all is its own.
	calls := []func(who string, n int) (mixed string){
		func(who string, _ int) string {
			a := serve(s, signedForm("app-"+who, "secret", form("DescribeKey", "KeyId", "key-one")))
			return unless(a, a.field("KeyMetadata.Description") == who)
		},
		func(who string, _ int) string {
			a := serve(s, signedForm("app-"+who, "secret", form("ListAliases")))
			return unless(a, a.header.Get("x-alikms-fault") == "fault-"+who)
		},
		func(who string, _ int) string {
			a := serve(s, signedForm("app-"+who, "secret", form("GetPublicKey", "KeyId", "key-one", "KeyVersionId", version)))
			key, _ := a.field("PublicKey").(string)
			return unless(a, len(key) == keyLength[who])
		},
		func(who string, _ int) string {
			a := serve(s, signedForm("app-"+who, "secret", form("CreateKey", "KeySpec", "EC_SM2", "DKMSInstanceId", "kst-"+who)))
			return unless(a, a.field("KeyMetadata.DKMSInstanceId") == "kst-"+who)
		},
		func(who string, n int) string {
			a := serve(s, signedForm("app-"+who, "secret", form("CreateAlias", "KeyId", "key-one", "AliasName", fmt.Sprintf("alias/%s-%d", who, n))))
			return unless(a, a.status == http.StatusOK)
		},
	}
	var mixed, answered atomic.Int64
	var work sync.WaitGroup
	over := make(chan struct{})
	for i, call := range calls {
		for who := range scenarios {
			work.Go(func() {
				for n := i; ; n++ {
					select {
					case <-over:
						return
					default:
					}
					if wrong := call(who, n*len(calls)+i); wrong != "" && mixed.Add(1) < 10 {
						t.Errorf("%s got %s", who, wrong)
					}
					answered.Add(1)
				}
			})
		}
	}
	for n := range rounds(20, 4) {
		who := []string{"a", "b"}[n%2]
		s.must("PUT", "scenario", scenarios[who])
		for begin := answered.Load(); answered.Load() < begin+20; {
			runtime.Gosched()
		}
		other := []string{"b", "a"}[n%2]
		if export := s.must("GET", "export", "").body; strings.Contains(export, "alias/"+other) || strings.Contains(export, "kst-"+other) {
			t.Errorf("a write of %s came into the scenario of %s", other, who)
		}
		if journal := s.must("GET", "requests", "").body; strings.Contains(journal, `"fault":"fault-`+other) {
			t.Errorf("the journal of %s has calls of %s", who, other)
		}
	}
	close(over)
	work.Wait()
}

func publicKeyOf(s *testServer, who, version string) string {
	key, _ := serve(s, signedForm(who, "secret", form("GetPublicKey", "KeyId", "key-one", "KeyVersionId", version))).field("PublicKey").(string)
	return key
}

// unless is an answer that nobody should get: neither right nor that of a caller
// who is unknown.
func unless(a testAnswer, right bool) string {
	if right || a.code() == "InvalidAccessKeyId.NotFound" {
		return ""
	}
	return fmt.Sprint(a.status, a.header.Get("x-alikms-fault"), a.body)
}

func TestAScenarioIsPutFromNoOtherSite(t *testing.T) {
	s := newTestServer(t)
	before := s.must("GET", "scenario", "").body
	for _, method := range []string{"GET", "PUT"} {
		for name, change := range map[string]func(*http.Request){
			"cross-site":    func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"DNS rebinding": func(r *http.Request) { r.Host = "evil.example" },
		} {
			r := httptest.NewRequest(method, "/_emulator/scenario", strings.NewReader("{}"))
			r.Host = "localhost"
			change(r)
			if a := served(s, r); a.status != http.StatusForbidden || strings.Contains(a.body, "key") {
				t.Errorf("%s %s: %d %s", method, name, a.status, a.body)
			}
		}
	}
	if after := s.must("GET", "scenario", "").body; after != before {
		t.Error("the scenario changed")
	}
}
