package boltcheck

import (
	"bytes"
	"io"
)

const (
	firstPages = 4   // that bbolt writes at once to begin a file
	sectorSize = 512 // at least this much a disk writes whole or not at all
)

// Torn reports whether the file is what a power loss leaves of the very first
// write to it: some of its sectors, and zeros or nothing in place of the others.
// bbolt commits nothing before that write is on disk, so nothing is in there.
func Torn(file io.ReaderAt, size int64) bool {
	if size > firstPages*PageSize {
		return false
	}
	content := make([]byte, size)
	if _, err := file.ReadAt(content, 0); err != nil {
		return false
	}
	written := firstWrite()[:size]
	for len(content) > 0 {
		n := min(sectorSize, len(content))
		if !bytes.Equal(content[:n], written[:n]) && !bytes.Equal(content[:n], make([]byte, n)) {
			return false
		}
		content, written = content[n:], written[n:]
	}
	return true
}

// firstWrite is what bbolt writes to begin a file: two meta pages, an empty list
// of free pages, and an empty leaf.
func firstWrite() []byte {
	pages := make([]byte, firstPages*PageSize)
	for id, kind := range []uint16{metaPage, metaPage, freelistPage, leafPage} {
		page := pages[id*PageSize:]
		order.PutUint64(page, uint64(id))
		order.PutUint16(page[8:], kind)
		if kind == metaPage {
			putFirstMeta(page[pageHeaderSize:][:metaSize], uint64(id))
		}
	}
	return pages
}

func putFirstMeta(m []byte, txid uint64) {
	order.PutUint32(m, boltMagic)
	order.PutUint32(m[4:], boltVersion)
	order.PutUint32(m[8:], PageSize)
	order.PutUint64(m[16:], 3) // the leaf
	order.PutUint64(m[32:], 2) // the list
	order.PutUint64(m[40:], firstPages)
	order.PutUint64(m[48:], txid)
	order.PutUint64(m[metaChecked:], metaSum(m))
}
