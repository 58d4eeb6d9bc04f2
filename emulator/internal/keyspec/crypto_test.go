package keyspec

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/emmansun/gmsm/sm2"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestDecryptOpensWhatEncryptMade(t *testing.T) {
	eachAlgorithm(t, EncryptDecrypt, func(t *testing.T, spec, algorithm string, key PrivateKey) {
		for _, n := range []int{1, 2, 16, 32, encryptionOf(t, spec, algorithm).plaintext} {
			plaintext := randomBytes(n)
			ciphertext, err := key.Encrypt(algorithm, plaintext)
			if err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			opened, err := key.Decrypt(algorithm, ciphertext)
			if err != nil || !bytes.Equal(opened, plaintext) {
				t.Fatalf("%d bytes came back as %d, %v", n, len(opened), err)
			}
		}
	})
}

func TestLongestPlaintextIsKMSs(t *testing.T) {
	eachAlgorithm(t, EncryptDecrypt, func(t *testing.T, spec, algorithm string, key PrivateKey) {
		want := encryptionOf(t, spec, algorithm)
		ciphertext, err := key.Encrypt(algorithm, make([]byte, want.plaintext))
		if err != nil || len(ciphertext) != want.ciphertext {
			t.Errorf("%d bytes: ciphertext of %d, want %d; %v", want.plaintext, len(ciphertext), want.ciphertext, err)
		}
		if _, err := key.Encrypt(algorithm, make([]byte, want.plaintext+1)); !errors.Is(err, ErrPlaintext) {
			t.Errorf("%d bytes: %v, want ErrPlaintext", want.plaintext+1, err)
		}
	})
}

func TestEmptyPlaintext(t *testing.T) {
	if _, err := testKey(t, "EC_SM2").Encrypt("SM2PKE", nil); !errors.Is(err, ErrPlaintext) {
		t.Errorf("SM2PKE: %v, want ErrPlaintext", err)
	}
	key := testKey(t, "RSA_2048")
	ciphertext, err := key.Encrypt("RSAES_OAEP_SHA_256", nil)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := key.Decrypt("RSAES_OAEP_SHA_256", ciphertext); err != nil || len(opened) != 0 {
		t.Errorf("OAEP: %d bytes, %v", len(opened), err)
	}
}

func TestSamePlaintextNeverGivesTheSameCiphertext(t *testing.T) {
	eachAlgorithm(t, EncryptDecrypt, func(t *testing.T, _, algorithm string, key PrivateKey) {
		seen := map[string]bool{}
		for range 1000 {
			ciphertext, err := key.Encrypt(algorithm, []byte("the same plaintext"))
			if err != nil {
				t.Fatal(err)
			}
			seen[string(ciphertext)] = true
		}
		if len(seen) != 1000 {
			t.Errorf("%d ciphertexts of 1000 encryptions", len(seen))
		}
	})
}

// One in 256 of these meets the mistake of gmsm that sm2PublicKey.encrypt works
// around: without that, about eight of 2,000 fail.
func TestSM2PlaintextOfOneByteAlwaysOpens(t *testing.T) {
	key := testKey(t, "EC_SM2")
	for i := range 2000 {
		plaintext := []byte{byte(i)}
		ciphertext, err := key.Encrypt("SM2PKE", plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := key.Decrypt("SM2PKE", ciphertext); err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("encryption %d: %x, %v", i, opened, err)
		}
	}
}

