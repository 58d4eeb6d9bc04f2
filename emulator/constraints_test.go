package emulator

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sign is what a thief of the CA's key could do: it makes a certificate for any
// name and any use.
func sign(t *testing.T, ca *CA, name string, use x509.ExtKeyUsage) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: ca.now(), NotAfter: ca.now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{use}}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.pair.Leaf, key.Public(), ca.pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func trusted(ca *CA, c *x509.Certificate, name string, use x509.ExtKeyUsage) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca.pair.Leaf)
	_, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: ca.now(), KeyUsages: []x509.ExtKeyUsage{use}})
	return err
}

func TestAStolenCAIsGoodForNoOtherName(t *testing.T) {
	ca := openTestCA(t, t.TempDir(), "buildbox", CAOptions{Names: []string{"kms.example.com"}})
	for _, name := range []string{"example.com", "www.google.com", "sts.aliyuncs.com", "kms.aliyuncs.com", "evil.aliyuncs.com", "kms.xx-unlisted.aliyuncs.com", "evilbuildbox"} {
		if err := trusted(ca, sign(t, ca, name, x509.ExtKeyUsageServerAuth), name, x509.ExtKeyUsageServerAuth); err == nil {
			t.Errorf("a client takes a certificate for %s", name)
		}
	}
	for _, name := range []string{"kms.example.com", "a.kms.example.com", "kms.cn-shanghai.aliyuncs.com", "buildbox"} {
		if err := trusted(ca, sign(t, ca, name, x509.ExtKeyUsageServerAuth), name, x509.ExtKeyUsageServerAuth); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStolenCAIsGoodForServersOnly(t *testing.T) {
	ca := newTestCA(t, t.TempDir())
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageEmailProtection} {
		if err := trusted(ca, sign(t, ca, "localhost", use), "", use); err == nil {
			t.Errorf("its certificate is good for use %d", use)
		}
	}
}

func TestTheCAIsValidForTwoYears(t *testing.T) {
	ca := newTestCA(t, t.TempDir())
	c := ca.pair.Leaf
	if days := time.Until(c.NotAfter).Hours() / 24; days < 729 || days > 730 {
		t.Errorf("%v days", days)
	}
	if !c.PermittedDNSDomainsCritical || !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("critical: %v, uses: %v", c.PermittedDNSDomainsCritical, c.ExtKeyUsage)
	}
	ranges := []string{}
	for _, r := range c.PermittedIPRanges {
		ranges = append(ranges, r.String())
	}
	if !slices.Equal(ranges, []string{"0.0.0.0/0", "::/0"}) {
		t.Errorf("addresses: %v", ranges)
	}
}

func TestEveryRegionOfTheServiceIsPermitted(t *testing.T) {
	ca, err := OpenCA(t.TempDir(), CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"alikms", "cryptoservice.kms.aliyuncs.com", "localhost", "local", "internal", "test", "svc"}
	for _, region := range []string{"cn-hangzhou", "cn-hongkong", "us-east-1", "eu-central-1", "cn-beijing-finance-1"} {
		names = append(names, "kms."+region+".aliyuncs.com", "kms-vpc."+region+".aliyuncs.com")
	}
	for _, name := range names {
		if !slices.Contains(ca.pair.Leaf.PermittedDNSDomains, name) {
			t.Errorf("%s is not permitted", name)
		}
	}
	if host, err := os.Hostname(); err == nil && !ca.permits(strings.ToLower(host)) {
		t.Errorf("the machine's name %s is not permitted", host)
	}
}

// reopened opens the CA of a folder again, with other options, and says whether
// it is another one, and what the log says.
func reopened(t *testing.T, folder, host string, o CAOptions) (replaced bool, log string) {
	t.Helper()
	before := caText(t, folder)
	var text bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	openTestCA(t, folder, host, o)
	return caText(t, folder) != before, text.String()
}

