package auth

import (
	"slices"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/internal/pattern"
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

// accountPrincipal is the whole of an account.
var accountPrincipal = pattern.Lazy(`^acs:ram::([0-9]{16}):(\*|root)$`)

// GrantsAccount reports whether a principal of a key policy is a whole account.
func GrantsAccount(principal string) bool { return accountPrincipal().MatchString(principal) }

func meansAccount(principal, account string) bool {
	parts := accountPrincipal().FindStringSubmatch(principal)
	return parts != nil && parts[1] == account
}
