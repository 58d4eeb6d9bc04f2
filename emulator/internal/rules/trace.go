package rules

import (
	"cmp"
	"slices"

	"github.com/alikms/alikms/fixtures"
)

// Trace is what is kept of how a call was decided: a few words of memory,
// however many rules there are. What each of them made of the call is worked out
// when somebody asks, by Explain.
type Trace struct {
	lists   *ruleLists
	moment  uint64 // the number of the call among those that came here
	reached bool   // the rules were asked; else the call was refused before
	keyARN  string // of the call's key, as the rules saw it
	quota   *Quota // that refused it; nil: none
	fault   *Fault // that decided it, even if it let it pass; nil: none
	nth     int    // of the calls that the fault decides, from 1
	acted   bool   // the call met an action of the fault
}

// Untouched is the trace of a call that is refused before it comes to the rules.
func (r *Rules) Untouched() Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moment++
	return Trace{lists: r.lists, moment: r.moment}
}

// ruleLists are the rules in force for a while. They are never changed, for the
// journal keeps them: a rule that was replaced or removed since is still named
// rightly.
type ruleLists struct {
	quotas []*Quota
	faults []*Fault
	bytes  int // about what they and their rules take
	held   int // by how many traces
}

// noteLists keeps which rules are in force, after a change.
func (r *Rules) noteLists() {
	if slices.Equal(r.lists.quotas, r.quotas.rules) && slices.Equal(r.lists.faults, r.faults.rules) {
		return
	}
	r.lists = &ruleLists{quotas: slices.Clone(r.quotas.rules), faults: slices.Clone(r.faults.rules)}
	r.lists.each(func(rule *held) {
		r.lists.bytes += bytesOfPointer + rule.bytes
		rule.since = cmp.Or(rule.since, r.moment)
	})
}

func (l *ruleLists) each(visit func(*held)) {
	for _, q := range l.quotas {
		visit(&q.held)
	}
	for _, f := range l.faults {
		visit(&f.held)
	}
}

// held is what traces have to do with a rule.
type held struct {
	since uint64 // the moment that the rule came into force after; 0: it is not yet
	bytes int    // about what the rule takes
	lists int    // that have the rule, and that traces hold; guarded by who calls Hold
}

// knows reports whether a rule that is in force now was so at the call.
func (t Trace) knows(rule *held) bool { return rule.since < t.moment }

const bytesOfPointer = 8

// Hold counts one more that keeps the trace, and returns how many bytes that
// takes: what it shares with another that is held is counted once. Who calls it
// sees to it that no two calls of Hold and Release run at once.
func (t Trace) Hold() (bytes int) {
	t.lists.held++
	if t.lists.held > 1 {
		return 0
	}
	t.lists.each(func(rule *held) {
		bytes += bytesOfPointer
		if rule.lists == 0 {
			bytes += rule.bytes
		}
		rule.lists++
	})
	return bytes
}

// Release takes back a Hold, and returns how many bytes that gives free.
func (t Trace) Release() (bytes int) {
	t.lists.held--
	if t.lists.held > 0 {
		return 0
	}
	t.lists.each(func(rule *held) {
		bytes += bytesOfPointer
		rule.lists--
		if rule.lists == 0 {
			bytes += rule.bytes
		}
	})
	return bytes
}

// Bytes are about what the rules take that were in force.
func (t Trace) Bytes() int { return t.lists.bytes }

// SameRules reports whether the same rules were in force at another call.
func (t Trace) SameRules(other Trace) bool { return t.lists == other.lists }

// Names are those of the quotas and faults that were in force.
func (t Trace) Names() (quotas, faults []string) {
	for _, q := range t.lists.quotas {
		quotas = append(quotas, q.Name)
	}
	for _, f := range t.lists.faults {
		faults = append(faults, f.Name)
	}
	return quotas, faults
}

// size is about what a fault takes in memory, in bytes.
func (f *Fault) size() int {
	const ofFault, ofStep = 900, 400
	n := ofFault + f.match.size() + sizeOfError(f.Source.Error)
	for _, s := range f.Source.Script {
		n += ofStep + sizeOfError(s.Error)
	}
	return n
}

func sizeOfError(e fixtures.ErrorSpec) int { return len(e.Code) + len(e.Message) }

// size is about what a quota takes in memory, in bytes, without its windows: they
// are emptied when it is no longer in force.
func (q *Quota) size() int {
	const ofQuota = 1000
	return ofQuota + q.match.size()
}

func (m *match) size() (n int) {
	const ofText = 32
	for _, field := range m.fields(Request{}) {
		for _, text := range field.wanted {
			n += ofText + len(text)
		}
	}
	return n
}
