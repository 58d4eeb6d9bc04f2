package store

import (
	"iter"
	"math"
	"time"
)

// Key is the metadata of a key. What its words mean is the caller's business.
// All times are in UTC.
type Key struct {
	Scope                         Scope             `json:"-"`
	ID                            string            `json:"-"` // unique in the scope
	Spec                          string            `json:"spec"`
	Usage                         string            `json:"usage"`
	State                         string            `json:"state"`
	Description                   string            `json:"description,omitempty"`
	CreationDate                  time.Time         `json:"creationDate"`
	DeleteDate                    time.Time         `json:"deleteDate,omitzero"` // zero unless deletion is pending
	DeletionProtection            bool              `json:"deletionProtection,omitempty"`
	DeletionProtectionDescription string            `json:"deletionProtectionDescription,omitempty"`
	InstanceID                    string            `json:"instanceId,omitempty"` // the dedicated gateway it lives in, if any
	Tags                          map[string]string `json:"tags,omitempty"`

	// Kept by the store, whatever is given to InsertKey and UpdateKey.
	LastVersionDate time.Time `json:"lastVersionDate,omitzero"` // creation date of the newest version
	Versions        int       `json:"versions"`                 // how many there are
	Aliases         int       `json:"aliases"`                  // how many there are
}

func (k Key) key() string { return k.Scope.key(k.ID) }

// index is where the key is found besides by its id.
func (k Key) index() []entry {
	entries := []entry{{keysByDate, k.Scope.key(sortable(k.CreationDate), k.ID), k.ID}}
	if !k.DeleteDate.IsZero() {
		entries = append(entries, entry{deletions, k.Scope.key(sortable(k.DeleteDate), k.ID), k.ID})
	}
	return entries
}

// utc makes the times of a key those that reading it will give.
func (k Key) utc() Key {
	k.CreationDate, k.DeleteDate = k.CreationDate.UTC(), k.DeleteDate.UTC()
	return k
}

// Key returns a key, or ErrNotFound.
func (tx *Tx) Key(scope Scope, id string) (Key, error) {
	k := Key{Scope: scope, ID: id}
	err := tx.load(bucketKeys, k.key(), &k)
	return k, err
}

// InsertKey adds a key, without versions; ErrExists when its id is taken.
func (tx *Tx) InsertKey(k Key) error {
	k = k.utc()
	k.LastVersionDate, k.Versions, k.Aliases = time.Time{}, 0, 0
	if err := tx.insert(bucketKeys, k.key(), k, k.index()); err != nil {
		return err
	}
	return tx.count(k.Scope, tally{Counts: Counts{Keys: 1}})
}

// UpdateKey replaces a key, but for its creation date and what the store keeps
// itself; ErrNotFound when there is none.
func (tx *Tx) UpdateKey(k Key) error {
	before, err := tx.Key(k.Scope, k.ID)
	if err != nil {
		return err
	}
	k = k.utc()
	k.CreationDate, k.LastVersionDate = before.CreationDate, before.LastVersionDate
	k.Versions, k.Aliases = before.Versions, before.Aliases
	if err := tx.replaceEntries(before.index(), k.index()); err != nil {
		return err
	}
	return tx.save(bucketKeys, k.key(), k)
}

// indexedKey returns a key that an index names, so that it has to be there.
func (tx *Tx) indexedKey(scope Scope, id string) (Key, error) {
	key, err := tx.Key(scope, id)
	return key, missing(bucketKeys, key.key(), err)
}

// DeleteKey removes a key with its versions, their material and its aliases;
// ErrNotFound when there is none.
func (tx *Tx) DeleteKey(scope Scope, id string) error {
	key, err := tx.Key(scope, id)
	if err != nil {
		return err
	}
	aliases, err := tx.AliasesOfKeyPage(scope, id, 0, math.MaxInt)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		if err := tx.DeleteAlias(scope, alias.Name); err != nil {
			return err
		}
	}
	if err := tx.deleteVersions(key); err != nil {
		return err
	}
	if err := tx.removeEntries(key.index()); err != nil {
		return err
	}
	if err := tx.remove(bucketKeys, key.key()); err != nil {
		return err
	}
	return tx.count(scope, tally{Counts: Counts{Keys: -1}})
}

// Keys walks all keys of a scope by creation, then id, as KeysPage does.
// Nothing is to be written on the way.
func (tx *Tx) Keys(scope Scope) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		ids, err := tx.page(keysByDate, scope.prefix(), 0, math.MaxInt, nil)
		if err != nil {
			yield(Key{}, err)
			return
		}
		for _, id := range ids {
			key, err := tx.indexedKey(scope, id)
			if !yield(key, err) || err != nil {
				return
			}
		}
	}
}

// KeysPage returns the keys of a scope by creation, then id: at most limit of
// them after the first skip. Hidden ids are passed over and not counted.
func (tx *Tx) KeysPage(scope Scope, skip, limit int, hidden map[string]bool) ([]Key, error) {
	ids, err := tx.page(keysByDate, scope.prefix(), skip, limit, hidden)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, len(ids))
	for i, id := range ids {
		if keys[i], err = tx.indexedKey(scope, id); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// Due returns the ids of the keys whose delete date is at most now, by that
// date.
func (tx *Tx) Due(scope Scope, now time.Time) ([]string, error) {
	var ids []string
	end := scope.key(sortable(now) + "\xff") // after every key of this moment
	for key, sealed := range tx.scan(deletions, scope.prefix()) {
		if string(key) > end {
			break
		}
		id, err := unseal(deletions, key, sealed)
		if err != nil {
			return nil, err
		}
		ids = append(ids, string(id))
	}
	return ids, nil
}

// Empty says that no scope holds any record.
func (tx *Tx) Empty() bool {
	for range tx.scan(bucketKeys, "") {
		return false // versions and aliases need a key
	}
	return true
}

// Clear removes every key, version and alias. The settings stay.
func (tx *Tx) Clear() error {
	unscoped, err := tx.tally(Scope{})
	if err != nil {
		return err
	}
	for _, b := range buckets {
		if b == bucketSchema || b == bucketSettings {
			continue
		}
		if err := tx.bolt.DeleteBucket([]byte(b)); err != nil {
			return err
		}
		if _, err := tx.bolt.CreateBucket([]byte(b)); err != nil {
			return err
		}
	}
	return tx.count(Scope{}, tally{Settings: unscoped.Settings})
}
