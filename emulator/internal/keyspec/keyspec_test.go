package keyspec

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A specFact is what KMS documents of a spec, and what the tests need for it.
type specFact struct {
	name         string
	size         int    // of a symmetric key, in bytes
	pem          string // PKCS#8 file in testdata, made with openssl: generating RSA keys takes too long for every test
	publicKeyDER int    // size in bytes
	slow         bool
	defaultUsage string
	encryption   []encryptionFact
	signatures   []string // algorithms
}

// An encryptionFact has sizes in bytes: the longest plaintext, and the
// ciphertext of the longest.
type encryptionFact struct {
	algorithm             string
	plaintext, ciphertext int
}

var rsaSignatures = []string{"RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256"}

// specFacts are in the order in which KMS lists the specs. A new spec is a row
// here too.
var specFacts = []specFact{
	{name: "Aliyun_AES_256", size: 32, defaultUsage: EncryptDecrypt},
	{name: "Aliyun_AES_192", size: 24, defaultUsage: EncryptDecrypt},
	{name: "Aliyun_AES_128", size: 16, defaultUsage: EncryptDecrypt},
	{name: "Aliyun_SM4", size: 16, defaultUsage: EncryptDecrypt},
	{name: "RSA_2048", pem: "rsa-2048-pkcs8.pem", publicKeyDER: 294, slow: true, defaultUsage: SignVerify,
		encryption: []encryptionFact{{"RSAES_OAEP_SHA_1", 214, 256}, {"RSAES_OAEP_SHA_256", 190, 256}}, signatures: rsaSignatures},
	{name: "RSA_3072", pem: "rsa-3072-pkcs8.pem", publicKeyDER: 422, slow: true, defaultUsage: SignVerify,
		encryption: []encryptionFact{{"RSAES_OAEP_SHA_1", 342, 384}, {"RSAES_OAEP_SHA_256", 318, 384}}, signatures: rsaSignatures},
	{name: "RSA_4096", pem: "rsa-4096-pkcs8.pem", publicKeyDER: 550, slow: true, defaultUsage: SignVerify,
		encryption: []encryptionFact{{"RSAES_OAEP_SHA_1", 470, 512}, {"RSAES_OAEP_SHA_256", 446, 512}}, signatures: rsaSignatures},
	{name: "EC_P256", pem: "p256-pkcs8.pem", publicKeyDER: 91, defaultUsage: SignVerify, signatures: []string{"ECDSA_SHA_256"}},
	{name: "EC_P256K", pem: "secp256k1-pkcs8.pem", publicKeyDER: 88, defaultUsage: SignVerify, signatures: []string{"ECDSA_SHA_256"}},
	{name: "EC_SM2", pem: "sm2-pkcs8.pem", publicKeyDER: 91, defaultUsage: SignVerify,
		encryption: []encryptionFact{{"SM2PKE", 6047, 6144}}, signatures: []string{"SM2DSA"}},
}

func factOf(tb testing.TB, spec string) specFact {
	tb.Helper()
	i := slices.IndexFunc(specFacts, func(f specFact) bool { return f.name == spec })
	if i < 0 {
		tb.Fatalf("no facts of %s", spec)
	}
	return specFacts[i]
}

// encryptionOf gives the sizes of an algorithm that encrypts.
func encryptionOf(tb testing.TB, spec, algorithm string) encryptionFact {
	tb.Helper()
	for _, e := range factOf(tb, spec).encryption {
		if e.algorithm == algorithm {
			return e
		}
	}
	tb.Fatalf("no sizes of %s with %s", algorithm, spec)
	return encryptionFact{}
}

// algorithms are those of the spec for a usage.
func (f specFact) algorithms(usage string) []string {
	if usage == SignVerify {
		return f.signatures
	}
	var all []string
	for _, e := range f.encryption {
		all = append(all, e.algorithm)
	}
	return all
}

