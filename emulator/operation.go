package emulator

import (
	_ "embed"
	"reflect"
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/keyspec"
)

// operation is a row of the table: one action of the API. Everything the
// server knows of an action follows from its row.
type operation struct {
	name       string
	summary    string
	group      string // of the request quotas
	business   bool   // cryptography, which a dedicated gateway serves too
	container  string // "key" or "alias", where permission is asked for all of them
	parameters []parameter
	run        func(c *call, sent map[string]string) (any, error)
}

// The groups that the service counts requests in (kms-api.md 5).
const (
	groupCreateKey  = "createKey"
	groupRead       = "read"
	groupWrite      = "write"
	groupAsymmetric = "asymmetric"
	groupPublicKey  = "publicKey" // with the reads on the shared gateway, apart on an instance's
)

// operations is the table, in the order in which users meet it.
var operations = slices.Concat(
	keyOperations,
	stateOperations,
	versionOperations,
	asymmetricOperations,
	aliasOperations,
	regionOperations,
)

// operationsByName finds a row by its action.
var operationsByName = func() map[string]*operation {
	byName := make(map[string]*operation, len(operations))
	for i := range operations {
		byName[operations[i].name] = &operations[i]
	}
	return byName
}()

// operations.txt holds the published action names (kms-api.md 4), a line each.
//
//go:embed operations.txt
var publishedActions string

// operationFor finds the operation of an action.
func operationFor(action string) (*operation, error) {
	if op, ok := operationsByName[action]; ok {
		return op, nil
	}
	switch {
	case action == "":
		return nil, errMissingAction.of()
	case action == "Decrypt":
		return nil, errNotEmulated.of("Decrypt; ciphertext of an asymmetric key is decrypted with AsymmetricDecrypt")
	case slices.Contains(strings.Fields(publishedActions), action):
		return nil, errNotEmulated.of(action)
	}
	return nil, errInvalidAction.of()
}

// in puts an operation into another quota group than that of its kind.
func (op operation) in(group string) operation {
	op.group = group
	return op
}

// on says that permission is asked for a container, not for a key or an alias.
func (op operation) on(container string) operation {
	op.container = container
	return op
}

// resources are what RAM is asked about, as patterns of the last part of ARNs.
func (op *operation) resources() (all []string) {
	if op.container != "" {
		return []string{op.container}
	}
	for _, p := range op.parameters {
		if p.kind == keyNameType || p.name == "AliasName" {
			all = append(all, "key/*")
		}
		if p.name == "AliasName" {
			all = append(all, aliasPrefix+"*")
		}
	}
	return all
}

// takesDryRun says whether DryRun is a parameter of the operation.
func (op *operation) takesDryRun() bool { return op.takes("DryRun") }

// takes says whether the operation has a parameter of this name.
func (op *operation) takes(name string) bool {
	return slices.ContainsFunc(op.parameters, func(p parameter) bool { return p.name == name })
}

// newOperation makes a row out of a function that takes a filled and checked
// request.
func newOperation[In any](name, summary, group string, run func(*call, *In) (any, error)) operation {
	op := operation{name: name, summary: summary, group: group, parameters: parametersOf(reflect.TypeFor[In]())}
	parameters := op.parameters
	op.run = func(c *call, sent map[string]string) (any, error) {
		in := new(In)
		if err := fill(reflect.ValueOf(in).Elem(), parameters, sent); err != nil {
			return nil, err
		}
		return run(c, in)
	}
	return op
}

// read is an operation that looks at one state of the store.
func read[In, Out any](name, summary string, do func(*call, *In) (*Out, error)) operation {
	return newOperation(name, summary, groupRead, func(c *call, in *In) (out any, err error) {
		err = c.view(func() error {
			out, err = do(c, in)
			return err
		})
		return out, err
	})
}

// write is an operation that changes the store in one transaction, or, when it
// answers an error, not at all.
func write[In, Out any](name, summary string, do func(*call, *In) (*Out, error)) operation {
	return newOperation(name, summary, groupWrite, func(c *call, in *In) (out any, err error) {
		err = c.update(func() error {
			out, err = do(c, in)
			return err
		})
		return out, err
	})
}

// writeWithKey is a write that needs a new key pair. plan looks up and checks
// what the call asks for; the pair is made while no transaction is open; do
// checks again, for the store may have changed, and writes.
func writeWithKey[In, Out any](name, summary string,
	plan func(*call, *In) (*keyspec.Spec, error),
	do func(*call, *In, *keyPair) (*Out, error)) operation {
	return newOperation(name, summary, groupWrite, func(c *call, in *In) (out any, err error) {
		var spec *keyspec.Spec
		err = c.view(func() error {
			spec, err = plan(c, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		pair, err := c.server.pool.take(spec)
		if err != nil {
			return nil, err
		}
		err = c.update(func() error {
			out, err = do(c, in, pair)
			return err
		})
		return out, err
	})
}

// work is cryptography that a call has been found entitled to.
type work[Out any] func(keyspec.PrivateKey) (*Out, error)

// crypto is an operation on the private key of a version. find looks up the
// version and checks; the work is done when the transaction is closed and the
// gate lets the call pass, on a parsed key in memory. It writes nothing.
func crypto[In, Out any](name, summary string, find func(*call, *In) (work[Out], error)) operation {
	op := newOperation(name, summary, groupAsymmetric, func(c *call, in *In) (any, error) {
		var do work[Out]
		err := c.view(func() (err error) {
			do, err = find(c, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		key, err := c.server.privateKey(c.found)
		if err != nil {
			return nil, err
		}
		if err := c.server.gate.Acquire(c.ctx, 1); err != nil {
			return nil, err // the client hung up
		}
		defer c.server.gate.Release(1)
		return do(key)
	})
	op.business = true
	return op
}

// dryRun is embedded by the requests that take the parameter DryRun.
type dryRun struct {
	DryRun bool
}

// answer runs the operation. Under DryRun its result is dropped and the error
// says what would have become of the call (kms-api.md 1.2).
func (op *operation) answer(c *call, sent map[string]string) (any, error) {
	if c.gateway != "" && !op.business {
		return nil, errUnsupportedApi.of() // management is for the shared gateway
	}
	result, err := op.run(c, sent)
	if !op.takesDryRun() || !strings.EqualFold(sent["DryRun"], "true") {
		return result, err
	}
	if err == nil {
		return nil, errDryRunSucceeds.of()
	}
	refused, ok := err.(*apiError)
	switch {
	case !ok:
		return nil, err
	case refused.Code == errNoPermission.code:
		return nil, errDryRunDenied.of()
	}
	return nil, errDryRunValidation.of(refused.Message)
}

// Operation describes an emulated action of the API.
type Operation struct {
	Name       string   `json:"name"`
	Summary    string   `json:"summary"`
	Parameters []string `json:"parameters"` // its own, spelt as on the wire
}

// Operations lists what is emulated, in the order of the README's table.
func Operations() []Operation {
	all := make([]Operation, 0, len(operations))
	for _, op := range operations {
		described := Operation{op.name, op.summary, []string{}}
		for _, p := range op.parameters {
			described.Parameters = append(described.Parameters, p.name)
		}
		all = append(all, described)
	}
	return all
}
