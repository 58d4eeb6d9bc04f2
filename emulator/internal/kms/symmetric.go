package kms

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

var symmetricOperations = []Operation{
	crypto("Encrypt", "Encrypts a text with the primary version of a symmetric key.", encrypt).quota(groupSymmetric),
	crypto("Decrypt", "Decrypts what was encrypted with a symmetric key, which the ciphertext names.", decrypt).quota(groupSymmetric),
	crypto("GenerateDataKey", "Makes a data key, and encrypts it.", generateDataKey).quota(groupSymmetric),
	crypto("GenerateDataKeyWithoutPlaintext", "Makes a data key, and answers it encrypted only.", generateDataKeyWithoutPlaintext).quota(groupSymmetric),
	crypto("GenerateAndExportDataKey", "Makes a data key, and encrypts it to the caller's public key too.", generateAndExportDataKey).quota(groupSymmetric),
	crypto("ExportDataKey", "Encrypts a data key to the caller's public key.", exportDataKey).quota(groupSymmetric),
	crypto("ReEncrypt", "Decrypts a ciphertext and encrypts it with another symmetric key.", reEncrypt).quota(groupSymmetric).asks(reEncryptFrom, reEncryptTo),
}

// What ReEncrypt asks permission for: of the key that decrypts, and of the one
// that encrypts.
const (
	reEncryptFrom = "ReEncryptFrom"
	reEncryptTo   = "ReEncryptTo"
)

// maxText is how long a text to encrypt may be, in bytes. What is encrypted is
// the text as sent, not what it may be the base64 of.
const maxText = 6144

type encryptRequest struct {
	KeyId             keyName `required:"true" names:"alias arn"`
	Plaintext         string  `required:"true"`
	EncryptionContext encryptionContext
	dryRun
}

type encryptResponse struct {
	KeyVersionId   string
	KeyId          string
	CiphertextBlob []byte
}

func encrypt(tx *transaction, in *encryptRequest) (cryptoFunc[encryptResponse], error) {
	found, err := tx.primaryVersion(tx.op.action(), in.KeyId)
	if err == nil && len(in.Plaintext) > maxText {
		err = kmserr.InvalidParameter("Plaintext")
	}
	return using(found, func(key *keyspec.SymmetricKey) (*encryptResponse, error) {
		blob, err := found.seal(key, in.Plaintext, in.EncryptionContext)
		return &encryptResponse{found.version.ID, found.key.ID, blob}, err
	}), err
}

type decryptRequest struct {
	CiphertextBlob    cipherBlob `required:"true"`
	EncryptionContext encryptionContext
	recipient
	dryRun
}

type decryptResponse struct {
	KeyVersionId string
	KeyId        string
	Plaintext    string
}

func decrypt(tx *transaction, in *decryptRequest) (cryptoFunc[decryptResponse], error) {
	found, err := tx.versionOfBlob(tx.op.action(), in.CiphertextBlob)
	return using(found, func(key *keyspec.SymmetricKey) (*decryptResponse, error) {
		text, err := open(key, in.CiphertextBlob, in.EncryptionContext)
		return &decryptResponse{found.version.ID, found.key.ID, text}, err
	}), err
}

// dataKeyRequest is embedded by the requests that make a data key.
type dataKeyRequest struct {
	KeySpec           string `oneof:"AES_256 AES_128"`
	NumberOfBytes     int    `min:"1" max:"1024"`
	EncryptionContext encryptionContext
	dryRun
}

// newDataKey makes a data key, as base64. NumberOfBytes wins over KeySpec.
func (in *dataKeyRequest) newDataKey() (text string) {
	size := 32
	switch {
	case in.NumberOfBytes > 0:
		size = in.NumberOfBytes
	case in.KeySpec == "AES_128":
		size = 16
	}
	dataKey := make([]byte, size)
	rand.Read(dataKey)
	return base64.StdEncoding.EncodeToString(dataKey)
}

type generateDataKeyRequest struct {
	KeyId keyName `required:"true" names:"alias arn"`
	dataKeyRequest
	recipient
}

type generateDataKeyResponse struct {
	CiphertextBlob []byte
	KeyId          string
	KeyVersionId   string
	Plaintext      string
}

func generateDataKey(tx *transaction, in *generateDataKeyRequest) (cryptoFunc[generateDataKeyResponse], error) {
	found, err := tx.primaryVersion(tx.op.action(), in.KeyId)
	return using(found, func(key *keyspec.SymmetricKey) (*generateDataKeyResponse, error) {
		text, blob, err := found.sealDataKey(key, &in.dataKeyRequest)
		return &generateDataKeyResponse{blob, found.key.ID, found.version.ID, text}, err
	}), err
}

