package emulator

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/internal/pattern"
)

// privateDomains are those that the public DNS has no names under, so that
// nobody can point one of them at this machine.
var privateDomains = []string{"localhost", "local", "internal", "test", "svc"}

// hosts are the names that alikms answers to. A web page can give its own name
// any address, this machine's too, and the browser then takes what is here for
// the page's own. Only the Host header tells that it is not.
type hosts struct {
	all         bool
	names       []string
	domains     []string // each with all below it, itself left out
	certificate *x509.Certificate
}

// newHosts reads the values of --allow-host. certificate is the user's own one,
// nil where there is none.
func newHosts(allowed []string, certificate *x509.Certificate) (hosts, error) {
	h := hosts{domains: privateDomains, certificate: certificate}
	for _, value := range allowed {
		domain, below := strings.CutPrefix(value, ".")
		name, ok := plainName(domain)
		switch {
		case value == "*":
			h.all = true
		case !ok:
			return hosts{}, fmt.Errorf("--allow-host is %q: write a host name without a port, like kms.example.com, or .example.com for all below it, or * for every host", value)
		case below:
			h.domains = append(slices.Clip(h.domains), name)
		default:
			h.names = append(h.names, name)
		}
	}
	return h, nil
}

// CheckAllowHosts says what is wrong with the values of --allow-host.
func CheckAllowHosts(values []string) error {
	_, err := newHosts(values, nil)
	return err
}

// answers reports whether alikms stands in for a Host header, with or without
// a port. No Host at all is answered: HTTP/1.0 has none, and browsers always
// send one.
func (h hosts) answers(host string) bool {
	if h.all || host == "" {
		return true
	}
	host, ok := withoutPort(host)
	if !ok {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == "" || hostNames().MatchString(ip.Zone()) // netip takes any text as a zone
	}
	name, ok := plainName(host)
	return ok && (!strings.Contains(name, ".") || isKMSHost(name) || h.allows(name))
}

// allows reports whether a name is one of the private domains, the flag or the
// certificate.
func (h hosts) allows(name string) bool {
	return slices.Contains(h.names, name) ||
		slices.ContainsFunc(h.domains, func(domain string) bool { return isBelow(name, domain) }) ||
		h.certificate != nil && h.certificate.VerifyHostname(name) == nil
}

// withoutPort takes the port off a Host header, and the brackets off an IPv6
// address.
func withoutPort(host string) (name string, ok bool) {
	if _, err := netip.ParseAddr(host); err == nil {
		return host, true // IPv6 without brackets, which no port can follow
	}
	name = host
	if before := strings.TrimRight(host, "0123456789"); strings.HasSuffix(before, ":") {
		name = before[:len(before)-1]
	}
	inner, opened := strings.CutPrefix(name, "[")
	if !opened {
		return name, !strings.Contains(name, ":")
	}
	inner, closed := strings.CutSuffix(inner, "]")
	return inner, closed && strings.Contains(inner, ":")
}

// hostNames are what names may be made of. The underscore is no part of a host
// name, but of many a compose service's.
var hostNames = pattern.Lazy(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// plainName makes the spellings of a host name one: capitals, and the dot that
// ends a full name, make no other host. ok is whether text is a host name.
func plainName(text string) (name string, ok bool) {
	text = strings.TrimSuffix(text, ".")
	return strings.ToLower(text), len(text) <= 253 && hostNames().MatchString(text)
}

func isBelow(name, domain string) bool { return strings.HasSuffix(name, "."+domain) }

// isKMSHost reports whether a name is one by which the service has KMS.
func isKMSHost(name string) bool {
	if id, ok := strings.CutSuffix(name, ".cryptoservice.kms.aliyuncs.com"); ok {
		return fixtures.ValidInstanceID(id)
	}
	_, ok := regionOfKMSHost(name)
	return ok
}

// regionOfKMSHost reads the region off a host of the shared gateway, as
// kms.cn-hangzhou.aliyuncs.com and kms-vpc.cn-hangzhou.aliyuncs.com. What no
// scenario takes for a region is none: a key there could not be exported.
func regionOfKMSHost(name string) (region string, ok bool) {
	product, rest, _ := strings.Cut(name, ".")
	region, ok = strings.CutSuffix(rest, ".aliyuncs.com")
	if !ok || product != "kms" && product != "kms-vpc" || !fixtures.ValidRegion(region) {
		return "", false
	}
	return region, true
}
