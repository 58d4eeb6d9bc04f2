package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"os"

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

// writeScenario writes the keys as alikms reads them.
func writeScenario(path string, keys []testKey) error {
	type object = map[string]any
	scenario := object{"region": "cn-hangzhou"}
	var list []object
	for _, k := range keys {
		version := object{"keyVersionId": k.VersionID}
		if spec, _ := keyspec.Lookup(k.Spec); spec.Symmetric() {
			version["keyMaterial"] = k.Material
		} else {
			version["privateKey"] = keyspec.PEM(k.Material)
		}
		list = append(list, object{"keyId": k.ID, "keySpec": k.Spec, "keyUsage": k.Usage, "aliases": []string{"alias/" + k.ID}, "versions": []object{version}})
	}
	if len(list) > 0 {
		scenario["keys"] = list
	}
	return writeJSON(path, scenario)
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// writeSecrets writes a secret for each symmetric key, as alikms reads it, with so
// many versions.
func writeSecrets(path string, keys []testKey, versions int) error {
	type object = map[string]any
	var secrets []object
	for _, k := range keys {
		if spec, _ := keyspec.Lookup(k.Spec); !spec.Symmetric() {
			continue
		}
		secret := object{"secretName": k.secretName(), "encryptionKeyId": k.ID}
		var all []object
		for n := range versions {
			all = append(all, object{"versionId": fmt.Sprint("v", n), "secretData": plaintext})
		}
		secret["versions"] = all
		secrets = append(secrets, secret)
	}
	return writeJSON(path, object{"secrets": secrets})
}
