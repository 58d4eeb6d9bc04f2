package emulatortest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
)

// The methods below are the controls under /_emulator/, for Go. They pass the
// network by, so that nothing a test does to it gets in their way.

// PutFault adds a fault in front of the others; where its name is known, it
// replaces the one there and begins anew. Relative times count from now.
func (e *Emulator) PutFault(f fixtures.Fault) {
	e.t.Helper()
	e.refuse(fixtures.CheckBody(f))
	e.control(http.MethodPut, "faults/"+f.Name, f, nil)
}

// DeleteFault removes a fault. Calls that it delays go on.
func (e *Emulator) DeleteFault(name string) {
	e.t.Helper()
	e.control(http.MethodDelete, "faults/"+url.PathEscape(name), nil, nil)
}

// PutQuota adds a quota in front of the others; where its name is known, it
// replaces the one there and begins anew. One of a profile may have no name of its
// own.
func (e *Emulator) PutQuota(q fixtures.Quota) {
	e.t.Helper()
	if q.Name == "" {
		q.Name = q.Profile
	}
	e.refuse(fixtures.CheckBody(q))
	e.control(http.MethodPut, "quotas/"+q.Name, q, nil)
}

// PutScenario puts another scenario in force, as [Emulator.Reset] to it, to which
// later resets return. To calls in flight it is one moment; after a mistake nothing
// is changed. A relative PrivateKeyFile is looked for in the folder of the test.
func (e *Emulator) PutScenario(s fixtures.Scenario) {
	e.t.Helper()
	document, problems := fixtures.Of(s)
	e.refuse(problems)
	if err := e.server.Load(document); err != nil {
		e.t.Fatal(err)
	}
}

// Keys returns all keys, of every account and region, without what they are made
// of.
func (e *Emulator) Keys() []emulator.Key {
	e.t.Helper()
	var shown struct{ Keys []emulator.Key }
	e.control(http.MethodGet, "keys", nil, &shown)
	return shown.Keys
}

// Secrets returns all secrets, of every account and region, without their values.
func (e *Emulator) Secrets() []emulator.Secret {
	e.t.Helper()
	var shown struct{ Secrets []emulator.Secret }
	e.control(http.MethodGet, "secrets", nil, &shown)
	return shown.Secrets
}

// FailNext makes the next call of an operation fail with a code of the
// catalogue, like Rejected.Throttling; calls after it pass. It is a fault in
// front of the others, named FailNext-1 and so on. Of two for one operation the
// later acts first.
func (e *Emulator) FailNext(operation, code string) {
	e.t.Helper()
	e.PutFault(fixtures.Fault{
		Name:   fmt.Sprintf("FailNext-%d", e.failNext.Add(1)),
		Match:  fixtures.Match{Operation: fixtures.AnyOf{operation}},
		Script: []fixtures.Step{{Action: fixtures.Action{Error: fixtures.ErrorSpec{Code: code}}}},
	})
}

// Freeze lets the emulator's clock stand at a time.
func (e *Emulator) Freeze(at time.Time) {
	e.t.Helper()
	setting := fixtures.ClockSetting{Now: fixtures.At(at.UTC())}
	e.refuse(fixtures.CheckBody(setting))
	e.control(http.MethodPut, "clock", setting, nil)
}

// Advance moves the emulator's clock on, standing or running, by whole
// milliseconds.
func (e *Emulator) Advance(by time.Duration) {
	e.t.Helper()
	if by == 0 {
		return // in a Go value 0 would say nothing
	}
	advance := fixtures.ClockAdvance{By: fixtures.Duration(by)}
	e.refuse(fixtures.CheckBody(advance))
	e.control(http.MethodPost, "clock/advance", advance, nil)
}

// Where chooses calls of the journal. Every field given has to fit; an empty one
// fits all.
type Where struct {
	Operation   string
	KeyID       string // id, alias or ARN of the key
	SecretName  string // or ARN of the secret
	AccessKeyID string
	Gateway     string // "shared", or an instanceId
	Fault       string // the rule that acted on the call
	Quota       string // the quota that refused it
	Code        string // of the error answered
	RequestID   string
}

func (w Where) query() string {
	query := url.Values{}
	for name, value := range map[string]string{
		"operation": w.Operation, "keyId": w.KeyID, "secretName": w.SecretName, "accessKeyId": w.AccessKeyID, "gateway": w.Gateway,
		"fault": w.Fault, "quota": w.Quota, "code": w.Code, "requestId": w.RequestID,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query.Encode()
}

// Calls returns the requests of the journal, in the order they arrived. Who has
// an answer finds it here. The journal keeps the latest 10,000 requests; once it
// has dropped any, Calls fails the test, for its result could be incomplete.
func (e *Emulator) Calls(where Where) []emulator.Call {
	e.t.Helper()
	var journal struct {
		Dropped  int
		Requests []emulator.Call
	}
	e.control(http.MethodGet, "requests?"+where.query(), nil, &journal)
	if journal.Dropped > 0 {
		e.t.Fatalf("the journal has dropped %d requests: it keeps %d; empty it on the way with DELETE %s/_emulator/requests",
			journal.Dropped, journalSize, e.URL)
	}
	return journal.Requests
}

// Why says how a call was decided, on several lines: what became of it and why,
// and what each fault and quota made of it. requestID is that of the answer, or
// of an entry of Calls; "": the latest call.
func (e *Emulator) Why(requestID string) string {
	e.t.Helper()
	var why emulator.Explained
	e.control(http.MethodGet, "requests/"+url.PathEscape(cmp.Or(requestID, "latest")), nil, &why)
	return why.String()
}

// Quota returns how many calls a quota has let pass and refused.
func (e *Emulator) Quota(name string) (passed, refused int) {
	e.t.Helper()
	var quota struct{ Status struct{ Passed, Refused int } }
	e.control(http.MethodGet, "quotas/"+url.PathEscape(name), nil, &quota)
	return quota.Status.Passed, quota.Status.Refused
}

// Reset goes back to the start: keys, clock, quotas and faults are the
// scenario's, and the journal is empty. Key material is kept. Calls that a fault
// delays are dropped.
func (e *Emulator) Reset() {
	e.t.Helper()
	e.control(http.MethodPost, "reset", nil, nil)
}

// control makes a call to /_emulator/ with a body, if any, and reads the answer,
// if wanted.
func (e *Emulator) control(method, path string, body, answer any) {
	e.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			e.t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	e.server.ServeHTTP(w, httptest.NewRequest(method, "http://localhost/_emulator/"+path, bytes.NewReader(text)))
	if w.Code != http.StatusOK {
		e.t.Fatalf("%s /_emulator/%s: %s", method, path, refusal(w))
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		e.t.Fatalf("%s /_emulator/%s: the answer is not as expected: %s", method, path, err)
	}
}

// refusal is what a control says is wrong, by paths: nobody sees the lines of
// the body.
func refusal(w *httptest.ResponseRecorder) string {
	var refused struct{ Errors fixtures.Problems }
	if err := json.Unmarshal(w.Body.Bytes(), &refused); err != nil {
		return w.Body.String()
	}
	for i := range refused.Errors {
		refused.Errors[i].Line = 0
	}
	return refused.Errors.Error()
}

// refuse ends the test if there are problems.
func (e *Emulator) refuse(problems fixtures.Problems) {
	e.t.Helper()
	if len(problems) > 0 {
		e.t.Fatal(problems)
	}
}
