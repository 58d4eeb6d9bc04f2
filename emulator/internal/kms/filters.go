package kms

import (
	"cmp"
	"errors"
	"slices"

	"github.com/alikms/alikms/store"
)

// keyFilter is one entry of the Filters of ListKeys and ListSecrets: different keys are joined by
// and, the values of one key and its repeated entries by or.
type keyFilter struct {
	Key    string
	Values []string
}

// keyFilters tell for each filter key whether a key has one of the values wanted.
// They go by what an outline of a key has.
var keyFilters = map[string]func(key store.Key, wanted []string) bool{
	"keyId":           one(func(k store.Key) string { return k.ID }),
	"KeySpec":         one(func(k store.Key) string { return k.Spec }),
	"KeyUsage":        one(func(k store.Key) string { return k.Usage }),
	"KeyState":        one(func(k store.Key) string { return k.State }),
	"ProtectionLevel": one(func(store.Key) string { return "SOFTWARE" }),
	"CreatorType":     one(creatorType),
	"Creator":         one(func(k store.Key) string { return cmp.Or(k.Creator, k.Scope.Account) }),
	"DKMSInstanceId":  one(func(k store.Key) string { return k.InstanceID }),
	"TagKey": func(k store.Key, wanted []string) bool {
		return slices.ContainsFunc(wanted, func(key string) bool { _, has := k.Tags[key]; return has })
	},
	"TagValue": func(k store.Key, wanted []string) bool {
		for _, value := range k.Tags {
			if slices.Contains(wanted, value) {
				return true
			}
		}
		return false
	},
	filterAliasName: nil, // its aliases are looked up
}

const filterAliasName = "AliasName"

// creatorType tells the keys of users from those that KMS made for a service.
func creatorType(k store.Key) string {
	if k.Creator != "" {
		return "Service"
	}
	return "User"
}

func one(attribute func(store.Key) string) func(store.Key, []string) bool {
	return func(key store.Key, wanted []string) bool { return slices.Contains(wanted, attribute(key)) }
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

// condition makes of filters what a key has to meet: one of the values of every
// filter key.
func (tx *transaction) condition(filters map[string][]string) (func(store.Key) bool, error) {
	var all []func(store.Key) bool
	for name, wanted := range filters {
		if name != filterAliasName {
			all = append(all, func(key store.Key) bool { return keyFilters[name](key, wanted) })
			continue
		}
		owners, err := tx.ownersOf(wanted)
		if err != nil {
			return nil, err
		}
		all = append(all, func(key store.Key) bool { return owners[key.ID] })
	}
	return func(key store.Key) bool {
		return !slices.ContainsFunc(all, func(meets func(store.Key) bool) bool { return !meets(key) })
	}, nil
}

// ownersOf are the ids of the keys that have one of these aliases.
func (tx *transaction) ownersOf(aliases []string) (map[string]bool, error) {
	owners := map[string]bool{}
	for _, name := range aliases {
		alias, err := tx.store.Alias(tx.Scope, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		owners[alias.KeyID] = true
	}
	return owners, nil
}
