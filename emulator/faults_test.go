package emulator

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/kmserr"
)

// ruleScenario has an instance beside a key of each gateway, on a clock that stands.
const ruleScenario = `
clock: 2026-06-01T00:00:00Z
instances: [{instanceId: kst-one, publicAccess: true}, {instanceId: kst-two}]
keys:
  - {keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/a, alias/a2],
     versions: [{keyVersionId: version-1}, {keyVersionId: version-2}]}
  - {keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/b], dkmsInstanceId: kst-one}
`

const (
	sharedHost   = "kms.cn-hangzhou.aliyuncs.com"
	instanceHost = "kst-one.cryptoservice.kms.aliyuncs.com"
	arnPrefix    = "acs:kms:cn-hangzhou:1234567890123456:"
)

// faultOf is the rule that acted on an answer, or "".
func faultOf(a testAnswer) string { return a.header.Get("x-alikms-fault") }

func TestAFaultMeetsTheCallsThatFitEveryFieldOfItsMatch(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	encrypt := func(more ...string) url.Values { return form("AsymmetricEncrypt", more...) }
	for _, c := range []struct {
		match  string
		host   string
		params url.Values
		fits   bool
	}{
		{"{operation: DescribeKey}", "", form("DescribeKey"), true},
		{"{operation: DescribeKey}", "", form("ListKeys"), false},
		{"{operation: [DescribeKey, ListKeys]}", "", form("ListKeys"), true},
		{"{keyId: key-a}", "", form("DescribeKey", "KeyId", "key-a"), true},
		{"{keyId: key-a}", "", form("DescribeKey", "KeyId", "alias/a2"), true},
		{"{keyId: key-a}", "", form("DescribeKey", "KeyId", arnPrefix+"key/key-a"), true},
		{"{keyId: key-a}", "", form("DescribeKey", "KeyId", arnPrefix+"alias/a"), true},
		{"{keyId: alias/a}", "", form("DescribeKey", "KeyId", "key-a"), true},
		{"{keyId: '" + arnPrefix + "key/key-a'}", "", form("DescribeKey", "KeyId", "alias/a"), true},
		{"{keyId: [key-b, key-a]}", "", form("DescribeKey", "KeyId", "alias/a"), true},
		{"{keyId: key-a}", "", form("DescribeKey", "KeyId", "key-b"), false},
		{"{keyId: key-a}", "", form("DescribeKey", "KeyId", "alias/none"), false},
		{"{keyId: key-a}", "", form("DescribeKey"), false},
		{"{keyId: key-a}", "", form("DescribeKey", "KeyId", "acs:kms:cn-beijing:1234567890123456:key/key-a"), false},
		{"{keyId: key-a}", "kms.cn-beijing.aliyuncs.com", form("DescribeKey", "KeyId", "key-a"), false},
		{"{keyVersionId: version-1}", "", encrypt("KeyVersionId", "version-1"), true},
		{"{keyVersionId: version-1}", "", encrypt("KeyVersionId", "version-2"), false},
		{"{keyVersionId: version-1}", "", encrypt(), false},
		{"{algorithm: SM2PKE}", "", encrypt("Algorithm", "SM2PKE"), true},
		{"{algorithm: SM2PKE}", "", encrypt("Algorithm", "RSAES_OAEP_SHA_1"), false},
		{"{accessKeyId: app-a}", "", form("ListKeys", "AccessKeyId", "app-a"), true},
		{"{accessKeyId: app-a}", "", form("ListKeys", "AccessKeyId", "app-b"), false},
		{"{accessKeyId: app-a}", "", form("ListKeys"), false},
		{"{gateway: shared}", sharedHost, form("ListKeys"), true},
		{"{gateway: shared}", instanceHost, form("GetPublicKey"), false},
		{"{gateway: kst-one}", instanceHost, form("GetPublicKey"), true},
		{"{gateway: kst-one}", "KST-ONE.localhost:8080", form("GetPublicKey"), true},
		{"{gateway: kst-one}", "kst-two.localhost", form("GetPublicKey"), false},
		{"{gateway: [shared, kst-two]}", "kst-two.localhost", form("GetPublicKey"), true},
		{"{operation: AsymmetricEncrypt, keyId: key-a, keyVersionId: version-2, algorithm: SM2PKE, accessKeyId: x, gateway: shared}", "",
			encrypt("KeyId", "alias/a", "KeyVersionId", "version-2", "Algorithm", "SM2PKE", "AccessKeyId", "x"), true},
		{"{operation: AsymmetricEncrypt, keyId: key-a, keyVersionId: version-2, algorithm: SM2PKE, accessKeyId: x, gateway: shared}", "",
			encrypt("KeyId", "alias/a", "KeyVersionId", "version-1", "Algorithm", "SM2PKE", "AccessKeyId", "x"), false},
	} {
		s.must("PUT", "faults", "{faults: [{name: f, match: "+c.match+", error: InternalFailure}]}")
		a := serve(s, c.params, toHost(c.host))
		if met := faultOf(a) == "f"; met != c.fits || met != (a.code() == "InternalFailure") {
			t.Errorf("%s and %v by %q: %d %s", c.match, c.params, c.host, a.status, a.body)
		}
	}
}

