package emulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// why is what GET requests/{requestId} answers for an answer.
func (s *testServer) why(a testAnswer) map[string]any {
	s.t.Helper()
	return s.must("GET", "requests/"+a.header.Get("x-acs-request-id"), "").object
}

// reasonOf finds what a rule made of a call, among its reasons.
func reasonOf(why map[string]any, rule string) (outcome string, differs map[string]any) {
	for _, r := range why["reasons"].([]any) {
		if reason := r.(map[string]any); reason["rule"] == rule {
			outcome, _ = reason["outcome"].(string)
			differs, _ = reason["differs"].(map[string]any)
			return outcome, differs
		}
	}
	return "", nil
}

// Each way in which fault f does not meet a call, and the sentence that says so.
func TestWhyAFaultDoesNotFire(t *testing.T) {
	const now = "2026-06-01T00:00:00Z"
	encrypt := func(more ...string) url.Values {
		params := form("AsymmetricEncrypt", "KeyId", "key-a", "KeyVersionId", "version-1", "Algorithm", "SM2PKE", "Plaintext", "AA==")
		for i := 0; i < len(more); i += 2 {
			params.Set(more[i], more[i+1])
		}
		return params
	}
	put := func(rule string) func(*testServer) {
		return func(s *testServer) { s.must("PUT", "faults/f", rule) }
	}
	for _, c := range []struct {
		name    string
		arrange func(*testServer)
		ask     func(*testServer) testAnswer
		outcome string
		differs string // as Go prints it
		decided string // words of the sentence
	}{
		{"another operation", put("{match: {operation: AsymmetricDecrypt}, error: InternalFailure}"), nil,
			"differs", "operation:AsymmetricEncrypt", "fault f: operation is AsymmetricEncrypt, not AsymmetricDecrypt"},
		{"another key", put("{match: {keyId: alias/b}, error: InternalFailure}"), nil,
			"differs", "keyId:key-a", "fault f: keyId is key-a, not alias/b"},
		{"a key that the operation makes", put("{match: {keyId: [alias/a, alias/b]}, error: InternalFailure}"),
			func(s *testServer) testAnswer { return s.mustDo("CreateKey") },
			"differs", "keyId:", "fault f: there is no keyId, and it wants alias/a or alias/b"},
		{"another version", put("{match: {keyVersionId: version-2}, error: InternalFailure}"), nil,
			"differs", "keyVersionId:version-1", "fault f: keyVersionId is version-1, not version-2"},
		{"another algorithm", put("{match: {algorithm: RSAES_OAEP_SHA_256}, error: InternalFailure}"), nil,
			"differs", "algorithm:SM2PKE", "fault f: algorithm is SM2PKE, not RSAES_OAEP_SHA_256"},
		{"another caller", put("{match: {accessKeyId: app}, error: InternalFailure}"),
			func(s *testServer) testAnswer { return s.call("", encrypt("AccessKeyId", "other")) },
			"differs", "accessKeyId:other", "fault f: accessKeyId is other, not app"},
		{"another gateway", put("{match: {gateway: kst-one}, error: InternalFailure}"), nil,
			"differs", "gateway:shared", "fault f: gateway is shared, not kst-one"},
		{"several things at once", put("{match: {operation: AsymmetricEncrypt, keyId: key-b, gateway: kst-one}, error: InternalFailure}"), nil,
			"differs", "gateway:shared keyId:key-a", "fault f: keyId is key-a, not key-b; gateway is shared, not kst-one"},
		{"spent", func(s *testServer) {
			s.must("PUT", "faults/f", "{script: [{error: InternalFailure}]}")
			s.call("", encrypt())
		}, nil,
			"spent", "", "fault f: spent: its script had ended before the call"},
		{"not yet in force", put("{from: +2s, error: InternalFailure}"), nil,
			"notInForce", "time:" + now, "fault f: not in force yet at " + now + ": from is 2026-06-01T00:00:02Z"},
		{"no longer in force", func(s *testServer) {
			s.must("PUT", "faults/f", "{until: +2s, error: InternalFailure}")
			s.must("POST", "clock/advance", "{by: 2s}")
		}, nil,
			"notInForce", "time:2026-06-01T00:00:02Z", "fault f: no longer in force at 2026-06-01T00:00:02Z: until was 2026-06-01T00:00:02Z"},
		{"a step lets it pass", put("{script: [{pass: 2}, {error: InternalFailure}]}"), nil,
			"passed", "", "fault f: took the call and let it pass: step 1 of its script, call 1 of the rule"},
		{"chance lets it pass", put("{error: InternalFailure, chance: 0.000001, seed: 1}"), nil,
			"passed", "", "fault f: took the call and let it pass: by its chance of 1e-06, call 1 of the rule"},
		{"an earlier rule took it", func(s *testServer) {
			s.must("PUT", "faults", "{faults: [{name: e, match: {keyId: key-a}, delay: 1ms}, {name: f, match: {gateway: shared}, error: InternalFailure}]}")
		}, nil,
			"notReached", "", "fault e: took the call and acted: delay 1ms; call 1 of the rule"},
		{"an earlier rule took it to let it pass", func(s *testServer) {
			s.must("PUT", "faults", "{faults: [{name: e, script: [{pass: 1}]}, {name: f, match: {operation: ListKeys}, error: InternalFailure}]}")
		}, nil,
			"notReached", "operation:AsymmetricEncrypt", "fault e: took the call and let it pass: step 1 of its script, call 1 of the rule"},
		{"a quota refused it", func(s *testServer) {
			s.must("PUT", "faults/f", "{error: InternalFailure}")
			s.must("PUT", "quotas/q", "{rate: 1/h}")
			s.must("PUT", "quotas/p", "{rate: 9/m}")
			s.call("", encrypt())
		}, nil,
			"notReached", "", "quota q: refused the call: there was no room within 1/h"},
		{"the signature is wrong", func(s *testServer) {
			s.must("PUT", "faults/f", "{error: InternalFailure}")
			s.requireSignatures()
		}, func(s *testServer) testAnswer { return serve(s, signedForm("app", "wrong", encrypt())) },
			"notReached", "", "refused before any rule: its signature was refused (SignatureDoesNotMatch)"},
		{"nobody knows the caller", func(s *testServer) {
			s.must("PUT", "faults/f", "{error: InternalFailure}")
			s.requireSignatures()
		}, func(s *testServer) testAnswer { return serve(s, signedForm("stranger", "x", encrypt())) },
			"notReached", "", `refused before any rule: AccessKey "stranger" is none of the credentials (InvalidAccessKeyId.NotFound)`},
		{"nobody signed it", func(s *testServer) {
			s.must("PUT", "faults/f", "{error: InternalFailure}")
			s.requireSignatures()
		}, nil,
			"notReached", "", "refused before any rule: it is not signed, and there are credentials (MissingAccessKeyId)"},
		{"an unknown action", put("{error: InternalFailure}"), func(s *testServer) testAnswer { return s.do("AsymetricEncrypt") },
			"notReached", "", `refused before any rule: "AsymetricEncrypt" is not an operation; did you mean AsymmetricEncrypt? (InvalidAction.NotFound)`},
		{"no action", put("{error: InternalFailure}"), func(s *testServer) testAnswer { return s.do("") },
			"notReached", "", "refused before any rule: it names no Action (MissingAction)"},
		{"an action that is not emulated", put("{error: InternalFailure}"), func(s *testServer) testAnswer { return s.do("GenerateMac") },
			"notReached", "", "refused before any rule: GenerateMac is not emulated (NotEmulated)"},
		{"another version of the API", put("{error: InternalFailure}"), func(s *testServer) testAnswer { return s.do("ListKeys", "Version", "2015-01-01") },
			"notReached", "", "refused before any rule: its Version is not 2016-01-20 (InvalidVersion)"},
		{"a Host that is nobody's", put("{error: InternalFailure}"), func(s *testServer) testAnswer { return serve(s, encrypt(), toHost("kms.example.org")) },
			"notReached", "", "refused before any rule: alikms does not answer to its Host (HostNotAllowed)"},
		{"an instance that is not there", put("{error: InternalFailure}"), func(s *testServer) testAnswer { return serve(s, encrypt(), toHost("kst-none.localhost")) },
			"notReached", "", "refused before any rule: its Host names an instance that is not here (Forbidden.DKMSInstanceNotFound)"},
		{"a page of another site", put("{error: InternalFailure}"), func(s *testServer) testAnswer {
			return serve(s, encrypt(), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
		},
			"notReached", "", "refused before any rule: a web page of another site sent it (CrossSiteRequest)"},
		{"what is no request", put("{error: InternalFailure}"), func(s *testServer) testAnswer { return s.do("ListKeys", "Format", "BSD") },
			"notReached", "", "refused before any rule: the request could not be read (InvalidParameter.Format)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t, holding(t, ruleScenario))
			c.arrange(s)
			if c.ask == nil {
				c.ask = func(s *testServer) testAnswer { return s.call("", encrypt()) }
			}
			why := s.why(c.ask(s))
			if decided := why["decided"].(string); !strings.Contains(decided, c.decided) {
				t.Errorf("decided: %s\nwant %s", decided, c.decided)
			}
			outcome, differs := reasonOf(why, "f")
			if had := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(differs), "map["), "]"); outcome != c.outcome || had != c.differs {
				t.Errorf("fault f: %s %s, want %s %s", outcome, had, c.outcome, c.differs)
			}
		})
	}
}

