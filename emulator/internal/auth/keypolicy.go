package auth

import (
	"slices"

	"github.com/alikms/alikms/fixtures"
)

// KeyPolicyAllows reports whether the policy of a key, JSON text, lets another
// account do an action with it. A statement that denies wins; what no statement
// covers is denied. Of principals only whole accounts count: a key policy with
// any other is stored and grants nothing here, for RAM users are not emulated.
func KeyPolicyAllows(policy, account, action string) bool {
	parsed, err := fixtures.ParseKeyPolicy([]byte(policy))
	if err != nil {
		return false // "" where the key has none
	}
	allowed := false
	for _, s := range parsed.Statement {
		covers := slices.ContainsFunc(s.Action, func(pattern string) bool { return actionMatches(pattern, action) }) &&
			slices.ContainsFunc(s.Principal.RAM, func(principal string) bool { return meansAccount(principal, account) })
		switch {
		case !covers:
		case s.Effect != "Allow":
			return false
		default:
			allowed = true
		}
	}
	return allowed
}

// meansAccount reports whether a principal is the whole of an account.
func meansAccount(principal, account string) bool {
	return principal == "acs:ram::"+account+":*" || principal == "acs:ram::"+account+":root"
}
