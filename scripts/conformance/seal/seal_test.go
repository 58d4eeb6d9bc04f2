// Package seal has go-kms-wrapping's alicloudkms, the seal of Vault, OpenBao and
// Boundary, seal and unseal with alikms. It speaks HTTPS only, and is told what to
// trust by SSL_CERT_FILE, which Go reads once a process: so there is one CA here,
// in one folder.
package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials/providers"
	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
	"github.com/hashicorp/go-kms-wrapping/wrappers/alicloudkms/v2"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

func TestMain(m *testing.M) { alikms.Main(m) }

const wrapper = alikms.Client("github.com/hashicorp/go-kms-wrapping/wrappers/alicloudkms/v2")

const (
	sealKey   = "key-hzz0000000000000seal1"
	rsaKey    = "key-hzz0000000000000seal2"
	sealAlias = "alias/vault-unseal"
	scenario  = `
credentials: [{accessKeyId: testid, accessKeySecret: testsecret}]
keys:
  - {keyId: ` + sealKey + `, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, aliases: [` + sealAlias + `], automaticRotation: Enabled, rotationInterval: 365d}
  - {keyId: ` + rsaKey + `, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT}
`
)

// secret is what is sealed: Vault's root key.
var secret = []byte("测试消息, and thirty two bytes of key")

func TestSealAndUnseal(t *testing.T) {
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func(t *testing.T) *alikms.Process {
		p := alikms.StartKeeping(t, "--data", folder, "--fixture", file)
		trust(t, p)
		return p
	}
	var sealed *wrapping.BlobInfo
	t.Run("the first process", func(t *testing.T) {
		p := start(t)
		t.Run("seals, and unseals what is too long for a key of KMS", func(t *testing.T) {
			sealsAndUnseals(t, named(p, sealAlias), bytes.Repeat(secret, 1000))
		})
		t.Run("is found by the settings of the environment", func(t *testing.T) { fromEnvironment(t, p) })
		t.Run("is found by the real name of the region", func(t *testing.T) { byRealName(t, p) })
		if err := wrapper.Journal(alikms.Control(t, p.Endpoint, "GET", "requests", "")); err != nil {
			t.Fatal(err)
		}
		t.Run("refuses", func(t *testing.T) { refusals(t, p) })
		sealed = seal(t, open(t, named(p, sealKey)), secret)
		alikms.Control(t, p.Endpoint, "POST", "clock/advance", "{by: 366d}") // the key is rotated
		unseal(t, open(t, named(p, sealKey)), sealed, secret)
	})
	t.Run("the next unseals", func(t *testing.T) {
		unseal(t, open(t, named(start(t), sealKey)), sealed, secret)
	})
}

// trust has this process trust the CA of alikms.
func trust(t *testing.T, p *alikms.Process) {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, alikms.Control(t, p.Endpoint, "GET", "ca.pem", ""), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", ca)
}

// named are the settings of a seal stanza.
func named(p *alikms.Process, key string) map[string]string {
	return map[string]string{
		"kms_key_id": key, "region": "cn-hangzhou", "domain": p.Secure, "access_key": "testid", "secret_key": "testsecret",
	}
}

func configure(t *testing.T, settings map[string]string) (*alicloudkms.Wrapper, error) {
	t.Helper()
	w := alicloudkms.NewWrapper()
	_, err := w.SetConfig(t.Context(), wrapping.WithConfigMap(settings))
	return w, err
}

func open(t *testing.T, settings map[string]string) *alicloudkms.Wrapper {
	t.Helper()
	w, err := configure(t, settings)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func seal(t *testing.T, w *alicloudkms.Wrapper, plaintext []byte) *wrapping.BlobInfo {
	t.Helper()
	sealed, err := w.Encrypt(t.Context(), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Ciphertext, plaintext) || sealed.KeyInfo.KeyId != sealKey {
		t.Errorf("sealed by %q: %x", sealed.KeyInfo.KeyId, sealed.Ciphertext)
	}
	return sealed
}

func unseal(t *testing.T, w *alicloudkms.Wrapper, sealed *wrapping.BlobInfo, want []byte) {
	t.Helper()
	got, err := w.Decrypt(t.Context(), sealed)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("unsealed %d bytes (%v), want the %d sealed", len(got), err, len(want))
	}
}

func sealsAndUnseals(t *testing.T, settings map[string]string, plaintext []byte) {
	t.Helper()
	w := open(t, settings)
	unseal(t, w, seal(t, w, plaintext), plaintext)
	if id, err := w.KeyId(t.Context()); err != nil || id != sealKey {
		t.Errorf("KeyId: got %q (%v), want %s", id, err, sealKey)
	}
}

func fromEnvironment(t *testing.T, p *alikms.Process) {
	for name, value := range map[string]string{
		alicloudkms.EnvVaultAliCloudKmsSealKeyId: sealAlias, "ALICLOUD_REGION": "cn-hangzhou", "ALICLOUD_DOMAIN": p.Secure,
		providers.EnvVarAccessKeyID: "testid", providers.EnvVarAccessKeySecret: "testsecret",
	} {
		t.Setenv(name, value)
	}
	sealsAndUnseals(t, nil, secret)
}

// byRealName leaves the domain to the SDK, which knows the region's. A proxy takes
// the place of a network where that name leads to alikms.
func byRealName(t *testing.T, p *alikms.Process) {
	t.Setenv("HTTPS_PROXY", p.Resolver(t))
	settings := named(p, sealAlias)
	delete(settings, "domain")
	sealsAndUnseals(t, settings, secret)
}

// refusals reach the program that seals with their code.
func refusals(t *testing.T, p *alikms.Process) {
	for what, c := range map[string]struct{ key, says string }{
		"an unknown key":    {"key-hzz000000000000000000", "Forbidden.KeyNotFound"},
		"an unknown alias":  {"alias/unknown", "Forbidden.AliasNotFound"},
		"an asymmetric key": {rsaKey, "UnsupportedOperation"},
	} {
		w, err := configure(t, named(p, c.key))
		if err == nil {
			_, err = w.Encrypt(t.Context(), secret)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %s", what, err, c.says)
			continue
		}
		wrapper.Refused(c.says)
	}
	stranger := named(p, sealKey)
	stranger["secret_key"] = "wrong"
	if _, err := configure(t, stranger); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("a wrong secret: got %v", err)
	}
}
