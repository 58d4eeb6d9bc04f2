package keyspec

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
)

// ecdsaSHA256 is the algorithm of all EC keys but SM2's. Its signatures are the
// DER encoding of r and s.
const ecdsaSHA256 = "ECDSA_SHA_256"

func p256Spec(name string) *Spec {
	return ecSpec(name, curveP256, map[string][]string{SignVerify: {ecdsaSHA256}}, newP256Scalar, newP256Key)
}

type p256Key struct {
	signOnly
	ecPair
	private *ecdsa.PrivateKey
}

func newP256Scalar() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return key.Bytes()
}

func newP256Key(scalar []byte) (PrivateKey, ecPair, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, ecPair{}, errScalar
	}
	point, err := private.PublicKey.Bytes()
	pair := ecPair{curveP256, scalar, point}
	return p256Key{ecPair: pair, private: private}, pair, err
}

// Sign signs a digest of 32 bytes.
func (k p256Key) Sign(algorithm string, digest []byte) ([]byte, error) {
	if err := checkECDSA(algorithm, digest); err != nil {
		return nil, err
	}
	return ecdsa.SignASN1(rand.Reader, k.private, digest)
}

// Verify reports whether the signature is of this digest and key.
func (k p256Key) Verify(algorithm string, digest, signature []byte) (bool, error) {
	if err := checkECDSA(algorithm, digest); err != nil {
		return false, err
	}
	return ecdsa.VerifyASN1(&k.private.PublicKey, digest, signature), nil
}

func checkECDSA(algorithm string, digest []byte) error {
	if algorithm != ecdsaSHA256 {
		return ErrAlgorithm
	}
	return checkDigest(digest)
}