func TestAFaultWithoutAMatchMeetsEveryCall(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{error: InternalFailure}")
	for i := range kms.Operations {
		if a := serve(s, form(kms.Operations[i].Name)); faultOf(a) != "f" {
			t.Errorf("%s: %d %s", kms.Operations[i].Name, a.status, a.body)
		}
	}
}

func TestAFaultOnAKeyFitsCallsThatNameItByItsArnInProtectedResourceArn(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.must("PUT", "faults/f", "{match: {keyId: key-a}, error: InternalFailure}")
	if a := s.do("SetDeletionProtection", "ProtectedResourceArn", arnPrefix+"key/key-a", "EnableDeletionProtection", "true"); faultOf(a) != "f" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// story is what becomes of calls in turn: "." passes, a letter is the first of
// the code that was answered.
func story(s *testServer, calls int) string {
	var told strings.Builder
	for range calls {
		a := serve(s, form("DescribeRegions"))
		if a.status == http.StatusOK {
			told.WriteByte('.')
		} else {
			told.WriteString(a.code()[:1])
		}
	}
	return told.String()
}

const errorX = "error: {code: X, status: 418, message: m}"

func TestAScriptGivesEachCallItsStep(t *testing.T) {
	for _, c := range []struct{ rule, want string }{
		{"{name: f, script: [{" + errorX + "}]}", "X....."},
		{"{name: f, script: [{pass: 2}, {" + errorX + "}]}", "..X..."},
		{"{name: f, script: [{" + errorX + ", times: 3}]}", "XXX..."},
		{"{name: f, script: [{pass: 1}, {" + errorX + ", times: 2}, {pass: 2}, {error: InternalFailure}]}", ".XX..I..."},
		{"{name: f, script: [{pass: 2}, {" + errorX + "}], repeat: all}", "..X..X..X"},
		{"{name: f, script: [{" + errorX + "}, {error: InternalFailure, times: 2}], repeat: all}", "XIIXIIX"},
		{"{name: f, script: [{pass: 1}, {" + errorX + ", times: 2}], repeat: last}", ".XXXXXX"},
		{"{name: f, script: [{" + errorX + "}, {pass: 1}], repeat: last}", "X......"},
		{"{name: f, " + errorX + "}", "XXXX"},
		{"{name: f, script: [{" + errorX + "}], repeat: all}", "XXXX"},
		{"{name: f, script: [{" + errorX + "}]}, {name: g, script: [{error: InternalFailure, times: 2}]}", "XII..."},
		// The first that decides is the only one, even when it lets the call pass.
		{"{name: f, script: [{pass: 3}]}, {name: g, " + errorX + "}", "...XXX"},
		{"{name: f, script: [{pass: 1}, {" + errorX + "}], repeat: all}, {name: g, error: InternalFailure}", ".X.X.X"},
		{"{name: f, script: [{" + errorX + "}, {pass: 1}], repeat: last}, {name: g, error: InternalFailure}", "X....."},
		{"{name: f, match: {operation: CreateKey}, error: InternalFailure}, {name: g, script: [{" + errorX + "}]}", "X....."},
	} {
		s := newTestServer(t)
		s.must("PUT", "faults", "{faults: ["+c.rule+"]}")
		if got := story(s, len(c.want)); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.rule, got, c.want)
		}
	}
}

