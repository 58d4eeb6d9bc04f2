package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
)

// What the tests of rules, journal, clock and scenarios share: how to give a
// server a scenario, how to call it, and how to use its controls.

// The default scenario's first key, and its key of EC_SM2.
const (
	rsaKey     = "key-hzz630494463ejqjx0001"
	rsaVersion = "2ab1a983-7072-4bbc-a582-584b5bd80001"
	sm2Key     = "key-hzz630494463ejqjx0003"
	sm2Version = "2ab1a983-7072-4bbc-a582-584b5bd80003"
)

// scenarioOf reads a scenario that has to be right.
func scenarioOf(t testing.TB, text string) *fixtures.Document {
	t.Helper()
	document, problems := fixtures.Parse("test.yaml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return document
}

// holding gives a server a scenario instead of the default one.
func holding(t testing.TB, text string) func(*Options) {
	t.Helper()
	document := scenarioOf(t, text)
	return func(o *Options) { o.Scenario = document }
}

// form is a request: an action, then names and values in turn.
func form(action string, more ...string) url.Values {
	params := url.Values{"Action": {action}}
	for i := 0; i < len(more); i += 2 {
		params.Set(more[i], more[i+1])
	}
	return params
}

// encryption is a call that succeeds with the default scenario.
func encryption() url.Values {
	return form("AsymmetricEncrypt", "KeyId", sm2Key, "KeyVersionId", sm2Version, "Algorithm", "SM2PKE", "Plaintext", "SGVsbG8=")
}

// do is a call that nobody signed.
func (s *testServer) do(action string, more ...string) testAnswer {
	s.t.Helper()
	return s.call("", form(action, more...))
}

// mustDo is a call that has to succeed.
func (s *testServer) mustDo(action string, more ...string) testAnswer {
	s.t.Helper()
	a := s.do(action, more...)
	if a.status != http.StatusOK {
		s.t.Fatalf("%s %q: %d %s", action, more, a.status, a.body)
	}
	return a
}

// attempt sends a form over a connection of its own, so that nothing below the
// test sends it again, and gives what a client gets, its error too.
func (s *testServer) attempt(params url.Values, change ...func(*http.Request)) (testAnswer, error) {
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(params.Encode()))
	if err != nil {
		return testAnswer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Close = true
	for _, f := range change {
		f(r)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return testAnswer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a := testAnswer{status: response.StatusCode, header: response.Header, body: string(body)}
	if err == nil {
		err = json.Unmarshal(body, &a.object)
	}
	return a, err
}

// toHost sends a request as to the host of that name.
func toHost(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

// serve answers a form without a network.
func serve(s http.Handler, params url.Values, change ...func(*http.Request)) testAnswer {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(params.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, f := range change {
		f(r)
	}
	return served(s, r)
}

func served(s http.Handler, r *http.Request) testAnswer {
	if r.Host == "example.com" {
		r.Host = "localhost" // httptest's host is nobody's
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := testAnswer{status: w.Code, header: w.Header(), body: w.Body.String()}
	json.Unmarshal(w.Body.Bytes(), &a.object) // what is no JSON has no fields
	return a
}

// control uses a control, whatever it answers.
func (s *testServer) control(method, path, body string) testAnswer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+"/_emulator/"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.read(response)
}

// must uses a control that has to answer 200.
func (s *testServer) must(method, path, body string) testAnswer {
	s.t.Helper()
	a := s.control(method, path, body)
	if a.status != http.StatusOK {
		s.t.Fatalf("%s %s %s: %d %s", method, path, body, a.status, a.body)
	}
	return a
}

// field finds a value in an object, by names with points between them.
func (a testAnswer) field(path string) any {
	var at any = a.object
	for name := range strings.SplitSeq(path, ".") {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	return at
}

// expectStatus compares fields of a rule's status, written as name=value.
func (s *testServer) expectStatus(rule string, want ...string) {
	s.t.Helper()
	a := s.must("GET", rule, "")
	for _, w := range want {
		name, value, _ := strings.Cut(w, "=")
		if got := fmt.Sprint(a.field("status." + name)); got != value {
			s.t.Errorf("%s: %s is %s, want %s; %s", rule, name, got, value, a.body)
		}
	}
}

// until waits for something that is about to become true.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for range 20_000 {
		if holds() {
			return
		}
	}
	t.Fatalf("never came true: %s", what)
}

func TestAWrongControlSaysWhereAndChangesNothing(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/kept", "{match: {operation: CreateKey}, error: InternalFailure}")
	s.must("PUT", "quotas/kept", "{rate: 5/s}")
	before := s.everyControl()
	for _, c := range []struct {
		name, method, path, body string
		line, column             float64
		at, message              string
	}{
		{"no body", "PUT", "faults/f", "", 0, 0, "", ""},
		{"not YAML", "PUT", "faults/f", "{", 1, 1, "", "is not YAML"},
		{"a list", "PUT", "faults/f", "[]", 1, 1, "", ""},
		{"not text", "PUT", "faults/f", "\xff\xfe\xfa", 0, 0, "", ""},
		{"two documents", "PUT", "faults/f", "{error: InternalFailure}\n---\n{}", 0, 0, "", ""},
		{"unknown field", "PUT", "faults/f", "{errors: InternalFailure}", 1, 2, "", "did you mean error?"},
		{"misspelt operation", "PUT", "faults/f", "{match: {operation: CreatKey}, error: InternalFailure}", 1, 21, "match.operation", "did you mean CreateKey?"},
		{"misspelt code", "PUT", "faults/f", "{error: Rejected.Throtling}", 1, 9, "error", "did you mean Rejected.Throttling?"},
		{"unknown key", "PUT", "faults/f", "{match: {keyId: key-x}, error: InternalFailure}", 1, 17, "match.keyId", "is no key here"},
		{"unknown version", "PUT", "faults/f", "{match: {keyVersionId: v}, error: InternalFailure}", 1, 24, "match.keyVersionId", "is no version here"},
		{"version of another key", "PUT", "faults/f", "{match: {keyId: " + rsaKey + ", keyVersionId: " + sm2Version + "}, error: InternalFailure}", 0, 0, "match.keyVersionId", "another key"},
		{"unknown algorithm", "PUT", "faults/f", "{match: {algorithm: RSA}, error: InternalFailure}", 1, 21, "match.algorithm", "is not an algorithm"},
		{"unknown gateway", "PUT", "faults/f", "{match: {gateway: kst-x}, error: InternalFailure}", 1, 19, "match.gateway", "is not a gateway"},
		{"parameter the operation has not", "PUT", "faults/f", "{match: {operation: ListKeys, keyId: " + rsaKey + "}, error: InternalFailure}", 0, 0, "match.keyId", "can never match: ListKeys"},
		{"nothing to do", "PUT", "faults/f", "{match: {operation: CreateKey}}", 1, 1, "", "script or an action is missing"},
		{"error beside connection", "PUT", "faults/f", "{error: InternalFailure, connection: reset}", 0, 0, "connection", "one of the two"},
		{"truncate before", "PUT", "faults/f", "{connection: truncate}", 1, 14, "connection", "phase after"},
		{"chance without seed", "PUT", "faults/f", "{chance: 0.5, error: InternalFailure}", 0, 0, "", "seed is missing"},
		{"over before it begins", "PUT", "faults/f", "{until: -1s, error: InternalFailure}", 1, 9, "until", "can never act"},
		{"another name", "PUT", "faults/f", "{name: g, error: InternalFailure}", 1, 8, "name", "not the name in the address"},
		{"name that is none", "PUT", "faults/-f", "{error: InternalFailure}", 1, 1, "", "is not a name"},
		{"second of two wrong", "PUT", "faults", "{faults: [{name: a, error: InternalFailure}, {name: b, error: Nothing}]}", 1, 63, "faults[1].error", "catalogue"},
		{"name twice", "PUT", "faults", "{faults: [{name: a, error: InternalFailure}, {name: a, error: InternalFailure}]}", 0, 0, "faults[1].name", "already used"},
		{"no list", "PUT", "faults", "{}", 1, 1, "", "faults is missing"},
		{"rate", "PUT", "quotas/q", "{rate: 5 per second}", 1, 8, "rate", "is not a rate"},
		{"profile", "PUT", "quotas/q", "{profile: shared-gatway}", 1, 11, "profile", "did you mean shared-gateway?"},
		{"instance without gateway", "PUT", "quotas/q", "{profile: instance-1000}", 1, 1, "", "match.gateway is missing"},
		{"clock that is no time", "PUT", "clock", "{now: noon}", 1, 7, "now", "is not a time"},
		{"clock of 10000 years", "PUT", "clock", "{now: 9999-12-31T00:00:00Z}", 0, 0, "", "years"},
		{"distance without unit", "POST", "clock/advance", "{by: 300}", 1, 6, "by", "is not a duration"},
		{"backwards", "POST", "clock/advance", "{by: -1s}", 1, 6, "by", "is not a duration"},
		{"unknown filter", "GET", "requests?operatoin=CreateKey", "", 0, 0, "operatoin", "a query has operation"},
		{"unknown operation in a filter", "DELETE", "requests?operation=CreatKey", "", 0, 0, "operation", "did you mean CreateKey?"},
		{"filter that cannot be read", "GET", "requests?operation=%zz", "", 0, 0, "", "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.control(c.method, c.path, c.body)
			problems, _ := a.object["errors"].([]any)
			if a.status != http.StatusBadRequest || len(problems) == 0 || a.header.Get("Content-Type") != contentTypeJSON {
				t.Fatalf("%d %s", a.status, a.body)
			}
			first := problems[0].(map[string]any)
			if c.line != 0 && (first["line"] != c.line || first["column"] != c.column) {
				t.Errorf("at %v:%v, want %v:%v; %s", first["line"], first["column"], c.line, c.column, a.body)
			}
			if first["path"] != c.at || !strings.Contains(first["message"].(string), c.message) || first["message"] == "" {
				t.Errorf("got %v, want path %q and %q", first, c.at, c.message)
			}
			if after := s.everyControl(); after != before {
				t.Errorf("it changed something:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// everyControl is all that the controls show, but the journal.
func (s *testServer) everyControl() string {
	s.t.Helper()
	return s.must("GET", "faults", "").body + s.must("GET", "quotas", "").body + s.must("GET", "clock", "").body
}

func TestAControlThatDoesNotExistIsRefusedInTheSameShape(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "faults/none", 404},
		{"DELETE", "faults/none", 404},
		{"GET", "quotas/none", 404},
		{"DELETE", "quotas/none", 404},
		{"GET", "", 404},
		{"GET", "nothing", 404},
		{"GET", "faults/a/b", 404},
		{"GET", "/faults", 404},
	} {
		s.expectControlError(c.method, c.path, c.status)
	}
}

func (s *testServer) expectControlError(method, path string, status int) {
	s.t.Helper()
	a := s.control(method, path, "{}")
	problems, _ := a.object["errors"].([]any)
	if a.status != status || len(problems) != 1 || a.header.Get("Content-Type") != contentTypeJSON {
		s.t.Errorf("%s %q: %d %s, want %d and errors", method, path, a.status, a.body, status)
	}
}

func TestAControlSaysThatItHasOtherMethods(t *testing.T) {
	s := newTestServer(t)
	for path, method := range map[string]string{"faults": "POST", "reset": "GET", "clock/advance": "GET", "clock": "PATCH"} {
		s.expectControlError(method, path, http.StatusMethodNotAllowed)
	}
}

func TestABodyOfAControlIsYAMLOrJSONWhateverItsContentType(t *testing.T) {
	s := newTestServer(t)
	for _, body := range []string{
		`{"match": {"operation": "CreateKey"}, "error": "InternalFailure"}`,
		"match: {operation: CreateKey}\nerror: InternalFailure\n",
	} {
		for _, contentType := range []string{"", "application/json", "text/plain", "application/x-www-form-urlencoded"} {
			r, _ := http.NewRequest("PUT", s.url+"/_emulator/faults/f", strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if a := s.read(response); a.status != http.StatusOK || a.object["error"] != "InternalFailure" {
				t.Errorf("%q as %q: %d %s", body, contentType, a.status, a.body)
			}
		}
	}
}

func TestALargeBodyOfAControlIsRefused(t *testing.T) {
	s := newTestServer(t)
	a := s.control("PUT", "faults", "# "+strings.Repeat("x", maxControlBody))
	if a.status != http.StatusBadRequest || a.object["errors"] == nil {
		t.Errorf("%d %.200s", a.status, a.body)
	}
}

func TestARuleIsAnsweredAsWrittenAndCanBeSentBack(t *testing.T) {
	s := newTestServer(t)
	for path, written := range map[string]string{
		"faults/script": `{"name":"script","match":{"operation":["CreateKey","CreateAlias"]},"script":[{"pass":2},{"times":3,"error":"Rejected.Throttling","retryAfter":"500ms"}],"repeat":"all"}`,
		"faults/chance": `{"name":"chance","chance":0.25,"seed":18446744073709551615,"delay":"1h30m"}`,
		"faults/times":  `{"name":"times","from":"+1s","until":"2027-01-01T00:00:00Z","connection":"reset","phase":"after"}`,
		"faults/error":  `{"name":"error","match":{"keyId":"alias/demo-sm2"},"error":{"code":"X","status":418,"message":"m"}}`,
		"quotas/rate":   `{"name":"rate","rate":"5/m","match":{"operation":"CreateKey"}}`,
		"quotas/shared": `{"name":"shared","profile":"shared-gateway"}`,
	} {
		answered := s.must("PUT", path, written)
		if answered.object["status"] == nil {
			t.Errorf("%s is answered without status: %s", path, answered.body)
		}
		again := s.must("PUT", path, answered.body)
		for _, a := range []testAnswer{answered, again, s.must("GET", path, "")} {
			delete(a.object, "status")
			var want map[string]any
			if err := json.Unmarshal([]byte(written), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(a.object, want) {
				t.Errorf("%s: got %v, want %v", path, a.object, want)
			}
		}
	}
	for _, plural := range []string{"faults", "quotas"} {
		all := s.must("GET", plural, "")
		if again := s.must("PUT", plural, all.body); again.body != all.body {
			t.Errorf("%s sent back are\n%s\nwere\n%s", plural, again.body, all.body)
		}
	}
}

// names lists the rules in force, in order.
func (s *testServer) names(plural string) (all []string) {
	for _, rule := range s.must("GET", plural, "").object[plural].([]any) {
		all = append(all, rule.(map[string]any)["name"].(string))
	}
	return all
}

func TestANewRuleGoesToTheFrontAndAKnownOneIsReplacedInItsPlace(t *testing.T) {
	for _, c := range []struct{ plural, one, other string }{
		{"faults", "error: InternalFailure", "error: Rejected.Throttling"},
		{"quotas", "rate: 5/s", "rate: 6/s"},
	} {
		s := newTestServer(t)
		for _, name := range []string{"a", "b", "c"} {
			s.must("PUT", c.plural+"/"+name, c.one)
		}
		s.must("PUT", c.plural+"/b", c.other)
		if got := s.names(c.plural); !reflect.DeepEqual(got, []string{"c", "b", "a"}) {
			t.Errorf("%s: %v, want c b a", c.plural, got)
		}
		if a := s.must("DELETE", c.plural+"/b", ""); a.object["name"] != "b" || a.object["status"] == nil {
			t.Errorf("%s: DELETE answered %s", c.plural, a.body)
		}
		if got := s.names(c.plural); !reflect.DeepEqual(got, []string{"c", "a"}) {
			t.Errorf("%s: %v, want c a", c.plural, got)
		}
		if a := s.must("DELETE", c.plural, ""); len(a.object[c.plural].([]any)) != 0 {
			t.Errorf("%s: DELETE left %s", c.plural, a.body)
		}
	}
}

// Every call meets the one document or the other, never none and never both.
func TestReplacingAllRulesIsOneStepForTheCallsInFlight(t *testing.T) {
	s := newTestServer(t)
	one := `{faults: [{name: a, match: {operation: DescribeRegions}, error: {code: One, status: 418, message: m}}]}`
	other := `{faults: [{name: z, match: {operation: CreateKey}, error: InternalFailure}, {name: b, error: {code: Other, status: 419, message: m}}]}`
	s.must("PUT", "faults", one)
	stop := make(chan struct{})
	var callers sync.WaitGroup
	seen := make([]map[string]int, 4)
	for i := range seen {
		seen[i] = map[string]int{}
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					seen[i][serve(s, form("DescribeRegions")).code()]++
				}
			}
		})
	}
	for range rounds(40, 5) {
		s.must("PUT", "faults", other)
		s.must("PUT", "faults", one)
	}
	close(stop)
	callers.Wait()
	for _, codes := range seen {
		for code, n := range codes {
			if code != "One" && code != "Other" {
				t.Errorf("%d calls met %q", n, code)
			}
		}
	}
}

// A rule that is deleted while calls are in flight answers all that it did, and
// only one of two who delete it deletes it.
func TestDeletingARuleIsOneStep(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Journal = 0 })
	control := func(method string, body string) testAnswer {
		return served(s, httptest.NewRequest(method, "/_emulator/faults/f", strings.NewReader(body)))
	}
	for range rounds(2000, 100) {
		control("PUT", "{error: InternalFailure}")
		var callers sync.WaitGroup
		var hits [2]int
		for i := range hits {
			callers.Go(func() {
				for serve(s, form("DescribeRegions")).code() == "InternalFailure" {
					hits[i]++
				}
			})
		}
		var deleted [2]testAnswer
		for i := range deleted {
			callers.Go(func() { deleted[i] = control("DELETE", "") })
		}
		callers.Wait()
		first, second := deleted[0], deleted[1]
		if first.status > second.status {
			first, second = second, first
		}
		if first.status != http.StatusOK || second.status != http.StatusNotFound {
			t.Fatalf("two deletions answered %d and %d, want 200 and 404", first.status, second.status)
		}
		if told, met := first.field("status.hits"), float64(hits[0]+hits[1]); told != met {
			t.Fatalf("the rule was answered with %v hits, and %v calls met it", told, met)
		}
	}
}

func TestControlsIgnoreCredentials(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures()
	if a := s.do("DescribeRegions"); a.status == http.StatusOK {
		t.Fatal("an unsigned call was accepted")
	}
	for _, path := range []string{"faults", "quotas", "clock", "requests", "operations", "export"} {
		s.must("GET", path, "")
	}
	s.must("POST", "reset", "")
}

func TestOperationsListsTheTable(t *testing.T) {
	s := newTestServer(t)
	listed := s.must("GET", "operations", "").object["operations"].([]any)
	if len(listed) != len(kms.Operations) {
		t.Fatalf("%d operations, want %d", len(listed), len(kms.Operations))
	}
	for i, op := range kms.Operations {
		if entry := listed[i].(map[string]any); entry["name"] != op.Name || len(entry["parameters"].([]any)) != len(op.Parameters()) {
			t.Errorf("entry %d is %v, want %s", i, entry, op.Name)
		}
	}
}

func TestHealthIsAnsweredWhenReady(t *testing.T) {
	s := newTestServer(t)
	response, err := http.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	if a := s.read(response); a.status != http.StatusOK || len(a.object) == 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
