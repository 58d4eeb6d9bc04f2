package wiring

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote reads a literal of C's kind, as the manuals of Python, Java and
// JavaScript have it.
func unquote(t *testing.T, literal string) string {
	t.Helper()
	quote := rune(literal[0])
	var units []uint16
	for rest := literal[1 : len(literal)-1]; rest != ""; {
		char, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		switch {
		case char == quote, char < ' ', char == 0x2028, char == 0x2029:
			t.Fatalf("%s holds %q plainly", literal, char)
		case char != '\\':
			units = utf16.AppendRune(units, char)
			continue
		}
		parts := escapes.FindStringSubmatch(rest)
		if parts == nil {
			t.Fatalf("%s has an escape that is none, %s", literal, rest)
		}
		rest = rest[len(parts[0]):]
		if at := strings.Index(`abtnvfr"'\`, parts[0]); at >= 0 {
			units = append(units, uint16("\a\b\t\n\v\f\r\"'\\"[at]))
			continue
		}
		digits, base := parts[1]+parts[2]+parts[3]+parts[4], 16
		if digits == "" {
			digits, base = parts[0], 8
		}
		n, _ := strconv.ParseUint(digits, base, 32)
		if parts[2] != "" { // a unit, perhaps half of a character
			units = append(units, uint16(n))
			continue
		}
		units = utf16.AppendRune(units, rune(n))
	}
	return string(utf16.Decode(units))
}

// escapes are \xhh, \uhhhh of UTF-16, \Uhhhhhhhh, \u{h}, \ooo and those of one
// letter.
var escapes = regexp.MustCompile(`^(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|u\{([0-9a-f]+)\}|[0-3][0-7]{2}|[abtnvfr"'\\])`)

// unquoteShell reads a word of a shell.
func unquoteShell(t *testing.T, word string) (text string) {
	t.Helper()
	for word != "" {
		switch {
		case strings.HasPrefix(word, `\'`):
			text, word = text+"'", word[2:]
		case word[0] == '\'':
			end := strings.IndexByte(word[1:], '\'')
			if end < 0 {
				t.Fatalf("%s does not end", word)
			}
			text, word = text+word[1:end+1], word[end+2:]
		default:
			t.Fatalf("%s is not quoted", word)
		}
	}
	return text
}

func FuzzAValueSurvivesInEachLanguage(f *testing.F) {
	for _, text := range []string{"", `"quotes' and \ and $HOME %d ${x} ` + "`x`", "two\nlines\r\nand\ttabs", "é 密钥 🔑", "\x00\x07\b\f\v\x1b1\x7f\u0080\u0085\u00a0\u00ad", "\u2028\u2029\ufeff\U000e0001\U0010ffff", `\u0041\x41\101\n`, "@file", "-x", "<script>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // no parameter is
		}
		if got, err := strconv.Unquote(quoteGo(text)); err != nil || got != text {
			t.Errorf("Go: %q is %q, %v", text, got, err)
		}
		for language, literal := range map[string]string{"Python": quotePython(text), "JavaScript": quoteJS(text), "Java": quoteJava(text)} {
			if got := unquote(t, literal); got != text {
				t.Errorf("%s: %q is %q by %s", language, text, got, literal)
			}
		}
		if java := quoteJava(text); strings.IndexFunc(java, func(char rune) bool { return char > '~' || char < ' ' }) >= 0 {
			t.Errorf("%s is not ASCII", java)
		}
		if got := unquoteShell(t, quoteShell(text)); got != text {
			t.Errorf("shell: %q is %q", text, got)
		}
		formed(t, text)
	})
}

// formed reads curl's option back.
func formed(t *testing.T, text string) {
	t.Helper()
	option, word, _ := strings.Cut(formPair("Name", text), " ")
	value := strings.TrimPrefix(unquoteShell(t, word), "Name=")
	if option == "--data" {
		value, _ = url.QueryUnescape(value)
	}
	if value != text || strings.ContainsRune(word, 0) {
		t.Errorf("curl: %q is %q by %s %s", text, value, option, word)
	}
}
