package emulator

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
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

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"github.com/alikms/alikms/emulator/internal/kms"
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
//	@ instance ID     there is an instance; its keys answer on the shared gateway too
//	@ wrap $name = RSAES_OAEP_SHA_256 $public BASE64
//	                  encrypts key material to a public key of
//	                  GetParametersForImport, for ImportKeyMaterial
type transcript struct {
	t      *testing.T
	server *testServer
	send   sending
	caller string
	names  map[string]string // of the $names
	line   int
}

func TestEveryOperationHasATranscript(t *testing.T) {
	for _, op := range kms.Operations {
		if _, err := os.Stat(transcriptPath(op.Name)); err != nil {
			t.Errorf("operation %s has no transcript: write testdata/transcripts/%s.txt", op.Name, op.Name)
		}
	}
}

func transcriptPath(action string) string {
	return filepath.Join("testdata", "transcripts", action+".txt")
}

func TestTranscripts(t *testing.T) {
	playAll(t, (*testServer).call)
}

// sending sends the parameters of a call, signed by a caller if one is named.
type sending func(s *testServer, caller string, params url.Values) testAnswer

// playAll plays every transcript, each on a server of its own, and holds each
// against the errors that it has to show.
func playAll(t *testing.T, send sending) {
	paths, _ := filepath.Glob(transcriptPath("*"))
	for _, path := range paths {
		action := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			op, ok := kms.Lookup(action)
			if !ok {
				t.Fatalf("%s is a transcript of no operation", path)
			}
			seen := play(t, path, action, send, func(map[string]bool) bool { return false })
			if !seen[""] {
				t.Errorf("the transcript shows no success")
			}
			for _, refused := range op.Errors() {
				if !seen[refused.Code] {
					t.Errorf("the transcript does not show the error %s", refused.Code)
				}
			}
		})
	}
}

// play runs a transcript, until the codes that its action answered are enough,
// and returns those.
func play(t *testing.T, path, action string, send sending, enough func(seen map[string]bool) bool) map[string]bool {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tr := &transcript{t: t, server: newTestServer(t), send: send, names: map[string]string{}}
	seen := map[string]bool{}
	lines := strings.Split(string(text), "\n")
	var asked string
	var got testAnswer
	for i := 0; i < len(lines) && !enough(seen); i++ {
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
			if code := tr.compare(rest, got); asked == action {
				seen[code] = true
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
		tr.server.know(nil)
		tr.caller = ""
	case "instance":
		tr.server.adjust(func(settings *kms.Settings) {
			settings.Instances = map[string]kms.Instance{argument: {Scope: tr.server.scope, Public: true}}
		})
	case "wrap":
		tr.wrap(argument)
	default:
		tr.failf("unknown order %q", verb)
	}
}

// wrap keeps key material, encrypted, under a name.
func (tr *transcript) wrap(order string) {
	name, what, _ := strings.Cut(order, " = ")
	words := strings.Fields(tr.filled(what))
	if len(words) != 3 || !nameSyntax.MatchString(name) {
		tr.failf("wrap is written like $name = RSAES_OAEP_SHA_256 $public BASE64")
	}
	wrapped, err := wrapped(words[0], words[1], words[2])
	if err != nil {
		tr.failf("%v", err)
	}
	tr.names[name] = wrapped
}

// wrapped encrypts base64 of key material to a public key, base64 of its SPKI,
// as a client of GetParametersForImport does.
func wrapped(algorithm, public, material string) (string, error) {
	der, err := base64.StdEncoding.DecodeString(public)
	if err != nil {
		return "", err
	}
	plain, err := base64.StdEncoding.DecodeString(material)
	if err != nil {
		return "", err
	}
	ciphertext, err := encryptTo(der, algorithm, plain)
	return base64.StdEncoding.EncodeToString(ciphertext), err
}

// encryptTo uses the libraries themselves: what the emulator unwraps is not to
// be what it has wrapped.
func encryptTo(der []byte, algorithm string, plain []byte) ([]byte, error) {
	public, err := smx509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return sm2.Encrypt(rand.Reader, key, plain, nil)
	case *rsa.PublicKey:
		switch algorithm {
		case "RSAES_OAEP_SHA_256":
			return rsa.EncryptOAEP(sha256.New(), rand.Reader, key, plain, nil)
		case "RSAES_OAEP_SHA_1":
			return rsa.EncryptOAEP(sha1.New(), rand.Reader, key, plain, nil)
		case "RSAES_PKCS1_V1_5":
			//lint:ignore SA1019 it is one of the ways in which KMS takes key material
			return rsa.EncryptPKCS1v15(rand.Reader, key, plain)
		}
	}
	return nil, fmt.Errorf("%s does not encrypt to a %T", algorithm, public)
}

var wordSyntax = regexp.MustCompile(`([A-Za-z0-9.]+)=("(?:[^"\\]|\\.)*"|\S*)`)

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
	return tr.send(tr.server, tr.caller, params)
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

// compare holds an answer against the lines that begin with <, and returns its
// code; "": it succeeded.
func (tr *transcript) compare(want string, got testAnswer) (code string) {
	tr.t.Helper()
	status, rest, _ := strings.Cut(want, " ")
	if status != strconv.Itoa(got.status) {
		tr.failf("status %d, want %s; body %s", got.status, status, got.body)
	}
	var wanted any = map[string]any{"RequestId": "", "HostId": "", "Code": "", "Message": "", "Recommend": "", "HttpStatus": 0.0}
	if status == "200" {
		if err := json.Unmarshal([]byte(rest), &wanted); err != nil {
			tr.failf("the answer expected is not JSON: %v", err)
		}
		wanted.(map[string]any)["RequestId"] = ""
	}
	object := got.object
	if object == nil {
		object = objectOfXML(tr.t, wanted, got.body)
	}
	if got.header.Get("x-acs-request-id") != object["RequestId"] {
		tr.failf("x-acs-request-id is not the RequestId of the body")
	}
	if status != "200" {
		if text := fmt.Sprintf("%s: %s", object["Code"], object["Message"]); text != tr.filled(rest) {
			tr.failf("got  %s\nwant %s", text, rest)
		}
		return object["Code"].(string)
	}
	delete(object, "RequestId")
	delete(wanted.(map[string]any), "RequestId")
	if err := tr.fits(wanted, object, "answer"); err != nil {
		tr.failf("%v\nbody %s", err, got.body)
	}
	return ""
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
