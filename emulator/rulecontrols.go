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
// read and readAll read what a body brings.
func ruleControls[R rule](s *Server, handle func(method, path string, do control), plural string, set *ruleSet[R],
	read func(name string, body []byte) (R, error), readAll func(body []byte) ([]R, error)) {
	// A change and what it answers are one step.
	list := func(change func()) (any, error) {
		return map[string][]json.RawMessage{plural: s.rules.show(s.journal.calls(), func() []rule {
			change()
			return set.list()
		})}, nil
	}
	one := func(choose func() []rule) (any, error) {
		shown := s.rules.show(s.journal.calls(), choose)
		if len(shown) == 0 {
			return nil, errUnknownRule
		}
		return shown[0], nil
	}
	handle(http.MethodGet, "/"+plural, func(*http.Request, []byte) (any, error) { return list(func() {}) })
	handle(http.MethodPut, "/"+plural, func(_ *http.Request, body []byte) (any, error) {
		made, err := readAll(body)
		if err != nil {
			return nil, err
		}
		return list(func() { set.replace(made) })
	})
	handle(http.MethodDelete, "/"+plural, func(*http.Request, []byte) (any, error) {
		return list(func() { set.replace(nil) })
	})
	handle(http.MethodGet, "/"+plural+"/{name}", func(r *http.Request, _ []byte) (any, error) {
		return one(func() []rule { return set.named(mux.Vars(r)["name"]) })
	})
	handle(http.MethodPut, "/"+plural+"/{name}", func(r *http.Request, body []byte) (any, error) {
		made, err := read(mux.Vars(r)["name"], body)
		if err != nil {
			return nil, err
		}
		return one(func() []rule { return set.put(made) })
	})
	handle(http.MethodDelete, "/"+plural+"/{name}", func(r *http.Request, _ []byte) (any, error) {
		return one(func() []rule { return set.remove(mux.Vars(r)["name"]) })
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
