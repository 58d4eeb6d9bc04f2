package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alikms/alikms/store/internal/boltcheck"
)

// What transactions answer, wrapped with the record it is about.
var (
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("is not in the store")
	// ErrExists says that a record is there already.
	ErrExists = errors.New("is already in the store")
	// ErrOtherMaterial says that key material is not what was imported once.
	ErrOtherMaterial = errors.New("differs from what was imported first")
	// ErrDamaged says that what was read is not what was written. Open answers
	// it too.
	ErrDamaged = errors.New("is damaged")
)

// Why Open refuses a file, wrapped with the file and what to do.
var (
	// ErrLocked says that another process has the file open.
	ErrLocked = errors.New("is in use by another alikms")
	// ErrNewer says that the file is of a schema which this code does not know.
	ErrNewer = errors.New("was written by a newer alikms")
	// ErrForeign says that the file is something else.
	ErrForeign = errors.New("is not an alikms data file")
)

// lockTimeout is how long a process that is about to end may hold the file.
const lockTimeout = 500 * time.Millisecond

// Options say how a store is kept.
type Options struct {
	// Ephemeral leaves out the syncing of commits: for a file that is thrown
	// away with the process.
	Ephemeral bool
	// Verified waits for what Verifying has begun for the same file; nil: Open
	// verifies the file itself.
	Verified func() error
}

// Store is an open file. Its methods may be called concurrently.
type Store struct {
	db    *bbolt.DB
	file  watchedFile
	memos memos

	writers writers
}

// Open opens the file, or makes it, with its folder, when it is missing, empty,
// or torn in the very first write to it. A file of an older schema is migrated.
// An error is one line that names the file and says what to do; the file is then
// as it was.
func Open(path string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, openError(path, err)
	}
	if o.Verified == nil {
		o.Verified = func() error { return verifyFile(path) }
	}
	err := o.Verified()
	if errors.Is(err, errTorn) {
		err = os.Remove(path)
	}
	if err != nil {
		return nil, verifyError(path, err)
	}
	return openVerified(path, o)
}

// Verifying begins the part of Open that takes the longest, which only reads, and
// returns a function that waits for it.
func Verifying(path string) (verified func() error) {
	done := make(chan error, 1)
	go func() { done <- verifyFile(path) }()
	return sync.OnceValue(func() error { return <-done })
}

// openVerified opens a file that bbolt may write to.
func openVerified(path string, o Options) (*Store, error) {
	db, file, err := openBolt(path, bbolt.Options{
		NoSync:         o.Ephemeral,
		NoGrowSync:     o.Ephemeral,
		NoFreelistSync: true, // else opening a file without the list is a commit
	})
	if err != nil {
		return nil, openError(path, diskError(err))
	}
	db.NoFreelistSync = o.Ephemeral
	st := &Store{db: db, file: watchedFile{path: path, file: file}}
	if err := st.begin(); err != nil {
		db.Close()
		return nil, err
	}
	return st, nil
}

// begin brings the file to the schema of this code, and notes its size.
func (s *Store) begin() error {
	if err := initialise(s.db); err != nil {
		return openError(s.file.path, diskError(err))
	}
	damage, err := migrate(s.db)
	switch {
	case damage != nil:
		return verifyError(s.file.path, damage)
	case err != nil:
		return openError(s.file.path, diskError(err))
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		s.file.size.Store(tx.Size())
		return nil
	})
}

// openError makes one line of what keeps a file, damaged or not, from being
// opened.
func openError(path string, err error) error {
	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("%s %w; stop it or choose another --data folder", path, ErrLocked)
	}
	return fmt.Errorf("cannot open %s: %w; choose another --data folder", path, err)
}

// verifyError makes one line of what verifyFile says.
func verifyError(path string, err error) error {
	var system syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout), errors.As(err, &system):
		return openError(path, err)
	case errors.Is(err, ErrNewer):
		return fmt.Errorf("%s %w; use that one or choose another --data folder", path, err)
	case errors.Is(err, ErrForeign), errors.Is(err, boltcheck.ErrForeign):
		return fmt.Errorf("%s %w; choose another --data folder", path, ErrForeign)
	}
	return fmt.Errorf("%s %w (%w); restore a copy of it (alikms backup makes one), or remove it and begin anew", path, ErrDamaged, err)
}

// openBolt is bbolt.Open for files that may be damaged: on some it panics. The
// file is bbolt's, which closes it.
func openBolt(path string, o bbolt.Options) (db *bbolt.DB, file *os.File, err error) {
	o.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}
	o.Timeout = lockTimeout
	o.PageSize = boltcheck.PageSize
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			db, err = nil, fmt.Errorf("bbolt: %v", reason)
			file.Close() // gives its lock back
		}
	}()
	db, err = bbolt.Open(path, 0o600, &o)
	return db, file, err
}

// View calls fn with one state of the store, whatever is written meanwhile. It
// must not wait for anything: an open View can keep an Update from going on.
func (s *Store) View(fn func(*Tx) error) error {
	return s.file.guard(func() error {
		if err := s.file.whole(); err != nil {
			return err
		}
		return s.db.View(func(tx *bbolt.Tx) error { return fn(newTx(tx, &s.memos)) })
	})
}

// Update calls fn, one at a time, and keeps what it changed once all of it is
// on disk; where it changed nothing, nothing is written. After an error, of fn or of
// the disk, nothing is changed: ErrFull says that the disk is full. Only ErrLost,
// when the file goes in the very moment, can come after a change, in a store that
// refuses every other.
//
// Updates that come while another is written are written together. fn may be called
// by the goroutine of another Update, and must not wait for anything.
func (s *Store) Update(fn func(*Tx) error) error {
	w := &writer{fn: fn, turn: make(chan bool, 1)}
	if s.writers.join(w) || <-w.turn {
		s.lead(w)
	}
	if w.panicked != nil {
		panic(w.panicked)
	}
	return w.err
}

// Healthy returns ErrLost when the file that was opened, or a part of it, is not
// there any more. Then every Update fails.
func (s *Store) Healthy() error { return s.file.guard(s.file.intact) }

// Backup writes a copy of the store, which Open opens, while others use it. It is
// one long View: w must not wait for anything.
func (s *Store) Backup(w io.Writer) error {
	if err := s.Healthy(); err != nil {
		return err
	}
	return s.View(func(tx *Tx) error {
		_, err := tx.bolt.WriteTo(w)
		return err
	})
}

// Close waits for open transactions and closes the file.
func (s *Store) Close() error {
	if s.file.faulted.Load() {
		return s.file.file.Close() // bbolt may hold its locks for ever
	}
	return s.db.Close()
}
