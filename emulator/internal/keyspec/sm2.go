package keyspec

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/emmansun/gmsm/ecdh"
	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// NewSM3 is the hash SM3, of SM2's family. Requests may be signed with it too.
func NewSM3() hash.Hash { return sm3.New() }

const (
	sm2PKE = "SM2PKE"
	sm2DSA = "SM2DSA"

	// maxSM2Plaintext in bytes makes a ciphertext of 6144: the point 04‖X‖Y of
	// 65, a hash of 32 and as many as the plaintext.
	maxSM2Plaintext = 6047
)

// derSequence begins a ciphertext in the DER form of GB/T 35276, which is
// accepted beside that of an uncompressed point. gmsm would also take compressed
// points, whose ciphertexts are not KMS's.
const derSequence = 0x30

// rawC1C3C2 is said although it is gmsm's default: KMS's documented maxima
// depend on it.
var rawC1C3C2 = sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2)

func sm2Spec(name string) *Spec {
	return ecSpec(name, curveSM2, map[string][]string{EncryptDecrypt: {sm2PKE}, SignVerify: {sm2DSA}}, newSM2Scalar, newSM2Key)
}

func newSM2Scalar() ([]byte, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return key.Bytes(), nil
}

// newSM2Key also refuses n-1, which is no private key of SM2.
func newSM2Key(scalar []byte) (PrivateKey, ecPair, error) {
	private, err := sm2.NewPrivateKey(scalar)
	if err != nil {
		return nil, ecPair{}, errScalar
	}
	public, err := sm2.PublicKeyToECDH(&private.PublicKey)
	if err != nil {
		return nil, ecPair{}, err
	}
	pair := ecPair{curveSM2, scalar, public.Bytes()}
	return sm2Key{ecPair: pair, private: private}, pair, nil
}

type sm2PublicKey struct{ *ecdsa.PublicKey }

// Encrypt refuses an empty plaintext: the scheme has no ciphertext for it, and
// gmsm answers it with neither ciphertext nor error.
func (k sm2PublicKey) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	if algorithm != sm2PKE {
		return nil, ErrAlgorithm
	}
	if len(plaintext) == 0 || len(plaintext) > maxSM2Plaintext {
		return nil, fmt.Errorf("%w: %d bytes where %s takes 1 to %d", ErrPlaintext, len(plaintext), algorithm, maxSM2Plaintext)
	}
	return k.encrypt(plaintext)
}

// encrypt works around a mistake in gmsm v0.44.1. Where the key stream comes
// out as zeros, SM2 begins again with another random scalar; gmsm then multiplies
// the point it had already multiplied, and the ciphertext opens for nobody. For
// a plaintext of n bytes that is one in 256ⁿ. So gmsm is given the randomness of
// one scalar only, and called again where it asks for more.
func (k sm2PublicKey) encrypt(plaintext []byte) ([]byte, error) {
	for {
		ciphertext, err := sm2.Encrypt(io.LimitReader(rand.Reader, scalarSize), k.PublicKey, plaintext, rawC1C3C2)
		if !errors.Is(err, io.EOF) {
			return ciphertext, err
		}
	}
}

type sm2Key struct {
	ecPair
	private *sm2.PrivateKey
}

// Encrypt returns the ciphertext as C1‖C3‖C2.
func (k sm2Key) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	return sm2PublicKey{&k.private.PublicKey}.Encrypt(algorithm, plaintext)
}

// Decrypt opens C1‖C3‖C2, or the same in DER.
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

// Verify reports whether the signature is of this digest and key.
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
