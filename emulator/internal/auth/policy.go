package auth

import (
	"slices"
	"strings"
)

// Policy is a RAM policy: what a caller may do with which resource. A nil
// policy allows everything, an empty one nothing.
type Policy struct {
	statements []policyStatement
}

// policyStatement allows or denies some actions on some resources. Both are
// patterns in which * stands for any text, colons and slashes included, and ?
// for one character.
type policyStatement struct {
	allow     bool
	actions   []string // like kms:AsymmetricEncrypt or kms:Describe*
	resources []string // like acs:kms:*:*:key/* or *
}

// Allows reports whether the policy permits the action (kms:AsymmetricEncrypt) on
// the resource (acs:kms:cn-hangzhou:1234567890123456:key/key-x). A statement
// that denies wins over all that allow; what no statement covers is denied.
func (p *Policy) Allows(action, resource string) bool {
	if p == nil {
		return true
	}
	allowed := false
	for _, s := range p.statements {
		if !s.covers(action, resource) {
			continue
		}
		if !s.allow {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s policyStatement) covers(action, resource string) bool {
	return slices.ContainsFunc(s.actions, func(pattern string) bool { return actionMatches(pattern, action) }) &&
		slices.ContainsFunc(s.resources, func(pattern string) bool { return patternMatches(pattern, resource) })
}

// actionMatches compares without regard to case: "In most cases, the value of
// the Action element is not case-sensitive" (RAM manual, Basic elements of
// policies). No page says so of resources: those compare exactly.
func actionMatches(pattern, action string) bool {
	return patternMatches(strings.ToLower(pattern), strings.ToLower(action))
}

// patternMatches reports whether the whole text fits the pattern, in at most
// len(pattern) times len(text) steps: when something does not fit, only the last
// star is made longer, for what came before it can stay as it is.
func patternMatches(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	i, j := 0, 0
	star, resume := -1, 0 // the last star, and where the text after it begins
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, resume = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// patternsOverlap reports whether some text fits both a pattern of a policy and a
// template, in len(pattern) times len(template) steps. It is how a statement is
// found that can never act: templates are what KMS asks about, like
// acs:kms:*:*:key/*. A template's only wildcard is *, and it stands for a text without
// colon (a region, an account, an id); otherwise acs:kms:*:*:alias/a would
// overlap with that template, in a key named "x:alias/a".
func patternsOverlap(pattern, template string) bool {
	p, q := []rune(pattern), []rune(template)
	// row[j] is whether some text fits both p[i:] and q[j:]; below is the row of i+1.
	var below []bool
	for i := len(p); i >= 0; i-- {
		row := make([]bool, len(q)+1)
		for j := len(q); j >= 0; j-- {
			pLeft, qLeft := i < len(p), j < len(q)
			switch {
			case pLeft && p[i] == '*':
				row[j] = below[j] || qLeft && row[j+1]
			case qLeft && q[j] == '*':
				row[j] = row[j+1] || pLeft && p[i] != ':' && below[j]
			case pLeft && qLeft:
				row[j] = below[j+1] && (p[i] == '?' || p[i] == q[j])
			default:
				row[j] = !pLeft && !qLeft
			}
		}
		below = row
	}
	return below[0]
}
