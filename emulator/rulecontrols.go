package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// ruleControls adds the six controls of faults or of quotas, which are alike.
// one and all read what a body brings.
func ruleControls[R rule](s *Server, handle func(method, path string, do control), plural string, set *ruleSet[R],
	one func(name string, body []byte) (R, error), all func(body []byte) ([]R, error)) {
	list := func() any {
		return map[string][]json.RawMessage{plural: s.rules.show(set.list, s.journal.calls())}
	}
	show := func(name string) (any, error) {
		shown := s.rules.show(func() []rule { return set.named(name) }, s.journal.calls())
		if len(shown) == 0 {
			return nil, errUnknownRule
		}
		return shown[0], nil
	}
	handle(http.MethodGet, "/"+plural, func(*http.Request, []byte) (any, error) { return list(), nil })
	handle(http.MethodPut, "/"+plural, func(_ *http.Request, body []byte) (any, error) {
		made, err := all(body)
		if err != nil {
			return nil, err
		}
		s.rules.change(func() { set.replace(made) })
		return list(), nil
	})
	handle(http.MethodDelete, "/"+plural, func(*http.Request, []byte) (any, error) {
		s.rules.change(func() { set.replace(nil) })
		return list(), nil
	})
	handle(http.MethodGet, "/"+plural+"/{name}", func(r *http.Request, _ []byte) (any, error) {
		return show(mux.Vars(r)["name"])
	})
	handle(http.MethodPut, "/"+plural+"/{name}", func(r *http.Request, body []byte) (any, error) {
		made, err := one(mux.Vars(r)["name"], body)
		if err != nil {
			return nil, err
		}
		s.rules.change(func() { set.put(made) })
		return show(made.name())
	})
	handle(http.MethodDelete, "/"+plural+"/{name}", func(r *http.Request, _ []byte) (any, error) {
		name := mux.Vars(r)["name"]
		asItStood, err := show(name)
		if err == nil {
			s.rules.change(func() { set.remove(name) })
		}
		return asItStood, err
	})
}

func (s *Server) readFault(name string, text []byte) (*faultRule, error) {
	body, problems := fixtures.ParseFault(name, text)
	m := s.meaning(body.Positions)
	made := m.fault("", body.Value)
	return made, refused(append(problems, m.problems...))
}

func (s *Server) readFaults(text []byte) (made []*faultRule, err error) {
	body, problems := fixtures.ParseFaults(text)
	m := s.meaning(body.Positions)
	for i, f := range body.Value.Faults {
		made = append(made, m.fault(fmt.Sprintf("faults[%d]", i), f))
	}
	return made, refused(append(problems, m.problems...))
}

func (s *Server) readQuota(name string, text []byte) (*quotaRule, error) {
	body, problems := fixtures.ParseQuota(name, text)
	m := s.meaning(body.Positions)
	made := m.quota("", body.Value)
	return made, refused(append(problems, m.problems...))
}

func (s *Server) readQuotas(text []byte) (made []*quotaRule, err error) {
	body, problems := fixtures.ParseQuotas(text)
	m := s.meaning(body.Positions)
	for i, q := range body.Value.Quotas {
		made = append(made, m.quota(fmt.Sprintf("quotas[%d]", i), q))
	}
	return made, refused(append(problems, m.problems...))
}

// meaning of what a control brings: it may name what the running emulator has,
// and its times are counted from now.
func (s *Server) meaning(places fixtures.Positions) *meaning {
	return &meaning{places: places, here: s.scope, now: s.clock.now(), known: names{
		key:     s.knownKey,
		version: s.knownVersion,
		caller: func(id string) bool {
			_, ok := s.callers.known[id]
			return ok || len(s.callers.known) == 0
		},
		instance: func(id string) bool { _, ok := s.instances[id]; return ok },
	}}
}

// knownKey finds the ARN of a key by its id, an alias or its ARN. An id may be
// of any account and region.
func (s *Server) knownKey(text string) (arn string, ok bool) {
	err := s.store.View(func(tx *store.Tx) error {
		c := &call{server: s, scope: s.scope, now: s.clock.now(), tx: tx}
		scope, id, err := c.resolve(parseKeyName(text))
		if err != nil {
			return err
		}
		candidates := []store.Scope{scope}
		if name := parseKeyName(text); name.alias == "" && !name.arn {
			others, err := tx.Scopes()
			if err != nil {
				return err
			}
			candidates = append(candidates, others...)
		}
		for _, scope := range candidates {
			if key, err := tx.Key(scope, id); err == nil && !c.gone(key) {
				arn = keyARN(scope, id)
				return nil
			}
		}
		return errKeyNotFound.of()
	})
	return arn, err == nil
}

// knownVersion finds the key of a version.
func (s *Server) knownVersion(id string) (arn string, ok bool) {
	err := s.store.View(func(tx *store.Tx) error {
		scopes, err := tx.Scopes()
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			if keyID, err := tx.KeyOfVersion(scope, id); err == nil {
				arn = keyARN(scope, keyID)
				return nil
			}
		}
		return errKeyVersionNotFound.of()
	})
	return arn, err == nil
}
