package emulator

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// meaning gives meaning to what fixtures has read: names that have to exist,
// key material, rules that have to be able to act. It reports what is wrong at
// the places that fixtures kept.
type meaning struct {
	places    fixtures.Positions
	here      store.Scope // where the scenario does not say
	now       time.Time   // the loading, by the emulator's clock
	instances map[string]store.Scope
	known     names
	problems  fixtures.Problems
}

// names are what a match may name: of the files that are loaded, or of the
// running emulator.
type names struct {
	key      func(name string) (arn string, ok bool) // by id, alias or ARN
	version  func(id string) (keyARN string, ok bool)
	caller   func(accessKeyID string) bool
	instance func(id string) bool
}

func (m *meaning) scopeOf(account, region string) store.Scope {
	return store.Scope{Account: cmp.Or(account, m.here.Account), Region: cmp.Or(region, m.here.Region)}
}

// suggestion offers the known name that a misspelt one is likely to mean.
func suggestion(word string, known []string) string {
	slices.Sort(known)
	if near := fixtures.Nearest(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// under is the path of a field; the rule that a control brings has the path "".
func under(path, field string) string { return strings.TrimPrefix(path+"."+field, ".") }

// report says what is wrong with the value at a path, unless fixtures has said
// something about it.
func (m *meaning) report(path, format string, args ...any) {
	if m.places.Sound(path) {
		m.problems = append(m.problems, m.places.Problem(path, format, args...))
	}
}

// fault makes a rule of a fault.
func (m *meaning) fault(path string, f fixtures.Fault) *faultRule {
	rule := &faultRule{
		written: f,
		match:   m.match(under(path, "match"), f.Match),
		chance:  f.Chance,
		repeat:  f.Repeat,
		gone:    make(chan struct{}),
	}
	if f.From != nil {
		rule.from = f.From.Resolve(m.now)
	}
	if f.Until != nil {
		rule.until = f.Until.Resolve(m.now)
		switch {
		case f.Until.Relative() && !rule.until.After(m.now):
			m.report(under(path, "until"), "the rule can never act: %s is not after the loading", f.Until)
		case !rule.until.After(rule.from):
			m.report(under(path, "until"), "the rule can never act: %s is not after from, %s", f.Until, f.From)
		}
	}
	if len(f.Script) == 0 {
		rule.action = m.action(path, f.Action)
	}
	for i, s := range f.Script {
		rule.script = append(rule.script, m.step(fmt.Sprintf("%s[%d]", under(path, "script"), i), s))
	}
	if f.Seed != nil {
		rule.random = rand.New(rand.NewPCG(*f.Seed, 0))
	}
	return rule
}

func (m *meaning) step(path string, s fixtures.Step) step {
	if s.Pass > 0 {
		return step{count: s.Pass}
	}
	return step{action: m.action(path, s.Action), count: max(s.Times, 1)}
}

func (m *meaning) action(path string, a fixtures.Action) *action {
	return &action{
		refuse:     m.refusal(under(path, "error"), a.Error),
		retryAfter: time.Duration(a.RetryAfter),
		connection: a.Connection,
		delay:      time.Duration(a.Delay),
		after:      a.Phase == "after",
	}
}

// refusal fills what an error leaves out from the catalogue.
func (m *meaning) refusal(path string, e fixtures.ErrorSpec) *apiError {
	if e.Code == "" {
		return nil
	}
	row, known := catalogue[e.Code]
	if !known && (e.Status == 0 || e.Message == "") {
		m.report(path, "%q is not in the catalogue of errors%s; write {code, status, message} for a code of your own",
			e.Code, suggestion(e.Code, slices.Collect(maps.Keys(catalogue))))
		return nil
	}
	refused := row.plain()
	refused.Code = e.Code
	if e.Status != 0 {
		refused.Status = e.Status
	}
	if e.Message != "" {
		refused.Message = e.Message
	}
	return refused
}

// match makes the condition of a rule. An empty one matches every call.
func (m *meaning) match(path string, w fixtures.Match) match {
	made := match{operations: w.Operation, keyVersionIDs: w.KeyVersionID, algorithms: w.Algorithm, accessKeyIDs: w.AccessKeyID, gateways: w.Gateway}
	for i, name := range w.Operation {
		m.operationName(elementPath(path+".operation", w.Operation, i), name)
	}
	for i, name := range w.KeyID {
		arn, ok := m.known.key(name)
		if !ok {
			m.report(elementPath(path+".keyId", w.KeyID, i), "%q is no key here: write the id, an alias (of another account or region: its ARN) or the ARN of a key of the scenario", name)
		}
		made.keyARNs = append(made.keyARNs, arn)
	}
	m.versionIDs(path, w, made.keyARNs)
	for i, name := range w.Algorithm {
		if !keyspec.KnownAlgorithm(name) {
			m.report(elementPath(path+".algorithm", w.Algorithm, i), "%q is not an algorithm%s; one of %s", name, suggestion(name, algorithms()), strings.Join(algorithms(), ", "))
		}
	}
	for i, id := range w.AccessKeyID {
		if !m.known.caller(id) {
			m.report(elementPath(path+".accessKeyId", w.AccessKeyID, i), "%q is none of the credentials, so it can never match", id)
		}
	}
	for i, name := range w.Gateway {
		if name != sharedGateway && !m.known.instance(name) {
			m.report(elementPath(path+".gateway", w.Gateway, i), "%q is not a gateway: write shared, or the instanceId of one of the instances", name)
		}
	}
	m.canMatch(path, w)
	return made
}

// elementPath is the path of a value of an "any of", which may be written
// without its list.
func elementPath(path string, values fixtures.AnyOf, i int) string {
	if len(values) == 1 {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

func operationNames() []string { return slices.Collect(maps.Keys(operationsByName)) }

func (m *meaning) operationName(path, name string) {
	if _, ok := operationsByName[name]; ok {
		return
	}
	if slices.Contains(strings.Fields(publishedActions), name) {
		m.report(path, "%q is not emulated, so it can never match; see alikms operations", name)
		return
	}
	m.report(path, "%q is not an operation%s", name, cmp.Or(suggestion(name, operationNames()), "; see alikms operations"))
}

// versionIDs checks that versions exist, and belong to the keys that the match
// names beside them.
func (m *meaning) versionIDs(path string, w fixtures.Match, keyARNs []string) {
	for i, id := range w.KeyVersionID {
		at := elementPath(path+".keyVersionId", w.KeyVersionID, i)
		owner, ok := m.known.version(id)
		switch {
		case !ok:
			m.report(at, "%q is no version here: write the id of a version of the scenario", id)
		case len(keyARNs) > 0 && !slices.Contains(keyARNs, owner):
			m.report(at, "can never match: %q is a version of another key", id)
		}
	}
}

// algorithms are all that the specs here can do.
func algorithms() (all []string) {
	for _, name := range keyspec.Names() {
		spec, _ := keyspec.Lookup(name)
		for _, usage := range spec.Usages() {
			all = append(all, spec.Algorithms(usage)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// canMatch refuses to match a parameter that none of the operations has.
func (m *meaning) canMatch(path string, w fixtures.Match) {
	for _, p := range []struct {
		field, parameter string
		given            bool
	}{
		{"keyId", "KeyId", w.KeyID != nil},
		{"keyVersionId", "KeyVersionId", w.KeyVersionID != nil},
		{"algorithm", "Algorithm", w.Algorithm != nil},
	} {
		lacks := func(name string) bool {
			op, ok := operationsByName[name]
			return ok && !op.takes(p.parameter)
		}
		if p.given && len(w.Operation) > 0 && !slices.ContainsFunc(w.Operation, func(name string) bool { return !lacks(name) }) {
			m.report(path+"."+p.field, "can never match: %s", lacking(w.Operation))
		}
	}
}

func lacking(operations []string) string {
	if len(operations) == 1 {
		return operations[0] + " has no such parameter"
	}
	return "none of " + strings.Join(operations, ", ") + " has such a parameter"
}

// quota makes a rule of a quota.
func (m *meaning) quota(path string, q fixtures.Quota) *quotaRule {
	if q.Name == "" {
		q.Name = q.Profile
	}
	rule := &quotaRule{written: q, match: m.match(under(path, "match"), q.Match)}
	switch {
	case q.Rate != (fixtures.Rate{}):
		rule.groups = []*quotaGroup{{limit: q.Rate.Calls, unit: q.Rate.Per}}
	case q.Profile == resourcesProfile:
		rule.resources = true
	default:
		m.profile(under(path, "profile"), under(path, "match")+".gateway", q.Profile, rule)
	}
	return rule
}

func (m *meaning) profile(path, gateway, name string, rule *quotaRule) {
	profile, ok := profiles[name]
	if !ok {
		all := append(slices.Collect(maps.Keys(profiles)), resourcesProfile)
		slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
		m.report(path, "%q is not a profile%s; one of %s", name, suggestion(name, all), strings.Join(all, ", "))
		return
	}
	ofShared, said := name == sharedGatewayProfile, rule.match.gateways
	switch {
	case ofShared && len(said) > 0 && !slices.Contains(said, sharedGateway):
		m.report(gateway, "can never match: profile %s is for calls by the shared gateway", name)
	case !ofShared && slices.Contains(said, sharedGateway):
		m.report(gateway, "can never match: profile %s is of an instance, so name it", name)
	case ofShared:
		rule.match.gateways = []string{sharedGateway}
	}
	for _, group := range slices.Sorted(maps.Keys(profile)) {
		g := profile[group]
		rule.groups = append(rule.groups, &quotaGroup{name: group, limit: g.Rate.Calls, unit: g.Rate.Per, kinds: g.Of})
	}
}

// credential gives meaning to a caller.
func (m *meaning) credential(path string, c fixtures.Credential) credential {
	made := credential{secret: c.AccessKeySecret, token: c.SecurityToken, account: c.Account}
	if c.Policy == nil {
		return made
	}
	made.policy = &policy{}
	for i, s := range c.Policy.Statement {
		statement := policyStatement{s.Effect == "Allow", s.Action, s.Resource}
		made.policy.statements = append(made.policy.statements, statement)
		at := fmt.Sprintf("%s.policy.Statement[%d]", path, i)
		for j, action := range s.Action {
			if action != "*" && !strings.Contains(action, ":") {
				m.report(elementPath(at+".Action", s.Action, j), "%q is not an action: write its service before it, like kms:AsymmetricEncrypt", action)
			}
		}
		if !statement.everAsked() {
			m.report(at, "can never act: no emulated operation asks for one of these actions on one of these resources")
		}
	}
	return made
}

// everAsked says whether some operation asks for one of the actions on one of
// the resources. Actions of other services do not count against a statement.
func (s policyStatement) everAsked() bool {
	ours := slices.DeleteFunc(slices.Clone(s.actions), func(action string) bool {
		service, _, _ := strings.Cut(action, ":")
		return !patternMatches(strings.ToLower(service), "kms")
	})
	if len(ours) == 0 {
		return true
	}
	for i := range operations {
		op := &operations[i]
		if slices.ContainsFunc(ours, func(pattern string) bool { return actionMatches(pattern, "kms:"+op.name) }) && s.asked(op.resources()) {
			return true
		}
	}
	return false
}

func (s policyStatement) asked(resources []string) bool {
	for _, resource := range resources {
		template := containerARN(store.Scope{Region: "*", Account: "*"}, resource)
		if slices.ContainsFunc(s.resources, func(pattern string) bool { return patternsOverlap(pattern, template) }) {
			return true
		}
	}
	return false
}
