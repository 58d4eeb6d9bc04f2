package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A transcript is a conversation with an emulator that holds the default
// scenario, on a frozen clock (2026-06-01T00:00:00Z):
//
//	# a heading: what the exchanges below show
//	> Action Name=value Name="a value with spaces"
//	< 200 {"Field": "text", "Other": "*", "KeyId": "$new"}
//	> Action Name=$new
//	< 404 Forbidden.KeyNotFound: The specified Key is not found.
//
// An answer may go on over several lines. Of an object every field but
// RequestId has to be there. "*" fits any text; "$name" fits any text the first
// time and keeps it, and the same text from then on.
//
//	@ advance 8d      moves the clock on (days)
//	@ as app          signs from here on, as a caller who may do all
//	@ as nobody       … as a caller whose policy is empty
//	@ unsigned        … and no longer
type transcript struct {
	t      *testing.T
	server *testServer
	caller string
	names  map[string]string // of the $names
	line   int
}

func TestEveryOperationHasATranscript(t *testing.T) {
	for _, op := range operations {
		if _, err := os.Stat(transcriptPath(op.name)); err != nil {
			t.Errorf("operation %s has no transcript: write testdata/transcripts/%s.txt", op.name, op.name)
		}
	}
}

func transcriptPath(action string) string {
	return filepath.Join("testdata", "transcripts", action+".txt")
}

func TestTranscripts(t *testing.T) {
	paths, _ := filepath.Glob(transcriptPath("*"))
	for _, path := range paths {
		action := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			op, ok := operationsByName[action]
			if !ok {
				t.Fatalf("%s is a transcript of no operation", path)
			}
			seen := play(t, path, action)
			for _, code := range expectedCodes(op) {
				if !seen[code] {
					t.Errorf("the transcript does not show the error %s", code)
				}
			}
		})
	}
}

// expectedCodes are the errors that follow from the shape of an operation:
// each transcript has to show them, beside those of its own.
func expectedCodes(op *operation) []string {
	codes := map[string]bool{}
	add := func(r errorRow) { codes[r.code] = true }
	for _, p := range op.parameters {
		if p.required != "" {
			add(errMissingParameter)
		}
		if p.kind == bytesType || p.kind.Kind() == reflect.Int || p.kind.Kind() == reflect.Bool || len(p.oneof) > 0 {
			add(errInvalidParameter)
		}
		switch {
		case p.kind != keyNameType:
		case strings.Contains(p.names, "alias"):
			add(errKeyNotFound)
			add(errAliasNotFound)
		default:
			add(errKeyNotFound)
			add(errAliasNotAllowed)
		}
	}
	if op.takes("KeyVersionId") {
		add(errKeyVersionNotFound)
	}
	if op.takesDryRun() {
		add(errDryRunSucceeds)
		add(errDryRunDenied)
		add(errDryRunValidation)
	}
	if op.name != "DescribeRegions" {
		add(errNoPermission)
	}
	return slices.Sorted(maps.Keys(codes))
}

// play runs a transcript and returns the codes that its action answered.
func play(t *testing.T, path, action string) map[string]bool {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	server := newTestServer(t)
	tr := &transcript{t: t, server: server, names: map[string]string{}}
	seen := map[string]bool{}
	lines := strings.Split(string(text), "\n")
	var asked string
	var got testAnswer
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		tr.line = i + 1
		switch mark, rest, _ := strings.Cut(line, " "); mark {
		case "", "#":
		case "@":
			tr.direct(rest)
		case ">":
			asked, _, _ = strings.Cut(rest, " ")
			got = tr.ask(rest)
		case "<":
			for i+1 < len(lines) && lines[i+1] != "" && !strings.ContainsAny(lines[i+1][:1], "#@><") {
				i++
				rest += "\n" + lines[i]
			}
			tr.compare(rest, got)
			if asked == action {
				seen[got.code()] = true
			}
		default:
			t.Fatalf("%s:%d: a line begins with #, @, > or <", path, i+1)
		}
	}
	return seen
}

func (tr *transcript) failf(format string, args ...any) {
	tr.t.Helper()
	tr.t.Fatalf("line %d: %s", tr.line, fmt.Sprintf(format, args...))
}

