package kms

import (
	"errors"
	"slices"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

var asymmetricOperations = []Operation{
	crypto("GetPublicKey", "Returns the public key of a version as PEM.", getPublicKey).quota(groupPublicKey),
	crypto("AsymmetricEncrypt", "Encrypts with the public key of a version.", asymmetricEncrypt),
	crypto("AsymmetricDecrypt", "Decrypts with the private key of a version.", asymmetricDecrypt),
	crypto("AsymmetricSign", "Signs a digest with the private key of a version.", asymmetricSign),
	crypto("AsymmetricVerify", "Verifies a signature with the public key of a version.", asymmetricVerify),
}

// refusal translates what keyspec has against its input into the error of the
// parameter it came in; which one the service answers is not documented.
func refusal(err error) error {
	switch {
	case errors.Is(err, keyspec.ErrAlgorithm):
		return kmserr.RejectedUnsupportedOperation
	case errors.Is(err, keyspec.ErrPlaintext):
		return kmserr.InvalidParameter("Plaintext")
	case errors.Is(err, keyspec.ErrCiphertext):
		return kmserr.InvalidParameter("CiphertextBlob")
	case errors.Is(err, keyspec.ErrDigest):
		return kmserr.InvalidParameter("Digest")
	}
	return err
}

type getPublicKeyRequest struct {
	KeyId        keyName `required:"true" names:"alias"`
	KeyVersionId string  `required:"true"`
	dryRun
}

type getPublicKeyResponse struct {
	KeyId        string
	KeyVersionId string
	PublicKey    string
}

// getPublicKey answers in every state of the key. The table of states has no
// row for it; a public key is no use of the private one.
func getPublicKey(tx *transaction, in *getPublicKeyRequest) (cryptoFunc[getPublicKeyResponse], error) {
	found, err := tx.findVersion(tx.op.action(), in.KeyId, in.KeyVersionId)
	if err == nil && found.spec.Symmetric() {
		err = kmserr.UnsupportedOperation
	}
	return using(found, func(key keyspec.PrivateKey) (*getPublicKeyResponse, error) {
		pem, err := key.PublicKeyPEM()
		return &getPublicKeyResponse{found.version.KeyID, found.version.ID, pem}, err
	}), err
}

type asymmetricEncryptRequest struct {
	KeyId        keyName `required:"true" names:"alias arn"`
	KeyVersionId string  `required:"true"`
	Algorithm    string  `required:"true"`
	Plaintext    []byte  `required:"true"`
	dryRun
}

type asymmetricEncryptResponse struct {
	KeyId          string
	KeyVersionId   string
	CiphertextBlob []byte
}

func asymmetricEncrypt(tx *transaction, in *asymmetricEncryptRequest) (cryptoFunc[asymmetricEncryptResponse], error) {
	found, err := tx.usableVersion(tx.op.action(), in.KeyId, in.KeyVersionId, keyspec.EncryptDecrypt, in.Algorithm)
	return using(found, func(key keyspec.PrivateKey) (*asymmetricEncryptResponse, error) {
		ciphertext, err := key.Encrypt(in.Algorithm, in.Plaintext)
		return &asymmetricEncryptResponse{found.version.KeyID, found.version.ID, ciphertext}, refusal(err)
	}), err
}

// recipient is embedded by the requests that take the parameter Recipient: an
// attested enclave, to which plaintext is encrypted in a form that is not
// published.
type recipient struct {
	Recipient string `emulated:"no"`
}

type asymmetricDecryptRequest struct {
	KeyId          keyName `required:"true" names:"alias arn"`
	KeyVersionId   string  `required:"true"`
	Algorithm      string  `required:"true"`
	CiphertextBlob []byte  `required:"true"`
	recipient
	dryRun
}

type asymmetricDecryptResponse struct {
	KeyId        string
	KeyVersionId string
	Plaintext    []byte
}

func asymmetricDecrypt(tx *transaction, in *asymmetricDecryptRequest) (cryptoFunc[asymmetricDecryptResponse], error) {
	found, err := tx.usableVersion(tx.op.action(), in.KeyId, in.KeyVersionId, keyspec.EncryptDecrypt, in.Algorithm)
	return using(found, func(key keyspec.PrivateKey) (*asymmetricDecryptResponse, error) {
		plaintext, err := key.Decrypt(in.Algorithm, in.CiphertextBlob)
		return &asymmetricDecryptResponse{found.version.KeyID, found.version.ID, plaintext}, refusal(err)
	}), err
}

type asymmetricSignRequest struct {
	KeyId        keyName `required:"true" names:"alias"`
	KeyVersionId string  `required:"true"`
	Algorithm    string  `required:"true"`
	Digest       []byte  `required:"true"`
	dryRun
}

type asymmetricSignResponse struct {
	KeyId        string
	KeyVersionId string
	Value        []byte
}

func asymmetricSign(tx *transaction, in *asymmetricSignRequest) (cryptoFunc[asymmetricSignResponse], error) {
	found, err := tx.usableVersion(tx.op.action(), in.KeyId, in.KeyVersionId, keyspec.SignVerify, in.Algorithm)
	return using(found, func(key keyspec.PrivateKey) (*asymmetricSignResponse, error) {
		signature, err := key.Sign(in.Algorithm, in.Digest)
		return &asymmetricSignResponse{found.version.KeyID, found.version.ID, signature}, refusal(err)
	}), err
}

type asymmetricVerifyRequest struct {
	KeyId        keyName `required:"true" names:"alias"`
	KeyVersionId string  `required:"true"`
	Algorithm    string  `required:"true"`
	Digest       []byte  `required:"true"`
	Value        []byte  `required:"true"`
	dryRun
}

type asymmetricVerifyResponse struct {
	KeyId        string
	KeyVersionId string
	Value        bool
}

func asymmetricVerify(tx *transaction, in *asymmetricVerifyRequest) (cryptoFunc[asymmetricVerifyResponse], error) {
	found, err := tx.usableVersion(tx.op.action(), in.KeyId, in.KeyVersionId, keyspec.SignVerify, in.Algorithm)
	return using(found, func(key keyspec.PrivateKey) (*asymmetricVerifyResponse, error) {
		agrees, err := key.Verify(in.Algorithm, in.Digest, in.Value)
		return &asymmetricVerifyResponse{found.version.KeyID, found.version.ID, agrees}, refusal(err)
	}), err
}

// findVersion finds a version and readies it for use outside the transaction,
// whatever the state of its key.
func (tx *transaction) findVersion(action string, name keyName, versionID string) (versionRef, error) {
	key, err := tx.keyFor(action, name)
	if err != nil {
		return versionRef{}, err
	}
	version, err := tx.version(key, versionID)
	if err != nil {
		return versionRef{}, err
	}
	return tx.ref(key, version)
}

// ref readies a version for use outside the transaction, unless its key does no
// cryptography on the gateway that the call came in by.
func (tx *transaction) ref(key store.Key, version store.Version) (versionRef, error) {
	if !tx.public(key) {
		return versionRef{}, kmserr.UnsupportedOperation
	}
	return tx.anyRef(key, version)
}

// anyRef is ref on whatever gateway.
func (tx *transaction) anyRef(key store.Key, version store.Version) (versionRef, error) {
	spec, err := specOf(key)
	if err != nil {
		return versionRef{}, err
	}
	found := versionRef{key: key, spec: spec, version: version}
	if version.MaterialHash == (store.MaterialHash{}) {
		return found, nil // it is made when the transaction is closed
	}
	if parsed, ok := tx.service.keys.get(found.ringName()); ok {
		found.parsed = parsed
		return found, nil
	}
	found.material, err = tx.store.Material(key.Scope, key.ID, version.ID)
	return found, err
}

// usableVersion is findVersion for cryptography with a private key: its key is
// Enabled, of this usage and able to do the algorithm.
func (tx *transaction) usableVersion(action string, name keyName, versionID, usage, algorithm string) (versionRef, error) {
	found, err := tx.findVersion(action, name, versionID)
	switch {
	case err != nil:
		return found, err
	case stateError(found.key) != nil:
		return found, stateError(found.key)
	case !keyspec.KnownAlgorithm(algorithm):
		return found, kmserr.InvalidParameter("Algorithm")
	case found.key.Usage != usage || !slices.Contains(found.spec.Algorithms(usage), algorithm):
		return found, unfit(usage)
	}
	return found, nil
}

// unfit is the error of a key whose usage or spec does not fit the call. The
// page "AsymmetricEncrypt" has one code for encryption; for signatures the
// "Application access FAQ" of 2025-12 has the other.
func unfit(usage string) error {
	if usage == keyspec.SignVerify {
		return kmserr.UnsupportedOperation
	}
	return kmserr.RejectedUnsupportedOperation
}
