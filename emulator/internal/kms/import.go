package kms

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

var importOperations = []Operation{
	writeWithKey("GetParametersForImport", "Makes a public key and a token to import key material with.", planParametersForImport, getParametersForImport).quota(groupRead),
	writeAfter("ImportKeyMaterial", "Imports key material, encrypted to such a public key.", planImportKeyMaterial, importKeyMaterial),
	write("DeleteKeyMaterial", "Deletes imported key material; the key stays.", deleteKeyMaterial),
}

// The origins of key material.
const (
	OriginKMS      = "Aliyun_KMS"
	OriginExternal = "EXTERNAL"
)

// tokenLife is how long a token imports, any number of times.
const tokenLife = 24 * time.Hour

// maxTokens is how many tokens a key has at most; the oldest goes. It is our
// choice.
const maxTokens = 50

type parametersForImportRequest struct {
	KeyId             keyName `required:"true"`
	WrappingAlgorithm string  `required:"true"`
	WrappingKeySpec   string  `required:"true" oneof:"RSA_2048 EC_SM2"`
}

type parametersForImportResponse struct {
	KeyId           string
	ImportToken     string
	PublicKey       []byte // X.509 SPKI
	TokenExpireTime string
}

// externalKey finds a key of origin EXTERNAL, in any state.
func (tx *transaction) externalKey(name keyName) (store.Key, error) {
	key, err := tx.key(name)
	if err == nil && key.Origin != OriginExternal {
		err = kmserr.UnsupportedOrigin
	}
	return key, err
}

func planParametersForImport(tx *transaction, in *parametersForImportRequest) (*keyspec.Spec, error) {
	if _, err := tx.externalKey(in.KeyId); err != nil {
		return nil, err
	}
	if !slices.Contains(keyspec.ImportAlgorithms(in.WrappingKeySpec), in.WrappingAlgorithm) {
		return nil, kmserr.InvalidParameter("WrappingAlgorithm")
	}
	spec, _ := keyspec.Lookup(in.WrappingKeySpec)
	return spec, nil
}

func getParametersForImport(tx *transaction, in *parametersForImportRequest, material newMaterial) (*parametersForImportResponse, error) {
	key, err := tx.externalKey(in.KeyId)
	if err != nil {
		return nil, err
	}
	wrapping, err := keyspec.ParseImportKey(in.WrappingKeySpec, material)
	if err != nil {
		return nil, err
	}
	public, err := wrapping.PublicKeyDER()
	if err != nil {
		return nil, err
	}
	token := store.ImportToken{
		Scope:             key.Scope,
		KeyID:             key.ID,
		ID:                newTokenID(),
		WrappingSpec:      in.WrappingKeySpec,
		WrappingAlgorithm: in.WrappingAlgorithm,
		ExpireTime:        tx.Now.Add(tokenLife),
		PrivateKey:        material,
	}
	out := &parametersForImportResponse{key.ID, token.ID, public, wireTime(token.ExpireTime)}
	return out, tx.keepToken(token)
}

// newTokenID is opaque to clients, and nobody guesses it.
func newTokenID() string {
	id := make([]byte, 48)
	rand.Read(id)
	return base64.StdEncoding.EncodeToString(id)
}

// keepToken adds a token, and drops the oldest where the key has too many.
func (tx *transaction) keepToken(token store.ImportToken) error {
	kept, err := tx.store.TokensOfKey(token.Scope, token.KeyID)
	if err != nil {
		return err
	}
	for len(kept) >= maxTokens {
		if err := tx.store.DeleteToken(token.Scope, token.KeyID, kept[0].ID); err != nil {
			return err
		}
		kept = kept[1:]
	}
	return tx.store.InsertToken(token)
}

type importKeyMaterialRequest struct {
	KeyId                 keyName `required:"true"`
	EncryptedKeyMaterial  []byte  `required:"true"`
	ImportToken           string  `required:"true"`
	KeyMaterialExpireUnix int     `min:"0" max:"253402300799"`
}

// expireTime is zero where the material never expires.
func (in *importKeyMaterialRequest) expireTime() time.Time {
	if in.KeyMaterialExpireUnix == 0 {
		return time.Time{}
	}
	return time.Unix(int64(in.KeyMaterialExpireUnix), 0)
}

// importableKey finds the key that material is to be imported into.
func (tx *transaction) importableKey(in *importKeyMaterialRequest) (store.Key, error) {
	key, err := tx.externalKey(in.KeyId)
	switch {
	case err != nil:
		return key, err
	case key.State == StatePendingDeletion:
		return key, kmserr.StateModifiedFailed
	case in.KeyMaterialExpireUnix != 0 && !in.expireTime().After(tx.Now):
		return key, kmserr.InvalidParameter("KeyMaterialExpireUnix")
	}
	return key, nil
}

// planImportKeyMaterial finds the token; the material is decrypted when the
// transaction is closed. A token that has expired is told from one that never
// was as long as it is kept.
func planImportKeyMaterial(tx *transaction, in *importKeyMaterialRequest) (func(*Call) (newMaterial, error), error) {
	key, err := tx.importableKey(in)
	if err != nil {
		return nil, err
	}
	token, err := tx.store.Token(key.Scope, key.ID, in.ImportToken)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, kmserr.InvalidImportToken
	case err != nil:
		return nil, err
	case !token.ExpireTime.After(tx.Now):
		return nil, kmserr.ExpiredImportToken
	}
	spec, err := specOf(key)
	return func(*Call) (newMaterial, error) { return unwrap(token, spec, in.EncryptedKeyMaterial) }, err
}

// unwrap decrypts material, and holds it to the spec of its key.
func unwrap(token store.ImportToken, spec *keyspec.Spec, wrapped []byte) (newMaterial, error) {
	wrapping, err := keyspec.ParseImportKey(token.WrappingSpec, token.PrivateKey)
	if err != nil {
		return nil, err
	}
	material, err := wrapping.Unwrap(token.WrappingAlgorithm, wrapped)
	if err != nil {
		return nil, kmserr.InvalidKeyMaterial
	}
	if _, err := spec.Parse(material); err != nil {
		return nil, kmserr.InvalidKeyMaterial
	}
	return material, nil
}

// importKeyMaterial makes a key Enabled, unless it is Disabled. The first import
// fixes the bytes of the material for ever.
func importKeyMaterial(tx *transaction, in *importKeyMaterialRequest, material newMaterial) (*struct{}, error) {
	key, err := tx.importableKey(in)
	if err != nil {
		return nil, err
	}
	version, err := tx.version(key, key.PrimaryVersion)
	if err != nil {
		return nil, err
	}
	fixed := version.ImportedHash
	switch hash := store.MaterialHash(sha256.Sum256(material)); {
	case fixed != (store.MaterialHash{}) && fixed != hash:
		return nil, kmserr.InvalidKeyMaterial
	case version.MaterialHash == (store.MaterialHash{}):
		err = tx.store.ImportMaterial(key.Scope, key.ID, version.ID, material)
	}
	if err != nil {
		return nil, err
	}
	if key.State == StatePendingImport {
		key.State = StateEnabled
	}
	key.MaterialExpireTime = in.expireTime()
	return &struct{}{}, tx.store.UpdateKey(key)
}

func deleteKeyMaterial(tx *transaction, in *keyRequest) (*struct{}, error) {
	key, err := tx.externalKey(in.KeyId)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, removeMaterial(tx.store, key)
}
