package emulator

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestALineOfACall(t *testing.T) {
	at := time.Date(2026, 6, 1, 14, 5, 6, 78e6, time.FixedZone("", 3600))
	for _, c := range []struct {
		call Call
		want string
	}{
		{Call{Operation: "AsymmetricEncrypt", AccessKeyID: "app-a", KeyID: "key-hzz630494463ejqjx0001", Status: 200},
			"13:05:06.078 app-a        AsymmetricEncrypt    key-hzz630494463ejqjx0001 200"},
		{Call{Operation: "ListKeys", Status: 429, Code: "Rejected.Throttling", Quota: "lists"},
			"13:05:06.078 -            ListKeys             -                         429 Rejected.Throttling quota lists"},
		{Call{Operation: "CreateKey", Fault: "lost-answer", Replaced: &Replaced{Status: 200}, Resend: true},
			"13:05:06.078 -            CreateKey            -                         no answer fault lost-answer, instead of 200, sent again"},
		{Call{Operation: "ListKeys", Fault: "slow", Status: 200},
			"13:05:06.078 -            ListKeys             -                         200 fault slow"},
		{Call{Operation: "\x1b]0;owned\a", AccessKeyID: "a b\n", Status: 404, Code: "InvalidAction.NotFound"},
			`13:05:06.078 "a b\n"      "\x1b]0;owned\a"     -                         404 InvalidAction.NotFound`},
	} {
		c.call.Time = at
		if got := c.call.Line(false); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
		if plain := withoutColours.Replace(c.call.Line(true)); plain != c.want || strings.ContainsFunc(plain, unicode.IsControl) {
			t.Errorf("in colour it says %q", plain)
		}
	}
}

var withoutColours = strings.NewReplacer("\x1b[0m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[35m", "")

func TestTheColourOfALineIsThatOfItsStatus(t *testing.T) {
	for status, want := range map[int]string{0: red, 200: green, 400: yellow, 429: yellow, 500: red, 503: red} {
		if line := (&Call{Status: status}).Line(true); !strings.Contains(line, "\x1b["+want+"m") {
			t.Errorf("%d: %q", status, line)
		}
	}
}
