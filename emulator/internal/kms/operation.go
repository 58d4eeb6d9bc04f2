package kms

import (
	_ "embed"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
)

// Operation is a row of the table: one action of the API. Everything that is
// known of an action follows from its row.
type Operation struct {
	Name    string
	Summary string // a sentence
	Group   string // of the request quotas

	business   bool     // cryptography, which a dedicated gateway serves too
	manages    bool     // changes keys, which no other account may
	actions    []string // that permission is asked for, like kms:Encrypt
	containers []string // of "key", "alias", "secret", where permission is asked for all of them; "*": for the account
	parameters []parameter
	run        func(c *Call, sent map[string]string) (any, error)
}

// The groups that the service counts requests in.
const (
	groupCreateKey  = "createKey"
	groupRead       = "read"
	groupWrite      = "write"
	groupSymmetric  = "symmetric"
	groupAsymmetric = "asymmetric"
	groupPublicKey  = "publicKey" // with the reads on the shared gateway, apart on an instance's
	groupTagsOfKey  = "tagsOfKey"
	groupAccount    = "account"

	groupCreateSecret   = "createSecret"
	groupGetSecretValue = "getSecretValue"
	groupSecrets        = "secrets"
)

// Operations is the table, in the order in which users meet it.
var Operations = slices.Concat(
	keyOperations,
	stateOperations,
	versionOperations,
	symmetricOperations,
	asymmetricOperations,
	importOperations,
	rotationOperations,
	keyPolicyOperations,
	aliasOperations,
	secretOperations,
	secretValueOperations,
	secretVersionOperations,
	secretDeletionOperations,
	secretPolicyOperations,
	passwordOperations,
	tagOperations,
	regionOperations,
	accountOperations,
)

// byName finds a row by its action.
var byName = func() map[string]*Operation {
	rows := make(map[string]*Operation, len(Operations))
	for i := range Operations {
		rows[Operations[i].Name] = &Operations[i]
	}
	return rows
}()

// operations.txt holds the published action names, a line each.
//
//go:embed operations.txt
var publishedActions string

// Published reports whether KMS has an action, emulated or not.
func Published(action string) bool { return slices.Contains(strings.Fields(publishedActions), action) }

// Lookup finds the operation of an action that is emulated.
func Lookup(action string) (*Operation, bool) {
	op, ok := byName[action]
	return op, ok
}

// Names are the actions that are emulated.
func Names() (all []string) {
	for _, op := range Operations {
		all = append(all, op.Name)
	}
	return all
}

// Find finds the operation of an action. Its error is the one that a call of
// any other action is answered with.
func Find(action string) (*Operation, error) {
	if op, ok := byName[action]; ok {
		return op, nil
	}
	switch {
	case action == "":
		return nil, kmserr.MissingAction
	case Published(action):
		return nil, kmserr.NotEmulated(action)
	}
	return nil, kmserr.InvalidAction
}

// quota puts an operation into another quota group than that of its kind.
func (op Operation) quota(group string) Operation {
	op.Group = group
	return op
}

// resource says that permission is asked for a container, not for one of what is in it.
func (op Operation) resource(containers ...string) Operation {
	op.containers = containers
	return op
}

// asks says that permission is asked for other actions than the operation's name.
func (op Operation) asks(names ...string) Operation {
	op.actions = nil
	for _, name := range names {
		op.actions = append(op.actions, "kms:"+name)
	}
	return op
}

// shared says that a dedicated gateway does not serve the operation.
func (op Operation) shared() Operation {
	op.business = false
	return op
}

// action is what permission is asked for, if it is one.
func (op *Operation) action() string { return op.actions[0] }

// Actions are what permission is asked for, like kms:Encrypt.
func (op *Operation) Actions() []string { return slices.Clone(op.actions) }

// Resources are what RAM is asked about, as patterns of the last part of ARNs.
func (op *Operation) Resources() (all []string) {
	all = append(all, op.containers...)
	for _, p := range op.parameters {
		if p.namesKey() || p.name == "AliasName" {
			all = append(all, "key/*")
		}
		if p.name == "AliasName" {
			all = append(all, aliasPrefix+"*")
		}
		if p.namesSecret() {
			all = append(all, "secret/*")
		}
	}
	return all
}

// Takes reports whether the operation has a parameter of this name.
func (op *Operation) Takes(name string) bool {
	return slices.ContainsFunc(op.parameters, func(p parameter) bool { return p.name == name })
}

// TakesKey reports whether a call of the operation names a key: by its id, alias
// or ARN, or by a ciphertext that its key made.
func (op *Operation) TakesKey() bool { return slices.ContainsFunc(op.parameters, parameter.namesKey) }

// TakesSecret reports whether a call of the operation names a secret.
func (op *Operation) TakesSecret() bool {
	return slices.ContainsFunc(op.parameters, parameter.namesSecret)
}

// Parameters are the names of the operation's own, spelt as on the wire.
func (op *Operation) Parameters() []string {
	names := make([]string, 0, len(op.parameters))
	for _, p := range op.parameters {
		names = append(names, p.name)
	}
	return names
}

// Errors are those that follow from the shape of the operation; it may answer
// others besides.
func (op *Operation) Errors() (all []*kmserr.Error) {
	for _, p := range op.parameters {
		all = append(all, p.errors()...)
	}
	if op.Takes("KeyVersionId") {
		all = append(all, kmserr.KeyVersionNotFound)
	}
	if op.Takes("DryRun") {
		all = append(all, kmserr.DryRunSucceeds, kmserr.DryRunDenied, kmserr.DryRunValidation(""))
	}
	ofEach := func(p parameter) bool { return p.kind == secretsListType } // it answers beside the errors
	if len(op.Resources()) > 0 && !slices.ContainsFunc(op.parameters, ofEach) {
		all = append(all, kmserr.NoPermission(""))
	}
	return all
}

