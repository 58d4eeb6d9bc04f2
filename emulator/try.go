package emulator

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/emulator/internal/wire"
	"github.com/alikms/alikms/fixtures"
)

// schemeTry is the scheme of calls that nobody signed because they were tried.
const schemeTry = "try"

// triedCall is what became of a call that was tried.
type triedCall struct {
	Status  int               `json:"status"` // 0: nothing was answered
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	// Connection says what the client of such a call would have met: "" an answer,
	// "reset", "truncate" half of the body, "closed" without an answer.
	Connection string `json:"connection"`
}

// connectionClosed is what a client meets that a reset or a stop drops.
const connectionClosed = "closed"

// tryCall makes a call as any caller, without a signature: quotas, faults,
// permissions and the journal take it like another. It comes in by the gateway of
// the control's own Host.
func (s *Server) tryCall(r *http.Request, text []byte) (any, error) {
	body, problems := fixtures.ParseTry(text)
	if len(problems) == 0 && !kms.Published(body.Value.Operation) {
		problems = fixtures.Problems{body.Problem("operation", "%q is not an operation%s", body.Value.Operation, fixtures.Suggestion(body.Value.Operation, kms.Names()))}
	}
	if err := refused(problems); err != nil {
		return nil, err
	}
	call := (&http.Request{Method: http.MethodPost, Host: r.Host, URL: &url.URL{Path: "/"}, Header: http.Header{}}).WithContext(r.Context())
	params := body.Value.Parameters
	if params == nil {
		params = map[string]string{}
	}
	x := s.newExchange(&wire.Request{HTTP: call, Params: params, Action: body.Value.Operation})
	x.tried = &body.Value.AccessKeyID
	a, err := x.answer(nil, call)
	return x.told(a, err), nil
}

// compose is read for a call that is tried.
func (x *exchange) compose(accessKeyID string) (err error) {
	x.entry.AccessKeyID, x.entry.Scheme = copied(accessKeyID), schemeTry
	x.request, err = wire.Compose(x.request.HTTP, x.request.Action, x.request.Params)
	return err
}

// assume is identify for a call that is tried.
func (x *exchange) assume(accessKeyID string) (op *kms.Operation, who auth.Caller, err error) {
	x.stage = atAction
	if op, err = operationOf(x.request); err != nil {
		return nil, who, err
	}
	x.stage = atCaller
	who, err = x.server.callers.Assume(accessKeyID, schemeTry)
	return op, who, err
}

// told describes an answer, and what its connection would have met.
func (x *exchange) told(a wire.Answer, err error) triedCall {
	t := triedCall{Status: a.Status, Headers: map[string]string{}, Body: string(a.Body)}
	for name := range a.Header {
		t.Headers[name] = a.Header.Get(name)
	}
	switch {
	case errors.Is(err, errReset):
		t.Connection = rules.ConnectionReset
	case err != nil:
		t.Connection = connectionClosed
	case x.truncates():
		t.Connection, t.Body = rules.ConnectionTruncate, string(a.Half())
	}
	return t
}
