package store

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRegionalVersionIDsAreUniqueInTheRegion(t *testing.T) {
	other, elsewhere := Scope{"2", scope.Region}, Scope{scope.Account, "cn-beijing"}
	version := func(s Scope, id string, regional bool) Version {
		return Version{Scope: s, KeyID: "k", ID: id, CreationDate: at(0), Regional: regional}
	}
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		var err error
		for _, s := range []Scope{scope, other, elsewhere} {
			err = cmp.Or(err, tx.InsertKey(Key{Scope: s, ID: "k", CreationDate: at(0)}))
		}
		return cmp.Or(err, tx.InsertVersion(version(scope, "regional", true), nil), tx.InsertVersion(version(scope, "plain/x", false), nil))
	})
	for _, c := range []struct {
		version Version
		want    error
	}{
		{version(other, "regional", true), ErrExists},
		{version(other, "regional", false), ErrExists},
		{version(scope, "regional", true), ErrExists},
		{version(other, "plain/x", true), ErrExists},
		{version(other, "plain/x", false), nil},
		{version(other, "plain", true), nil},
		{version(elsewhere, "regional", true), nil},
		{version(elsewhere, "plain/x", true), nil},
	} {
		before := dump(t, st)
		var err error
		update(t, st, func(tx *Tx) error { err = tx.InsertVersion(c.version, nil); return nil })
		if !errors.Is(err, c.want) {
			t.Errorf("%+v: got error %v, want %v", c.version, err, c.want)
		}
		if after := dump(t, st); err != nil && after != before {
			t.Errorf("%+v changed the store", c.version)
		}
	}
	find := func(region, id string) (v Version, err error) {
		err = st.View(func(tx *Tx) error { v, err = tx.RegionalVersion(region, id); return err })
		return v, err
	}
	for _, want := range []Version{version(scope, "regional", true), version(elsewhere, "regional", true), version(other, "plain", true)} {
		if got, err := find(want.Scope.Region, want.ID); err != nil || got.Scope != want.Scope || got.KeyID != "k" || !got.Regional {
			t.Errorf("found %+v, %v; want %+v", got, err, want)
		}
	}
	for _, id := range []string{"plain/x", "none"} {
		if v, err := find(scope.Region, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("found %+v, %v", v, err)
		}
	}
	update(t, st, func(tx *Tx) error { return tx.DeleteKey(scope, "k") })
	update(t, st, func(tx *Tx) error { return tx.InsertVersion(version(other, "regional", true), nil) })
}

func TestImportedMaterialIsFixedForEver(t *testing.T) {
	st := newStore(t)
	first, second := []byte("first"), []byte("second")
	update(t, st, func(tx *Tx) error {
		return cmp.Or(tx.InsertKey(newKey("k", at(0))), tx.InsertVersion(newVersion("k", "v", at(0)), nil))
	})
	check := func(material, imported []byte) {
		t.Helper()
		v := look(t, st, func(tx *Tx) (Version, error) { return tx.Version(scope, "k", "v") })
		hash := func(b []byte) MaterialHash {
			if b == nil {
				return MaterialHash{}
			}
			return sha256.Sum256(b)
		}
		if v.MaterialHash != hash(material) || v.ImportedHash != hash(imported) {
			t.Errorf("got version %+v, want material %q, imported %q", v, material, imported)
		}
		var got []byte
		err := st.View(func(tx *Tx) (err error) { got, err = tx.Material(scope, "k", "v"); return err })
		if string(got) != string(material) || errors.Is(err, ErrNotFound) != (material == nil) {
			t.Errorf("got material %q, %v; want %q", got, err, material)
		}
	}
	type method func(*Tx, []byte) error
	imports := method(func(tx *Tx, b []byte) error { return tx.ImportMaterial(scope, "k", "v", b) })
	inserts := method(func(tx *Tx, b []byte) error { return tx.InsertMaterial(scope, "k", "v", b) })
	deletes := method(func(tx *Tx, _ []byte) error { return tx.DeleteMaterial(scope, "k", "v") })
	for i, step := range []struct {
		run                method
		bytes              []byte
		want               error
		material, imported []byte
	}{
		{deletes, nil, ErrNotFound, nil, nil},
		{inserts, second, nil, second, nil},
		{imports, first, ErrExists, second, nil},
		{deletes, nil, nil, nil, nil},
		{imports, first, nil, first, first},
		{imports, first, ErrExists, first, first},
		{imports, second, ErrOtherMaterial, first, first},
		{deletes, nil, nil, nil, first},
		{deletes, nil, ErrNotFound, nil, first},
		{imports, second, ErrOtherMaterial, nil, first},
		{inserts, second, ErrOtherMaterial, nil, first},
		{inserts, first, nil, first, first},
		{deletes, nil, nil, nil, first},
		{imports, first, nil, first, first},
	} {
		var err error
		update(t, st, func(tx *Tx) error { err = step.run(tx, step.bytes); return nil })
		if !errors.Is(err, step.want) {
			t.Errorf("step %d: got error %v, want %v", i, err, step.want)
		}
		check(step.material, step.imported)
	}
	update(t, st, func(tx *Tx) error { return tx.DeleteKey(scope, "k") })
}

