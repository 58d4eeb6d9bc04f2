package emulator

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// browser is what a browser sends that is given an address.
func browser(r *http.Request) {
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", "none")
}

// asked is an answer to GET, changed by what a client does otherwise.
func (s *testServer) asked(target string, change ...func(*http.Request)) testAnswer {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for _, f := range change {
		f(r)
	}
	return served(s.Server, r)
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// isPage reports whether an answer is the page, by its type and its body.
func isPage(a testAnswer) bool {
	return a.status == 200 && a.header.Get("Content-Type") == "text/html;charset=utf-8" && strings.HasPrefix(a.body, "<!doctype html>")
}

func TestABrowserGetsThePage(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures() // the page is reached as the controls are
	for _, target := range []string{"/", "/_emulator/ui/", "/_emulator/ui/index.html"} {
		if a := s.asked(target, browser); !isPage(a) {
			t.Errorf("%s answers %d %s", target, a.status, a.body)
		}
	}
	if a := s.asked("/_emulator/ui", browser); a.status != http.StatusFound || a.header.Get("Location") != pagePath {
		t.Errorf("without the slash: %d, to %q", a.status, a.header.Get("Location"))
	}
	if a := s.must("GET", "requests", ""); a.field("count") != 0.0 {
		t.Errorf("the journal has %s", a.body)
	}
}

// Whoever says by anything what it asks of KMS gets KMS's answer, whatever it
// accepts: Java's HTTP client accepts text/html unless it is told otherwise.
func TestNoCallIsAnsweredWithThePage(t *testing.T) {
	s := newTestServer(t)
	java := withHeader("Accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2")
	for name, a := range map[string]testAnswer{
		"curl":                  s.asked("/", withHeader("Accept", "*/*")),
		"nothing accepted":      s.asked("/"),
		"JSON accepted":         s.asked("/", withHeader("Accept", "application/json")),
		"parameters":            s.asked("/?Action=ListKeys", java),
		"an empty action":       s.asked("/?Action=", browser),
		"Authorization":         s.asked("/", java, withHeader("Authorization", "ACS3-HMAC-SHA256 Credential=app")),
		"an empty one":          s.asked("/", browser, withHeader("Authorization", "")),
		"x-acs-action":          s.asked("/", java, withHeader("x-acs-action", "ListKeys")),
		"x-acs-signature-nonce": s.asked("/", java, withHeader("x-acs-signature-nonce", "n")),
		"POST":                  s.asked("/", java, func(r *http.Request) { r.Method = http.MethodPost }),
		"HEAD":                  s.asked("/", browser, func(r *http.Request) { r.Method = http.MethodHead }),
		"a body": s.asked("/", java, func(r *http.Request) {
			*r = *httptest.NewRequest(http.MethodGet, "/", strings.NewReader("Action=ListKeys"))
			java(r)
		}),
	} {
		if isPage(a) || strings.Contains(a.body, "<html") || a.header.Get("X-Acs-Request-Id") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := s.must("GET", "requests", ""); a.field("count") != 12.0 {
		t.Errorf("the journal has %v calls", a.field("count"))
	}
}

func TestThePageIsOfThisSiteOnly(t *testing.T) {
	s := newTestServer(t)
	for _, target := range []string{"/", "/_emulator/ui/", "/_emulator/ui/js/main.js"} {
		for name, change := range map[string]func(*http.Request){
			"another name":     toHost("evil.example"),
			"another site":     withHeader("Sec-Fetch-Site", "cross-site"),
			"below its site":   withHeader("Sec-Fetch-Site", "same-site"),
			"another's Origin": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "http://evil.example") },
		} {
			if a := s.asked(target, browser, change); a.status != http.StatusForbidden || !strings.Contains(a.body, `"errors"`) {
				t.Errorf("%s, %s: %d %s", target, name, a.status, a.body)
			}
		}
		a := s.asked(target, browser)
		for header, want := range pageHeaders {
			if got := a.header.Get(header); got != want {
				t.Errorf("%s: %s is %q", target, header, got)
			}
		}
	}
	policy := pageHeaders["Content-Security-Policy"]
	if !strings.Contains(policy, "default-src 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
}

// named are the files that the page's files name: by elements, and by modules.
var (
	namedByHTML   = regexp.MustCompile(`(?:src|href)="(/[^"]*)"`)
	namedByScript = regexp.MustCompile(`(?m)^import .*from '([^']*)'|^import '([^']*)'`)
)

// Every file is answered with its type, names only files that are there, and is
// named by another: what is embedded is what the page is made of.
func TestThePageIsWhole(t *testing.T) {
	s := newTestServer(t)
	named := map[string]bool{"index.html": true}
	fs.WalkDir(pageFiles, "ui", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := strings.TrimPrefix(file, "ui/")
		a := s.asked(pagePath + name)
		if want := pageTypes[path.Ext(name)]; a.status != 200 || want == "" || a.header.Get("Content-Type") != want {
			t.Errorf("%s is answered %d as %q", name, a.status, a.header.Get("Content-Type"))
		}
		if lines := strings.Count(a.body, "\n"); lines > 300 {
			t.Errorf("%s has %d lines: nobody reads that", name, lines)
		}
		for _, m := range namedByHTML.FindAllStringSubmatch(a.body, -1) {
			named[strings.TrimPrefix(m[1], pagePath)] = true
		}
		for _, m := range namedByScript.FindAllStringSubmatch(a.body, -1) {
			named[path.Join(path.Dir(name), m[1]+m[2])] = true
		}
		if strings.Contains(a.body, "innerHTML") || strings.Contains(a.body, "https://") || strings.Contains(a.body, " style=") {
			t.Errorf("%s makes markup of text, or names another site", name)
		}
		return nil
	})
	for name := range named {
		if _, err := pageFiles.ReadFile("ui/" + name); err != nil {
			t.Errorf("%s is named, and is not there", name)
		}
	}
	fs.WalkDir(pageFiles, "ui", func(file string, entry fs.DirEntry, _ error) error {
		if name := strings.TrimPrefix(file, "ui/"); !entry.IsDir() && !named[name] {
			t.Errorf("nothing names %s", name)
		}
		return nil
	})
}

