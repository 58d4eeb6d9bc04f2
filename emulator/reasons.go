package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/fixtures"
)

// Explained is an entry of the journal with how it was decided.
type Explained struct {
	Call
	Decided string   `json:"decided"` // the cause, as a sentence
	Reasons []Reason `json:"reasons"` // of each rule, in order
}

// String is the call, why it came to that, and a line for each rule.
func (e *Explained) String() string {
	lines := []string{e.Line(false), e.Decided}
	for _, r := range e.Reasons {
		lines = append(lines, "  "+r.String())
	}
	return strings.Join(lines, "\n")
}

// Reason is what a rule made of a call.
type Reason = rules.Reason

// stage is how far a request came.
type stage int8

const (
	atReading stage = iota
	atHost
	atAction
	atCaller
	atGateway
	atRules // and beyond
)

// latestRequest stands for the id of the request that came last.
const latestRequest = "latest"

// explainRequest answers GET /_emulator/requests/{requestId}.
func (s *Server) explainRequest(r *http.Request, _ []byte) (any, error) {
	id := mux.Vars(r)["requestId"]
	found, _ := s.journal.find(query{limit: 1, conditions: []func(*Call) bool{func(c *Call) bool {
		return c.RequestID == id || id == latestRequest
	}}})
	switch {
	case len(found) == 0 && id == latestRequest:
		return nil, errNoRequest
	case len(found) == 0:
		return nil, errUnknownRequest
	}
	return s.explain(found[0]), nil
}

func (s *Server) explain(c Call) *Explained {
	reasons := s.rules.Explain(c.past())
	if reasons == nil {
		reasons = []Reason{}
	}
	return &Explained{c, decided(&c, reasons), reasons}
}

// decided is the cause of what became of a call.
func decided(c *Call, reasons []Reason) string {
	switch {
	case c.stage < atRules:
		return "refused before any rule: " + refusalText(c) + " (" + c.Code + ")"
	case c.Resend:
		return "the same call, sent again below the SDK, and counted once: " + ruledText(c, reasons)
	}
	return ruledText(c, reasons)
}

// refusalText says why a request did not come to the rules.
func refusalText(c *Call) string {
	switch c.stage {
	case atHost:
		return "alikms does not answer to its Host"
	case atAction:
		return actionText(c)
	case atCaller:
		return callerText(c)
	case atGateway:
		return "its Host names an instance that is not here"
	}
	if c.Code == "CrossSiteRequest" {
		return "a web page of another site sent it"
	}
	return "the request could not be read"
}

func actionText(c *Call) string {
	switch {
	case c.Operation == "":
		return "it names no Action"
	case c.Code == "InvalidVersion":
		return "its Version is not 2016-01-20"
	case kms.Published(c.Operation):
		return c.Operation + " is not emulated"
	}
	return fmt.Sprintf("%q is not an operation%s", c.Operation, fixtures.Suggestion(c.Operation, kms.Names()))
}

func callerText(c *Call) string {
	switch c.Code {
	case "InvalidAccessKeyId.NotFound":
		return fmt.Sprintf("AccessKey %q is none of the credentials", c.AccessKeyID)
	case "MissingAccessKeyId":
		return "it is not signed, and there are credentials"
	}
	return "its signature was refused"
}

// ruledText says what the rules made of a call.
func ruledText(c *Call, reasons []Reason) string {
	for _, r := range reasons {
		if r.Outcome == rules.Acted || r.Outcome == rules.Passed && r.Kind == rules.KindFault {
			return r.String()
		}
	}
	answered := "; it was answered " + outcomeText(c)
	near, of := nearestMiss(reasons)
	switch of {
	case 0:
		return "no fault is there to meet it" + answered
	case 1:
		return "no fault took it; " + near.String() + answered
	}
	return fmt.Sprintf("no fault took it; the nearest of %d, %s%s", of, near, answered)
}

// nearestMiss is the fault that came nearest to taking a call, of how many: of
// those that missed it by the fewest fields, the first.
func nearestMiss(reasons []Reason) (nearest Reason, of int) {
	var faults []Reason
	for _, r := range reasons {
		if r.Kind == rules.KindFault {
			faults = append(faults, r)
		}
	}
	if len(faults) == 0 {
		return Reason{}, 0
	}
	return slices.MinFunc(faults, func(a, b Reason) int { return len(a.Differs) - len(b.Differs) }), len(faults)
}

// outcomeText is status and code of an answer.
func outcomeText(c *Call) string {
	if c.Status == 0 {
		return "by nothing"
	}
	return strings.TrimSpace(fmt.Sprint(c.Status, " ", c.Code))
}