func TestFixedMaterialIsTheOnlyOneThatIsImported(t *testing.T) {
	st := newStore(t)
	first, second := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	update(t, st, func(tx *Tx) error {
		return cmp.Or(tx.InsertKey(newKey("k", at(0))), tx.InsertVersion(newVersion("k", "v", at(0)), nil))
	})
	fix := func(tx *Tx, b []byte) error { return tx.FixMaterial(scope, "k", "v", sha256.Sum256(b)) }
	imports := func(tx *Tx, b []byte) error { return tx.ImportMaterial(scope, "k", "v", b) }
	for i, step := range []struct {
		run   func(*Tx, []byte) error
		bytes []byte
		want  error
	}{
		{fix, first, nil},
		{fix, first, nil},
		{fix, second, ErrOtherMaterial},
		{imports, second, ErrOtherMaterial},
		{imports, first, nil},
		{fix, second, ErrOtherMaterial},
		{fix, first, nil},
	} {
		var err error
		update(t, st, func(tx *Tx) error { err = step.run(tx, step.bytes); return nil })
		if !errors.Is(err, step.want) {
			t.Errorf("step %d: got error %v, want %v", i, err, step.want)
		}
	}
	update(t, st, func(tx *Tx) error {
		if err := tx.FixMaterial(scope, "k", "w", MaterialHash{1}); !errors.Is(err, ErrNotFound) {
			t.Errorf("of no version: %v", err)
		}
		return nil
	})
	verified(t, st)
}

// InsertVersion does not take over hashes that it is given.
func TestNewVersionHasNoHashes(t *testing.T) {
	st := newStore(t)
	v := newVersion("k", "v", at(0))
	v.MaterialHash, v.ImportedHash, v.Number = MaterialHash{1}, MaterialHash{2}, 9
	update(t, st, func(tx *Tx) error { return cmp.Or(tx.InsertKey(newKey("k", at(0))), tx.InsertVersion(v, nil)) })
	got := look(t, st, func(tx *Tx) (Version, error) { return tx.Version(scope, "k", "v") })
	if got.MaterialHash != (MaterialHash{}) || got.ImportedHash != (MaterialHash{}) || got.Number != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestImportTokens(t *testing.T) {
	st := newStore(t)
	update(t, st, func(tx *Tx) error {
		return cmp.Or(tx.InsertKey(newKey("k", at(0))), tx.InsertKey(newKey("k/l", at(0))))
	})
	empty := dump(t, st)
	want := newToken("k", "a/b", at(3))
	given := want
	given.ExpireTime = given.ExpireTime.In(time.FixedZone("", 3600))
	update(t, st, func(tx *Tx) error {
		return cmp.Or(tx.InsertToken(given), tx.InsertToken(newToken("k", "later", at(4))), tx.InsertToken(newToken("k", "a", at(2))),
			tx.InsertToken(newToken("k/l", "a", at(1))))
	})
	got := look(t, st, func(tx *Tx) (ImportToken, error) { return tx.Token(scope, "k", "a/b") })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	tokenIDs := func(tokens []ImportToken, err error) (string, error) {
		var ids []string
		for _, token := range tokens {
			ids = append(ids, token.KeyID+" "+token.ID)
		}
		return strings.Join(ids, ", "), err
	}
	if ids := look(t, st, func(tx *Tx) (string, error) { return tokenIDs(tx.TokensOfKey(scope, "k")) }); ids != "k a, k a/b, k later" {
		t.Errorf("the key has tokens %s", ids)
	}
	for _, c := range []struct {
		now  time.Time
		want string
	}{{at(0), ""}, {at(2), "k/l a, k a"}, {at(3).Add(-1), "k/l a, k a"}, {at(9), "k/l a, k a, k a/b, k later"}} {
		if ids := look(t, st, func(tx *Tx) (string, error) { return tokenIDs(tx.DueTokens(scope, c.now)) }); ids != c.want {
			t.Errorf("at %v: due are %q, want %q", c.now, ids, c.want)
		}
	}
	if counts := look(t, st, func(tx *Tx) (Counts, error) { return tx.Counts(scope) }); counts.Tokens != 4 {
		t.Errorf("got %+v", counts)
	}
	update(t, st, func(tx *Tx) error {
		for run, want := range map[error]error{
			tx.InsertToken(newToken("k", "a", at(5))):    ErrExists,
			tx.InsertToken(newToken("none", "a", at(5))): ErrNotFound,
			tx.DeleteToken(scope, "k", "none"):           ErrNotFound,
		} {
			if !errors.Is(run, want) {
				t.Errorf("got error %v, want %v", run, want)
			}
		}
		_, err := tx.Token(scope, "k/l", "a/b")
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("the token of another key: %v", err)
		}
		return nil
	})
	update(t, st, func(tx *Tx) error {
		return cmp.Or(tx.DeleteToken(scope, "k/l", "a"), tx.DeleteKey(scope, "k"), tx.InsertKey(newKey("k", at(0))))
	})
	if after := dump(t, st); after != empty {
		t.Errorf("after:\n%s\nbefore:\n%s", after, empty)
	}
}

