package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	scope = Scope{Account: "1234567890123456", Region: "cn-hangzhou"}
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// at is n seconds after the start.
func at(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }

// open opens a file that stays open until the test ends.
func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	st, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// newStore is an empty store that nobody syncs.
func newStore(t testing.TB) *Store {
	return open(t, filepath.Join(t.TempDir(), "alikms.db"), Options{Ephemeral: true})
}

// update runs fn; what it returns has to be nil.
func update(t testing.TB, st *Store, fn func(*Tx) error) {
	t.Helper()
	if err := st.Update(fn); err != nil {
		t.Fatal(err)
	}
	verified(t, st)
}

// verified fails the test when Open would refuse the store as it is.
func verified(t testing.TB, st *Store) {
	t.Helper()
	if err := st.View(verify); err != nil {
		t.Fatal(err)
	}
}

// look returns what fn reads.
func look[T any](t testing.TB, st *Store, fn func(*Tx) (T, error)) T {
	t.Helper()
	var seen T
	err := st.View(func(tx *Tx) (err error) {
		seen, err = fn(tx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func newKey(id string, created time.Time) Key {
	return Key{Scope: scope, ID: id, Spec: "RSA_2048", Usage: "ENCRYPT/DECRYPT", State: "Enabled", CreationDate: created}
}

func newVersion(keyID, id string, created time.Time) Version {
	return Version{Scope: scope, KeyID: keyID, ID: id, CreationDate: created}
}

func newAlias(name, keyID string, created time.Time) Alias {
	return Alias{Scope: scope, Name: name, KeyID: keyID, CreationDate: created}
}

func keyIDs(keys []Key) (ids string) {
	for _, k := range keys {
		ids += k.ID + " "
	}
	return strings.TrimSpace(ids)
}

func versionIDsOf(versions []Version) (ids string) {
	for _, v := range versions {
		ids += v.ID + " "
	}
	return strings.TrimSpace(ids)
}

func aliasNames(aliases []Alias) (names string) {
	for _, a := range aliases {
		names += a.Name + " "
	}
	return strings.TrimSpace(names)
}

func TestKeyIsReadAsWritten(t *testing.T) {
	st := newStore(t)
	want := Key{
		Scope: scope, ID: "a/b%2F ü", Spec: "EC_SM2", Usage: "SIGN/VERIFY", State: "PendingDeletion",
		Description: "a \"description\"\n", CreationDate: start.Add(123456789), DeleteDate: at(7),
		DeletionProtection: true, DeletionProtectionDescription: "why", InstanceID: "kst-1",
		Tags: map[string]string{"a": "b", "": "c"}, Origin: "EXTERNAL", Creator: "Ecs", Policy: `{"Version": "1"}`,
		PrimaryVersion: "v", RotationInterval: 90*time.Hour + time.Millisecond, NextRotation: at(8).Add(1), MaterialExpireTime: at(9),
	}
	given := want
	zone := time.FixedZone("", 8*3600)
	given.CreationDate, given.NextRotation = given.CreationDate.In(zone), given.NextRotation.In(zone)
	given.Versions, given.Aliases, given.LastVersionDate = 5, 6, start // the store knows better
	update(t, st, func(tx *Tx) error { return tx.InsertKey(given) })
	got := look(t, st, func(tx *Tx) (Key, error) { return tx.Key(scope, want.ID) })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestUpdateKeyKeepsWhatTheStoreCounts(t *testing.T) {
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(newKey("k", at(0))),
			tx.InsertVersion(newVersion("k", "v", at(3)), []byte("material")),
			tx.InsertAlias(newAlias("alias/a", "k", at(4))),
		)
	})
	changed := newKey("k", at(9)) // another creation date is not taken either
	changed.Description = "new"
	update(t, st, func(tx *Tx) error { return tx.UpdateKey(changed) })
	want := newKey("k", at(0))
	want.Description, want.Versions, want.Aliases, want.LastVersionDate = "new", 1, 1, at(3)
	got := look(t, st, func(tx *Tx) (Key, error) { return tx.Key(scope, "k") })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestMissingAndTakenRecords(t *testing.T) {
	other := Scope{Account: scope.Account, Region: "cn-beijing"}
	cases := []struct {
		name string
		run  func(tx *Tx) error
		want error
		text string
	}{
		{"key", func(tx *Tx) error { _, err := tx.Key(scope, "none"); return err }, ErrNotFound,
			`record "1234567890123456/cn-hangzhou/none" of keys is not in the store`},
		{"key of another region", func(tx *Tx) error { _, err := tx.Key(other, "k"); return err }, ErrNotFound,
			`record "1234567890123456/cn-beijing/k" of keys is not in the store`},
		{"scope that spells a key", func(tx *Tx) error {
			_, err := tx.Alias(Scope{scope.Account + "/" + scope.Region, "alias"}, "a")
			return err
		}, ErrNotFound, `record "1234567890123456%2Fcn-hangzhou/alias/a" of aliases is not in the store`},
		{"insert key", func(tx *Tx) error { return tx.InsertKey(newKey("k", at(1))) }, ErrExists,
			`record "1234567890123456/cn-hangzhou/k" of keys is already in the store`},
		{"update key", func(tx *Tx) error { return tx.UpdateKey(newKey("none", at(1))) }, ErrNotFound, ""},
		{"delete key", func(tx *Tx) error { return tx.DeleteKey(scope, "none") }, ErrNotFound, ""},
		{"version", func(tx *Tx) error { _, err := tx.Version(scope, "k", "none"); return err }, ErrNotFound, ""},
		{"version of another key", func(tx *Tx) error { _, err := tx.Version(scope, "l", "v"); return err }, ErrNotFound, ""},
		{"insert version twice", func(tx *Tx) error { return tx.InsertVersion(newVersion("k", "v", at(1)), nil) }, ErrExists, ""},
		{"insert version id of another key", func(tx *Tx) error { return tx.InsertVersion(newVersion("l", "v", at(1)), nil) },
			ErrExists, `record "cn-hangzhou/v/1234567890123456" of versions-by-id is already in the store`},
		{"insert version without key", func(tx *Tx) error { return tx.InsertVersion(newVersion("none", "w", at(1)), nil) }, ErrNotFound, ""},
		{"material", func(tx *Tx) error { _, err := tx.Material(scope, "k", "none"); return err }, ErrNotFound, ""},
		{"insert material twice", func(tx *Tx) error { return tx.InsertMaterial(scope, "k", "v", []byte("x")) }, ErrExists, ""},
		{"insert material without version", func(tx *Tx) error { return tx.InsertMaterial(scope, "k", "w", []byte("x")) }, ErrNotFound, ""},
		{"alias", func(tx *Tx) error { _, err := tx.Alias(scope, "alias/none"); return err }, ErrNotFound, ""},
		{"insert alias", func(tx *Tx) error { return tx.InsertAlias(newAlias("alias/a", "l", at(1))) }, ErrExists, ""},
		{"insert alias without key", func(tx *Tx) error { return tx.InsertAlias(newAlias("alias/b", "none", at(1))) }, ErrNotFound, ""},
		{"update alias", func(tx *Tx) error { return tx.UpdateAlias(newAlias("alias/none", "k", at(1))) }, ErrNotFound, ""},
		{"update alias to no key", func(tx *Tx) error { return tx.UpdateAlias(newAlias("alias/a", "none", at(1))) }, ErrNotFound, ""},
		{"delete alias", func(tx *Tx) error { return tx.DeleteAlias(scope, "alias/none") }, ErrNotFound, ""},
	}
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(newKey("k", at(0))), tx.InsertKey(newKey("l", at(0))),
			tx.InsertVersion(newVersion("k", "v", at(0)), []byte("material")),
			tx.InsertAlias(newAlias("alias/a", "k", at(0))),
		)
	})
	before := dump(t, st)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var err error
			// The transaction is kept: such an error may not leave half a change.
			update(t, st, func(tx *Tx) error { err = c.run(tx); return nil })
			if !errors.Is(err, c.want) || c.text != "" && err.Error() != c.text {
				t.Errorf("got error %v, want %v %s", err, c.want, c.text)
			}
			if after := dump(t, st); after != before {
				t.Errorf("changed the store:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func TestKeysAreInOrderOfCreationThenID(t *testing.T) {
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(newKey("c", at(1))),
			tx.InsertKey(newKey("b", at(2))),
			tx.InsertKey(newKey("a", at(2))),
			tx.InsertKey(newKey("d", at(1).Add(1))),
			tx.InsertKey(newKey("e", at(0).AddDate(-400, 0, 0))),
			tx.InsertKey(newKey("f", at(0).AddDate(7000, 0, 0))),
			tx.InsertKey(Key{Scope: Scope{scope.Account, "cn-hangzhou-2"}, ID: "x", CreationDate: at(1)}),
			tx.InsertKey(Key{Scope: Scope{scope.Account, "cn"}, ID: "y", CreationDate: at(1)}),
		)
	})
	cases := []struct {
		skip, limit int
		hidden      map[string]bool
		want        string
	}{
		{0, 100, nil, "e c d a b f"},
		{0, 2, nil, "e c"},
		{2, 2, nil, "d a"},
		{4, 2, nil, "b f"},
		{6, 2, nil, ""},
		{0, 0, nil, ""},
		{0, 3, map[string]bool{"e": true, "d": true}, "c a b"},
		{1, 2, map[string]bool{"e": true, "d": true}, "a b"},
		{0, 10, map[string]bool{"not there": true}, "e c d a b f"},
	}
	for _, c := range cases {
		keys := look(t, st, func(tx *Tx) ([]Key, error) { return tx.KeysPage(scope, c.skip, c.limit, c.hidden) })
		if got := keyIDs(keys); got != c.want {
			t.Errorf("skip %d, limit %d, hidden %v: got %q, want %q", c.skip, c.limit, c.hidden, got, c.want)
		}
	}
	walked := look(t, st, func(tx *Tx) (keys []Key, err error) {
		for key, err := range tx.Keys(scope) {
			if err != nil || key.ID == "b" {
				return keys, err
			}
			keys = append(keys, key)
		}
		return keys, nil
	})
	if got := keyIDs(walked); got != "e c d a" {
		t.Errorf("Keys walked %q, want all before b", got)
	}
}

