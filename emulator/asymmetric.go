package emulator

import (
	"errors"

	"github.com/alikms/alikms/emulator/internal/keyspec"
)

var asymmetricOperations = []operation{
	crypto("GetPublicKey", "Returns the public key of a version as PEM.", getPublicKey).in(groupPublicKey),
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
		return errUnsupportedUse.of()
	case errors.Is(err, keyspec.ErrPlaintext):
		return errInvalidParameter.of("Plaintext")
	case errors.Is(err, keyspec.ErrCiphertext):
		return errInvalidParameter.of("CiphertextBlob")
	case errors.Is(err, keyspec.ErrDigest):
		return errInvalidParameter.of("Digest")
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
func getPublicKey(c *call, in *getPublicKeyRequest) (work[getPublicKeyResponse], error) {
	if err := c.findVersion(in.KeyId, in.KeyVersionId); err != nil {
		return nil, err
	}
	version := c.found.version
	return func(key keyspec.PrivateKey) (*getPublicKeyResponse, error) {
		pem, err := key.PublicKeyPEM()
		return &getPublicKeyResponse{version.KeyID, version.ID, pem}, err
	}, nil
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

func asymmetricEncrypt(c *call, in *asymmetricEncryptRequest) (work[asymmetricEncryptResponse], error) {
	version, err := c.usableVersion(in.KeyId, in.KeyVersionId, keyspec.EncryptDecrypt, in.Algorithm)
	if err != nil {
		return nil, err
	}
	return func(key keyspec.PrivateKey) (*asymmetricEncryptResponse, error) {
		ciphertext, err := key.Encrypt(in.Algorithm, in.Plaintext)
		return &asymmetricEncryptResponse{version.KeyID, version.ID, ciphertext}, refusal(err)
	}, nil
}

type asymmetricDecryptRequest struct {
	KeyId          keyName `required:"true" names:"alias arn"`
	KeyVersionId   string  `required:"true"`
	Algorithm      string  `required:"true"`
	CiphertextBlob []byte  `required:"true"`
	dryRun
}

type asymmetricDecryptResponse struct {
	KeyId        string
	KeyVersionId string
	Plaintext    []byte
}

func asymmetricDecrypt(c *call, in *asymmetricDecryptRequest) (work[asymmetricDecryptResponse], error) {
	version, err := c.usableVersion(in.KeyId, in.KeyVersionId, keyspec.EncryptDecrypt, in.Algorithm)
	if err != nil {
		return nil, err
	}
	return func(key keyspec.PrivateKey) (*asymmetricDecryptResponse, error) {
		plaintext, err := key.Decrypt(in.Algorithm, in.CiphertextBlob)
		return &asymmetricDecryptResponse{version.KeyID, version.ID, plaintext}, refusal(err)
	}, nil
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

func asymmetricSign(c *call, in *asymmetricSignRequest) (work[asymmetricSignResponse], error) {
	version, err := c.usableVersion(in.KeyId, in.KeyVersionId, keyspec.SignVerify, in.Algorithm)
	if err != nil {
		return nil, err
	}
	return func(key keyspec.PrivateKey) (*asymmetricSignResponse, error) {
		signature, err := key.Sign(in.Algorithm, in.Digest)
		return &asymmetricSignResponse{version.KeyID, version.ID, signature}, refusal(err)
	}, nil
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

func asymmetricVerify(c *call, in *asymmetricVerifyRequest) (work[asymmetricVerifyResponse], error) {
	version, err := c.usableVersion(in.KeyId, in.KeyVersionId, keyspec.SignVerify, in.Algorithm)
	if err != nil {
		return nil, err
	}
	return func(key keyspec.PrivateKey) (*asymmetricVerifyResponse, error) {
		agrees, err := key.Verify(in.Algorithm, in.Digest, in.Value)
		return &asymmetricVerifyResponse{version.KeyID, version.ID, agrees}, refusal(err)
	}, nil
}
