package boltcheck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	pageHeaderSize   = 16 // id 8, kind 2, count 2, overflow 4
	bucketHeaderSize = 16 // root page 8, sequence 8
	metaSize         = 64
	metaChecked      = 56 // bytes of it under its checksum
	boltMagic        = 0xED0CDAED
	boltVersion      = 2
	noFreelist       = ^uint64(0) // the list was not kept; bbolt finds it by itself
	manyFreePages    = 0xFFFF     // the count is in the first eight bytes instead
	elementSize      = 16         // of either kind; see parseElement

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10
)

var order = binary.NativeEndian

// pageWalk goes through the pages of a file.
type pageWalk struct {
	file io.ReaderAt
	seen []bool // by page id: each page has one use
}

// header begins a page.
type header struct {
	id       uint64
	kind     uint16
	count    int
	overflow uint64 // pages that belong to this one and follow it
}

func parseHeader(page []byte) header {
	return header{
		id:       order.Uint64(page),
		kind:     order.Uint16(page[8:]),
		count:    int(order.Uint16(page[10:])),
		overflow: uint64(order.Uint32(page[12:])),
	}
}

// element is one of a page's elements. The bytes are the page's.
type element struct {
	key      []byte
	value    []byte // of a leaf
	isBucket bool   // of a leaf: the value is a bucket
	page     uint64 // of a branch
}

// parseElements reads the elements of a leaf or a branch.
func parseElements(head header, page []byte) ([]element, error) {
	if pageHeaderSize+head.count*elementSize > len(page) {
		return nil, fmt.Errorf("it has no room for %d elements", head.count)
	}
	elements := make([]element, head.count)
	for i := range elements {
		e, err := parseElement(head.kind, page[pageHeaderSize+i*elementSize:])
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		elements[i] = e
	}
	return elements, nil
}

// parseElement reads one element. Its position counts from itself.
//
//	leaf:    flags 4, position 4, key size 4, value size 4
//	branch:  position 4, key size 4, page id 8
func parseElement(kind uint16, data []byte) (element, error) {
	var e element
	var position, keySize, valueSize uint64
	if kind == branchPage {
		position, keySize = uint64(order.Uint32(data)), uint64(order.Uint32(data[4:]))
		e.page = order.Uint64(data[8:])
	} else {
		flags := order.Uint32(data)
		if flags > 1 {
			return e, errors.New("its flags are wrong")
		}
		e.isBucket = flags == 1
		position, keySize = uint64(order.Uint32(data[4:])), uint64(order.Uint32(data[8:]))
		valueSize = uint64(order.Uint32(data[12:]))
	}
	if keySize == 0 || position+keySize+valueSize > uint64(len(data)) {
		return e, errors.New("its size is wrong")
	}
	e.key = data[position : position+keySize]
	e.value = data[position+keySize : position+keySize+valueSize]
	return e, nil
}

// checkOrder reports whether the keys ascend from first, where that is known, and
// stay below end, where there is one.
func checkOrder(elements []element, first, end []byte) error {
	if first != nil && (len(elements) == 0 || !bytes.Equal(elements[0].key, first)) {
		return errors.New("its first key is not the one it is found by")
	}
	for i, e := range elements {
		if i > 0 && bytes.Compare(elements[i-1].key, e.key) >= 0 || end != nil && bytes.Compare(e.key, end) >= 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
	}
	return nil
}

// use notes a page as in use.
func (w *pageWalk) use(id uint64) error {
	if id >= uint64(len(w.seen)) {
		return fmt.Errorf("page %d is beyond the end", id)
	}
	if w.seen[id] {
		return fmt.Errorf("page %d is used twice", id)
	}
	w.seen[id] = true
	return nil
}

// page reads a page, with those that overflow from it, and notes them as in use.
func (w *pageWalk) page(id uint64) (header, []byte, error) {
	if err := w.use(id); err != nil {
		return header{}, nil, err
	}
	page := make([]byte, PageSize)
	if _, err := w.file.ReadAt(page, int64(id*PageSize)); err != nil {
		return header{}, nil, err
	}
	head := parseHeader(page)
	if head.id != id {
		return header{}, nil, fmt.Errorf("page %d says that it is page %d", id, head.id)
	}
	for i := range head.overflow {
		if err := w.use(id + 1 + i); err != nil {
			return header{}, nil, err
		}
	}
	if head.overflow > 0 {
		page = make([]byte, (1+head.overflow)*PageSize)
		if _, err := w.file.ReadAt(page, int64(id*PageSize)); err != nil {
			return header{}, nil, err
		}
	}
	return head, page, nil
}

// tree checks the pages of a bucket from one of them down. Its keys begin with
// first, where that is known, and stay below end, where there is one.
func (w *pageWalk) tree(id uint64, first, end []byte) error {
	head, page, err := w.page(id)
	if err != nil {
		return err
	}
	switch head.kind {
	case leafPage:
		err = w.leaf(head, page, first, end)
	case branchPage:
		err = w.branch(head, page, first, end)
	default:
		err = errors.New("it is of the wrong kind")
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// branch checks a page whose elements point to further pages. A branch names the
// first key of each of them; bbolt relies on that when it writes.
func (w *pageWalk) branch(head header, page, first, end []byte) error {
	elements, err := parseElements(head, page)
	if err != nil {
		return err
	}
	if len(elements) == 0 {
		return errors.New("it leads nowhere")
	}
	if err := checkOrder(elements, first, end); err != nil {
		return err
	}
	for i, e := range elements {
		next := end
		if i+1 < len(elements) {
			next = elements[i+1].key
		}
		if err := w.tree(e.page, e.key, next); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a page of records and buckets.
func (w *pageWalk) leaf(head header, page, first, end []byte) error {
	elements, err := parseElements(head, page)
	if err != nil {
		return err
	}
	if err := checkOrder(elements, first, end); err != nil {
		return err
	}
	for _, e := range elements {
		if !e.isBucket {
			continue
		}
		if err := w.bucket(e.value); err != nil {
			return fmt.Errorf("bucket %q: %w", e.key, err)
		}
	}
	return nil
}

// bucket checks a bucket: a tree of its own or, when it is small, one page in
// the place of its value.
func (w *pageWalk) bucket(value []byte) error {
	if len(value) < bucketHeaderSize {
		return errors.New("it has no header")
	}
	if root := order.Uint64(value); root != 0 {
		return w.tree(root, nil, nil)
	}
	page := value[bucketHeaderSize:]
	if len(page) < pageHeaderSize {
		return errors.New("it has no page")
	}
	head := parseHeader(page)
	if head.id != 0 || head.kind != leafPage || head.overflow != 0 {
		return errors.New("the header of its page is wrong")
	}
	return w.leaf(head, page, nil, nil)
}

// freelist checks the list of free pages, and that there is no page which is
// neither free nor in use.
func (w *pageWalk) freelist(id uint64) error {
	head, page, err := w.page(id)
	if err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	ids, count := page[pageHeaderSize:], uint64(head.count)
	if head.count == manyFreePages {
		ids, count = ids[8:], order.Uint64(ids)
	}
	if head.kind != freelistPage || count > uint64(len(ids)/8) {
		return errors.New("list of free pages: its header is wrong")
	}
	for i := range count {
		if err := w.use(order.Uint64(ids[8*i:])); err != nil {
			return fmt.Errorf("list of free pages: %w", err)
		}
	}
	if lost := slices.Index(w.seen, false); lost >= 0 {
		return fmt.Errorf("page %d is neither free nor in use", lost)
	}
	return nil
}
