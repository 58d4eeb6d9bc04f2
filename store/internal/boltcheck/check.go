// Package boltcheck checks the pages of a bbolt file before bbolt sees them.
//
// bbolt trusts the pages of a file: it maps them into memory and follows what
// they say, so a damaged page id, size or position can fault, panic, loop, or
// quietly lose records. Its own check follows them too, in a goroutine where a
// fault ends the process. So the pages are walked here first, as bytes:
//
//   - Both meta pages are valid.
//   - Each page says its own id, is of the kind that its place asks for, and is
//     used once: by a bucket, as the overflow of another page, or as a free one.
//     No page is lost, where the file has a list of free pages.
//   - The elements of a page lie inside it. Their keys ascend, and agree with the
//     branch that leads to them.
//
// What the records say is not looked at. The format is that of bbolt's
// internal/common (page.go, meta.go, bucket.go), in the byte order of the
// machine.
package boltcheck

import (
	"errors"
	"fmt"
	"io"
)

// PageSize is the page size of the files. It is set, not left to the machine: a
// file opens on any other.
const PageSize = 4096

// ErrForeign says that a file is none of bbolt's, or has pages of another size.
var ErrForeign = errors.New("is not a bbolt file")

// Info is what is to be known of a file without damage.
type Info struct {
	Pages int // in use, or free to be used
	// Fresh says that nothing was ever committed to the file: a process ended
	// between making the file and writing to it.
	Fresh bool
}

// Check finds what is wrong with the pages of a file of so many bytes. After it,
// nothing in them can lead bbolt astray. It takes as long as reading the file
// once, whatever the file says.
func Check(file io.ReaderAt, size int64) (Info, error) {
	newest, err := newestMeta(file)
	if err != nil {
		return Info{}, err
	}
	if newest.pages > uint64(size)/PageSize {
		return Info{}, fmt.Errorf("it is cut off: %d pages of %d are there", size/PageSize, newest.pages)
	}
	w := &pageWalk{file: file, seen: make([]bool, max(2, newest.pages))}
	w.seen[0], w.seen[1] = true, true
	if err := w.tree(newest.root, nil, nil); err != nil {
		return Info{}, err
	}
	if newest.freelist != noFreelist {
		if err := w.freelist(newest.freelist); err != nil {
			return Info{}, err
		}
	}
	return Info{Pages: int(newest.pages), Fresh: newest.txid <= 1}, nil
}
