package emulator

import (
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/wiring"
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

// SDKs are the clients that Wiring knows.
func SDKs() []string { return wiring.SDKs() }

// Wiring is what to set so that a client finds the emulator at an address for
// plain HTTP, and one for HTTPS, which may be "".
func Wiring(sdk, plain, secure string) string { return wiring.Text(sdk, plain, secure) }

// IsRegion reports whether the service has such a region.
func IsRegion(id string) bool { return kms.IsRegion(id) }
