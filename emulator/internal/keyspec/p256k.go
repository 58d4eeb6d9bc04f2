package keyspec

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// p256kSpec is of the curve secp256k1, as KMS calls it.
func p256kSpec(name string) *Spec {
	return ecSpec(name, curveSecp256k1, map[string][]string{SignVerify: {ecdsaSHA256}}, newSecp256k1Scalar, newSecp256k1Key)
}

type secp256k1Key struct {
	signOnly
	ecPair
	private *secp256k1.PrivateKey
	public  *secp256k1.PublicKey
}

func newSecp256k1Scalar() ([]byte, error) {
	key, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		return nil, err
	}
	return key.Serialize(), nil
}

// newSecp256k1Key looks at the scalar itself: PrivKeyFromBytes would reduce one
// that is too large.
func newSecp256k1Key(scalar []byte) (PrivateKey, ecPair, error) {
	var d secp256k1.ModNScalar
	if tooLarge := d.SetByteSlice(scalar); tooLarge || d.IsZero() {
		return nil, ecPair{}, errScalar
	}
	private := secp256k1.NewPrivateKey(&d)
	public := private.PubKey()
	pair := ecPair{curveSecp256k1, scalar, public.SerializeUncompressed()}
	return secp256k1Key{ecPair: pair, private: private, public: public}, pair, nil
}

// Sign signs a digest of 32 bytes. The nonce is that of RFC 6979, so that the
// same digest gets the same signature; a P-256 key makes another each time.
func (k secp256k1Key) Sign(algorithm string, digest []byte) ([]byte, error) {
	if err := checkECDSA(algorithm, digest); err != nil {
		return nil, err
	}
	return ecdsa.Sign(k.private, digest).Serialize(), nil
}

// Verify reports whether the signature is of this digest and key. It takes s and
// n-s alike, as ECDSA has it, although Sign only makes the smaller.
func (k secp256k1Key) Verify(algorithm string, digest, signature []byte) (bool, error) {
	if err := checkECDSA(algorithm, digest); err != nil {
		return false, err
	}
	parsed, err := ecdsa.ParseDERSignature(signature)
	return err == nil && parsed.Verify(digest, k.public), nil
}
