package store

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"go.etcd.io/bbolt"
)

// writers share commits without waiting for one another: those that come while a
// commit runs are queued, and the first of them takes all of the queue into the
// next one.
type writers struct {
	mu      sync.Mutex
	queue   []*writer
	leading bool // somebody commits
}

// writer is one call of Update.
type writer struct {
	fn       func(*Tx) error
	turn     chan bool // true: lead; false: it is done
	leads    bool
	err      error
	panicked error
}

// join puts a writer into the queue, and reports whether it leads at once.
func (ws *writers) join(w *writer) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.queue = append(ws.queue, w)
	if ws.leading {
		return false
	}
	ws.leading = true
	return true
}

// take empties the queue. Its leader is in it.
func (ws *writers) take() []*writer {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	taken := ws.queue
	ws.queue = nil
	return taken
}

// pass gives the lead to who has come meanwhile.
func (ws *writers) pass() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.leading = len(ws.queue) > 0; ws.leading {
		ws.queue[0].turn <- true
	}
}

// errGivenUp is what the others of a commit get when a function or bbolt panicked.
var errGivenUp = errors.New("nothing was changed: the commit was given up")

// lead commits for all that have come.
func (s *Store) lead(own *writer) {
	defer s.writers.pass()
	own.leads = true
	batch := s.writers.take()
	for _, w := range batch {
		w.err = errGivenUp
	}
	defer func() {
		for _, w := range batch {
			if !w.leads {
				w.turn <- false
			}
		}
	}()
	err := s.file.guard(func() error { return s.commit(batch) })
	if err == nil {
		return
	}
	for _, w := range batch {
		w.err = err // their own errors may be about what was not kept
	}
}

// commit runs writers, each on what those before it left, and keeps it all or, with
// an error, nothing. What one of them came to is in its err.
func (s *Store) commit(batch []*writer) error {
	if err := s.file.intact(); err != nil {
		return err
	}
	err := s.db.Update(func(tx *bbolt.Tx) error { return s.change(tx, batch) })
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return diskError(err)
	}
	return s.file.intact() // it may have gone meanwhile
}

// change is the part of a commit before it is written, which would fill a file
// that was cut up with zeros.
func (s *Store) change(bolt *bbolt.Tx, batch []*writer) error {
	s.file.size.Store(bolt.Size())
	changed := false
	for _, w := range batch {
		tx := newTx(bolt, &s.memos)
		tx.undoable = len(batch) > 1
		if w.leads {
			w.err = w.fn(tx) // its panic needs no way to its caller
		} else {
			w.run(tx)
		}
		switch {
		case w.panicked != nil:
			return errGivenUp // who knows what is in the transaction
		case w.err == nil:
			changed = changed || tx.changed
		default:
			if err := tx.undo(); err != nil {
				return err
			}
		}
	}
	if !changed {
		return errUnchanged
	}
	return s.file.intact()
}

// run calls the writer's function, and keeps its panic for its caller; but a fault
// is that of the file.
func (w *writer) run(tx *Tx) {
	defer func() {
		reason := recover()
		if _, fault := reason.(interface{ Addr() uintptr }); fault {
			panic(reason)
		}
		if reason != nil {
			w.panicked = fmt.Errorf("%v\n%s", reason, debug.Stack())
		}
	}()
	w.err = w.fn(tx)
}

// errUnchanged ends a commit that has nothing to keep: so a start on a full disk
// goes on where there is nothing new.
var errUnchanged = errors.New("nothing was changed")

// before is what a record was before it was changed; sealed is nil where there was
// none.
type before struct {
	bucket bucket
	key    string
	sealed []byte
}

// noteBefore remembers a record that is about to change, where the transaction is
// shared and its function may yet fail.
func (tx *Tx) noteBefore(b bucket, key string, sealed []byte) {
	if tx.undoable {
		tx.befores = append(tx.befores, before{b, key, bytes.Clone(sealed)})
	}
}

// undo takes back all that was changed.
func (tx *Tx) undo() (err error) {
	for i := len(tx.befores) - 1; i >= 0 && err == nil; i-- {
		was := tx.befores[i]
		if was.sealed == nil {
			err = tx.bucket(was.bucket).Delete([]byte(was.key))
		} else {
			err = tx.bucket(was.bucket).Put([]byte(was.key), was.sealed)
		}
	}
	return err
}
