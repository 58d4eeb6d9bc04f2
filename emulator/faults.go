package emulator

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/alikms/alikms/fixtures"
)

// faultRule is a fault of the scenario in force. Its counters are guarded by
// rules.
type faultRule struct {
	written     fixtures.Fault // as it was said
	match       match
	from, until time.Time // in force while from <= now < until; zero: always
	action      *action   // of a rule without a script
	chance      float64   // of action; 0: certain
	random      *rand.Rand
	script      []step
	repeat      string // "all", "last", or "": calls pass after the script

	position, used int // in the script
	spent          bool
	calls, hits    int
	gone           chan struct{} // closed when the rule is removed or replaced
	dropping       bool          // by a reset, set before gone is closed
}

// step lets count calls pass, or gives each of them its action.
type step struct {
	action *action // nil: pass
	count  int
}

// action is what a call meets.
type action struct {
	refuse     *apiError     // what is answered; nil: nothing
	retryAfter time.Duration // a header beside it; 0: none
	connection string        // connectionReset, connectionTruncate, or ""
	delay      time.Duration // real time
	after      bool          // the operation runs before; else it does not, unless delay is all
}

const (
	connectionReset    = "reset"
	connectionTruncate = "truncate"
)

// inForce says whether the rule may decide a call at this time.
func (f *faultRule) inForce(now time.Time) bool {
	return !f.spent && !now.Before(f.from) && (f.until.IsZero() || now.Before(f.until))
}

// decide counts a call and says what it meets; nil: it passes.
func (f *faultRule) decide() *action {
	f.calls++
	met := f.action
	switch {
	case len(f.script) > 0:
		met = f.nextStep()
	case f.chance > 0 && f.random.Float64() >= f.chance:
		met = nil
	}
	if met != nil {
		f.hits++
	}
	return met
}

// nextStep moves through the script by one call.
func (f *faultRule) nextStep() *action {
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
		f.spent = true
	}
	return current.action
}

func (f *faultRule) name() string { return f.written.Name }

func (f *faultRule) asWritten() any { return f.written }

type faultStatus struct {
	Calls   int      `json:"calls"` // decided by the rule, passes included
	Hits    int      `json:"hits"`  // met an action
	Spent   bool     `json:"spent"`
	Nearest *nearest `json:"nearest,omitempty"` // while calls is 0
}

func (f *faultRule) status(calls []Call) any {
	status := faultStatus{Calls: f.calls, Hits: f.hits, Spent: f.spent}
	if f.calls == 0 {
		status.Nearest = f.nearestOf(calls)
	}
	return status
}

// What a fault makes of an answer that is not sent.
var (
	errReset   = errors.New("the connection is to be reset")
	errDropped = errors.New("the call was dropped while it was delayed")
)

// end lets the calls that the rule delays go on, or drops them.
func (f *faultRule) end(dropping bool) {
	f.dropping = dropping
	close(f.gone)
}

// wait holds a call for a delay of real time. The rule's end lets the call go
// on; a client that hangs up, a reset or the stop drop it.
func (s *Server) wait(ctx context.Context, rule *faultRule, delay time.Duration) error {
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-rule.gone:
		if !rule.dropping {
			return nil
		}
	case <-ctx.Done():
	case <-s.stopping:
	}
	return errDropped
}
