package kms

import (
	"cmp"
	"slices"

	"github.com/alikms/alikms/store"
)

// keyFilter is one entry of the Filters of ListKeys and ListSecrets: different keys are joined by
// and, the values of one key and its repeated entries by or.
type keyFilter struct {
	Key    string
	Values []string
}

// keyFilters gives for each filter key what a key has of it.
var keyFilters = map[string]func(*transaction, store.Key) ([]string, error){
	"keyId":           one(func(k store.Key) string { return k.ID }),
	"KeySpec":         one(func(k store.Key) string { return k.Spec }),
	"KeyUsage":        one(func(k store.Key) string { return k.Usage }),
	"ProtectionLevel": one(func(store.Key) string { return "SOFTWARE" }),
	"CreatorType":     one(creatorType),
	"Creator":         one(func(k store.Key) string { return cmp.Or(k.Creator, k.Scope.Account) }),
	"DKMSInstanceId":  one(func(k store.Key) string { return k.InstanceID }),
	"AliasName":       aliasNamesOf,
	"KeyState": func(tx *transaction, k store.Key) ([]string, error) {
		return []string{Settled(k, tx.Now).State}, nil
	},
	"TagKey": func(_ *transaction, k store.Key) ([]string, error) {
		return tagTexts(k, func(key, _ string) string { return key }), nil
	},
	"TagValue": func(_ *transaction, k store.Key) ([]string, error) {
		return tagTexts(k, func(_, value string) string { return value }), nil
	},
}

// creatorType tells the keys of users from those that KMS made for a service.
func creatorType(k store.Key) string {
	if k.Creator != "" {
		return "Service"
	}
	return "User"
}

func one(attribute func(store.Key) string) func(*transaction, store.Key) ([]string, error) {
	return func(_ *transaction, key store.Key) ([]string, error) { return []string{attribute(key)}, nil }
}

func aliasNamesOf(tx *transaction, key store.Key) (names []string, err error) {
	aliases, err := tx.store.AliasesOfKeyPage(key.Scope, key.ID, 0, int(^uint(0)>>1))
	for _, alias := range aliases {
		names = append(names, alias.Name)
	}
	return names, err
}

func tagTexts(key store.Key, text func(key, value string) string) (texts []string) {
	for k, v := range key.Tags {
		texts = append(texts, text(k, v))
	}
	return texts
}

// validFilters refuses filter keys that KMS does not have, and entries of more
// than ten values.
func validFilters[F any](filters []keyFilter, of map[string]F) bool {
	for _, f := range filters {
		if _, known := of[f.Key]; !known || len(f.Values) > 10 {
			return false
		}
	}
	return true
}

// merged joins the entries of the same filter key. One without values, which
// the manual allows, is no condition.
func merged(filters []keyFilter) map[string][]string {
	values := map[string][]string{}
	for _, f := range filters {
		if len(f.Values) > 0 {
			values[f.Key] = append(values[f.Key], f.Values...)
		}
	}
	return values
}

// passes reports whether a key has one of the values of every filter key.
func (tx *transaction) passes(key store.Key, filters map[string][]string) (bool, error) {
	for name, wanted := range filters {
		has, err := keyFilters[name](tx, key)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(has, func(value string) bool { return slices.Contains(wanted, value) }) {
			return false, nil
		}
	}
	return true, nil
}
