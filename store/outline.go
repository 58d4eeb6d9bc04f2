package store

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// An entry of keys-by-date has an outline of its key as its value: what listings
// are filtered by, which so need not read the keys themselves. It has a line each
// for spec, usage, state, instance and creator, and two for each tag.

const outlineLines = 5 // before the tags

var (
	escapeLine   = strings.NewReplacer("%", "%25", "\n", "%0A")
	unescapeLine = strings.NewReplacer("%25", "%", "%0A", "\n")
)

// outline is the value of the key's entry in keys-by-date.
func (k Key) outline() string {
	lines := []string{k.Spec, k.Usage, k.State, k.InstanceID, k.Creator}
	for _, name := range slices.Sorted(maps.Keys(k.Tags)) {
		lines = append(lines, name, k.Tags[name])
	}
	for i := range lines {
		lines[i] = escapeLine.Replace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// setOutline is the inverse of outline; ok is whether text is one.
func (k *Key) setOutline(text string) (ok bool) {
	lines := strings.Split(text, "\n")
	if len(lines) < outlineLines || len(lines)%2 != outlineLines%2 {
		return false
	}
	if strings.Contains(text, "%") {
		for i := range lines {
			lines[i] = unescapeLine.Replace(lines[i])
		}
	}
	k.Spec, k.Usage, k.State, k.InstanceID, k.Creator = lines[0], lines[1], lines[2], lines[3], lines[4]
	for tag := range slices.Chunk(lines[outlineLines:], 2) {
		if k.Tags == nil {
			k.Tags = map[string]string{}
		}
		k.Tags[tag[0]] = tag[1]
	}
	return true
}

// KeyOutlines walks all keys of a scope by creation, then id, without reading them:
// of each it has scope, id, spec, usage, state, instance, creator and tags. Nothing is to be
// written on the way.
func (tx *Tx) KeyOutlines(scope Scope) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		prefix := scope.prefix()
		for name, sealed := range tx.scan(keysByDate, prefix) {
			k, err := keyOutlined(scope, prefix, name, sealed)
			if !yield(k, err) || err != nil {
				return
			}
		}
	}
}

func keyOutlined(scope Scope, prefix string, name, sealed []byte) (Key, error) {
	text, err := unseal(keysByDate, name, sealed)
	if err != nil {
		return Key{}, err
	}
	_, id, _ := strings.Cut(string(name[len(prefix):]), "/")
	k := Key{Scope: scope, ID: id}
	if !k.setOutline(string(text)) {
		return k, damaged(keysByDate, string(name), errOutline)
	}
	return k, nil
}

// outlineKeys makes the entries of keys-by-date, which named the key in schema 2.
func outlineKeys(tx *Tx) error {
	return tx.migrateKeys(func(k Key) error {
		at := k.index()[0]
		owner, err := tx.get(at.bucket, at.key)
		switch {
		case err != nil:
			return missing(at.bucket, at.key, err)
		case string(owner) != k.ID:
			return damaged(at.bucket, at.key, errOtherOwner)
		}
		return tx.put(at.bucket, at.key, []byte(at.value))
	})
}
