package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// exchange is one request to the API and what becomes of it.
type exchange struct {
	server  *Server
	request *request
	call    *call // nil until the caller is accepted
	verdict verdict
	entry   Call // of the journal
	began   time.Time
}

// serveAPI answers a request to the API.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	x := &exchange{server: s, began: time.Now()}
	x.entry.RequestID = uuid.NewString()
	x.entry.arrival = s.journal.arrive()
	response, err := x.perform(w, r)
	a := newAnswer(x.request, x.entry.RequestID, response, x.refusal(err))
	x.mark(&a)
	if x.verdict.cut != nil {
		a, err = *x.verdict.cut, nil
	}
	if errors.Is(err, errReset) || errors.Is(err, errDropped) {
		a = answer{}
	}
	x.record(a)
	switch {
	case errors.Is(err, errReset):
		resetConnection(w)
	case errors.Is(err, errDropped):
		panic(http.ErrAbortHandler) // closes the connection
	case x.truncates():
		s.rules.keepCut(x.call.caller, a)
		a.writeHalf(w)
	default:
		a.write(w)
	}
}

// perform does what a request asks for, as far as the rules let it. A panic is
// an error like any other.
func (x *exchange) perform(w http.ResponseWriter, r *http.Request) (response any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	x.request, err = readRequest(w, r)
	if err == nil {
		err = checkSite(r)
	}
	if err != nil {
		return nil, err
	}
	claimed, claimErr := claimOf(x.request)
	x.entry.AccessKeyID, x.entry.Scheme = shortened(claimed.accessKeyID), claimed.scheme
	op, err := x.request.operation()
	if err != nil {
		return nil, err
	}
	who, err := x.server.callers.verify(claimed, claimErr)
	if err != nil {
		return nil, err
	}
	x.entry.Verified = who.verified
	x.call, err = x.server.newCall(x.request, who)
	if err != nil {
		return nil, err
	}
	x.verdict = x.server.rules.decide(x.call, op.group, x.server.factsOf(x.call, x.request))
	if x.verdict.quota != nil {
		return nil, errThrottled.of()
	}
	return x.act(op)
}

// act runs the operation, and what the rules have decided before or after it.
func (x *exchange) act(op *operation) (any, error) {
	met := x.verdict.action
	switch {
	case met == nil:
		return op.answer(x.call, x.request.params)
	case x.verdict.resend:
		return nil, errReset // unless its first answer was cut
	case met.after:
		return x.actAfter(op, met)
	}
	if err := x.meet(met); err != nil {
		return nil, err
	}
	return op.answer(x.call, x.request.params)
}

// actAfter lets the operation take effect before its answer meets the action.
func (x *exchange) actAfter(op *operation, met *action) (any, error) {
	response, err := op.answer(x.call, x.request.params)
	instead := x.meet(met)
	if instead == nil {
		return response, err
	}
	x.entry.Replaced = &Replaced{Status: http.StatusOK}
	if refused := x.refusal(err); refused != nil {
		x.entry.Replaced = &Replaced{refused.Status, refused.Code}
	}
	return nil, instead
}

// meet waits as long as the action says, and gives what is answered instead of
// the operation; nil: the call goes on.
func (x *exchange) meet(a *action) error {
	if err := x.server.wait(x.call.ctx, x.verdict.fault, a.delay); err != nil {
		return err
	}
	switch {
	case a.refuse != nil:
		return a.refuse
	case a.connection == connectionReset:
		return errReset
	}
	return nil
}

// refusal is what the wire says of an error: itself, if it is the service's,
// else InternalFailure, and then the log says the rest.
func (x *exchange) refusal(err error) *apiError {
	if err == nil || errors.Is(err, errReset) || errors.Is(err, errDropped) {
		return nil
	}
	if refused, ok := errors.AsType[*apiError](err); ok {
		return refused
	}
	if !errors.Is(err, context.Canceled) {
		x.server.log.Error("internal failure", "requestId", x.entry.RequestID, "action", x.request.action, "error", err)
	}
	return errInternalFailure.of()
}

// mark says on the answer which rule acted on it, so that nobody mistakes it
// for the emulator's own.
func (x *exchange) mark(a *answer) {
	if x.verdict.quota != nil {
		x.entry.Quota = x.verdict.quota.written.Name
	} else if x.call != nil {
		x.entry.Quota = x.call.quota
	}
	if x.entry.Quota != "" {
		a.header.Set("x-alikms-quota", x.entry.Quota)
	}
	if x.verdict.fault == nil {
		return
	}
	x.entry.Fault, x.entry.Resend = x.verdict.fault.written.Name, x.verdict.resend
	a.header.Set("x-alikms-fault", x.entry.Fault)
	if wait := x.verdict.action.retryAfter; wait > 0 {
		a.header.Set("x-acs-retry-after", strconv.FormatInt(wait.Milliseconds(), 10))
	}
}

// record tells journal and log.
func (x *exchange) record(a answer) {
	e := &x.entry
	e.Time = x.server.clock.now()
	e.Operation = shortened(x.request.action)
	e.Gateway = sharedGateway
	e.Parameters = journaled(x.request.params)
	e.Status, e.Code = a.status, a.code
	if x.call != nil {
		x.server.findKey(x.call, x.request)
		e.Time, e.KeyID, e.keyARN, e.Gateway = x.call.now, x.call.keyID, x.call.keyARN, x.call.gatewayName()
	}
	real := time.Since(x.began)
	e.Milliseconds = float64(real.Microseconds()) / 1000
	x.server.journal.add(*e)
	x.server.log.Debug("request", "requestId", e.RequestID, "action", e.Operation, "key", e.KeyID,
		"status", e.Status, "code", e.Code, "fault", e.Fault, "quota", e.Quota, "duration", real)
}

// truncates says whether the answer is to be cut.
func (x *exchange) truncates() bool {
	met := x.verdict.action
	return met != nil && met.connection == connectionTruncate
}

// writeHalf announces the answer whole, sends half of it, and closes.
func (a answer) writeHalf(w http.ResponseWriter) {
	a.body = a.body[:len(a.body)/2]
	a.write(w)
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler) // closes the connection
}

// resetConnection answers with a TCP reset: not a byte, under TLS too.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for {
		above, ok := conn.(interface{ NetConn() net.Conn }) // TLS, and the port's
		if !ok {
			break
		}
		conn = above.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
