package rules

import (
	"math/rand/v2"
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
)

// Fault is a fault of the scenario in force. Its counters are guarded by Rules.
type Fault struct {
	Name        string
	Source      fixtures.Fault // as it was written
	From, Until time.Time      // in force while From <= now < Until; zero: always

	match  match
	action *Action    // of a rule without a script
	chance float64    // of action; 0: certain
	random *rand.Rand // of chance
	script []step
	repeat string // "all", "last", or "": calls pass after the script

	held           held
	position, used int    // in the script
	spentAt        uint64 // the moment of the call that spent it; 0: it is not spent
	calls, hits    int
	gone           chan struct{} // closed when the rule is removed or replaced
	dropping       bool          // by a reset, set before gone is closed
}

// step lets count calls pass, or gives each of them its action.
type step struct {
	action *Action // nil: pass
	count  int
}

// Action is what a call meets.
type Action struct {
	Refuse     *kmserr.Error // what is answered; nil: nothing
	RetryAfter time.Duration // a header beside it; 0: none
	Connection string        // ConnectionReset, ConnectionTruncate, or ""
	Delay      time.Duration // real time
	After      bool          // the operation runs before; else it does not, unless Delay is all
}

// What becomes of a connection.
const (
	ConnectionReset    = "reset"    // not a byte is answered
	ConnectionTruncate = "truncate" // half of the answer is sent
)

// inForce reports whether the rule may decide a call at this time.
func (f *Fault) inForce(now time.Time) bool {
	return f.spentAt == 0 && f.covers(now)
}

// covers reports whether a time is within From and Until.
func (f *Fault) covers(now time.Time) bool {
	return !now.Before(f.From) && (f.Until.IsZero() || now.Before(f.Until))
}

// decide counts a call and says what it meets; nil: it passes.
func (f *Fault) decide(moment uint64) *Action {
	f.calls++
	met := f.action
	switch {
	case len(f.script) > 0:
		met = f.nextStep(moment)
	case f.chance > 0 && f.random.Float64() >= f.chance:
		met = nil
	}
	if met != nil {
		f.hits++
	}
	return met
}

// nextStep moves through the script by one call.
func (f *Fault) nextStep(moment uint64) *Action {
	current := f.script[f.position]
	f.used++
	if f.used < current.count {
		return current.action
	}
	f.used = 0
	switch {
	case f.position+1 < len(f.script):
		f.position++
	case f.repeat == "all":
		f.position = 0
	case f.repeat == "":
		f.spentAt = moment
	}
	return current.action
}

func (f *Fault) name() string { return f.Name }

type shownFault struct {
	fixtures.Fault
	Status faultStatus `json:"status"`
}

type faultStatus struct {
	Calls      int      `json:"calls"` // decided by the rule, passes included
	Hits       int      `json:"hits"`  // met an action
	Spent      bool     `json:"spent"`
	ShadowedBy string   `json:"shadowedBy,omitempty"` // the earlier rule that takes every call it could
	Nearest    *nearest `json:"nearest,omitempty"`    // while calls is 0
}

func (f *Fault) shown(in *Rules, past []Past) any {
	status := faultStatus{Calls: f.calls, Hits: f.hits, Spent: f.spentAt != 0, ShadowedBy: shadow(in.faults.rules, f, in.now())}
	if f.calls == 0 {
		status.Nearest = f.nearestOf(past)
	}
	return shownFault{f.Source, status}
}

// end lets the calls that the rule delays go on, or drops them.
func (f *Fault) end(dropping bool) {
	f.dropping = dropping
	close(f.gone)
}

// Keys are the ARNs of the keys that the rule is about, and the ids of the
// versions; nil: of any.
func (f *Fault) Keys() (arns, versionIDs []string) { return f.match.keyARNs, f.match.keyVersionIDs }
