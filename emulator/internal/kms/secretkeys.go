package kms

import (
	"errors"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// The values of secrets lie in the store encrypted, laid out as a ciphertext of
// Encrypt. Writing needs kms:GenerateDataKey on the secret's key, and reading
// kms:Decrypt, where the key is one of the user's: "required only when a
// user-managed CMK is specified" (the page "Use RAM to control access to KMS
// resources").

const (
	actionToSeal = "kms:GenerateDataKey"
	actionToOpen = "kms:Decrypt"
)

// The key of an account for secrets that name none is made when it is needed
// first. It looks as the keys that KMS makes for other services do, like
// alias/acs/ecs of Ecs; its own names are not published.
const (
	SecretsCreator  = "SecretsManager"
	SecretsKeyAlias = aliasPrefix + "acs/secretsmanager"
)

// encryptionKey finds the key that a secret is written with, and asks for
// permission on it.
func (tx *transaction) encryptionKey(secret store.Secret) (store.Key, error) {
	key, err := EncryptionKey(tx.store, secret, tx.Now)
	if err == nil {
		err = tx.permitKeyOfSecret(actionToSeal, key)
	}
	if err == nil {
		err = stateError(key)
	}
	return key, err
}

// permitKeyOfSecret asks for permission on the key of a secret, of another account
// also its own policy. The text names the key by its id (the vendor's "Application
// access FAQ" of 2025-12).
func (tx *transaction) permitKeyOfSecret(action string, key store.Key) error {
	if key.Creator != "" || tx.Allowed == nil {
		return nil
	}
	foreign := key.Scope.Account != tx.Scope.Account
	if !tx.Allowed(action, KeyARN(key.Scope, key.ID)) || foreign && !tx.AllowedByKey(key.Policy, action) {
		return kmserr.NoPermission(key.ID)
	}
	return nil
}

// EncryptionKey finds the key that encrypts a secret, whatever its state: the one
// that was chosen, or that of the account, which it makes where there is none.
// The chosen one has to be symmetric and of the same instance.
func EncryptionKey(tx *store.Tx, secret store.Secret, now time.Time) (store.Key, error) {
	if secret.EncryptionKeyID == "" {
		return keyForSecrets(tx, secret.Scope, now)
	}
	key, err := tx.Key(secret.Scope, secret.EncryptionKeyID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && Gone(key, now):
		return key, kmserr.KeyNotFound
	case err != nil:
		return key, err
	case !Symmetric(key.Spec), key.Creator != "":
		return key, kmserr.UnsupportedOperation
	case key.InstanceID != secret.InstanceID:
		return key, kmserr.InvalidParameter("EncryptionKeyId")
	}
	return Settled(key, now), nil
}

// KeyForSecrets is an account's own key for secrets, as yet without a version.
func KeyForSecrets(scope store.Scope, id string, now time.Time) store.Key {
	spec, _ := keyspec.Lookup(defaultSpec)
	return store.Key{Scope: scope, ID: id, Spec: spec.Name, Usage: spec.DefaultUsage(), State: StateEnabled,
		Origin: OriginKMS, Creator: SecretsCreator, CreationDate: now}
}

// keyForSecrets finds the account's own key, or makes it.
func keyForSecrets(tx *store.Tx, scope store.Scope, now time.Time) (store.Key, error) {
	alias, err := tx.Alias(scope, SecretsKeyAlias)
	if err == nil {
		return tx.Key(scope, alias.KeyID)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return store.Key{}, err
	}
	key := KeyForSecrets(scope, newKeyID(now), now)
	spec, err := specOf(key)
	if err != nil {
		return key, err
	}
	material, err := generate(spec)
	if err != nil {
		return key, err
	}
	if err := tx.InsertKey(key); err != nil {
		return key, err
	}
	version := store.Version{Scope: scope, KeyID: key.ID, ID: newVersionID(), CreationDate: now, Regional: true}
	if key, err = AddVersion(tx, version, material); err != nil {
		return key, err
	}
	return key, tx.InsertAlias(store.Alias{Scope: scope, Name: SecretsKeyAlias, KeyID: key.ID, CreationDate: now})
}

// SealValue encrypts the value of a version of a secret with the primary version of
// a key. It passes no gate and may be called in a transaction: those that write
// come one at a time, and symmetric keys take microseconds. ErrNotFound of the
// store where imported material is lacking.
func SealValue(tx *store.Tx, key store.Key, v store.SecretVersion, value string) ([]byte, error) {
	version, err := tx.Version(key.Scope, key.ID, key.PrimaryVersion)
	if err != nil {
		return nil, err
	}
	material, err := symmetricMaterial(tx, key, version)
	if err != nil {
		return nil, err
	}
	return SealWith(material, key, v, value)
}

// SealWith is SealValue with the material of the primary version.
func SealWith(material []byte, key store.Key, v store.SecretVersion, value string) ([]byte, error) {
	parsed, err := parseSymmetric(key, material)
	if err != nil {
		return nil, err
	}
	sealed, err := parsed.Seal([]byte(value), contextOf(v).additionalData())
	return append([]byte(key.PrimaryVersion), sealed...), err
}

// OpenValue decrypts the value of a version of a secret, whatever the state of its
// key. It is not ok where the key is gone, or has no material, at this time.
func OpenValue(tx *store.Tx, v store.SecretVersion, now time.Time) (value string, ok bool, err error) {
	sealed, err := tx.SecretValue(v.Scope, v.SecretName, v.ID)
	if err != nil {
		return "", false, err
	}
	blob, err := parseBlob(sealed)
	if err != nil {
		return "", false, err
	}
	parsed, err := keyOfBlob(tx, v.Scope, blob, now)
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	text, err := parsed.Open(blob.sealed, contextOf(v).additionalData())
	return string(text), err == nil, err
}

// keyOfBlob is the key that opens a value; ErrNotFound without it or its material.
func keyOfBlob(tx *store.Tx, scope store.Scope, blob cipherBlob, now time.Time) (*keyspec.SymmetricKey, error) {
	version, err := tx.RegionalVersion(scope.Region, blob.versionID)
	if err != nil {
		return nil, err
	}
	key, err := tx.Key(version.Scope, version.KeyID)
	if err != nil {
		return nil, err
	}
	if Gone(key, now) || expired(key, now) {
		return nil, store.ErrNotFound
	}
	material, err := tx.Material(version.Scope, version.KeyID, version.ID)
	if err != nil {
		return nil, err
	}
	return parseSymmetric(key, material)
}

func parseSymmetric(key store.Key, material []byte) (*keyspec.SymmetricKey, error) {
	spec, err := specOf(key)
	if err != nil {
		return nil, err
	}
	parsed, err := spec.Parse(material)
	if err != nil {
		return nil, err
	}
	return parsed.(*keyspec.SymmetricKey), nil
}

// symmetricMaterial is the material of a version of a symmetric key. What the
// scenario left out is made now.
func symmetricMaterial(tx *store.Tx, key store.Key, v store.Version) ([]byte, error) {
	material, err := tx.Material(v.Scope, v.KeyID, v.ID)
	if !errors.Is(err, store.ErrNotFound) || key.Origin == OriginExternal {
		return material, err
	}
	spec, err := specOf(key)
	if err != nil {
		return nil, err
	}
	setting := GeneratedSetting(spec.Name, v)
	material, kept, err := tx.Setting(setting)
	if err == nil && !kept {
		material, err = generate(spec)
	}
	if err != nil {
		return nil, err
	}
	if err := tx.PutSetting(setting, material); err != nil {
		return nil, err
	}
	return material, tx.InsertMaterial(v.Scope, v.KeyID, v.ID, material)
}

// contextOf ties a value to the version that it is of.
func contextOf(v store.SecretVersion) encryptionContext {
	return encryptionContext{"SecretArn": SecretARN(v.Scope, v.SecretName), "VersionId": v.ID}
}

// sealedValue finds the value of a version of a secret, encrypted, and the version
// of the key that opens it, for a caller who may do the action with that key.
func (tx *transaction) sealedValue(action string, v store.SecretVersion) (versionRef, cipherBlob, error) {
	value, err := tx.store.SecretValue(v.Scope, v.SecretName, v.ID)
	if err != nil {
		return versionRef{}, cipherBlob{}, err
	}
	blob, err := parseBlob(value)
	if err != nil {
		return versionRef{}, blob, err
	}
	version, err := tx.store.RegionalVersion(v.Scope.Region, blob.versionID)
	if errors.Is(err, store.ErrNotFound) {
		return versionRef{}, blob, kmserr.KeyNotFound
	}
	if err != nil {
		return versionRef{}, blob, err
	}
	found, err := tx.keyOfValue(action, version)
	return found, blob, err
}

func (tx *transaction) keyOfValue(action string, version store.Version) (versionRef, error) {
	key, err := tx.store.Key(version.Scope, version.KeyID)
	if err != nil {
		return versionRef{}, err
	}
	if Gone(key, tx.Now) {
		return versionRef{}, kmserr.KeyNotFound
	}
	if err := tx.permitKeyOfSecret(action, key); err != nil {
		return versionRef{}, err
	}
	key = Settled(key, tx.Now)
	if err := stateError(key); err != nil {
		return versionRef{}, err
	}
	return tx.anyRef(key, version)
}