type generateDataKeyWithoutPlaintextRequest struct {
	KeyId keyName `required:"true" names:"alias"`
	dataKeyRequest
}

type generateDataKeyWithoutPlaintextResponse struct {
	CiphertextBlob []byte
	KeyId          string
	KeyVersionId   string
}

func generateDataKeyWithoutPlaintext(tx *transaction, in *generateDataKeyWithoutPlaintextRequest) (cryptoFunc[generateDataKeyWithoutPlaintextResponse], error) {
	found, err := tx.primaryVersion(tx.op.action(), in.KeyId)
	return using(found, func(key *keyspec.SymmetricKey) (*generateDataKeyWithoutPlaintextResponse, error) {
		_, blob, err := found.sealDataKey(key, &in.dataKeyRequest)
		return &generateDataKeyWithoutPlaintextResponse{blob, found.key.ID, found.version.ID}, err
	}), err
}

// exportRequest is embedded by the requests that export a data key: PublicKeyBlob
// is the DER of a public key, and the algorithm has to be one of its spec.
type exportRequest struct {
	PublicKeyBlob     []byte `required:"true"`
	WrappingKeySpec   string `required:"true" oneof:"RSA_2048 EC_SM2"`
	WrappingAlgorithm string `required:"true"`
}

func (in *exportRequest) wrappingKey() (keyspec.PublicKey, error) {
	if !slices.Contains(keyspec.ExportAlgorithms(in.WrappingKeySpec), in.WrappingAlgorithm) {
		return nil, kmserr.InvalidParameter("WrappingAlgorithm")
	}
	public, err := keyspec.ParseWrappingKey(in.WrappingKeySpec, in.PublicKeyBlob)
	if err != nil {
		return nil, kmserr.InvalidParameter("PublicKeyBlob")
	}
	return public, nil
}

// export encrypts a data key, given as base64. A text that is no base64, or too
// long for the public key, is the fault of a parameter.
func (in *exportRequest) export(public keyspec.PublicKey, text, parameter string) ([]byte, error) {
	dataKey, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, kmserr.InvalidParameter(parameter)
	}
	wrapped, err := public.Encrypt(in.WrappingAlgorithm, dataKey)
	if errors.Is(err, keyspec.ErrPlaintext) {
		return nil, kmserr.InvalidParameter(parameter)
	}
	return wrapped, err
}

type generateAndExportDataKeyRequest struct {
	KeyId keyName `required:"true" names:"alias arn"`
	exportRequest
	dataKeyRequest
}

type generateAndExportDataKeyResponse struct {
	KeyVersionId    string
	KeyId           string
	CiphertextBlob  []byte
	ExportedDataKey []byte
}

func generateAndExportDataKey(tx *transaction, in *generateAndExportDataKeyRequest) (cryptoFunc[generateAndExportDataKeyResponse], error) {
	found, err := tx.primaryVersion(tx.op.action(), in.KeyId)
	if err != nil {
		return cryptoFunc[generateAndExportDataKeyResponse]{}, err
	}
	public, err := in.wrappingKey()
	return using(found, func(key *keyspec.SymmetricKey) (*generateAndExportDataKeyResponse, error) {
		text, blob, err := found.sealDataKey(key, &in.dataKeyRequest)
		if err != nil {
			return nil, err
		}
		exported, err := in.export(public, text, "NumberOfBytes")
		return &generateAndExportDataKeyResponse{found.version.ID, found.key.ID, blob, exported}, err
	}), err
}

type exportDataKeyRequest struct {
	CiphertextBlob    cipherBlob `required:"true"`
	EncryptionContext encryptionContext
	exportRequest
	dryRun
}

type exportDataKeyResponse struct {
	KeyVersionId    string
	KeyId           string
	ExportedDataKey []byte
}

func exportDataKey(tx *transaction, in *exportDataKeyRequest) (cryptoFunc[exportDataKeyResponse], error) {
	found, err := tx.versionOfBlob(tx.op.action(), in.CiphertextBlob)
	if err != nil {
		return cryptoFunc[exportDataKeyResponse]{}, err
	}
	public, err := in.wrappingKey()
	return using(found, func(key *keyspec.SymmetricKey) (*exportDataKeyResponse, error) {
		text, err := open(key, in.CiphertextBlob, in.EncryptionContext)
		if err != nil {
			return nil, err
		}
		exported, err := in.export(public, text, "CiphertextBlob")
		return &exportDataKeyResponse{found.version.ID, found.key.ID, exported}, err
	}), err
}

type reEncryptRequest struct {
	CiphertextBlob               []byte  `required:"true"`
	DestinationKeyId             keyName `required:"true" names:"alias"`
	SourceKeyId                  keyName `names:"alias arn"`
	SourceKeyVersionId           string
	SourceEncryptionAlgorithm    string
	SourceEncryptionContext      encryptionContext
	DestinationEncryptionContext encryptionContext
	dryRun
}

