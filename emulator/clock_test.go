package emulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

// on starts a server on a store that another may have used before.
func on(st *store.Store) func(*Options) { return func(o *Options) { o.Store = st } }

// realTime is the time outside of the emulator. It stands until a test moves it.
type realTime struct {
	mu   sync.Mutex
	time time.Time
}

func standingAt(t time.Time) *realTime { return &realTime{time: t} }

func (r *realTime) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.time
}

func (r *realTime) add(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.time = r.time.Add(d)
}

// at gives a server a real time of the test's own.
func at(real *realTime) func(*Options) { return func(o *Options) { o.Now = real.now } }

// dayOf is noon of a day of June 2026.
func dayOf(day int) time.Time { return time.Date(2026, 6, day, 12, 0, 0, 0, time.UTC) }

func TestTheClockRunsStandsAndMovesAsItIsTold(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, holding(t, runningScenario), at(real))
	for _, c := range []struct {
		method, path, body string
		now                string
		frozen             bool
	}{
		{"GET", "clock", "", "2026-06-01T12:00:00Z", false},
		{"POST", "clock/advance", "{by: 1d2h}", "2026-06-02T14:00:00Z", false},
		{"POST", "clock/advance", "{by: 500ms}", "2026-06-02T14:00:00.5Z", false},
		{"PUT", "clock", "{now: +0s}", "2026-06-02T14:00:00.5Z", true},
		{"POST", "clock/advance", "{by: 1h}", "2026-06-02T15:00:00.5Z", true},
		{"PUT", "clock", "{now: -1d}", "2026-06-01T15:00:00.5Z", true},
		{"PUT", "clock", `{"now": "2020-02-29T00:00:00+08:00"}`, "2020-02-28T16:00:00Z", true},
		{"PUT", "clock", "{now: 2030-01-01T00:00:00Z}", "2030-01-01T00:00:00Z", true},
		{"DELETE", "clock", "", "2026-06-01T12:00:00Z", false},
	} {
		a := s.must(c.method, c.path, c.body)
		if a.object["now"] != c.now || a.object["frozen"] != c.frozen {
			t.Errorf("%s %s %s: %s, want %s %v", c.method, c.path, c.body, a.body, c.now, c.frozen)
		}
		if again := s.must("GET", "clock", ""); again.body != a.body {
			t.Errorf("%s %s %s: then GET says %s", c.method, c.path, c.body, again.body)
		}
	}
}

const runningScenario = "keys:\n  - {keyId: key-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, creationDate: 2020-01-01T00:00:00Z}\n"

func TestARunningClockRunsWithRealTimeAtItsDistance(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, holding(t, runningScenario), at(real))
	s.must("POST", "clock/advance", "{by: 10d}")
	real.add(90 * time.Second)
	if a := s.must("GET", "clock", ""); a.object["now"] != "2026-06-11T12:01:30Z" {
		t.Errorf("%s", a.body)
	}
	s.must("PUT", "clock", "{now: +0s}")
	real.add(time.Hour)
	if a := s.must("GET", "clock", ""); a.object["now"] != "2026-06-11T12:01:30Z" {
		t.Errorf("a clock that stands went on: %s", a.body)
	}
}

func TestTheClockRulesDatesTheDateHeaderAndTheJournal(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, holding(t, runningScenario), at(real))
	s.must("PUT", "clock", "{now: 2031-02-03T04:05:06.789Z}")
	a := s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	if got := a.header.Get("Date"); got != "Mon, 03 Feb 2031 04:05:06 GMT" {
		t.Errorf("Date is %q", got)
	}
	if got := a.field("KeyMetadata.CreationDate"); got != "2031-02-03T04:05:06Z" {
		t.Errorf("CreationDate is %q", got)
	}
	if got := s.entry(a)["time"]; got != "2031-02-03T04:05:06.789Z" {
		t.Errorf("time in the journal is %q", got)
	}
	if got := a.field("KeyMetadata.KeyId").(string); got[:15] != fmt.Sprintf("key-hzz%08x", time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC).Unix()) {
		t.Errorf("KeyId is %s", got)
	}
	version := s.mustDo("CreateKeyVersion", "KeyId", "key-a")
	if got := version.field("KeyVersion.CreationDate"); got != "2031-02-03T04:05:06Z" {
		t.Errorf("CreationDate of the version is %q", got)
	}
	s.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	if got := s.mustDo("DescribeKey", "KeyId", "key-a").field("KeyMetadata.DeleteDate"); got != "2031-02-10T04:05:06Z" {
		t.Errorf("DeleteDate is %q", got)
	}
	for _, r := range []testAnswer{s.must("GET", "clock", ""), s.do("NoSuchAction")} {
		if got := r.header.Get("Date"); got != "Mon, 03 Feb 2031 04:05:06 GMT" {
			t.Errorf("Date is %q", got)
		}
	}
}

// An SDK signs with the real time, however the emulator's clock stands.
func TestSignaturesFollowRealTimeWhateverTheClockSays(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures()
	for _, now := range []string{"2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"} {
		s.must("PUT", "clock", "{now: "+now+"}")
		if a := s.call("app", form("ListKeys")); a.status != http.StatusOK {
			t.Errorf("at %s: %d %s", now, a.status, a.body)
		}
	}
}

