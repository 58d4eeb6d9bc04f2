package emulator

import (
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/emulator/internal/wiring"
	"github.com/alikms/alikms/fixtures"
)

// Operation describes an emulated action of the API.
type Operation struct {
	Name       string      `json:"name"`
	Summary    string      `json:"summary"`
	Parameters []string    `json:"parameters"` // its own, spelt as on the wire
	Details    []Parameter `json:"details"`    // the same, described
}

// Parameter describes a parameter of an operation: what it is called, what it
// has to be, and whether it has to be there.
type Parameter = kms.Parameter

// Operations lists what is emulated, in the order of emulator/README.md.
func Operations() []Operation {
	all := make([]Operation, 0, len(kms.Operations))
	for i := range kms.Operations {
		op := &kms.Operations[i]
		all = append(all, Operation{op.Name, op.Summary, op.Parameters(), op.Describe()})
	}
	return all
}

// CatalogueError describes an error that KMS answers, and that a fault can name
// by its code.
type CatalogueError struct {
	Code    string `json:"code"`
	Status  int    `json:"status"`
	Message string `json:"message"` // without the name of what it is about
}

// Errors lists the catalogue of errors, sorted by code.
func Errors() (all []CatalogueError) {
	for _, code := range kmserr.Codes() {
		e, _ := kmserr.Lookup(code)
		all = append(all, CatalogueError{e.Code, e.Status, e.Message})
	}
	return all
}

// Schema returns the JSON Schema of scenario files, for editors.
func Schema() []byte {
	known := fixtures.Known{
		"keySpec":   keyspec.Names(),
		"algorithm": kms.Algorithms(),
		"profile":   rules.Profiles(),
		"errorCode": kmserr.Codes(),
		"region":    kms.Regions(),
	}
	for i := range kms.Operations {
		known["operation"] = append(known["operation"], kms.Operations[i].Name)
	}
	text, err := fixtures.Schema(known)
	if err != nil {
		panic(err) // a kind that is missing above
	}
	return text
}

// Loaded says what a server began with.
type Loaded struct {
	Keys, Secrets, Callers, Instances, Quotas, Faults int // of the scenario

	LeftOut bool              // its keys and secrets are not there: the store had others (SeedOnlyEmpty)
	Differ  int               // keys and secrets of the store that are not as the scenario says
	Now     time.Time         // by the emulator's clock
	Frozen  bool              // the clock stands
	Ahead   fixtures.Duration // of real time, while it runs
}

// Loaded counts the scenario in force, and tells the time. It is for after New.
func (s *Server) Loaded() Loaded {
	in, clock := s.inForce.Load(), s.clock.current()
	doc := in.doc
	l := Loaded{
		Callers:   len(doc.Credentials) + len(s.more),
		Instances: len(doc.Instances),
		Quotas:    len(doc.Quotas),
		Faults:    len(doc.Faults),
		LeftOut:   in.leftOut,
		Differ:    in.differ,
		Now:       clock.at(s.clock.real()),
		Frozen:    clock.Frozen != nil,
		Ahead:     fixtures.Duration(clock.Offset),
	}
	if !l.LeftOut {
		l.Keys, l.Secrets = len(doc.Keys), len(doc.Secrets)
	}
	return l
}

// SDKs are the clients that Wiring knows.
func SDKs() []string { return wiring.SDKs() }

// Wiring is what to set so that a client finds the emulator at an address for
// plain HTTP, and one for HTTPS, which may be "".
func Wiring(sdk, plain, secure string) string { return wiring.Text(sdk, plain, secure) }

// IsRegion reports whether the service has such a region.
func IsRegion(id string) bool { return kms.IsRegion(id) }