func TestVersionsAreNewestFirstByInsertion(t *testing.T) {
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		err := cmp.Or(tx.InsertKey(newKey("k", at(0))), tx.InsertKey(newKey("k/v", at(0))),
			tx.InsertVersion(newVersion("k/v", "other", at(0)), nil))
		for i := 1; i <= 20; i++ {
			// Later versions have earlier dates: the clock went back.
			v := newVersion("k", fmt.Sprintf("v%02d", i), at(100-i))
			err = cmp.Or(err, tx.InsertVersion(v, []byte{byte(i)}))
		}
		return err
	})
	page := func(skip, limit int) string {
		return versionIDsOf(look(t, st, func(tx *Tx) ([]Version, error) { return tx.VersionsPage(scope, "k", skip, limit) }))
	}
	for _, c := range []struct {
		skip, limit int
		want        string
	}{{0, 3, "v20 v19 v18"}, {17, 5, "v03 v02 v01"}, {20, 5, ""}} {
		if got := page(c.skip, c.limit); got != c.want {
			t.Errorf("skip %d, limit %d: got %q, want %q", c.skip, c.limit, got, c.want)
		}
	}
	if id := look(t, st, func(tx *Tx) (string, error) { return tx.KeyOfVersion(scope, "other") }); id != "k/v" {
		t.Errorf("version other is said to be of key %q", id)
	}
	if err := st.View(func(tx *Tx) error { _, err := tx.KeyOfVersion(scope, "unknown"); return err }); !errors.Is(err, ErrNotFound) {
		t.Errorf("the key of an unknown version: %v, want ErrNotFound", err)
	}
	key := look(t, st, func(tx *Tx) (Key, error) { return tx.Key(scope, "k") })
	if key.Versions != 20 || !key.LastVersionDate.Equal(at(80)) {
		t.Errorf("key has %d versions, the newest of %v; want 20 of %v", key.Versions, key.LastVersionDate, at(80))
	}
	v := look(t, st, func(tx *Tx) (Version, error) { return tx.Version(scope, "k", "v07") })
	if v.Number != 7 || !v.CreationDate.Equal(at(93)) {
		t.Errorf("got version %+v", v)
	}
}

