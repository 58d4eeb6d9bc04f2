package keyspec

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
)

// Sizes in bytes of what Seal puts around the ciphertext.
const (
	ivSize  = 12
	tagSize = 16
)

// SealOverhead is by how many bytes what Seal returns is longer than the
// plaintext.
const SealOverhead = ivSize + tagSize

// A SymmetricKey encrypts in Galois/Counter Mode. Any number of goroutines may
// use it at once.
type SymmetricKey struct {
	material []byte
	gcm      cipher.AEAD
}

func (s *Spec) newSymmetricKey() (Key, error) {
	material := make([]byte, s.size)
	if _, err := io.ReadFull(rand.Reader, material); err != nil {
		return nil, fmt.Errorf("generate %s key: %w", s.Name, err)
	}
	return s.parseSymmetricKey(material)
}

func (s *Spec) parseSymmetricKey(material []byte) (Key, error) {
	if len(material) != s.size {
		return nil, fmt.Errorf("%s key has the wrong length: %d bytes where it takes %d", s.Name, len(material), s.size)
	}
	block, err := s.newBlock(material)
	if err != nil {
		return nil, fmt.Errorf("%s key: %w", s.Name, err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("%s key: %w", s.Name, err)
	}
	return &SymmetricKey{bytes.Clone(material), gcm}, nil
}

// Seal returns the IV of 12 bytes, which is new each time, the ciphertext, as
// long as the plaintext, and the tag of 16. Open must be given the same
// additional data.
func (k *SymmetricKey) Seal(plaintext, additionalData []byte) ([]byte, error) {
	iv := make([]byte, ivSize, ivSize+len(plaintext)+tagSize)
	if _, err := io.ReadFull(rand.Reader, iv); err != nil {
		return nil, fmt.Errorf("random IV: %w", err)
	}
	return k.gcm.Seal(iv, iv, plaintext, additionalData), nil
}

// Open returns the plaintext of what Seal made. It refuses with ErrCiphertext.
func (k *SymmetricKey) Open(sealed, additionalData []byte) ([]byte, error) {
	if len(sealed) < ivSize+tagSize {
		return nil, ErrCiphertext
	}
	plaintext, err := k.gcm.Open(nil, sealed[:ivSize], sealed[ivSize:], additionalData)
	if err != nil {
		return nil, ErrCiphertext
	}
	return plaintext, nil
}

// Marshal returns the bytes of the key.
func (k *SymmetricKey) Marshal() ([]byte, error) { return bytes.Clone(k.material), nil }
