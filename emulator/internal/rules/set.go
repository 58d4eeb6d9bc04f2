package rules

import "slices"

// Rule is a fault or a quota in force.
type Rule interface {
	name() string
	// shown is the rule as it was written, with its status among those in force;
	// past are the requests of the journal, in order of arrival.
	shown(in *Rules, past []Past) any
	// end is called when the rule is no longer in force; dropping: by a reset.
	end(dropping bool)
}

// Set is an ordered list of rules with names of their own. Its methods are for
// the function that Show is given.
type Set[R Rule] struct {
	rules []R
}

// Quotas are those in force.
func (r *Rules) Quotas() *Set[*Quota] { return &r.quotas }

// Faults are those in force.
func (r *Rules) Faults() *Set[*Fault] { return &r.faults }

// Show shows the rules that a function chooses, each as it was written and with
// its status. What the function finds, and changes, is one indivisible step.
// past are the requests of the journal, in order of arrival.
func (r *Rules) Show(past []Past, choose func() []Rule) []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	chosen := choose()
	r.noteLists()
	all := []any{}
	for _, rule := range chosen {
		all = append(all, rule.shown(r, past))
	}
	return all
}

// Each visits the quotas and the faults in force, in one moment.
func (r *Rules) Each(quota func(*Quota), fault func(*Fault)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.quotas.rules {
		quota(q)
	}
	for _, f := range r.faults.rules {
		fault(f)
	}
}

func (set *Set[R]) index(name string) int {
	return slices.IndexFunc(set.rules, func(r R) bool { return r.name() == name })
}

// List is all rules.
func (set *Set[R]) List() (all []Rule) {
	for _, r := range set.rules {
		all = append(all, r)
	}
	return all
}

// Named is the rule of a name, or none.
func (set *Set[R]) Named(name string) []Rule {
	if i := set.index(name); i >= 0 {
		return []Rule{set.rules[i]}
	}
	return nil
}

// Put replaces the rule of the same name in its place; a new one goes to the
// front. It returns the rule.
func (set *Set[R]) Put(r R) []Rule {
	if i := set.index(r.name()); i >= 0 {
		set.rules[i].end(false)
		set.rules[i] = r
	} else {
		set.rules = append([]R{r}, set.rules...)
	}
	return []Rule{r}
}

// Remove takes out the rule of a name, and returns it, or none.
func (set *Set[R]) Remove(name string) []Rule {
	found := set.Named(name)
	if i := set.index(name); i >= 0 {
		set.rules[i].end(false)
		set.rules = slices.Delete(set.rules, i, i+1)
	}
	return found
}

// Replace puts other rules in the place of all.
func (set *Set[R]) Replace(all []R) {
	for _, r := range set.rules {
		r.end(false)
	}
	set.rules = all
}
