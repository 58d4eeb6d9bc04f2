package store

import (
	"bytes"
	"errors"
)

// Counts is how many records a scope has.
type Counts struct {
	Keys     int `json:"keys,omitempty"`
	Versions int `json:"versions,omitempty"`
	Aliases  int `json:"aliases,omitempty"`
	Tokens   int `json:"tokens,omitempty"` // import tokens

	Secrets        int `json:"secrets,omitempty"`
	SecretVersions int `json:"secretVersions,omitempty"`
}

// tally is the record of a scope in the bucket of counts. The settings belong
// to no scope; the empty one counts them, for a setting that is lost has to be
// noticed as well.
type tally struct {
	Counts
	Settings int `json:"settings,omitempty"`
}

func (t tally) plus(more tally) tally {
	return tally{
		Counts: Counts{
			Keys:     t.Keys + more.Keys,
			Versions: t.Versions + more.Versions,
			Aliases:  t.Aliases + more.Aliases,
			Tokens:   t.Tokens + more.Tokens,

			Secrets:        t.Secrets + more.Secrets,
			SecretVersions: t.SecretVersions + more.SecretVersions,
		},
		Settings: t.Settings + more.Settings,
	}
}

// Counts returns how many records a scope has, without counting them.
func (tx *Tx) Counts(scope Scope) (Counts, error) {
	t, err := tx.tally(scope)
	return t.Counts, err
}

// tally of a scope without records is zero, and has no record itself.
func (tx *Tx) tally(scope Scope) (tally, error) {
	var t tally
	err := tx.load(bucketCounts, scope.key(), &t)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return t, err
}

// count adds to the counts of a scope.
func (tx *Tx) count(scope Scope, more tally) error {
	before, err := tx.tally(scope)
	if err != nil {
		return err
	}
	after := before.plus(more)
	switch (tally{}) {
	case more:
		return nil
	case after:
		return tx.remove(bucketCounts, scope.key())
	}
	return tx.save(bucketCounts, scope.key(), after)
}

// Scopes returns every scope that has a record, in order of account and region.
func (tx *Tx) Scopes() ([]Scope, error) {
	var scopes []Scope
	for key := range tx.scan(bucketCounts, "") {
		scope, err := scopeOf(string(key))
		if err != nil {
			return nil, damaged(bucketCounts, string(key), err)
		}
		t, err := tx.tally(scope)
		if err != nil {
			return nil, err
		}
		if t.Keys > 0 || t.Secrets > 0 { // all else needs one of them
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}

// scopeOf is the inverse of Scope.key.
func scopeOf(key string) (Scope, error) {
	parts, err := splitKey(key, 2)
	if err != nil {
		return Scope{}, err
	}
	return Scope{Account: parts[0], Region: parts[1]}, nil
}

// Setting returns a copy of a small value that belongs to no scope, and whether
// it has ever been set.
func (tx *Tx) Setting(name string) ([]byte, bool, error) {
	value, err := tx.get(bucketSettings, name)
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	return bytes.Clone(value), err == nil, err
}

// PutSetting sets such a value.
func (tx *Tx) PutSetting(name string, value []byte) error {
	_, known, err := tx.Setting(name)
	if err != nil {
		return err
	}
	if err := tx.put(bucketSettings, name, value); err != nil || known {
		return err
	}
	return tx.count(Scope{}, tally{Settings: 1})
}
