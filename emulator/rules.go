package emulator

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"
)

// rules are the quotas and faults in force. What becomes of a call is decided
// in one indivisible moment: the time, the quota, the rule and its step.
type rules struct {
	mu      sync.Mutex // guards all that follows, and the counters of rules
	quotas  ruleSet[*quotaRule]
	faults  ruleSet[*faultRule]
	resends map[resendKey]resend // of the last resendWindow
}

// rule is a fault or a quota.
type rule interface {
	name() string
	// asWritten is the rule as it was said.
	asWritten() any
	// status is what it has done; calls are the journal's.
	status(calls []Call) any
	// end is called when the rule is no longer in force; dropping: by a reset.
	end(dropping bool)
}

// ruleSet is an ordered list of rules with names of their own. Rules guards it.
type ruleSet[R rule] struct {
	rules []R
}

func (set *ruleSet[R]) index(name string) int {
	return slices.IndexFunc(set.rules, func(r R) bool { return r.name() == name })
}

// list is all rules.
func (set *ruleSet[R]) list() (all []rule) {
	for _, r := range set.rules {
		all = append(all, r)
	}
	return all
}

// named is the rule of a name, or none.
func (set *ruleSet[R]) named(name string) []rule {
	if i := set.index(name); i >= 0 {
		return []rule{set.rules[i]}
	}
	return nil
}

// put replaces the rule of the same name in its place; a new one goes to the
// front. It returns the rule.
func (set *ruleSet[R]) put(r R) []rule {
	if i := set.index(r.name()); i >= 0 {
		set.rules[i].end(false)
		set.rules[i] = r
	} else {
		set.rules = append([]R{r}, set.rules...)
	}
	return []rule{r}
}

// remove takes out the rule of a name, and returns it, or none.
func (set *ruleSet[R]) remove(name string) []rule {
	found := set.named(name)
	if i := set.index(name); i >= 0 {
		set.rules[i].end(false)
		set.rules = slices.Delete(set.rules, i, i+1)
	}
	return found
}

func (set *ruleSet[R]) replace(all []R) {
	for _, r := range set.rules {
		r.end(false)
	}
	set.rules = all
}

// change makes a change of the rules one indivisible step.
func (r *rules) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

// show writes rules as they were said, each with its status. Which they are, is
// found, and changed, in the same step.
func (r *rules) show(calls []Call, which func() []rule) []json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	shown := []json.RawMessage{}
	for _, one := range which() {
		shown = append(shown, withField(encode(one.asWritten()), "status", encode(one.status(calls))))
	}
	return shown
}

// emptyWindows forgets which calls have passed the quotas lately.
func (r *rules) emptyWindows() {
	for _, q := range r.quotas.rules {
		for _, g := range q.groups {
			g.windows = nil
		}
	}
}

// restart puts the rules of a loading in force, in one moment with what else
// changes then. The calls that the rules before delay are dropped.
func (r *rules) restart(loaded *scenario, and func()) {
	r.change(func() {
		for _, f := range r.faults.rules {
			f.end(true)
		}
		r.quotas.rules, r.faults.rules, r.resends = loaded.quotas, loaded.faults, nil
		and()
	})
}

// verdict is what was decided of a call.
type verdict struct {
	quota  *quotaRule // refuses it
	fault  *faultRule // acts on it with action
	action *action
	resend bool    // it is a call decided before, sent again
	cut    *answer // of the call that is sent again, where it was cut
}

// A connection fault makes HTTP libraries below an SDK send the same request
// again. With the same caller and nonce within resendWindow of real time it is
// the same call (scenario-format 4.1).
type resendKey struct{ accessKeyID, nonce string }

type resend struct {
	verdict verdict
	at      time.Time // when the connection broke
}

const resendWindow = 10 * time.Second

// decide sets the time of a call and finds what becomes of it.
func (r *rules) decide(c *call, kind string, f facts) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.now = c.server.clock.now()
	if before, ok := r.lastMet(c.caller, c.server.clock.real()); ok {
		before.resend = true
		return before
	}
	if refusing := admit(r.quotas.rules, c, kind, f); refusing != nil {
		return verdict{quota: refusing}
	}
	for _, fault := range r.faults.rules {
		if !fault.inForce(c.now) || !fault.match.fits(f) {
			continue
		}
		v := verdict{action: fault.decide()}
		if v.action != nil {
			v.fault = fault
			r.remember(c, v)
		}
		return v
	}
	return verdict{}
}

// lastMet finds the verdict of the request that a caller sends again.
func (r *rules) lastMet(who caller, now time.Time) (verdict, bool) {
	before, ok := r.resends[resendKey{who.accessKeyID, who.nonce}]
	return before.verdict, ok && now.Sub(before.at) < resendWindow
}

// remember keeps a verdict that breaks the connection, and forgets old ones.
func (r *rules) remember(c *call, v verdict) {
	if v.action.connection == "" || c.caller.nonce == "" {
		return
	}
	now := c.server.clock.real()
	maps.DeleteFunc(r.resends, func(_ resendKey, before resend) bool { return now.Sub(before.at) >= resendWindow })
	if r.resends == nil {
		r.resends = map[resendKey]resend{}
	}
	r.resends[resendKey{c.caller.accessKeyID, c.caller.nonce}] = resend{v, now.Add(v.action.delay)}
}

// keepCut keeps the answer that was cut, for a request that is sent again.
func (r *rules) keepCut(who caller, cut answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := resendKey{who.accessKeyID, who.nonce}
	if before, ok := r.resends[key]; ok {
		before.verdict.cut = &cut
		r.resends[key] = before
	}
}

// resent says whether a request is one that a connection fault has met.
func (r *rules) resent(who caller, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.lastMet(who, now)
	return ok
}

// askForKeys says whether any rule needs to know the key of a call.
func (r *rules) askForKeys() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.quotas.rules {
		if len(q.match.keyARNs) > 0 {
			return true
		}
	}
	for _, f := range r.faults.rules {
		if len(f.match.keyARNs) > 0 {
			return true
		}
	}
	return false
}

// resourceQuota is the name of the quota in force that limits records, or "".
func (r *rules) resourceQuota() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.quotas.rules {
		if q.resources {
			return q.written.Name
		}
	}
	return ""
}

// countResource counts a record that passed the quota, or was refused.
func (r *rules) countResource(quota string, refused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.quotas.rules {
		switch {
		case q.written.Name != quota:
		case refused:
			q.refused++
		default:
			q.passed++
		}
	}
}
