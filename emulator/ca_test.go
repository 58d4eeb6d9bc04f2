package emulator

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// testRegions are enough to tell a region that is listed from one that is not.
var testRegions = []string{"cn-hangzhou", "cn-shanghai"}

func newTestCA(t testing.TB, folder string) *CA {
	t.Helper()
	return openTestCA(t, folder, "buildbox", CAOptions{})
}

func openTestCA(t testing.TB, folder, host string, o CAOptions) *CA {
	t.Helper()
	ca, err := openCA(folder, testRegions, host, o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// toward is a client on this machine that asks for a name.
func toward(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: name, Conn: connAt{ip: net.IPv4(127, 0, 0, 1)}}
}

// connAt is a connection of which only the address it came in at is known.
type connAt struct {
	net.Conn
	ip net.IP
}

func (c connAt) LocalAddr() net.Addr { return &net.TCPAddr{IP: c.ip} }

// verify checks as a client does that trusts the CA.
func verify(t testing.TB, ca *CA, shown *tls.Certificate, name string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	if _, err := shown.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: ca.now()}); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// kmsNames are those by which applications reach KMS, here and there.
var kmsNames = []string{
	"kms.cn-hangzhou.aliyuncs.com",
	"kms-vpc.cn-hangzhou.aliyuncs.com",
	"kst-hzz65f176a0ogplgq0001.cryptoservice.kms.aliyuncs.com",
	"kst-hzz65f176a0ogplgq0001.localhost",
	"localhost",
	"alikms", // the container of docker-compose.yml
	"my_service.internal",
	"alikms.ci.svc",
	"alikms.ci.svc.cluster.local",
	"host.docker.internal",
}

// foreignNames are none of alikms's business.
var foreignNames = []string{
	"example.com",
	"kms.example.com",
	"sts.aliyuncs.com",
	"kms.aliyuncs.com",
	"aliyuncs.com",
	"kms-log.cn-hangzhou.aliyuncs.com",
	"kms.xx-unlisted.aliyuncs.com",
	"kms.cn-hangzhou.aliyuncs.com.example.com",
	"evilkms.cn-hangzhou.aliyuncs.com",
	"evilaliyuncs.com",
	"other", // a compose service that --tls-name does not give
	"*.localhost",
	"-x.localhost",
	"a..localhost",
	"a b.localhost",
	"kms.cn-hangzhou.aliyuncs.com\x00.example.com",
	"\u212ams.cn-hangzhou.aliyuncs.com",
	strings.Repeat("a", 64) + ".localhost",
	strings.Repeat("a.", 127) + "localhost",
}

func TestNamesOfKMSVerify(t *testing.T) {
	ca := newTestCA(t, t.TempDir())
	verifyAll(t, ca, append(slices.Clone(kmsNames), "KMS.cn-Hangzhou.aliyuncs.com", "buildbox"))
}

// verifyAll asks for a certificate for each name and verifies it.
func verifyAll(t *testing.T, ca *CA, names []string) {
	t.Helper()
	for _, name := range names {
		shown, err := ca.certificate(toward(name))
		if err != nil || shown == nil {
			t.Errorf("%s: %v %v", name, shown, err)
			continue
		}
		verify(t, ca, shown, name)
	}
}

func TestForeignNamesAreRefused(t *testing.T) {
	ca := newTestCA(t, t.TempDir())
	for _, name := range foreignNames {
		if shown, err := ca.certificate(toward(name)); shown != nil || err != nil {
			t.Errorf("%q is not refused: %v %v", name, shown != nil, err)
		}
	}
}

func TestWithoutANameTheAddressVerifies(t *testing.T) {
	ca := newTestCA(t, t.TempDir())
	for _, name := range []string{"", "127.0.0.1"} {
		shown, err := ca.certificate(&tls.ClientHelloInfo{ServerName: name, Conn: connAt{ip: net.IPv4(172, 18, 0, 2)}})
		if err != nil || shown == nil {
			t.Fatal(shown, err)
		}
		for _, address := range []string{"127.0.0.1", "::1", "localhost", "172.18.0.2", "alikms", "buildbox"} {
			verify(t, ca, shown, address)
		}
	}
}

