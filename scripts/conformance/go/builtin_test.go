package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// builtInKey is a key that an alikms without a fixture has.
type builtInKey struct {
	id, version, alias, spec, usage string
	privateKey                      string // PEM; "" of a symmetric key
	material                        string // base64; "" of an asymmetric key
}

func (k builtInKey) symmetric() bool { return k.material != "" }

// defaultScenario is the fixture that is built in, which fixtures/README.md shows.
var defaultScenario = filepath.Join(alikms.Repository, "fixtures", "default.yaml")

// builtInKeys are its keys, in its order.
var builtInKeys = readKeys(defaultScenario)

var (
	rsa2048Key     = builtIn("alias/demo-rsa-2048")
	rsa3072Key     = builtIn("alias/demo-rsa-3072")
	sm2Key         = builtIn("alias/demo-sm2")
	rsa2048SignKey = builtIn("alias/demo-rsa-2048-sign")
	rsa3072SignKey = builtIn("alias/demo-rsa-3072-sign")
	sm2SignKey     = builtIn("alias/demo-sm2-sign")
	rsa4096Key     = builtIn("alias/demo-rsa-4096")
	rsa4096SignKey = builtIn("alias/demo-rsa-4096-sign")
	p256SignKey    = builtIn("alias/demo-p256-sign")
	p256kSignKey   = builtIn("alias/demo-p256k-sign")
)

// builtIn finds a key by its alias.
func builtIn(alias string) builtInKey {
	for _, key := range builtInKeys {
		if key.alias == alias {
			return key
		}
	}
	panic(defaultScenario + " has no " + alias)
}

// readKeys reads the keys of a scenario in which each has one alias and one
// version.
func readKeys(file string) (keys []builtInKey) {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	var scenario struct {
		Keys []struct {
			KeyID    string   `yaml:"keyId"`
			KeySpec  string   `yaml:"keySpec"`
			KeyUsage string   `yaml:"keyUsage"`
			Aliases  []string `yaml:"aliases"`
			Versions []struct {
				KeyVersionID string `yaml:"keyVersionId"`
				PrivateKey   string `yaml:"privateKey"`
				KeyMaterial  string `yaml:"keyMaterial"`
			} `yaml:"versions"`
		} `yaml:"keys"`
	}
	if err := yaml.Unmarshal(text, &scenario); err != nil {
		panic(err)
	}
	for _, key := range scenario.Keys {
		if len(key.Aliases) != 1 || len(key.Versions) != 1 {
			panic(fmt.Sprintf("%s: %s has not one alias and one version", file, key.KeyID))
		}
		keys = append(keys, builtInKey{
			key.KeyID, key.Versions[0].KeyVersionID, key.Aliases[0], key.KeySpec, key.KeyUsage,
			key.Versions[0].PrivateKey, key.Versions[0].KeyMaterial,
		})
	}
	return keys
}

// The algorithms of each spec (the vendor's page "Key management types and key
// specifications").
var (
	encryptionAlgorithms = map[string][]string{
		"RSA_2048": {"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"},
		"RSA_3072": {"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"},
		"RSA_4096": {"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"},
		"EC_SM2":   {"SM2PKE"},
	}
	signatureAlgorithms = map[string][]string{
		"RSA_2048": {"RSA_PKCS1_SHA_256", "RSA_PSS_SHA_256"},
		"RSA_3072": {"RSA_PKCS1_SHA_256", "RSA_PSS_SHA_256"},
		"RSA_4096": {"RSA_PKCS1_SHA_256", "RSA_PSS_SHA_256"},
		"EC_SM2":   {"SM2DSA"},
		"EC_P256":  {"ECDSA_SHA_256"},
		"EC_P256K": {"ECDSA_SHA_256"},
	}
)

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