func TestARuleCountsTheCallsItDecidesAndThoseThatMetAnAction(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults", `{faults: [
		{name: elsewhere, match: {operation: CreateKey}, error: InternalFailure},
		{name: script, script: [{pass: 2}, {error: InternalFailure, times: 2}]},
		{name: later, error: Rejected.Throttling}]}`)
	s.expectStatus("faults/script", "calls=0", "hits=0", "spent=false")
	story(s, 3)
	s.expectStatus("faults/elsewhere", "calls=0", "hits=0", "spent=false")
	s.expectStatus("faults/script", "calls=3", "hits=1", "spent=false")
	s.expectStatus("faults/later", "calls=0", "hits=0", "spent=false")
	story(s, 4)
	s.expectStatus("faults/script", "calls=4", "hits=2", "spent=true")
	s.expectStatus("faults/later", "calls=3", "hits=3", "spent=false")
	s.must("PUT", "faults/script", "{script: [{error: InternalFailure}]}")
	s.expectStatus("faults/script", "calls=0", "hits=0", "spent=false")
}

func TestWhatIsNoCallIsNotSeenByARule(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures()
	s.must("PUT", "faults/f", "{error: InternalFailure}")
	s.do("ListKeys")                                 // refused: unsigned
	s.call("app", form("NoSuchAction"))              // unknown
	s.call("app", form("GenerateMac"))               // not emulated
	s.call("app", form("ListKeys", "Format", "BSD")) // unreadable
	s.must("GET", "clock", "")                       // a control
	s.expectStatus("faults/f", "calls=0")
	if a := s.call("app", form("ListKeys")); faultOf(a) != "f" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.call("app", form("AsymmetricEncrypt", "DryRun", "true")); a.code() != "InternalFailure" {
		t.Errorf("a DryRun is a call too, but got %d %s", a.status, a.body)
	}
	s.expectStatus("faults/f", "calls=2")
}

func TestARuleIsInForceFromItsFirstMomentToBeforeItsLast(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "clock", "{now: 2026-01-01T00:00:00Z}")
	s.must("PUT", "faults", `{faults: [
		{name: absolute, from: 2026-01-01T00:00:10Z, until: 2026-01-01T00:00:12Z, error: {code: A, status: 418, message: m}},
		{name: relative, from: +20s, until: +22s, error: {code: R, status: 418, message: m}}]}`)
	for _, c := range []struct{ at, want string }{
		{"2026-01-01T00:00:09.999Z", "."},
		{"2026-01-01T00:00:10Z", "A"},
		{"2026-01-01T00:00:11.999Z", "A"},
		{"2026-01-01T00:00:12Z", "."},
		{"2026-01-01T00:00:19.999Z", "."},
		{"2026-01-01T00:00:20Z", "R"},
		{"2026-01-01T00:00:22Z", "."},
		{"2026-01-01T00:00:10Z", "A"}, // set back
	} {
		s.must("PUT", "clock", "{now: "+c.at+"}")
		if got := story(s, 1); got != c.want {
			t.Errorf("at %s: %s, want %s", c.at, got, c.want)
		}
	}
	s.must("PUT", "clock", "{now: 2026-02-01T00:00:00Z}")
	s.must("PUT", "faults/relative", "{until: +2s, error: {code: R, status: 418, message: m}}")
	if got := story(s, 1); got != "R" {
		t.Error("a relative time is not counted from the control call that brought it")
	}
}

func TestTheNthCallMeetsItsActionWhenTheNthNumberIsBelowTheChance(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct {
		chance float64
		seed   uint64
	}{{0.3, 1}, {0.5, 7}, {0.01, 18446744073709551615}, {0.99, 0}} {
		s.must("PUT", "faults/f", fmt.Sprintf("{match: {operation: DescribeRegions}, chance: %v, seed: %d, %s}", c.chance, c.seed, errorX))
		random := rand.New(rand.NewPCG(c.seed, 0))
		var want strings.Builder
		for range 200 {
			want.WriteByte(map[bool]byte{true: 'X', false: '.'}[random.Float64() < c.chance])
		}
		serve(s, form("ListKeys")) // not decided by the rule, so no number is drawn
		if got := story(s, 200); got != want.String() {
			t.Errorf("chance %v, seed %d:\ngot  %s\nwant %s", c.chance, c.seed, got, want.String())
		}
		s.expectStatus("faults/f", "calls=200", fmt.Sprintf("hits=%d", strings.Count(want.String(), "X")))
	}
}

func TestAnInjectedErrorIsTheServicesOwnButForItsMark(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct {
		action        string
		status        int
		code, message string
		retryAfter    string
	}{
		{"error: Rejected.Throttling", 429, "Rejected.Throttling", "QPS Limit Exceeded", ""},
		{"error: Rejected.Throttling, retryAfter: 500ms", 429, "Rejected.Throttling", "QPS Limit Exceeded", "500"},
		{"error: Throttling.User, retryAfter: 1m1s", 400, "Throttling.User", "Request was denied due to user flow control.", "61000"},
		{"error: ServiceUnavailableTemporary", 503, "ServiceUnavailableTemporary", "Service Unavailable Temporary.", ""},
		{"error: MissingParameter", 400, "MissingParameter", "The parameter needed but no provided.", ""},
		{"error: InvalidParameter", 400, "InvalidParameter", "The specified parameter is not valid.", ""},
		{"error: Forbidden.NoPermission", 403, "Forbidden.NoPermission", "This operation is forbidden by permission system.", ""},
		{"error: {code: InternalFailure, message: Oh.}", 500, "InternalFailure", "Oh.", ""},
		{"error: {code: InternalFailure, status: 502}", 502, "InternalFailure", "Internal Failure.", ""},
		{`error: {code: Mine, status: 418, message: "50% <\"tea\"> & \u00e9\u8336"}`, 418, "Mine", `50% <"tea"> & é茶`, ""},
	} {
		s.must("PUT", "faults/f", "{"+c.action+"}")
		a := s.do("DescribeKey") // its parameter is missing, which an injected answer does not mind
		if a.status != c.status || a.code() != c.code || a.object["Message"] != c.message {
			t.Errorf("%s: %d %s", c.action, a.status, a.body)
		}
		if a.header.Get("x-acs-retry-after") != c.retryAfter || faultOf(a) != "f" || a.header.Get("x-alikms-quota") != "" {
			t.Errorf("%s: headers %v", c.action, a.header)
		}
		if a.object["RequestId"] != a.header.Get("x-acs-request-id") || a.header.Get("Content-Type") != contentTypeJSON {
			t.Errorf("%s: %s with headers %v", c.action, a.body, a.header)
		}
		inXML := s.do("DescribeKey", "Format", "XML")
		var told struct {
			XMLName                  xml.Name
			Code, Message, RequestId string
		}
		if err := xml.Unmarshal([]byte(inXML.body), &told); err != nil || told.XMLName.Local != "Error" || told.Code != c.code || told.Message != c.message {
			t.Errorf("%s: as XML %v %s", c.action, err, inXML.body)
		}
	}
}

func TestEveryCodeOfTheCatalogueCanBeInjected(t *testing.T) {
	s := newTestServer(t)
	for _, code := range kmserr.Codes() {
		known, _ := kmserr.Lookup(code)
		s.must("PUT", "faults/f", "{error: "+code+"}")
		a := serve(s, form("ListKeys"))
		if a.status != known.Status || a.code() != code || strings.Contains(a.body, "%") {
			t.Errorf("%s: %d %s", code, a.status, a.body)
		}
	}
}

func TestAnInjectedAnswerAsksNothingOfPermissions(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures()
	s.must("PUT", "faults/f", "{error: Rejected.Throttling}")
	if a := s.call("nobody", encryption()); a.code() != "Rejected.Throttling" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAFaultBeforeTheOperationKeepsItFromRunning(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{match: {operation: CreateAlias}, error: InternalFailure}")
	s.do("CreateAlias", "KeyId", sm2Key, "AliasName", "alias/new")
	s.must("DELETE", "faults", "")
	if a := s.do("DescribeKey", "KeyId", "alias/new"); a.code() != "Forbidden.AliasNotFound" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAFaultAfterTheOperationReplacesWhateverItAnswered(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{match: {operation: CreateAlias}, error: ServiceUnavailableTemporary, phase: after}")
	for _, c := range []struct {
		keyID    string
		replaced string
	}{
		{sm2Key, "map[code: status:200]"},
		{sm2Key, "map[code:AliasAlreadyExists status:400]"},
		{"", "map[code:MissingParameter status:400]"},
		{"none", "map[code:Forbidden.KeyNotFound status:404]"},
	} {
		a := s.do("CreateAlias", "KeyId", c.keyID, "AliasName", "alias/new")
		if a.code() != "ServiceUnavailableTemporary" || a.status != 503 || faultOf(a) != "f" {
			t.Errorf("%d %s", a.status, a.body)
		}
		entry := s.entry(a)
		if got := fmt.Sprint(entry["replaced"]); got != c.replaced || entry["status"] != 503.0 || entry["code"] != "ServiceUnavailableTemporary" {
			t.Errorf("the journal has %v, want replaced %s", entry, c.replaced)
		}
	}
	s.must("DELETE", "faults", "")
	s.mustDo("DescribeKey", "KeyId", "alias/new")
}

// entry is what the journal has of an answer.
func (s *testServer) entry(a testAnswer) map[string]any {
	s.t.Helper()
	found := s.must("GET", "requests?requestId="+a.header.Get("x-acs-request-id"), "").object["requests"].([]any)
	if len(found) != 1 {
		s.t.Fatalf("%d entries for request %s", len(found), a.header.Get("x-acs-request-id"))
	}
	return found[0].(map[string]any)
}

// entries are what the journal has of an operation, in order.
func (s *testServer) entries(operation string) (all []map[string]any) {
	s.t.Helper()
	for _, one := range s.must("GET", "requests?operation="+operation, "").object["requests"].([]any) {
		all = append(all, one.(map[string]any))
	}
	return all
}

func TestAResetConnectionAnswersNotAByte(t *testing.T) {
	for _, phase := range []string{"before", "after"} {
		s := newTestServer(t)
		s.must("PUT", "faults/f", "{match: {operation: CreateAlias}, connection: reset, phase: "+phase+"}")
		_, err := s.attempt(form("CreateAlias", "KeyId", sm2Key, "AliasName", "alias/new"))
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			t.Errorf("%s: the client got %v, want a reset", phase, err)
		}
		entry := s.entries("CreateAlias")[0]
		if entry["status"] != 0.0 || entry["code"] != "" || entry["fault"] != "f" {
			t.Errorf("%s: the journal has %v", phase, entry)
		}
		exists := s.do("DescribeKey", "KeyId", "alias/new").status == http.StatusOK
		if exists != (phase == "after") {
			t.Errorf("%s: the alias exists: %v", phase, exists)
		}
		if replaced := fmt.Sprint(entry["replaced"]); (replaced == "map[code: status:200]") != (phase == "after") {
			t.Errorf("%s: replaced is %v", phase, replaced)
		}
	}
}

func TestATruncatedAnswerIsAnnouncedWholeAndCutInHalf(t *testing.T) {
	s := newTestServer(t)
	whole := s.mustDo("DescribeRegions").body
	s.must("PUT", "faults/f", "{connection: truncate, phase: after}")
	a, err := s.attempt(form("DescribeRegions"))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client got %v, want an unexpected end", err)
	}
	if a.status != http.StatusOK || a.header.Get("Content-Length") != fmt.Sprint(len(whole)) || len(a.body) != len(whole)/2 || faultOf(a) != "f" {
		t.Errorf("%d, %d of %s bytes, headers %v", a.status, len(a.body), a.header.Get("Content-Length"), a.header)
	}
	if entry := s.entries("DescribeRegions")[1]; entry["status"] != 200.0 || entry["fault"] != "f" {
		t.Errorf("the journal has %v", entry)
	}
	a, err = s.attempt(form("DescribeKey"))
	if !errors.Is(err, io.ErrUnexpectedEOF) || a.status != http.StatusBadRequest {
		t.Errorf("a refusal is cut too, but got %d %v %s", a.status, err, a.body)
	}
}

// hang begins calls that a delay holds, and waits until it does.
func (s *testServer) hang(calls int, params url.Values, change ...func(*http.Request)) <-chan outcome {
	s.t.Helper()
	done := make(chan outcome, calls)
	for range calls {
		go func() {
			a, err := s.attempt(params, change...)
			done <- outcome{a, err}
		}()
	}
	until(s.t, "the rule holds the calls", func() bool {
		return s.must("GET", "faults/f", "").field("status.hits") == float64(calls)
	})
	return done
}

type outcome struct {
	answer testAnswer
	err    error
}

func TestADelayEndsWhenItsRuleGoesAndTheCallGoesOn(t *testing.T) {
	for _, action := range []string{"delay: 1h", "delay: 1h, phase: after"} {
		for _, end := range [][3]string{
			{"DELETE", "faults/f", ""},
			{"DELETE", "faults", ""},
			{"PUT", "faults", "{faults: []}"},
			{"PUT", "faults/f", "{error: InternalFailure}"},
		} {
			s := newTestServer(t)
			s.must("PUT", "faults/f", "{match: {operation: AsymmetricEncrypt}, "+action+"}")
			done := s.hang(2, encryption())
			s.must(end[0], end[1], end[2])
			for range 2 {
				got := <-done
				if got.err != nil || got.answer.status != http.StatusOK || faultOf(got.answer) != "f" {
					t.Errorf("%s ended by %v: %v %d %s", action, end, got.err, got.answer.status, got.answer.body)
				}
			}
		}
	}
}

func TestADelayIsDroppedByAResetAStopAndAClientThatHangsUp(t *testing.T) {
	for name, end := range map[string]func(*testServer, func()){
		"reset":  func(s *testServer, _ func()) { s.must("POST", "reset", "") },
		"stop":   func(s *testServer, _ func()) { s.Stop() },
		"client": func(_ *testServer, hangUp func()) { hangUp() },
	} {
		for _, action := range []string{"delay: 1h", "delay: 1h, error: InternalFailure", "delay: 1h, phase: after"} {
			s := newTestServer(t)
			s.must("PUT", "faults/f", "{match: {operation: CreateAlias}, "+action+"}")
			ctx, hangUp := context.WithCancel(t.Context())
			done := s.hang(1, form("CreateAlias", "KeyId", sm2Key, "AliasName", "alias/new"), func(r *http.Request) { *r = *r.WithContext(ctx) })
			end(s, hangUp)
			if got := <-done; got.err == nil {
				t.Errorf("%s, %s: the client got %d %s", name, action, got.answer.status, got.answer.body)
			}
			if name != "reset" { // which empties the journal
				until(t, name+": the journal has the call", func() bool { return len(s.entries("CreateAlias")) == 1 })
				if entry := s.entries("CreateAlias")[0]; entry["status"] != 0.0 || entry["fault"] != "f" {
					t.Errorf("%s, %s: the journal has %v", name, action, entry)
				}
			}
			took := s.do("DescribeKey", "KeyId", "alias/new").status == http.StatusOK
			if wanted := strings.Contains(action, "after") && name != "reset"; took != wanted {
				t.Errorf("%s, %s: the operation took effect: %v", name, action, took)
			}
		}
	}
}

func TestADelayComesBeforeItsErrorAndIsMarked(t *testing.T) {
	s := newTestServer(t)
	for action, code := range map[string]string{
		"delay: 1ms":                                       "",
		"delay: 1ms, phase: after":                         "",
		"delay: 1ms, error: InternalFailure":               "InternalFailure",
		"delay: 1ms, error: InternalFailure, phase: after": "InternalFailure",
	} {
		s.must("PUT", "faults/f", "{match: {operation: AsymmetricEncrypt}, "+action+"}")
		a := s.call("", encryption())
		if a.code() != code || faultOf(a) != "f" {
			t.Errorf("%s: %d %s", action, a.status, a.body)
		}
		if waited := s.entry(a)["milliseconds"].(float64); waited < 1 {
			t.Errorf("%s: answered after %vms", action, waited)
		}
	}
	s.must("PUT", "faults/f", "{connection: reset, delay: 1ms}")
	if _, err := s.attempt(encryption()); err == nil {
		t.Error("the connection was not reset after the delay")
	}
}

func TestAnAnswerThatNoRuleActedOnHasNoMark(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{script: [{pass: 5}]}")
	s.must("PUT", "quotas/q", "{rate: 5/s}")
	a := s.mustDo("DescribeRegions")
	for name := range a.header {
		if strings.HasPrefix(strings.ToLower(name), "x-alikms") {
			t.Errorf("the answer has %s", name)
		}
	}
	if entry := s.entry(a); entry["fault"] != "" || entry["quota"] != "" {
		t.Errorf("the journal has %v", entry)
	}
}

func TestACallOverQuotaIsNotSeenByFaults(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas/q", "{rate: 1/s}")
	s.must("PUT", "faults/f", "{error: InternalFailure}")
	if got := story(s, 3); got != "IRR" {
		t.Errorf("%s, want IRR", got)
	}
	s.expectStatus("faults/f", "calls=1", "hits=1")
	s.expectStatus("quotas/q", "passed=1", "refused=2")
}

func TestOfAThousandParallelCallsExactlyAsManyMeetAStepAsItSays(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults", `{faults: [
		{name: f, script: [{error: InternalFailure, times: 3}, {pass: 100}, {error: Rejected.Throttling, times: 7}]}]}`)
	var calls sync.WaitGroup
	var failed, throttled, passed atomic.Int32
	for range 1000 {
		calls.Go(func() {
			switch serve(s, form("DescribeRegions")).code() {
			case "InternalFailure":
				failed.Add(1)
			case "Rejected.Throttling":
				throttled.Add(1)
			case "":
				passed.Add(1)
			}
		})
	}
	calls.Wait()
	if failed.Load() != 3 || throttled.Load() != 7 || passed.Load() != 990 {
		t.Errorf("%d failed, %d were throttled, %d passed; want 3, 7, 990", failed.Load(), throttled.Load(), passed.Load())
	}
	s.expectStatus("faults/f", "calls=110", "hits=10", "spent=true")
}

func TestTheSameScenarioAndCallsGiveTheSameCountsEachTime(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario+`
quotas: [{name: q, match: {operation: ListKeys}, rate: 50/s}]
faults:
  - {name: chance, match: {operation: DescribeRegions}, chance: 0.3, seed: 5, error: InternalFailure}
  - {name: script, match: {operation: DescribeKey}, script: [{pass: 3}, {error: Throttling, times: 2}], repeat: all}`))
	operations := []string{"ListKeys", "DescribeRegions", "DescribeKey"}
	round := func() string {
		s.must("POST", "reset", "")
		var callers sync.WaitGroup
		var counts sync.Map
		for range 16 {
			callers.Go(func() {
				for i := range 12 {
					a := serve(s, form(operations[i%3], "KeyId", "alias/a"))
					count, _ := counts.LoadOrStore(operations[i%3]+" "+a.code(), new(atomic.Int32))
					count.(*atomic.Int32).Add(1)
				}
			})
		}
		callers.Wait()
		told := map[string]int32{}
		for what, count := range counts.Range {
			told[what.(string)] = count.(*atomic.Int32).Load()
		}
		return fmt.Sprint(told)
	}
	first := round()
	for i := range rounds(99, 9) {
		if again := round(); again != first {
			t.Fatalf("round %d gave %s, the first %s", i+2, again, first)
		}
	}
	if !strings.Contains(first, "ListKeys Rejected.Throttling:14") || !strings.Contains(first, "DescribeKey Throttling:25") {
		t.Errorf("the counts are not those of the rules: %s", first)
	}
}

// signedBy is a call whose nonce is given, unsigned: the nonce counts all the same.
func signedBy(accessKeyID, nonce, action string, more ...string) url.Values {
	params := form(action, more...)
	params.Set("AccessKeyId", accessKeyID)
	params.Set("Signature", "c2lnbmF0dXJl")
	params.Set("SignatureMethod", "HMAC-SHA1")
	if nonce != "" {
		params.Set("SignatureNonce", nonce)
	}
	return params
}

func TestARequestSentAgainAfterAConnectionFaultIsTheSameCall(t *testing.T) {
	for _, action := range []string{"connection: reset", "connection: reset, phase: after", "connection: truncate, phase: after"} {
		s := newTestServer(t)
		s.must("PUT", "quotas/q", "{rate: 5/s, match: {operation: CreateAlias}}")
		s.must("PUT", "faults/f", "{match: {operation: CreateAlias}, script: [{"+action+"}]}")
		request := signedBy("app", "n1", "CreateAlias", "KeyId", sm2Key, "AliasName", "alias/new")
		for range 3 {
			if a, err := s.attempt(request); err == nil {
				t.Fatalf("%s: answered %d %s", action, a.status, a.body)
			}
		}
		s.expectStatus("faults/f", "calls=1", "hits=1", "spent=true")
		s.expectStatus("quotas/q", "passed=1", "refused=0")
		for i, entry := range s.entries("CreateAlias") {
			if entry["resend"] != (i > 0) || entry["fault"] != "f" {
				t.Errorf("%s: entry %d is %v", action, i, entry)
			}
		}
		a, err := s.attempt(signedBy("app", "n2", "CreateAlias", "KeyId", sm2Key, "AliasName", "alias/new"))
		ran := strings.Contains(action, "after")
		if err != nil || (a.code() == "AliasAlreadyExists") != ran || (a.status == http.StatusOK) == ran {
			t.Errorf("%s: the next attempt of the SDK got %v %d %s", action, err, a.status, a.body)
		}
	}
}

// A truncated answer is cut for the resent request too: it meets the same fault.
func TestARequestSentAgainMeetsTheSameTruncation(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{script: [{connection: truncate, phase: after}]}")
	for i := range 2 {
		a, err := s.attempt(signedBy("app", "n1", "DescribeRegions"))
		if !errors.Is(err, io.ErrUnexpectedEOF) || a.status != http.StatusOK {
			t.Errorf("request %d got %v, status %d; want an answer cut in half", i+1, err, a.status)
		}
	}
}

func TestWhichRequestsAreTheSameCallSentAgain(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name          string
		action        string
		first, second url.Values
		between       time.Duration
		again         bool
	}{
		{"same caller and nonce", "connection: reset", signedBy("app", "n", "ListKeys"), signedBy("app", "n", "ListKeys"), 0, true},
		{"just before 10 s", "connection: reset", signedBy("app", "n", "ListKeys"), signedBy("app", "n", "ListKeys"), 10*time.Second - 1, true},
		{"at 10 s", "connection: reset", signedBy("app", "n", "ListKeys"), signedBy("app", "n", "ListKeys"), 10 * time.Second, false},
		{"another nonce", "connection: reset", signedBy("app", "n", "ListKeys"), signedBy("app", "m", "ListKeys"), 0, false},
		{"another caller", "connection: reset", signedBy("app", "n", "ListKeys"), signedBy("ppa", "n", "ListKeys"), 0, false},
		{"no nonce", "connection: reset", signedBy("app", "", "ListKeys"), signedBy("app", "", "ListKeys"), 0, false},
		{"after an error", errorX, signedBy("app", "n", "ListKeys"), signedBy("app", "n", "ListKeys"), 0, false},
		{"after a delay", "delay: 1ms", signedBy("app", "n", "ListKeys"), signedBy("app", "n", "ListKeys"), 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			real := standingAt(now)
			s := newTestServer(t, at(real))
			s.must("PUT", "faults/f", "{script: [{"+c.action+"}, {pass: 1}]}")
			s.attempt(c.first)
			real.add(c.between)
			_, err := s.attempt(c.second)
			if again := err != nil; again != c.again {
				t.Errorf("met the fault again: %v, want %v", again, c.again)
			}
			s.expectStatus("faults/f", "calls="+map[bool]string{true: "1", false: "2"}[c.again])
		})
	}
}

func TestARequestSentAgainIsNoReuseOfItsNonce(t *testing.T) {
	real := standingAt(time.Now())
	s := newTestServer(t, at(real))
	s.requireSignatures()
	s.must("PUT", "faults/f", "{script: [{connection: reset}]}")
	request := signedForm("app", "app-secret", form("ListKeys"))
	for range 2 {
		if a, err := s.attempt(request); err == nil {
			t.Fatalf("%d %s, want a reset", a.status, a.body)
		}
	}
	tampered := url.Values{}
	for name := range request {
		tampered.Set(name, request.Get(name))
	}
	tampered.Set("PageSize", "100")
	if a, err := s.attempt(tampered); err != nil || a.code() != "SignatureDoesNotMatch" {
		t.Errorf("%v %d %s, want the signature refused", err, a.status, a.body)
	}
	real.add(10 * time.Second)
	if a, err := s.attempt(request); err != nil || a.code() != "SignatureNonceUsed" {
		t.Errorf("%v %d %s, want the nonce refused", err, a.status, a.body)
	}
	if entries := s.entries("ListKeys"); entries[1]["resend"] != true || entries[1]["verified"] != true || entries[3]["resend"] != false {
		t.Errorf("the journal has %v", entries)
	}
}

// With a header signature the nonce is in a header.
func TestANonceInAHeaderMakesARequestTheSameCallToo(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{script: [{connection: reset}]}")
	sign := func(r *http.Request) {
		r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential=app,SignedHeaders=host,Signature=00")
		r.Header.Set("x-acs-signature-nonce", "n")
	}
	for range 2 {
		if a, err := s.attempt(form("ListKeys"), sign); err == nil {
			t.Fatalf("%d %s, want a reset", a.status, a.body)
		}
	}
	s.expectStatus("faults/f", "calls=1")
	if entries := s.entries("ListKeys"); entries[1]["resend"] != true || entries[1]["scheme"] != "V3" {
		t.Errorf("the journal has %v", entries)
	}
}

func TestAnUnmatchedRuleTellsTheNearestRequestAndHowItDiffers(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.must("PUT", "faults/f", "{match: {operation: AsymmetricEncrypt, keyId: alias/a, algorithm: SM2PKE, accessKeyId: app}, from: +10s, error: InternalFailure}")
	nearest := func() any {
		found, ok := s.must("GET", "faults/f", "").field("status.nearest").(map[string]any)
		if !ok {
			return nil
		}
		delete(found, "outcome")
		delete(found, "why")
		return found
	}
	if got := nearest(); got != nil {
		t.Fatalf("with an empty journal the nearest is %v", got)
	}
	expect := func(a testAnswer, differs map[string]any) {
		t.Helper()
		want := fmt.Sprint(map[string]any{"requestId": a.header.Get("x-acs-request-id"), "differs": differs})
		if got := fmt.Sprint(nearest()); got != want {
			t.Errorf("the nearest is\n%s, want\n%s", got, want)
		}
	}
	encrypt := func(keyID, algorithm, caller string) testAnswer {
		return serve(s, form("AsymmetricEncrypt", "KeyId", keyID, "KeyVersionId", "version-1", "Algorithm", algorithm, "Plaintext", "AA==", "AccessKeyId", caller))
	}
	const now = "2026-06-01T00:00:00Z"
	a := s.do("ListKeys")
	expect(a, map[string]any{"operation": "ListKeys", "keyId": "", "algorithm": "", "accessKeyId": "", "time": now})
	a = encrypt("key-b", "SM2PKE", "app")
	expect(a, map[string]any{"keyId": "key-b", "time": now})
	s.do("ListKeys") // further away
	expect(a, map[string]any{"keyId": "key-b", "time": now})
	a = encrypt("key-a", "SM2PKE", "other") // as near, and later
	expect(a, map[string]any{"accessKeyId": "other", "time": now})
	s.must("POST", "clock/advance", "{by: 10s}")
	a = encrypt("alias/a2", "SM2PKE", "other")
	expect(a, map[string]any{"accessKeyId": "other"})
	encrypt("key-a", "SM2PKE", "app")
	if got := nearest(); got != nil {
		t.Errorf("the rule has decided a call, but tells the nearest: %v", got)
	}
}

// A call that another rule answered has a key all the same.
func TestTheNearestRequestMayBeOneThatAnotherFaultAnswered(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults", `{faults: [
		{name: g, error: Rejected.Throttling},
		{name: f, match: {operation: AsymmetricDecrypt, keyId: alias/demo-sm2}, error: InternalFailure}]}`)
	s.call("", encryption())
	if differs := fmt.Sprint(s.must("GET", "faults/f", "").field("status.nearest.differs")); differs != "map[operation:AsymmetricEncrypt]" {
		t.Errorf("differs is %s, want the operation only", differs)
	}
}

func TestAnInjectedFailureIsNotLoggedAsOneOfOurs(t *testing.T) {
	var log bytes.Buffer
	s := newTestServer(t, logging(&log))
	s.must("PUT", "faults/f", "{error: InternalFailure}")
	s.do("ListKeys")
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("an injected failure is logged as one of alikms's own: %s", log.String())
	}
}
