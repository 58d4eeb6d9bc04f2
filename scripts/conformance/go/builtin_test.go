package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
)

// builtInKey is a key that an alikms without a fixture has.
type builtInKey struct{ id, version, alias, spec, usage string }

// The keys of fixtures/default.yaml, which the README promises.
var (
	rsa2048Key     = builtInKey{"key-hzz630494463ejqjx0001", "2ab1a983-7072-4bbc-a582-584b5bd80001", "alias/demo-rsa-2048", "RSA_2048", "ENCRYPT/DECRYPT"}
	rsa3072Key     = builtInKey{"key-hzz630494463ejqjx0002", "2ab1a983-7072-4bbc-a582-584b5bd80002", "alias/demo-rsa-3072", "RSA_3072", "ENCRYPT/DECRYPT"}
	sm2Key         = builtInKey{"key-hzz630494463ejqjx0003", "2ab1a983-7072-4bbc-a582-584b5bd80003", "alias/demo-sm2", "EC_SM2", "ENCRYPT/DECRYPT"}
	rsa2048SignKey = builtInKey{"key-hzz630494463ejqjx0004", "2ab1a983-7072-4bbc-a582-584b5bd80004", "alias/demo-rsa-2048-sign", "RSA_2048", "SIGN/VERIFY"}
	rsa3072SignKey = builtInKey{"key-hzz630494463ejqjx0005", "2ab1a983-7072-4bbc-a582-584b5bd80005", "alias/demo-rsa-3072-sign", "RSA_3072", "SIGN/VERIFY"}
	sm2SignKey     = builtInKey{"key-hzz630494463ejqjx0006", "2ab1a983-7072-4bbc-a582-584b5bd80006", "alias/demo-sm2-sign", "EC_SM2", "SIGN/VERIFY"}

	builtInKeys = []builtInKey{rsa2048Key, rsa3072Key, sm2Key, rsa2048SignKey, rsa3072SignKey, sm2SignKey}
)

// The algorithms of each spec (kms-api.md 1.4).
var (
	encryptionAlgorithms = map[string][]string{
		"RSA_2048": {"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"},
		"RSA_3072": {"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"},
		"EC_SM2":   {"SM2PKE"},
	}
	signatureAlgorithms = map[string][]string{
		"RSA_2048": {"RSA_PKCS1_SHA_256", "RSA_PSS_SHA_256"},
		"RSA_3072": {"RSA_PKCS1_SHA_256", "RSA_PSS_SHA_256"},
		"EC_SM2":   {"SM2DSA"},
	}
)

// defaultScenario is the fixture that is built in.
var defaultScenario = filepath.Join(repository, "fixtures", "default.yaml")

// privateKeyPEMs reads the private keys off the scenario, by version id.
func privateKeyPEMs(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(defaultScenario)
	if err != nil {
		t.Fatal(err)
	}
	var scenario struct {
		Keys []struct {
			Versions []struct {
				KeyVersionID string `yaml:"keyVersionId"`
				PrivateKey   string `yaml:"privateKey"`
			} `yaml:"versions"`
		} `yaml:"keys"`
	}
	if err := yaml.Unmarshal(text, &scenario); err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, key := range scenario.Keys {
		for _, version := range key.Versions {
			keys[version.KeyVersionID] = version.PrivateKey
		}
	}
	return keys
}

func TestTheBuiltInKeysAreAsPromised(t *testing.T) {
	s := connect(t, config(start(t), signingV3))
	for _, key := range builtInKeys {
		for _, name := range []string{key.id, key.alias} {
			m := describe(s, name)
			equal(t, "KeyId of "+name, *m.KeyId, key.id)
			equal(t, "KeySpec of "+name, *m.KeySpec, key.spec)
			equal(t, "KeyUsage of "+name, *m.KeyUsage, key.usage)
		}
		equalLists(t, "versions of "+key.id, versionIDs(s, key.id), []string{key.version})
	}
}
