package auth

import (
	"regexp"
	"strings"
	"testing"
)

func TestPolicyAllows(t *testing.T) {
	const encrypt, decrypt = "kms:AsymmetricEncrypt", "kms:AsymmetricDecrypt"
	const keyA, keyB = "acs:kms:cn-hangzhou:1234567890123456:key/key-a", "acs:kms:cn-hangzhou:1234567890123456:key/key-b"
	allow := func(action, resource string) policyStatement {
		return policyStatement{true, []string{action}, []string{resource}}
	}
	deny := func(action, resource string) policyStatement {
		return policyStatement{false, []string{action}, []string{resource}}
	}
	cases := []struct {
		name             string
		policy           *Policy
		action, resource string
		want             bool
	}{
		{"no policy", nil, encrypt, keyA, true},
		{"empty policy", &Policy{}, encrypt, keyA, false},
		{"said", testPolicy(allow(encrypt, keyA)), encrypt, keyA, true},
		{"other action", testPolicy(allow(encrypt, keyA)), decrypt, keyA, false},
		{"other resource", testPolicy(allow(encrypt, keyA)), encrypt, keyB, false},
		{"all of all", testPolicy(allow("*", "*")), encrypt, keyA, true},
		{"all of KMS", testPolicy(allow("kms:*", "*")), decrypt, keyB, true},
		{"prefix of actions", testPolicy(allow("kms:Asymmetric*", "*")), decrypt, keyA, true},
		{"prefix of other actions", testPolicy(allow("kms:Describe*", "*")), decrypt, keyA, false},
		{"any key of any account", testPolicy(allow(encrypt, "acs:kms:*:*:key/*")), encrypt, keyA, true},
		{"one character", testPolicy(allow(encrypt, "acs:kms:*:*:key/key-?")), encrypt, keyB, true},
		{"one character is not none", testPolicy(allow(encrypt, keyA+"?")), encrypt, keyA, false},
		{"other region", testPolicy(allow(encrypt, "acs:kms:cn-beijing:*:key/*")), encrypt, keyA, false},
		{"a key is not its container", testPolicy(allow("kms:ListKeys", "acs:kms:*:*:key/*")), "kms:ListKeys", "acs:kms:cn-hangzhou:1:key", false},
		{"case of an action", testPolicy(allow("KMS:asymmetricENCRYPT", keyA)), encrypt, keyA, true},
		{"case of a resource", testPolicy(allow(encrypt, strings.ToUpper(keyA))), encrypt, keyA, false},
		{"other service", testPolicy(allow("oss:*", "*")), encrypt, keyA, false},
		{"other service among ours", testPolicy(policyStatement{true, []string{"oss:GetObject", encrypt}, []string{"*"}}), encrypt, keyA, true},
		{"second resource", testPolicy(policyStatement{true, []string{encrypt}, []string{keyA, keyB}}), encrypt, keyB, true},
		{"second statement", testPolicy(allow(decrypt, "*"), allow(encrypt, keyB)), encrypt, keyB, true},
		{"deny after allow", testPolicy(allow("*", "*"), deny(encrypt, keyA)), encrypt, keyA, false},
		{"deny before allow", testPolicy(deny(encrypt, keyA), allow("*", "*")), encrypt, keyA, false},
		{"deny of another key", testPolicy(deny(encrypt, keyB), allow("*", "*")), encrypt, keyA, true},
		{"deny of another action", testPolicy(deny(decrypt, "*"), allow("*", "*")), encrypt, keyA, true},
		{"deny alone", testPolicy(deny(decrypt, "*")), encrypt, keyA, false},
		{"a star that a caller sends is no wildcard", testPolicy(allow(encrypt, keyA)), encrypt, "acs:kms:cn-hangzhou:1234567890123456:key/*", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.policy.Allows(c.action, c.resource); got != c.want {
				t.Errorf("allows(%q, %q) = %v, want %v", c.action, c.resource, got, c.want)
			}
		})
	}
}

func testPolicy(statements ...policyStatement) *Policy { return &Policy{statements} }

