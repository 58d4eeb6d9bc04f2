package store

import (
	"crypto/sha256"
	"encoding/hex"
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

	// Kept by the store, whatever is given to InsertVersion.
	Number       int          `json:"number"`                // from 1, the oldest
	MaterialHash MaterialHash `json:"materialHash,omitzero"` // zero while there is no material
}

// MaterialHash is the SHA-256 of key material: a name for it, to know it again.
type MaterialHash [sha256.Size]byte

// MarshalText writes hexadecimal digits.
func (h MaterialHash) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText reads what MarshalText writes.
func (h *MaterialHash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("a hash of %d digits", len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

func (v Version) key() string { return v.Scope.key(v.KeyID, v.ID) }

// index is where the version is found besides by its key and id.
func (v Version) index() []entry {
	countdown := fmt.Sprintf("%016x", math.MaxInt64-int64(v.Number))
	return []entry{
		{versionsByAge, v.Scope.key(v.KeyID, countdown, v.ID), v.KeyID},
		{versionIDs, v.Scope.key(v.ID), v.KeyID},
	}
}

// Version returns a version of a key, or ErrNotFound.
func (tx *Tx) Version(scope Scope, keyID, id string) (Version, error) {
	v := Version{Scope: scope, KeyID: keyID, ID: id}
	err := tx.load(bucketVersions, v.key(), &v)
	return v, err
}

// KeyOfVersion returns the id of the key that has the version, or ErrNotFound.
func (tx *Tx) KeyOfVersion(scope Scope, id string) (keyID string, err error) {
	owner, err := tx.get(versionIDs, scope.key(id))
	return string(owner), err
}

// InsertVersion adds a version to a key, as its newest, with its material:
// PKCS#8 DER, or nil where it is yet to be made. ErrNotFound when there is no
// such key; ErrExists when any key of the scope has a version of this id.
func (tx *Tx) InsertVersion(v Version, material []byte) error {
	key, err := tx.Key(v.Scope, v.KeyID)
	if err != nil {
		return err
	}
	if err := tx.absent(versionIDs, v.Scope.key(v.ID)); err != nil {
		return err
	}
	key.Versions++
	v.Number, v.CreationDate, v.MaterialHash = key.Versions, v.CreationDate.UTC(), MaterialHash{}
	key.LastVersionDate = v.CreationDate
	if err := tx.insert(bucketVersions, v.key(), v, v.index()); err != nil {
		return err
	}
	if err := tx.save(bucketKeys, key.key(), key); err != nil {
		return err
	}
	if err := tx.count(v.Scope, tally{Counts: Counts{Versions: 1}}); err != nil || material == nil {
		return err
	}
	return tx.InsertMaterial(v.Scope, v.KeyID, v.ID, material)
}

// InsertMaterial gives a version its material, PKCS#8 DER. ErrNotFound when
// there is no such version; ErrExists when it has material.
func (tx *Tx) InsertMaterial(scope Scope, keyID, versionID string, material []byte) error {
	v, err := tx.Version(scope, keyID, versionID)
	if err != nil {
		return err
	}
	if err := tx.absent(bucketMaterials, v.key()); err != nil {
		return err
	}
	v.MaterialHash = sha256.Sum256(material)
	if err := tx.save(bucketVersions, v.key(), v); err != nil {
		return err
	}
	return tx.put(bucketMaterials, v.key(), material)
}

// Material returns a copy of the material of a version, PKCS#8 DER, or
// ErrNotFound.
func (tx *Tx) Material(scope Scope, keyID, versionID string) ([]byte, error) {
	material, err := tx.get(bucketMaterials, scope.key(keyID, versionID))
	return append([]byte(nil), material...), err
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
		v := Version{Scope: scope, KeyID: keyID, ID: id}
		if err := tx.load(bucketVersions, v.key(), &v); err != nil {
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
