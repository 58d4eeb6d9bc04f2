package emulator

import (
	"slices"
	"time"
)

// facts are what the rules ask of a call.
type facts struct {
	operation, keyARN, keyVersionID, algorithm, accessKeyID, gateway string
}

// match is the condition of a rule: every list that is given has to have the
// call's fact in it.
type match struct {
	operations, keyARNs, keyVersionIDs, algorithms, accessKeyIDs, gateways []string
}

type matchField struct {
	name   string // in a scenario
	wanted []string
	has    string
}

func (m match) fields(f facts) []matchField {
	return []matchField{
		{"operation", m.operations, f.operation},
		{"keyId", m.keyARNs, f.keyARN},
		{"keyVersionId", m.keyVersionIDs, f.keyVersionID},
		{"algorithm", m.algorithms, f.algorithm},
		{"accessKeyId", m.accessKeyIDs, f.accessKeyID},
		{"gateway", m.gateways, f.gateway},
	}
}

func (f matchField) fits() bool {
	return len(f.wanted) == 0 || slices.Contains(f.wanted, f.has)
}

// fits says whether a call meets the condition.
func (m match) fits(f facts) bool {
	return !slices.ContainsFunc(m.fields(f), func(field matchField) bool { return !field.fits() })
}

// nearest is the request that a rule missed by the fewest fields, and what it
// had in each of them.
type nearest struct {
	RequestID string            `json:"requestId"`
	Differs   map[string]string `json:"differs"`
}

// nearestOf finds, among calls in order of arrival, the latest of those that
// the rule missed by the fewest fields. Nil: there are no calls.
func (f *faultRule) nearestOf(calls []Call) *nearest {
	var best *nearest
	for i := range calls {
		differs := f.differs(&calls[i])
		if best == nil || len(differs) <= len(best.Differs) {
			best = &nearest{calls[i].RequestID, differs}
		}
	}
	return best
}

func (f *faultRule) differs(call *Call) map[string]string {
	differs := map[string]string{}
	for _, field := range f.match.fields(call.facts()) {
		if !field.fits() {
			differs[field.name] = field.has
		}
	}
	if _, wrong := differs["keyId"]; wrong {
		differs["keyId"] = call.KeyID
	}
	if call.Time.Before(f.from) || !f.until.IsZero() && !call.Time.Before(f.until) {
		differs["time"] = call.Time.Format(time.RFC3339Nano)
	}
	return differs
}
