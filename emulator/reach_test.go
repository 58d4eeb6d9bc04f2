package emulator

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
)

// Everything seeded is reachable through the API, rules and policies apart.
func TestEveryKeyOfTheExamplesWorks(t *testing.T) {
	long(t)
	for _, name := range exampleFiles(t) {
		t.Run(name, func(t *testing.T) {
			s := newSituation(t, name)
			s.must("DELETE", "faults", "")
			s.must("DELETE", "quotas", "")
			for _, key := range s.document.Keys {
				if len(s.document.Credentials) > 0 {
					s.admit("tester", key.Account)
				}
				s.reach(key)
			}
		})
	}
}

// admit lets one more caller call, of an account; "": the scenario's.
func (s *situation) admit(accessKeyID, account string) {
	callers := interpretedCredentials(s.t, s.testServer)
	callers[accessKeyID] = auth.Credential{Secret: accessKeyID + "-secret", Account: account}
	s.know(callers)
}

// reach calls a key by each of its names, and uses each of its versions.
func (s *situation) reach(key fixtures.Key) {
	s.t.Helper()
	names := []string{key.KeyID}
	for _, alias := range key.Aliases {
		names = append(names, alias.AliasName)
	}
	for _, name := range names {
		a := s.asTester("", "DescribeKey", "KeyId", name)
		if a.text("KeyMetadata.KeyId") != key.KeyID || a.text("KeyMetadata.KeySpec") != key.KeySpec || a.text("KeyMetadata.KeyUsage") != key.KeyUsage {
			s.t.Errorf("%s is %s", name, a.body)
		}
	}
	if key.KeyState == kms.StatePendingDeletion {
		s.asTester("", "CancelKeyDeletion", "KeyId", key.KeyID)
	}
	host := ""
	if key.DKMSInstanceID != "" {
		host = key.DKMSInstanceID + ".localhost"
	}
	versions := max(1, len(key.Versions))
	if a := s.asTester("", "ListKeyVersions", "KeyId", key.KeyID); a.field("TotalCount") != float64(versions) {
		s.t.Errorf("%s has %s, want %d versions", key.KeyID, a.body, versions)
	}
	for n := range versions {
		id := fixtures.DerivedVersionID(key.KeyID, n+1)
		if n < len(key.Versions) {
			id = cmp.Or(key.Versions[n].KeyVersionID, id)
		}
		s.use(host, key, id)
	}
}

// use does with a version all that its key is for.
func (s *situation) use(host string, key fixtures.Key, versionID string) {
	s.t.Helper()
	call := func(action string, more ...string) testAnswer {
		return s.asTester(host, action, append(more, "KeyId", key.KeyID, "KeyVersionId", versionID)...)
	}
	if kms.Symmetric(key.KeySpec) {
		blob := call("Encrypt", "Plaintext", "hello").text("CiphertextBlob")
		if a := call("Decrypt", "CiphertextBlob", blob); a.text("Plaintext") != "hello" {
			s.t.Errorf("%s: %s", key.KeyID, a.body)
		}
		return
	}
	if public := call("GetPublicKey").text("PublicKey"); !strings.HasPrefix(public, "-----BEGIN PUBLIC KEY-----") {
		s.t.Errorf("the public key of %s is %q", versionID, public)
	}
	spec, _ := keyspec.Lookup(key.KeySpec)
	for _, algorithm := range spec.Algorithms(key.KeyUsage) {
		if key.KeyUsage == keyspec.SignVerify {
			signature := call("AsymmetricSign", "Algorithm", algorithm, "Digest", someDigest).text("Value")
			if a := call("AsymmetricVerify", "Algorithm", algorithm, "Digest", someDigest, "Value", signature); a.field("Value") != true {
				s.t.Errorf("%s %s: %s", versionID, algorithm, a.body)
			}
			continue
		}
		ciphertext := call("AsymmetricEncrypt", "Algorithm", algorithm, "Plaintext", "SGVsbG8=").text("CiphertextBlob")
		if a := call("AsymmetricDecrypt", "Algorithm", algorithm, "CiphertextBlob", ciphertext); a.text("Plaintext") != "SGVsbG8=" {
			s.t.Errorf("%s %s: %s", versionID, algorithm, a.body)
		}
	}
}

// asTester sends a call that has to succeed, to a host, signed where the example
// has credentials.
func (s *situation) asTester(host, action string, more ...string) testAnswer {
	s.t.Helper()
	params := form(action, more...)
	if secret, ok := s.secrets["tester"]; ok {
		params = signedForm("tester", secret, params)
	}
	return s.expect(200, "", s.byHost(host, params))
}

// manyKeys writes a scenario of n keys with their material, and gives its path.
// For reading one it does not matter that all are the same.
func manyKeys(t testing.TB, n int, spec *keyspec.Spec) string {
	t.Helper()
	version := newSeededVersion(t, spec)
	var many fixtures.Scenario
	for i := range n {
		many.Keys = append(many.Keys, fixtures.Key{
			KeyID:    fmt.Sprintf("key-%d", i),
			KeySpec:  spec.Name,
			KeyUsage: spec.Usages()[0],
			Aliases:  []fixtures.Alias{{AliasName: fmt.Sprintf("alias/%d", i)}},
			Versions: []fixtures.Version{version},
		})
	}
	text, err := many.YAML()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "many.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newSeededVersion is a version of a scenario with new material.
func newSeededVersion(t testing.TB, spec *keyspec.Spec) fixtures.Version {
	t.Helper()
	key, err := spec.Generate()
	if err != nil {
		t.Fatal(err)
	}
	material, err := key.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if spec.Symmetric() {
		return fixtures.Version{KeyMaterial: base64.StdEncoding.EncodeToString(material)}
	}
	return fixtures.Version{PrivateKey: keyspec.PEM(material)}
}

func TestAScenarioOfManyKeysIsReachable(t *testing.T) {
	long(t)
	const n = 100
	for _, spec := range keyspec.All() {
		document, problems := fixtures.Load(manyKeys(t, n, spec))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		server := newTestServer(t, func(o *Options) { o.Scenario = document })
		s := &situation{testServer: server, document: document}
		if a := s.mustDo("ListKeys"); a.field("TotalCount") != float64(n) {
			t.Errorf("%s: listed %s, want %d keys", spec.Name, a.body, n)
		}
		s.reach(document.Keys[0])
		s.reach(document.Keys[n-1])
	}
}
