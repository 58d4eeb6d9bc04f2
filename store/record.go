package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// bucket is the name of a bucket; doc.go draws them.
type bucket string

const (
	bucketSchema    bucket = "schema"
	bucketKeys      bucket = "keys"
	bucketVersions  bucket = "versions"
	bucketMaterials bucket = "materials"
	bucketTokens    bucket = "tokens"
	bucketAliases   bucket = "aliases"
	bucketSettings  bucket = "settings"
	bucketCounts    bucket = "counts"

	bucketSecrets        bucket = "secrets"
	bucketSecretVersions bucket = "secret-versions"
	bucketSecretValues   bucket = "secret-values"

	keysByDate    bucket = "keys-by-date"
	aliasesByDate bucket = "aliases-by-date"
	aliasesByKey  bucket = "aliases-by-key"
	versionsByAge bucket = "versions-by-age"
	versionsByID  bucket = "versions-by-id"
	deletions     bucket = "deletions"
	rotations     bucket = "rotations"
	expiries      bucket = "expiries"
	tokensByDate  bucket = "tokens-by-date"

	secretsByDate       bucket = "secrets-by-date"
	secretVersionsByAge bucket = "secret-versions-by-age"
	secretDeletions     bucket = "secret-deletions"
)

var (
	indexes = []bucket{keysByDate, aliasesByDate, aliasesByKey, versionsByAge, versionsByID,
		deletions, rotations, expiries, tokensByDate, secretsByDate, secretVersionsByAge, secretDeletions}
	buckets = append([]bucket{bucketSchema, bucketKeys, bucketVersions, bucketMaterials, bucketTokens,
		bucketAliases, bucketSettings, bucketCounts, bucketSecrets, bucketSecretVersions, bucketSecretValues}, indexes...)
)

// Scope is what ids, aliases and counts are unique in.
type Scope struct{ Account, Region string }

// key is the key of a record of the scope.
func (s Scope) key(parts ...string) string {
	return joinKey(append(append(make([]string, 0, 8), s.Account, s.Region), parts...)...)
}

// prefix begins the keys of all records below the parts.
func (s Scope) prefix(parts ...string) string { return s.key(append(parts, "")...) }

// joinKey encodes all parts but the last, so that different parts never give the
// same key.
func joinKey(parts ...string) string {
	text := make([]byte, 0, 128)
	last := len(parts) - 1
	for _, part := range parts[:last] {
		text = append(append(text, url.PathEscape(part)...), '/')
	}
	return string(append(text, parts[last]...))
}

// splitKey is the inverse of joinKey for n parts.
func splitKey(key string, n int) ([]string, error) {
	parts := strings.SplitN(key, "/", n)
	if len(parts) != n {
		return nil, fmt.Errorf("record key %q has too few parts", key)
	}
	for i, part := range parts[:n-1] {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, fmt.Errorf("record key %q: %w", key, err)
		}
		parts[i] = plain
	}
	return parts, nil
}

// sortableLayout is that of times as parts of keys.
const sortableLayout = "2006-01-02T15:04:05.000000000Z"

// sortable is a time as a part of a key. JSON holds years 0 to 9999 only, so no
// record has a time that would sort wrongly.
func sortable(t time.Time) string { return t.UTC().Format(sortableLayout) }

// checksumSize is the number of bytes behind each value.
const checksumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers where a value belongs, too: a record that turns up in another
// place is as wrong as a changed one.
func checksum(b bucket, key, value []byte) uint32 {
	// The length tells apart what is key and what is value.
	place := binary.BigEndian.AppendUint32(append(make([]byte, 0, 64), b...), uint32(len(key)))
	sum := crc32.Checksum(place, castagnoli)
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}

// seal puts the checksum behind a value.
func seal(b bucket, key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(slices.Clip(value), checksum(b, key, value))
}

// unseal takes the checksum off a value.
func unseal(b bucket, key, sealed []byte) ([]byte, error) {
	size := len(sealed) - checksumSize
	if size < 0 || checksum(b, key, sealed[:size]) != binary.BigEndian.Uint32(sealed[size:]) {
		return nil, damaged(b, string(key), errors.New("its checksum is wrong"))
	}
	return sealed[:size:size], nil
}

// damaged is ErrDamaged for a record. Keys of records hold no secrets.
func damaged(b bucket, key string, reason error) error {
	return fmt.Errorf("record %q of %s %w: %w", key, b, ErrDamaged, reason)
}