// newOperation makes a row out of a function that takes a filled and checked
// request.
func newOperation[In any](name, summary, group string, run func(*Call, *In) (any, error)) Operation {
	op := Operation{Name: name, Summary: summary, Group: group, actions: []string{"kms:" + name}, parameters: parametersOf(reflect.TypeFor[In]())}
	parameters := op.parameters
	op.run = func(c *Call, sent map[string]string) (any, error) {
		in := new(In)
		if err := fill(reflect.ValueOf(in).Elem(), parameters, sent); err != nil {
			return nil, err
		}
		return run(c, in)
	}
	return op
}

// read is an operation that looks at one state of the store.
func read[In, Out any](name, summary string, do func(*transaction, *In) (*Out, error)) Operation {
	return newOperation(name, summary, groupRead, func(c *Call, in *In) (out any, err error) {
		err = c.view(func(tx *transaction) error {
			out, err = do(tx, in)
			return err
		})
		return out, err
	})
}

// write is an operation that changes the store in one transaction, or, when it
// answers an error, not at all.
func write[In, Out any](name, summary string, do func(*transaction, *In) (*Out, error)) Operation {
	op := newOperation(name, summary, groupWrite, func(c *Call, in *In) (out any, err error) {
		err = c.update(func(tx *transaction) error {
			out, err = do(tx, in)
			return err
		})
		return out, err
	})
	op.manages = true
	return op
}

// writeAfter is a write that needs something which is made, or waited for, while
// no transaction is open. plan looks up and checks what the call asks for, and
// says how to prepare it; do checks again, for the store may have changed, and
// writes.
func writeAfter[In, Prepared, Out any](name, summary string,
	plan func(*transaction, *In) (func(*Call) (Prepared, error), error),
	do func(*transaction, *In, Prepared) (*Out, error)) Operation {
	op := newOperation(name, summary, groupWrite, func(c *Call, in *In) (out any, err error) {
		var prepare func(*Call) (Prepared, error)
		err = c.view(func(tx *transaction) error {
			prepare, err = plan(tx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		prepared, err := prepare(c)
		if err == nil {
			err = c.Context.Err() // who has left makes nothing
		}
		if err != nil {
			return nil, err
		}
		err = c.update(func(tx *transaction) error {
			out, err = do(tx, in, prepared)
			return err
		})
		return out, err
	})
	op.manages = true
	return op
}

// writeWithKey is a write that needs new key material, of the spec that plan
// gives.
func writeWithKey[In, Out any](name, summary string,
	plan func(*transaction, *In) (*keyspec.Spec, error),
	do func(*transaction, *In, newMaterial) (*Out, error)) Operation {
	return writeAfter(name, summary, func(tx *transaction, in *In) (func(*Call) (newMaterial, error), error) {
		spec, err := plan(tx, in)
		return func(c *Call) (newMaterial, error) { return c.service.pool.take(c.Context, spec) }, err
	}, do)
}

// cryptoFunc is cryptography that a call has been found entitled to, with the
// versions whose keys it takes, in their order.
type cryptoFunc[Out any] struct {
	versions []versionRef
	run      func(keys []keyspec.Key) (*Out, error)
}

// using is cryptography with the key of one version.
func using[K keyspec.Key, Out any](version versionRef, run func(K) (*Out, error)) cryptoFunc[Out] {
	return cryptoFunc[Out]{[]versionRef{version}, func(keys []keyspec.Key) (*Out, error) { return run(keys[0].(K)) }}
}

// crypto is an operation on the keys of versions. find looks them up and
// checks; the work is done when the transaction is closed and the gate lets the
// call pass, on parsed keys in memory. It writes nothing.
func crypto[In, Out any](name, summary string, find func(*transaction, *In) (cryptoFunc[Out], error)) Operation {
	op := newOperation(name, summary, groupAsymmetric, func(c *Call, in *In) (any, error) {
		var do cryptoFunc[Out]
		err := c.view(func(tx *transaction) (err error) {
			do, err = find(tx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		keys := make([]keyspec.Key, len(do.versions))
		for i, version := range do.versions {
			if keys[i], err = c.service.parsedKey(c.Context, version); err != nil {
				return nil, c.Settings.excuse(err)
			}
		}
		if err := c.service.crypto.Acquire(c.Context, 1); err != nil {
			return nil, err // the client hung up
		}
		defer c.service.crypto.Release(1)
		return do.run(keys)
	})
	op.business = true
	return op
}

// dryRun is embedded by the requests that take the parameter DryRun.
type dryRun struct {
	DryRun bool
}

// Answer runs the operation. Under DryRun its result is dropped and the error
// says what would have become of the call. An error that is none of kmserr is a
// failure of ours.
func (op *Operation) Answer(s *Service, c *Call, sent map[string]string) (any, error) {
	c.service, c.op = s, op
	if c.Gateway != "" && !op.business {
		return nil, kmserr.UnsupportedOperation // management is for the shared gateway
	}
	result, err := op.run(c, sent)
	if !strings.EqualFold(sent["DryRun"], "true") || !op.Takes("DryRun") {
		return result, err
	}
	if err == nil {
		return nil, kmserr.DryRunSucceeds
	}
	refused, ok := errors.AsType[*kmserr.Error](err)
	switch {
	case !ok:
		return nil, err
	case refused.Code == kmserr.NoPermission("").Code:
		return nil, kmserr.DryRunDenied
	}
	return nil, kmserr.DryRunValidation(refused.Message)
}
