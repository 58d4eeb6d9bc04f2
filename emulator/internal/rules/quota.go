package rules

import (
	"slices"
	"time"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// Quota is a quota of the scenario in force. Its counters are guarded by Rules.
type Quota struct {
	Name   string
	Source fixtures.Quota // as it was written

	match   match
	groups  []*quotaGroup
	records bool // the profile that counts records, not calls
	held    held
	passed  int
	refused int
}

// quotaGroup is what a profile counts together; a rate is one group of all.
type quotaGroup struct {
	name    string // of the profile's group
	limit   int
	unit    time.Duration
	kinds   []string                // groups of operations; none: all
	windows map[store.Scope]*window // as calls come
	passed  int
	refused int
}

// groupOf finds the group that a kind of operation counts in; nil: none.
func (q *Quota) groupOf(kind string) *quotaGroup {
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

// used is how much of its limit the group's fullest window has taken.
func (g *quotaGroup) used(now time.Time) (most int) {
	for _, w := range g.windows {
		most = max(most, w.used(now))
	}
	return most
}

// admit lets a call pass when every quota that matches has room, and only then
// counts it in them. Otherwise it returns the first without room, and the call
// counts in none.
func admit(quotas []*Quota, req Request, now time.Time) *Quota {
	var asked []*quotaGroup
	var rules []*Quota
	for _, q := range quotas {
		g := q.groupOf(req.Group)
		if g == nil || !q.match.fits(req) {
			continue
		}
		if !g.window(req.Scope).hasRoom(now) {
			q.refused++
			g.refused++
			return q
		}
		asked, rules = append(asked, g), append(rules, q)
	}
	for i, g := range asked {
		g.window(req.Scope).pass(now)
		g.passed++
		rules[i].passed++
	}
	return nil
}

func (q *Quota) emptyWindows() {
	for _, g := range q.groups {
		g.windows = nil
	}
}

func (q *Quota) name() string { return q.Name }

// end lets go of the windows: the journal may keep the rule.
func (q *Quota) end(bool) { q.emptyWindows() }

// Keys are the ARNs of the keys that the rule is about, and the ids of the
// versions; nil: of any.
func (q *Quota) Keys() (arns, versionIDs []string) { return q.match.keyARNs, q.match.keyVersionIDs }

type shownQuota struct {
	fixtures.Quota
	Status quotaStatus `json:"status"`
}

type quotaStatus struct {
	Used    *int                   `json:"used,omitempty"` // of a rate
	Passed  int                    `json:"passed"`
	Refused int                    `json:"refused"`
	Groups  map[string]groupStatus `json:"groups,omitempty"` // of a profile
}

type groupStatus struct {
	Rate fixtures.Rate `json:"rate"`
	// Used are the calls that passed in the last second (minute, hour): in the
	// account and region that have the most.
	Used    int `json:"used"`
	Passed  int `json:"passed"`
	Refused int `json:"refused"`
}

func (q *Quota) shown(in *Rules, _ []Past) any {
	status, now := quotaStatus{Passed: q.passed, Refused: q.refused}, in.now()
	for _, g := range q.groups {
		used := g.used(now)
		if g.name == "" {
			status.Used = &used
			continue
		}
		if status.Groups == nil {
			status.Groups = map[string]groupStatus{}
		}
		status.Groups[g.name] = groupStatus{fixtures.Rate{Calls: g.limit, Per: g.unit}, used, g.passed, g.refused}
	}
	return shownQuota{q.Source, status}
}
