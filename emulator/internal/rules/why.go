package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alikms/alikms/fixtures"
)

// Reasons as sentences. They follow the name of their rule and a colon.

const whyYounger = "put after the call"

func (q *Quota) why(p Past, made Reason) string {
	switch made.Outcome {
	case Acted:
		return "refused the call: there was no room" + q.limitText(p)
	case Passed:
		return "had room"
	case Differs:
		if _, profile := made.Differs["operation"]; profile && q.Source.Profile != "" {
			return joined(differences(&q.match, q.Source.Match, made.Differs), "the profile does not count "+plain(p.Operation))
		}
		return joined(differences(&q.match, q.Source.Match, made.Differs), "")
	}
	if !p.Trace.reached {
		return whyUnreached
	}
	if q.records {
		return "not asked: the call made no record, or was refused before it could"
	}
	return "not asked, since quota " + p.Trace.quota.Name + " refused the call"
}

// limitText is the rate that a call exceeded.
func (q *Quota) limitText(p Past) string {
	g := q.groupOf(p.Group)
	if g == nil || q.records {
		return ""
	}
	return " within " + fixtures.Rate{Calls: g.limit, Per: g.unit}.String()
}

const whyUnreached = "not asked, since the call was refused before any rule"

func (f *Fault) why(p Past, made Reason) string {
	switch made.Outcome {
	case Acted:
		return fmt.Sprintf("took the call and acted: %s; %s", f.actionOf(p.Trace.nth), f.ordinal(p.Trace.nth))
	case Passed:
		return "took the call and let it pass: " + f.ordinal(p.Trace.nth)
	case Spent:
		return "spent: its script had ended before the call"
	case NotReached:
		return f.whyNotReached(p, made)
	}
	return f.difference(p, made)
}

func (f *Fault) whyNotReached(p Past, made Reason) string {
	why := whyUnreached
	switch {
	case p.Trace.quota != nil:
		why = "not asked, since quota " + p.Trace.quota.Name + " refused the call"
	case p.Trace.fault != nil:
		why = "not asked, since fault " + p.Trace.fault.Name + " comes first and took the call"
	}
	if len(made.Differs) > 0 {
		why += "; nor would it have fitted: " + f.difference(p, made)
	}
	return why
}

// difference says what did not fit.
func (f *Fault) difference(p Past, made Reason) string {
	said := differences(&f.match, f.Source.Match, made.Differs)
	if _, late := made.Differs["time"]; !late {
		return joined(said, "")
	}
	if p.Time.Before(f.From) {
		return joined(said, fmt.Sprintf("not in force yet at %s: from is %s", timeText(p.Time), timeText(f.From)))
	}
	return joined(said, fmt.Sprintf("no longer in force at %s: until was %s", timeText(p.Time), timeText(f.Until)))
}

// differences says what a call had in the fields that do not fit, and what the
// rule wants there, as it was written.
func differences(m *match, written fixtures.Match, differs map[string]string) (said []string) {
	for _, field := range m.fields(Request{}) {
		had, wrong := differs[field.name]
		if !wrong || len(field.wanted) == 0 {
			continue
		}
		wanted := field.wanted
		switch field.name {
		case "keyId":
			wanted = written.KeyID
		case "secretName":
			wanted = written.SecretName
		}
		if had == "" {
			said = append(said, fmt.Sprintf("there is no %s, and it wants %s", field.name, strings.Join(wanted, " or ")))
			continue
		}
		said = append(said, fmt.Sprintf("%s is %s, not %s", field.name, plain(had), strings.Join(wanted, " or ")))
	}
	return said
}

func joined(said []string, more string) string {
	if more != "" {
		said = append(said, more)
	}
	return strings.Join(said, "; ")
}

// plain is what a client sent, quoted where it is more than a word.
func plain(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || r == '"' || r == 0x7f }) {
		return strconv.Quote(text)
	}
	return text
}

// ordinal tells which call of the rule it was, and by what it was decided.
func (f *Fault) ordinal(nth int) string {
	call := fmt.Sprintf("call %d of the rule", nth)
	switch {
	case len(f.script) > 0:
		return fmt.Sprintf("step %d of its script, %s", f.stepOf(nth)+1, call)
	case f.chance > 0:
		return fmt.Sprintf("by its chance of %v, %s", f.chance, call)
	}
	return call
}

// stepOf finds the step that the nth call met.
func (f *Fault) stepOf(nth int) int {
	before := nth - 1
	step, left := f.stepAfter(before)
	if step < len(f.script) {
		return step
	}
	if f.repeat == "all" {
		step, _ = f.stepAfter(left % (before - left))
		return step
	}
	return len(f.script) - 1 // repeat: last
}

// stepAfter finds the step that comes after a number of calls, or how many of them
// are left after the last.
func (f *Fault) stepAfter(calls int) (step, left int) {
	for i, s := range f.script {
		if calls < s.count {
			return i, 0
		}
		calls -= s.count
	}
	return len(f.script), calls
}

// actionOf describes what the nth call met.
func (f *Fault) actionOf(nth int) string {
	met := f.action
	if len(f.script) > 0 {
		met = f.script[f.stepOf(nth)].action
	}
	var said []string
	if met.Delay > 0 {
		said = append(said, "delay "+fixtures.Duration(met.Delay).String())
	}
	if met.Refuse != nil {
		said = append(said, met.Refuse.Code)
	}
	if met.Connection != "" {
		said = append(said, "connection "+met.Connection)
	}
	text := strings.Join(said, ", then ")
	if met.After {
		return text + ", after the operation"
	}
	return text
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
