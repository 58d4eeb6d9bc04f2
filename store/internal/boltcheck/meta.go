package boltcheck

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// meta is what a meta page says: where all the rest is.
type meta struct {
	root, freelist uint64 // page ids
	pages          uint64 // in use, the first of them 0
	txid           uint64
}

// readMeta reads meta page 0 or 1.
//
// bbolt writes them in turn and, when one is invalid, opens the file with the
// other: that is the state before the last commit, so a flipped byte would undo
// an acknowledged change. Here both have to be valid. A crash cannot make one
// invalid: the 64 bytes lie inside one sector, which a disk writes whole or not
// at all, and inside one page of the kernel's cache, which outlives the process.
func readMeta(file io.ReaderAt, id uint64) (meta, error) {
	page := make([]byte, pageHeaderSize+metaSize)
	if _, err := file.ReadAt(page, int64(id*PageSize)); err != nil {
		return meta{}, fmt.Errorf("meta page %d is missing: %w", id, err)
	}
	head, m := parseHeader(page), page[pageHeaderSize:]
	switch {
	case order.Uint32(m) != boltMagic:
		return meta{}, fmt.Errorf("meta page %d: %w", id, errNoMagic)
	case order.Uint64(m[metaChecked:]) != metaSum(m):
		return meta{}, fmt.Errorf("meta page %d: its checksum is wrong", id)
	case order.Uint32(m[4:]) != boltVersion || order.Uint32(m[8:]) != PageSize:
		return meta{}, ErrForeign
	case head.id != id || head.kind != metaPage:
		return meta{}, fmt.Errorf("meta page %d: its header is wrong", id)
	}
	return meta{
		root:     order.Uint64(m[16:]),
		freelist: order.Uint64(m[32:]),
		pages:    order.Uint64(m[40:]),
		txid:     order.Uint64(m[48:]),
	}, nil
}

// metaSum is the checksum of a meta page.
func metaSum(m []byte) uint64 {
	sum := fnv.New64a()
	sum.Write(m[:metaChecked])
	return sum.Sum64()
}

var errNoMagic = errors.New("the mark of bbolt is missing")

// newestMeta reads both meta pages. A file without the mark of bbolt in either
// is of another kind.
func newestMeta(file io.ReaderAt) (meta, error) {
	first, firstErr := readMeta(file, 0)
	second, secondErr := readMeta(file, 1)
	foreign := func(err error) bool { return errors.Is(err, errNoMagic) || errors.Is(err, io.EOF) }
	switch {
	case foreign(firstErr) && foreign(secondErr):
		return meta{}, ErrForeign
	case firstErr != nil || secondErr != nil:
		return meta{}, cmp.Or(firstErr, secondErr)
	case first.txid > second.txid:
		return first, nil
	}
	return second, nil
}