// allAlgorithms are those of all specs.
func allAlgorithms() []string {
	var all []string
	for _, f := range specFacts {
		all = append(append(all, f.algorithms(EncryptDecrypt)...), f.signatures...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// asymmetric and symmetric are the specs with and without key pairs.
func asymmetric() []*Spec { return slices.DeleteFunc(All(), (*Spec).Symmetric) }

func symmetric() []*Spec {
	return slices.DeleteFunc(All(), func(s *Spec) bool { return !s.Symmetric() })
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
	key, err := mustLookup(tb, spec).ParsePEM(readTestdata(tb, factOf(tb, spec).pem))
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

// generated makes one key of each spec, once: those of RSA take seconds.
var generated = sync.OnceValues(func() (map[string]Key, error) {
	keys := map[string]Key{}
	for _, spec := range All() {
		key, err := spec.Generate()
		if err != nil {
			return nil, err
		}
		keys[spec.Name] = key
	}
	return keys, nil
})

func generatedKey(tb testing.TB, spec string) Key {
	tb.Helper()
	keys, err := generated()
	if err != nil {
		tb.Fatal(err)
	}
	return keys[spec]
}

func TestSpecsAreThoseOfKMS(t *testing.T) {
	var names []string
	for _, f := range specFacts {
		names = append(names, f.name)
		checkSpec(t, mustLookup(t, f.name), f)
	}
	if got := Names(); !slices.Equal(got, names) {
		t.Errorf("names %q, want %q", got, names)
	}
	for i, spec := range All() {
		if spec.Name != names[i] {
			t.Errorf("All()[%d] is %s, want %s", i, spec.Name, names[i])
		}
	}
}

func checkSpec(t *testing.T, spec *Spec, f specFact) {
	t.Helper()
	if got := spec.DefaultUsage(); got != f.defaultUsage || !slices.Contains(spec.Usages(), got) {
		t.Errorf("%s: default usage %q, want %q; usages %q", f.name, got, f.defaultUsage, spec.Usages())
	}
	if spec.Slow() != f.slow || spec.Size() != f.size || spec.Symmetric() != (f.size > 0) {
		t.Errorf("%s: slow %v, size %d, symmetric %v", f.name, spec.Slow(), spec.Size(), spec.Symmetric())
	}
	for _, usage := range []string{EncryptDecrypt, SignVerify} {
		want := f.algorithms(usage)
		if got := spec.Algorithms(usage); !slices.Equal(got, want) {
			t.Errorf("%s, %s: algorithms %q, want %q", f.name, usage, got, want)
		}
		can := len(want) > 0 || f.size > 0 && usage == EncryptDecrypt
		if got := slices.Contains(spec.Usages(), usage); got != can {
			t.Errorf("%s: usages %q", f.name, spec.Usages())
		}
	}
}

func TestLookupFindsNoOtherSpec(t *testing.T) {
	for _, name := range []string{"", "rsa_2048", "RSA_1024", "AES_256", "EC_P384"} {
		if spec, ok := Lookup(name); ok || spec != nil {
			t.Errorf("Lookup(%q) found %v", name, spec)
		}
	}
}

func TestSpecsHandOutCopies(t *testing.T) {
	for _, spec := range asymmetric() {
		spec.Algorithms(SignVerify)[0] = "changed"
	}
	Names()[0] = "changed"
	All()[0] = nil
	TestSpecsAreThoseOfKMS(t)
}

func TestKnownAlgorithmsAreThoseOfKMS(t *testing.T) {
	for _, name := range allAlgorithms() {
		if !KnownAlgorithm(name) {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"", "sm2pke", "RSAES_PKCS1_V1_5", "ENCRYPT/DECRYPT"} {
		if KnownAlgorithm(name) {
			t.Errorf("%q is known", name)
		}
	}
}

func TestGeneratedKeySurvivesMarshalling(t *testing.T) {
	for _, spec := range All() {
		key := generatedKey(t, spec.Name)
		material, err := key.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := spec.Parse(material)
		if err != nil {
			t.Fatal(err)
		}
		requireSameKey(t, key, parsed)
		if spec.Symmetric() {
			continue
		}
		fromPEM, err := spec.ParsePEM([]byte(PEM(material)))
		if err != nil {
			t.Fatal(err)
		}
		requireSameKey(t, key, fromPEM)
	}
}

func requireSameKey(t *testing.T, a, b Key) {
	t.Helper()
	aMaterial, errA := a.Marshal()
	bMaterial, errB := b.Marshal()
	if errA != nil || errB != nil || !bytes.Equal(aMaterial, bMaterial) {
		t.Fatalf("keys differ (%v, %v)", errA, errB)
	}
	if a, ok := a.(PrivateKey); ok {
		requireSamePublicKey(t, a, b.(PrivateKey))
	}
}

func requireSamePublicKey(t *testing.T, a, b PrivateKey) {
	t.Helper()
	aPublic, errA := a.PublicKeyPEM()
	bPublic, errB := b.PublicKeyPEM()
	if errA != nil || errB != nil || aPublic != bPublic {
		t.Fatalf("public keys differ (%v, %v):\n%s%s", errA, errB, aPublic, bPublic)
	}
}

func TestTwoGeneratedKeysDiffer(t *testing.T) {
	for _, spec := range All() {
		if spec.Slow() {
			continue // RSA keys are generated by the same function, which is crypto/rsa's
		}
		another, err := spec.Generate()
		if err != nil {
			t.Fatal(err)
		}
		a, errA := generatedKey(t, spec.Name).Marshal()
		b, errB := another.Marshal()
		if errA != nil || errB != nil || bytes.Equal(a, b) {
			t.Errorf("%s: the same key twice (%v, %v)", spec.Name, errA, errB)
		}
	}
}

func TestParseRefusesKeyOfAnotherSpec(t *testing.T) {
	for _, spec := range asymmetric() {
		der, err := testKey(t, spec.Name).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range All() {
			want := other.Name + " needs "
			if other.Symmetric() {
				want = other.Name + " key has the wrong length"
			}
			key, err := other.Parse(der)
			if other == spec && err != nil {
				t.Errorf("%s: own key refused: %v", spec.Name, err)
			}
			if other != spec && (key != nil || err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s as %s: %v, %v", spec.Name, other.Name, key, err)
			}
		}
	}
}

func TestParseRefusesWhatIsNotPKCS8(t *testing.T) {
	for _, spec := range asymmetric() {
		der, err := testKey(t, spec.Name).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for what, input := range map[string][]byte{
			"nothing": nil, "one byte": {0x30}, "half a key": der[:len(der)/2], "a PEM": []byte(PEM(der)),
			"a trailing byte": append(slices.Clone(der), 0), "32 bytes": make([]byte, 32),
		} {
			if key, err := spec.Parse(input); err == nil || key != nil {
				t.Errorf("%s: %s parsed as %v, %v", spec.Name, what, key, err)
			}
		}
	}
}

func TestPublicKeyIsSPKIInLinesOf64(t *testing.T) {
	for _, spec := range asymmetric() {
		public, err := testKey(t, spec.Name).PublicKeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(public, "\n")
		last := len(lines) - 1
		if lines[0] != "-----BEGIN PUBLIC KEY-----" || lines[last-1] != "-----END PUBLIC KEY-----" || lines[last] != "" {
			t.Errorf("%s: not the frame of a public key:\n%s", spec.Name, public)
		}
		body := lines[1 : last-1]
		for _, line := range body[:len(body)-1] {
			if len(line) != 64 {
				t.Errorf("%s: line of %d characters", spec.Name, len(line))
			}
		}
		size := factOf(t, spec.Name).publicKeyDER
		if got, want := len(strings.Join(body, "")), (size+2)/3*4; got != want {
			t.Errorf("%s: %d characters of base64, want %d", spec.Name, got, want)
		}
	}
}
