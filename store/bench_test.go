package store

import (
	"cmp"
	"fmt"
	"path/filepath"
	"testing"
)

// benchFile is the path of a file of keys with versions and material.
func benchFile(b *testing.B, keys, versions int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "alikms.db")
	st := open(b, path, Options{})
	err := st.Update(func(tx *Tx) (err error) {
		for i := range keys {
			err = cmp.Or(err, benchKey(tx, i, versions))
		}
		return err
	})
	if err := cmp.Or(err, st.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

func benchKey(tx *Tx, i, versions int) error {
	id := fmt.Sprintf("key-%05d", i)
	k := newKey(id, at(i))
	k.NextRotation = at(i)
	err := tx.InsertKey(k)
	for n := range versions {
		v := newVersion(id, fmt.Sprintf("%s-%d", id, n), at(i))
		v.Regional = true
		err = cmp.Or(err, tx.InsertVersion(v, make([]byte, 32)))
	}
	return err
}

// BenchmarkOpen shows that opening takes as long as reading what is there.
func BenchmarkOpen(b *testing.B) {
	for _, versions := range []int{1, 3} {
		for _, keys := range []int{1000, 10_000} {
			b.Run(fmt.Sprintf("keys=%d/versions=%d", keys, versions), func(b *testing.B) {
				path := benchFile(b, keys, versions)
				for b.Loop() {
					st, err := Open(path, Options{})
					if err := cmp.Or(err, st.Close()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkInsertVersion shows that the number of keys does not matter.
func BenchmarkInsertVersion(b *testing.B) {
	for _, keys := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			st := open(b, benchFile(b, keys, 3), Options{Ephemeral: true})
			i := 100_000
			for b.Loop() {
				if err := st.Update(func(tx *Tx) error { return benchKey(tx, i, 1) }); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkTransaction shows what the looks at the file cost.
func BenchmarkTransaction(b *testing.B) {
	st := open(b, benchFile(b, 10, 1), Options{Ephemeral: true})
	b.Run("View", func(b *testing.B) {
		for b.Loop() {
			if err := st.View(func(*Tx) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Update", func(b *testing.B) {
		for b.Loop() {
			if err := st.Update(func(tx *Tx) error { return tx.PutSetting("clock", nil) }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Healthy", func(b *testing.B) {
		for b.Loop() {
			if err := st.Healthy(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFirstPage shows that the number of keys does not matter.
func BenchmarkFirstPage(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("%d keys", n), func(b *testing.B) {
			st := newStore(b)
			err := st.Update(func(tx *Tx) (err error) {
				for i := range n {
					err = cmp.Or(err, tx.InsertKey(newKey(fmt.Sprintf("key-%05d", i), at(i))))
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				keys := look(b, st, func(tx *Tx) ([]Key, error) { return tx.KeysPage(scope, 0, 10, nil) })
				if len(keys) != 10 {
					b.Fatalf("got %d keys", len(keys))
				}
			}
		})
	}
}