func TestMaterialIsACopyAndMayComeLater(t *testing.T) {
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(newKey("k", at(0))),
			tx.InsertVersion(newVersion("k", "now", at(0)), []byte("the material")),
			tx.InsertVersion(newVersion("k", "later", at(0)), nil),
		)
	})
	material := func(id string) ([]byte, error) {
		var got []byte
		err := st.View(func(tx *Tx) (err error) { got, err = tx.Material(scope, "k", id); return err })
		return got, err
	}
	got, err := material("now")
	if err != nil || string(got) != "the material" {
		t.Fatalf("got %q, %v", got, err)
	}
	clear(got) // bbolt's own memory is read-only: this would fault
	if _, err := material("later"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got error %v for material yet to come", err)
	}
	update(t, st, func(tx *Tx) error { return tx.InsertMaterial(scope, "k", "later", []byte("the material")) })
	if got, err := material("later"); err != nil || string(got) != "the material" {
		t.Errorf("got %q, %v", got, err)
	}
	versions := look(t, st, func(tx *Tx) ([]Version, error) { return tx.VersionsPage(scope, "k", 0, 2) })
	// printf 'the material' | sha256sum
	const hash = "0195a26f7b0545cb6f39f37ebb253fd6cd55aa1604c3723e265b2fde006daf6c"
	for _, v := range versions {
		if text, _ := v.MaterialHash.MarshalText(); string(text) != hash {
			t.Errorf("version %s: hash %s, want %s", v.ID, text, hash)
		}
	}
}

