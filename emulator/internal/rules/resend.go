package rules

import (
	"maps"
	"time"
)

// A connection fault makes HTTP libraries below an SDK send the same request
// again. The same request of the same caller, with the same nonce, within
// resendWindow of real time is the same call.
type resendKey struct{ accessKeyID, nonce string }

type resend struct {
	fingerprint string
	verdict     Verdict
	at          time.Time // when the connection broke
	cut         any       // the answer, where it was cut
}

const resendWindow = 10 * time.Second

func (req Request) resendKey() resendKey {
	return resendKey{req.AccessKeyID, req.Nonce}
}

// lastMet finds the verdict of a request that is sent again.
func (r *Rules) lastMet(req Request) (*resend, bool) {
	before, ok := r.resends[req.resendKey()]
	return before, ok && r.real().Sub(before.at) < resendWindow && before.fingerprint == req.Fingerprint()
}

// Resent reports whether a request is one that a connection fault has met, sent
// again. Of the request it asks caller, nonce and fingerprint.
func (r *Rules) Resent(req Request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.lastMet(req)
	return ok
}

// remember keeps a verdict that breaks the connection, and forgets old ones.
func (r *Rules) remember(req Request, v *Verdict) {
	if v.Action == nil || v.Action.Connection == "" || req.Nonce == "" {
		return
	}
	now := r.real()
	maps.DeleteFunc(r.resends, func(_ resendKey, before *resend) bool { return now.Sub(before.at) >= resendWindow })
	if r.resends == nil {
		r.resends = map[resendKey]*resend{}
	}
	kept := &resend{fingerprint: req.Fingerprint(), at: now.Add(v.Action.Delay)}
	v.resend = kept
	kept.verdict = *v
	r.resends[req.resendKey()] = kept
}

// KeepCut keeps the answer that was cut, for when the request is sent again.
func (r *Rules) KeepCut(v Verdict, answer any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.resend != nil {
		v.resend.cut = answer
	}
}

// Cut is the answer that KeepCut was given when the call was sent before; nil:
// there is none.
func (r *Rules) Cut(v Verdict) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.resend == nil || !v.Resend {
		return nil
	}
	return v.resend.cut
}
