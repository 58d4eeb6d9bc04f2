package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// What transactions answer, wrapped with the record it is about.
var (
	// ErrNotFound says that there is no such record.
	ErrNotFound = errors.New("is not in the store")
	// ErrExists says that a record is there already.
	ErrExists = errors.New("is already in the store")
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

const (
	// schemaVersion is raised when older code could misread a file.
	schemaVersion = 1
	// lockTimeout is how long a process that is about to end may hold the file.
	lockTimeout = 500 * time.Millisecond
)

// Options say how a store is kept.
type Options struct {
	// Ephemeral leaves out the syncing of commits: for a file that is thrown
	// away with the process.
	Ephemeral bool
}

// Store is an open file. Its methods may be called concurrently.
type Store struct {
	db *bbolt.DB
}

// Open opens the file, or makes it, with its folder, when it is missing or
// empty. An error is one line that names the file and says what to do; the file
// is then as it was.
func Open(path string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, openError(path, err)
	}
	if err := verifyFile(path); err != nil {
		return nil, verifyError(path, err)
	}
	db, err := openBolt(path, bbolt.Options{
		NoSync:         o.Ephemeral,
		NoGrowSync:     o.Ephemeral,
		NoFreelistSync: o.Ephemeral,
	})
	if err != nil {
		return nil, openError(path, err)
	}
	if err := initialise(db); err != nil {
		db.Close()
		return nil, openError(path, err)
	}
	return &Store{db}, nil
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
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("%s %w; choose another --data folder", path, ErrForeign)
	}
	return fmt.Errorf("%s %w (%w); restore a copy of it, or remove it and begin anew", path, ErrDamaged, err)
}

// openBolt is bbolt.Open for files that may be damaged: on some it panics.
func openBolt(path string, o bbolt.Options) (db *bbolt.DB, err error) {
	var file *os.File
	o.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}
	o.Timeout = lockTimeout
	o.PageSize = pageSize
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			db, err = nil, fmt.Errorf("bbolt: %v", reason)
			file.Close() // gives its lock back
		}
	}()
	return bbolt.Open(path, 0o600, &o)
}

// initialise makes the buckets of a new file. It writes nothing to any other:
// with bbolt, an Update that changes nothing is a commit as well.
func initialise(db *bbolt.DB) error {
	begun := false
	err := db.View(func(tx *bbolt.Tx) error {
		begun = tx.Bucket([]byte(bucketSchema)) != nil
		return nil
	})
	if err != nil || begun {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, b := range buckets {
			if _, err := tx.CreateBucket([]byte(b)); err != nil {
				return err
			}
		}
		return (&Tx{tx}).save(bucketSchema, schemaKey, schemaVersion)
	})
}

// View calls fn with one state of the store, whatever is written meanwhile. It
// must not wait for anything: an open View can keep an Update from going on.
func (s *Store) View(fn func(*Tx) error) error {
	return s.db.View(func(tx *bbolt.Tx) error { return fn(&Tx{tx}) })
}

// Update calls fn, one at a time, and keeps what it changed once all of it is
// on disk. After an error, of fn or of the disk, nothing is changed.
func (s *Store) Update(fn func(*Tx) error) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return fn(&Tx{tx}) })
}

// Close waits for open transactions and closes the file.
func (s *Store) Close() error { return s.db.Close() }
