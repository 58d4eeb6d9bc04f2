package emulator

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// caFile holds certificate and key together, so that a reader finds both or
	// neither. Clients get the certificate from /_emulator/ca.pem.
	caFile     = "ca-key.pem"
	caLifetime = 10 * 365 * 24 * time.Hour
	// leafLifetime is within the 398 days that some clients allow.
	leafLifetime = 365 * 24 * time.Hour
	// backdating is for clients in a machine of their own, whose clock is late.
	backdating = 24 * time.Hour
	// maxLeaves bounds what is cached: clients choose the names. Making one again
	// costs a quarter of a millisecond.
	maxLeaves = 1000
	caOwner   = "alikms"
)

// CA is a certificate authority of the emulator's own, kept in a file, and the
// certificates that it made. Its methods may be called concurrently. It goes by
// real time, as clients do, whatever the emulator's clock says.
type CA struct {
	pair    tls.Certificate
	now     func() time.Time
	leafKey *ecdsa.PrivateKey // of all leaves: they live in one process

	mu     sync.Mutex
	leaves map[string]*tls.Certificate // by what they are made out to
}

// OpenCA reads the CA that a folder keeps, or makes it, with the folder. An
// error is one line that names the file and says what to do. now is real time.
func OpenCA(folder string, now func() time.Time) (*CA, error) {
	path := filepath.Join(folder, caFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeCA(path, now())
	}
	if err != nil {
		return nil, fmt.Errorf("cannot keep a CA: %w; choose another --data folder, or turn HTTPS off with --listen-tls=", err)
	}
	pair, err := readCA(text, now())
	if err != nil {
		return nil, fmt.Errorf("%s is not a CA of alikms that is fit for use (%w); remove it, and a new CA is made, which clients then have to trust", path, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &CA{pair: pair, now: now, leafKey: key, leaves: map[string]*tls.Certificate{}}, nil
}

// PEM is the certificate that clients have to trust.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.pair.Leaf.Raw})
}

// readCA reads what makeCA wrote. It reports no part of the text, for that has
// the key.
func readCA(text []byte, now time.Time) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return pair, err
	}
	c := pair.Leaf
	switch {
	case !slices.Equal(c.Subject.Organization, []string{caOwner}) || !c.IsCA:
		return pair, errors.New("it holds something else")
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return pair, fmt.Errorf("it is valid from %s to %s", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly))
	}
	return pair, c.CheckSignatureFrom(c)
}

// makeCA makes a CA and keeps it. ECDSA keeps a first start fast.
func makeCA(path string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		// The time tells the CAs of several data folders apart in a trust store.
		Subject:               pkix.Name{Organization: []string{caOwner}, CommonName: "alikms test CA " + now.UTC().Format("2006-01-02 15:04:05.000")},
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	return text, writePrivate(path, text)
}

// writePrivate writes a file for nobody else to read, whole or not at all.
func writePrivate(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// certificate is what GetCertificate of crypto/tls asks for: a certificate for
// the name that the client wants to reach, or, without one, for the address that
// it did reach. nil, nil makes crypto/tls refuse the name (unrecognized_name).
func (ca *CA) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	if name == "" || net.ParseIP(name) != nil { // clients should not send addresses, some do
		return ca.leaf(addresses(hello.Conn.LocalAddr()))
	}
	if !standsInFor(name) {
		return nil, nil
	}
	return ca.leaf([]string{name}, nil)
}

// addresses are what a client without a name may have called: loopback, and
// where it came in.
func addresses(local net.Addr) (names []string, ips []net.IP) {
	ips = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if tcp, ok := local.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		ips = append(ips, tcp.IP)
	}
	return []string{"localhost"}, ips
}

// hostNames are what names may be made of. The underscore is no part of a host
// name, but of many a compose service's.
var hostNames = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// standsInFor says whether alikms may be meant by a host name: one of KMS, one
// without a dot, as containers and compose services have, or one under a domain
// that is reserved for private use. For any other it has no certificate.
func standsInFor(name string) bool {
	if len(name) > 253 || !hostNames.MatchString(name) {
		return false
	}
	labels := strings.Split(name, ".")
	domain := labels[len(labels)-1]
	if len(labels) == 1 || slices.Contains([]string{"localhost", "local", "internal", "test"}, domain) {
		return true
	}
	service, ok := strings.CutSuffix(name, ".aliyuncs.com")
	return ok && slices.ContainsFunc(strings.Split(service, "."), isKMS)
}

// isKMS knows the label that each endpoint of KMS has (kms-api.md 1), as in
// kms.cn-hangzhou, kms-vpc.cn-hangzhou and kst-….cryptoservice.kms.
func isKMS(label string) bool { return label == "kms" || strings.HasPrefix(label, "kms-") }

// leaf finds or makes a certificate for these names and addresses.
func (ca *CA) leaf(names []string, ips []net.IP) (*tls.Certificate, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	now := ca.now()
	id := fmt.Sprint(names, ips)
	if found, ok := ca.leaves[id]; ok && now.Before(found.Leaf.NotAfter.Add(-backdating)) {
		return found, nil
	}
	made, err := ca.makeLeaf(names, ips, now)
	if err != nil {
		return nil, err
	}
	if len(ca.leaves) >= maxLeaves {
		clear(ca.leaves)
	}
	ca.leaves[id] = made
	return made, nil
}

func (ca *CA) makeLeaf(names []string, ips []net.IP, now time.Time) (*tls.Certificate, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{caOwner}, CommonName: "alikms"}, // names may be too long for it
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(leafLifetime),
		DNSNames:              names,
		IPAddresses:           ips,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.pair.Leaf, ca.leafKey.Public(), ca.pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, bytes.Clone(ca.pair.Leaf.Raw)}, PrivateKey: ca.leafKey, Leaf: leaf}, nil
}
