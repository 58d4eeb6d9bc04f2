package store

import (
	"bytes"
	"maps"
	"sync"
)

// memoSize is how many records of a kind are remembered decoded, twice: of two
// generations the older goes when the newer is full.
const memoSize = 4096

// memo remembers records decoded, each with the sealed bytes that it was decoded
// from. What lies in the file is compared with those, so nothing has to be
// invalidated, and a damaged byte is noticed as ever: it does not compare.
type memo[T any] struct {
	mu       sync.RWMutex
	new, old map[string]remembered[T]
}

type remembered[T any] struct {
	sealed []byte
	record T
}

// get returns a record that was decoded from these bytes.
func (m *memo[T]) get(key string, sealed []byte) (record T, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found, ok := m.new[key]
	if !ok {
		found, ok = m.old[key]
	}
	if !ok || !bytes.Equal(found.sealed, sealed) {
		return record, false
	}
	return found.record, true
}

func (m *memo[T]) put(key string, sealed []byte, record T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.new) >= memoSize || m.new == nil {
		m.old, m.new = m.new, map[string]remembered[T]{}
	}
	m.new[key] = remembered[T]{bytes.Clone(sealed), record}
}

// memos are those of a store; nil: nothing is remembered.
type memos struct {
	keys     memo[Key]
	versions memo[Version]
}

// Key returns a key, or ErrNotFound.
func (tx *Tx) Key(scope Scope, id string) (Key, error) {
	k := Key{Scope: scope, ID: id}
	if tx.memos == nil {
		err := tx.decodeKey(&k)
		return k, err
	}
	name := k.key()
	sealed := tx.sealed(bucketKeys, name)
	if known, ok := tx.memos.keys.get(name, sealed); ok {
		known.Tags = maps.Clone(known.Tags) // the caller may change them
		return known, nil
	}
	err := tx.decodeKey(&k)
	if err == nil {
		kept := k
		kept.Tags = maps.Clone(k.Tags)
		tx.memos.keys.put(name, sealed, kept)
	}
	return k, err
}

// Version returns a version of a key, or ErrNotFound.
func (tx *Tx) Version(scope Scope, keyID, id string) (Version, error) {
	v := Version{Scope: scope, KeyID: keyID, ID: id}
	if tx.memos == nil {
		err := tx.load(bucketVersions, v.key(), &v)
		return v, err
	}
	name := v.key()
	sealed := tx.sealed(bucketVersions, name)
	if known, ok := tx.memos.versions.get(name, sealed); ok {
		return known, nil
	}
	err := tx.load(bucketVersions, name, &v)
	if err == nil {
		tx.memos.versions.put(name, sealed, v)
	}
	return v, err
}
