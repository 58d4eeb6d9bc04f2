package keyspec

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"
)

// NewSM3 is the hash SM3, of SM2's family. Requests may be signed with it too.
func NewSM3() hash.Hash { return sm3.New() }

const (
	sm2PKE = "SM2PKE"
	sm2DSA = "SM2DSA"

	// maxSM2Plaintext in bytes makes a ciphertext of 6144: the point 04‖X‖Y of
	// 65, a hash of 32 and as many as the plaintext (kms-api.md 1.4).
	maxSM2Plaintext = 6047

	sm2Kind = "an EC key on the curve SM2"
)

// First bytes of the ciphertexts that are accepted: an uncompressed point, or
// the DER sequence of GB/T 35276. gmsm would also take compressed points, whose
// ciphertexts are not KMS's.
const (
	uncompressedPoint = 0x04
	derSequence       = 0x30
)

// rawC1C3C2 is said although it is gmsm's default: KMS's documented maxima
// depend on it.
var rawC1C3C2 = sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2)

func init() {
	register(&Spec{
		Name:       "EC_SM2",
		kind:       sm2Kind,
		algorithms: map[string][]string{EncryptDecrypt: {sm2PKE}, SignVerify: {sm2DSA}},
		generate: func() (PrivateKey, error) {
			key, err := sm2.GenerateKey(rand.Reader)
			return sm2Key{key}, err
		},
		fit: fitSM2,
	})
}

// fitSM2 builds the key anew, because the parsers of smx509 let 0 and n-1 pass,
// which are no private keys of SM2.
func fitSM2(key any) (PrivateKey, bool, error) {
	parsed, ok := key.(*sm2.PrivateKey)
	if !ok {
		return nil, false, nil
	}
	private, err := sm2.NewPrivateKeyFromInt(parsed.D)
	return sm2Key{private}, true, err
}

type sm2Key struct{ private *sm2.PrivateKey }

// Encrypt refuses an empty plaintext: the scheme has no ciphertext for it, and
// gmsm answers it with neither ciphertext nor error.
func (k sm2Key) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	if algorithm != sm2PKE {
		return nil, ErrAlgorithm
	}
	if len(plaintext) == 0 || len(plaintext) > maxSM2Plaintext {
		return nil, fmt.Errorf("%w: %d bytes where %s takes 1 to %d", ErrPlaintext, len(plaintext), algorithm, maxSM2Plaintext)
	}
	return k.encrypt(plaintext)
}

// encrypt works around a mistake in gmsm v0.44.1. Where the key stream comes
// out as zeros, SM2 begins again with another random point; gmsm then multiplies
// the point it had already multiplied, and the ciphertext opens for nobody. For
// a plaintext of n bytes that is one in 256ⁿ: short ones are tried before they
// are given away.
func (k sm2Key) encrypt(plaintext []byte) ([]byte, error) {
	const neverZeros = 16 // bytes
	for range 16 {
		ciphertext, err := sm2.Encrypt(rand.Reader, &k.private.PublicKey, plaintext, rawC1C3C2)
		if err != nil || len(plaintext) >= neverZeros {
			return ciphertext, err
		}
		if _, err := sm2.Decrypt(k.private, ciphertext); err == nil {
			return ciphertext, nil
		}
	}
	return nil, errors.New("SM2 encryption failed 16 times in a row")
}

func (k sm2Key) Decrypt(algorithm string, ciphertext []byte) ([]byte, error) {
	if algorithm != sm2PKE {
		return nil, ErrAlgorithm
	}
	if len(ciphertext) == 0 || ciphertext[0] != uncompressedPoint && ciphertext[0] != derSequence {
		return nil, ErrCiphertext
	}
	plaintext, err := sm2.Decrypt(k.private, ciphertext) // tells raw from DER by the first byte
	if err != nil || len(plaintext) > maxSM2Plaintext {
		return nil, ErrCiphertext
	}
	return plaintext, nil
}

// Sign gives the DER encoding of r and s. Without signer options gmsm takes the
// digest as it is; with its SM2SignerOption it would hash it once more.
func (k sm2Key) Sign(algorithm string, digest []byte) ([]byte, error) {
	if err := checkSM2Signature(algorithm, digest); err != nil {
		return nil, err
	}
	return sm2.SignASN1(rand.Reader, k.private, digest, nil)
}

func (k sm2Key) Verify(algorithm string, digest, signature []byte) (bool, error) {
	if err := checkSM2Signature(algorithm, digest); err != nil {
		return false, err
	}
	return sm2.VerifyASN1(&k.private.PublicKey, digest, signature), nil
}

func checkSM2Signature(algorithm string, digest []byte) error {
	if algorithm != sm2DSA {
		return ErrAlgorithm
	}
	return checkDigest(digest)
}

func (k sm2Key) PublicKeyPEM() (string, error) { return publicKeyPEM(&k.private.PublicKey) }

func (k sm2Key) Marshal() ([]byte, error) { return smx509.MarshalPKCS8PrivateKey(k.private) }
