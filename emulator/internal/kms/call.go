package kms

import (
	"context"
	"errors"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// The states of a key.
const (
	StateEnabled         = "Enabled"
	StateDisabled        = "Disabled"
	StatePendingDeletion = "PendingDeletion"
	StatePendingImport   = "PendingImport" // of imported material, which is lacking
)

// Call is one call of an operation: where it came to, when, and what its caller
// may do; afterwards, what it came to.
type Call struct {
	Context  context.Context
	Settings *Settings   // that the call is made under
	Scope    store.Scope // account and region
	Gateway  string      // the id of the instance it came in by; "": the shared gateway
	Now      time.Time   // of the emulator's clock; one moment serves the call
	// Allowed asks whether the caller's own policy permits an action, like
	// kms:Encrypt, on the resource of an ARN. Nil: nobody is asked, nor is a key
	// of another account.
	Allowed func(action, arn string) bool
	// AllowedByKey asks whether the policy of another account's key or secret, JSON
	// text, permits the call's account an action.
	AllowedByKey func(policy, action string) bool
	// LimitRecords says that the account may have only as many keys, versions
	// and aliases as the service allows it.
	LimitRecords bool

	// KeyID and KeyARN tell the key that the call came to; "": none.
	KeyID, KeyARN string
	// SecretName and SecretARN tell the secret.
	SecretName, SecretARN string
	// Records tells what LimitRecords made of the call.
	Records RecordsOutcome

	service *Service
	op      *Operation
}

// RecordsOutcome is what the limits of records made of a call.
type RecordsOutcome int

// A call that makes no record is not asked.
const (
	RecordsNotAsked RecordsOutcome = iota
	RecordsPassed
	RecordsRefused
)

// transaction is a call while a transaction is open, with the look-ups that all
// operations share.
type transaction struct {
	*Call
	store   *store.Tx
	writing bool
}

// view gives the look-ups one state of the store.
func (c *Call) view(look func(*transaction) error) error {
	return c.service.Store.View(func(tx *store.Tx) error {
		if c.Settings.over(tx) {
			return ErrSettingsOver
		}
		return look(&transaction{Call: c, store: tx})
	})
}

// update is view for operations that write. What has fallen due is done first:
// for a write the keys that are gone are no longer there.
func (c *Call) update(change func(*transaction) error) error {
	err := c.service.Store.Update(func(tx *store.Tx) error {
		if c.Settings.over(tx) {
			return ErrSettingsOver
		}
		if err := Settle(tx, c.Scope, c.Now); err != nil {
			return err
		}
		return change(&transaction{Call: c, store: tx, writing: true})
	})
	if err == nil {
		c.service.noteChange()
	}
	return err
}

// setKey notes the key that the call came to.
func (c *Call) setKey(scope store.Scope, id string) { c.KeyID, c.KeyARN = id, KeyARN(scope, id) }

// counts are the numbers of records in the call's account and region, without
// the keys that are gone and what went with them.
func (tx *transaction) counts() (store.Counts, error) {
	counts, err := tx.store.Counts(tx.Scope)
	if err != nil {
		return counts, err
	}
	ids, err := tx.store.Due(tx.Scope, tx.Now)
	for _, id := range ids {
		key, err := tx.store.Key(tx.Scope, id)
		if err != nil {
			return counts, err
		}
		counts.Keys--
		counts.Versions -= key.Versions
		counts.Aliases -= key.Aliases
	}
	return counts, err
}

// worded is an error in the words of the generation that is imitated.
func (tx *transaction) worded(e kmserr.Worded) error {
	if tx.Settings.generation() == Generation3 {
		return e.Current
	}
	return e.Classic
}

// due returns the ids of the keys that are gone.
func (tx *transaction) due() (map[string]bool, error) {
	ids, err := tx.store.Due(tx.Scope, tx.Now)
	due := make(map[string]bool, len(ids))
	for _, id := range ids {
		due[id] = true
	}
	return due, err
}

// permit asks the caller's policy for the call's action on a resource, given by
// its ARN.
func (tx *transaction) permit(arn string) error { return tx.permitAction(tx.op.action(), arn) }

func (tx *transaction) permitAction(action, arn string) error {
	if tx.Allowed != nil && !tx.Allowed(action, arn) {
		return kmserr.NoPermission(arn)
	}
	return nil
}

// resolve finds scope and id of the key a name stands for. An id is not looked
// up.
func (tx *transaction) resolve(name keyName) (store.Scope, string, error) {
	scope := tx.Scope
	if name.arn {
		scope = name.scope
	}
	if name.alias == "" {
		return scope, name.id, nil
	}
	alias, err := tx.alias(scope, name.alias)
	return scope, alias.KeyID, err
}

// alias finds an alias. That of a key which is gone is gone too.
func (tx *transaction) alias(scope store.Scope, name string) (store.Alias, error) {
	alias, err := tx.store.Alias(scope, name)
	if errors.Is(err, store.ErrNotFound) {
		return alias, kmserr.AliasNotFound
	}
	if err != nil {
		return alias, err
	}
	key, err := tx.store.Key(scope, alias.KeyID)
	if err == nil && Gone(key, tx.Now) {
		return alias, kmserr.AliasNotFound
	}
	return alias, err
}

// key finds the key that a name stands for, and asks for permission on the
// way: an alias is resolved before, and whether the key exists is said after.
func (tx *transaction) key(name keyName) (store.Key, error) {
	return tx.keyFor(tx.op.action(), name)
}

// keyFor is key for one of the actions of an operation that has several.
func (tx *transaction) keyFor(action string, name keyName) (store.Key, error) {
	scope, id, err := tx.resolve(name)
	if err != nil {
		return store.Key{}, err
	}
	return tx.keyIn(action, scope, id)
}

// keyIn is keyFor by the id of a key. A key of another account is used where the
// key's own policy allows that too, and never managed (the vendor's page "Key
// policy overview").
func (tx *transaction) keyIn(action string, scope store.Scope, id string) (store.Key, error) {
	tx.setKey(scope, id)
	if err := tx.permitAction(action, tx.KeyARN); err != nil {
		return store.Key{}, err
	}
	key, err := tx.store.Key(scope, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (Gone(key, tx.Now) || !tx.reaches(key)) {
		return key, kmserr.KeyNotFound
	}
	foreign := scope.Account != tx.Scope.Account && tx.Allowed != nil
	if err == nil && foreign && (tx.op.manages || !tx.AllowedByKey(key.Policy, action)) {
		return key, kmserr.NoPermission(tx.KeyARN)
	}
	return Settled(key, tx.Now), err
}

// writableKey is key for changes that a key pending deletion refuses, with the
// error given.
func (tx *transaction) writableKey(name keyName, refused error) (store.Key, error) {
	key, err := tx.key(name)
	if err == nil && key.State == StatePendingDeletion {
		err = refused
	}
	return key, err
}

// enabledKey is key for all that needs an Enabled key.
func (tx *transaction) enabledKey(name keyName) (store.Key, error) {
	key, err := tx.key(name)
	if err != nil {
		return key, err
	}
	return key, stateError(key)
}

// stateError says why a key is not to be used.
func stateError(key store.Key) error {
	switch key.State {
	case StateDisabled:
		return kmserr.Disabled
	case StatePendingDeletion:
		return kmserr.PendingDeletion
	case StatePendingImport:
		return kmserr.PendingImport
	}
	return nil
}

// version finds a version of a key. Another key's version is as unknown as one
// that does not exist.
func (tx *transaction) version(key store.Key, id string) (store.Version, error) {
	version, err := tx.store.Version(key.Scope, key.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return version, kmserr.KeyVersionNotFound
	}
	return version, err
}

// specOf finds the spec of a key. Only the store of a newer alikms has keys of
// unknown spec.
func specOf(key store.Key) (*keyspec.Spec, error) {
	spec, ok := keyspec.Lookup(key.Spec)
	if !ok {
		return nil, errors.New("key " + key.ID + " is of the unknown spec " + key.Spec)
	}
	return spec, nil
}