func TestWhyNamesRulesThatAreYoungerThanTheCall(t *testing.T) {
	s := newTestServer(t)
	a := s.do("ListKeys")
	s.must("PUT", "faults/f", "{error: InternalFailure}")
	s.must("PUT", "quotas/q", "{rate: 1/s}")
	why := s.why(a)
	if fault, _ := reasonOf(why, "f"); fault != "younger" || !strings.Contains(why["decided"].(string), "fault f: put after the call") {
		t.Errorf("%v", why)
	}
	if quota, _ := reasonOf(why, "q"); quota != "younger" {
		t.Errorf("%v", why)
	}
}

// What replaced a rule is younger, and the rule itself is still named.
func TestWhyNamesRulesThatAreGone(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults", "{faults: [{name: a, match: {operation: CreateKey}, error: InternalFailure}, {name: f, match: {operation: ListKeys}, script: [{error: Rejected.Throttling}]}]}")
	met := s.do("ListKeys")
	spent := s.do("ListKeys")
	s.must("PUT", "faults/f", "{match: {operation: DescribeKey}, error: InternalFailure}")
	s.must("DELETE", "faults/a", "")
	for a, want := range map[*testAnswer]string{
		&met: "[a differs] [f acted] [f younger]", &spent: "[a differs] [f spent] [f younger]",
	} {
		var got []string
		for _, r := range s.why(*a)["reasons"].([]any) {
			reason := r.(map[string]any)
			got = append(got, fmt.Sprintf("[%s %s]", reason["rule"], reason["outcome"]))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	if decided := s.why(met)["decided"]; decided != "fault f: took the call and acted: Rejected.Throttling; step 1 of its script, call 1 of the rule" {
		t.Errorf("decided: %s", decided)
	}
}

func TestWhyTellsTheStepOfAScriptThatRepeats(t *testing.T) {
	s := newTestServer(t)
	for repeat, want := range map[string][]int{"all": {1, 1, 2, 1, 1, 2}, "last": {1, 1, 2, 2, 2, 2}} {
		s.must("PUT", "faults/f", "{script: [{pass: 2}, {error: InternalFailure}], repeat: "+repeat+"}")
		for i, step := range want {
			decided := s.why(s.do("ListKeys"))["decided"].(string)
			if !strings.HasSuffix(decided, fmt.Sprintf("step %d of its script, call %d of the rule", step, i+1)) {
				t.Errorf("repeat %s: call %d: %s", repeat, i+1, decided)
			}
		}
	}
}

func TestWhyOfARequestThatIsSentAgain(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{script: [{connection: reset}]}")
	nonce := func(r *http.Request) { r.Header.Set("x-acs-signature-nonce", "n") }
	for range 2 {
		s.attempt(signedBy("app", "n", "ListKeys"), nonce)
	}
	entries := s.entries("ListKeys")
	why := s.must("GET", "requests/"+entries[1]["requestId"].(string), "").object
	if decided := why["decided"]; decided != "the same call, sent again below the SDK, and counted once: fault f: took the call and acted: connection reset; step 1 of its script, call 1 of the rule" {
		t.Errorf("decided: %s", decided)
	}
	if outcome, _ := reasonOf(why, "f"); outcome != "acted" {
		t.Errorf("%v", why)
	}
}

func TestWhyTellsOfQuotas(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas", "{quotas: [{profile: resources}, {profile: shared-gateway}, {name: lists, match: {operation: ListKeys}, rate: 1/h}, {name: all, rate: 100/h}]}")
	for _, c := range []struct {
		action string
		want   string
	}{
		{"CreateKey", "resources passed, shared-gateway passed, lists differs, all passed"},
		{"ListKeys", "resources notReached, shared-gateway passed, lists passed, all passed"},
		{"ListKeys", "resources notReached, shared-gateway passed, lists acted, all notReached"},
		{"DescribeRegions", "resources notReached, shared-gateway passed, lists differs, all passed"},
	} {
		var got []string
		for _, r := range s.why(s.do(c.action))["reasons"].([]any) {
			reason := r.(map[string]any)
			got = append(got, fmt.Sprint(reason["rule"], " ", reason["outcome"]))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %s", c.action, got, c.want)
		}
	}
}

func TestWhyOfTheLatestAndOfAnUnknownRequest(t *testing.T) {
	s := newTestServer(t)
	s.expectControlError("GET", "requests/latest", 404)
	s.do("ListKeys")
	a := s.do("DescribeRegions")
	if why := s.must("GET", "requests/latest", "").object; why["requestId"] != a.header.Get("x-acs-request-id") ||
		why["decided"] != "no fault is there to meet it; it was answered 200" || fmt.Sprint(why["reasons"]) != "[]" {
		t.Errorf("%v", why)
	}
	s.expectControlError("GET", "requests/none", 404)
}

func TestARuleTellsWhatShadowsIt(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	for _, c := range []struct {
		before, rule string
		shadowed     bool
	}{
		{"{name: e, error: InternalFailure}", "{name: f, error: InternalFailure}", true},
		{"{name: e, match: {operation: [ListKeys, CreateKey]}, delay: 1ms}", "{name: f, match: {operation: ListKeys, accessKeyId: app}, error: InternalFailure}", true},
		{"{name: e, chance: 0.5, seed: 1, error: InternalFailure}", "{name: f, error: InternalFailure}", true},
		{"{name: e, script: [{pass: 3}, {error: InternalFailure}], repeat: all}", "{name: f, error: InternalFailure}", true},
		{"{name: e, script: [{error: InternalFailure}], repeat: last}", "{name: f, error: InternalFailure}", true},
		{"{name: e, script: [{error: InternalFailure}]}", "{name: f, error: InternalFailure}", false},
		{"{name: e, match: {operation: ListKeys}, error: InternalFailure}", "{name: f, error: InternalFailure}", false},
		{"{name: e, match: {operation: ListKeys}, error: InternalFailure}", "{name: f, match: {operation: [ListKeys, CreateKey]}, error: InternalFailure}", false},
		{"{name: e, match: {accessKeyId: app}, error: InternalFailure}", "{name: f, match: {operation: ListKeys}, error: InternalFailure}", false},
		{"{name: e, match: {keyId: alias/a}, error: InternalFailure}", "{name: f, match: {keyId: key-a}, error: InternalFailure}", true},
		{"{name: e, until: +2s, error: InternalFailure}", "{name: f, error: InternalFailure}", false},
		{"{name: e, until: +2s, error: InternalFailure}", "{name: f, until: +2s, error: InternalFailure}", true},
		{"{name: e, from: +2s, error: InternalFailure}", "{name: f, error: InternalFailure}", false},
		{"{name: e, from: +2s, error: InternalFailure}", "{name: f, from: +3s, error: InternalFailure}", true},
		{"{name: e, from: -2s, error: InternalFailure}", "{name: f, error: InternalFailure}", true},
	} {
		rules := s.must("PUT", "faults", "{faults: ["+c.before+", "+c.rule+"]}").object["faults"].([]any)
		shadow, shadowed := rules[1].(map[string]any)["status"].(map[string]any)["shadowedBy"]
		if shadowed != c.shadowed || shadowed && shadow != "e" {
			t.Errorf("%s\n%s\nshadowed by %v, want %v", c.before, c.rule, shadow, c.shadowed)
		}
		notes := Notes(scenarioOf(t, ruleScenario+"faults:\n  - "+c.before+"\n  - "+c.rule+"\n"), "1234567890123456", "cn-hangzhou", time.Now())
		if (len(notes) == 1) != c.shadowed {
			t.Errorf("%s\n%s\nnotes: %v, want one: %v", c.before, c.rule, notes, c.shadowed)
		}
	}
	if a := s.must("PUT", "faults/f", "{error: InternalFailure}"); a.field("status.shadowedBy") != "e" {
		t.Errorf("in its place behind the other it is %s", a.body)
	}
	if a := s.must("PUT", "faults/new", "{error: InternalFailure}"); a.field("status.shadowedBy") != nil {
		t.Errorf("in front it is %s", a.body)
	}
}

func TestTheNearestRequestSaysWhyItWasMissed(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{match: {operation: ListKeys}, error: InternalFailure}")
	s.must("PUT", "faults/e", "{error: Rejected.Throttling}")
	s.do("ListKeys")
	s.expectNearest("f", "notReached", "not asked, since fault e comes first and took the call")
	s.requireSignatures()
	s.must("DELETE", "requests", "")
	s.do("ListKeys")
	s.expectNearest("f", "notReached", "not asked, since the call was refused before any rule")
	s.must("PUT", "faults/f", "{match: {operation: ListKeys}, error: InternalFailure}")
	s.expectNearest("f", "younger", "put after the call")
}

func (s *testServer) expectNearest(fault, outcome, why string) {
	s.t.Helper()
	a := s.must("GET", "faults/"+fault, "")
	if a.field("status.nearest.outcome") != outcome || a.field("status.nearest.why") != why {
		s.t.Errorf("the nearest of %s is %v, want %s: %s", fault, a.field("status.nearest"), outcome, why)
	}
}

// The journal keeps rules that are gone, within its bytes; those in force are no
// burden of its own.
func TestRulesThatAreGoneCountAmongTheBytesOfTheJournal(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.JournalBytes = 100_000 })
	list := func(generation int) string {
		var body strings.Builder
		body.WriteString("{faults: [")
		for i := range 100 {
			fmt.Fprintf(&body, "{name: f-%d-%d, match: {operation: CreateKey}, error: InternalFailure},", generation, i)
		}
		return body.String() + "]}"
	}
	s.must("PUT", "faults", list(0)) // about as much as the journal may take
	for range 50 {
		s.do("ListKeys")
	}
	if found := s.must("GET", "requests", "").object; found["count"] != 50.0 {
		t.Errorf("with rules in force the journal has %v, want all 50", found["count"])
	}
	for i := range 10 {
		s.must("PUT", "faults", list(i+1))
		s.do("ListKeys")
	}
	found := s.must("GET", "requests", "").object
	if found["count"].(float64) > 3 || found["count"] == 0.0 {
		t.Errorf("the journal has %v of the calls, each with 100 rules of its own", found["count"])
	}
	if why := s.must("GET", "requests/latest", "").object; len(why["reasons"].([]any)) != 100 {
		t.Errorf("%d reasons", len(why["reasons"].([]any)))
	}
	s.must("DELETE", "requests", "")
	if s.journal.taken != 0 {
		t.Errorf("an empty journal takes %d bytes", s.journal.taken)
	}
}

// Rules come and go while calls are decided and asked about.
func TestReasonsAreOfOneMomentWhileRulesChange(t *testing.T) {
	s := newTestServer(t)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 50 {
				a := serve(s, form("ListKeys"))
				why := served(s, httptest.NewRequest("GET", "http://localhost/_emulator/requests/"+a.header.Get("x-acs-request-id"), nil)).object
				acted := 0
				for _, r := range why["reasons"].([]any) {
					if reason := r.(map[string]any); reason["outcome"] == "acted" {
						acted++
					}
				}
				if faulty := faultOf(a) != ""; faulty != (acted == 1) {
					t.Errorf("met %q, but %v", faultOf(a), why)
				}
			}
		})
	}
	for i := range 100 {
		s.must("PUT", fmt.Sprintf("faults/f-%d", i%3), "{script: [{error: InternalFailure}]}")
		if i%10 == 0 {
			s.must("DELETE", "faults", "")
		}
	}
	work.Wait()
}