// Tx is a transaction. It ends with the function it is given to. A method that
// answers ErrNotFound, ErrExists or ErrOtherMaterial has changed nothing; after any
// other error the transaction is to be given up.
type Tx struct {
	bolt  *bbolt.Tx
	memos *memos
	// changed says that an Update has something to keep.
	changed bool
	// undoable says that the transaction is shared: what changed is taken back, by
	// what it was before, where the function fails.
	undoable bool
	befores  []before
	// opened are the buckets that a View has used: bbolt looks for them anew each
	// time. In an Update it does not, and there they can go.
	opened []openBucket
	name   []byte // of the last record looked for: bbolt wants bytes
}

type openBucket struct {
	name bucket
	*bbolt.Bucket
}

func newTx(bolt *bbolt.Tx, known *memos) *Tx { return &Tx{bolt: bolt, memos: known} }

// State numbers the states of the store: that which a View sees, or an Update
// makes. It is higher than that of every Update before, and the same for those that
// share a commit.
func (tx *Tx) State() uint64 { return uint64(tx.bolt.ID()) }

// bucket returns a bucket, or nil.
func (tx *Tx) bucket(b bucket) *bbolt.Bucket {
	for _, known := range tx.opened {
		if known.name == b {
			return known.Bucket
		}
	}
	found := tx.bolt.Bucket([]byte(b))
	if found != nil && !tx.bolt.Writable() {
		tx.opened = append(tx.opened, openBucket{b, found})
	}
	return found
}

// sealed returns a value with its checksum; nil: there is none. Its key is left in
// tx.name.
func (tx *Tx) sealed(b bucket, key string) []byte {
	tx.name = append(tx.name[:0], key...)
	return tx.bucket(b).Get(tx.name)
}

// get returns a value, or ErrNotFound. The value is bbolt's: it is valid inside
// the transaction only.
func (tx *Tx) get(b bucket, key string) ([]byte, error) {
	sealed := tx.sealed(b, key)
	if sealed == nil {
		return nil, notFound{key, b}
	}
	return unseal(b, tx.name, sealed)
}

// notFound is ErrNotFound for a record: put into words only for who reads them,
// for most look for it and go on.
type notFound struct {
	key string
	in  bucket
}

func (e notFound) Error() string { return fmt.Sprintf("record %q of %s %v", e.key, e.in, ErrNotFound) }

func (notFound) Unwrap() error { return ErrNotFound }

// put keeps a value, unless it is there already.
func (tx *Tx) put(b bucket, key string, value []byte) error {
	sealed := seal(b, []byte(key), value)
	in := tx.bucket(b)
	was := in.Get([]byte(key))
	if bytes.Equal(was, sealed) {
		return nil
	}
	tx.noteBefore(b, key, was)
	tx.changed = true
	return in.Put([]byte(key), sealed)
}

// remove deletes a record that has to be there.
func (tx *Tx) remove(b bucket, key string) error {
	if _, err := tx.get(b, key); err != nil {
		return missing(b, key, err)
	}
	tx.noteBefore(b, key, tx.sealed(b, key))
	tx.changed = true
	return tx.bucket(b).Delete([]byte(key))
}

// missing turns ErrNotFound for a record that another record promises into
// ErrDamaged.
func missing(b bucket, key string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return damaged(b, key, errors.New("it is missing"))
	}
	return err
}

// load reads a record that is JSON.
func (tx *Tx) load(b bucket, key string, into any) error {
	text, err := tx.get(b, key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return damaged(b, key, err)
	}
	return nil
}

// save writes a record as JSON.
func (tx *Tx) save(b bucket, key string, record any) error {
	text, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("record %q of %s: %w", key, b, err)
	}
	return tx.put(b, key, text)
}

// insert saves a record that is not there yet, with its index entries.
func (tx *Tx) insert(b bucket, key string, record any, index []entry) error {
	if err := tx.absent(b, key); err != nil {
		return err
	}
	if err := tx.save(b, key, record); err != nil {
		return err
	}
	return tx.putEntries(index)
}

// absent answers ErrExists for a record that is there.
func (tx *Tx) absent(b bucket, key string) error {
	_, err := tx.get(b, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err == nil:
		return fmt.Errorf("record %q of %s %w", key, b, ErrExists)
	}
	return err
}

// scan walks the keys with a prefix, in order, with the sealed values. Nothing
// is to be written on the way.
func (tx *Tx) scan(b bucket, prefix string) iter.Seq2[[]byte, []byte] {
	return tx.scanFrom(b, prefix, prefix)
}

// scanFrom walks as scan does, from a key on, which has the prefix.
func (tx *Tx) scanFrom(b bucket, prefix, from string) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		cursor := tx.bucket(b).Cursor()
		key, sealed := cursor.Seek([]byte(from))
		for bytes.HasPrefix(key, []byte(prefix)) && key != nil && yield(key, sealed) {
			key, sealed = cursor.Next()
		}
	}
}
