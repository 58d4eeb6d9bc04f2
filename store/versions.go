package store

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Version is the metadata of a key version. All times are in UTC.
type Version struct {
	Scope        Scope     `json:"-"`
	KeyID        string    `json:"-"`
	ID           string    `json:"-"` // unique in the scope
	CreationDate time.Time `json:"creationDate"`
	Regional     bool      `json:"regional,omitempty"` // unique in the region, over all accounts

	// SourceHash is of what the material was read from, as the caller says; zero: it
	// says nothing.
	SourceHash MaterialHash `json:"sourceHash,omitzero"`

	// Kept by the store, whatever is given to InsertVersion.
	Number       int          `json:"number"`                // from 1, the oldest
	MaterialHash MaterialHash `json:"materialHash,omitzero"` // zero while there is no material
	ImportedHash MaterialHash `json:"importedHash,omitzero"` // of the first ImportMaterial, for ever; zero without one
}

func (v Version) key() string { return v.Scope.key(v.KeyID, v.ID) }

// index is where the version is found besides by its key and id.
func (v Version) index() []entry {
	countdown := fmt.Sprintf("%016x", math.MaxInt64-int64(v.Number))
	return []entry{
		{versionsByAge, v.Scope.key(v.KeyID, countdown, v.ID), v.KeyID},
		{versionsByID, versionIDKey(v.Scope, v.ID), v.KeyID},
	}
}

// versionIDKey is where an index has the id of a version: one look-up finds it
// in its account, and a walk finds it in all accounts of the region.
func versionIDKey(scope Scope, id string) string { return joinKey(scope.Region, id, scope.Account) }

func (tx *Tx) readVersion(scope Scope, keyID, id, name string) (Version, error) {
	v := Version{Scope: scope, KeyID: keyID, ID: id}
	err := tx.load(bucketVersions, name, &v)
	return v, err
}

// KeyOfVersion returns the id of the key that has the version, or ErrNotFound.
func (tx *Tx) KeyOfVersion(scope Scope, id string) (keyID string, err error) {
	owner, err := tx.get(versionsByID, versionIDKey(scope, id))
	return string(owner), err
}

// RegionalVersion returns the version of a region that is Regional and has the
// id, whosever it is, or ErrNotFound.
func (tx *Tx) RegionalVersion(region, id string) (Version, error) {
	v, err := tx.anyVersion(region, id)
	if err == nil && !v.Regional {
		err = fmt.Errorf("regional version %q of %s %w", id, region, ErrNotFound)
	}
	return v, err
}

// anyVersion returns one version of this id in the region, or ErrNotFound. A
// Regional one has no other beside it.
func (tx *Tx) anyVersion(region, id string) (Version, error) {
	prefix := joinKey(region, id, "")
	for key, sealed := range tx.scan(versionsByID, prefix) {
		keyID, err := unseal(versionsByID, key, sealed)
		if err != nil {
			return Version{}, err
		}
		v, err := tx.Version(Scope{string(key[len(prefix):]), region}, string(keyID), id)
		return v, missing(bucketVersions, v.key(), err)
	}
	return Version{}, fmt.Errorf("version %q of %s %w", id, region, ErrNotFound)
}

// freeVersionID answers ErrExists when another version keeps this one from
// having its id.
func (tx *Tx) freeVersionID(v Version) error {
	if err := tx.absent(versionsByID, versionIDKey(v.Scope, v.ID)); err != nil {
		return err
	}
	other, err := tx.anyVersion(v.Scope.Region, v.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err == nil && (v.Regional || other.Regional):
		return fmt.Errorf("version %q of %s %w", v.ID, v.Scope.Region, ErrExists)
	}
	return err
}

// InsertVersion adds a version to a key, as its newest, with its material, or
// nil where that is yet to come. ErrNotFound when there is no such key. ErrExists
// when any key of the scope has a version of this id; and when any account of the
// region has one, if this one or that one is Regional.
func (tx *Tx) InsertVersion(v Version, material []byte) error {
	key, err := tx.Key(v.Scope, v.KeyID)
	if err != nil {
		return err
	}
	if err := tx.freeVersionID(v); err != nil {
		return err
	}
	key.Versions++
	v.Number, v.CreationDate = key.Versions, v.CreationDate.UTC()
	v.MaterialHash, v.ImportedHash = MaterialHash{}, MaterialHash{}
	key.LastVersionDate = v.CreationDate
	if err := tx.insert(bucketVersions, v.key(), v, v.index()); err != nil {
		return err
	}
	if err := tx.saveKey(key); err != nil {
		return err
	}
	if err := tx.count(v.Scope, tally{Counts: Counts{Versions: 1}}); err != nil || material == nil {
		return err
	}
	return tx.InsertMaterial(v.Scope, v.KeyID, v.ID, material)
}

// VersionsPage returns the versions of a key, the last added first: at most
// limit of them after the first skip.
func (tx *Tx) VersionsPage(scope Scope, keyID string, skip, limit int) ([]Version, error) {
	ids, err := tx.page(versionsByAge, scope.prefix(keyID), skip, limit, nil)
	if err != nil {
		return nil, err
	}
	versions := make([]Version, len(ids))
	for i, id := range ids {
		v, err := tx.Version(scope, keyID, id)
		if err != nil {
			return nil, missing(bucketVersions, v.key(), err)
		}
		versions[i] = v
	}
	return versions, nil
}

// deleteVersions removes the versions of a key that is going itself.
func (tx *Tx) deleteVersions(key Key) error {
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, math.MaxInt)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := tx.removeEntries(v.index()); err != nil {
			return err
		}
		if err := tx.remove(bucketVersions, v.key()); err != nil {
			return err
		}
		if v.MaterialHash == (MaterialHash{}) {
			continue
		}
		if err := tx.remove(bucketMaterials, v.key()); err != nil {
			return err
		}
	}
	return tx.count(key.Scope, tally{Counts: Counts{Versions: -len(versions)}})
}
