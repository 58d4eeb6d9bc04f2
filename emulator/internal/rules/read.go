package rules

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
)

// SharedGateway is how rules and the journal call the gateway that is no
// instance's.
const SharedGateway = "shared"

// Names are what a match may name: of the files that are loaded, or of the
// running emulator.
type Names struct {
	Key      func(name string) (arn string, ok bool) // by id, alias or ARN
	Version  func(id string) (keyARN string, ok bool)
	Secret   func(name string) (arn string, ok bool) // by name or ARN, whether there is one or not
	Caller   func(accessKeyID string) bool
	Instance func(id string) bool
}

// Reader gives meaning to the rules of a scenario, or of a control: it reports
// names that do not exist, and rules that can never act.
type Reader struct {
	*fixtures.Report
	Names Names
	Now   time.Time // the loading, by the emulator's clock
}

// Fault makes a rule of a fault.
func (r *Reader) Fault(path string, f fixtures.Fault) *Fault {
	rule := &Fault{
		Name:   f.Name,
		Source: f,
		match:  r.match(fixtures.Field(path, "match"), f.Match),
		chance: f.Chance,
		repeat: f.Repeat,
		gone:   make(chan struct{}),
	}
	r.times(path, f, rule)
	if len(f.Script) == 0 {
		rule.action = r.action(path, f.Action)
	}
	for i, s := range f.Script {
		rule.script = append(rule.script, r.step(fmt.Sprintf("%s[%d]", fixtures.Field(path, "script"), i), s))
	}
	if f.Seed != nil {
		rule.random = rand.New(rand.NewPCG(*f.Seed, 0))
	}
	rule.held.bytes = rule.size()
	return rule
}

func (r *Reader) times(path string, f fixtures.Fault, rule *Fault) {
	if f.From != nil {
		rule.From = f.From.Resolve(r.Now)
	}
	if f.Until == nil {
		return
	}
	rule.Until = f.Until.Resolve(r.Now)
	switch {
	case f.Until.Relative() && !rule.Until.After(r.Now):
		r.Add(fixtures.Field(path, "until"), "the rule can never act: %s is not after the loading", f.Until)
	case !rule.Until.After(rule.From):
		r.Add(fixtures.Field(path, "until"), "the rule can never act: %s is not after from, %s", f.Until, f.From)
	}
}

func (r *Reader) step(path string, s fixtures.Step) step {
	if s.Pass > 0 {
		return step{count: s.Pass}
	}
	return step{action: r.action(path, s.Action), count: max(s.Times, 1)}
}

func (r *Reader) action(path string, a fixtures.Action) *Action {
	return &Action{
		Refuse:     r.refusal(fixtures.Field(path, "error"), a.Error),
		RetryAfter: time.Duration(a.RetryAfter),
		Connection: a.Connection,
		Delay:      time.Duration(a.Delay),
		After:      a.Phase == "after",
	}
}

// refusal fills what an error leaves out from the catalogue.
func (r *Reader) refusal(path string, e fixtures.ErrorSpec) *kmserr.Error {
	if e.Code == "" || !r.Sound(fixtures.Field(path, "status")) || !r.Sound(fixtures.Field(path, "message")) {
		return nil
	}
	known, ok := kmserr.Lookup(e.Code)
	if !ok && (e.Status == 0 || e.Message == "") {
		r.Add(path, "%q is not in the catalogue of errors%s; write {code, status, message} for a code of your own",
			e.Code, fixtures.Suggestion(e.Code, kmserr.Codes()))
		return nil
	}
	refused := kmserr.Error{Code: e.Code, Status: e.Status, Message: e.Message}
	if ok {
		refused.Status = cmp.Or(e.Status, known.Status)
		refused.Message = cmp.Or(e.Message, known.Message)
	}
	return &refused
}

// match makes the condition of a rule. An empty one matches every call.
func (r *Reader) match(path string, w fixtures.Match) match {
	made := match{operations: w.Operation, keyVersionIDs: w.KeyVersionID, algorithms: w.Algorithm, accessKeyIDs: w.AccessKeyID, gateways: w.Gateway}
	for i, name := range w.Operation {
		r.operation(fixtures.Element(path+".operation", w.Operation, i), name)
	}
	for i, name := range w.KeyID {
		arn, ok := r.Names.Key(name)
		if !ok {
			r.Add(fixtures.Element(path+".keyId", w.KeyID, i), "%q is no key here: write the id, an alias (of another account or region: its ARN) or the ARN of a key of the scenario", name)
		}
		made.keyARNs = append(made.keyARNs, arn)
	}
	for i, name := range w.SecretName {
		arn, ok := r.Names.Secret(name)
		if !ok {
			r.Add(fixtures.Element(path+".secretName", w.SecretName, i), "%q is not a secret's name: write letters, digits, _ / + = . - @, at most 192, or the ARN of a secret", name)
		}
		made.secretARNs = append(made.secretARNs, arn)
	}
	r.versions(path, w, made.keyARNs)
	r.algorithms(path, w)
	r.callers(path, w)
	r.canMatch(path, w)
	return made
}

