package rules

import "time"

// shadow finds, among rules in order, the first that leaves no call to a rule
// after it: it takes every call that the other could decide, and is never spent.
// A chance is no way past it, for what it lets pass is decided too. "": some call
// may come to the rule, now or later.
func shadow(faults []*Fault, of *Fault, now time.Time) string {
	for _, f := range faults {
		if f == of {
			break
		}
		if f.lasts() && f.match.covers(&of.match) && f.inForceWhile(of, now) {
			return f.Name
		}
	}
	return ""
}

// Shadows is, for each of some rules in order that no call can come to, the name
// of the one that takes them all. now is the loading.
func Shadows(faults []*Fault, now time.Time) map[string]string {
	shadows := map[string]string{}
	for _, f := range faults {
		if by := shadow(faults, f, now); by != "" {
			shadows[f.Name] = by
		}
	}
	return shadows
}

// lasts reports whether the rule is never spent.
func (f *Fault) lasts() bool { return len(f.script) == 0 || f.repeat != "" }

// inForceWhile reports whether the rule is in force whenever another is, from now
// on.
func (f *Fault) inForceWhile(other *Fault, now time.Time) bool {
	from := now
	if other.From.After(from) {
		from = other.From
	}
	if f.From.After(from) {
		return false
	}
	return f.Until.IsZero() || !other.Until.IsZero() && !f.Until.Before(other.Until)
}
