package emulator

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func newTestHosts(t testing.TB, certificate *x509.Certificate, allowed ...string) hosts {
	t.Helper()
	h, err := newHosts(allowed, certificate)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ownHosts are Host headers by which a client may mean alikms.
var ownHosts = []string{
	"",
	"127.0.0.1", "127.0.0.1:8080", "10.1.2.3", "192.168.0.9:80",
	"::1", "[::1]", "[::1]:8080", "[fe80::1%25eth0]:8080", "2001:db8::1", "[::ffff:127.0.0.1]:1", "[fe80::1%000]",
	"localhost", "localhost:8080", "localhost.", "localhost.:8080", "LOCALHOST:8080", "localhost:",
	"alikms", "my_service:80", "3f2a91c04b7d", "xn--bcher-kva",
	"kst-hzz65f176a0ogplgq0001.localhost:8080", "a.b.localhost", "printer.local", "alikms.ci.svc.cluster.local:80",
	"host.docker.internal:8080", "x.test", "alikms.ci.svc", "X.Test.:1",
	"kms.cn-hangzhou.aliyuncs.com", "kms-vpc.cn-hangzhou.aliyuncs.com:443", "KMS.cn-hangzhou.Aliyuncs.com.",
	"kms.cn-elsewhere-9.aliyuncs.com", // a scenario may have any region
	"kst-hzz65f176a0ogplgq0001.cryptoservice.kms.aliyuncs.com",
}

// foreignHosts are those of the pages that alikms is kept from, and of nobody.
var foreignHosts = []string{
	"evil.example", "evil.example:8080", "evil.example.", "EVIL.EXAMPLE", "127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost.example",
	"evillocalhost.com", "kms.cn-hangzhou.aliyuncs.com.evil.example", "127.0.0.1.nip.io",
	"aliyuncs.com", "sts.aliyuncs.com", "kms.aliyuncs.com", "cryptoservice.kms.aliyuncs.com", "evil-kms.cn-hangzhou.aliyuncs.com",
	"kms.under_score.aliyuncs.com", "kms.9.aliyuncs.com", "kms.a.b.aliyuncs.com", "kms..aliyuncs.com", "a.kms.cn-hangzhou.aliyuncs.com",
	"kst_1.cryptoservice.kms.aliyuncs.com", "evil.cryptoservice.kms.aliyuncs.com", "a.kst-1.cryptoservice.kms.aliyuncs.com",
	"localhost..", ".localhost", ".", "-x.localhost", "a..localhost", "a b.localhost", "*.localhost", "localhost:80:80", "localhost:http", "[localhost]",
	"[127.0.0.1]:80", "[::1", "::1]:80", "[fe80::1%a\nb]", "fe80::1%a b", "[fe80::1%[]", "user@localhost", "evil.example#.localhost", "evil.example/.localhost", "b\u00fccher.localhost", "\u212ams.cn-hangzhou.aliyuncs.com",
	strings.Repeat("a", 64) + ".localhost", strings.Repeat("a.", 127) + "localhost",
}

func TestHostsThatAreAnswered(t *testing.T) {
	h := newTestHosts(t, nil)
	for _, host := range ownHosts {
		if !h.answers(host) {
			t.Errorf("%q is not answered", host)
		}
	}
	for _, host := range foreignHosts {
		if h.answers(host) {
			t.Errorf("%q is answered", host)
		}
	}
}

func TestAllowHost(t *testing.T) {
	for _, c := range []struct {
		allowed  []string
		own      []string
		stranger []string
	}{
		{[]string{"kms.example.com"}, []string{"kms.example.com", "KMS.Example.com.:80"}, []string{"example.com", "a.kms.example.com", "kms.example.org"}},
		{[]string{"KMS.Example.com."}, []string{"kms.example.com"}, []string{"example.com"}},
		{[]string{".example.com"}, []string{"kms.example.com", "a.b.example.com:80"}, []string{"example.com", "evilexample.com", "evil.example"}},
		{[]string{".example.com", "a.org", ".b.org"}, []string{"x.example.com", "a.org", "x.b.org", "localhost"}, []string{"b.org", "x.a.org"}},
		{[]string{"*"}, []string{"evil.example:1", "a b", "localhost"}, nil},
		{[]string{"192.168.0.9"}, []string{"192.168.0.9"}, []string{"evil.example"}},
	} {
		h := newTestHosts(t, nil, c.allowed...)
		for _, host := range c.own {
			if !h.answers(host) {
				t.Errorf("--allow-host %v: %q is not answered", c.allowed, host)
			}
		}
		for _, host := range c.stranger {
			if h.answers(host) {
				t.Errorf("--allow-host %v: %q is answered", c.allowed, host)
			}
		}
	}
	if h := newTestHosts(t, nil); h.answers("x.example.com") {
		t.Error("what one was given, another has")
	}
}

func TestABadAllowHostSaysWhatIsAllowed(t *testing.T) {
	for _, value := range []string{"", ".", "..", "..example.com", "*.example.com", "example.com:8080", "http://example.com", "[::1]", "::1", "a b", "b\u00fccher.example", "a..b", "**", "*."} {
		_, err := newHosts([]string{"fine.example", value}, nil)
		if err == nil || !strings.Contains(err.Error(), "--allow-host is ") || !strings.Contains(err.Error(), ".example.com for all below it") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", value, err)
		}
		if CheckAllowHosts([]string{value}) == nil {
			t.Errorf("%q passes the check", value)
		}
	}
}