func (r *Reader) operation(path, name string) {
	if _, ok := kms.Lookup(name); ok {
		return
	}
	if kms.Published(name) {
		r.Add(path, "%q is not emulated, so it can never match; see alikms operations", name)
		return
	}
	r.Add(path, "%q is not an operation%s", name, cmp.Or(fixtures.Suggestion(name, kms.Names()), "; see alikms operations"))
}

// versions checks that versions exist, and belong to the keys that the match
// names beside them.
func (r *Reader) versions(path string, w fixtures.Match, keyARNs []string) {
	for i, id := range w.KeyVersionID {
		at := fixtures.Element(path+".keyVersionId", w.KeyVersionID, i)
		owner, ok := r.Names.Version(id)
		switch {
		case !ok:
			r.Add(at, "%q is no version here: write the id of a version of the scenario", id)
		case len(keyARNs) > 0 && !slices.Contains(keyARNs, owner):
			r.Add(at, "can never match: %q is a version of another key", id)
		}
	}
}

func (r *Reader) algorithms(path string, w fixtures.Match) {
	known := kms.Algorithms()
	for i, name := range w.Algorithm {
		if !slices.Contains(known, name) {
			r.Add(fixtures.Element(path+".algorithm", w.Algorithm, i), "%q is not an algorithm%s; one of %s",
				name, fixtures.Suggestion(name, known), strings.Join(known, ", "))
		}
	}
}

func (r *Reader) callers(path string, w fixtures.Match) {
	for i, id := range w.AccessKeyID {
		if !r.Names.Caller(id) {
			r.Add(fixtures.Element(path+".accessKeyId", w.AccessKeyID, i), "%q is none of the credentials, so it can never match", id)
		}
	}
	for i, name := range w.Gateway {
		if name != SharedGateway && !r.Names.Instance(name) {
			r.Add(fixtures.Element(path+".gateway", w.Gateway, i), "%q is not a gateway: write shared, or the instanceId of one of the instances", name)
		}
	}
}

// canMatch refuses to match a parameter that none of the operations has.
func (r *Reader) canMatch(path string, w fixtures.Match) {
	for _, p := range []struct {
		field string
		given bool
		takes func(*kms.Operation) bool
	}{
		{"keyId", w.KeyID != nil, (*kms.Operation).TakesKey},
		{"keyVersionId", w.KeyVersionID != nil, func(op *kms.Operation) bool { return op.Takes("KeyVersionId") }},
		{"secretName", w.SecretName != nil, (*kms.Operation).TakesSecret},
		{"algorithm", w.Algorithm != nil, func(op *kms.Operation) bool { return op.Takes("Algorithm") }},
	} {
		mayHave := func(name string) bool {
			op, ok := kms.Lookup(name)
			return !ok || p.takes(op)
		}
		if p.given && len(w.Operation) > 0 && !slices.ContainsFunc(w.Operation, mayHave) {
			r.Add(path+"."+p.field, "can never match: %s", lacking(w.Operation))
		}
	}
}

func lacking(operations []string) string {
	if len(operations) == 1 {
		return operations[0] + " has no such parameter"
	}
	return "none of " + strings.Join(operations, ", ") + " has such a parameter"
}

// Quota makes a rule of a quota.
func (r *Reader) Quota(path string, q fixtures.Quota) *Quota {
	q.Name = cmp.Or(q.Name, q.Profile)
	rule := &Quota{Name: q.Name, Source: q, match: r.match(fixtures.Field(path, "match"), q.Match)}
	rule.held.bytes = rule.size()
	switch {
	case q.Rate != (fixtures.Rate{}):
		rule.groups = []*quotaGroup{{limit: q.Rate.Calls, unit: q.Rate.Per}}
	case q.Profile == recordsProfile:
		rule.records = true
	case q.Profile != "": // without either, or with a wrong rate, that has been said
		r.profile(fixtures.Field(path, "profile"), fixtures.Field(path, "match")+".gateway", q.Profile, rule)
	}
	return rule
}

func (r *Reader) profile(path, gateway, name string, rule *Quota) {
	profile, ok := profiles()[name]
	if !ok {
		r.Add(path, "%q is not a profile%s; one of %s", name, fixtures.Suggestion(name, Profiles()), strings.Join(Profiles(), ", "))
		return
	}
	ofShared, said := name == sharedGatewayProfile, rule.match.gateways
	switch {
	case ofShared && len(said) > 0 && !slices.Contains(said, SharedGateway):
		r.Add(gateway, "can never match: profile %s is for calls by the shared gateway", name)
	case !ofShared && slices.Contains(said, SharedGateway):
		r.Add(gateway, "can never match: profile %s is of an instance, so name it", name)
	case ofShared:
		rule.match.gateways = []string{SharedGateway}
	}
	for _, group := range slices.Sorted(maps.Keys(profile)) {
		g := profile[group]
		rule.groups = append(rule.groups, &quotaGroup{name: group, limit: g.Rate.Calls, unit: g.Rate.Per, kinds: g.Of})
	}
}
