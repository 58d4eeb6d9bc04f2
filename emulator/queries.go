package emulator

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
)

// query chooses requests of the journal. The zero query chooses all.
type query struct {
	conditions []func(*Call) bool
	limit      int // only the latest so many; 0: all
}

func (q query) fits(c *Call) bool {
	for _, fits := range q.conditions {
		if !fits(c) {
			return false
		}
	}
	return true
}

// latest are those within the limit, of all that fit in order of arrival.
func (q query) latest(all []Call) []Call {
	if q.limit == 0 {
		return all
	}
	return all[max(0, len(all)-q.limit):]
}

// queryFields give what a request has of each name that a query may give a value.
var queryFields = map[string]func(*Call) string{
	"operation":   func(c *Call) string { return c.Operation },
	"keyId":       func(c *Call) string { return c.keyARN },
	"secretName":  func(c *Call) string { return c.secretARN },
	"accessKeyId": func(c *Call) string { return c.AccessKeyID },
	"gateway":     func(c *Call) string { return c.Gateway },
	"fault":       func(c *Call) string { return c.Fault },
	"quota":       func(c *Call) string { return c.Quota },
	"code":        func(c *Call) string { return c.Code },
	"requestId":   func(c *Call) string { return c.RequestID },
	"status":      func(c *Call) string { return strconv.Itoa(c.Status) },
}

// queryNames are all names of a query, as messages list them.
const queryNames = "operation, keyId, secretName, accessKeyId, gateway, fault, quota, status, code, requestId, since, until, limit"

// query reads the part of a URL behind the question mark.
func (s *Server) query(text string) (q query, err error) {
	given, err := url.ParseQuery(text)
	if err != nil {
		return q, fixtures.Problems{{Message: "the query cannot be read: " + err.Error()}}
	}
	var problems fixtures.Problems
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if err := s.addCondition(&q, name, given.Get(name)); err != nil {
			problems = append(problems, fixtures.Problem{Place: fixtures.Place{Path: name}, Message: err.Error()})
		}
	}
	return q, refused(problems)
}

// addCondition adds what a name of a query and its value ask for.
func (s *Server) addCondition(q *query, name, value string) (err error) {
	switch name {
	case "limit":
		q.limit, err = wholeNumber(value, 1)
		return err
	case "since", "until":
		at, err := s.queryTime(value)
		if err != nil {
			return err
		}
		q.conditions = append(q.conditions, func(c *Call) bool { return c.Time.Before(at) == (name == "until") })
		return nil
	}
	of, known := queryFields[name]
	if !known {
		return errors.New("a query has " + queryNames)
	}
	if value, err = s.queryValue(name, value); err == nil {
		q.conditions = append(q.conditions, func(c *Call) bool { return of(c) == value })
	}
	return err
}

// queryValue checks a value, and gives it as the journal has it.
func (s *Server) queryValue(name, value string) (string, error) {
	switch name {
	case "operation":
		if value != "" && !kms.Published(value) {
			return "", fmt.Errorf("%q is not an operation%s", value, fixtures.Suggestion(value, kms.Names()))
		}
	case "keyId":
		return s.queryKey(value), nil
	case "secretName":
		return s.querySecret(value), nil
	case "status":
		status, err := wholeNumber(value, 0)
		return strconv.Itoa(status), err
	case "fault", "quota":
		return value, s.checkRuleName(name, value)
	}
	return value, nil
}

func wholeNumber(text string, least int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, fmt.Errorf("%q is not allowed: write a whole number, at least %d", text, least)
	}
	return n, nil
}

// queryTime reads a time, counted from now where it has a sign. In a URL a plus
// sign stands for a blank, unless it is escaped.
func (s *Server) queryTime(text string) (time.Time, error) {
	var at fixtures.Time
	if err := at.UnmarshalText([]byte(strings.ReplaceAll(text, " ", "+"))); err != nil {
		return time.Time{}, err
	}
	return at.Resolve(s.clock.now()), nil
}

// queryKey is the ARN of a key by its id, alias or ARN.
func (s *Server) queryKey(text string) string {
	if text == "" {
		return ""
	}
	here := s.inForce.Load().scope
	if arn, ok := s.kms.FindKey(here, s.clock.now(), text); ok {
		return arn
	}
	return kms.KeyARN(here, text) // of a key that is gone, or never was
}

// querySecret is the ARN of a secret by its name or ARN.
func (s *Server) querySecret(text string) string {
	if text == "" {
		return ""
	}
	arn, _ := kms.NamedSecret(s.scope, text)
	return arn
}

// checkRuleName refuses a name that no rule has, nor had at any request of the
// journal.
func (s *Server) checkRuleName(kind, name string) error {
	if name == "" {
		return nil
	}
	known := s.ruleNames(kind)
	if slices.Contains(known, name) {
		return nil
	}
	return fmt.Errorf("no %s has the name %q, nor had one at any request of the journal%s", kind, name, fixtures.Suggestion(name, known))
}

// ruleNames are those of the rules in force, and of the rules that were so when
// requests of the journal came.
func (s *Server) ruleNames(kind string) []string {
	all := map[string]bool{}
	for _, t := range append(s.journal.traces(), s.rules.Untouched()) {
		names, faults := t.Names()
		if kind == "fault" {
			names = faults
		}
		for _, name := range names {
			all[name] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

type shownRequests struct {
	Count    int    `json:"count"`
	Dropped  int    `json:"dropped"`
	Requests []Call `json:"requests"`
}

func (s *Server) findRequests(r *http.Request, _ []byte) (any, error) {
	return s.requests(r, s.journal.find)
}

func (s *Server) removeRequests(r *http.Request, _ []byte) (any, error) {
	return s.requests(r, s.journal.remove)
}

func (s *Server) requests(r *http.Request, choose func(query) ([]Call, int)) (any, error) {
	q, err := s.query(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	calls, dropped := choose(q)
	return shownRequests{len(calls), dropped, calls}, nil
}