func TestRotationsAndExpiriesAreFoundByDate(t *testing.T) {
	st := newStore(t)
	dated := func(id string, rotation, expiry time.Time) Key {
		k := newKey(id, at(0))
		k.NextRotation, k.MaterialExpireTime = rotation, expiry
		return k
	}
	never := time.Time{}
	state := func(now time.Time) string {
		return look(t, st, func(tx *Tx) (string, error) {
			rotate, err := tx.DueRotations(scope, now)
			expire, err2 := tx.DueExpiries(scope, now)
			next, err3 := tx.NextRotation(scope)
			end, err4 := tx.NextExpiry(scope)
			since := func(u time.Time) string {
				if u.IsZero() {
					return "never"
				}
				return fmt.Sprint(u.Sub(start))
			}
			return fmt.Sprint(rotate, expire, " ", since(next), " ", since(end)), cmp.Or(err, err2, err3, err4)
		})
	}
	expect := func(now time.Time, want string) {
		t.Helper()
		if got := state(now); got != want {
			t.Errorf("at %v: got %s, want %s", now, got, want)
		}
	}
	expect(at(100), "[] [] never never")
	update(t, st, func(tx *Tx) error {
		return cmp.Or(
			tx.InsertKey(dated("b", at(20).Add(1), never)), tx.InsertKey(dated("a", at(30), at(7))), tx.InsertKey(dated("c", never, at(5))),
			tx.InsertKey(Key{Scope: Scope{"1", "cn-beijing"}, ID: "d", CreationDate: at(0), NextRotation: at(1), MaterialExpireTime: at(1)}),
		)
	})
	expect(at(0), "[] [] 20.000000001s 5s")
	expect(at(5), "[] [c] 20.000000001s 5s")
	expect(at(20), "[] [c a] 20.000000001s 5s")
	expect(at(30), "[b a] [c a] 20.000000001s 5s")
	update(t, st, func(tx *Tx) error { return cmp.Or(tx.UpdateKey(dated("b", at(40), at(6))), tx.DeleteKey(scope, "c")) })
	expect(at(39), "[a] [b a] 30s 6s")
	update(t, st, func(tx *Tx) error {
		return cmp.Or(tx.UpdateKey(dated("b", never, never)), tx.UpdateKey(dated("a", never, never)))
	})
	expect(at(39), "[] [] never never")
}

func TestKeysAfterGoesByID(t *testing.T) {
	st := newStore(t)
	update(t, st, func(tx *Tx) (err error) {
		for i, id := range []string{"d", "b", "a/c", "a", "b\x00"} {
			err = cmp.Or(err, tx.InsertKey(newKey(id, at(i))))
		}
		return cmp.Or(err, tx.InsertKey(Key{Scope: Scope{scope.Account, scope.Region + "-2"}, ID: "c", CreationDate: at(0)}))
	})
	for after, want := range map[string]string{
		"": "a a/c b b\x00 d", "a": "a/c b b\x00 d", "aa": "b b\x00 d", "b": "b\x00 d", "c": "d", "d": "", "zz": "",
	} {
		keys := look(t, st, func(tx *Tx) (keys []Key, err error) {
			for key, err := range tx.KeysAfter(scope, after) {
				if err != nil {
					return nil, err
				}
				keys = append(keys, key)
			}
			return keys, nil
		})
		if got := keyIDs(keys); got != want {
			t.Errorf("after %q: got %q, want %q", after, got, want)
		}
	}
}

func TestDamageEndsKeysAfter(t *testing.T) {
	st := newStore(t)
	fill(t, st, 3)
	err := st.Update(func(tx *Tx) error {
		tx.changed = true
		return tx.bucket(bucketKeys).Put([]byte(newKey("key-001x", at(0)).key()), []byte("{}"))
	})
	if err != nil {
		t.Fatal(err)
	}
	walked := 0
	err = st.View(func(tx *Tx) error {
		for _, err := range tx.KeysAfter(scope, "") {
			if err != nil {
				return err
			}
			walked++
		}
		return nil
	})
	if !errors.Is(err, ErrDamaged) || walked != 1 {
		t.Errorf("after %d keys: %v", walked, err)
	}
}
