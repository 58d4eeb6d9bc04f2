package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/alikms/alikms/store/internal/boltcheck"
)

// closedFile is the path of a file with some of everything.
func closedFile(t testing.TB, keys int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alikms.db")
	st := open(t, path, Options{})
	fill(t, st, keys)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// boltFile makes a bbolt file that is not ours.
func boltFile(t *testing.T, path string, pageSize int, fn func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: pageSize})
	if err != nil {
		t.Fatal(err)
	}
	if fn != nil {
		err = db.Update(fn)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func createBucket(tx *bbolt.Tx) error {
	_, err := tx.CreateBucket([]byte("other"))
	return err
}

// tamper changes a file of ours behind our back; all checksums fit afterwards.
func tamper(t *testing.T, path string, fn func(*Tx) error) {
	t.Helper()
	boltFile(t, path, boltcheck.PageSize, func(tx *bbolt.Tx) error { return fn(newTx(tx, nil)) })
}

func TestOpenMakesFolderAndFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(folder, "alikms.db")
	open(t, path, Options{})
	for path, want := range map[string]os.FileMode{folder: 0o700 | os.ModeDir, path: 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

// A process that ends early can leave such files. There is nothing in them.
func TestOpenBeginsUnusedFiles(t *testing.T) {
	cases := map[string]func(path string){
		"empty":            func(path string) { write(t, path, nil) },
		"without a commit": func(path string) { boltFile(t, path, boltcheck.PageSize, nil) },
		"of zeros":         func(path string) { write(t, path, make([]byte, 4*boltcheck.PageSize)) },
		"torn": func(path string) {
			boltFile(t, path, boltcheck.PageSize, nil)
			os.Truncate(path, boltcheck.PageSize+512)
		},
		"torn in the middle": func(path string) {
			boltFile(t, path, boltcheck.PageSize, nil)
			content := read(t, path)
			clear(content[boltcheck.PageSize : 2*boltcheck.PageSize])
			write(t, path, content)
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "alikms.db")
			prepare(path)
			st := open(t, path, Options{})
			fill(t, st, 3)
			before := dump(t, st)
			st.Close()
			if after := dump(t, open(t, path, Options{})); after != before {
				t.Errorf("reopened:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	const elsewhere = "; choose another --data folder"
	const restore = "; restore a copy of it (alikms backup makes one), or remove it and begin anew"
	cases := []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    error
		text    string // after the path
	}{
		{"locked", func(t *testing.T, path string) { open(t, path, Options{}) }, ErrLocked,
			" is in use by another alikms; stop it or choose another --data folder"},
		{"newer", func(t *testing.T, path string) {
			tamper(t, path, func(tx *Tx) error {
				return errors.Join(tx.save(bucketSchema, schemaKey, 4), tx.bolt.DeleteBucket([]byte(bucketCounts)))
			})
		}, ErrNewer, " was written by a newer alikms (schema 4, this one knows 3); use that one or choose another --data folder"},
		{"text", func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("a text\n", 10_000))) },
			ErrForeign, " is not an alikms data file" + elsewhere},
		{"short text", func(t *testing.T, path string) { write(t, path, []byte("a text")) },
			ErrForeign, " is not an alikms data file" + elsewhere},
		{"another program's bbolt file", func(t *testing.T, path string) { os.Remove(path); boltFile(t, path, boltcheck.PageSize, createBucket) },
			ErrForeign, " is not an alikms data file" + elsewhere},
		{"bbolt file of other pages", func(t *testing.T, path string) {
			os.Remove(path)
			boltFile(t, path, 2*boltcheck.PageSize, createBucket)
		},
			ErrForeign, " is not an alikms data file" + elsewhere},
		{"directory", func(t *testing.T, path string) { os.Remove(path); os.Mkdir(path, 0o700) },
			ErrForeign, " is not an alikms data file" + elsewhere},
		{"cut off in the first page", func(t *testing.T, path string) { os.Truncate(path, 100) },
			ErrDamaged, " is damaged (meta page 1 is missing: EOF)" + restore},
		{"cut off behind the meta pages", func(t *testing.T, path string) { os.Truncate(path, 2*boltcheck.PageSize) },
			ErrDamaged, " is damaged (it is cut off: 2 pages of 30 are there)" + restore},
		{"without the last page", func(t *testing.T, path string) { os.Truncate(path, 30*boltcheck.PageSize-1) },
			ErrDamaged, " is damaged (it is cut off: 29 pages of 30 are there)" + restore},
		{"first page overwritten", func(t *testing.T, path string) {
			write(t, path, append(make([]byte, boltcheck.PageSize), read(t, path)[boltcheck.PageSize:]...))
		},
			ErrDamaged, " is damaged (meta page 0: the mark of bbolt is missing)" + restore},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := closedFile(t, 5)
			c.prepare(t, path)
			before, _ := os.ReadFile(path) // nil for a directory
			_, err := Open(path, Options{})
			if !errors.Is(err, c.want) || err.Error() != path+c.text {
				t.Errorf("got  %v\nwant %s%s", err, path, c.text)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
				t.Error("the file changed")
			}
		})
	}
}

func TestOpenNamesAFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	path := filepath.Join(file, "alikms.db")
	_, err := Open(path, Options{})
	want := fmt.Sprintf("cannot open %s: mkdir %s: not a directory; choose another --data folder", path, file)
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// What these cases change has right checksums: only the whole gives it away.
func TestOpenComparesRecordsIndexesAndCounts(t *testing.T) {
	id := "key-000"
	drop := func(b bucket, key string) func(*Tx) error { return func(tx *Tx) error { return tx.remove(b, key) } }
	put := func(b bucket, key, value string) func(*Tx) error {
		return func(tx *Tx) error { return tx.put(b, key, []byte(value)) }
	}
	k := newKey(id, at(0))
	k.DeleteDate = at(100)
	v, a := newVersion(id, id+"-1", at(0)), newAlias("alias/"+id, id, at(0))
	v.Number = 1
	symmetric := newKey("key-002-sym", at(2))
	symmetric.NextRotation, symmetric.MaterialExpireTime = at(52), at(58)
	token := newToken(symmetric.ID, "token-1", at(32))
	here := scope.key()
	cases := []struct {
		name   string
		change func(*Tx) error
		text   string // the reason
	}{
		{"key lost", drop(bucketKeys, k.key()), `record "` + v.key() + `" of versions is damaged: it does not agree with its key`},
		{"version lost", drop(bucketVersions, v.key()), `record "` + k.key() + `" of keys is damaged: versions or aliases of it are missing`},
		{"alias lost", drop(bucketAliases, a.key()), `record "` + k.key() + `" of keys is damaged: versions or aliases of it are missing`},
		{"material lost", drop(bucketMaterials, v.key()), `record "` + v.key() + `" of versions is damaged: it is missing`},
		{"setting lost", drop(bucketSettings, "clock"), `record "/" of counts is damaged: it does not agree with the records`},
		{"counts lost", drop(bucketCounts, here), `record "` + here + `" of counts is damaged: it does not agree with the records`},
		{"counts wrong", put(bucketCounts, here, `{"keys":1}`), `record "` + here + `" of counts is damaged: it does not agree with the records`},
		{"counts of nothing", put(bucketCounts, "1/2", `{"keys":1}`), `bucket counts has 4 records instead of 3`},
		{"alias without key", put(bucketAliases, scope.key("b"), `{"keyId":"none","creationDate":"2026-01-01T00:00:00Z"}`),
			`record "` + here + `/b" of aliases is damaged: its key is missing`},
		{"material without version", put(bucketMaterials, scope.key("b", "c"), "x"), `bucket materials has 5 records instead of 4`},
		{"key by date lost", drop(keysByDate, k.index()[0].key), `record "` + k.index()[0].key + `" of keys-by-date is damaged: it is missing`},
		{"deletion lost", drop(deletions, k.index()[1].key), `record "` + k.index()[1].key + `" of deletions is damaged: it is missing`},
		{"version by age lost", drop(versionsByAge, v.index()[0].key), `record "` + v.index()[0].key + `" of versions-by-age is damaged: it is missing`},
		{"version id lost", drop(versionsByID, v.index()[1].key), `record "` + v.index()[1].key + `" of versions-by-id is damaged: it is missing`},
		{"alias by date lost", drop(aliasesByDate, a.index()[0].key), `record "` + a.index()[0].key + `" of aliases-by-date is damaged: it is missing`},
		{"alias by key lost", drop(aliasesByKey, a.index()[1].key), `record "` + a.index()[1].key + `" of aliases-by-key is damaged: it is missing`},
		{"deletion of nothing", put(deletions, scope.key("x", "y"), "y"), `bucket deletions has 2 records instead of 1`},
		{"entry of another key", put(versionsByID, v.index()[1].key, "other"), `record "` + v.index()[1].key + `" of versions-by-id is damaged: it belongs to another one`},
		{"no JSON", put(bucketKeys, k.key(), "{"), `record "` + k.key() + `" of keys is damaged: unexpected end of JSON input`},
		{"short hash", put(bucketVersions, v.key(), `{"materialHash":"ab"}`), `record "` + v.key() + `" of versions is damaged: a hash of 2 digits`},
		{"short record key", put(bucketKeys, "x", "{}"), `record "x" of keys is damaged: record key "x" has too few parts`},
		{"bad record key", put(bucketKeys, "%/x/y", "{}"), `record "%/x/y" of keys is damaged: record key "%/x/y": invalid URL escape "%"`},
		{"record key of another spelling", put(bucketKeys, "%41/x/y", "{}"), `record "%41/x/y" of keys is damaged: it is missing`},
		{"schema 0", put(bucketSchema, schemaKey, "0"), `record "version" of schema is damaged: there never was a schema 0`},
		{"schema -1", put(bucketSchema, schemaKey, "-1"), `record "version" of schema is damaged: there never was a schema -1`},
		{"schema null", put(bucketSchema, schemaKey, "null"), `record "version" of schema is damaged: there never was a schema 0`},
		{"schema of another file", put(bucketSchema, schemaKey, "1"), "bucket version-ids is missing"},
		{"token lost", drop(bucketTokens, token.key()), `record "` + here + `" of counts is damaged: it does not agree with the records`},
		{"token by date lost", drop(tokensByDate, token.index()[0].key), `record "` + token.index()[0].key + `" of tokens-by-date is damaged: it is missing`},
		{"token by date of nothing", put(tokensByDate, scope.key("x", "y", "z"), "y"), `bucket tokens-by-date has 3 records instead of 2`},
		{"token without key", put(bucketTokens, scope.key("none", "x"), "{}"), `record "` + here + `/none/x" of tokens is damaged: its key is missing`},
		{"rotation lost", drop(rotations, symmetric.index()[1].key), `record "` + symmetric.index()[1].key + `" of rotations is damaged: it is missing`},
		{"rotation of nothing", put(rotations, scope.key("x", "y"), "y"), `bucket rotations has 2 records instead of 1`},
		{"expiry lost", drop(expiries, symmetric.index()[2].key), `record "` + symmetric.index()[2].key + `" of expiries is damaged: it is missing`},
		{"expiry of nothing", put(expiries, scope.key("x", "y"), "y"), `bucket expiries has 2 records instead of 1`},
		{"interval that is none", put(bucketKeys, symmetric.key(), `{"rotationInterval":"1y"}`),
			`record "` + symmetric.key() + `" of keys is damaged: time: unknown unit "y" in duration "1y"`},
		{"regional id twice", put(versionsByID, joinKey(scope.Region, symmetric.ID+"-1", "2"), "k"),
			`record "` + symmetric.Scope.key(symmetric.ID, symmetric.ID+"-1") + `" of versions is damaged: another one of the region has its id`},
		{"other material", func(tx *Tx) error {
			v, err := tx.Version(scope, symmetric.ID, symmetric.ID+"-1")
			v.MaterialHash = MaterialHash{1}
			return cmp.Or(err, tx.save(bucketVersions, v.key(), v))
		}, `record "` + symmetric.Scope.key(symmetric.ID, symmetric.ID+"-1") + `" of versions is damaged: its material is not the imported one`},
		{"schema lost", drop(bucketSchema, schemaKey), `record "version" of schema is damaged: it is missing`},
		{"bucket lost", func(tx *Tx) error { return tx.bolt.DeleteBucket([]byte(bucketSettings)) }, "bucket settings is missing"},
		{"bucket of the schema lost", func(tx *Tx) error { return tx.bolt.DeleteBucket([]byte(bucketSchema)) }, "bucket schema is missing"},
	}
	original := read(t, closedFile(t, 4))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "alikms.db")
			write(t, path, original)
			tamper(t, path, c.change)
			_, err := Open(path, Options{})
			want := path + " is damaged (" + c.text + "); restore a copy of it (alikms backup makes one), or remove it and begin anew"
			if !errors.Is(err, ErrDamaged) || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}