func TestSM2DecryptAcceptsDERUpToTheSamePlaintext(t *testing.T) {
	key := testKey(t, "EC_SM2")
	public := &key.(sm2Key).private.PublicKey
	for n, want := range map[int]error{1: nil, 127: nil, 128: nil, 6047: nil, 6048: ErrCiphertext, 9000: ErrCiphertext} {
		plaintext := bytes.Repeat([]byte{'x'}, n)
		opened, err := key.Decrypt("SM2PKE", sm2DER(t, key.(sm2Key), plaintext))
		if !errors.Is(err, want) || want == nil && !bytes.Equal(opened, plaintext) {
			t.Errorf("DER of %d bytes: %d bytes, %v", n, len(opened), err)
		}
	}
	raw, err := sm2.Encrypt(rand.Reader, public, make([]byte, 6048), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Decrypt("SM2PKE", raw); !errors.Is(err, ErrCiphertext) {
		t.Errorf("raw ciphertext of %d bytes: %v", len(raw), err)
	}
}

// sm2DER converts a ciphertext of ours, where short plaintexts are no matter of
// luck. It goes past Encrypt's limit, for plaintexts that are too long.
func sm2DER(t testing.TB, key sm2Key, plaintext []byte) []byte {
	t.Helper()
	raw, err := sm2PublicKey{&key.private.PublicKey}.encrypt(plaintext)
	if err != nil {
		t.Fatal(err)
	}
	der, err := sm2.PlainCiphertext2ASN1(raw, sm2.C1C3C2)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestDecryptRefusesEveryOtherLength(t *testing.T) {
	eachAlgorithm(t, EncryptDecrypt, func(t *testing.T, _, algorithm string, key PrivateKey) {
		ciphertext, err := key.Encrypt(algorithm, []byte("plaintext"))
		if err != nil {
			t.Fatal(err)
		}
		wrong := [][]byte{nil, append(slices.Clone(ciphertext), 0), append([]byte{0}, ciphertext...), make([]byte, 1<<20)}
		for n := range ciphertext {
			wrong = append(wrong, ciphertext[:n])
		}
		for _, c := range wrong {
			if _, err := key.Decrypt(algorithm, c); !errors.Is(err, ErrCiphertext) {
				t.Errorf("%d of %d bytes: %v", len(c), len(ciphertext), err)
			}
		}
	})
}

// As a number, such a ciphertext is the one that was made.
func TestOAEPDecryptRefusesCiphertextWithoutItsLeadingZero(t *testing.T) {
	key := testKey(t, "RSA_2048")
	for range 20_000 { // one in 256 begins with a zero
		ciphertext, err := key.Encrypt("RSAES_OAEP_SHA_256", []byte("plaintext"))
		if err != nil {
			t.Fatal(err)
		}
		if ciphertext[0] != 0 {
			continue
		}
		if _, err := key.Decrypt("RSAES_OAEP_SHA_256", ciphertext[1:]); !errors.Is(err, ErrCiphertext) {
			t.Errorf("%v, want ErrCiphertext", err)
		}
		return
	}
	t.Fatal("no ciphertext began with a zero")
}

func TestDecryptRefusesEveryChangedByte(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	eachAlgorithm(t, EncryptDecrypt, func(t *testing.T, _, algorithm string, key PrivateKey) {
		ciphertext, err := key.Encrypt(algorithm, []byte("plaintext"))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(ciphertext); i += 5 {
			changed := slices.Clone(ciphertext)
			changed[i] ^= 1
			if _, err := key.Decrypt(algorithm, changed); !errors.Is(err, ErrCiphertext) {
				t.Errorf("byte %d changed: %v", i, err)
			}
		}
	})
}

func TestDecryptRefusesCiphertextOfAnotherKey(t *testing.T) {
	eachAlgorithm(t, EncryptDecrypt, func(t *testing.T, spec, algorithm string, key PrivateKey) {
		other := generatedKey(t, spec).(PrivateKey)
		ciphertext, err := other.Encrypt(algorithm, []byte("plaintext"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.Decrypt(algorithm, ciphertext); !errors.Is(err, ErrCiphertext) {
			t.Errorf("%v, want ErrCiphertext", err)
		}
	})
}

func TestOAEPHashesAreNotInterchangeable(t *testing.T) {
	key := testKey(t, "RSA_2048")
	ciphertext, err := key.Encrypt("RSAES_OAEP_SHA_1", []byte("plaintext"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Decrypt("RSAES_OAEP_SHA_256", ciphertext); !errors.Is(err, ErrCiphertext) {
		t.Errorf("%v, want ErrCiphertext", err)
	}
}

func TestSM2DecryptRefusesOtherForms(t *testing.T) {
	key := testKey(t, "EC_SM2").(sm2Key)
	plaintext := []byte("a plaintext for all forms")
	raw, err := key.Encrypt("SM2PKE", plaintext)
	if err != nil {
		t.Fatal(err)
	}
	withPrefix := func(prefix byte) []byte { return append([]byte{prefix}, raw[1:]...) }
	compressed, err := sm2.Encrypt(rand.Reader, &key.private.PublicKey, plaintext,
		sm2.NewPlainEncrypterOpts(sm2.MarshalCompressed, sm2.C1C3C2))
	if err != nil {
		t.Fatal(err)
	}
	oldOrder, err := sm2.AdjustCiphertextSplicingOrder(raw, sm2.C1C3C2, sm2.C1C2C3)
	if err != nil {
		t.Fatal(err)
	}
	offCurve := slices.Clone(raw)
	clear(offCurve[1:65])
	der := sm2DER(t, key, plaintext)
	for form, ciphertext := range map[string][]byte{
		"compressed point":    compressed,
		"C1C2C3":              oldOrder,
		"hybrid point, 06":    withPrefix(6),
		"hybrid point, 07":    withPrefix(7),
		"point at infinity":   append([]byte{0}, raw[65:]...),
		"no point format":     raw[1:],
		"point not on curve":  offCurve,
		"C1 and C3 only":      raw[:97],
		"DER, truncated":      der[:len(der)-1],
		"DER, trailing byte":  append(slices.Clone(der), 0),
		"DER, empty sequence": {0x30, 0},
		"DER, negative x":     append([]byte{0x30, der[1], 2, der[3], 0x80}, der[5:]...),
	} {
		if opened, err := key.Decrypt("SM2PKE", ciphertext); !errors.Is(err, ErrCiphertext) {
			t.Errorf("%s: %q, %v", form, opened, err)
		}
	}
}

func TestVerifyAgreesWithSign(t *testing.T) {
	eachAlgorithm(t, SignVerify, func(t *testing.T, spec, algorithm string, key PrivateKey) {
		digest := sha256.Sum256([]byte("message"))
		signature, err := key.Sign(algorithm, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		otherDigest := sha256.Sum256([]byte("another message"))
		changed := slices.Clone(signature)
		changed[len(changed)-1] ^= 1
		for _, c := range []struct {
			what              string
			digest, signature []byte
			want              bool
		}{
			{"as made", digest[:], signature, true},
			{"other digest", otherDigest[:], signature, false},
			{"changed signature", digest[:], changed, false},
			{"truncated", digest[:], signature[:len(signature)-1], false},
			{"trailing byte", digest[:], append(slices.Clone(signature), 0), false},
			{"leading byte", digest[:], append([]byte{0}, signature...), false},
			{"empty", digest[:], nil, false},
			{"zeros", digest[:], make([]byte, len(signature)), false},
			{"ones", digest[:], bytes.Repeat([]byte{0xff}, len(signature)), false},
			{"1 MiB", digest[:], make([]byte, 1<<20), false},
			{"DER of zeros", digest[:], []byte{0x30, 6, 2, 1, 0, 2, 1, 0}, false},
			{"DER of negatives", digest[:], []byte{0x30, 6, 2, 1, 0xff, 2, 1, 0xff}, false},
		} {
			if got, err := key.Verify(algorithm, c.digest, c.signature); got != c.want || err != nil {
				t.Errorf("%s: %v, %v", c.what, got, err)
			}
		}
	})
}

func TestVerifyRefusesSignatureOfAnotherSchemeOrKey(t *testing.T) {
	digest := sha256.Sum256([]byte("message"))
	key := testKey(t, "RSA_2048")
	pkcs1, err := key.Sign("RSA_PKCS1_SHA_256", digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := key.Verify("RSA_PSS_SHA_256", digest[:], pkcs1); ok || err != nil {
		t.Errorf("PKCS1 as PSS: %v, %v", ok, err)
	}
	if ok, err := testKey(t, "RSA_3072").Verify("RSA_PKCS1_SHA_256", digest[:], pkcs1); ok || err != nil {
		t.Errorf("2048 as 3072: %v, %v", ok, err)
	}
}

func TestDigestHasExactly32Bytes(t *testing.T) {
	eachAlgorithm(t, SignVerify, func(t *testing.T, _, algorithm string, key PrivateKey) {
		for _, n := range []int{0, 20, 31, 33, 64} {
			digest := randomBytes(n)
			if _, err := key.Sign(algorithm, digest); !errors.Is(err, ErrDigest) {
				t.Errorf("sign %d bytes: %v", n, err)
			}
			if ok, err := key.Verify(algorithm, digest, []byte("signature")); ok || !errors.Is(err, ErrDigest) {
				t.Errorf("verify %d bytes: %v, %v", n, ok, err)
			}
		}
	})
}

func TestKeyRefusesAlgorithmsItCannotDo(t *testing.T) {
	algorithms := append(allAlgorithms(), "", "none", "RSAES_PKCS1_V1_5")
	for _, spec := range asymmetric() {
		name, key := spec.Name, testKey(t, spec.Name)
		for _, algorithm := range algorithms {
			if !slices.Contains(spec.Algorithms(EncryptDecrypt), algorithm) {
				_, encryptErr := key.Encrypt(algorithm, []byte("x"))
				_, decryptErr := key.Decrypt(algorithm, []byte("x"))
				requireErrAlgorithm(t, name+" "+algorithm, encryptErr, decryptErr)
			}
			if !slices.Contains(spec.Algorithms(SignVerify), algorithm) {
				_, signErr := key.Sign(algorithm, make([]byte, 32))
				_, verifyErr := key.Verify(algorithm, make([]byte, 32), []byte("x"))
				requireErrAlgorithm(t, name+" "+algorithm, signErr, verifyErr)
			}
		}
	}
}

func requireErrAlgorithm(t *testing.T, what string, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: %v, want ErrAlgorithm", what, err)
		}
	}
}

// With -race this also shows that no method of a key writes to it.
func TestKeyServesManyGoroutines(t *testing.T) {
	for _, spec := range asymmetric() {
		key := testKey(t, spec.Name)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 3 {
					useKey(t, spec, key)
				}
			})
		}
		group.Wait()
	}
}

func useKey(t *testing.T, spec *Spec, key PrivateKey) {
	for _, algorithm := range spec.Algorithms(EncryptDecrypt) {
		ciphertext, err := key.Encrypt(algorithm, []byte("plaintext"))
		if err != nil {
			t.Error(err)
		}
		if opened, err := key.Decrypt(algorithm, ciphertext); err != nil || string(opened) != "plaintext" {
			t.Errorf("%s: %q, %v", algorithm, opened, err)
		}
	}
	for _, algorithm := range spec.Algorithms(SignVerify) {
		signature, err := key.Sign(algorithm, make([]byte, 32))
		if err != nil {
			t.Error(err)
		}
		if ok, err := key.Verify(algorithm, make([]byte, 32), signature); !ok || err != nil {
			t.Errorf("%s: %v, %v", algorithm, ok, err)
		}
	}
	if _, err := key.Marshal(); err != nil {
		t.Error(err)
	}
	if _, err := key.PublicKeyPEM(); err != nil {
		t.Error(err)
	}
}
