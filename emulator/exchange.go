package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/emulator/internal/wire"
	"github.com/alikms/alikms/store"
)

// exchange is one request to the API and what becomes of it.
type exchange struct {
	server  *Server
	in      *inForce // the scenario it is answered under
	again   bool     // it was begun under another one before
	request *wire.Request
	call    *kms.Call // nil until the caller is accepted
	verdict rules.Verdict
	stage   stage
	entry   Call // of the journal
	began   time.Time
	tried   *string // the AccessKeyId of a call that is tried; nil: the request says who calls
}

// errReset says that the connection is to be reset, and nothing answered.
var errReset = errors.New("the connection is to be reset")

// serveAPI answers a request to the API.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	s.rest.noteCall()
	x := s.newExchange(&wire.Request{HTTP: r})
	a, err := x.answer(w, r)
	switch {
	case errors.Is(err, errReset):
		resetConnection(w)
	case errors.Is(err, rules.ErrDropped):
		panic(http.ErrAbortHandler) // closes the connection
	case x.truncates():
		s.rules.KeepCut(x.verdict, a)
		a.WriteHalf(w)
	default:
		a.Write(w)
	}
}

func (s *Server) newExchange(req *wire.Request) *exchange {
	x := &exchange{server: s, began: time.Now(), request: req}
	x.entry.RequestID = uuid.NewString()
	x.arrive()
	return x
}

// answer does what a request asks for, and tells the journal. Its error is
// errReset or rules.ErrDropped where nothing is to be answered, else nil.
func (x *exchange) answer(w http.ResponseWriter, r *http.Request) (wire.Answer, error) {
	s := x.server
	response, err := x.perform(w, r)
	a := wire.NewAnswer(x.request, x.entry.RequestID, response, x.refusal(err))
	x.mark(&a)
	if cut, ok := s.rules.Cut(x.verdict).(wire.Answer); ok {
		a, err = cut, nil
	}
	unanswered := errors.Is(err, errReset) || errors.Is(err, rules.ErrDropped)
	if unanswered {
		a = wire.Answer{}
	} else {
		err = nil // the answer tells it
	}
	x.record(a)
	return a, err
}

