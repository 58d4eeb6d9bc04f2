package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alikms/alikms/store/internal/boltcheck"
)

// A flipped byte is refused in one line, the file left alone, or it lies where
// nothing reads it: then every answer is the same, and writing works.
func TestFlippedByteIsRefusedOrHarmless(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Run("this schema", func(t *testing.T) { flipBytes(t, closedFile(t, 45)) })
	t.Run("schema 1", func(t *testing.T) { flipBytes(t, firstSchemaFile(t)) })
}

func flipBytes(t *testing.T, original string) {
	content := read(t, original)
	pages, err := checkFile(original)
	if err != nil {
		t.Fatal(err)
	}
	st := open(t, original, Options{})
	want := dump(t, st)
	st.Close()
	path := filepath.Join(t.TempDir(), "alikms.db")
	rng := rand.New(rand.NewPCG(7, 7))
	positions := flipPositions(rng, pages.Pages)
	refused := 0
	for _, position := range positions {
		flip := byte(1 + rng.IntN(255))
		content[position] ^= flip
		write(t, path, content)
		st, err := Open(path, Options{Ephemeral: true})
		if err != nil {
			refused++
			checkRefusal(t, path, content, err)
		} else {
			checkHarmless(t, st, want)
			st.Close()
		}
		if t.Failed() {
			t.Fatalf("byte %d of page %d, xor %#x, of %d positions", position%boltcheck.PageSize, position/boltcheck.PageSize, flip, len(positions))
		}
		content[position] ^= flip
	}
	t.Logf("%d flips in %d pages, %d refused", len(positions), pages.Pages, refused)
	if len(positions) < 300 || refused < len(positions)/4 {
		t.Error("too few to mean anything")
	}
}

// flipPositions takes some bytes of each page: of its header, of the elements
// behind that, and of all of it.
func flipPositions(rng *rand.Rand, pages int) (positions []int) {
	for page := range pages {
		for _, area := range []int{16, 160, boltcheck.PageSize} {
			for range 2 {
				positions = append(positions, page*boltcheck.PageSize+rng.IntN(area))
			}
		}
	}
	for range 60 { // the meta pages matter most
		positions = append(positions, rng.IntN(2)*boltcheck.PageSize+rng.IntN(80))
	}
	return positions
}

func checkRefusal(t *testing.T, path string, content []byte, err error) {
	t.Helper()
	text := err.Error()
	if !errors.Is(err, ErrDamaged) || strings.Contains(text, "\n") || !strings.HasPrefix(text, path+" is damaged (") ||
		!strings.HasSuffix(text, "); restore a copy of it (alikms backup makes one), or remove it and begin anew") {
		t.Errorf("got error %q", text)
	}
	if !bytes.Equal(read(t, path), content) {
		t.Error("the refused file changed")
	}
}

func checkHarmless(t *testing.T, st *Store, want string) {
	t.Helper()
	if got := dump(t, st); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	// Changes all over the pages, taken back: what the flip hit is rewritten.
	for _, change := range []func(*Tx, string) error{
		func(tx *Tx, id string) error { return tx.InsertKey(newKey(id, at(3))) },
		func(tx *Tx, id string) error { return tx.DeleteKey(scope, id) },
	} {
		err := st.Update(func(tx *Tx) error {
			return errors.Join(change(tx, "key"), change(tx, "key-020+"), change(tx, "last"))
		})
		if err != nil {
			t.Error(err)
		}
	}
	if got := dump(t, st); got != want {
		t.Errorf("after writing:\n%s\nwant:\n%s", got, want)
	}
	verified(t, st)
}

// The file is changed while it is open.
func TestDamageAtRunTimeIsFoundOnReading(t *testing.T) {
	path := closedFile(t, 5)
	material := []byte(strings.Repeat("key-002", 170))
	damaged := bytes.ReplaceAll(read(t, path), material, append([]byte("K"), material[1:]...))
	st := open(t, path, Options{})
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt(damaged, 0); err != nil {
		t.Fatal(err)
	}
	err = st.View(func(tx *Tx) error {
		_, err := tx.Material(scope, "key-002", "key-002-1")
		return err
	})
	const want = `record "1234567890123456/cn-hangzhou/key-002/key-002-1" of materials is damaged: its checksum is wrong`
	if !errors.Is(err, ErrDamaged) || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if err := st.Update(func(tx *Tx) error { return tx.DeleteKey(scope, "key-002") }); !errors.Is(err, ErrDamaged) {
		t.Errorf("deleting: got error %v", err)
	}
}

func TestLostIndexEntryIsFoundAtRunTime(t *testing.T) {
	st := newStore(t)
	fill(t, st, 3)
	k := newKey("key-000", at(0))
	if err := st.Update(func(tx *Tx) error { return tx.removeEntries(k.index()) }); err != nil {
		t.Fatal(err)
	}
	err := st.Update(func(tx *Tx) error { return tx.UpdateKey(k) })
	if !errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) {
		t.Errorf("got error %v", err)
	}
}

// FuzzOpen writes anything anywhere into a file, of this schema or of the first,
// and corrects the checksums of the meta pages, so that what they say is believed.
// What opens has to answer.
func FuzzOpen(f *testing.F) {
	files := map[bool][]byte{false: read(f, closedFile(f, 3)), true: read(f, firstSchemaFile(f))}
	for _, first := range []bool{false, true} {
		for page := range uint32(len(files[first]) / boltcheck.PageSize) {
			f.Add(first, page*boltcheck.PageSize+10, []byte{0xff, 0x00})                // the number of elements
			f.Add(first, page*boltcheck.PageSize+12, []byte{0xff, 0xff, 0xff, 0xff})    // overflow
			f.Add(first, page*boltcheck.PageSize+20, []byte{0xff, 0xff, 0xff, 0x7f})    // a position
			f.Add(first, page*boltcheck.PageSize+32, bytes.Repeat([]byte{0xff, 0}, 16)) // a page id
		}
	}
	path := filepath.Join(f.TempDir(), "alikms.db")
	f.Fuzz(func(t *testing.T, first bool, position uint32, patch []byte) {
		damaged := bytes.Clone(files[first])
		copy(damaged[position%uint32(len(damaged)):], patch)
		for id := range 2 {
			m := damaged[id*boltcheck.PageSize+16:] // behind the header of the page
			sum := fnv.New64a()
			sum.Write(m[:56])
			binary.NativeEndian.PutUint64(m[56:], sum.Sum64())
		}
		write(t, path, damaged)
		st, err := Open(path, Options{Ephemeral: true})
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, path+" is ") || strings.Contains(text, "\n") {
				t.Errorf("got error %q", text)
			}
			return
		}
		defer st.Close()
		verified(t, st)
		dump(t, st)
	})
}