// direct obeys a line beginning with @.
func (tr *transcript) direct(order string) {
	verb, argument, _ := strings.Cut(order, " ")
	switch verb {
	case "advance":
		days, err := strconv.Atoi(strings.TrimSuffix(argument, "d"))
		if err != nil {
			tr.failf("advance takes days, like 8d")
		}
		if err := tr.server.clock.advance(time.Duration(days) * 24 * time.Hour); err != nil {
			tr.failf("%v", err)
		}
	case "as":
		tr.server.requireSignatures()
		tr.caller = argument
	case "unsigned":
		tr.server.callers.known = nil
		tr.caller = ""
	default:
		tr.failf("unknown order %q", verb)
	}
}

var wordSyntax = regexp.MustCompile(`([A-Za-z]+)=("(?:[^"\\]|\\.)*"|\S*)`)

// ask sends the request of a line beginning with >.
func (tr *transcript) ask(line string) testAnswer {
	action, rest, _ := strings.Cut(line, " ")
	params := url.Values{"Action": {action}}
	for _, word := range wordSyntax.FindAllStringSubmatch(rest, -1) {
		value := word[2]
		if strings.HasPrefix(value, `"`) {
			unquoted, err := strconv.Unquote(value)
			if err != nil {
				tr.failf("%s is not a quoted text", value)
			}
			value = unquoted
		}
		params.Set(word[1], tr.filled(value))
	}
	return tr.server.call(tr.caller, params)
}

// filled replaces the $names of a text by what they stand for.
func (tr *transcript) filled(text string) string {
	return regexp.MustCompile(`\$[a-z]+\d*`).ReplaceAllStringFunc(text, func(name string) string {
		value, ok := tr.names[name]
		if !ok {
			tr.failf("%s stands for nothing yet", name)
		}
		return value
	})
}

// compare holds an answer against the lines that begin with <.
func (tr *transcript) compare(want string, got testAnswer) {
	tr.t.Helper()
	status, rest, _ := strings.Cut(want, " ")
	if status != strconv.Itoa(got.status) {
		tr.failf("status %d, want %s; body %s", got.status, status, got.body)
	}
	if got.header.Get("x-acs-request-id") != got.object["RequestId"] {
		tr.failf("x-acs-request-id is not the RequestId of the body")
	}
	if status != "200" {
		if text := fmt.Sprintf("%s: %s", got.object["Code"], got.object["Message"]); text != tr.filled(rest) {
			tr.failf("got  %s\nwant %s", text, rest)
		}
		return
	}
	var wanted any
	d := json.NewDecoder(bytes.NewReader([]byte(rest)))
	if err := d.Decode(&wanted); err != nil {
		tr.failf("the answer expected is not JSON: %v", err)
	}
	delete(got.object, "RequestId")
	if err := tr.fits(wanted, got.object, "answer"); err != nil {
		tr.failf("%v\nbody %s", err, got.body)
	}
}

// fits compares JSON values.
func (tr *transcript) fits(want, got any, at string) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || !slices.Equal(slices.Sorted(maps.Keys(w)), slices.Sorted(maps.Keys(g))) {
			return fmt.Errorf("%s has the fields %v, want %v", at, slices.Sorted(maps.Keys(g)), slices.Sorted(maps.Keys(w)))
		}
		fields := slices.Sorted(maps.Keys(w))
		slices.SortStableFunc(fields, func(a, b string) int { return tr.naming(w[b]) - tr.naming(w[a]) })
		for _, name := range fields {
			if err := tr.fits(w[name], g[name], at+"."+name); err != nil {
				return err
			}
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s has %d elements, want %d", at, len(g), len(w))
		}
		for i := range w {
			if err := tr.fits(w[i], g[i], fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case string:
		return tr.fitsText(w, got, at)
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s is %v, want %v", at, got, want)
	}
	return nil
}

var nameSyntax = regexp.MustCompile(`^\$[a-z]+\d*$`)

// naming is 1 for a field that keeps a text under a name: such fields are
// compared first, for others may use the name.
func (tr *transcript) naming(want any) int {
	if text, ok := want.(string); ok && nameSyntax.MatchString(text) {
		return 1
	}
	return 0
}

func (tr *transcript) fitsText(want string, got any, at string) error {
	text, ok := got.(string)
	if !ok {
		return fmt.Errorf("%s is %v, want a text", at, got)
	}
	if nameSyntax.MatchString(want) {
		if _, known := tr.names[want]; !known {
			tr.names[want] = text
		}
	}
	if want == "*" || tr.filled(want) == text {
		return nil
	}
	return fmt.Errorf("%s is %q, want %q", at, text, tr.filled(want))
}

// testAnswer is an answer as a client sees it.
type testAnswer struct {
	status int
	header http.Header
	body   string
	object map[string]any
}

func (a testAnswer) code() string {
	code, _ := a.object["Code"].(string)
	return code
}
