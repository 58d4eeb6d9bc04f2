package keyspec

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"   // crypto.SHA1
	_ "crypto/sha256" // crypto.SHA256
	"fmt"

	"github.com/emmansun/gmsm/smx509"
)

const (
	oaepSHA1    = "RSAES_OAEP_SHA_1"
	oaepSHA256  = "RSAES_OAEP_SHA_256"
	pssSHA256   = "RSA_PSS_SHA_256"
	pkcs1SHA256 = "RSA_PKCS1_SHA_256"
)

// The label is empty and MGF1 takes the same hash, which is also what
// EncryptOAEP and DecryptOAEP do (kms-api.md 1.4).
var oaepHashes = map[string]crypto.Hash{oaepSHA1: crypto.SHA1, oaepSHA256: crypto.SHA256}

// pssOptions: a salt as long as the digest, and no other length accepted
// (kms-api.md 1.4).
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

func init() {
	register(rsaSpec("RSA_2048", 2048))
	register(rsaSpec("RSA_3072", 3072))
}

func rsaSpec(name string, bits int) *Spec {
	return &Spec{
		Name: name,
		kind: rsaKind(bits),
		algorithms: map[string][]string{
			EncryptDecrypt: {oaepSHA1, oaepSHA256},
			SignVerify:     {pssSHA256, pkcs1SHA256},
		},
		slow: true,
		generate: func() (PrivateKey, error) {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			return rsaKey{key}, err
		},
		fit: func(key any) (PrivateKey, bool, error) {
			k, ok := key.(*rsa.PrivateKey)
			return rsaKey{k}, ok && k.N.BitLen() == bits, nil
		},
	}
}

func rsaKind(bits int) string { return fmt.Sprintf("an RSA key of %d bits", bits) }

// rsaKey is validated and precomputed: both GenerateKey and the parsers of
// smx509 do so.
type rsaKey struct{ private *rsa.PrivateKey }

func (k rsaKey) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	hash, ok := oaepHashes[algorithm]
	if !ok {
		return nil, ErrAlgorithm
	}
	// RFC 8017 7.1.1: two hashes and two bytes are padding.
	if most := k.private.Size() - 2*hash.Size() - 2; len(plaintext) > most {
		return nil, fmt.Errorf("%w: %d bytes where %s takes at most %d", ErrPlaintext, len(plaintext), algorithm, most)
	}
	return rsa.EncryptOAEP(hash.New(), rand.Reader, &k.private.PublicKey, plaintext, nil)
}

func (k rsaKey) Decrypt(algorithm string, ciphertext []byte) ([]byte, error) {
	hash, ok := oaepHashes[algorithm]
	if !ok {
		return nil, ErrAlgorithm
	}
	// DecryptOAEP would take a shorter one, as a number with zeros in front.
	if len(ciphertext) != k.private.Size() {
		return nil, ErrCiphertext
	}
	plaintext, err := rsa.DecryptOAEP(hash.New(), nil, k.private, ciphertext, nil)
	if err != nil {
		return nil, ErrCiphertext
	}
	return plaintext, nil
}

func (k rsaKey) Sign(algorithm string, digest []byte) ([]byte, error) {
	if err := checkRSASignature(algorithm, digest); err != nil {
		return nil, err
	}
	if algorithm == pssSHA256 {
		return rsa.SignPSS(rand.Reader, k.private, crypto.SHA256, digest, pssOptions)
	}
	return rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest)
}

func (k rsaKey) Verify(algorithm string, digest, signature []byte) (bool, error) {
	if err := checkRSASignature(algorithm, digest); err != nil {
		return false, err
	}
	if algorithm == pssSHA256 {
		return rsa.VerifyPSS(&k.private.PublicKey, crypto.SHA256, digest, signature, pssOptions) == nil, nil
	}
	return rsa.VerifyPKCS1v15(&k.private.PublicKey, crypto.SHA256, digest, signature) == nil, nil
}

func checkRSASignature(algorithm string, digest []byte) error {
	if algorithm != pssSHA256 && algorithm != pkcs1SHA256 {
		return ErrAlgorithm
	}
	return checkDigest(digest)
}

func (k rsaKey) PublicKeyPEM() (string, error) { return publicKeyPEM(&k.private.PublicKey) }

func (k rsaKey) Marshal() ([]byte, error) { return smx509.MarshalPKCS8PrivateKey(k.private) }
