package wiring

import (
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestWiringHasTheAddressesOfEachWay(t *testing.T) {
	for _, sdk := range SDKs() {
		sections := strings.Split(Text(sdk, "127.0.0.1:18080", "127.0.0.1:18443"), "\n\n")
		if len(sections) != 3 {
			t.Errorf("%s: %d sections, want plain, verified, unverified", sdk, len(sections))
			continue
		}
		for i, port := range []string{"18080", "18443"} {
			settings := sections[i][strings.Index(sections[i], "\n"):]
			if !strings.Contains(settings, port) || !strings.Contains(settings, "127.0.0.1") {
				t.Errorf("%s: no address in %s", sdk, sections[i])
			}
		}
		if left := regexp.MustCompile(`ADDRESS|HOST|PORT`).FindString(strings.Join(sections, "")); left != "" {
			t.Errorf("%s: %s is not filled in", sdk, left)
		}
	}
}

// TestWiringHasNoSchemeWhereSDKsAddOne: they would build https://http//….
func TestWiringHasNoSchemeWhereSDKsAddOne(t *testing.T) {
	for _, sdk := range SDKs() {
		text := strings.ReplaceAll(Text(sdk, "127.0.0.1:1", "127.0.0.1:2"), "curl -so alikms-ca.pem http://", "")
		if hasScheme := strings.Contains(text, "://"); hasScheme != (sdk == "pop-core") {
			t.Errorf("%s: %s", sdk, text)
		}
	}
}

func TestWiringLeavesHTTPSOutWhereItIsOff(t *testing.T) {
	for _, sdk := range SDKs() {
		if text := Text(sdk, "127.0.0.1:1", ""); text == "" || strings.Contains(text, "\n\n") || strings.Contains(text, "ca.pem") {
			t.Errorf("%s: %s", sdk, text)
		}
	}
}

func TestWiringForGoIsGo(t *testing.T) {
	for _, sdk := range []string{"go", "go-classic"} {
		text := "package p\nfunc f() {\n" + Text(sdk, "127.0.0.1:1", "127.0.0.1:2") + "}\n"
		if _, err := parser.ParseFile(token.NewFileSet(), sdk, text, 0); err != nil {
			t.Error(err)
		}
	}
}

func TestWiringOfAnUnknownSDKIsEmpty(t *testing.T) {
	if text := Text("cobol", "127.0.0.1:1", ""); text != "" || slices.Contains(SDKs(), "cobol") {
		t.Error(text)
	}
}
