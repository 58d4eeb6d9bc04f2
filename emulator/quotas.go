package emulator

import (
	"slices"
	"time"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// quotaRule is a quota of the scenario in force. Its counters are guarded by
// rules.
type quotaRule struct {
	written   fixtures.Quota // as it was said
	match     match
	groups    []*quotaGroup
	resources bool // the profile of that name, which counts records, not calls
	passed    int
	refused   int
}

// quotaGroup is what a profile counts together; a rate is one group of all.
type quotaGroup struct {
	name    string // of the profile's group
	limit   int
	unit    time.Duration
	kinds   []string // of operations; none: all
	windows map[store.Scope]*window
	passed  int
	refused int
}

// groupOf finds the group that a kind of operation counts in; nil: none.
func (q *quotaRule) groupOf(kind string) *quotaGroup {
	for _, g := range q.groups {
		if len(g.kinds) == 0 || slices.Contains(g.kinds, kind) {
			return g
		}
	}
	return nil
}

// window is the group's count for an account and region.
func (g *quotaGroup) window(scope store.Scope) *window {
	w, ok := g.windows[scope]
	if !ok {
		w = &window{limit: g.limit, unit: g.unit}
		g.windows[scope] = w
	}
	return w
}

// admit lets a call pass when every quota that matches has room, and only then
// counts it in them. Otherwise it returns the first without room, and the call
// counts in none.
func admit(quotas []*quotaRule, c *call, kind string, f facts) *quotaRule {
	var asked []*quotaGroup
	var rules []*quotaRule
	for _, q := range quotas {
		g := q.groupOf(kind)
		if g == nil || !q.match.fits(f) {
			continue
		}
		if !g.window(c.scope).hasRoom(c.now) {
			q.refused++
			g.refused++
			return q
		}
		asked, rules = append(asked, g), append(rules, q)
	}
	for i, g := range asked {
		g.window(c.scope).pass(c.now)
		g.passed++
		rules[i].passed++
	}
	return nil
}

// restart forgets what the quota has counted.
func (q *quotaRule) restart() {
	q.passed, q.refused = 0, 0
	for _, g := range q.groups {
		g.passed, g.refused, g.windows = 0, 0, map[store.Scope]*window{}
	}
}

// The limits of the profile "resources", per account and region ("Limits",
// /kms/support/limits).
const (
	maxKeys     = 200
	maxAliases  = 300
	maxVersions = 10_000
)

// roomForKey refuses one more key, with its version, when the profile
// "resources" is in force and the account is full.
func (c *call) roomForKey() error {
	return c.room(func(n store.Counts) bool { return n.Keys < maxKeys && n.Versions < maxVersions })
}

func (c *call) roomForVersion() error {
	return c.room(func(n store.Counts) bool { return n.Versions < maxVersions })
}

func (c *call) roomForAlias() error {
	return c.room(func(n store.Counts) bool { return n.Aliases < maxAliases })
}

func (c *call) room(has func(store.Counts) bool) error {
	quota := c.server.rules.resourceQuota()
	if quota == "" {
		return nil
	}
	counts, err := c.counts()
	if err != nil {
		return err
	}
	full := !has(counts)
	c.server.rules.countResource(quota, full)
	if full {
		c.quota = quota
		return errLimitExceeded.of()
	}
	return nil
}
