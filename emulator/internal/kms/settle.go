package kms

import (
	"errors"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// What time does to keys and secrets: deletion windows run out, imported material expires,
// rotations fall due. Reads see the first two as soon as the clock shows them,
// and the next write tells the store. Rotations are done by each write, by a
// change of the clock, and by a timer while the clock runs, never by a read.

// Gone reports whether the key's deletion window has passed: then the key is not
// there any more, though its record may still be.
func Gone(key store.Key, now time.Time) bool {
	return !key.DeleteDate.IsZero() && !key.DeleteDate.After(now)
}

// SecretGone is Gone for a secret and its recovery window.
func SecretGone(secret store.Secret, now time.Time) bool {
	return !secret.DeleteDate.IsZero() && !secret.DeleteDate.After(now)
}

// expired reports whether the imported material of a key has expired.
func expired(key store.Key, now time.Time) bool {
	return !key.MaterialExpireTime.IsZero() && !key.MaterialExpireTime.After(now)
}

// Settled is a key as it is at a time, though the store may not have been told.
func Settled(key store.Key, now time.Time) store.Key {
	if expired(key, now) {
		key = withoutMaterial(key)
	}
	return key
}

// withoutMaterial is a key of which the imported material is lacking.
func withoutMaterial(key store.Key) store.Key {
	key.MaterialExpireTime = time.Time{}
	if key.State != StatePendingDeletion {
		key.State = StatePendingImport
	}
	return key
}

// Settle brings the keys and secrets of an account and region up to a time: those
// whose deletion window has passed go, expired material goes, and what is due is
// rotated, the earliest first.
func Settle(tx *store.Tx, scope store.Scope, now time.Time) error {
	if err := purge(tx, scope, now); err != nil {
		return err
	}
	if err := expire(tx, scope, now); err != nil {
		return err
	}
	return rotateDue(tx, scope, now)
}

// SettleAll is Settle for every account and region.
func SettleAll(tx *store.Tx, now time.Time) error { return everywhere(tx, now, Settle) }

// RotateAll rotates what is due in every account and region. A change of the
// clock does no more: what it took away would not come back when the clock is
// set back.
func RotateAll(tx *store.Tx, now time.Time) error { return everywhere(tx, now, rotateDue) }

func everywhere(tx *store.Tx, now time.Time, do func(*store.Tx, store.Scope, time.Time) error) error {
	scopes, err := tx.Scopes()
	for _, scope := range scopes {
		if err := do(tx, scope, now); err != nil {
			return err
		}
	}
	return err
}

func purge(tx *store.Tx, scope store.Scope, now time.Time) error {
	due, err := tx.Due(scope, now)
	for _, id := range due {
		if err := tx.DeleteKey(scope, id); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	secrets, err := tx.DueSecrets(scope, now)
	for _, name := range secrets {
		if err := tx.DeleteSecret(scope, name); err != nil {
			return err
		}
	}
	return err
}

func expire(tx *store.Tx, scope store.Scope, now time.Time) error {
	tokens, err := tx.DueTokens(scope, now)
	for _, t := range tokens {
		if err := tx.DeleteToken(scope, t.KeyID, t.ID); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	due, err := tx.DueExpiries(scope, now)
	for _, id := range due {
		key, err := tx.Key(scope, id)
		if err == nil {
			err = removeMaterial(tx, key)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// removeMaterial takes the imported material out of the only version of a key.
func removeMaterial(tx *store.Tx, key store.Key) error {
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, 1)
	if err != nil {
		return err
	}
	if err := tx.DeleteMaterial(key.Scope, key.ID, versions[0].ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.UpdateKey(withoutMaterial(key))
}

// maxKeyVersions is how many versions a key has at most (the vendor's page
// "CreateKeyVersion").
const maxKeyVersions = 50

// rotateDue rotates keys in the order of the dates at which that fell due. A key
// whose interval has passed several times gets a version for each.
func rotateDue(tx *store.Tx, scope store.Scope, now time.Time) error {
	for {
		due, err := tx.DueRotations(scope, now)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, id := range due {
			key, err := tx.Key(scope, id)
			if err == nil {
				err = rotate(tx, key)
			}
			if err != nil {
				return err
			}
		}
	}
}

// rotate gives a key the version that fell due, which is its primary one then.
func rotate(tx *store.Tx, key store.Key) error {
	spec, err := specOf(key)
	if err != nil {
		return err
	}
	version := store.Version{Scope: key.Scope, KeyID: key.ID, CreationDate: key.NextRotation, Regional: spec.Symmetric()}
	// Two accounts of a region may have keys of the same id.
	for _, name := range []string{key.ID, KeyARN(key.Scope, key.ID)} {
		version.ID = fixtures.DerivedVersionID(name, key.Versions+1)
		if err = addRotated(tx, spec, version); !errors.Is(err, store.ErrExists) {
			break
		}
	}
	return err
}

// addRotated gives a key a version with the material that was kept for it, or
// else new material.
func addRotated(tx *store.Tx, spec *keyspec.Spec, v store.Version) error {
	material, kept, err := tx.Setting(GeneratedSetting(spec.Name, v))
	if err == nil && !kept {
		material, err = generate(spec)
	}
	if err != nil {
		return err
	}
	_, err = AddVersion(tx, v, material)
	return err
}

// AddVersion gives a key a newest version, which is the primary one of a
// symmetric key, and returns the key. material is nil where it is yet to be made
// or imported. Its errors are those of the store's InsertVersion.
func AddVersion(tx *store.Tx, v store.Version, material []byte) (store.Key, error) {
	if err := tx.InsertVersion(v, material); err != nil {
		return store.Key{}, err
	}
	key, err := tx.Key(v.Scope, v.KeyID)
	if err != nil {
		return key, err
	}
	if Symmetric(key.Spec) {
		key.PrimaryVersion = v.ID
	}
	key = scheduled(key)
	return key, tx.UpdateKey(key)
}

// scheduled is a key with the date of its next rotation; none while it is not
// Enabled: then rotation is suspended, and what was missed falls due when the
// key is Enabled again.
func scheduled(key store.Key) store.Key {
	key.NextRotation = time.Time{}
	if key.RotationInterval > 0 && key.State == StateEnabled && key.Versions < maxKeyVersions {
		key.NextRotation = nextRotation(key)
	}
	return key
}

func nextRotation(key store.Key) time.Time { return key.LastVersionDate.Add(key.RotationInterval) }

// rotates reports whether keys of a spec and origin can be rotated automatically.
func rotates(spec *keyspec.Spec, origin string) bool {
	return spec.Symmetric() && origin == OriginKMS
}
