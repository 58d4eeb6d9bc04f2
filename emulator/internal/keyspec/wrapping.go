package keyspec

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/emmansun/gmsm/sm2"
)

// Key material travels encrypted to a public key: that of the caller who exports
// a data key, or that of KMS for the caller who imports a key.

// pkcs1v15 is an algorithm of imports only.
const pkcs1v15 = "RSAES_PKCS1_V1_5"

// The algorithms of a WrappingKeySpec, which is RSA_2048 or EC_SM2.
var (
	exportAlgorithms = map[string][]string{"RSA_2048": {oaepSHA256, oaepSHA1}, "EC_SM2": {sm2PKE}}
	importAlgorithms = map[string][]string{"RSA_2048": {pkcs1v15, oaepSHA1, oaepSHA256}, "EC_SM2": {sm2PKE}}
)

// ExportAlgorithms returns the values of WrappingAlgorithm with which a data key
// is exported; none for what is no WrappingKeySpec.
func ExportAlgorithms(wrappingKeySpec string) []string {
	return slices.Clone(exportAlgorithms[wrappingKeySpec])
}

// ImportAlgorithms returns the values of WrappingAlgorithm with which a key is
// imported; none for what is no WrappingKeySpec.
func ImportAlgorithms(wrappingKeySpec string) []string {
	return slices.Clone(importAlgorithms[wrappingKeySpec])
}

var errWrappingKeySpec = errors.New("no spec of wrapping keys; one of RSA_2048, EC_SM2")

// ParseWrappingKey reads the public key of a caller, X.509 SPKI in DER, which
// must be of the spec, RSA_2048 or EC_SM2. Its Encrypt takes the algorithms of
// ExportAlgorithms.
func ParseWrappingKey(wrappingKeySpec string, der []byte) (PublicKey, error) {
	switch wrappingKeySpec {
	case "RSA_2048":
		return parseRSAPublicKey(der, 2048)
	case "EC_SM2":
		return parseSM2PublicKey(der)
	}
	return nil, errWrappingKeySpec
}

// parseRSAPublicKey tries the key: crypto/rsa alone knows what it refuses, such
// as an even modulus.
func parseRSAPublicKey(der []byte, bits int) (PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("unreadable public key: %w", inWords(err))
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok || public.N.BitLen() != bits {
		return nil, fmt.Errorf("not the public half of %s", rsaKind(bits))
	}
	if err := checkExponent(public); err != nil {
		return nil, fmt.Errorf("public key is not valid: %w", err)
	}
	if _, err := rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, public, nil, nil); err != nil {
		return nil, fmt.Errorf("public key is not valid: %w", err)
	}
	return newRSAPublicKey(public)
}

func parseSM2PublicKey(der []byte) (PublicKey, error) {
	var key spki
	if err := unmarshalAll(der, &key); err != nil {
		return nil, fmt.Errorf("unreadable public key: %w", inWords(err))
	}
	if !isEC(key.Algorithm.Algorithm) {
		return nil, fmt.Errorf("not the public half of %s", ecKind(curveSM2))
	}
	curve, err := parseCurve(key.Algorithm.Parameters.FullBytes)
	if err != nil {
		return nil, fmt.Errorf("unreadable public key: %w", inWords(err))
	}
	if !curve.Equal(curveSM2) {
		return nil, fmt.Errorf("not the public half of %s", ecKind(curveSM2))
	}
	return parseSM2Point(key.PublicKey.RightAlign())
}

func parseSM2Point(point []byte) (PublicKey, error) {
	if len(point) != 1+2*scalarSize || point[0] != uncompressedPoint {
		return nil, errors.New("public key is not an uncompressed point")
	}
	public, err := sm2.NewPublicKey(point)
	if err != nil {
		return nil, errors.New("public key is not a point of the curve SM2")
	}
	return sm2PublicKey{public}, nil
}

// An ImportKey is the key pair of an import: the caller encrypts key material to
// its public key, and Unwrap decrypts that.
type ImportKey struct{ private PrivateKey }

// GenerateImportKey makes a new key pair of the spec, RSA_2048 or EC_SM2. The
// first takes tenths of a second: ParseImportKey takes one made ahead.
func GenerateImportKey(wrappingKeySpec string) (*ImportKey, error) {
	spec, err := importSpec(wrappingKeySpec)
	if err != nil {
		return nil, err
	}
	private, err := spec.generatePair()
	if err != nil {
		return nil, err
	}
	return &ImportKey{private}, nil
}

// ParseImportKey reads what Marshal made, or the Marshal of any private key of
// the spec.
func ParseImportKey(wrappingKeySpec string, material []byte) (*ImportKey, error) {
	spec, err := importSpec(wrappingKeySpec)
	if err != nil {
		return nil, err
	}
	private, err := spec.parsePair(material)
	if err != nil {
		return nil, err
	}
	return &ImportKey{private}, nil
}

func importSpec(name string) (*Spec, error) {
	spec, ok := Lookup(name)
	if !ok || importAlgorithms[name] == nil {
		return nil, errWrappingKeySpec
	}
	return spec, nil
}

// Marshal encodes the key for ParseImportKey.
func (k *ImportKey) Marshal() ([]byte, error) { return k.private.Marshal() }

// PublicKeyDER returns the public key as X.509 SPKI.
func (k *ImportKey) PublicKeyDER() ([]byte, error) { return k.private.PublicKeyDER() }

// Unwrap returns the key material that a caller encrypted. It refuses with
// ErrAlgorithm or ErrCiphertext.
func (k *ImportKey) Unwrap(algorithm string, wrapped []byte) ([]byte, error) {
	if pair, ok := k.private.(rsaKey); ok && algorithm == pkcs1v15 {
		return pair.decryptPKCS1v15(wrapped)
	}
	return k.private.Decrypt(algorithm, wrapped)
}

// decryptPKCS1v15 returns the same error for every ciphertext that does not
// decrypt: what was wrong with the padding would tell of the plaintext.
func (k rsaKey) decryptPKCS1v15(ciphertext []byte) ([]byte, error) {
	if len(ciphertext) != k.private.Size() {
		return nil, ErrCiphertext
	}
	plaintext, err := k.private.Decrypt(nil, ciphertext, nil) // without options it is PKCS#1 v1.5
	if err != nil {
		return nil, ErrCiphertext
	}
	return plaintext, nil
}
