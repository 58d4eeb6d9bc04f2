package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strings"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/keyspec"
)

// testKey is a key of a run. All servers that are compared hold the same ones.
type testKey struct {
	ID, VersionID string
	Spec, Usage   string
	Material      []byte // as keyspec marshals it
}

// secretName is that of the secret that a symmetric key encrypts.
func (k testKey) secretName() string { return "secret/" + k.ID }

// newKeys makes a key of each spec and usage.
func newKeys() (keys []testKey, err error) {
	for _, spec := range keyspec.All() {
		key, err := spec.Generate()
		if err != nil {
			return nil, err
		}
		material, err := key.Marshal()
		if err != nil {
			return nil, err
		}
		for _, usage := range spec.Usages() {
			keys = append(keys, named(len(keys), spec.Name, usage, material))
		}
	}
	return keys, nil
}

func named(i int, spec, usage string, material []byte) testKey {
	return testKey{fmt.Sprintf("key-bench%06d", i), uuid.NewString(), spec, usage, material}
}

// newRSAKeys makes many different key pairs of RSA_2048 in little time: each is
// of two primes out of a few. Such keys are good for nothing else, for who has
// two of them may factor both.
func newRSAKeys(count int) (keys []testKey, err error) {
	var primes []*big.Int
	for len(keys) < count {
		prime, err := rsaPrime(1024)
		if err != nil {
			return nil, err
		}
		for _, other := range primes {
			material, err := rsaPair(prime, other)
			if err != nil {
				return nil, err
			}
			keys = append(keys, named(len(keys), "RSA_2048", keyspec.EncryptDecrypt, material))
		}
		primes = append(primes, prime)
	}
	return keys[:count], nil
}

const rsaExponent = 65537

// rsaPrime finds a prime that a modulus of twice as many bits can have.
func rsaPrime(bits int) (*big.Int, error) {
	for {
		prime, err := rand.Prime(rand.Reader, bits)
		if err != nil {
			return nil, err
		}
		before := new(big.Int).Sub(prime, big.NewInt(1))
		if new(big.Int).Mod(before, big.NewInt(rsaExponent)).Sign() != 0 {
			return prime, nil
		}
	}
}

func rsaPair(p, q *big.Int) ([]byte, error) {
	one := big.NewInt(1)
	totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: rsaExponent},
		D:         new(big.Int).ModInverse(big.NewInt(rsaExponent), totient),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return x509.MarshalPKCS8PrivateKey(key)
}

// newSymmetricKeys makes many keys that cost little to seed.
func newSymmetricKeys(count int) (keys []testKey) {
	for i := range count {
		material := make([]byte, 32)
		rand.Read(material)
		keys = append(keys, named(1000+i, "Aliyun_AES_256", keyspec.EncryptDecrypt, material))
	}
	return keys
}

// writeScenario writes the keys as users do, in YAML.
func writeScenario(path string, keys []testKey) error {
	var text strings.Builder
	text.WriteString("region: cn-hangzhou\n")
	if len(keys) > 0 {
		text.WriteString("keys:\n")
	}
	for _, k := range keys {
		fmt.Fprintf(&text, "  - keyId: %s\n    keySpec: %s\n    keyUsage: %s\n    aliases: [alias/%s]\n    versions:\n      - keyVersionId: %q\n", k.ID, k.Spec, k.Usage, k.ID, k.VersionID)
		if spec, _ := keyspec.Lookup(k.Spec); spec.Symmetric() {
			fmt.Fprintf(&text, "        keyMaterial: %s\n", base64.StdEncoding.EncodeToString(k.Material))
			continue
		}
		text.WriteString("        privateKey: |\n")
		for line := range strings.Lines(keyspec.PEM(k.Material)) {
			text.WriteString("          " + line)
		}
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// writeSecrets writes a secret for each symmetric key, as alikms reads it, with so
// many versions; for a key without material, one under the account's own key.
func writeSecrets(path string, keys []testKey, versions int) error {
	type object = map[string]any
	var secrets []object
	for _, k := range keys {
		secret := object{"secretName": k.secretName()}
		if k.Material != nil {
			if spec, _ := keyspec.Lookup(k.Spec); !spec.Symmetric() {
				continue
			}
			secret["encryptionKeyId"] = k.ID
		}
		var all []object
		for n := range versions {
			all = append(all, object{"versionId": fmt.Sprint("v", n), "secretData": plaintext})
		}
		secret["versions"] = all
		secrets = append(secrets, secret)
	}
	return writeJSON(path, object{"secrets": secrets})
}
