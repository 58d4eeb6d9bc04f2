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
	Origin                        string            `json:"origin"`            // "Aliyun_KMS" or "EXTERNAL"
	Creator                       string            `json:"creator,omitempty"` // empty: the account
	Description                   string            `json:"description,omitempty"`
	CreationDate                  time.Time         `json:"creationDate"`
	DeleteDate                    time.Time         `json:"deleteDate,omitzero"` // zero unless deletion is pending
	DeletionProtection            bool              `json:"deletionProtection,omitempty"`
	DeletionProtectionDescription string            `json:"deletionProtectionDescription,omitempty"`
	InstanceID                    string            `json:"instanceId,omitempty"` // the dedicated gateway it lives in, if any
	Tags                          map[string]string `json:"tags,omitempty"`
	Policy                        string            `json:"policy,omitempty"`            // JSON text, as it was set
	PrimaryVersion                string            `json:"primaryVersion,omitempty"`    // id; of symmetric keys only
	RotationInterval              time.Duration     `json:"-"`                           // 0: no rotation; see keyRecord
	NextRotation                  time.Time         `json:"nextRotation,omitzero"`       // zero: none is due
	MaterialExpireTime            time.Time         `json:"materialExpireTime,omitzero"` // zero: never

	// Kept by the store, whatever is given to InsertKey and UpdateKey.
	LastVersionDate time.Time `json:"lastVersionDate,omitzero"` // creation date of the newest version
	Versions        int       `json:"versions"`                 // how many there are
	Aliases         int       `json:"aliases"`                  // how many there are
}

// keyRecord is a key as its record has it.
type keyRecord struct {
	*Key
	RotationInterval interval `json:"rotationInterval,omitzero"`
}

// interval is a duration as text: "8760h0m0s".
type interval time.Duration

// MarshalText writes the text.
func (i interval) MarshalText() ([]byte, error) { return []byte(time.Duration(i).String()), nil }

// UnmarshalText reads what MarshalText writes.
func (i *interval) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*i = interval(d)
	return err
}

func (k *Key) record() keyRecord { return keyRecord{k, interval(k.RotationInterval)} }

func (k Key) key() string { return k.Scope.key(k.ID) }

// index is where the key is found besides by its id.
func (k Key) index() []entry {
	entries := []entry{{keysByDate, k.Scope.key(sortable(k.CreationDate), k.ID), k.outline()}}
	for _, date := range []struct {
		index bucket
		time  time.Time
	}{{deletions, k.DeleteDate}, {rotations, k.NextRotation}, {expiries, k.MaterialExpireTime}} {
		if !date.time.IsZero() {
			entries = append(entries, entry{date.index, k.Scope.key(sortable(date.time), k.ID), k.ID})
		}
	}
	return entries
}

// utc makes the times of a key those that reading it will give.
func (k Key) utc() Key {
	for _, t := range []*time.Time{&k.CreationDate, &k.DeleteDate, &k.NextRotation, &k.MaterialExpireTime} {
		*t = t.UTC()
	}
	return k
}

func (tx *Tx) readKey(scope Scope, id, name string) (Key, error) {
	k := Key{Scope: scope, ID: id}
	record := k.record()
	err := tx.load(bucketKeys, name, &record)
	k.RotationInterval = time.Duration(record.RotationInterval)
	return k, err
}

// saveKey writes a key back whose index entries stay.
func (tx *Tx) saveKey(k Key) error { return tx.save(bucketKeys, k.key(), k.record()) }

// InsertKey adds a key, without versions; ErrExists when its id is taken.
func (tx *Tx) InsertKey(k Key) error {
	k = k.utc()
	k.LastVersionDate, k.Versions, k.Aliases = time.Time{}, 0, 0
	if err := tx.insert(bucketKeys, k.key(), k.record(), k.index()); err != nil {
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
	return tx.saveKey(k)
}

// indexedKey returns a key that an index names, so that it has to be there.
func (tx *Tx) indexedKey(scope Scope, id string) (Key, error) {
	key, err := tx.Key(scope, id)
	return key, missing(bucketKeys, key.key(), err)
}

// DeleteKey removes a key with its versions, their material, its import tokens
// and its aliases; ErrNotFound when there is none.
func (tx *Tx) DeleteKey(scope Scope, id string) error {
	key, err := tx.Key(scope, id)
	if err != nil {
		return err
	}
	for _, part := range []func(Key) error{tx.deleteAliases, tx.deleteTokens, tx.deleteVersions} {
		if err := part(key); err != nil {
			return err
		}
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

// KeysAfter walks the keys of a scope by id, from the first id after the given
// one: after "", from the first. There need not be a key of that id. Nothing is
// to be written on the way.
func (tx *Tx) KeysAfter(scope Scope, id string) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		prefix := scope.prefix()
		for name := range tx.scanFrom(bucketKeys, prefix, prefix+id) {
			found := string(name[len(prefix):])
			if found == id {
				continue
			}
			key, err := tx.Key(scope, found)
			if !yield(key, err) || err != nil {
				return
			}
		}
	}
}

// Empty says that no scope holds any record.
func (tx *Tx) Empty() bool {
	for _, b := range []bucket{bucketKeys, bucketSecrets} { // all else needs one of them
		for range tx.scan(b, "") {
			return false
		}
	}
	return true
}

// Clear removes every key and secret with all that belongs to it. The settings
// stay.
func (tx *Tx) Clear() error {
	unscoped, err := tx.tally(Scope{})
	if err != nil {
		return err
	}
	tx.changed = true
	for _, b := range buckets {
		if b == bucketSchema || b == bucketSettings {
			continue
		}
		for key, sealed := range tx.scan(b, "") {
			tx.noteBefore(b, string(key), sealed)
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
