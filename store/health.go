package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
)

// Why an Update fails without fault of its function.
var (
	// ErrFull says that the disk is full.
	ErrFull = errors.New("the disk is full")
	// ErrLost says that the file was removed, replaced or cut while it was open.
	ErrLost = errors.New("is no longer what it was")
)

// watchedFile is the open file of a store, which anybody may harm.
type watchedFile struct {
	path string
	file *os.File     // bbolt's
	size atomic.Int64 // bytes it had to have when the last Update began
	// faulted is set when reading has failed in the middle of bbolt, which keeps
	// its locks then. Nothing enters it any more.
	faulted atomic.Bool
}

// lost is ErrLost for the file.
func (f *watchedFile) lost(how string) error {
	return fmt.Errorf("%s %w: it was %s while it was open; restore a copy of it (alikms backup makes one) and restart", f.path, ErrLost, how)
}

// intact says what has happened to the file.
func (f *watchedFile) intact() error {
	size := f.size.Load() // before the look at the file, which grows meanwhile
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.lost("removed")
	}
	if err != nil {
		return err
	}
	opened, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(now, opened) {
		return f.lost("replaced")
	}
	return f.atLeast(size, now.Size())
}

// whole says whether all of the file is there to be read, whatever its path leads
// to by now.
func (f *watchedFile) whole() error {
	size := f.size.Load()
	opened, err := f.file.Seek(0, io.SeekEnd) // bbolt does not go by the place in the file
	if err != nil {
		return err
	}
	return f.atLeast(size, opened)
}

func (f *watchedFile) atLeast(size, has int64) error {
	if has < size {
		return f.lost("cut")
	}
	return nil
}

// guard calls fn, which reads the file. Of a file that is cut just then, memory
// has no page, so reading it would end the process.
func (f *watchedFile) guard(fn func() error) (err error) {
	if f.faulted.Load() {
		return f.lost("cut")
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a fault
			f.faulted.Store(true)
			err = f.lost("cut")
		default:
			panic(reason)
		}
	}()
	return fn()
}

// diskError is ErrFull for what a full disk, or an exhausted quota of it, makes
// bbolt say. Where bbolt makes the file longer, its errors wrap nothing.
func diskError(err error) error {
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), ": "+full.Error()) {
			return fmt.Errorf("%w: nothing was changed (%w)", ErrFull, err)
		}
	}
	return err
}
