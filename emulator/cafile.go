package emulator

import (
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
	"slices"
	"time"
)

// caFileAt is where a CA is kept, and what it has to be like.
type caFileAt struct {
	path    string
	domains []string
	host    string // the machine's name
	CAOptions
}

// open reads the CA; where there is none, or not the right one, it makes it.
func (f caFileAt) open() (tls.Certificate, error) {
	text, err := readPrivate(f.path, f.Log)
	if errors.Is(err, fs.ErrNotExist) {
		return f.make()
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot use the CA: %w; choose another --data folder, or remove that file, and a new CA is made, which clients then have to trust", err)
	}
	pair, err := readCA(text)
	if err != nil {
		return pair, fmt.Errorf("%s is not a CA of alikms that is fit for use (%w); remove it, and a new CA is made, which clients then have to trust", f.path, err)
	}
	if reason := f.outdated(pair.Leaf); reason != "" {
		f.Log.Warn("the CA is replaced: clients must trust the new one, from /_emulator/ca.pem", "file", f.path, "reason", reason)
		return f.make()
	}
	return pair, nil
}

// outdated says why a CA cannot stay; "" if it can. One that was made when the
// machine had another name stays: laptops and containers change theirs, and
// --tls-name adds the new one.
func (f caFileAt) outdated(c *x509.Certificate) string {
	want := f.template(madeOn(c), c.NotBefore)
	from, until := c.NotBefore, c.NotAfter.Add(-caRenewal)
	switch now := f.Now(); {
	case now.Before(from) || now.After(until):
		return fmt.Sprintf("it is good from %s to %s", from.Format(time.DateOnly), until.Format(time.DateOnly))
	case !c.PermittedDNSDomainsCritical || !slices.Equal(c.ExtKeyUsage, want.ExtKeyUsage):
		return "it is of an older alikms, and may sign for more than it has to"
	case !slices.Equal(c.PermittedDNSDomains, want.PermittedDNSDomains) || !sameRanges(c.PermittedIPRanges, want.PermittedIPRanges):
		return "it is for other names"
	}
	return ""
}

// make makes a CA and keeps it. ECDSA keeps a first start fast.
func (f caFileAt) make() (pair tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair, err
	}
	template := f.template(f.host, f.Now().Add(-backdating))
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return pair, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	if err := writePrivate(f.path, text); err != nil {
		return pair, fmt.Errorf("cannot keep a CA: %w; choose another --data folder, or turn HTTPS off with --listen-tls=", err)
	}
	return readCA(text)
}

// template is a CA for the machine of a name. Name and time tell the CAs of
// several data folders apart in a trust store.
func (f caFileAt) template(host string, from time.Time) *x509.Certificate {
	subject := pkix.Name{Organization: []string{caOwner}, CommonName: "alikms test CA " + from.UTC().Format("2006-01-02 15:04:05.000")}
	if host != "" {
		subject.OrganizationalUnit = []string{host}
	}
	return &x509.Certificate{
		Subject:                     subject,
		NotBefore:                   from,
		NotAfter:                    from.Add(backdating + caLifetime),
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLenZero:              true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         constraints(append(slices.Clip(f.domains), host)),
		PermittedIPRanges:           everyAddress,
	}
}

// madeOn is the name of the machine that a CA was made on.
func madeOn(c *x509.Certificate) string {
	if units := c.Subject.OrganizationalUnit; len(units) > 0 {
		return units[0]
	}
	return ""
}

func sameRanges(a, b []*net.IPNet) bool {
	return slices.EqualFunc(a, b, func(a, b *net.IPNet) bool { return a.String() == b.String() })
}

// readCA reads what make wrote. It reports no part of the text, for that has
// the key.
func readCA(text []byte) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return pair, err
	}
	c := pair.Leaf
	if !slices.Equal(c.Subject.Organization, []string{caOwner}) || !c.IsCA {
		return pair, errors.New("it holds something else")
	}
	return pair, c.CheckSignatureFrom(c)
}
