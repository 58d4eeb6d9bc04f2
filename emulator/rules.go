package emulator

import (
	"maps"
	"sync"
	"time"
)

// rules are the quotas and faults in force. What becomes of a call is decided
// in one indivisible moment: the time, the quota, the rule and its step.
type rules struct {
	mu      sync.Mutex
	quotas  []*quotaRule
	faults  []*faultRule
	resends map[resendKey]resend // of the last resendWindow
}

// restart puts the rules of a loading in force, in one moment with what else
// changes then. The rules before are gone.
func (r *rules) restart(loaded *scenario, and func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults {
		f.end(true)
	}
	r.quotas, r.faults, r.resends = loaded.quotas, loaded.faults, nil
	and()
}

// verdict is what was decided of a call.
type verdict struct {
	quota  *quotaRule // refuses it
	fault  *faultRule // acts on it with action
	action *action
	resend bool // it is a call decided before, sent again
}

// A connection fault makes HTTP libraries below an SDK send the same request
// again. With the same caller and nonce within resendWindow of real time it is
// the same call (scenario-format 4.1).
type resendKey struct{ accessKeyID, nonce string }

type resend struct {
	verdict verdict
	at      time.Time
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
	if refusing := admit(r.quotas, c, kind, f); refusing != nil {
		return verdict{quota: refusing}
	}
	for _, rule := range r.faults {
		if !rule.inForce(c.now) || !rule.match.fits(f) {
			continue
		}
		v := verdict{action: rule.decide()}
		if v.action != nil {
			v.fault = rule
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
	r.resends[resendKey{c.caller.accessKeyID, c.caller.nonce}] = resend{v, now}
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
	for _, q := range r.quotas {
		if len(q.match.keyARNs) > 0 {
			return true
		}
	}
	for _, f := range r.faults {
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
	for _, q := range r.quotas {
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
	for _, q := range r.quotas {
		switch {
		case q.written.Name != quota:
		case refused:
			q.refused++
		default:
			q.passed++
		}
	}
}