func caText(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, caFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func daysOn(days int) func() time.Time {
	now := time.Now().AddDate(0, 0, days)
	return func() time.Time { return now }
}

func TestWhenTheCAIsReplaced(t *testing.T) {
	for _, c := range []struct {
		name          string
		host          string
		first, second CAOptions
		replacedFor   string // "": it is kept
	}{
		{"the same names", "buildbox", CAOptions{Names: []string{"a.example", "b.example"}}, CAOptions{Names: []string{"b.example", "A.example.", "a.example"}}, ""},
		{"a name more", "buildbox", CAOptions{}, CAOptions{Names: []string{"a.example"}}, "other names"},
		{"a name less", "buildbox", CAOptions{Names: []string{"a.example"}}, CAOptions{}, "other names"},
		{"a name that was good before", "buildbox", CAOptions{}, CAOptions{Names: []string{"a.localhost", "test"}}, ""},
		{"another machine", "laptop.fritz.box", CAOptions{}, CAOptions{}, ""},
		{"another machine, told", "laptop", CAOptions{}, CAOptions{Names: []string{"laptop"}}, "other names"},
		{"in a year", "buildbox", CAOptions{}, CAOptions{Now: daysOn(365)}, ""},
		{"soon to expire", "buildbox", CAOptions{}, CAOptions{Now: daysOn(2*365 - 20)}, "it is good from"},
		{"expired", "buildbox", CAOptions{}, CAOptions{Now: daysOn(3 * 365)}, "it is good from"},
		{"of the future", "buildbox", CAOptions{Now: daysOn(30)}, CAOptions{}, "it is good from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			openTestCA(t, folder, "buildbox", c.first)
			replaced, log := reopened(t, folder, c.host, c.second)
			if replaced != (c.replacedFor != "") {
				t.Errorf("replaced: %v", replaced)
			}
			if replaced && (strings.Count(log, "\n") != 1 || !strings.Contains(log, "clients must trust the new one") || !strings.Contains(log, c.replacedFor)) || !replaced && log != "" {
				t.Errorf("the log says: %s", log)
			}
			if again, log := reopened(t, folder, c.host, c.second); again || log != "" {
				t.Errorf("the next start: replaced %v, %s", again, log)
			}
		})
	}
}

// TestACAWithoutConstraintsIsReplaced: alikms made CAs for ten years and any name.
func TestACAWithoutConstraintsIsReplaced(t *testing.T) {
	file := caFileAt{host: "buildbox", CAOptions: CAOptions{Now: time.Now}}
	template := file.template("", time.Now())
	template.PermittedDNSDomainsCritical, template.PermittedDNSDomains, template.PermittedIPRanges, template.ExtKeyUsage = false, nil, nil, nil
	template.NotAfter = time.Now().AddDate(10, 0, 0)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	if err := os.WriteFile(filepath.Join(folder, caFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if replaced, log := reopened(t, folder, "buildbox", CAOptions{}); !replaced || !strings.Contains(log, "older alikms") {
		t.Errorf("replaced: %v, %s", replaced, log)
	}
}

func TestTLSNamesGetCertificates(t *testing.T) {
	ca := openTestCA(t, t.TempDir(), "", CAOptions{Names: []string{"KMS.Example.com.", "other"}})
	verifyAll(t, ca, []string{"kms.example.com", "a.kms.example.com", "other"})
}

func TestABadTLSNameSaysWhatIsAllowed(t *testing.T) {
	for _, name := range []string{"", ".", ".example.com", "*.example.com", "example.com:8443", "https://example.com", "[::1]", "a b", "b\u00fccher.example"} {
		_, err := OpenCA(t.TempDir(), CAOptions{Names: []string{name}})
		if err == nil || !strings.Contains(err.Error(), "--tls-name is ") || !strings.Contains(err.Error(), "kms.example.com") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAMachineNameThatIsNoneIsLeftOut(t *testing.T) {
	for _, host := range []string{"", "Anna's laptop", "(none)"} {
		ca := openTestCA(t, t.TempDir(), host, CAOptions{})
		shown, err := ca.certificate(toward("localhost"))
		if err != nil || shown == nil {
			t.Fatal(shown, err)
		}
		verify(t, ca, shown, "localhost")
		if units := ca.pair.Leaf.Subject.OrganizationalUnit; len(units) > 0 {
			t.Errorf("%q is in the CA as %q", host, units)
		}
	}
}
