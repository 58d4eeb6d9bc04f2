package keyspec

import (
	"bytes"
	"errors"
	"testing"
)

// The first byte of an input chooses spec and algorithm, so that one target
// serves all.
func chooseAlgorithm(f *testing.F, usage string) (choose func(choice byte) (PrivateKey, string), choices int) {
	type pair struct {
		key       PrivateKey
		algorithm string
	}
	var pairs []pair
	for _, spec := range asymmetric() {
		for _, algorithm := range spec.Algorithms(usage) {
			pairs = append(pairs, pair{testKey(f, spec.Name), algorithm})
		}
	}
	return func(choice byte) (PrivateKey, string) {
		chosen := pairs[int(choice)%len(pairs)]
		return chosen.key, chosen.algorithm
	}, len(pairs)
}

func FuzzDecrypt(f *testing.F) {
	choose, choices := chooseAlgorithm(f, EncryptDecrypt)
	for choice := range byte(choices) {
		key, algorithm := choose(choice)
		ciphertext, err := key.Encrypt(algorithm, []byte("a plaintext of some length"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(choice, ciphertext)
		f.Add(choice, ciphertext[:len(ciphertext)/2])
		f.Add(choice, []byte{})
	}
	// SM2PKE is the last.
	f.Add(byte(choices-1), sm2DER(f, testKey(f, "EC_SM2").(sm2Key), []byte("x")))
	f.Fuzz(func(t *testing.T, choice byte, ciphertext []byte) {
		key, algorithm := choose(choice)
		before := bytes.Clone(ciphertext)
		plaintext, err := key.Decrypt(algorithm, ciphertext)
		if err != nil && (!errors.Is(err, ErrCiphertext) || plaintext != nil) {
			t.Errorf("%s: %x, %v", algorithm, plaintext, err)
		}
		if len(plaintext) > maxSM2Plaintext {
			t.Errorf("%s: plaintext of %d bytes", algorithm, len(plaintext))
		}
		if !bytes.Equal(before, ciphertext) {
			t.Errorf("%s: the caller's ciphertext was changed", algorithm)
		}
	})
}

func FuzzVerify(f *testing.F) {
	choose, choices := chooseAlgorithm(f, SignVerify)
	digest := make([]byte, digestSize)
	for choice := range byte(choices) {
		key, algorithm := choose(choice)
		signature, err := key.Sign(algorithm, digest)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(choice, digest, signature)
		f.Add(choice, digest[1:], signature)
		f.Add(choice, digest, signature[1:])
		f.Add(choice, []byte{}, []byte{})
	}
	f.Fuzz(func(t *testing.T, choice byte, digest, signature []byte) {
		key, algorithm := choose(choice)
		ok, err := key.Verify(algorithm, digest, signature)
		switch {
		case len(digest) == digestSize && err != nil:
			t.Errorf("%s: %v", algorithm, err)
		case len(digest) != digestSize && (ok || !errors.Is(err, ErrDigest)):
			t.Errorf("%s, digest of %d bytes: %v, %v", algorithm, len(digest), ok, err)
		}
	})
}

func FuzzParsePEM(f *testing.F) {
	for _, file := range []string{
		"rsa-2048-pkcs8.pem", "rsa-2048-pkcs1.pem", "rsa-3072-pkcs8.pem", "rsa-2048-public.pem",
		"rsa-2048-pkcs8-encrypted.pem", "rsa-2048-pkcs1-encrypted.pem", "rsa-2048-certificate.pem",
		"sm2-pkcs8.pem", "sm2-sec1.pem", "sm2-sm2.pem", "sm2-with-parameters.pem",
		"p256-pkcs8.pem", "p256-sec1.pem", "secp256k1-pkcs8.pem", "ed25519-pkcs8.pem",
	} {
		f.Add(readTestdata(f, file))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, spec := range All() {
			key, err := spec.ParsePEM(text)
			if err != nil {
				continue
			}
			der, err := key.Marshal()
			if err != nil {
				t.Fatalf("%s: accepted, but does not marshal: %v", spec.Name, err)
			}
			parsed, err := spec.Parse(der)
			if err != nil {
				t.Fatalf("%s: accepted, but does not parse again: %v", spec.Name, err)
			}
			requireSameKey(t, key, parsed)
		}
	})
}

// FuzzParse reads DER, as the store gives it back: without the PEM around, the
// fuzzer gets to the encodings.
func FuzzParse(f *testing.F) {
	for _, spec := range asymmetric() {
		der, err := testKey(f, spec.Name).Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
		f.Add(der[:len(der)-1])
	}
	for _, spec := range symmetric() {
		f.Add(make([]byte, spec.Size()))
	}
	f.Fuzz(func(t *testing.T, material []byte) {
		for _, spec := range All() {
			key, err := spec.Parse(material)
			if err != nil {
				continue
			}
			if spec.Symmetric() {
				requireOpens(t, key.(*SymmetricKey), []byte("plaintext"), nil)
				continue
			}
			useKey(t, spec, key.(PrivateKey))
		}
	})
}
