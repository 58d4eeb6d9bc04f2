package keyspec

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

func symmetricKey(tb testing.TB, spec *Spec) *SymmetricKey {
	tb.Helper()
	return generatedKey(tb, spec.Name).(*SymmetricKey)
}

func seal(tb testing.TB, key *SymmetricKey, plaintext, additionalData []byte) []byte {
	tb.Helper()
	sealed, err := key.Seal(plaintext, additionalData)
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

func requireOpens(t *testing.T, key *SymmetricKey, plaintext, additionalData []byte) {
	t.Helper()
	opened, err := key.Open(seal(t, key, plaintext, additionalData), additionalData)
	if err != nil || !bytes.Equal(opened, plaintext) {
		t.Fatalf("%d bytes came back as %d, %v", len(plaintext), len(opened), err)
	}
}

func TestOpenReturnsWhatSealMade(t *testing.T) {
	for _, spec := range symmetric() {
		for _, n := range []int{0, 1, 12, 15, 16, 17, 44, 6144} {
			requireOpens(t, symmetricKey(t, spec), randomBytes(n), nil)
			requireOpens(t, symmetricKey(t, spec), randomBytes(n), randomBytes(32))
		}
	}
}

func TestSealAdds28Bytes(t *testing.T) {
	for _, spec := range symmetric() {
		for _, n := range []int{0, 1, 16, 44, 6144} {
			if got := len(seal(t, symmetricKey(t, spec), make([]byte, n), nil)); got != 12+n+16 {
				t.Errorf("%s: %d bytes sealed in %d", spec.Name, n, got)
			}
		}
	}
}

func TestSealNeverMakesTheSameTwice(t *testing.T) {
	for _, spec := range symmetric() {
		seen, ivs := map[string]bool{}, map[string]bool{}
		for range 1000 {
			sealed := seal(t, symmetricKey(t, spec), []byte("the same plaintext"), nil)
			seen[string(sealed[12:])], ivs[string(sealed[:12])] = true, true
		}
		if len(seen) != 1000 || len(ivs) != 1000 {
			t.Errorf("%s: %d ciphertexts and %d IVs of 1000 encryptions", spec.Name, len(seen), len(ivs))
		}
	}
}

func TestOpenRefusesWhatSealDidNotMake(t *testing.T) {
	for _, spec := range symmetric() {
		key := symmetricKey(t, spec)
		sealed := seal(t, key, []byte("plaintext"), []byte("data"))
		wrong := [][]byte{nil, append(slices.Clone(sealed), 0), append([]byte{0}, sealed...), make([]byte, 28), make([]byte, 1<<20)}
		for n := range sealed {
			changed := slices.Clone(sealed)
			changed[n] ^= 1
			wrong = append(wrong, sealed[:n], changed)
		}
		for _, w := range wrong {
			if opened, err := key.Open(w, []byte("data")); !errors.Is(err, ErrCiphertext) || opened != nil {
				t.Errorf("%s: %x opened as %x, %v", spec.Name, w, opened, err)
			}
		}
	}
}

func TestOpenRefusesOtherAdditionalData(t *testing.T) {
	for _, spec := range symmetric() {
		key := symmetricKey(t, spec)
		for _, c := range [][2]string{{"", "data"}, {"data", ""}, {"data", "Data"}, {"data", "data "}} {
			sealed := seal(t, key, []byte("plaintext"), []byte(c[0]))
			if _, err := key.Open(sealed, []byte(c[1])); !errors.Is(err, ErrCiphertext) {
				t.Errorf("%s: sealed with %q, opened with %q: %v", spec.Name, c[0], c[1], err)
			}
		}
	}
}

func TestOpenRefusesWhatAnotherKeySealed(t *testing.T) {
	for _, spec := range symmetric() {
		sealed := seal(t, symmetricKey(t, spec), []byte("plaintext"), nil)
		for _, other := range symmetric() {
			key, err := other.Generate()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := key.(*SymmetricKey).Open(sealed, nil); !errors.Is(err, ErrCiphertext) {
				t.Errorf("%s opened what %s sealed: %v", other.Name, spec.Name, err)
			}
		}
	}
}

// An AES key of 128 bits is as long as one of SM4.
func TestSameBytesAreAnotherKeyInAnotherSpec(t *testing.T) {
	material := make([]byte, 16)
	aes := must[Key](t)(mustLookup(t, "Aliyun_AES_128").Parse(material)).(*SymmetricKey)
	sm4 := must[Key](t)(mustLookup(t, "Aliyun_SM4").Parse(material)).(*SymmetricKey)
	if _, err := sm4.Open(seal(t, aes, []byte("plaintext"), nil), nil); !errors.Is(err, ErrCiphertext) {
		t.Errorf("%v, want ErrCiphertext", err)
	}
}

func TestSymmetricKeyHasExactlyItsSize(t *testing.T) {
	for _, spec := range symmetric() {
		for n := range 70 {
			key, err := spec.Parse(make([]byte, n))
			if n == spec.Size() {
				if err != nil || len(must[[]byte](t)(key.Marshal())) != n {
					t.Errorf("%s: %d bytes: %v", spec.Name, n, err)
				}
				continue
			}
			if err == nil || key != nil || !strings.HasPrefix(err.Error(), spec.Name+" key has the wrong length: ") {
				t.Errorf("%s: %d bytes: %v, %v", spec.Name, n, key, err)
			}
		}
	}
}

func TestSymmetricKeyKeepsItsOwnBytes(t *testing.T) {
	for _, spec := range symmetric() {
		material := randomBytes(spec.Size())
		want := slices.Clone(material)
		key := must[Key](t)(spec.Parse(material))
		clear(material)
		clear(must[[]byte](t)(key.Marshal()))
		if got := must[[]byte](t)(key.Marshal()); !bytes.Equal(got, want) {
			t.Errorf("%s: a caller changed the key", spec.Name)
		}
	}
}

func TestSymmetricSpecReadsNoPEM(t *testing.T) {
	for _, spec := range symmetric() {
		key, err := spec.ParsePEM(readTestdata(t, "rsa-2048-pkcs8.pem"))
		if key != nil || err == nil || !strings.HasPrefix(err.Error(), spec.Name+" is symmetric: ") {
			t.Errorf("%s: %v, %v", spec.Name, key, err)
		}
	}
}

// With -race this also shows that neither Seal nor Open writes to the key.
func TestSymmetricKeyServesManyGoroutines(t *testing.T) {
	for _, spec := range symmetric() {
		key := symmetricKey(t, spec)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 20 {
					sealed, err := key.Seal([]byte("plaintext"), nil)
					opened, openErr := key.Open(sealed, nil)
					if err != nil || openErr != nil || string(opened) != "plaintext" {
						t.Errorf("%s: %q, %v, %v", spec.Name, opened, err, openErr)
					}
				}
			})
		}
		group.Wait()
	}
}

func FuzzOpen(f *testing.F) {
	specs := symmetric()
	for i, spec := range specs {
		sealed := seal(f, symmetricKey(f, spec), []byte("plaintext"), []byte("data"))
		f.Add(byte(i), sealed, []byte("data"))
		f.Add(byte(i), sealed[:28], []byte{})
		f.Add(byte(i), []byte{}, []byte{})
	}
	f.Fuzz(func(t *testing.T, choice byte, sealed, additionalData []byte) {
		key := symmetricKey(t, specs[int(choice)%len(specs)])
		before := bytes.Clone(sealed)
		opened, err := key.Open(sealed, additionalData)
		if err != nil && (!errors.Is(err, ErrCiphertext) || opened != nil) {
			t.Errorf("%x, %v", opened, err)
		}
		if err == nil && len(opened) != len(sealed)-28 {
			t.Errorf("%d bytes opened as %d", len(sealed), len(opened))
		}
		if !bytes.Equal(before, sealed) {
			t.Error("the caller's ciphertext was changed")
		}
		requireOpens(t, key, sealed, additionalData)
	})
}
