package emulator

import (
	"fmt"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/fixtures"
)

// ruleControls adds the six controls of faults or of quotas, which are alike.
// read and readAll read what a body brings.
func ruleControls[R rules.Rule](s *Server, handle func(method, path string, do control), plural string, set *rules.Set[R],
	read func(name string, body []byte) (R, error), readAll func(body []byte) ([]R, error)) {
	// A change and what it answers are one step.
	list := func(change func()) (any, error) {
		return map[string][]any{plural: s.rules.Show(s.journal.past(), func() []rules.Rule {
			change()
			return set.List()
		})}, nil
	}
	one := func(choose func() []rules.Rule) (any, error) {
		shown := s.rules.Show(s.journal.past(), choose)
		if len(shown) == 0 {
			return nil, errUnknownRule
		}
		return shown[0], nil
	}
	handle(http.MethodGet, "/"+plural, func(*http.Request, []byte) (any, error) { return list(func() {}) })
	handle(http.MethodPut, "/"+plural, func(_ *http.Request, body []byte) (any, error) {
		s.clock.changing.Lock() // no other scenario comes between reading a rule and putting it
		defer s.clock.changing.Unlock()
		made, err := readAll(body)
		if err != nil {
			return nil, err
		}
		return list(func() { set.Replace(made) })
	})
	handle(http.MethodDelete, "/"+plural, func(*http.Request, []byte) (any, error) {
		return list(func() { set.Replace(nil) })
	})
	handle(http.MethodGet, "/"+plural+"/{name}", func(r *http.Request, _ []byte) (any, error) {
		return one(func() []rules.Rule { return set.Named(mux.Vars(r)["name"]) })
	})
	handle(http.MethodPut, "/"+plural+"/{name}", func(r *http.Request, body []byte) (any, error) {
		s.clock.changing.Lock()
		defer s.clock.changing.Unlock()
		made, err := read(mux.Vars(r)["name"], body)
		if err != nil {
			return nil, err
		}
		return one(func() []rules.Rule { return set.Put(made) })
	})
	handle(http.MethodDelete, "/"+plural+"/{name}", func(r *http.Request, _ []byte) (any, error) {
		return one(func() []rules.Rule { return set.Remove(mux.Vars(r)["name"]) })
	})
}

func (s *Server) readFault(name string, text []byte) (*rules.Fault, error) {
	body, problems := fixtures.ParseFault(name, text)
	r := s.ruleReader(body.Positions)
	made := r.Fault("", body.Value)
	return made, refused(append(problems, r.Problems...))
}

func (s *Server) readFaults(text []byte) (made []*rules.Fault, err error) {
	body, problems := fixtures.ParseFaults(text)
	r := s.ruleReader(body.Positions)
	for i, f := range body.Value.Faults {
		made = append(made, r.Fault(fmt.Sprintf("faults[%d]", i), f))
	}
	return made, refused(append(problems, r.Problems...))
}

func (s *Server) readQuota(name string, text []byte) (*rules.Quota, error) {
	body, problems := fixtures.ParseQuota(name, text)
	r := s.ruleReader(body.Positions)
	made := r.Quota("", body.Value)
	return made, refused(append(problems, r.Problems...))
}

func (s *Server) readQuotas(text []byte) (made []*rules.Quota, err error) {
	body, problems := fixtures.ParseQuotas(text)
	r := s.ruleReader(body.Positions)
	for i, q := range body.Value.Quotas {
		made = append(made, r.Quota(fmt.Sprintf("quotas[%d]", i), q))
	}
	return made, refused(append(problems, r.Problems...))
}

// ruleReader gives meaning to what a control brings: it may name what the
// running emulator has, and its times are counted from now.
func (s *Server) ruleReader(positions fixtures.Positions) *rules.Reader {
	now, in := s.clock.now(), s.inForce.Load()
	return &rules.Reader{Report: &fixtures.Report{Positions: positions}, Now: now, Names: rules.Names{
		Key:      func(name string) (string, bool) { return s.kms.FindKey(in.scope, now, name) },
		Version:  s.kms.KeyOfVersion,
		Secret:   func(name string) (string, bool) { return kms.NamedSecret(s.scope, name) },
		Caller:   s.callers.Knows,
		Instance: func(id string) bool { _, ok := in.settings.Instances[id]; return ok },
	}}
}
