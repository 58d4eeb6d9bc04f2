package keyspec

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"   // crypto.SHA1
	_ "crypto/sha256" // crypto.SHA256
	"crypto/x509"
	"errors"
	"fmt"

	"filippo.io/bigmod"
)

const (
	oaepSHA1    = "RSAES_OAEP_SHA_1"
	oaepSHA256  = "RSAES_OAEP_SHA_256"
	pssSHA256   = "RSA_PSS_SHA_256"
	pkcs1SHA256 = "RSA_PKCS1_SHA_256"
)

// The label is empty and MGF1 takes the same hash, which is also what
// EncryptOAEP and DecryptOAEP do.
var oaepHashes = map[string]crypto.Hash{oaepSHA1: crypto.SHA1, oaepSHA256: crypto.SHA256}

// pssOptions: a salt as long as the digest, and no other length accepted.
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// leastExponent is the public exponent of nearly every RSA key. Smaller ones,
// like 3, are those of keys nobody should have today.
const leastExponent = 65537

func rsaSpec(name string, bits int) *Spec {
	return &Spec{
		Name: name,
		kind: rsaKind(bits),
		algorithms: map[string][]string{
			EncryptDecrypt: {oaepSHA1, oaepSHA256},
			SignVerify:     {pssSHA256, pkcs1SHA256},
		},
		slow: true,
		newPair: func() (PrivateKey, error) {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			if err != nil {
				return nil, err
			}
			return newRSAKey(key)
		},
		fit: func(key any) (PrivateKey, bool, error) {
			private, ok := key.(*rsa.PrivateKey)
			if !ok || private.N.BitLen() != bits {
				return nil, false, nil
			}
			if err := checkRSA(private); err != nil {
				return nil, true, err
			}
			fitting, err := newRSAKey(private)
			return fitting, true, err
		},
	}
}

func checkRSA(private *rsa.PrivateKey) error {
	if n := len(private.Primes); n != 2 {
		return fmt.Errorf("it has %d primes where it takes 2", n)
	}
	return checkExponent(&private.PublicKey)
}

func checkExponent(public *rsa.PublicKey) error {
	if public.E < leastExponent {
		return fmt.Errorf("its public exponent is %d where it takes %d or more", public.E, leastExponent)
	}
	return nil
}

func rsaKind(bits int) string { return fmt.Sprintf("an RSA key of %d bits", bits) }

// rsaPublicKey has its modulus set up for encryption.
type rsaPublicKey struct {
	*rsa.PublicKey
	modulus *bigmod.Modulus
}

// newRSAPublicKey refuses a modulus that is none of RSA.
func newRSAPublicKey(public *rsa.PublicKey) (rsaPublicKey, error) {
	if public.N.Bit(0) == 0 {
		return rsaPublicKey{}, errors.New("its modulus is even")
	}
	modulus, err := bigmod.NewModulus(public.N.Bytes())
	return rsaPublicKey{public, modulus}, err
}

// Encrypt returns a block as long as the modulus.
func (k rsaPublicKey) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	hash, ok := oaepHashes[algorithm]
	if !ok {
		return nil, ErrAlgorithm
	}
	// RFC 8017 7.1.1: two hashes and two bytes are padding.
	if most := k.Size() - 2*hash.Size() - 2; len(plaintext) > most {
		return nil, fmt.Errorf("%w: %d bytes where %s takes at most %d", ErrPlaintext, len(plaintext), algorithm, most)
	}
	return encryptOAEP(hash, k.modulus, uint(k.E), plaintext)
}

// rsaKey is validated and precomputed: both GenerateKey and the parsers of
// crypto/x509 do so.
type rsaKey struct {
	private *rsa.PrivateKey
	public  rsaPublicKey
}

func newRSAKey(private *rsa.PrivateKey) (PrivateKey, error) {
	public, err := newRSAPublicKey(&private.PublicKey)
	return rsaKey{private, public}, err
}

// Encrypt returns a block as long as the modulus.
func (k rsaKey) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	return k.public.Encrypt(algorithm, plaintext)
}

// Decrypt opens what Encrypt made.
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

// Sign signs a digest of SHA-256.
func (k rsaKey) Sign(algorithm string, digest []byte) ([]byte, error) {
	if err := checkRSASignature(algorithm, digest); err != nil {
		return nil, err
	}
	if algorithm == pssSHA256 {
		return rsa.SignPSS(rand.Reader, k.private, crypto.SHA256, digest, pssOptions)
	}
	return rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest)
}

// Verify reports whether the signature is of this digest and key.
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

// PublicKeyDER returns the public key as X.509 SPKI.
func (k rsaKey) PublicKeyDER() ([]byte, error) {
	return x509.MarshalPKIXPublicKey(&k.private.PublicKey)
}

// PublicKeyPEM returns the public key as GetPublicKey answers it.
func (k rsaKey) PublicKeyPEM() (string, error) { return publicKeyPEM(k.PublicKeyDER()) }

// Marshal encodes the key as PKCS#8 DER.
func (k rsaKey) Marshal() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.private) }