func TestAliasesOfScopeAndKey(t *testing.T) {
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(newKey("k", at(0))), tx.InsertKey(newKey("l", at(0))),
			tx.InsertAlias(newAlias("alias/z", "k", at(1))),
			tx.InsertAlias(newAlias("alias/b", "l", at(2))),
			tx.InsertAlias(newAlias("alias/a/b", "k", at(2))),
			tx.InsertAlias(newAlias("alias/c", "k", at(2))),
		)
	})
	ofScope := func(skip, limit int, hidden map[string]bool) string {
		return aliasNames(look(t, st, func(tx *Tx) ([]Alias, error) { return tx.AliasesPage(scope, skip, limit, hidden) }))
	}
	ofKey := func(id string, skip, limit int) string {
		return aliasNames(look(t, st, func(tx *Tx) ([]Alias, error) { return tx.AliasesOfKeyPage(scope, id, skip, limit) }))
	}
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	expect(ofScope(0, 10, nil), "alias/z alias/a/b alias/b alias/c")
	expect(ofScope(1, 2, nil), "alias/a/b alias/b")
	expect(ofScope(0, 10, map[string]bool{"k": true}), "alias/b")
	expect(ofScope(1, 10, map[string]bool{"l": true}), "alias/a/b alias/c")
	expect(ofKey("k", 0, math.MaxInt), "alias/z alias/a/b alias/c")
	expect(ofKey("k", 1, 1), "alias/a/b")

	update(t, st, func(tx *Tx) error { return tx.UpdateAlias(newAlias("alias/z", "l", at(9))) })
	expect(ofScope(0, 10, nil), "alias/z alias/a/b alias/b alias/c") // its date stays
	expect(ofKey("k", 0, 10), "alias/a/b alias/c")
	expect(ofKey("l", 0, 10), "alias/z alias/b")
	update(t, st, func(tx *Tx) error { return tx.UpdateAlias(newAlias("alias/z", "l", at(9))) }) // to where it is

	update(t, st, func(tx *Tx) error { return tx.DeleteAlias(scope, "alias/b") })
	expect(ofKey("l", 0, 10), "alias/z")
	key := look(t, st, func(tx *Tx) (Key, error) { return tx.Key(scope, "l") })
	if key.Aliases != 1 {
		t.Errorf("the key counts %d aliases, want 1", key.Aliases)
	}
}