func TestTheClockSurvivesARestartUnlessTheScenarioSetsIt(t *testing.T) {
	for _, c := range []struct{ method, path, body, now string }{
		{"PUT", "clock", "{now: 2020-01-02T03:04:05.678Z}", `{"now":"2020-01-02T03:04:05.678Z","frozen":true}`},
		{"POST", "clock/advance", "{by: 8d}", `{"now":"2026-06-10T12:00:00Z","frozen":false}`}, // and a day of real time
		{"DELETE", "clock", "", `{"now":"2026-06-02T12:00:00Z","frozen":false}`},
	} {
		real := standingAt(dayOf(1))
		first := newTestServer(t, holding(t, runningScenario), at(real))
		first.must(c.method, c.path, c.body)
		first.Close()
		real.add(24 * time.Hour)
		second := newTestServer(t, holding(t, runningScenario), at(real), on(first.kms.Store))
		if got := second.must("GET", "clock", "").body; got != c.now {
			t.Errorf("%s %s: after a restart %s, want %s", c.method, c.body, got, c.now)
		}
		second.Close()
		third := newTestServer(t, holding(t, runningScenario+"clock: 2025-05-05T00:00:00Z"), at(real), on(first.kms.Store))
		if got := third.must("GET", "clock", "").body; got != `{"now":"2025-05-05T00:00:00Z","frozen":true}` {
			t.Errorf("with a clock in the scenario %s", got)
		}
	}
}

