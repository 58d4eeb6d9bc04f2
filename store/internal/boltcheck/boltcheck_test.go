package boltcheck

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// boltFile is the content of a file as bbolt makes it, after fn.
func boltFile(t testing.TB, fn func(*bbolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: PageSize})
	if err != nil {
		t.Fatal(err)
	}
	if fn != nil {
		err = db.Update(fn)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func createBucket(tx *bbolt.Tx) error {
	_, err := tx.CreateBucket([]byte("bucket"))
	return err
}

// fillBucket makes branches, overflow pages, and buckets inside a leaf.
func fillBucket(tx *bbolt.Tx) error {
	b, err := tx.CreateBucket([]byte("bucket"))
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket([]byte("small")); err != nil {
		return err
	}
	for i := range 200 {
		if err := b.Put([]byte{'k', byte(i)}, make([]byte, 10+i%7*1000)); err != nil {
			return err
		}
	}
	return nil
}

func check(content []byte) (Info, error) {
	return Check(bytes.NewReader(content), int64(len(content)))
}

func torn(content []byte) bool { return Torn(bytes.NewReader(content), int64(len(content))) }

func TestFirstWriteIsBbolts(t *testing.T) {
	if content := boltFile(t, nil); !bytes.Equal(firstWrite(), content) {
		t.Error("bbolt begins a file in another way")
	}
}

func TestCheckTellsFreshFilesFromUsedOnes(t *testing.T) {
	for name, c := range map[string]struct {
		fn    func(*bbolt.Tx) error
		fresh bool
	}{"fresh": {nil, true}, "used": {createBucket, false}, "full": {fillBucket, false}} {
		content := boltFile(t, c.fn)
		info, err := check(content)
		if err != nil || info.Fresh != c.fresh || info.Pages < 4 || info.Pages*PageSize > len(content) {
			t.Errorf("%s: got %+v, %v of a file of %d bytes", name, info, err, len(content))
		}
	}
}

func TestCheckRefusesForeignFiles(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty": nil,
		"short": []byte("a text"),
		"text":  bytes.Repeat([]byte("a text\n"), 10_000),
		"zeros": make([]byte, 10*PageSize),
	} {
		if _, err := check(content); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// Whatever sectors of the first write are on disk, and however long the file is.
func TestTornFirstWrites(t *testing.T) {
	whole := firstWrite()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		content := bytes.Clone(whole[:1+rng.IntN(len(whole))])
		for sector := 0; sector < len(content); sector += sectorSize {
			if rng.IntN(2) == 0 {
				clear(content[sector:min(len(content), sector+sectorSize)])
			}
		}
		if !torn(content) {
			t.Fatalf("a file of %d bytes is not known to be torn", len(content))
		}
		content[rng.IntN(len(content))] ^= 0x5a // in no first write
		if torn(content) {
			t.Fatalf("a damaged file of %d bytes is taken for torn", len(content))
		}
	}
}

func TestCutFilesAreNotTornOnes(t *testing.T) {
	content := boltFile(t, createBucket)
	for _, size := range []int{100, PageSize, 2 * PageSize, 4 * PageSize, 5 * PageSize, len(content)} {
		if torn(content[:size]) {
			t.Errorf("a file with a commit, cut to %d bytes, is taken for torn", size)
		}
	}
	if torn(make([]byte, 4*PageSize+1)) {
		t.Error("zeros that the first write cannot leave are taken for torn")
	}
}

// FuzzCheck writes anything anywhere into a file, and corrects the checksums of
// the meta pages, so that what they say is believed. Only an answer is asked for;
// the fuzz test of the store sees that bbolt can follow it.
func FuzzCheck(f *testing.F) {
	content := boltFile(f, fillBucket)
	for page := range uint32(len(content) / PageSize) {
		f.Add(page*PageSize+10, []byte{0xff, 0x00})
		f.Add(page*PageSize+12, []byte{0xff, 0xff, 0xff, 0xff})
		f.Add(page*PageSize+20, []byte{0xff, 0xff, 0xff, 0x7f})
	}
	f.Fuzz(func(t *testing.T, position uint32, patch []byte) {
		damaged := bytes.Clone(content)
		copy(damaged[position%uint32(len(damaged)):], patch)
		for id := range 2 {
			m := damaged[id*PageSize+pageHeaderSize:]
			order.PutUint64(m[metaChecked:], metaSum(m))
		}
		if info, err := check(damaged); err == nil && info.Pages*PageSize > len(damaged) {
			t.Errorf("%d pages in %d bytes", info.Pages, len(damaged))
		}
		torn(damaged[:position%uint32(len(damaged))])
	})
}
