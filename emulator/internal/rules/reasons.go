package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/kms"
)

// Reason is what a rule made of a call.
type Reason struct {
	Rule    string  `json:"rule"`
	Kind    Kind    `json:"kind"`
	Outcome Outcome `json:"outcome"`
	// Differs is what the call had in each field of the rule that does not fit;
	// "time" stands for from and until.
	Differs map[string]string `json:"differs,omitempty"`
	Why     string            `json:"why"` // the same as a sentence
}

// String is a line: the rule, and why.
func (r Reason) String() string { return string(r.Kind) + " " + r.Rule + ": " + r.Why }

// Kind is of a rule.
type Kind string

// The kinds of rules.
const (
	KindFault Kind = "fault"
	KindQuota Kind = "quota"
)

// Outcome is what became of a call at a rule.
type Outcome string

// The outcomes.
const (
	Acted      Outcome = "acted"      // a fault's action met the call, or a quota refused it
	Passed     Outcome = "passed"     // a fault decided to let it pass, or a quota had room
	Differs    Outcome = "differs"    // some field does not fit
	Spent      Outcome = "spent"      // the script had ended
	NotInForce Outcome = "notInForce" // from was still to come, or until was past
	Younger    Outcome = "younger"    // the rule was put after the call
	NotReached Outcome = "notReached" // something before the rule took the call, or refused it
)

// Explain says what each rule made of a call: the quotas in order, the faults in
// order, and those in force now that are younger than the call.
func (r *Rules) Explain(p Past) (reasons []Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	after := false // the quota that refused the call
	for _, q := range p.Trace.lists.quotas {
		reasons = append(reasons, q.reason(p, after))
		after = after || q == p.Trace.quota
	}
	after = false // the fault that took the call
	for _, f := range p.Trace.lists.faults {
		reasons = append(reasons, f.reason(p, after))
		after = after || f == p.Trace.fault
	}
	return append(reasons, r.younger(p)...)
}

// younger are the rules in force that were put after a call.
func (r *Rules) younger(p Past) (reasons []Reason) {
	for _, q := range r.quotas.rules {
		if !p.Trace.knows(&q.held) {
			reasons = append(reasons, Reason{Rule: q.Name, Kind: KindQuota, Outcome: Younger, Why: whyYounger})
		}
	}
	for _, f := range r.faults.rules {
		if !p.Trace.knows(&f.held) {
			reasons = append(reasons, Reason{Rule: f.Name, Kind: KindFault, Outcome: Younger, Why: whyYounger})
		}
	}
	return reasons
}

// asDecided is the call as the rules saw it: an operation may come to another key
// than the one that was named.
func (p Past) asDecided() Past {
	if p.Trace.reached {
		p.KeyARN = p.Trace.keyARN
		_, p.KeyID, _ = strings.Cut(p.KeyARN, ":key/")
	}
	return p
}

func (q *Quota) reason(p Past, after bool) Reason {
	reason := Reason{Rule: q.Name, Kind: KindQuota}
	reason.Outcome, reason.Differs = q.outcome(p.asDecided(), after)
	reason.Why = q.why(p, reason)
	return reason
}

// outcome says what the quota made of a call; after: another had refused it.
func (q *Quota) outcome(p Past, after bool) (Outcome, map[string]string) {
	switch {
	case !p.Trace.reached, after:
		return NotReached, nil
	case q == p.Trace.quota:
		return Acted, nil
	case q.records:
		return q.recordsOutcome(p), nil
	}
	differs := q.match.differs(&p)
	if q.groupOf(p.Group) == nil {
		differs = with(differs, "operation", p.Operation)
	}
	if differs != nil {
		return Differs, differs
	}
	return Passed, nil
}

// recordsOutcome is that of the quota of records. Of several the first counts.
func (q *Quota) recordsOutcome(p Past) Outcome {
	first := slices.IndexFunc(p.Trace.lists.quotas, func(other *Quota) bool { return other.records })
	switch {
	case q != p.Trace.lists.quotas[first], p.Records == kms.RecordsNotAsked:
		return NotReached
	case p.Records == kms.RecordsRefused:
		return Acted
	}
	return Passed
}

func (f *Fault) reason(p Past, after bool) Reason {
	reason := Reason{Rule: f.Name, Kind: KindFault}
	reason.Outcome, reason.Differs = f.outcome(p.asDecided(), after)
	reason.Why = f.why(p, reason)
	return reason
}

// outcome says what the fault made of a call; after: another had taken it.
func (f *Fault) outcome(p Past, after bool) (Outcome, map[string]string) {
	differs := f.differs(p)
	_, early := differs["time"]
	switch {
	case !p.Trace.reached:
		return NotReached, nil // its key was not looked up
	case f == p.Trace.fault && p.Trace.acted:
		return Acted, nil
	case f == p.Trace.fault:
		return Passed, nil
	case p.Trace.quota != nil, after:
		return NotReached, differs
	case f.spentAt != 0 && f.spentAt < p.Trace.moment && (differs == nil || early && len(differs) == 1):
		return Spent, nil
	case early && len(differs) == 1:
		return NotInForce, differs
	}
	return Differs, differs
}

// differs is what a call has in each field of the rule that does not fit, the
// time included; nil: all fit.
func (f *Fault) differs(p Past) map[string]string {
	differs := f.match.differs(&p)
	if !f.covers(p.Time) {
		differs = with(differs, "time", timeText(p.Time))
	}
	return differs
}

func with(differs map[string]string, name, had string) map[string]string {
	if differs == nil {
		differs = map[string]string{}
	}
	differs[name] = had
	return differs
}

// nearest is the request that a rule missed by the fewest fields, what it had in
// each of them, and why the rule did not meet it.
type nearest struct {
	RequestID string            `json:"requestId"`
	Differs   map[string]string `json:"differs"`
	Outcome   Outcome           `json:"outcome"`
	Why       string            `json:"why"`
}

// nearestOf finds, among requests in order of arrival, the latest of those that
// the rule missed by the fewest fields. Nil: there are none.
func (f *Fault) nearestOf(past []Past) *nearest {
	var best *Past
	least := map[string]string{}
	for i := range past {
		differs := f.differs(f.seen(past[i]))
		if best == nil || len(differs) <= len(least) {
			best, least = &past[i], differs
		}
	}
	if best == nil {
		return nil
	}
	found := &nearest{RequestID: best.RequestID, Differs: map[string]string{}, Outcome: Younger, Why: whyYounger}
	maps.Copy(found.Differs, least)
	if best.Trace.knows(&f.held) {
		all := best.Trace.lists.faults
		after := best.Trace.fault != nil && slices.Index(all, f) > slices.Index(all, best.Trace.fault)
		reason := f.reason(*best, after)
		found.Outcome, found.Why = reason.Outcome, reason.Why
	}
	return found
}

// seen is a request as the rule saw it, or would have.
func (f *Fault) seen(p Past) Past {
	if p.Trace.knows(&f.held) {
		return p.asDecided()
	}
	return p
}
