package wiring

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote reads a literal of C's kind, as the manuals of Python, Java and
// JavaScript have it: \ooo of up to three octal digits, \xhh, \uhhhh in UTF-16,
// \Uhhhhhhhh, \u{h}.
func unquote(t *testing.T, literal string) string {
	t.Helper()
	quote := literal[0]
	if literal[len(literal)-1] != quote {
		t.Fatalf("%s does not end", literal)
	}
	var units []uint16
	add := func(char rune) { units = append(units, utf16.Encode([]rune{char})...) }
	hex := func(digits string) rune {
		n, err := strconv.ParseUint(digits, 16, 32)
		if err != nil {
			t.Fatalf("%s: %v", literal, err)
		}
		return rune(n)
	}
	rest := literal[1 : len(literal)-1]
	for rest != "" {
		char, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		switch {
		case char == rune(quote), char < ' ', char == 0x2028, char == 0x2029:
			t.Fatalf("%s holds %q plainly", literal, char)
		case char != '\\':
			add(char)
			continue
		}
		escape := rest[0]
		rest = rest[1:]
		simple := strings.IndexByte(`abtnvfr"'\`, escape)
		switch {
		case simple >= 0:
			add(rune("\a\b\t\n\v\f\r\"'\\"[simple]))
		case escape == 'x':
			add(hex(rest[:2]))
			rest = rest[2:]
		case escape == 'u' && rest[0] == '{':
			end := strings.IndexByte(rest, '}')
			add(hex(rest[1:end]))
			rest = rest[end+1:]
		case escape == 'u':
			units = append(units, uint16(hex(rest[:4])))
			rest = rest[4:]
		case escape == 'U':
			add(hex(rest[:8]))
			rest = rest[8:]
		default:
			n, err := strconv.ParseUint(string(escape)+rest[:2], 8, 16)
			if err != nil {
				t.Fatalf("%s: %v", literal, err)
			}
			add(rune(n))
			rest = rest[2:]
		}
	}
	return string(utf16.Decode(units))
}

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
