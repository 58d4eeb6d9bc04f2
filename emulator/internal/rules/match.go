package rules

import (
	"slices"
	"strings"
)

// match is the condition of a rule: every list that is given has to have in it
// what the call has.
type match struct {
	operations, keyARNs, keyVersionIDs, algorithms, secretARNs, accessKeyIDs, gateways []string
}

type matchField struct {
	name   string // in a scenario
	wanted []string
	has    string
}

func (m *match) fields(req Request) [7]matchField {
	return [...]matchField{
		{"operation", m.operations, req.Operation},
		{"keyId", m.keyARNs, req.KeyARN},
		{"keyVersionId", m.keyVersionIDs, req.KeyVersionID},
		{"algorithm", m.algorithms, req.Algorithm},
		{"secretName", m.secretARNs, req.SecretARN},
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

// differs is what a call has in each field that does not fit; nil: all fit.
func (m *match) differs(p *Past) map[string]string {
	var differs map[string]string
	for _, field := range m.fields(p.Request) {
		if field.fits() {
			continue
		}
		if differs == nil {
			differs = map[string]string{}
		}
		differs[field.name] = field.has
		switch field.name {
		case "keyId":
			differs["keyId"] = p.KeyID
		case "secretName":
			differs["secretName"] = secretText(field)
		}
	}
	return differs
}

// covers reports whether every call that fits another condition fits this one.
func (m *match) covers(other *match) bool {
	these, others := m.fields(Request{}), other.fields(Request{})
	for i, field := range these {
		if !field.covers(others[i]) {
			return false
		}
	}
	return true
}

// covers reports whether all that fits another field fits this one.
func (f matchField) covers(other matchField) bool {
	if len(f.wanted) == 0 {
		return true
	}
	foreign := func(value string) bool { return !slices.Contains(f.wanted, value) }
	return len(other.wanted) > 0 && !slices.ContainsFunc(other.wanted, foreign)
}

// secretText is a call's secret by its name, or by its ARN where a secret of the
// same name is wanted, of another account or region.
func secretText(field matchField) string {
	_, name, _ := strings.Cut(field.has, ":secret/")
	if slices.ContainsFunc(field.wanted, func(arn string) bool { return strings.HasSuffix(arn, ":secret/"+name) }) {
		return field.has
	}
	return name
}
