package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alikms/alikms/store"
)

func synced() entry { return entry{kind: 'S'} }
func written(at int64, b byte) entry {
	return entry{kind: 'W', offset: at, data: bytes.Repeat([]byte{b}, 1024)}
}

func TestPlayTellsWhatWasSynced(t *testing.T) {
	content, pending := play([]entry{{kind: 'T', offset: 4096}, written(0, 'a'), synced(), written(1024, 'b')})
	if len(content) != 4096 || content[0] != 'a' || content[1024] != 0 || len(pending) != 1 {
		t.Errorf("%d bytes, %q, %d pending", len(content), content[:1], len(pending))
	}
}

// Sectors are lost one by one, and never what was synced.
func TestLossesTakeSectorsThatWereNotSynced(t *testing.T) {
	seen := map[string]int{}
	for n := range 400 {
		d := lose([]entry{written(0, 'a'), synced(), written(1024, 'b'), written(2048, 'c')}, (&lab{}).chance("test", n))
		d.resize(3072)
		if !bytes.Equal(d[:1024], bytes.Repeat([]byte{'a'}, 1024)) {
			t.Fatal("what was synced is lost")
		}
		state := ""
		for at := 1024; at < 3072; at += sectorSize {
			if d[at] != d[at+sectorSize-1] {
				t.Fatal("a sector is torn")
			}
			state += string(max(d[at], '.'))
		}
		seen[state]++
	}
	if len(seen) != 16 {
		t.Errorf("%d states of 16: %v", len(seen), seen)
	}
}

func TestATapeIsReadAsWritten(t *testing.T) {
	tape := append([]byte{'W', 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'x', 'y'}, 'S', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	entries, err := parseTape(tape)
	if err != nil || len(entries) != 2 || entries[0].offset != 1 || string(entries[0].data) != "xy" || entries[0].end != 15 || entries[1].kind != 'S' {
		t.Errorf("%v %v", entries, err)
	}
	for size := 1; size < len(tape); size++ {
		if _, err := parseTape(tape[:size]); err == nil && size != 15 {
			t.Errorf("a tape cut to %d bytes is taken", size)
		}
	}
}

// changedPages is what a change to a data file wrote: its pages, and the meta page
// apart from them, which bbolt writes last.
func changedPages(before, after []byte) (pages, meta []entry) {
	for at := 0; at < len(after); at += pageSize {
		page := after[at : at+pageSize]
		if at+pageSize <= len(before) && bytes.Equal(before[at:at+pageSize], page) {
			continue
		}
		e := entry{kind: 'W', offset: int64(at), data: page}
		if at < 2*pageSize {
			meta = append(meta, e)
		} else {
			pages = append(pages, e)
		}
	}
	return pages, meta
}

// recordedKeys makes keys in a store, and a tape of it with the syncs between, as
// bbolt does, or without them.
func recordedKeys(t *testing.T, between bool) *recording {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alikms.db")
	st, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r, length := &recording{}, 0
	add := func(entries ...entry) {
		for _, e := range entries {
			length++
			e.end = length
			r.entries = append(r.entries, e)
		}
	}
	var before []byte
	for n := range 12 {
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages, meta := changedPages(before, after)
		add(pages...)
		if between {
			add(synced())
		}
		add(meta...)
		add(synced())
		r.marks = append(r.marks, length)
		before = after
		key := store.Key{Scope: store.Scope{Account: "1", Region: "r"}, ID: fmt.Sprint("key-", n), CreationDate: time.Unix(int64(n), 0)}
		if err := st.Update(func(tx *store.Tx) error { return tx.InsertKey(key) }); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// The trial finds a store that syncs once instead of twice: then the meta page
// can be on the disk before what it leads to.
func TestAMissingSyncIsFound(t *testing.T) {
	for _, between := range []bool{true, false} {
		l := &lab{seed: 1, work: t.TempDir()}
		r := recordedKeys(t, between)
		if err := r.readStates(l); err != nil {
			t.Fatal(err)
		}
		found := 0
		for n := range 200 {
			// Not in the beginning, which is more than one change here.
			if r.loseAfter(l, r.marks[0]+1+n%(len(r.entries)-r.marks[0]), l.chance("test", n)) != nil {
				found++
			}
		}
		if (found == 0) != between {
			t.Errorf("synced between %v: %d losses of 200 were found", between, found)
		}
	}
}
