package emulator

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Line is the call as a line of a log for people: the time of day by the
// emulator's clock, in UTC; who called what, of which key; status and code; and
// what acted. What clients sent cannot steer a terminal by it. With colour it has
// the escape sequences of a terminal.
func (c *Call) Line(colour bool) string {
	paint := func(_, text string) string { return text }
	if colour {
		paint = func(code, text string) string { return "\x1b[" + code + "m" + text + "\x1b[0m" }
	}
	fields := []string{
		paint(dim, c.Time.UTC().Format("15:04:05.000")),
		fmt.Sprintf("%-12s", column(c.AccessKeyID)),
		fmt.Sprintf("%-20s", column(c.Operation)),
		fmt.Sprintf("%-25s", column(c.KeyID)),
		paint(c.colour(), strings.TrimSpace(c.statusText()+" "+c.Code)),
	}
	if acted := c.actedText(); acted != "" {
		fields = append(fields, paint(magenta, acted))
	}
	return strings.Join(fields, " ")
}

// The colours of a line, as a terminal numbers them (ECMA-48, SGR).
const (
	dim     = "2"
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
)

// colour is that of the status.
func (c *Call) colour() string {
	switch {
	case c.Status == 0 || c.Status >= 500:
		return red
	case c.Status >= 400:
		return yellow
	}
	return green
}

func (c *Call) statusText() string {
	if c.Status == 0 {
		return "no answer"
	}
	return strconv.Itoa(c.Status)
}

// actedText names the rules that acted, and says what is unusual about the call.
func (c *Call) actedText() string {
	var said []string
	if c.Quota != "" {
		said = append(said, "quota "+c.Quota)
	}
	if c.Fault != "" {
		said = append(said, "fault "+c.Fault)
	}
	if c.Replaced != nil {
		said = append(said, strings.TrimSpace(fmt.Sprintf("instead of %d %s", c.Replaced.Status, c.Replaced.Code)))
	}
	if c.Resend {
		said = append(said, "sent again")
	}
	return strings.Join(said, ", ")
}

// column is a value that a client sent, or a hyphen. What is not plain is quoted.
func column(text string) string {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }
	if strings.ContainsFunc(text, odd) {
		text = strconv.Quote(text)
	}
	return cmp.Or(text, "-")
}