func TestPatternMatches(t *testing.T) {
	cases := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"**", "a:b/c", true},
		{"?", "", false},
		{"?", "密", true},
		{"a*", "a", true},
		{"*a", "ba", true},
		{"a*b*c", "abbc", true},
		{"a*b*c", "acb", false},
		{"*ab", "aab", true},
		{"a?c", "abc", true},
		{"a.c", "abc", false},
		{"a", "aa", false},
		{"*?*", "", false},
		{"a\nb", "a\nb", true},
	}
	for _, c := range cases {
		if got := patternMatches(c.pattern, c.text); got != c.want {
			t.Errorf("patternMatches(%q, %q) = %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}

// A matcher that tries every length of every star would not come back from
// these; the test's own time limit is what would tell.
func TestPatternsWithManyStarsComeToAnEnd(t *testing.T) {
	pattern, text := strings.Repeat("*a", 500)+"*b", strings.Repeat("a", 5000)
	if patternMatches(pattern, text) {
		t.Error("matches a text without b")
	}
	if !patternMatches(pattern, text+"b") {
		t.Error("does not match a text that ends in b")
	}
	if patternsOverlap(pattern, text) {
		t.Error("overlaps a text without b")
	}
	if !patternsOverlap(pattern, strings.Repeat("a*", 500)) {
		t.Error("does not overlap a pattern whose last star can end in b")
	}
}

func TestPatternsOverlap(t *testing.T) {
	const keys = "acs:kms:*:*:key/*"
	cases := []struct {
		pattern, template string
		want              bool
	}{
		{"*", keys, true},
		{"acs:kms:*:*:key/key-x", keys, true},
		{"acs:kms:*:*:key/team/x", keys, true},
		{"acs:kms:*:key/key-x", keys, true},
		{"acs:kms:*:*:alias/a", keys, false},
		{"acs:kms:*:*:alias/*", keys, false},
		{"acs:kms:*:*:key", keys, false},
		{"acs:kms:*:key", keys, false},
		{"acs:kms:key/key-x", keys, false},
		{"acs:oss:*:*:*", keys, false},
		{"acs:kms:*:*:*", "acs:kms:*:*:alias", true},
		{"acs:kms:*:*:key/*", "acs:kms:*:*:key", false},
		{"kms:describe*", "kms:describekey", true},
		{"kms:describe?", "kms:describekey", false},
		{"oss:*", "kms:describekey", false},
	}
	for _, c := range cases {
		if got := patternsOverlap(c.pattern, c.template); got != c.want {
			t.Errorf("patternsOverlap(%q, %q) = %v, want %v", c.pattern, c.template, got, c.want)
		}
	}
}

// Where a pattern and a template overlap they do so in a text no longer than both
// together, of their own letters; so all short ones can be tried against all short texts.
func TestPatternsOverlapExactlyWhenATextFitsBoth(t *testing.T) {
	patterns, templates, texts := patternTexts("ab:*?", 3), patternTexts("ab:*", 3), patternTexts("ab:", 6)
	fits := func(expression string) (fitting []bool) {
		whole := regexp.MustCompile(`^(` + expression + `)$`)
		for _, text := range texts {
			fitting = append(fitting, whole.MatchString(text))
		}
		return fitting
	}
	fitPattern, fitTemplate := map[string][]bool{}, map[string][]bool{}
	for _, pattern := range patterns {
		fitPattern[pattern] = fits(strings.NewReplacer("*", ".*", "?", ".").Replace(pattern))
	}
	for _, template := range templates {
		fitTemplate[template] = fits(strings.ReplaceAll(template, "*", "[^:]*"))
	}
	for _, pattern := range patterns {
		for _, template := range templates {
			want := false
			for i := range texts {
				want = want || fitPattern[pattern][i] && fitTemplate[template][i]
			}
			if got := patternsOverlap(pattern, template); got != want {
				t.Fatalf("patternsOverlap(%q, %q) = %v, want %v", pattern, template, got, want)
			}
		}
	}
}

// patternTexts returns all texts of the letters, up to a length.
func patternTexts(letters string, length int) []string {
	all, last := []string{""}, []string{""}
	for range length {
		var longer []string
		for _, text := range last {
			for _, letter := range letters {
				longer = append(longer, text+string(letter))
			}
		}
		all, last = append(all, longer...), longer
	}
	return all
}

func FuzzPatternMatchesAsARegularExpressionWould(f *testing.F) {
	f.Add("acs:kms:*:*:key/*", "acs:kms:cn-hangzhou:1234567890123456:key/key-x")
	f.Add("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("a?.[b]*\\", "a密.[b]\n\\")
	f.Add("*ab?", "aababc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || len(text) > 2000 {
			t.Skip("longer than any pattern or name is")
		}
		// The regexp package has no patterns that are not UTF-8.
		pattern, text = strings.ToValidUTF8(pattern, "?"), strings.ToValidUTF8(text, "?")
		expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString(text)
		if got := patternMatches(pattern, text); got != want {
			t.Errorf("patternMatches(%q, %q) = %v, want %v", pattern, text, got, want)
		}
		if want && !patternsOverlap(pattern, text) {
			t.Errorf("%q matches %q but does not overlap it", pattern, text)
		}
	})
}
