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
	kinds   []string                // of operations; none: all
	windows map[store.Scope]*window // as calls come
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
		if g.windows == nil {
			g.windows = map[store.Scope]*window{}
		}
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

func (q *quotaRule) name() string { return q.written.Name }

func (q *quotaRule) asWritten() any { return q.written }

func (q *quotaRule) end(bool) {}

type quotaStatus struct {
	Passed  int                    `json:"passed"`
	Refused int                    `json:"refused"`
	Groups  map[string]groupStatus `json:"groups,omitempty"` // of a profile
}

type groupStatus struct {
	Rate    fixtures.Rate `json:"rate"`
	Passed  int           `json:"passed"`
	Refused int           `json:"refused"`
}

func (q *quotaRule) status([]Call) any {
	status := quotaStatus{Passed: q.passed, Refused: q.refused}
	for _, g := range q.groups {
		if g.name == "" {
			continue
		}
		if status.Groups == nil {
			status.Groups = map[string]groupStatus{}
		}
		status.Groups[g.name] = groupStatus{fixtures.Rate{Calls: g.limit, Per: g.unit}, g.passed, g.refused}
	}
	return status
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
	if full || c.writing { // a plan that passes is counted when it is carried out
		c.server.rules.countResource(quota, full)
	}
	if full {
		c.quota = quota
		return errLimitExceeded.of()
	}
	return nil
}
