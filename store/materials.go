package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

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

// InsertMaterial gives a version its material: PKCS#8 DER, or the bytes of a
// symmetric key. ErrNotFound when there is no such version; ErrExists when it has
// material; ErrOtherMaterial when other bytes were once imported.
func (tx *Tx) InsertMaterial(scope Scope, keyID, versionID string, material []byte) error {
	v, err := tx.Version(scope, keyID, versionID)
	if err != nil {
		return err
	}
	return tx.insertMaterial(v, material)
}

// ImportMaterial is InsertMaterial for what comes from outside. The first time,
// it sets ImportedHash too, which fixes the bytes for ever: after a
// DeleteMaterial, these can be given to the version again, and no others.
func (tx *Tx) ImportMaterial(scope Scope, keyID, versionID string, material []byte) error {
	v, err := tx.Version(scope, keyID, versionID)
	if err != nil {
		return err
	}
	if v.ImportedHash == (MaterialHash{}) {
		v.ImportedHash = sha256.Sum256(material)
	}
	return tx.insertMaterial(v, material)
}

// FixMaterial tells of a version without material what the first ImportMaterial
// was given, by its hash: no other bytes are taken. ErrOtherMaterial when other
// bytes were imported.
func (tx *Tx) FixMaterial(scope Scope, keyID, versionID string, hash MaterialHash) error {
	v, err := tx.Version(scope, keyID, versionID)
	if err != nil {
		return err
	}
	if v.ImportedHash != (MaterialHash{}) && v.ImportedHash != hash || v.MaterialHash != (MaterialHash{}) && v.MaterialHash != hash {
		return fmt.Errorf("material of version %q %w", v.key(), ErrOtherMaterial)
	}
	v.ImportedHash = hash
	return tx.save(bucketVersions, v.key(), v)
}

// SetSource notes of a version what its material was read from. ErrNotFound when
// there is no such version.
func (tx *Tx) SetSource(scope Scope, keyID, versionID string, source MaterialHash) error {
	v, err := tx.Version(scope, keyID, versionID)
	if err != nil {
		return err
	}
	v.SourceHash = source
	return tx.save(bucketVersions, v.key(), v)
}

// insertMaterial writes the version and its material.
func (tx *Tx) insertMaterial(v Version, material []byte) error {
	v.MaterialHash = sha256.Sum256(material)
	if v.ImportedHash != (MaterialHash{}) && v.ImportedHash != v.MaterialHash {
		return fmt.Errorf("material of version %q %w", v.key(), ErrOtherMaterial)
	}
	if err := tx.absent(bucketMaterials, v.key()); err != nil {
		return err
	}
	if err := tx.save(bucketVersions, v.key(), v); err != nil {
		return err
	}
	return tx.put(bucketMaterials, v.key(), material)
}

// Material returns a copy of the material of a version, or ErrNotFound.
func (tx *Tx) Material(scope Scope, keyID, versionID string) ([]byte, error) {
	material, err := tx.get(bucketMaterials, scope.key(keyID, versionID))
	return append([]byte(nil), material...), err
}

// DeleteMaterial takes the material from a version, whose ImportedHash stays.
// ErrNotFound when there is no such version, or no material of it.
func (tx *Tx) DeleteMaterial(scope Scope, keyID, versionID string) error {
	v, err := tx.Version(scope, keyID, versionID)
	if err != nil {
		return err
	}
	if v.MaterialHash == (MaterialHash{}) {
		return fmt.Errorf("material of version %q %w", v.key(), ErrNotFound)
	}
	v.MaterialHash, v.SourceHash = MaterialHash{}, MaterialHash{}
	if err := tx.save(bucketVersions, v.key(), v); err != nil {
		return err
	}
	return tx.remove(bucketMaterials, v.key())
}
