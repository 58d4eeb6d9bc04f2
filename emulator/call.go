package emulator

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/store"
)

// The states of a key (kms-api.md 1.3).
const (
	stateEnabled         = "Enabled"
	stateDisabled        = "Disabled"
	statePendingDeletion = "PendingDeletion"
)

// call is what an operation is given: who calls, where and when, and, while a
// transaction is open, the look-ups all operations share.
type call struct {
	ctx     context.Context
	server  *Server
	action  string
	caller  caller
	scope   store.Scope // account and region the call came to
	gateway string      // the id of the instance it came in by; "": the shared gateway
	now     time.Time   // of the emulator's clock; one moment serves the call

	tx      *store.Tx
	writing bool   // tx is one of update
	keyID   string // the key the call came to, and its ARN, for the journal
	keyARN  string
	quota   string  // that refused the operation, for the journal
	found   keyPart // what findVersion found
}

// keyPart is a version with what is needed to use it outside a transaction.
type keyPart struct {
	key     store.Key
	spec    *keyspec.Spec
	version store.Version
	// material is PKCS#8 DER; nil where it is yet to be made.
	material []byte
}

// view gives the look-ups one state of the store.
func (c *call) view(look func() error) error {
	return c.server.store.View(func(tx *store.Tx) error {
		c.tx = tx
		defer func() { c.tx = nil }()
		return look()
	})
}

// update is view for operations that write. Keys whose deletion has fallen due
// go first: for a write they are no longer there.
func (c *call) update(change func() error) error {
	return c.server.store.Update(func(tx *store.Tx) error {
		c.tx, c.writing = tx, true
		defer func() { c.tx, c.writing = nil, false }()
		if err := purge(tx, c.scope, c.now); err != nil {
			return err
		}
		return change()
	})
}

// purge removes the keys whose deletion window has passed, the earliest first.
func purge(tx *store.Tx, scope store.Scope, now time.Time) error {
	due, err := tx.Due(scope, now)
	if err != nil {
		return err
	}
	for _, id := range due {
		if err := tx.DeleteKey(scope, id); err != nil {
			return err
		}
	}
	return nil
}

// gone says whether the key's deletion window has passed: then the key is not
// there any more, though its record may still be.
func (c *call) gone(key store.Key) bool {
	return !key.DeleteDate.IsZero() && !key.DeleteDate.After(c.now)
}

// counts are the numbers of records in the call's account and region, without
// the keys that are gone and what went with them.
func (c *call) counts() (store.Counts, error) {
	counts, err := c.tx.Counts(c.scope)
	if err != nil {
		return counts, err
	}
	ids, err := c.tx.Due(c.scope, c.now)
	for _, id := range ids {
		key, err := c.tx.Key(c.scope, id)
		if err != nil {
			return counts, err
		}
		counts.Keys--
		counts.Versions -= key.Versions
		counts.Aliases -= key.Aliases
	}
	return counts, err
}

// due returns the ids of the records that gone is true of.
func (c *call) due() (map[string]bool, error) {
	ids, err := c.tx.Due(c.scope, c.now)
	due := make(map[string]bool, len(ids))
	for _, id := range ids {
		due[id] = true
	}
	return due, err
}

// permit asks the caller's policy for the action on a resource, given by its
// ARN.
func (c *call) permit(arn string) error {
	if !c.caller.policy.allows("kms:"+c.action, arn) {
		return errNoPermission.of(arn)
	}
	return nil
}

// resolve finds scope and id of the key a name stands for. An id is not looked
// up.
func (c *call) resolve(name keyName) (store.Scope, string, error) {
	scope := c.scope
	if name.arn {
		scope = name.scope
	}
	if name.alias == "" {
		return scope, name.id, nil
	}
	alias, err := c.alias(scope, name.alias)
	return scope, alias.KeyID, err
}

// alias finds an alias. That of a key which is gone is gone too.
func (c *call) alias(scope store.Scope, name string) (store.Alias, error) {
	alias, err := c.tx.Alias(scope, name)
	if errors.Is(err, store.ErrNotFound) {
		return alias, errAliasNotFound.of()
	}
	if err != nil {
		return alias, err
	}
	key, err := c.tx.Key(scope, alias.KeyID)
	if err == nil && c.gone(key) {
		return alias, errAliasNotFound.of()
	}
	return alias, err
}

// key finds the key that a name stands for, and asks for permission on the
// way: an alias is resolved before, and whether the key exists is said after.
func (c *call) key(name keyName) (store.Key, error) {
	scope, id, err := c.resolve(name)
	if err != nil {
		return store.Key{}, err
	}
	c.cameTo(scope, id)
	if err := c.permit(c.keyARN); err != nil {
		return store.Key{}, err
	}
	key, err := c.tx.Key(scope, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (c.gone(key) || !c.reaches(key)) {
		return key, errKeyNotFound.of()
	}
	return key, err
}

func (c *call) cameTo(scope store.Scope, id string) {
	c.keyID, c.keyARN = id, keyARN(scope, id)
}

// writableKey is key for changes that a key pending deletion refuses, with the
// error given.
func (c *call) writableKey(name keyName, refused errorRow) (store.Key, error) {
	key, err := c.key(name)
	if err == nil && key.State == statePendingDeletion {
		err = refused.of()
	}
	return key, err
}

// enabledKey is key for all that needs an Enabled key.
func (c *call) enabledKey(name keyName) (store.Key, error) {
	key, err := c.key(name)
	if err != nil {
		return key, err
	}
	return key, stateError(key)
}

// stateError says why a key is not to be used (kms-api.md 1.3).
func stateError(key store.Key) error {
	switch key.State {
	case stateDisabled:
		return errDisabled.of()
	case statePendingDeletion:
		return errPendingDeletion.of()
	}
	return nil
}

// version finds a version of a key. Another key's version is as unknown as one
// that does not exist.
func (c *call) version(key store.Key, id string) (store.Version, error) {
	version, err := c.tx.Version(key.Scope, key.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return version, errKeyVersionNotFound.of()
	}
	return version, err
}

// findVersion finds a version and readies it for use outside the transaction,
// whatever the state of its key.
func (c *call) findVersion(name keyName, versionID string) error {
	key, err := c.key(name)
	if err != nil {
		return err
	}
	version, err := c.version(key, versionID)
	if err != nil {
		return err
	}
	spec, err := specOf(key)
	if err != nil {
		return err
	}
	if !c.public(key) {
		return errUnsupportedApi.of()
	}
	c.found = keyPart{key, spec, version, nil}
	if version.MaterialHash != (store.MaterialHash{}) {
		c.found.material, err = c.tx.Material(key.Scope, key.ID, version.ID)
	}
	return err
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

// usableVersion is keyVersion for cryptography: the key is reachable by this
// gateway, Enabled, of this usage and able to do the algorithm.
func (c *call) usableVersion(name keyName, versionID, usage, algorithm string) (store.Version, error) {
	err := c.findVersion(name, versionID)
	found := c.found
	switch {
	case err != nil:
		return store.Version{}, err
	case stateError(found.key) != nil:
		return store.Version{}, stateError(found.key)
	case !keyspec.KnownAlgorithm(algorithm):
		return store.Version{}, errInvalidParameter.of("Algorithm")
	case found.key.Usage != usage || !slices.Contains(found.spec.Algorithms(usage), algorithm):
		return store.Version{}, errUnsupportedUse.of()
	}
	return found.version, nil
}
