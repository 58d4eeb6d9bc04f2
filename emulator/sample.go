package emulator

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/wiring"
	"github.com/alikms/alikms/fixtures"
)

// Sample is a call that a sample program makes.
type Sample struct {
	SDK        string            // one of SampleSDKs
	Operation  string            // one that is emulated
	Parameters map[string]string // as on the wire
	Endpoint   string            // of an emulator: host:port, for plain HTTP
	Region     string            // as cn-hangzhou
}

// SampleSDKs are the clients that samples are written for.
func SampleSDKs() []string { return wiring.SampleSDKs() }

// Program is the text of a whole program that makes the call, prints what it is
// answered, and fails where it is refused. Its error is fixtures.Problems, with
// sdk, operation or a parameter's name as the path.
func (s Sample) Program() (string, error) {
	if !slices.Contains(SampleSDKs(), s.SDK) {
		return "", sampleProblem("sdk", "there are no samples for %q%s; one of %s", s.SDK, fixtures.Suggestion(s.SDK, SampleSDKs()), strings.Join(SampleSDKs(), ", "))
	}
	op, ok := kms.Lookup(s.Operation)
	switch {
	case !ok && kms.Published(s.Operation):
		return "", sampleProblem("operation", "alikms does not emulate %s", s.Operation)
	case !ok:
		return "", sampleProblem("operation", "%q is not an operation%s", s.Operation, fixtures.Suggestion(s.Operation, kms.Names()))
	}
	for name, value := range s.Parameters {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return "", sampleProblem(strings.ToValidUTF8(name, "?"), "is not UTF-8")
		}
	}
	if problems := op.Judge(s.Parameters); len(problems) > 0 {
		return "", problems
	}
	text, err := wiring.Sample(s.SDK, wiring.Call{Operation: s.Operation, Parameters: s.Parameters, Endpoint: s.Endpoint, Region: s.Region})
	if err != nil {
		return "", sampleProblem("", "%s", err)
	}
	return text, nil
}

func sampleProblem(path, format string, args ...any) fixtures.Problems {
	return fixtures.Problems{{Place: fixtures.Place{Path: path}, Message: fmt.Sprintf(format, args...)}}
}

// serveSample answers the text of a program. The query names the SDK, the
// operation, and the parameters as on the wire.
func (s *Server) serveSample(w http.ResponseWriter, r *http.Request) {
	text, file, err := s.sample(r)
	if err != nil {
		s.serveControl(func(*http.Request, []byte) (any, error) { return nil, err }).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", file))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	fmt.Fprint(w, text)
}

func (s *Server) sample(r *http.Request) (text, file string, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", "", sampleProblem("", "the query cannot be read: %v", err)
	}
	wanted := Sample{Parameters: map[string]string{}, Endpoint: plainEndpoint(r), Region: s.inForce.Load().scope.Region}
	for name, values := range query {
		if len(values) > 1 {
			return "", "", sampleProblem(name, "is said twice")
		}
		switch name {
		case "sdk":
			wanted.SDK = values[0]
		case "operation":
			wanted.Operation = values[0]
		default:
			wanted.Parameters[name] = values[0]
		}
	}
	text, err = wanted.Program()
	return text, wiring.SampleFile(wanted.SDK, wanted.Operation), err
}

// plainEndpoint is where the API is reached by plain HTTP, as far as the Host of a
// control tells: a control may have come by HTTPS, or by a port of its own. Of a
// port that is published under another number only the Host knows.
func plainEndpoint(r *http.Request) string {
	served, _ := r.Context().Value(portKey{}).(side)
	if r.TLS == nil && served != controlSide {
		return r.Host
	}
	host, ok := withoutPort(r.Host)
	plain, _ := r.Context().Value(plainKey{}).(string)
	_, port, err := net.SplitHostPort(plain)
	if !ok || err != nil {
		return r.Host
	}
	return net.JoinHostPort(host, port)
}