func TestWhatThePageHasNot(t *testing.T) {
	s := newTestServer(t)
	for _, target := range []string{"js", "js/", "js/none.js", "../control.go", "%2e%2e/control.go", "//index.html", "index.html/"} {
		if a := s.asked(pagePath+target, browser); a.status != http.StatusNotFound || !strings.Contains(a.body, `"errors"`) {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
	if a := s.asked(pagePath, browser, func(r *http.Request) { r.Method = http.MethodPost }); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}

// Where the controls have a port of their own, the page is there too, and at no
// other.
func TestThePageIsAtThePortOfTheControls(t *testing.T) {
	s := newTestServer(t)
	for at, want := range map[side]int{controlSide: 200, apiSide: 404, bothSides: 200} {
		for _, target := range []string{"/", "/_emulator/ui/", "/_emulator/ui/css/base.css"} {
			r := httptest.NewRequest(http.MethodGet, target, nil)
			browser(r)
			a := served(apart(s.Server), r.WithContext(context.WithValue(r.Context(), portKey{}, at)))
			if a.status != want {
				t.Errorf("%s at %d: %d %s", target, at, a.status, a.body)
			}
		}
	}
}

// The page offers programs for the clients that there are samples for.
func TestThePageKnowsEveryClient(t *testing.T) {
	script, err := pageFiles.ReadFile("ui/js/trysample.js")
	if err != nil {
		t.Fatal(err)
	}
	var offered []string
	for _, m := range regexp.MustCompile(`\['([a-z-]+)', '`).FindAllStringSubmatch(string(script), -1) {
		offered = append(offered, m[1])
	}
	slices.Sort(offered)
	if known := slices.Sorted(slices.Values(SampleSDKs())); !slices.Equal(offered, known) {
		t.Errorf("the page offers %v, there are samples for %v", offered, known)
	}
}
