package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alikms/alikms/store/internal/boltcheck"
)

// verifyFile says what keeps a file from being used, without changing it. There
// is nothing wrong with one that is missing or empty.
func verifyFile(path string) error {
	if size, err := regularSize(path); err != nil || size == 0 {
		return err
	}
	// Read-only, bbolt takes a lock and leaves all but the meta pages alone.
	db, _, openErr := openBolt(path, bbolt.Options{ReadOnly: true})
	if errors.Is(openErr, berrors.ErrTimeout) {
		return openErr
	}
	if openErr == nil {
		defer db.Close()
	}
	pages, err := checkFile(path)
	switch {
	case err != nil:
		return err
	case openErr != nil:
		return openErr
	case pages.Fresh:
		return nil
	}
	return db.View(func(tx *bbolt.Tx) error { return verify(newTx(tx, nil)) })
}

// regularSize is the size of a file, 0 when it is missing.
func regularSize(path string) (int64, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, ErrForeign
	}
	return info.Size(), nil
}

// errTorn says that there is nothing in a file, for its first write was torn.
var errTorn = errors.New("its first write was torn")

func checkFile(path string) (boltcheck.Info, error) {
	file, err := os.Open(path)
	if err != nil {
		return boltcheck.Info{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return boltcheck.Info{}, err
	}
	pages, err := boltcheck.Check(file, info.Size())
	if err != nil && boltcheck.Torn(file, info.Size()) {
		return boltcheck.Info{}, errTorn
	}
	return pages, err
}

// verify compares all that a file says with what else it says. The records of an
// older schema are left to migrate.
func verify(tx *Tx) error {
	if err := verifyBolt(tx); err != nil {
		return err
	}
	version, err := verifySchema(tx)
	if err != nil || version < schemaVersion {
		return err
	}
	return verifyRecords(tx)
}

func verifyRecords(tx *Tx) error {
	a := &audit{tx: tx, keys: map[string]*keyParts{}, secrets: map[string]*secretParts{}, tallies: map[Scope]tally{}, entries: map[bucket]int{}}
	steps := []func() error{
		a.readKeys, a.readVersions, a.readAliases, a.readTokens, a.readSecrets, a.readSecretVersions, a.readSettings,
		a.compareKeys, a.compareSecrets, a.compareCounts, a.compareRest,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// verifyBolt is bbolt's own check. It has to be read to its end.
func verifyBolt(tx *Tx) (first error) {
	for err := range tx.bolt.Check() {
		if first == nil {
			first = err
		}
	}
	return first
}

// audit is what the records of a file add up to.
type audit struct {
	tx        *Tx
	keys      map[string]*keyParts // by the key of the key's record
	secrets   map[string]*secretParts
	tallies   map[Scope]tally
	entries   map[bucket]int // entries that the indexes should have
	materials int            // materials there should be
	values    int            // values of secrets there should be
}

// keyParts is a key with the number of its parts that were found.
type keyParts struct {
	Key
	versions, aliases int
}

var errOtherOwner, errOutline = errors.New("it belongs to another one"), errors.New("it is not the outline of its key")

// unlike says what is wrong with an entry of another value.
func (e entry) unlike() error {
	if e.bucket == keysByDate {
		return errOutline
	}
	return errOtherOwner
}

// expect looks for the index entries of a record.
func (a *audit) expect(entries []entry) error {
	for _, e := range entries {
		owner, err := a.tx.get(e.bucket, e.key)
		if err != nil {
			return missing(e.bucket, e.key, err)
		}
		if string(owner) != e.value {
			return damaged(e.bucket, e.key, e.unlike())
		}
		a.entries[e.bucket]++
	}
	return nil
}

// count notes records found.
func (a *audit) count(scope Scope, more tally) { a.tallies[scope] = a.tallies[scope].plus(more) }

// each calls read with the parts of the key of each record of a bucket. What a
// walk finds, read has to find again by a look-up.
func (a *audit) each(b bucket, parts int, read func(parts []string) error) error {
	for key := range a.tx.scan(b, "") {
		names, err := splitKey(string(key), parts)
		if err != nil {
			return damaged(b, string(key), err)
		}
		if err := read(names); err != nil {
			return missing(b, string(key), err)
		}
	}
	return nil
}

func (a *audit) readKeys() error {
	return a.each(bucketKeys, 3, func(names []string) error {
		k, err := a.tx.Key(Scope{names[0], names[1]}, names[2])
		if err != nil {
			return err
		}
		a.keys[k.key()] = &keyParts{Key: k}
		a.count(k.Scope, tally{Counts: Counts{Keys: 1}})
		return a.expect(k.index())
	})
}

func (a *audit) readVersions() error {
	return a.each(bucketVersions, 4, func(names []string) error {
		v, err := a.tx.Version(Scope{names[0], names[1]}, names[2], names[3])
		if err != nil {
			return err
		}
		key := a.keys[v.Scope.key(v.KeyID)]
		if key == nil || v.Number < 1 || v.Number > key.Versions {
			return damaged(bucketVersions, v.key(), errors.New("it does not agree with its key"))
		}
		key.versions++
		a.count(v.Scope, tally{Counts: Counts{Versions: 1}})
		return cmp.Or(a.expectMaterial(v), a.expectAlone(v), a.expect(v.index()))
	})
}

// expectMaterial looks for the material that a version says it has.
func (a *audit) expectMaterial(v Version) error {
	if v.MaterialHash == (MaterialHash{}) {
		return nil
	}
	if v.ImportedHash != (MaterialHash{}) && v.ImportedHash != v.MaterialHash {
		return damaged(bucketVersions, v.key(), errors.New("its material is not the imported one"))
	}
	a.materials++
	_, err := a.tx.get(bucketMaterials, v.key())
	return err
}

// expectAlone looks for other versions with the id of a Regional one.
func (a *audit) expectAlone(v Version) error {
	if !v.Regional {
		return nil
	}
	found := 0
	for range a.tx.scan(versionsByID, joinKey(v.Scope.Region, v.ID, "")) {
		if found++; found > 1 {
			return damaged(bucketVersions, v.key(), errors.New("another one of the region has its id"))
		}
	}
	return nil
}

func (a *audit) readAliases() error {
	return a.each(bucketAliases, 3, func(names []string) error {
		alias, err := a.tx.Alias(Scope{names[0], names[1]}, names[2])
		if err != nil {
			return err
		}
		key := a.keys[alias.Scope.key(alias.KeyID)]
		if key == nil {
			return damaged(bucketAliases, alias.key(), errors.New("its key is missing"))
		}
		key.aliases++
		a.count(alias.Scope, tally{Counts: Counts{Aliases: 1}})
		return a.expect(alias.index())
	})
}

func (a *audit) readTokens() error {
	return a.each(bucketTokens, 4, func(names []string) error {
		t, err := a.tx.Token(Scope{names[0], names[1]}, names[2], names[3])
		if err != nil {
			return err
		}
		if a.keys[t.Scope.key(t.KeyID)] == nil {
			return damaged(bucketTokens, t.key(), errors.New("its key is missing"))
		}
		a.count(t.Scope, tally{Counts: Counts{Tokens: 1}})
		return a.expect(t.index())
	})
}

func (a *audit) readSettings() error {
	return a.each(bucketSettings, 1, func(names []string) error {
		a.count(Scope{}, tally{Settings: 1})
		_, err := a.tx.get(bucketSettings, names[0])
		return err
	})
}

// compareKeys finds versions and aliases that are lost.
func (a *audit) compareKeys() error {
	for name, key := range a.keys {
		if key.versions != key.Versions || key.aliases != key.Aliases {
			return damaged(bucketKeys, name, errors.New("versions or aliases of it are missing"))
		}
	}
	return nil
}

// compareCounts finds keys, import tokens and settings that are lost.
func (a *audit) compareCounts() error {
	for scope, found := range a.tallies {
		if kept, err := a.tx.tally(scope); err != nil || kept != found {
			return cmp.Or(err, damaged(bucketCounts, scope.key(), errors.New("it does not agree with the records")))
		}
	}
	return a.compareSize(bucketCounts, len(a.tallies))
}

// compareRest finds what no record speaks of.
func (a *audit) compareRest() error {
	for _, b := range indexes {
		if err := a.compareSize(b, a.entries[b]); err != nil {
			return err
		}
	}
	if err := a.compareSize(bucketMaterials, a.materials); err != nil {
		return err
	}
	return a.compareSize(bucketSecretValues, a.values)
}

func (a *audit) compareSize(b bucket, want int) error {
	found := 0
	for range a.tx.scan(b, "") {
		found++
	}
	if found != want {
		return fmt.Errorf("bucket %s has %d records instead of %d", b, found, want)
	}
	return nil
}
