package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alikms/alikms/fixtures"
)

// Question is what KMS may ask of a policy: an action, and resources it is asked
// for as patterns, like acs:kms:*:*:key/*.
type Question struct {
	Action    string // with its service, like kms:Encrypt
	Resources []string
}

// Read gives meaning to a caller of a scenario, whose path is given, and reports
// what can never act. asked is all that KMS asks.
func Read(report *fixtures.Report, path string, c fixtures.Credential, asked []Question) Credential {
	made := Credential{Secret: c.AccessKeySecret, Token: c.SecurityToken, Account: c.Account}
	if c.Policy == nil {
		return made
	}
	made.Policy = &Policy{}
	for i, s := range c.Policy.Statement {
		statement := policyStatement{s.Effect == "Allow", s.Action, s.Resource}
		made.Policy.statements = append(made.Policy.statements, statement)
		at := fmt.Sprintf("%s.policy.Statement[%d]", path, i)
		if !statement.everAsked(asked) {
			report.Add(at, "can never act: no emulated operation asks for one of these actions on one of these resources")
		}
	}
	return made
}

// everAsked reports whether KMS asks for one of the actions on one of the
// resources. Actions of other services do not count against a statement.
func (s policyStatement) everAsked(asked []Question) bool {
	ours := slices.DeleteFunc(slices.Clone(s.actions), func(action string) bool {
		service, _, _ := strings.Cut(action, ":")
		return !patternMatches(strings.ToLower(service), "kms")
	})
	return len(ours) == 0 || slices.ContainsFunc(asked, func(q Question) bool {
		return slices.ContainsFunc(ours, func(pattern string) bool { return actionMatches(pattern, q.Action) }) && s.overlaps(q.Resources)
	})
}

func (s policyStatement) overlaps(templates []string) bool {
	return slices.ContainsFunc(templates, func(template string) bool {
		return slices.ContainsFunc(s.resources, func(pattern string) bool { return patternsOverlap(pattern, template) })
	})
}
