// Package keyspec holds the key specs of KMS and the cryptography of their
// keys. It knows no HTTP, no store and no error code of KMS: names and sizes are
// KMS's, all else is bytes.
//
// A spec is one row of the table specs, and the file of its cryptography.
package keyspec

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
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

// digestSize in bytes: each signature algorithm of KMS takes 32.
const digestSize = 32

// A Key is the material of a key of any spec: a PrivateKey or a *SymmetricKey.
type Key interface {
	// Marshal encodes the key for Parse: a private key as PKCS#8 DER, a
	// symmetric one as its bytes.
	Marshal() ([]byte, error)
}

// A PublicKey encrypts to the owner of its private key.
type PublicKey interface {
	// Encrypt returns a new ciphertext each time. It refuses with ErrAlgorithm
	// or ErrPlaintext.
	Encrypt(algorithm string, plaintext []byte) ([]byte, error)
}

// A PrivateKey is one key pair. Any number of goroutines may use it at once.
type PrivateKey interface {
	Key
	PublicKey
	// Decrypt refuses with ErrAlgorithm or ErrCiphertext.
	Decrypt(algorithm string, ciphertext []byte) ([]byte, error)
	// Sign signs a digest of 32 bytes that the caller has computed: for SM2DSA
	// SM3(Z‖M). It refuses with ErrAlgorithm or ErrDigest.
	Sign(algorithm string, digest []byte) ([]byte, error)
	// Verify reports whether the signature is of this digest and key; a
	// malformed one is not. It refuses with ErrAlgorithm or ErrDigest.
	Verify(algorithm string, digest, signature []byte) (bool, error)
	// PublicKeyDER returns the public key as X.509 SPKI.
	PublicKeyDER() ([]byte, error)
	// PublicKeyPEM returns the public key as GetPublicKey answers it: X.509
	// SPKI in lines of 64 characters.
	PublicKeyPEM() (string, error)
}

// A Spec is a value of KMS's KeySpec.
type Spec struct {
	Name string

	// Of a symmetric spec.
	size     int // of a key, in bytes
	newBlock func(key []byte) (cipher.Block, error)

	// Of an asymmetric spec.
	kind       string              // of key, in words
	algorithms map[string][]string // by usage
	slow       bool
	newPair    func() (PrivateKey, error)
	// fit takes what the parsers give; false: a key of another kind.
	fit func(key any) (PrivateKey, bool, error)
}

// specs are all key specs, in the order in which KMS lists them.
var specs = []*Spec{
	aesSpec("Aliyun_AES_256", 32),
	aesSpec("Aliyun_AES_192", 24),
	aesSpec("Aliyun_AES_128", 16),
	sm4Spec("Aliyun_SM4"),
	rsaSpec("RSA_2048", 2048),
	rsaSpec("RSA_3072", 3072),
	rsaSpec("RSA_4096", 4096),
	p256Spec("EC_P256"),
	p256kSpec("EC_P256K"),
	sm2Spec("EC_SM2"),
}

// All returns all specs, always in the same order.
func All() []*Spec { return slices.Clone(specs) }

// Lookup finds a spec by its name, like RSA_2048.
func Lookup(name string) (*Spec, bool) {
	i := slices.IndexFunc(specs, func(s *Spec) bool { return s.Name == name })
	if i < 0 {
		return nil, false
	}
	return specs[i], true
}

// Names returns the names of all specs, in the order of All.
func Names() []string {
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return names
}

// KnownAlgorithm reports whether some spec has an algorithm of this name.
func KnownAlgorithm(name string) bool {
	return slices.ContainsFunc(specs, func(s *Spec) bool {
		return slices.Contains(s.algorithms[EncryptDecrypt], name) || slices.Contains(s.algorithms[SignVerify], name)
	})
}

// Symmetric reports whether keys of this spec are symmetric.
func (s *Spec) Symmetric() bool { return s.size > 0 }

// Size returns how many bytes a symmetric key has; 0 for an asymmetric spec.
func (s *Spec) Size() int { return s.size }

// Usages returns the usages a key of this spec may be created for.
func (s *Spec) Usages() []string {
	if s.Symmetric() {
		return []string{EncryptDecrypt}
	}
	return slices.DeleteFunc([]string{EncryptDecrypt, SignVerify}, func(usage string) bool {
		return len(s.algorithms[usage]) == 0
	})
}

// DefaultUsage returns what CreateKey takes where KeyUsage is left out:
// SIGN/VERIFY if the spec can sign.
func (s *Spec) DefaultUsage() string {
	if slices.Contains(s.Usages(), SignVerify) {
		return SignVerify
	}
	return EncryptDecrypt
}

// Algorithms returns those that a key of this spec and usage can do. A symmetric
// key has none: its operations take no Algorithm.
func (s *Spec) Algorithms(usage string) []string { return slices.Clone(s.algorithms[usage]) }

// Slow reports whether Generate takes long enough, tenths of a second or more,
// to be worth doing ahead.
func (s *Spec) Slow() bool { return s.slow }

// Generate makes a new key.
func (s *Spec) Generate() (Key, error) {
	if s.Symmetric() {
		return s.newSymmetricKey()
	}
	return s.generatePair()
}

func (s *Spec) generatePair() (PrivateKey, error) {
	key, err := s.newPair()
	if err != nil {
		return nil, fmt.Errorf("generate %s key: %w", s.Name, err)
	}
	return key, nil
}

// Parse reads what Marshal made. It refuses a key that is not of this spec, or
// not consistent.
func (s *Spec) Parse(material []byte) (Key, error) {
	if s.Symmetric() {
		return s.parseSymmetricKey(material)
	}
	return s.parsePair(material)
}

func (s *Spec) parsePair(der []byte) (PrivateKey, error) {
	key, err := parsePKCS8(der)
	if err != nil {
		return nil, fmt.Errorf("unreadable PKCS#8 key: %w", inWords(err))
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

// signOnly is embedded in keys that cannot encrypt.
type signOnly struct{}

// Encrypt refuses.
func (signOnly) Encrypt(string, []byte) ([]byte, error) { return nil, ErrAlgorithm }

// Decrypt refuses.
func (signOnly) Decrypt(string, []byte) ([]byte, error) { return nil, ErrAlgorithm }
