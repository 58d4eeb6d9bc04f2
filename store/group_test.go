package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// together runs functions in one commit: they come while another one runs. It
// returns what Update answered each, or what it panicked with.
func together(t *testing.T, st *Store, fns ...func(*Tx) error) []error {
	t.Helper()
	entered, leave := make(chan bool), make(chan bool)
	var all sync.WaitGroup
	all.Go(func() {
		if err := st.Update(func(*Tx) error { entered <- true; <-leave; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-entered
	answers := make([]error, len(fns))
	for i, fn := range fns {
		all.Go(func() {
			defer func() {
				if reason := recover(); reason != nil {
					answers[i] = fmt.Errorf("panic: %v", reason)
				}
			}()
			answers[i] = st.Update(fn)
		})
		for queued(st) < i+1 {
			runtime.Gosched() // in their order
		}
	}
	close(leave)
	all.Wait()
	return answers
}

func queued(st *Store) int {
	st.writers.mu.Lock()
	defer st.writers.mu.Unlock()
	return len(st.writers.queue)
}

func insertNamed(id string) func(*Tx) error {
	return func(tx *Tx) error { return tx.InsertKey(newKey(id, at(0))) }
}

var errOfItsOwn = errors.New("of its own")

func TestUpdatesThatComeTogetherAreOneCommit(t *testing.T) {
	st := newStore(t)
	seen := 0
	before := lastCommit(t, st)
	answers := together(t, st, insertNamed("key-a"), insertNamed("key-a"), insertNamed("key-b"), func(tx *Tx) error {
		counts, err := tx.Counts(scope)
		seen = counts.Keys
		return err
	})
	if answers[0] != nil || !errors.Is(answers[1], ErrExists) || answers[2] != nil || answers[3] != nil {
		t.Errorf("answered %v", answers)
	}
	if more := lastCommit(t, st) - before; more != 1 {
		t.Errorf("%d commits", more)
	}
	if seen != 2 {
		t.Errorf("the last one saw %d keys, want those before it", seen)
	}
}

// lastCommit is the number of the last commit.
func lastCommit(t *testing.T, st *Store) (id int) {
	t.Helper()
	if err := st.View(func(tx *Tx) error { id = tx.bolt.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

// Whatever a function changed before it failed is taken back, and nothing else.
func TestAFunctionThatFailsIsTakenBackAlone(t *testing.T) {
	for name, change := range map[string]func(*Tx) error{
		"insert": insertNamed("key-c"),
		"update": func(tx *Tx) error {
			key, err := tx.Key(scope, "key-000")
			key.State, key.DeleteDate = "PendingDeletion", at(99)
			return cmp.Or(err, tx.UpdateKey(key), tx.UpdateKey(key))
		},
		"delete": func(tx *Tx) error { return tx.DeleteKey(scope, "key-002") },
		"delete, and the same again": func(tx *Tx) error {
			return cmp.Or(tx.DeleteKey(scope, "key-002"), tx.InsertKey(newKey("key-002", at(5))))
		},
		"clear":   func(tx *Tx) error { return cmp.Or(tx.Clear(), tx.InsertKey(newKey("key-000", at(7)))) },
		"setting": func(tx *Tx) error { return cmp.Or(tx.PutSetting("clock", []byte("x")), tx.PutSetting("more", nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			st := newStore(t)
			fill(t, st, 12)
			want := newStore(t)
			fill(t, want, 12)
			for _, of := range []*Store{st, want} {
				if err := of.Update(func(tx *Tx) error { return tx.PutSetting("clock", []byte("before")) }); err != nil {
					t.Fatal(err)
				}
			}
			failing := func(tx *Tx) error { return cmp.Or(change(tx), errOfItsOwn) }
			answers := together(t, st, insertNamed("key-x"), failing, insertNamed("key-y"))
			if answers[0] != nil || answers[1] != errOfItsOwn || answers[2] != nil {
				t.Errorf("answered %v", answers)
			}
			for _, id := range []string{"key-x", "key-y"} {
				if err := want.Update(insertNamed(id)); err != nil {
					t.Fatal(err)
				}
			}
			expectSameRecords(t, st, want)
		})
	}
}

// expectSameRecords fails unless two stores hold the same, down to the bytes.
func expectSameRecords(t *testing.T, got, want *Store) {
	t.Helper()
	read := func(st *Store) string {
		var text bytes.Buffer
		err := st.View(func(tx *Tx) error {
			for _, b := range buckets {
				for key, sealed := range tx.scan(b, "") {
					fmt.Fprintf(&text, "%s %s %q\n", b, key, sealed)
				}
			}
			return verifyRecords(newTx(tx.bolt, nil))
		})
		if err != nil {
			t.Error(err)
		}
		return text.String()
	}
	if g, w := read(got), read(want); g != w {
		t.Errorf("holds\n%s\nwant\n%s", g, w)
	}
}

func TestNothingOfACommitThatFailsIsKept(t *testing.T) {
	st := newStore(t)
	fill(t, st, 2)
	answers := together(t, st, insertNamed("key-x"), func(*Tx) error { return os.Remove(st.file.path) }, insertNamed("key-x"))
	for i, err := range answers {
		if !errors.Is(err, ErrLost) {
			t.Errorf("the %dth was answered %v", i, err)
		}
	}
}

func TestAPanicIsItsCallersOwn(t *testing.T) {
	st := newStore(t)
	answers := together(t, st, insertNamed("key-x"), func(*Tx) error { panic("of its own") }, insertNamed("key-y"))
	if !errors.Is(answers[0], errGivenUp) || !strings.Contains(answers[1].Error(), "panic: of its own") || !errors.Is(answers[2], errGivenUp) {
		t.Errorf("answered %v", answers)
	}
	if err := st.Update(insertNamed("key-x")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Many writers at once, of which half fail in the middle: what was answered without
// an error is there, and nothing else.
func TestManyWritersAtOnce(t *testing.T) {
	st := newStore(t)
	const callers, calls = 16, 40
	kept := make([]map[string]bool, callers)
	var all sync.WaitGroup
	for i := range callers {
		kept[i] = map[string]bool{}
		random := rand.New(rand.NewPCG(1, uint64(i)))
		all.Go(func() {
			for n := range calls {
				id, fails := fmt.Sprintf("key-%02d-%03d", i, n), random.IntN(2) == 0
				err := st.Update(func(tx *Tx) error {
					if err := tx.InsertKey(newKey(id, at(n))); err != nil || !fails {
						return err
					}
					return errOfItsOwn
				})
				if fails != (err == errOfItsOwn) {
					t.Errorf("%s: %v", id, err)
				}
				kept[i][id] = err == nil
			}
		})
	}
	all.Wait()
	err := st.View(func(tx *Tx) error {
		for _, ids := range kept {
			for id, want := range ids {
				if _, err := tx.Key(scope, id); (err == nil) != want {
					t.Errorf("%s: %v", id, err)
				}
			}
		}
		return verifyRecords(newTx(tx.bolt, nil))
	})
	if err != nil {
		t.Error(err)
	}
}