func TestDueFollowsDeleteDates(t *testing.T) {
	st := newStore(t)
	pending := func(id string, when time.Time) Key {
		k := newKey(id, at(0))
		k.DeleteDate = when
		return k
	}
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(pending("late", at(20))), tx.InsertKey(pending("a/early", at(10))), tx.InsertKey(newKey("never", at(0))),
			tx.InsertKey(pending("cancelled", at(10))), tx.InsertKey(pending("moved", at(90))),
			tx.UpdateKey(newKey("cancelled", at(0))), tx.UpdateKey(pending("moved", at(15))),
		)
	})
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{at(10).Add(-1), ""},
		{at(10), "a/early"},
		{at(19), "a/early moved"},
		{at(20), "a/early moved late"},
		{at(20).In(time.FixedZone("", -8*3600)), "a/early moved late"},
		{at(1000), "a/early moved late"},
	} {
		due := look(t, st, func(tx *Tx) ([]string, error) { return tx.Due(scope, c.now) })
		if got := strings.Join(due, " "); got != c.want {
			t.Errorf("at %v: got %q, want %q", c.now, got, c.want)
		}
	}
}

func TestDeleteKeyTakesAllOfIt(t *testing.T) {
	st := newStore(t)
	add := func(tx *Tx, id string) error {
		k := newKey(id, at(0))
		k.DeleteDate = at(5)
		return cmp.Or(
			tx.InsertKey(k),
			tx.InsertVersion(newVersion(id, id+"-1", at(0)), []byte("material")),
			tx.InsertVersion(newVersion(id, id+"-2", at(0)), nil),
			tx.InsertAlias(newAlias("alias/"+id, id, at(0))),
			tx.InsertAlias(newAlias("alias/more/"+id, id, at(0))),
		)
	}
	update(t, st, func(tx *Tx) error { return add(tx, "stays") })
	before := dump(t, st)
	update(t, st, func(tx *Tx) error { return add(tx, "goes") })
	update(t, st, func(tx *Tx) error { return tx.DeleteKey(scope, "goes") })
	if after := dump(t, st); after != before {
		t.Errorf("after:\n%s\nbefore:\n%s", after, before)
	}
	// Nothing of it is in the way of another.
	update(t, st, func(tx *Tx) error { return add(tx, "goes") })
}

func TestCountsScopesAndEmpty(t *testing.T) {
	st := newStore(t)
	other := Scope{Account: "1", Region: "cn-beijing"}
	state := func() string {
		return look(t, st, func(tx *Tx) (string, error) {
			scopes, err := tx.Scopes()
			here, err2 := tx.Counts(scope)
			there, err3 := tx.Counts(other)
			return fmt.Sprint(scopes, here, there, tx.Empty()), cmp.Or(err, err2, err3)
		})
	}
	expect := func(want string) {
		t.Helper()
		if got := state(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	expect("[] {0 0 0 0 0 0} {0 0 0 0 0 0} true")
	update(t, st, func(tx *Tx) error { return tx.PutSetting("clock", []byte("x")) })
	expect("[] {0 0 0 0 0 0} {0 0 0 0 0 0} true")
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(newKey("k", at(0))), tx.InsertKey(newKey("l", at(0))),
			tx.InsertVersion(newVersion("k", "v", at(0)), nil), tx.InsertVersion(newVersion("k", "w", at(0)), nil),
			tx.InsertVersion(newVersion("k", "x", at(0)), nil),
			tx.InsertAlias(newAlias("alias/a", "l", at(0))),
			tx.InsertKey(Key{Scope: other, ID: "k", CreationDate: at(0)}),
		)
	})
	expect("[{1 cn-beijing} {1234567890123456 cn-hangzhou}] {2 3 1 0 0 0} {1 0 0 0 0 0} false")
	update(t, st, func(tx *Tx) error { return cmp.Or(tx.DeleteKey(scope, "k"), tx.DeleteKey(other, "k")) })
	expect("[{1234567890123456 cn-hangzhou}] {1 0 1 0 0 0} {0 0 0 0 0 0} false")
	update(t, st, func(tx *Tx) error { return tx.DeleteKey(scope, "l") })
	expect("[] {0 0 0 0 0 0} {0 0 0 0 0 0} true")
}

