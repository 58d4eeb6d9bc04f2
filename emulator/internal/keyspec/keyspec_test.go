package keyspec

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testKeys are PKCS#8 PEM files in testdata, made with openssl, one of each
// spec: generating RSA keys takes too long for every test.
var testKeys = map[string]string{
	"RSA_2048": "rsa-2048-pkcs8.pem",
	"RSA_3072": "rsa-3072-pkcs8.pem",
	"EC_SM2":   "sm2-pkcs8.pem",
}

func readTestdata(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func mustLookup(tb testing.TB, name string) *Spec {
	tb.Helper()
	spec, ok := Lookup(name)
	if !ok {
		tb.Fatalf("no spec %s", name)
	}
	return spec
}

func testKey(tb testing.TB, spec string) PrivateKey {
	tb.Helper()
	key, err := mustLookup(tb, spec).ParsePEM(readTestdata(tb, testKeys[spec]))
	if err != nil {
		tb.Fatalf("%s: %v", spec, err)
	}
	return key
}

// eachAlgorithm runs a subtest for each spec and each algorithm of the usage.
func eachAlgorithm(t *testing.T, usage string, test func(t *testing.T, spec, algorithm string, key PrivateKey)) {
	for _, name := range Names() {
		for _, algorithm := range mustLookup(t, name).Algorithms(usage) {
			t.Run(name+"/"+algorithm, func(t *testing.T) { test(t, name, algorithm, testKey(t, name)) })
		}
	}
}

func TestSpecsAreThoseOfKMS(t *testing.T) {
	rsaAlgorithms := map[string][]string{
		EncryptDecrypt: {"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"},
		SignVerify:     {"RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256"},
	}
	want := []struct {
		name       string
		slow       bool
		algorithms map[string][]string
	}{
		{"RSA_2048", true, rsaAlgorithms},
		{"RSA_3072", true, rsaAlgorithms},
		{"EC_SM2", false, map[string][]string{EncryptDecrypt: {"SM2PKE"}, SignVerify: {"SM2DSA"}}},
	}
	var names []string
	for _, w := range want {
		names = append(names, w.name)
		spec := mustLookup(t, w.name)
		if got := spec.Usages(); !slices.Equal(got, []string{EncryptDecrypt, SignVerify}) {
			t.Errorf("%s: usages %q", w.name, got)
		}
		if got := spec.DefaultUsage(); got != SignVerify {
			t.Errorf("%s: default usage %q", w.name, got)
		}
		if got := spec.Slow(); got != w.slow {
			t.Errorf("%s: slow is %v", w.name, got)
		}
		for usage, algorithms := range w.algorithms {
			if got := spec.Algorithms(usage); !slices.Equal(got, algorithms) {
				t.Errorf("%s, %s: algorithms %q, want %q", w.name, usage, got, algorithms)
			}
		}
	}
	if got := Names(); !slices.Equal(got, names) {
		t.Errorf("names %q, want %q", got, names)
	}
}

func TestLookupFindsNoOtherSpec(t *testing.T) {
	for _, name := range []string{"", "rsa_2048", "RSA_4096", "Aliyun_AES_256"} {
		if spec, ok := Lookup(name); ok || spec != nil {
			t.Errorf("Lookup(%q) found %v", name, spec)
		}
	}
}

func TestSpecsHandOutCopies(t *testing.T) {
	spec := mustLookup(t, "EC_SM2")
	spec.Algorithms(SignVerify)[0] = "changed"
	Names()[0] = "changed"
	if got := spec.Algorithms(SignVerify)[0]; got != "SM2DSA" {
		t.Errorf("algorithm %q after a caller's change", got)
	}
	if got := Names()[0]; got != "RSA_2048" {
		t.Errorf("name %q after a caller's change", got)
	}
}

func TestKnownAlgorithmsAreThoseOfKMS(t *testing.T) {
	for name, want := range map[string]bool{
		"RSAES_OAEP_SHA_1": true, "RSAES_OAEP_SHA_256": true, "SM2PKE": true,
		"RSA_PSS_SHA_256": true, "RSA_PKCS1_SHA_256": true, "SM2DSA": true, "ECDSA_SHA_256": true,
		"": false, "sm2pke": false, "RSAES_PKCS1_V1_5": false, "ENCRYPT/DECRYPT": false,
	} {
		if got := KnownAlgorithm(name); got != want {
			t.Errorf("KnownAlgorithm(%q) = %v", name, got)
		}
	}
}

func TestGeneratedKeySurvivesMarshalling(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			spec := mustLookup(t, name)
			key, err := spec.Generate()
			if err != nil {
				t.Fatal(err)
			}
			der, err := key.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := spec.Parse(der)
			if err != nil {
				t.Fatal(err)
			}
			requireSameKey(t, key, parsed)
			fromPEM, err := spec.ParsePEM([]byte(PEM(der)))
			if err != nil {
				t.Fatal(err)
			}
			requireSameKey(t, key, fromPEM)
		})
	}
}

