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
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
)

const (
	// caFile holds certificate and key together, so that a reader finds both or
	// neither. Clients get the certificate from /_emulator/ca.pem.
	caFile     = "ca-key.pem"
	caLifetime = 2 * 365 * 24 * time.Hour
	// caRenewal is when a CA is too old for one more run.
	caRenewal = 30 * 24 * time.Hour
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

// CAOptions say what a CA is for, besides names of KMS and private ones.
type CAOptions struct {
	Names []string         // further names; each with all below it
	Log   *slog.Logger     // nil: nothing is logged
	Now   func() time.Time // real time; nil: time.Now
}

// OpenCA reads the CA that a folder keeps, or makes it, with the folder. One
// that is about to expire, or that is for other names, is replaced. An error is
// one line that names the file and says what to do.
func OpenCA(folder string, o CAOptions) (*CA, error) {
	host, _ := os.Hostname() // a machine without a name has none to certify
	return openCA(folder, kms.Regions(), host, o)
}

// openCA is OpenCA for these regions, on a machine of this name.
func openCA(folder string, regions []string, host string, o CAOptions) (*CA, error) {
	if err := CheckTLSNames(o.Names); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	host, ok := plainName(host)
	if !ok {
		host = ""
	}
	domains := slices.Concat(kmsDomains(regions), privateDomains, o.Names)
	pair, err := caFileAt{filepath.Join(folder, caFile), domains, host, o}.open()
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &CA{pair: pair, now: o.Now, leafKey: key, leaves: map[string]*tls.Certificate{}}, nil
}

// CheckTLSNames says what is wrong with the values of --tls-name.
func CheckTLSNames(names []string) error {
	for _, name := range names {
		if _, ok := plainName(name); !ok {
			return fmt.Errorf("--tls-name is %q: write a host name without a port, like kms.example.com, which is good for all below it too", name)
		}
	}
	return nil
}

// kmsDomains are those of the service's hosts, and the name of the container in
// docker-compose.yml.
func kmsDomains(regions []string) []string {
	domains := []string{"alikms", "cryptoservice.kms.aliyuncs.com"}
	for _, region := range regions {
		domains = append(domains, "kms."+region+".aliyuncs.com", "kms-vpc."+region+".aliyuncs.com")
	}
	return domains
}

// constraints are the domains that a certificate of a CA permits: each once,
// in an order of their own, without those that another one permits.
func constraints(domains []string) (permitted []string) {
	for _, domain := range domains {
		if name, ok := plainName(domain); ok {
			permitted = append(permitted, name)
		}
	}
	slices.Sort(permitted)
	permitted = slices.Compact(permitted)
	all := slices.Clone(permitted)
	return slices.DeleteFunc(permitted, func(name string) bool {
		return slices.ContainsFunc(all, func(domain string) bool { return isBelow(name, domain) })
	})
}

// everyAddress are the addresses that a CA may sign for. A client can only be
// led to an address that it was told to call.
var everyAddress = []*net.IPNet{
	{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
	{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
}

// PEM is the certificate that clients have to trust.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.pair.Leaf.Raw})
}

// certificate is what GetCertificate of crypto/tls asks for: a certificate for
// the name that the client wants to reach, or, without one, for the address that
// it did reach. nil, nil makes crypto/tls refuse the name (unrecognized_name),
// which refusedName says in the log.
func (ca *CA) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == "" || net.ParseIP(hello.ServerName) != nil { // clients should not send addresses, some do
		return ca.leaf(ca.dotless(), addresses(hello.Conn.LocalAddr()))
	}
	name, ok := plainName(hello.ServerName)
	if !ok || !ca.permits(name) {
		return nil, nil
	}
	return ca.leaf([]string{name}, nil)
}

// refusedName is what the log says of a server name without a certificate.
const refusedName = "no certificate for this server name: the CA is for hosts of KMS, names under localhost, local, internal, test and svc, alikms, and the machine it was made on; --tls-name adds others"

// addresses are what a client without a name may have called: loopback, and
// where it came in.
func addresses(local net.Addr) []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if tcp, ok := local.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		ips = append(ips, tcp.IP)
	}
	return ips
}

// dotless are the names without a dot that the CA may sign for. Java's clients
// call them and, unlike others, do not send them.
func (ca *CA) dotless() []string {
	return slices.DeleteFunc(slices.Clone(ca.pair.Leaf.PermittedDNSDomains), func(name string) bool {
		return strings.Contains(name, ".") || name != "localhost" && slices.Contains(privateDomains, name)
	})
}

// permits reports whether the CA may sign for a host name: its own certificate
// says for which.
func (ca *CA) permits(name string) bool {
	return slices.ContainsFunc(ca.pair.Leaf.PermittedDNSDomains, func(domain string) bool {
		return name == domain || isBelow(name, domain)
	})
}

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
