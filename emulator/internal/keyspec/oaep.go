package keyspec

import (
	"crypto"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"hash"

	"filippo.io/bigmod"
)

// Encryption by RSA-OAEP, by hand for one reason: crypto/rsa sets up the modulus
// anew for each encryption, which takes a quarter of it. bigmod is what crypto/rsa
// computes with, in constant time but for the public exponent. Decryption, where a
// wrong padding must not show, and signatures are left to crypto/rsa.

// encryptOAEP is RSAES-OAEP-ENCRYPT of RFC 8017 7.1.1 with an empty label. The
// plaintext is not too long.
func encryptOAEP(hash crypto.Hash, modulus *bigmod.Modulus, exponent uint, plaintext []byte) ([]byte, error) {
	seed := make([]byte, hash.Size())
	rand.Read(seed)
	return encryptWithSeed(hash, modulus, exponent, seed, plaintext)
}

func encryptWithSeed(hash crypto.Hash, modulus *bigmod.Modulus, exponent uint, seed, plaintext []byte) ([]byte, error) {
	padded := padOAEP(hash.New(), modulus.Size(), seed, plaintext)
	number, err := bigmod.NewNat().SetBytes(padded, modulus)
	if err != nil {
		return nil, err
	}
	return bigmod.NewNat().ExpShortVarTime(number, exponent, modulus).Bytes(modulus), nil
}

// padOAEP is EME-OAEP encoding: 0 ‖ seed ‖ hash of the label ‖ zeros ‖ 1 ‖ plaintext,
// where seed and the rest mask each other.
func padOAEP(h hash.Hash, size int, seed, plaintext []byte) []byte {
	padded := make([]byte, size)
	maskedSeed, block := padded[1:1+h.Size()], padded[1+h.Size():]
	copy(maskedSeed, seed)
	copy(block, h.Sum(nil)) // of nothing
	block[len(block)-len(plaintext)-1] = 1
	copy(block[len(block)-len(plaintext):], plaintext)
	maskMGF1(block, h, maskedSeed)
	maskMGF1(maskedSeed, h, block)
	return padded
}

// maskMGF1 adds MGF1 of a seed (RFC 8017 B.2.1).
func maskMGF1(to []byte, h hash.Hash, seed []byte) {
	var counter [4]byte
	mask := make([]byte, 0, h.Size())
	for n := uint32(0); len(to) > 0; n++ {
		binary.BigEndian.PutUint32(counter[:], n)
		h.Reset()
		h.Write(seed)
		h.Write(counter[:])
		mask = h.Sum(mask[:0])
		to = to[subtle.XORBytes(to, to, mask):]
	}
}
