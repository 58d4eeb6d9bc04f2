package store

import (
	"hash/maphash"
	"maps"
	"sync"
)

// memoSize is how many records of a kind are remembered decoded, twice: of two
// generations the older goes when the newer is full.
const memoSize = 4096

// memo remembers records decoded, each with a hash of the sealed bytes that it
// was decoded from. What lies in the file is compared with that, so nothing has to
// be invalidated, and a damaged byte is noticed as ever: it does not compare.
type memo[T any] struct {
	mu       sync.RWMutex
	new, old map[string]remembered[T]
}

type remembered[T any] struct {
	sealed uint64
	record T
}

// memoSeed is another one in each process: no bytes are made to look like others.
var memoSeed = maphash.MakeSeed()

// load returns a record, or what read returns, and remembers that.
func (m *memo[T]) load(tx *Tx, b bucket, key string, read func() (T, error)) (T, error) {
	sealed := tx.sealed(b, key)
	if sealed == nil {
		return read()
	}
	hash := maphash.Bytes(memoSeed, sealed)
	if record, ok := m.get(key, hash); ok {
		return record, nil
	}
	record, err := read()
	if err == nil {
		m.put(key, hash, record)
	}
	return record, err
}

// get returns a record that was decoded from bytes of this hash.
func (m *memo[T]) get(key string, sealed uint64) (record T, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found, ok := m.new[key]
	if !ok {
		found, ok = m.old[key]
	}
	if !ok || found.sealed != sealed {
		return record, false
	}
	return found.record, true
}

func (m *memo[T]) put(key string, sealed uint64, record T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.new) >= memoSize || m.new == nil {
		m.old, m.new = m.new, map[string]remembered[T]{}
	}
	m.new[key] = remembered[T]{sealed, record}
}

// memos are those of a store; nil: nothing is remembered.
type memos struct {
	keys     memo[Key]
	versions memo[Version]
	aliases  memo[Alias]

	secrets        memo[Secret]
	secretVersions memo[SecretVersion]
}

// Key returns a key, or ErrNotFound.
func (tx *Tx) Key(scope Scope, id string) (Key, error) {
	name := scope.key(id)
	read := func() (Key, error) { return tx.readKey(scope, id, name) }
	if tx.memos == nil {
		return read()
	}
	key, err := tx.memos.keys.load(tx, bucketKeys, name, read)
	key.Tags = maps.Clone(key.Tags) // the caller may change them
	return key, err
}

// Version returns a version of a key, or ErrNotFound.
func (tx *Tx) Version(scope Scope, keyID, id string) (Version, error) {
	name := scope.key(keyID, id)
	read := func() (Version, error) { return tx.readVersion(scope, keyID, id, name) }
	if tx.memos == nil {
		return read()
	}
	return tx.memos.versions.load(tx, bucketVersions, name, read)
}

// Alias returns an alias, or ErrNotFound.
func (tx *Tx) Alias(scope Scope, name string) (Alias, error) {
	key := scope.key(name)
	read := func() (Alias, error) { return tx.readAlias(scope, name, key) }
	if tx.memos == nil {
		return read()
	}
	return tx.memos.aliases.load(tx, bucketAliases, key, read)
}

// Secret returns a secret, or ErrNotFound.
func (tx *Tx) Secret(scope Scope, name string) (Secret, error) {
	key := scope.key(name)
	read := func() (s Secret, err error) {
		s.Scope, s.Name = scope, name
		err = tx.load(bucketSecrets, key, &s)
		return s, err
	}
	if tx.memos == nil {
		return read()
	}
	s, err := tx.memos.secrets.load(tx, bucketSecrets, key, read)
	s.Tags, s.Stages = maps.Clone(s.Tags), maps.Clone(s.Stages) // the caller may change them
	return s, err
}

// SecretVersion returns a version of a secret, or ErrNotFound.
func (tx *Tx) SecretVersion(scope Scope, name, id string) (SecretVersion, error) {
	key := scope.key(name, id)
	read := func() (v SecretVersion, err error) {
		v.Scope, v.SecretName, v.ID = scope, name, id
		err = tx.load(bucketSecretVersions, key, &v)
		return v, err
	}
	if tx.memos == nil {
		return read()
	}
	return tx.memos.secretVersions.load(tx, bucketSecretVersions, key, read)
}
