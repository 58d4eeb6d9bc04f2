package rules

import (
	"slices"
	"time"
)

// match is the condition of a rule: every list that is given has to have in it
// what the call has.
type match struct {
	operations, keyARNs, keyVersionIDs, algorithms, accessKeyIDs, gateways []string
}

type matchField struct {
	name   string // in a scenario
	wanted []string
	has    string
}

func (m *match) fields(req Request) [6]matchField {
	return [...]matchField{
		{"operation", m.operations, req.Operation},
		{"keyId", m.keyARNs, req.KeyARN},
		{"keyVersionId", m.keyVersionIDs, req.KeyVersionID},
		{"algorithm", m.algorithms, req.Algorithm},
		{"accessKeyId", m.accessKeyIDs, req.AccessKeyID},
		{"gateway", m.gateways, req.Gateway},
	}
}

func (f matchField) fits() bool {
	return len(f.wanted) == 0 || slices.Contains(f.wanted, f.has)
}

// fits reports whether a call meets the condition.
func (m *match) fits(req Request) bool {
	for _, field := range m.fields(req) {
		if !field.fits() {
			return false
		}
	}
	return true
}

// nearest is the request that a rule missed by the fewest fields, and what it
// had in each of them.
type nearest struct {
	RequestID string            `json:"requestId"`
	Differs   map[string]string `json:"differs"`
}

// nearestOf finds, among requests in order of arrival, the latest of those that
// the rule missed by the fewest fields. Nil: there are none.
func (f *Fault) nearestOf(past []Past) *nearest {
	var best *nearest
	for i := range past {
		differs := f.differs(&past[i])
		if best == nil || len(differs) <= len(best.Differs) {
			best = &nearest{past[i].RequestID, differs}
		}
	}
	return best
}

func (f *Fault) differs(p *Past) map[string]string {
	differs := map[string]string{}
	for _, field := range f.match.fields(p.Request) {
		if !field.fits() {
			differs[field.name] = field.has
		}
	}
	if _, wrong := differs["keyId"]; wrong {
		differs["keyId"] = p.KeyID
	}
	if p.Time.Before(f.From) || !f.Until.IsZero() && !p.Time.Before(f.Until) {
		differs["time"] = p.Time.Format(time.RFC3339Nano)
	}
	return differs
}