func TestClearKeepsSettingsOnly(t *testing.T) {
	st := newStore(t)
	empty := dump(t, st)
	fill(t, st, 30)
	update(t, st, func(tx *Tx) error { return tx.Clear() })
	if got := dump(t, st); got == empty || !strings.Contains(got, "clock") {
		t.Errorf("the settings went:\n%s", got)
	}
	if !look(t, st, func(tx *Tx) (bool, error) { return tx.Empty(), nil }) {
		t.Error("the store is not empty")
	}
	fill(t, st, 30)
}

func TestSettings(t *testing.T) {
	st := newStore(t)
	get := func() string {
		return look(t, st, func(tx *Tx) (string, error) {
			value, known, err := tx.Setting("clock")
			return fmt.Sprintf("%q %v", value, known), err
		})
	}
	if got := get(); got != `"" false` {
		t.Errorf("got %s before it is set", got)
	}
	for _, value := range []string{"frozen", "", "running"} {
		update(t, st, func(tx *Tx) error { return tx.PutSetting("clock", []byte(value)) })
		if got, want := get(), fmt.Sprintf("%q true", value); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if err := st.Update(func(tx *Tx) error { return tx.PutSetting("", nil) }); err == nil {
		t.Error("a setting without a name was taken")
	}
}

func TestTimesThatJSONCannotHoldAreRefused(t *testing.T) {
	st := newStore(t)
	err := st.Update(func(tx *Tx) error { return tx.InsertKey(newKey("k", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))) })
	if err == nil || !strings.Contains(err.Error(), "year outside of range") {
		t.Errorf("got error %v", err)
	}
	verified(t, st)
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alikms.db")
	st := open(t, path, Options{})
	fill(t, st, 5)
	before := dump(t, st)
	refused := errors.New("refused")
	err := st.Update(func(tx *Tx) error {
		return cmp.Or(tx.DeleteKey(scope, "key-002"), tx.InsertKey(newKey("new", at(1))), tx.PutSetting("clock", nil), refused)
	})
	if err != refused {
		t.Errorf("got error %v, want that of the function", err)
	}
	if after := dump(t, st); after != before {
		t.Errorf("after:\n%s\nbefore:\n%s", after, before)
	}
	if err := st.View(func(tx *Tx) error { return tx.InsertKey(newKey("new", at(1))) }); err == nil {
		t.Error("a View wrote")
	}
	verified(t, st)
}

func TestFullDiskLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alikms.db")
	st := open(t, path, Options{})
	fill(t, st, 5)
	before := dump(t, st)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st.db.MaxSize = int(info.Size()) // the commit fails as it does when the file cannot grow
	insert := func(tx *Tx) error {
		return cmp.Or(tx.InsertKey(newKey("big", at(1))), tx.InsertVersion(newVersion("big", "big", at(1)), make([]byte, 1<<20)))
	}
	if err := st.Update(insert); err == nil {
		t.Fatal("the commit did not fail")
	}
	if after := dump(t, st); after != before {
		t.Errorf("after:\n%s\nbefore:\n%s", after, before)
	}
	st.db.MaxSize = 0
	update(t, st, insert)
	again := dump(t, st)
	st.Close()
	if got := dump(t, open(t, path, Options{})); got != again {
		t.Errorf("reopened:\n%s\nbefore:\n%s", got, again)
	}
}

