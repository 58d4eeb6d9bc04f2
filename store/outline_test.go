package store

import (
	"fmt"
	"maps"
	"testing"
)

func TestOutlinesAreOfTheKeys(t *testing.T) {
	st := newStore(t)
	fill(t, st, 20)
	odd := newKey("odd/key", at(3))
	odd.Spec, odd.InstanceID, odd.State = "a\nspec", "100%", "%0A"
	odd.Tags = map[string]string{"": "", "a\nb": "%25", "c": "\n"}
	update(t, st, func(tx *Tx) error { return tx.InsertKey(odd) })
	update(t, st, func(tx *Tx) error {
		key, err := tx.Key(scope, "key-004")
		if err != nil {
			return err
		}
		key.State, key.Tags = "Disabled", map[string]string{"more": "tags"}
		return tx.UpdateKey(key)
	})
	expectOutlines(t, st, scope, 22)
}

// expectOutlines fails unless a scope has as many keys, and outlines like them.
func expectOutlines(t *testing.T, st *Store, in Scope, want int) {
	t.Helper()
	found := 0
	err := st.View(func(tx *Tx) error {
		for k, err := range tx.KeyOutlines(in) {
			if err != nil {
				return err
			}
			found++
			key, err := tx.Key(in, k.ID)
			if err != nil {
				return err
			}
			if k.Spec != key.Spec || k.Usage != key.Usage || k.State != key.State || k.InstanceID != key.InstanceID || k.Creator != key.Creator || !maps.Equal(k.Tags, key.Tags) {
				return fmt.Errorf("outline %+v of %+v", k, key)
			}
		}
		return nil
	})
	if err != nil || found != want {
		t.Errorf("%d outlines, %v; want %d", found, err, want)
	}
}

func TestOutlinesAreMadeOfOlderSchemas(t *testing.T) {
	for schema, want := range map[int]int{1: 11, 2: 8} {
		st := open(t, schemaFile(t, schema), Options{})
		verified(t, st)
		expectOutlines(t, st, scope, want)
	}
}
