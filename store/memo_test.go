package store

import "testing"

func TestARememberedKeyIsTheCallersOwn(t *testing.T) {
	st := newStore(t)
	key := newKey("key-a", at(0))
	key.Tags = map[string]string{"team": "payments"}
	if err := st.Update(func(tx *Tx) error { return tx.InsertKey(key) }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		err := st.View(func(tx *Tx) error {
			found, err := tx.Key(scope, "key-a")
			if err != nil {
				return err
			}
			if found.Tags["team"] != "payments" || len(found.Tags) != 1 {
				t.Errorf("the tags are %v", found.Tags)
			}
			found.Tags["team"] = "changed"
			found.Tags["more"] = "x"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestARememberedKeyIsReadAnewWhenItChanged(t *testing.T) {
	st := newStore(t)
	fill(t, st, 1)
	for _, state := range []string{"Disabled", "Enabled", "PendingDeletion"} {
		err := st.Update(func(tx *Tx) error {
			key, err := tx.Key(scope, "key-000")
			if err != nil {
				return err
			}
			key.State = state
			if err := tx.UpdateKey(key); err != nil {
				return err
			}
			if again, err := tx.Key(scope, "key-000"); err != nil || again.State != state {
				t.Errorf("in its own transaction it is %s, %v; want %s", again.State, err, state)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := st.View(func(tx *Tx) error {
			key, err := tx.Key(scope, "key-000")
			if key.State != state {
				t.Errorf("it is %s, want %s", key.State, state)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheMemoIsBounded(t *testing.T) {
	m := memo[int]{}
	for i := range 5 * memoSize {
		m.put(string(rune(i+1)), 1, i)
	}
	if n := len(m.new) + len(m.old); n > 2*memoSize {
		t.Errorf("%d records are remembered", n)
	}
}
