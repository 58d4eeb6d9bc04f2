package store

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// firstSchemaFile is the path of a file that the code of schema 1 wrote; see
// testdata/schema1.
func firstSchemaFile(t testing.TB) string { return schemaFile(t, 1) }

// schemaFile is the path of a file that the code of a schema wrote.
func schemaFile(t testing.TB, version int) string {
	t.Helper()
	packed, err := os.Open(fmt.Sprintf("testdata/schema%d.db.gz", version))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "alikms.db")
	write(t, path, content)
	return path
}

// What testdata/schema1/main.go put in is there, and looks as written today.
func TestFirstSchemaIsMigrated(t *testing.T) {
	path := firstSchemaFile(t)
	st := open(t, path, Options{})
	verified(t, st)
	if err := st.View(checkFirstSchema); err != nil {
		t.Error(err)
	}
	before := dump(t, st)
	st.Close()
	content := read(t, path)
	st = open(t, path, Options{})
	if !bytes.Equal(read(t, path), content) {
		t.Error("opening the migrated file wrote to it")
	}
	if after := dump(t, st); after != before {
		t.Errorf("reopened:\n%s\nbefore:\n%s", after, before)
	}
	fill(t, st, 10)
}

func checkFirstSchema(tx *Tx) error {
	clock, known, err := tx.Setting("clock")
	if string(clock) != `{"offset":1}` || !known || err != nil {
		return fmt.Errorf("the setting is %q, %v", clock, err)
	}
	here, other, there := scope, Scope{"2234567890123456", scope.Region}, Scope{scope.Account, "cn-beijing"}
	for s, want := range map[Scope]Counts{
		here:  {Keys: 11, Versions: 22, Aliases: 10},
		other: {Keys: 12, Versions: 24, Aliases: 12},
		there: {Keys: 12, Versions: 24, Aliases: 12},
	} {
		counts, err := tx.Counts(s)
		if err != nil || counts != want {
			return fmt.Errorf("%v has %+v, %v; want %+v", s, counts, err, want)
		}
		if err := checkFirstScope(tx, s, want.Keys); err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	aliases, err := tx.AliasesOfKeyPage(here, "key/06", 0, math.MaxInt)
	if err != nil || aliasNames(aliases) != "alias/key/05 alias/key/06" {
		return fmt.Errorf("key 6 has aliases %v, %v", aliases, err)
	}
	return nil
}

func checkFirstScope(tx *Tx, s Scope, keys int) error {
	for key, err := range tx.Keys(s) {
		if err != nil {
			return err
		}
		keys--
		if err := checkFirstKey(tx, key); err != nil {
			return fmt.Errorf("%+v: %w", key, err)
		}
	}
	due, err := tx.Due(s, start.AddDate(1, 0, 0))
	if err != nil || strings.Join(due, " ") != "key/01 key/05 key/09" || keys != 0 {
		return fmt.Errorf("due are %v, %v, and %d keys more are to be there", due, err, keys)
	}
	return nil
}

func checkFirstKey(tx *Tx, key Key) error {
	number := strings.TrimPrefix(key.ID, "key/")
	pending := key.State == "PendingDeletion"
	if key.Origin != "Aliyun_KMS" || key.Description != "key "+strings.TrimLeft(number[:1], "0")+number[1:] ||
		key.DeleteDate.IsZero() == pending || key.Versions != 2 || key.Tags["n"] == "" ||
		key.RotationInterval != 0 || !key.NextRotation.IsZero() || !key.MaterialExpireTime.IsZero() {
		return errors.New("it is another key")
	}
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, 9)
	id := "version/" + number
	if err != nil || versionIDsOf(versions) != id+"-later "+id || versions[0].Regional {
		return fmt.Errorf("it has versions %v, %v", versions, err)
	}
	owner, err := tx.KeyOfVersion(key.Scope, id)
	if owner != key.ID || err != nil {
		return fmt.Errorf("its version is said to be of %q, %v", owner, err)
	}
	material, err := tx.Material(key.Scope, key.ID, id)
	if string(material) != "TEST KEY "+key.Scope.Region+" "+key.ID || err != nil {
		return fmt.Errorf("it has material %q, %v", material, err)
	}
	return nil
}