func TestTheCAIsKept(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	first, second := newTestCA(t, folder), newTestCA(t, folder)
	if string(first.PEM()) != string(second.PEM()) {
		t.Error("the second start has another CA")
	}
	shown, err := second.certificate(toward("alikms"))
	if err != nil {
		t.Fatal(err)
	}
	verify(t, first, shown, "alikms")
	if block, rest := pem.Decode(first.PEM()); block.Type != "CERTIFICATE" || len(rest) > 0 {
		t.Error("what clients get is more than a certificate")
	}
	for path, want := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, caFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) != 1 {
		t.Errorf("left in the folder: %v", left)
	}
}

func TestEachFolderHasACAOfItsOwn(t *testing.T) {
	first, second := newTestCA(t, t.TempDir()), newTestCA(t, t.TempDir())
	if string(first.PEM()) == string(second.PEM()) {
		t.Error("two folders have one CA")
	}
}

func TestLeavesAreMadeOnceAndBounded(t *testing.T) {
	long(t)
	ca := newTestCA(t, t.TempDir())
	name := func(n int) string { return fmt.Sprintf("service-%d.test", n) }
	first, _ := ca.certificate(toward(name(0)))
	again, _ := ca.certificate(toward(name(0)))
	if first != again {
		t.Error("a leaf was made twice")
	}
	for n := range maxLeaves + 10 {
		if _, err := ca.certificate(toward(name(n))); err != nil {
			t.Fatal(err)
		}
	}
	if len(ca.leaves) > maxLeaves {
		t.Errorf("%d leaves are kept, more than %d", len(ca.leaves), maxLeaves)
	}
}

func TestALeafIsRenewedBeforeItExpires(t *testing.T) {
	now := time.Now()
	ca := openTestCA(t, t.TempDir(), "", CAOptions{Now: func() time.Time { return now }})
	for range 2 {
		shown, err := ca.certificate(toward("alikms"))
		if err != nil {
			t.Fatal(err)
		}
		verify(t, ca, shown, "alikms")
		now = now.Add(leafLifetime - backdating)
	}
}

func TestABadCAFileIsOneLine(t *testing.T) {
	good := t.TempDir()
	newTestCA(t, good)
	text, err := os.ReadFile(filepath.Join(good, caFile))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	newTestCA(t, other)
	otherText, _ := os.ReadFile(filepath.Join(other, caFile))
	certificate, key, _ := strings.Cut(string(text), "-----BEGIN PRIVATE")
	_, otherKey, _ := strings.Cut(string(otherText), "-----BEGIN PRIVATE")
	foreign, err := newTestCA(t, t.TempDir()).leaf([]string{"alikms"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: foreign.Certificate[0]}))
	ownKey, _ := x509.MarshalPKCS8PrivateKey(foreign.PrivateKey)
	for name, bad := range map[string]string{
		"empty":                 "",
		"text":                  "hello",
		"cut":                   string(text[:len(text)/2]),
		"without key":           certificate,
		"without certificate":   "-----BEGIN PRIVATE" + key,
		"another's key":         certificate + "-----BEGIN PRIVATE" + otherKey,
		"a server certificate":  leaf + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ownKey})),
		"damaged in the middle": strings.Replace(string(text), certificate[200:204], "AAAA", 1),
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, caFile)
			if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := OpenCA(folder, CAOptions{})
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it") {
				t.Errorf("the error is: %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != bad {
				t.Error("the file was changed")
			}
		})
	}
}

// FuzzServerName: whatever a client sends, it is refused or the certificate
// verifies for it.
func FuzzServerName(f *testing.F) {
	for _, name := range slices.Concat(kmsNames, foreignNames) {
		f.Add(name)
	}
	ca := newTestCA(f, f.TempDir())
	f.Fuzz(func(t *testing.T, name string) {
		shown, err := ca.certificate(toward(name))
		switch {
		case err != nil:
			t.Error(err)
		case shown != nil && (name == "" || net.ParseIP(name) != nil):
			verify(t, ca, shown, "localhost")
		case shown != nil:
			verify(t, ca, shown, name)
		}
	})
}

func FuzzCAFile(f *testing.F) {
	folder := f.TempDir()
	newTestCA(f, folder)
	text, err := os.ReadFile(filepath.Join(folder, caFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		pair, err := readCA(text)
		if err == nil && (pair.Leaf == nil || !pair.Leaf.IsCA) {
			t.Error("accepted without being a CA")
		}
	})
}

func BenchmarkMakeLeaf(b *testing.B) {
	ca := newTestCA(b, b.TempDir())
	for b.Loop() {
		if _, err := ca.makeLeaf([]string{"alikms"}, nil, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
