// Package keyspec holds the key specs of KMS that are emulated, and the
// cryptography of their keys. It knows no HTTP, no store and no error code of
// KMS: names and sizes are KMS's, all else is bytes.
//
// A spec is one file, which registers it: see rsa.go and sm2.go.
package keyspec

import (
	"errors"
	"fmt"
	"slices"

	"github.com/emmansun/gmsm/smx509"
)

// The usages of a key, in KMS's words. A key has one of them, for ever.
const (
	EncryptDecrypt = "ENCRYPT/DECRYPT"
	SignVerify     = "SIGN/VERIFY"
)

// What a key has against its input. Errors wrap one of these and say more.
var (
	// ErrAlgorithm is the answer to an algorithm that a key cannot do, known
	// or not.
	ErrAlgorithm = errors.New("algorithm does not fit the key")
	// ErrPlaintext is the answer to a plaintext that is too long, or empty
	// where the scheme has no ciphertext for it.
	ErrPlaintext = errors.New("plaintext has the wrong length")
	// ErrCiphertext is the answer to whatever does not decrypt. It does not
	// tell why.
	ErrCiphertext = errors.New("ciphertext does not decrypt")
	// ErrDigest is the answer to a digest of the wrong length.
	ErrDigest = errors.New("digest has the wrong length")
)

// digestSize in bytes: each signature algorithm of KMS takes 32
// (kms-api.md 1.4).
const digestSize = 32

// A PrivateKey is one key pair. Any number of goroutines may use it at once.
type PrivateKey interface {
	// Encrypt gives a new ciphertext each time. It refuses with ErrAlgorithm
	// or ErrPlaintext.
	Encrypt(algorithm string, plaintext []byte) ([]byte, error)
	// Decrypt refuses with ErrAlgorithm or ErrCiphertext.
	Decrypt(algorithm string, ciphertext []byte) ([]byte, error)
	// Sign signs a digest of 32 bytes that the caller has computed: for SM2DSA
	// SM3(Z‖M). It refuses with ErrAlgorithm or ErrDigest.
	Sign(algorithm string, digest []byte) ([]byte, error)
	// Verify says whether the signature is of this digest and key; a malformed
	// one is not. It refuses with ErrAlgorithm or ErrDigest.
	Verify(algorithm string, digest, signature []byte) (bool, error)
	// PublicKeyPEM is the public key as GetPublicKey answers it: X.509 SPKI in
	// lines of 64 characters.
	PublicKeyPEM() (string, error)
	// Marshal gives the private key as PKCS#8 DER, for Parse and PEM.
	Marshal() ([]byte, error)
}

// A Spec is a value of KMS's KeySpec.
type Spec struct {
	Name string

	kind       string              // of key, in words
	algorithms map[string][]string // by usage
	slow       bool
	generate   func() (PrivateKey, error)
	// fit takes what smx509's parsers give; false: a key of another kind.
	fit func(key any) (PrivateKey, bool, error)
}

var specs []*Spec

// register is for the init functions of a spec's file.
func register(s *Spec) { specs = append(specs, s) }

// Lookup finds a spec by its name, like RSA_2048.
func Lookup(name string) (*Spec, bool) {
	i := slices.IndexFunc(specs, func(s *Spec) bool { return s.Name == name })
	if i < 0 {
		return nil, false
	}
	return specs[i], true
}

// Names are the names of all specs, always in the same order.
func Names() []string {
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return names
}

// publishedAlgorithms are those of KMS that no spec here can do
// (kms-api.md 1.4).
var publishedAlgorithms = []string{"ECDSA_SHA_256"}

// KnownAlgorithm says whether KMS has an asymmetric algorithm of this name,
// even if no spec here can do it.
func KnownAlgorithm(name string) bool {
	return slices.Contains(publishedAlgorithms, name) || slices.ContainsFunc(specs, func(s *Spec) bool {
		return slices.Contains(s.Algorithms(EncryptDecrypt), name) || slices.Contains(s.Algorithms(SignVerify), name)
	})
}

// Usages are the usages a key of this spec may be created for.
func (s *Spec) Usages() []string {
	return slices.DeleteFunc([]string{EncryptDecrypt, SignVerify}, func(usage string) bool {
		return len(s.algorithms[usage]) == 0
	})
}

// DefaultUsage is what CreateKey takes where KeyUsage is left out: SIGN/VERIFY
// for every asymmetric spec (kms-api.md 2.8).
func (s *Spec) DefaultUsage() string { return SignVerify }

// Algorithms are those a key of this spec and usage can do.
func (s *Spec) Algorithms(usage string) []string { return slices.Clone(s.algorithms[usage]) }

// Slow says that Generate takes long enough, tenths of a second, to be worth
// doing ahead.
func (s *Spec) Slow() bool { return s.slow }

// Generate makes a new key pair.
func (s *Spec) Generate() (PrivateKey, error) {
	key, err := s.generate()
	if err != nil {
		return nil, fmt.Errorf("generate %s key: %w", s.Name, err)
	}
	return key, nil
}

// Parse reads the PKCS#8 DER that Marshal made. It refuses a key that is not
// of this spec, or not consistent.
func (s *Spec) Parse(der []byte) (PrivateKey, error) {
	key, err := smx509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("unreadable PKCS#8 key: %w", err)
	}
	return s.accept(key)
}

// accept takes a parsed key of whatever kind.
func (s *Spec) accept(key any) (PrivateKey, error) {
	fitting, ok, err := s.fit(key)
	if err != nil {
		return nil, fmt.Errorf("%s key is not valid: %w", s.Name, err)
	}
	if !ok {
		return nil, fmt.Errorf("%s where %s needs %s", describe(key), s.Name, s.kind)
	}
	return fitting, nil
}

func checkDigest(digest []byte) error {
	if len(digest) != digestSize {
		return fmt.Errorf("%w: %d bytes where it takes %d", ErrDigest, len(digest), digestSize)
	}
	return nil
}