// perform does what a request asks for, as far as the rules let it. A panic is
// an error like any other.
func (x *exchange) perform(w http.ResponseWriter, r *http.Request) (response any, err error) {
	defer func() {
		if r := recover(); r != nil {
			response, err = nil, fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	unread := x.read(w, r)
	for {
		response, err = x.attempt(r, unread)
		switch {
		case !errors.Is(err, kms.ErrSettingsOver):
			return response, err
		case x.verdict.Action != nil && x.verdict.Action.Delay > 0:
			return nil, rules.ErrDropped // as one that waits already
		}
		x.again = true
		x.server.awaitLoading()
	}
}

// arrive notes the scenario in force, and the place in the journal.
func (x *exchange) arrive() {
	if in := x.server.inForce.Load(); in != x.in {
		x.in, x.entry.arrival = in, x.server.journal.arrive()
	}
}

// attempt answers a request under one scenario; ErrSettingsOver: that was replaced
// before anything came of it.
func (x *exchange) attempt(r *http.Request, unread error) (any, error) {
	x.arrive()
	x.call, x.verdict = nil, rules.Verdict{}
	op, who, err := x.identify(unread)
	if !who.Verified && !x.server.answersTo(r.Host) {
		x.stage = atHost
		return nil, kmserr.HostNotAllowed(shortened(r.Host)) // who signs is no web page
	}
	if err != nil {
		return nil, err
	}
	if err := x.enter(op, who); err != nil {
		return nil, err
	}
	if x.verdict.Quota != "" {
		return nil, kmserr.Throttled
	}
	return x.act(op)
}

// read takes a request in.
func (x *exchange) read(w http.ResponseWriter, r *http.Request) (err error) {
	if x.tried != nil {
		return x.compose(*x.tried)
	}
	x.request, err = wire.Read(w, r)
	if err == nil {
		err = checkSite(r)
	}
	return err
}

// identify finds out what a request asks for, and who asks. A request that could
// not be read is not asked.
func (x *exchange) identify(unread error) (op *kms.Operation, who auth.Caller, err error) {
	if unread != nil {
		return nil, who, unread
	}
	if x.tried != nil {
		return x.assume(*x.tried)
	}
	claimed, unfit := auth.ClaimOf(x.request)
	x.entry.AccessKeyID, x.entry.Scheme = copied(claimed.AccessKeyID), claimed.Scheme
	x.stage = atAction
	if op, err = operationOf(x.request); err != nil {
		return nil, who, err
	}
	x.stage = atCaller
	who, err = x.server.callers.Verify(claimed, unfit, func() bool {
		return x.again || x.server.rules.Resent(rules.Request{AccessKeyID: claimed.AccessKeyID, Nonce: claimed.Nonce, Fingerprint: x.request.Fingerprint})
	})
	x.entry.Verified = who.Verified
	return op, who, err
}

// operationOf finds what a request asks for.
func operationOf(req *wire.Request) (*kms.Operation, error) {
	if req.Action == "" && req.HTTP.Header.Get("X-Kms-Apiname") != "" {
		return nil, kmserr.NotEmulated("the KMS Instance API (x-kms-apiname); its OpenAPI clients are served")
	}
	op, err := kms.Find(req.Action)
	if err != nil {
		return nil, err
	}
	return op, req.CheckVersion()
}

// enter finds out where a call comes in, and what the rules make of it.
func (x *exchange) enter(op *kms.Operation, who auth.Caller) (err error) {
	s := x.server
	x.stage = atGateway
	if x.call, err = s.newCall(x.in, x.request, who); err != nil {
		return err
	}
	asked, err := s.ruleRequest(x.call, x.request, op, who)
	if err != nil {
		return err
	}
	decided := false
	x.verdict, decided = s.rules.Decide(asked, func() bool { return s.inForce.Load() == x.in })
	if !decided {
		return kms.ErrSettingsOver
	}
	x.stage = atRules
	x.call.Now, x.call.LimitRecords = x.verdict.Now, x.verdict.Records != ""
	return nil
}

// act runs the operation, and what the rules have decided before or after it.
func (x *exchange) act(op *kms.Operation) (any, error) {
	met := x.verdict.Action
	switch {
	case met == nil:
		return x.run(op)
	case x.verdict.Resend:
		return nil, errReset // unless its first answer was cut
	case met.After:
		return x.actAfter(op, met)
	}
	if err := x.meet(met); err != nil {
		return nil, err
	}
	return x.run(op)
}

// run runs the operation, and tells the quota of records what it made.
func (x *exchange) run(op *kms.Operation) (any, error) {
	response, err := op.Answer(x.server.kms, x.call, x.request.Params)
	if x.call.Records != kms.RecordsNotAsked && !errors.Is(err, kms.ErrSettingsOver) {
		x.server.rules.CountRecord(x.verdict, x.call.Records == kms.RecordsRefused)
	}
	return response, err
}

// actAfter lets the operation take effect before its answer meets the action.
func (x *exchange) actAfter(op *kms.Operation, met *rules.Action) (any, error) {
	response, err := x.run(op)
	if errors.Is(err, kms.ErrSettingsOver) {
		return nil, err
	}
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
func (x *exchange) meet(met *rules.Action) error {
	if err := x.verdict.Wait(x.call.Context, x.server.running.Done()); err != nil {
		return err
	}
	switch {
	case met.Refuse != nil:
		return met.Refuse
	case met.Connection == rules.ConnectionReset:
		return errReset
	}
	return nil
}

// refusal is what the wire says of an error: itself, if it is the service's,
// else InternalFailure, and then the log says the rest.
func (x *exchange) refusal(err error) *kmserr.Error {
	if err == nil || errors.Is(err, errReset) || errors.Is(err, rules.ErrDropped) {
		return nil
	}
	if refused, ok := errors.AsType[*kmserr.Error](err); ok {
		return refused
	}
	if !errors.Is(err, context.Canceled) {
		x.server.log.Error("internal failure", "requestId", x.entry.RequestID, "action", x.request.Action, "error", err)
	}
	if errors.Is(err, store.ErrFull) {
		return kmserr.DiskFull
	}
	return kmserr.InternalFailure
}

// mark says on the answer which rule acted on it, so that nobody mistakes it
// for the emulator's own.
func (x *exchange) mark(a *wire.Answer) {
	x.entry.Quota, x.entry.Fault, x.entry.Resend = x.verdict.Quota, x.verdict.Fault, x.verdict.Resend
	if x.call != nil && x.call.Records == kms.RecordsRefused {
		x.entry.Quota = x.verdict.Records
	}
	if x.entry.Quota != "" {
		a.Header.Set("x-alikms-quota", x.entry.Quota)
	}
	if x.entry.Fault == "" {
		return
	}
	a.Header.Set("x-alikms-fault", x.entry.Fault)
	if wait := x.verdict.Action.RetryAfter; wait > 0 {
		a.Header.Set("x-acs-retry-after", strconv.FormatInt(wait.Milliseconds(), 10))
	}
}

// record tells journal and log.
func (x *exchange) record(a wire.Answer) {
	e := &x.entry
	e.Time = x.server.clock.now()
	e.Operation = copied(x.request.Action)
	e.Gateway = rules.SharedGateway
	e.Parameters = journaled(x.request.Params)
	e.Status, e.Code = a.Status, a.Code
	e.stage, e.trace = x.stage, x.verdict.Trace
	if x.stage < atRules {
		e.trace = x.server.rules.Untouched()
	}
	if x.call != nil {
		e.records = x.call.Records
		x.server.findKey(x.call, x.request) // under another scenario by now, the journal forgets it
		e.Time, e.KeyID, e.keyARN, e.Gateway = x.call.Now, copied(x.call.KeyID), x.call.KeyARN, gatewayName(x.call)
		e.SecretName, e.secretARN = copied(x.call.SecretName), copied(x.call.SecretARN)
	}
	real := time.Since(x.began)
	e.Milliseconds = float64(real.Microseconds()) / 1000
	x.server.journal.add(*e)
	if !x.server.log.Enabled(x.request.HTTP.Context(), slog.LevelDebug) {
		return
	}
	x.server.log.Debug("request", "requestId", e.RequestID, "action", e.Operation, "key", e.KeyID,
		"status", e.Status, "code", e.Code, "fault", e.Fault, "quota", e.Quota, "duration", real)
}

// truncates reports whether the answer is to be cut.
func (x *exchange) truncates() bool {
	met := x.verdict.Action
	return met != nil && met.Connection == rules.ConnectionTruncate
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