func requireSameKey(t *testing.T, a, b PrivateKey) {
	t.Helper()
	aDER, errA := a.Marshal()
	bDER, errB := b.Marshal()
	if errA != nil || errB != nil || !bytes.Equal(aDER, bDER) {
		t.Fatalf("private keys differ (%v, %v)", errA, errB)
	}
	aPublic, errA := a.PublicKeyPEM()
	bPublic, errB := b.PublicKeyPEM()
	if errA != nil || errB != nil || aPublic != bPublic {
		t.Fatalf("public keys differ (%v, %v):\n%s%s", errA, errB, aPublic, bPublic)
	}
}

func TestTwoGeneratedKeysDiffer(t *testing.T) {
	spec := mustLookup(t, "EC_SM2")
	var publics []string
	for range 2 {
		key, err := spec.Generate()
		if err != nil {
			t.Fatal(err)
		}
		public, err := key.PublicKeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		publics = append(publics, public)
	}
	if publics[0] == publics[1] {
		t.Error("the same key twice")
	}
}

func TestParseRefusesKeyOfAnotherSpec(t *testing.T) {
	for _, name := range Names() {
		der, err := testKey(t, name).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range Names() {
			_, err := mustLookup(t, other).Parse(der)
			if name == other && err != nil {
				t.Errorf("%s: own key refused: %v", name, err)
			}
			if name != other && (err == nil || !strings.Contains(err.Error(), other+" needs ")) {
				t.Errorf("%s as %s: %v", name, other, err)
			}
		}
	}
}

func TestParseRefusesWhatIsNotPKCS8(t *testing.T) {
	for _, name := range Names() {
		der, err := testKey(t, name).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for what, input := range map[string][]byte{
			"nothing": nil, "one byte": {0x30}, "half a key": der[:len(der)/2], "a PEM": []byte(PEM(der)),
		} {
			if _, err := mustLookup(t, name).Parse(input); err == nil {
				t.Errorf("%s: %s parsed", name, what)
			}
		}
	}
}

func TestPublicKeyIsSPKIInLinesOf64(t *testing.T) {
	for name, derSize := range map[string]int{"RSA_2048": 294, "RSA_3072": 422, "EC_SM2": 91} {
		public, err := testKey(t, name).PublicKeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(public, "\n")
		last := len(lines) - 1
		if lines[0] != "-----BEGIN PUBLIC KEY-----" || lines[last-1] != "-----END PUBLIC KEY-----" || lines[last] != "" {
			t.Errorf("%s: not the frame of a public key:\n%s", name, public)
		}
		body := lines[1 : last-1]
		for _, line := range body[:len(body)-1] {
			if len(line) != 64 {
				t.Errorf("%s: line of %d characters", name, len(line))
			}
		}
		if got, want := len(strings.Join(body, "")), (derSize+2)/3*4; got != want {
			t.Errorf("%s: %d characters of base64, want %d", name, got, want)
		}
	}
}
