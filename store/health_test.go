package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// lostFile is a store with something in it, after harm was done to its file.
func lostFile(t *testing.T, harm func(path string) error) *Store {
	t.Helper()
	st := open(t, filepath.Join(t.TempDir(), "alikms.db"), Options{})
	fill(t, st, 40)
	if err := st.Healthy(); err != nil {
		t.Fatal(err)
	}
	if err := harm(st.file.path); err != nil {
		t.Fatal(err)
	}
	return st
}

func replace(path string) error {
	content, err := os.ReadFile(path)
	return cmp.Or(err, os.WriteFile(path+".new", content, 0o600), os.Rename(path+".new", path))
}

var harms = []struct {
	name, how string
	harm      func(path string) error
}{
	{"removed", "removed", os.Remove},
	{"folder removed", "removed", func(path string) error { return os.RemoveAll(filepath.Dir(path)) }},
	{"replaced", "replaced", replace},
	{"emptied", "cut", func(path string) error { return os.Truncate(path, 0) }},
	{"cut behind the first pages", "cut", func(path string) error { return os.Truncate(path, 4*4096) }},
	{"cut in the middle", "cut", func(path string) error { return os.Truncate(path, 20*4096+1) }},
}

func TestLostFileTakesNoChanges(t *testing.T) {
	for _, h := range harms {
		t.Run(h.name, func(t *testing.T) {
			st := lostFile(t, h.harm)
			want := fmt.Sprintf("%s is no longer what it was: it was %s while it was open; restore a copy of it (alikms backup makes one) and restart", st.file.path, h.how)
			check := func(what string, err error) {
				t.Helper()
				if !errors.Is(err, ErrLost) || err.Error() != want {
					t.Errorf("%s: got error %v, want %s", what, err, want)
				}
			}
			called := false
			err := st.Update(func(*Tx) error { called = true; return nil })
			check("Update", err)
			check("Healthy", st.Healthy())
			check("Backup", st.Backup(&bytes.Buffer{}))
			if called {
				t.Error("the function of the Update was called")
			}
			if err := st.View(func(*Tx) error { return nil }); h.how == "cut" {
				check("View", err)
			} else if err != nil {
				t.Errorf("reading what is still there: %v", err)
			}
		})
	}
}

// The file goes in the middle of an Update: the change is not acknowledged.
func TestFileLostDuringAnUpdate(t *testing.T) {
	for _, h := range harms {
		t.Run(h.name, func(t *testing.T) {
			st := lostFile(t, func(string) error { return nil })
			err := st.Update(func(tx *Tx) error { return cmp.Or(tx.PutSetting("new", nil), h.harm(st.file.path)) })
			if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), h.how) {
				t.Errorf("got error %v", err)
			}
		})
	}
}

// A file that is cut while it is read is an error, not the end of the process,
// and nothing waits for locks that bbolt has kept.
func TestFileCutUnderReadersAndWriters(t *testing.T) {
	cut := func(st *Store) error { return os.Truncate(st.file.path, 0) }
	for name, access := range map[string]func(*Store) error{
		"View": func(st *Store) error {
			return st.View(func(tx *Tx) error {
				return cmp.Or(cut(st), func() error { _, err := dumpTx(tx); return err }())
			})
		},
		"Update": func(st *Store) error {
			return st.Update(func(tx *Tx) error { return cmp.Or(cut(st), tx.DeleteKey(scope, "key-002")) })
		},
		"begin": func(st *Store) error { // as when it is cut right after the look at its size
			return st.file.guard(func() error { return cmp.Or(cut(st), st.db.View(nil)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := lostFile(t, func(string) error { return nil })
			if err := access(st); !errors.Is(err, ErrLost) {
				t.Errorf("got error %v", err)
			}
			for range 2 {
				err := errors.Join(st.View(func(*Tx) error { return nil }), st.Update(func(*Tx) error { return nil }))
				if !errors.Is(err, ErrLost) || !errors.Is(st.Healthy(), ErrLost) {
					t.Errorf("afterwards: got error %v", err)
				}
			}
			if err := st.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		})
	}
}

func TestPanicOfAFunctionStaysOne(t *testing.T) {
	st := newStore(t)
	for name, run := range map[string]func(func(*Tx) error) error{"View": st.View, "Update": st.Update} {
		func() {
			defer func() {
				if reason := recover(); reason != "mine" {
					t.Errorf("%s: recovered %v", name, reason)
				}
			}()
			run(func(*Tx) error { panic("mine") })
		}()
	}
	fill(t, st, 3) // and nothing is locked
}

// Readers look at the size of the file while it grows.
func TestGrowingFileIsNotTakenForCut(t *testing.T) {
	st := newStore(t)
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := cmp.Or(st.View(func(*Tx) error { return nil }), st.Healthy()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 400 {
		err := st.Update(func(tx *Tx) error { return tx.PutSetting(fmt.Sprint(i), make([]byte, 20_000)) })
		if err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
}

func TestFullDiskIsSaid(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "alikms.db", Err: syscall.ENOSPC}
	for _, c := range []struct {
		err  error
		full bool
	}{
		{full, true},
		{fmt.Errorf("wrapped: %w", full), true},
		{fmt.Errorf("file sync error: %s", full), true}, // as bbolt has it
		{&os.PathError{Op: "write", Path: "alikms.db", Err: syscall.EDQUOT}, true},
		{&os.PathError{Op: "write", Path: "alikms.db", Err: syscall.EIO}, false},
		{errors.New("refused"), false},
	} {
		got := diskError(c.err)
		if errors.Is(got, ErrFull) != c.full || !errors.Is(got, c.err) {
			t.Errorf("%v became %v", c.err, got)
		}
	}
	if got, want := diskError(full).Error(), "the disk is full: nothing was changed (write alikms.db: no space left on device)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBackupWhileWriting(t *testing.T) {
	for _, o := range []Options{{}, {Ephemeral: true}} {
		st := open(t, filepath.Join(t.TempDir(), "alikms.db"), o)
		fill(t, st, 20)
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := range 50 {
				update(t, st, func(tx *Tx) error { return tx.InsertKey(newKey(fmt.Sprintf("new-%02d", i), at(i))) })
			}
		})
		for range 5 {
			path := filepath.Join(t.TempDir(), "copy.db")
			var copied bytes.Buffer
			if err := st.Backup(&copied); err != nil {
				t.Fatal(err)
			}
			write(t, path, copied.Bytes())
			dump(t, open(t, path, Options{}))
		}
		writer.Wait()
		before := dump(t, st)
		path := filepath.Join(t.TempDir(), "copy.db")
		file, err := os.Create(path)
		if err := cmp.Or(err, st.Backup(file), file.Close()); err != nil {
			t.Fatal(err)
		}
		if got := dump(t, open(t, path, Options{})); got != before {
			t.Errorf("%+v: the copy has:\n%s\nnot:\n%s", o, got, before)
		}
	}
}

func TestBackupSaysWhatItsWriterSays(t *testing.T) {
	st := newStore(t)
	full := &fullWriter{}
	if err := st.Backup(full); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got error %v", err)
	}
}

type fullWriter struct{}

func (*fullWriter) Write([]byte) (int, error) { return 0, errors.New("no room") }
