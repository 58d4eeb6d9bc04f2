package wiring

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Each function here writes a text, which is UTF-8, as a literal of one language,
// so that the program has the same text again. Non-ASCII letters stay as they
// are; what cannot be seen is escaped.

func quoteGo(text string) string { return strconv.Quote(text) }

// quotePython writes escapes that mean the same in Python: Go's, of which \a, \b,
// \f, \n, \r, \t, \v, \x00, \u0000 and \U00000000 are shared.
func quotePython(text string) string { return strconv.Quote(text) }

// quoteJS escapes what ends a line in JavaScript, too.
func quoteJS(text string) string {
	return quoted(text, '\'', func(char rune) string {
		if char > 0xffff {
			return fmt.Sprintf(`\u{%x}`, char)
		}
		return fmt.Sprintf(`\u%04x`, char)
	})
}

// quoteJava writes ASCII alone, for compilers read sources in the encoding of
// their machine. Unicode escapes are read before anything else, so that one of a
// line's end would end the line: those below U+0080 are octal.
func quoteJava(text string) string {
	var all strings.Builder
	for _, char := range quoted(text, '"', octal) {
		if char < 0x80 {
			all.WriteRune(char)
			continue
		}
		for _, unit := range utf16.Encode([]rune{char}) {
			fmt.Fprintf(&all, `\u%04x`, unit)
		}
	}
	return all.String()
}

// octal leaves to quoteJava what is not ASCII.
func octal(char rune) string {
	if char < 0x80 {
		return fmt.Sprintf(`\%03o`, char)
	}
	return string(char)
}

// quoted puts a text between quotes. Escapes of one letter are those that C has
// given to all.
func quoted(text string, quote rune, escaped func(rune) string) string {
	var all strings.Builder
	all.WriteRune(quote)
	for _, char := range text {
		switch {
		case char == quote, char == '\\':
			all.WriteString(`\` + string(char))
		case char == '\n':
			all.WriteString(`\n`)
		case char == '\r':
			all.WriteString(`\r`)
		case char == '\t':
			all.WriteString(`\t`)
		case unicode.IsPrint(char):
			all.WriteRune(char)
		default:
			all.WriteString(escaped(char))
		}
	}
	all.WriteRune(quote)
	return all.String()
}

// quoteShell writes a word of a POSIX shell, in which nothing is special between
// single quotes.
func quoteShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// formPair is an option of curl that sends a parameter. A program cannot be given
// a NUL, so a value with one is encoded here.
func formPair(name, text string) string {
	if strings.ContainsRune(text, 0) {
		return "--data " + quoteShell(name+"="+url.QueryEscape(text))
	}
	return "--data-urlencode " + quoteShell(name+"="+text)
}

// refuseForCLI says which values the aliyun CLI cannot send.
func refuseForCLI(a argument) string {
	switch {
	case a.Text == "":
		return "the aliyun CLI sends no empty value"
	case strings.ContainsRune(a.Text, 0):
		return "a command cannot be given a NUL character"
	}
	return ""
}