// A process that ends in a migration leaves the old file or the new one; a
// migration that is refused leaves the old one.
func TestMigrationIsOneTransaction(t *testing.T) {
	path := firstSchemaFile(t)
	tamper(t, path, func(tx *Tx) error { // what no check of bbolt's can see
		return tx.put(bucketMaterials, scope.key("none", "none"), []byte("x"))
	})
	before := read(t, path)
	_, err := Open(path, Options{})
	want := path + " is damaged (bucket materials has 36 records instead of 35); restore a copy of it (alikms backup makes one), or remove it and begin anew"
	if !errors.Is(err, ErrDamaged) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if !bytes.Equal(read(t, path), before) {
		t.Error("the refused file changed")
	}
}

func TestDamageOfFirstSchemaIsNotMigrated(t *testing.T) {
	version := scope.key("version/00")
	for name, c := range map[string]struct {
		change func(*Tx) error
		text   string
	}{
		"version id lost": {func(tx *Tx) error { return tx.remove(scopedVersionIDs, version) },
			`record "cn-hangzhou/version%2F00/1234567890123456" of versions-by-id is damaged: it is missing`},
		"version id of nothing": {func(tx *Tx) error { return tx.put(scopedVersionIDs, scope.key("x"), []byte("y")) },
			`bucket versions-by-id has 71 records instead of 70`},
		"version id damaged": {func(tx *Tx) error { return tx.bucket(scopedVersionIDs).Put([]byte(version), []byte("key/00----")) },
			`record "` + version + `" of version-ids is damaged: its checksum is wrong`},
		"short version id": {func(tx *Tx) error { return tx.put(scopedVersionIDs, "x", nil) },
			`record "x" of version-ids is damaged: record key "x" has too few parts`},
		"version id of another spelling": {func(tx *Tx) error { return tx.put(scopedVersionIDs, "%41/x/y", nil) },
			`record "A/x/y" of version-ids is damaged: it is missing`},
		"short key": {func(tx *Tx) error { return tx.put(bucketKeys, "x", nil) },
			`record "x" of keys is damaged: record key "x" has too few parts`},
		"key of another spelling": {func(tx *Tx) error { return tx.put(bucketKeys, "%41/x/y", nil) },
			`record "A/x/y" of keys is damaged: it is missing`},
		"bucket lost": {func(tx *Tx) error { return tx.bolt.DeleteBucket([]byte(scopedVersionIDs)) }, "bucket version-ids is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			path := firstSchemaFile(t)
			tamper(t, path, c.change)
			_, err := Open(path, Options{})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), " is damaged ("+c.text+"); restore") {
				t.Errorf("got error %v", err)
			}
		})
	}
}

// What testdata/schema2/main.go put in is there, and secrets can be added.
func TestSecondSchemaIsMigrated(t *testing.T) {
	path := schemaFile(t, 2)
	st := open(t, path, Options{})
	verified(t, st)
	counts := look(t, st, func(tx *Tx) (Counts, error) { return tx.Counts(scope) })
	if counts != (Counts{Keys: 8, Versions: 8, Aliases: 8, Tokens: 3}) {
		t.Errorf("the counts are %+v", counts)
	}
	key := look(t, st, func(tx *Tx) (Key, error) { return tx.Key(scope, "key/04") })
	if key.RotationInterval != 7*24*time.Hour || key.PrimaryVersion != "version/1234567890123456/04" || key.Tags["n"] != "4" {
		t.Errorf("a key is %+v", key)
	}
	material := look(t, st, func(tx *Tx) ([]byte, error) { return tx.Material(scope, "key/04", key.PrimaryVersion) })
	if string(material) != "TEST KEY 1234567890123456 key/04" {
		t.Errorf("its material is %q", material)
	}
	before := dump(t, st)
	st.Close()
	content := read(t, path)
	st = open(t, path, Options{})
	if after := dump(t, st); after != before || !bytes.Equal(read(t, path), content) {
		t.Errorf("reopened:\n%s\nbefore:\n%s", after, before)
	}
	fillSecrets(t, st, 3)
}

func TestIntervalsAreReadableInTheFile(t *testing.T) {
	st := newStore(t)
	k := newKey("k", at(0))
	k.RotationInterval = 365 * 24 * time.Hour
	update(t, st, func(tx *Tx) error { return tx.InsertKey(k) })
	text := look(t, st, func(tx *Tx) ([]byte, error) { return tx.get(bucketKeys, k.key()) })
	if !bytes.Contains(text, []byte(`"rotationInterval":"8760h0m0s"`)) {
		t.Errorf("the record is %s", text)
	}
}