type reEncryptResponse struct {
	KeyVersionId   string // of the key that decrypted, as KeyId
	KeyId          string
	CiphertextBlob []byte
}

// reEncrypt takes ciphertext of a symmetric key, which names its version, or,
// where SourceKeyId is given, of a public key.
func reEncrypt(tx *transaction, in *reEncryptRequest) (do cryptoFunc[reEncryptResponse], err error) {
	source, opened, err := in.source(tx)
	if err != nil {
		return do, err
	}
	destination, err := tx.primaryVersion("kms:"+reEncryptTo, in.DestinationKeyId)
	tx.setKey(source.key.Scope, source.key.ID)
	do.versions = []versionRef{source, destination}
	do.run = func(keys []keyspec.Key) (*reEncryptResponse, error) {
		text, err := opened(keys[0])
		if err != nil {
			return nil, err
		}
		blob, err := destination.seal(keys[1].(*keyspec.SymmetricKey), text, in.DestinationEncryptionContext)
		return &reEncryptResponse{source.version.ID, source.key.ID, blob}, err
	}
	return do, err
}

// source finds the version that decrypts, and how.
func (in *reEncryptRequest) source(tx *transaction) (versionRef, func(keyspec.Key) (string, error), error) {
	if in.SourceKeyId != (keyName{}) {
		return in.asymmetricSource(tx)
	}
	blob, err := parseBlob(in.CiphertextBlob)
	if err != nil {
		return versionRef{}, nil, err
	}
	found, err := tx.versionOfBlob("kms:"+reEncryptFrom, blob)
	return found, func(key keyspec.Key) (string, error) {
		return open(key.(*keyspec.SymmetricKey), blob, in.SourceEncryptionContext)
	}, err
}

// asymmetricSource is for ciphertext of a public key. Its bytes become base64
// text, as data keys are kept.
func (in *reEncryptRequest) asymmetricSource(tx *transaction) (versionRef, func(keyspec.Key) (string, error), error) {
	switch {
	case in.SourceKeyVersionId == "":
		return versionRef{}, nil, kmserr.MissingParameter("SourceKeyVersionId")
	case in.SourceEncryptionAlgorithm == "":
		return versionRef{}, nil, kmserr.MissingParameter("SourceEncryptionAlgorithm")
	case !keyspec.KnownAlgorithm(in.SourceEncryptionAlgorithm):
		return versionRef{}, nil, kmserr.InvalidParameter("SourceEncryptionAlgorithm")
	}
	found, err := tx.usableVersion("kms:"+reEncryptFrom, in.SourceKeyId, in.SourceKeyVersionId, keyspec.EncryptDecrypt, in.SourceEncryptionAlgorithm)
	return found, func(key keyspec.Key) (string, error) {
		plaintext, err := key.(keyspec.PrivateKey).Decrypt(in.SourceEncryptionAlgorithm, in.CiphertextBlob)
		return base64.StdEncoding.EncodeToString(plaintext), refusal(err)
	}, err
}

// primaryVersion finds the version that a symmetric key encrypts with.
func (tx *transaction) primaryVersion(action string, name keyName) (versionRef, error) {
	key, err := tx.keyFor(action, name)
	if err != nil {
		return versionRef{}, err
	}
	return tx.symmetricVersion(key, key.PrimaryVersion)
}

// versionOfBlob finds the version that a ciphertext of a symmetric key names, in
// whatever account of the region.
func (tx *transaction) versionOfBlob(action string, blob cipherBlob) (versionRef, error) {
	version, err := tx.store.RegionalVersion(tx.Scope.Region, blob.versionID)
	if errors.Is(err, store.ErrNotFound) {
		return versionRef{}, kmserr.KeyNotFound
	}
	if err != nil {
		return versionRef{}, err
	}
	key, err := tx.keyIn(action, version.Scope, version.KeyID)
	if err != nil {
		return versionRef{}, err
	}
	return tx.symmetricVersion(key, version.ID)
}

// symmetricVersion readies a version of an Enabled symmetric key for use outside
// the transaction.
func (tx *transaction) symmetricVersion(key store.Key, versionID string) (versionRef, error) {
	if err := stateError(key); err != nil {
		return versionRef{}, err
	}
	if spec, ok := keyspec.Lookup(key.Spec); ok && !spec.Symmetric() || key.Creator != "" {
		return versionRef{}, kmserr.UnsupportedOperation // the key of a service is for that alone
	}
	version, err := tx.version(key, versionID)
	if err != nil {
		return versionRef{}, err
	}
	return tx.ref(key, version)
}
