package store

import "time"

// Due returns the ids of the keys whose delete date is at most now, by that
// date.
func (tx *Tx) Due(scope Scope, now time.Time) ([]string, error) {
	return tx.dueKeys(deletions, scope, now)
}

// DueRotations returns the ids of the keys whose next rotation is at most now,
// by that date.
func (tx *Tx) DueRotations(scope Scope, now time.Time) ([]string, error) {
	return tx.dueKeys(rotations, scope, now)
}

// DueExpiries returns the ids of the keys whose material expires at now or did
// so before, by that date.
func (tx *Tx) DueExpiries(scope Scope, now time.Time) ([]string, error) {
	return tx.dueKeys(expiries, scope, now)
}

func (tx *Tx) dueKeys(b bucket, scope Scope, now time.Time) ([]string, error) {
	entries, err := tx.due(b, scope, now)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.value)
	}
	return ids, nil
}

// due reads an index of dates up to now.
func (tx *Tx) due(b bucket, scope Scope, now time.Time) ([]entry, error) {
	var entries []entry
	end := scope.key(sortable(now) + "\xff") // after every key of this moment
	for key, sealed := range tx.scan(b, scope.prefix()) {
		if string(key) > end {
			break
		}
		owner, err := unseal(b, key, sealed)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{b, string(key), string(owner)})
	}
	return entries, nil
}

// NextRotation returns the earliest rotation of the scope, past or to come; zero
// when there is none.
func (tx *Tx) NextRotation(scope Scope) (time.Time, error) { return tx.nextDate(rotations, scope) }

// NextExpiry returns the earliest time at which material of the scope expires,
// past or to come; zero when there is none.
func (tx *Tx) NextExpiry(scope Scope) (time.Time, error) { return tx.nextDate(expiries, scope) }

// nextDate reads the first entry of an index of dates.
func (tx *Tx) nextDate(b bucket, scope Scope) (time.Time, error) {
	for key, sealed := range tx.scan(b, scope.prefix()) {
		if _, err := unseal(b, key, sealed); err != nil {
			return time.Time{}, err
		}
		parts, err := splitKey(string(key), 4)
		if err != nil {
			return time.Time{}, damaged(b, string(key), err)
		}
		return time.Parse(sortableLayout, parts[2])
	}
	return time.Time{}, nil
}
