package rules

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

// Request is what the rules ask of a call.
type Request struct {
	Operation, KeyARN, KeyVersionID, Algorithm, SecretARN, AccessKeyID, Gateway string

	Group string      // of the request quotas, that the operation counts in
	Scope store.Scope // account and region
	Nonce string      // of the signature; "": none
	// Fingerprint returns a hash of all that was sent. It is asked only where
	// the request may be one that is sent again.
	Fingerprint func() string
}

// Past is a request that has been answered, as the journal keeps it.
type Past struct {
	Request
	RequestID string
	KeyID     string
	Time      time.Time
	Trace     Trace
	Records   kms.RecordsOutcome
}

// Rules are the quotas and faults in force. What becomes of a call is decided
// in one indivisible moment: the time, the quota, the rule and its step.
type Rules struct {
	now  func() time.Time // of the emulator's clock
	real func() time.Time

	mu      sync.Mutex // guards all that follows, and the counters of rules
	quotas  Set[*Quota]
	faults  Set[*Fault]
	lists   *ruleLists            // both, as traces keep them
	moment  uint64                // the number of the latest call that came here, from 1
	resends map[resendKey]*resend // of the last resendWindow
}

// New makes rules with none in force. now is the emulator's clock.
func New(now, real func() time.Time) *Rules {
	return &Rules{now: now, real: real, lists: &ruleLists{}, moment: 1}
}

// Verdict is what was decided of a call.
type Verdict struct {
	Now     time.Time // of the emulator's clock; it serves the whole call
	Quota   string    // the name of the quota that refuses the call; "": none
	Records string    // the name of the quota of records in force; "": none
	Fault   string    // the name of the fault that acts on it; "": none
	Action  *Action   // what the call meets; nil: nothing
	Resend  bool      // it is a call decided before, sent again
	Trace   Trace

	rule    *Fault
	records *Quota // of the name Records
	resend  *resend
}

// Decide sets the time of a call and finds what becomes of it. It counts the
// call. In the same moment it asks whether the scenario still holds that the
// request was read under; if not, nothing is decided, and it returns false.
func (r *Rules) Decide(req Request, holds func() bool) (v Verdict, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !holds() {
		return v, false
	}
	return r.decide(req), true
}

func (r *Rules) decide(req Request) Verdict {
	now := r.now()
	if before, ok := r.lastMet(req); ok {
		again := before.verdict
		again.Now, again.Resend = now, true
		return again
	}
	r.moment++
	v := Verdict{Now: now, records: r.recordQuota(), Trace: Trace{lists: r.lists, moment: r.moment, reached: true, keyARN: req.KeyARN}}
	if v.records != nil {
		v.Records = v.records.Name
	}
	if refusing := admit(r.quotas.rules, req, now); refusing != nil {
		v.Quota, v.Trace.quota = refusing.Name, refusing
		return v
	}
	if fault := r.choose(req, now); fault != nil {
		v.meets(fault, r.moment)
		r.remember(req, &v)
	}
	return v
}

// meets notes what the fault that decides a call makes of it.
func (v *Verdict) meets(f *Fault, moment uint64) {
	v.Action = f.decide(moment)
	v.Trace.fault, v.Trace.nth = f, f.calls
	if v.Action != nil {
		v.Fault, v.rule, v.Trace.acted = f.Name, f, true
	}
}

// choose finds the rule that decides a call: the first in order that is in force
// and matches.
func (r *Rules) choose(req Request, now time.Time) *Fault {
	i := slices.IndexFunc(r.faults.rules, func(f *Fault) bool { return f.inForce(now) && f.match.fits(req) })
	if i < 0 {
		return nil
	}
	return r.faults.rules[i]
}

// ErrDropped says that a call was dropped while it was delayed: nothing is
// answered.
var ErrDropped = errors.New("the call was dropped while it was delayed")

// Wait holds a call as long as its action says, in real time. The end of the
// rule lets the call go on; a client that hangs up, a reset or the stop drop it,
// with ErrDropped.
func (v Verdict) Wait(ctx context.Context, stopping <-chan struct{}) error {
	if v.Action.Delay == 0 {
		return nil
	}
	timer := time.NewTimer(v.Action.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-v.rule.gone:
		if !v.rule.dropping {
			return nil
		}
	case <-ctx.Done():
	case <-stopping:
	}
	return ErrDropped
}

// AskForKeys reports whether any rule needs to know the key of a call.
func (r *Rules) AskForKeys() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.quotas.rules, func(q *Quota) bool { return len(q.match.keyARNs) > 0 }) ||
		slices.ContainsFunc(r.faults.rules, func(f *Fault) bool { return len(f.match.keyARNs) > 0 })
}

// EmptyWindows forgets which calls have passed the quotas lately: the clock was
// set back.
func (r *Rules) EmptyWindows() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.quotas.rules {
		q.emptyWindows()
	}
}

// Restart puts the rules of a loading in force, in one moment with what else
// changes then. The calls that the rules before delay are dropped.
func (r *Rules) Restart(quotas []*Quota, faults []*Fault, and func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults.rules {
		f.end(true)
	}
	for _, q := range r.quotas.rules {
		q.end(true)
	}
	r.quotas.rules, r.faults.rules, r.resends = quotas, faults, nil
	r.noteLists()
	and()
}

// recordQuota is the quota in force that limits records, or nil.
func (r *Rules) recordQuota() *Quota {
	i := slices.IndexFunc(r.quotas.rules, func(q *Quota) bool { return q.records })
	if i < 0 {
		return nil
	}
	return r.quotas.rules[i]
}

// CountRecord counts a record that passed the quota of records, or was refused.
func (r *Rules) CountRecord(v Verdict, refused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case v.records == nil:
	case refused:
		v.records.refused++
	default:
		v.records.passed++
	}
}