func TestNamesOfTheCertificateAreAnswered(t *testing.T) {
	certificate := &x509.Certificate{DNSNames: []string{"kms.example.com", "*.dev.example.com"}}
	h := newTestHosts(t, certificate)
	for _, host := range []string{"kms.example.com:443", "KMS.example.com.", "a.dev.example.com"} {
		if !h.answers(host) {
			t.Errorf("%q is not answered", host)
		}
	}
	for _, host := range []string{"example.com", "dev.example.com", "a.b.dev.example.com", "*.dev.example.com", "evil.example"} {
		if h.answers(host) {
			t.Errorf("%q is answered", host)
		}
	}
}

func TestRegionOfAKMSHost(t *testing.T) {
	for name, want := range map[string]string{
		"kms.cn-hangzhou.aliyuncs.com":       "cn-hangzhou",
		"kms-vpc.ap-south-1.aliyuncs.com":    "ap-south-1",
		"kms.under_score.aliyuncs.com":       "",
		"kms.cn-hangzhou.example.com":        "",
		"kst-1.cryptoservice.aliyuncs.com":   "",
		"kms.cryptoservice.kms.aliyuncs.com": "",
		"localhost":                          "",
	} {
		if region, ok := regionOfKMSHost(name); region != want || ok != (want != "") {
			t.Errorf("%s: %q %v", name, region, ok)
		}
	}
}

// FuzzHost: what is answered is, for the parser of URLs too, a name that no
// page on the Internet can have, and its spellings are answered alike.
func FuzzHost(f *testing.F) {
	for _, host := range slices.Concat(ownHosts, foreignHosts) {
		f.Add(host)
	}
	h := newTestHosts(f, nil)
	f.Fuzz(func(t *testing.T, host string) {
		answered := h.answers(host)
		if answered && host != "" && !private(t, host) {
			t.Errorf("%q is answered", host)
		}
		if _, err := netip.ParseAddr(host); err == nil || host == "" || strings.ContainsAny(host, ":%") {
			return
		}
		for _, spelt := range []string{host + ":8080", strings.ToUpper(host)} {
			if isASCII(host) && h.answers(spelt) != answered {
				t.Errorf("%q is answered: %v; %q is not alike", host, answered, spelt)
			}
		}
	})
}

// addresses6 are of IPv6; net/url takes fewer zones.
var addresses6 = regexp.MustCompile(`^\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(%[0-9A-Za-z_.-]+)?(\](:[0-9]*)?)?$`)

// private reports whether nobody on the Internet can have a page at a host.
func private(t *testing.T, host string) bool {
	t.Helper()
	if addresses6.MatchString(host) {
		return true
	}
	u, err := url.Parse("http://" + host + "/")
	if err != nil {
		t.Errorf("%q is answered, and no URL: %v", host, err)
		return true
	}
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") {
		return true
	}
	domain := name[strings.LastIndex(name, ".")+1:]
	return slices.Contains(privateDomains, domain) || strings.HasSuffix(name, ".aliyuncs.com") && strings.Contains("."+name, "kms")
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// FuzzAllowHost: a value is refused, or some host is answered by it.
func FuzzAllowHost(f *testing.F) {
	for _, value := range []string{"kms.example.com", ".example.com", "*", "*.example.com", "a:80", ""} {
		f.Add(value, "www.example.com")
	}
	f.Fuzz(func(t *testing.T, value, host string) {
		h, err := newHosts([]string{value}, nil)
		if err != nil {
			h.answers(host)
			return
		}
		below := strings.HasPrefix(value, ".")
		if below {
			value = "x" + value
		}
		if !h.answers(value) && len(value) <= 253 {
			t.Errorf("%q is allowed and not answered", value)
		}
		if below && h.answers(value[2:]) != newTestHosts(t, nil).answers(value[2:]) {
			t.Errorf("%q is allowed by what is below it", value[2:])
		}
	})
}