func TestAResetRestoresTheClock(t *testing.T) {
	real := standingAt(dayOf(1))
	for scenario, want := range map[string]string{
		runningScenario: `{"now":"2026-06-01T12:00:00Z","frozen":false}`,
		runningScenario + "clock: 2025-05-05T00:00:00Z": `{"now":"2025-05-05T00:00:00Z","frozen":true}`,
	} {
		s := newTestServer(t, holding(t, scenario), at(real))
		s.must("POST", "clock/advance", "{by: 8d}")
		s.must("PUT", "clock", "{now: +0s}")
		s.must("POST", "reset", "")
		if got := s.must("GET", "clock", "").body; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// The moment at which it is decided what becomes of a call serves all of it.
func TestACallKeepsItsTimeHoweverLongAFaultHoldsIt(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{match: {operation: CreateKey}, delay: 1h}")
	done := s.hang(1, form("CreateKey", "KeySpec", "EC_SM2"))
	s.must("POST", "clock/advance", "{by: 1d}")
	s.must("DELETE", "faults", "")
	if got := <-done; got.answer.field("KeyMetadata.CreationDate") != "2026-06-01T00:00:00Z" {
		t.Errorf("%v %s", got.err, got.answer.body)
	}
}

func TestDeletionWindowsFallDueInOrder(t *testing.T) {
	s := newTestServer(t, holding(t, `
clock: 2026-06-01T00:00:00Z
keys:
  - {keyId: key-9, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, keyState: PendingDeletion, deleteDate: +9d, aliases: [alias/9]}
  - {keyId: key-7, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, keyState: PendingDeletion, deleteDate: +7d, aliases: [alias/7]}
  - {keyId: key-8, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, keyState: PendingDeletion, deleteDate: +8d, aliases: [alias/8, alias/8b]}
  - {keyId: key-0, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}
`))
	for _, c := range []struct {
		by            string
		keys, aliases float64
		gone          []string
	}{
		{"0s", 4, 4, nil},
		{"6d23h59m59s999ms", 4, 4, nil},
		{"1ms", 3, 3, []string{"7"}},
		{"1d", 2, 1, []string{"7", "8"}},
		{"23h", 2, 1, []string{"7", "8"}},
		{"1h", 1, 0, []string{"7", "8", "9"}},
	} {
		s.must("POST", "clock/advance", "{by: "+c.by+"}")
		for _, write := range []bool{false, true} { // which removes what is gone
			if write {
				s.mustDo("EnableKey", "KeyId", "key-0")
			}
			keys, aliases := s.mustDo("ListKeys"), s.mustDo("ListAliases")
			if keys.object["TotalCount"] != c.keys || aliases.object["TotalCount"] != c.aliases ||
				float64(len(keys.field("Keys.Key").([]any))) != c.keys || float64(len(aliases.field("Aliases.Alias").([]any))) != c.aliases {
				t.Errorf("after %s more: %s %s", c.by, keys.body, aliases.body)
			}
			for _, name := range c.gone {
				s.expectGone("key-"+name, "alias/"+name)
			}
		}
	}
}

func (s *testServer) expectGone(keyID, alias string) {
	s.t.Helper()
	for _, c := range []struct{ code, action, name string }{
		{"Forbidden.KeyNotFound", "DescribeKey", keyID},
		{"Forbidden.AliasNotFound", "DescribeKey", alias},
		{"Forbidden.KeyNotFound", "CancelKeyDeletion", keyID},
		{"Forbidden.KeyNotFound", "ListKeyVersions", keyID},
		{"Forbidden.KeyNotFound", "ListAliasesByKeyId", keyID},
	} {
		if a := s.do(c.action, "KeyId", c.name); a.code() != c.code {
			s.t.Errorf("%s %s: %d %s", c.action, c.name, a.status, a.body)
		}
	}
}

func TestAnAliasOfAKeyThatIsGoneIsFree(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	s.must("POST", "clock/advance", "{by: 7d}")
	s.mustDo("CreateAlias", "KeyId", "key-b", "AliasName", "alias/a")
	if a := s.mustDo("DescribeKey", "KeyId", "alias/a"); a.field("KeyMetadata.KeyId") != "key-b" {
		t.Errorf("%s", a.body)
	}
}

func TestBackwardStepsAreSafe(t *testing.T) {
	s := newTestServer(t)
	made := s.mustDo("CreateKey", "KeySpec", "EC_SM2", "KeyUsage", "ENCRYPT/DECRYPT").field("KeyMetadata.KeyId").(string)
	s.must("PUT", "clock", "{now: 2020-01-01T00:00:00Z}")
	s.mustDo("DescribeKey", "KeyId", made)
	version := s.mustDo("CreateKeyVersion", "KeyId", made).field("KeyVersion.KeyVersionId")
	listed := s.mustDo("ListKeyVersions", "KeyId", made)
	if newest := listed.field("KeyVersions.KeyVersion").([]any)[0].(map[string]any)["KeyVersionId"]; newest != version {
		t.Errorf("the version made last is not listed first: %s", listed.body)
	}
	s.mustDo("ScheduleKeyDeletion", "KeyId", made, "PendingWindowInDays", "7")
	if a := s.mustDo("DescribeKey", "KeyId", made); a.field("KeyMetadata.DeleteDate") != "2020-01-08T00:00:00Z" {
		t.Errorf("%s", a.body)
	}
	s.must("PUT", "clock", "{now: 2019-01-01T00:00:00Z}")
	s.mustDo("CancelKeyDeletion", "KeyId", made)
	s.call("", encryption())
	if a := s.mustDo("ListKeys"); a.object["TotalCount"] != 7.0 {
		t.Errorf("%s", a.body)
	}
}

// Until a write has removed it, a key whose window has passed comes back with
// the time; afterwards it does not.
func TestAKeyThatWasRemovedStaysSoWhenTheClockIsSetBack(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.mustDo("ScheduleKeyDeletion", "KeyId", "key-a", "PendingWindowInDays", "7")
	s.must("POST", "clock/advance", "{by: 8d}")
	s.expectGone("key-a", "alias/a")
	s.must("PUT", "clock", "{now: 2026-06-01T00:00:00Z}")
	s.mustDo("DescribeKey", "KeyId", "alias/a")
	s.must("POST", "clock/advance", "{by: 8d}")
	s.mustDo("EnableKey", "KeyId", "key-b")
	s.must("PUT", "clock", "{now: 2026-06-01T00:00:00Z}")
	s.expectGone("key-a", "alias/a")
}

// What is in memory and what a restart would find must not differ.
func TestParallelClockChangesAndResetsLeaveOneClock(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, holding(t, runningScenario), at(real))
	for range 200 {
		var changes sync.WaitGroup
		changes.Go(func() { served(s, httptest.NewRequest("POST", "/_emulator/reset", nil)) })
		changes.Go(func() {
			served(s, httptest.NewRequest("POST", "/_emulator/clock/advance", strings.NewReader("{by: 1h}")))
		})
		changes.Wait()
		kept, err := newClock(s.kms.Store, s.clock.real, kms.RotateAll)
		if err != nil {
			t.Fatal(err)
		}
		if inMemory := s.clock.now(); !kept.now().Equal(inMemory) {
			t.Fatalf("the clock says %s, after a restart it would say %s", inMemory, kept.now())
		}
	}
}

func TestARunningClockDoesNotWrap(t *testing.T) {
	s := newTestServer(t)
	s.must("DELETE", "clock", "")
	s.must("POST", "clock/advance", "{by: 99999d}")
	before := s.must("GET", "clock", "").object["now"].(string)
	a := s.control("POST", "clock/advance", "{by: 99999d}")
	if a.status != 400 || !strings.Contains(a.body, "292 years") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if after := s.must("GET", "clock", "").object["now"].(string); after[:4] != before[:4] {
		t.Errorf("the clock went from %s to %s", before, after)
	}
}

func TestTheClockStaysWithinTheYearsThatCanBeWritten(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "clock", "{now: 8999-12-31T00:00:00Z}")
	s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	s.mustDo("ScheduleKeyDeletion", "KeyId", sm2Key, "PendingWindowInDays", "366")
	if a := s.control("POST", "clock/advance", "{by: 100000d}"); a.status != http.StatusBadRequest {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.must("GET", "clock", ""); a.object["now"] != "8999-12-31T00:00:00Z" {
		t.Errorf("a refused step moved the clock: %s", a.body)
	}
}