func TestReopenedStoreAnswersTheSame(t *testing.T) {
	for _, o := range []Options{{}, {Ephemeral: true}} {
		path := filepath.Join(t.TempDir(), "alikms.db")
		st := open(t, path, o)
		fill(t, st, 40)
		before := dump(t, st)
		for range 3 {
			st.Close()
			content := read(t, path)
			st = open(t, path, Options{})
			if !bytes.Equal(read(t, path), content) {
				t.Errorf("%+v: opening changed the file", o)
			}
			if got := dump(t, st); got != before {
				t.Fatalf("%+v: reopened:\n%s\nbefore:\n%s", o, got, before)
			}
			verified(t, st)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	st := newStore(t)
	const writers, keys = 4, 25
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range keys {
				id := fmt.Sprintf("key-%d-%d", w, i)
				err := st.Update(func(tx *Tx) error {
					return cmp.Or(tx.InsertKey(newKey(id, at(i))), tx.InsertVersion(newVersion(id, id, at(i)), []byte(id)))
				})
				err = cmp.Or(err, st.View(func(tx *Tx) error { _, err := tx.Material(scope, id, id); return err }))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	verified(t, st)
	counts := look(t, st, func(tx *Tx) (Counts, error) { return tx.Counts(scope) })
	if want := (Counts{Keys: writers * keys, Versions: writers * keys}); counts != want {
		t.Errorf("got %+v, want %+v", counts, want)
	}
}

// TestRandomChangesStayConsistent also shows that boltcheck asks nothing of
// bbolt's pages that bbolt does not keep, whatever is written and deleted.
func TestRandomChangesStayConsistent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alikms.db")
	st := open(t, path, Options{Ephemeral: true})
	st.db.NoFreelistSync = false
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		err := st.Update(func(tx *Tx) error { return randomChanges(tx, rng, 1+rng.IntN(30)) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkFile(path); err != nil {
			t.Fatalf("after change %d: %v", i, err)
		}
		if i%10 == 0 {
			verified(t, st)
		}
	}
}

// randomChanges inserts and deletes keys of ids that sort anywhere.
func randomChanges(tx *Tx, rng *rand.Rand, n int) error {
	for range n {
		id := fmt.Sprintf("%0*d", 1+rng.IntN(60), rng.IntN(400))
		k := newKey(id, at(rng.IntN(1000)))
		if rng.IntN(3) == 0 {
			k.DeleteDate, k.NextRotation, k.MaterialExpireTime = at(rng.IntN(1000)), at(rng.IntN(1000)), at(rng.IntN(1000))
		}
		k.Description = strings.Repeat("d", rng.IntN(300))
		if rng.IntN(50) == 0 {
			k.Description = strings.Repeat("d", 9000) // overflows its page
		}
		err := tx.InsertKey(k)
		switch {
		case errors.Is(err, ErrExists):
			err = tx.DeleteKey(scope, id)
		case err == nil:
			err = cmp.Or(
				tx.InsertVersion(newVersion(id, id+"-1", at(0)), make([]byte, rng.IntN(1500))),
				tx.InsertAlias(newAlias("alias/"+id, id, k.CreationDate)),
				tx.InsertToken(newToken(id, "token", k.CreationDate)),
			)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill adds keys with versions, material, aliases and settings, and deletes
// some, so that the file has pages of every kind.
func fill(t testing.TB, st *Store, n int) {
	t.Helper()
	update(t, st, func(tx *Tx) error {
		err := cmp.Or(tx.PutSetting("clock", []byte(`{"offset":1}`)), tx.PutSetting("other", nil))
		for i := range n {
			id := fmt.Sprintf("key-%03d", i)
			k := newKey(id, at(i%7))
			k.Tags = map[string]string{"n": fmt.Sprint(i)}
			if i%5 == 0 {
				k.DeleteDate = at(100 + i)
			}
			if i == 3 {
				k.Description = strings.Repeat("long ", 2000)
			}
			err = cmp.Or(err, tx.InsertKey(k),
				tx.InsertVersion(newVersion(id, id+"-1", at(i)), []byte(strings.Repeat(id, 170))),
				tx.InsertVersion(newVersion(id, id+"-2", at(i)), nil),
				tx.InsertAlias(newAlias("alias/"+id, id, at(i%3))))
			if i%3 == 2 {
				err = cmp.Or(err, fillSymmetric(tx, id+"-sym", i))
			}
		}
		return cmp.Or(err, tx.InsertKey(Key{Scope: Scope{"1", "cn-beijing"}, ID: "there", CreationDate: at(0)}))
	})
	update(t, st, func(tx *Tx) (err error) {
		for i := 1; i < n; i += 4 {
			err = cmp.Or(err, tx.DeleteKey(scope, fmt.Sprintf("key-%03d", i)))
		}
		return err
	})
}

// fillSymmetric adds a key that rotates, whose material was imported and went,
// with an import token.
func fillSymmetric(tx *Tx, id string, i int) error {
	k := newKey(id, at(i))
	k.Origin, k.Creator, k.Policy, k.PrimaryVersion = "EXTERNAL", "Ecs", `{"Version":"1"}`, id+"-1"
	k.RotationInterval, k.NextRotation, k.MaterialExpireTime = 7*24*time.Hour, at(50+i), at(60-i)
	v := newVersion(id, id+"-1", at(i))
	v.Regional = true
	later := newVersion(id, id+"-2", at(i))
	later.Regional = true
	return cmp.Or(
		tx.InsertKey(k), tx.InsertVersion(v, nil), tx.InsertVersion(later, []byte("material")),
		tx.ImportMaterial(scope, id, v.ID, []byte("imported "+id)), tx.DeleteMaterial(scope, id, v.ID),
		tx.InsertToken(newToken(id, "token-1", at(30+i))), tx.InsertToken(newToken(id, "token-2", at(20+i))),
	)
}

func newToken(keyID, id string, expires time.Time) ImportToken {
	return ImportToken{Scope: scope, KeyID: keyID, ID: id, WrappingSpec: "RSA_2048", WrappingAlgorithm: "RSAES_OAEP_SHA_256",
		ExpireTime: expires, PrivateKey: []byte("private " + id)}
}

// dump is every answer of a store, as text.
func dump(t testing.TB, st *Store) string {
	t.Helper()
	return look(t, st, dumpTx)
}

func dumpTx(tx *Tx) (string, error) {
	var out strings.Builder
	scopes, failure := tx.Scopes()
	say := func(what any, err error) {
		failure = cmp.Or(failure, err)
		fmt.Fprintf(&out, "%+v\n", what)
	}
	say(tx.Empty(), nil)
	for _, name := range []string{"clock", "other"} {
		value, known, err := tx.Setting(name)
		say(fmt.Sprintf("%s: %q %v", name, value, known), err)
	}
	for _, s := range scopes {
		counts, err := tx.Counts(s)
		say(fmt.Sprintf("%v: %+v", s, counts), err)
		aliases, err := tx.AliasesPage(s, 0, math.MaxInt, nil)
		say(aliases, err)
		dumpDates(tx, s, say)
		for key, err := range tx.KeysAfter(s, "") {
			say(key.ID, err)
		}
		for key, err := range tx.Keys(s) {
			say(key, err)
			aliases, err := tx.AliasesOfKeyPage(s, key.ID, 0, math.MaxInt)
			say(aliases, err)
			versions, err := tx.VersionsPage(s, key.ID, 0, math.MaxInt)
			say(versions, err)
			tokens, err := tx.TokensOfKey(s, key.ID)
			say(tokens, err)
			for _, v := range versions {
				owner, err := tx.KeyOfVersion(s, v.ID)
				say(owner, err)
				regional, err := tx.RegionalVersion(s.Region, v.ID)
				if errors.Is(err, ErrNotFound) {
					err = nil
				}
				say(regional, err)
				material, err := tx.Material(s, key.ID, v.ID)
				if errors.Is(err, ErrNotFound) {
					err = nil
				}
				say(fmt.Sprintf("%q", material), err)
			}
		}
	}
	return out.String(), failure
}

func dumpDates(tx *Tx, s Scope, say func(any, error)) {
	for _, due := range []func(Scope, time.Time) ([]string, error){tx.Due, tx.DueRotations, tx.DueExpiries} {
		ids, err := due(s, at(1e6))
		say(ids, err)
	}
	tokens, err := tx.DueTokens(s, at(1e6))
	say(tokens, err)
	dumpSecrets(tx, s, say)
	for _, next := range []func(Scope) (time.Time, error){tx.NextRotation, tx.NextExpiry} {
		when, err := next(s)
		say(when, err)
	}
}
