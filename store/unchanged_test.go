package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAnUpdateThatChangesNothingWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alikms.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scope := Scope{"1234567890123456", "cn-hangzhou"}
	key := Key{Scope: scope, ID: "key-a", Spec: "EC_SM2", Usage: "SIGN/VERIFY", State: "Enabled", CreationDate: time.Unix(0, 0)}
	write := func(fn func(*Tx) error) (before, after string) {
		read := func() string {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		before = read()
		if err := s.Update(fn); err != nil {
			t.Fatal(err)
		}
		return before, read()
	}
	if before, after := write(func(tx *Tx) error {
		if err := tx.InsertKey(key); err != nil {
			return err
		}
		return tx.PutSetting("a", []byte("1"))
	}); before == after {
		t.Fatal("a change was not written")
	}
	if before, after := write(func(tx *Tx) error {
		kept, err := tx.Key(scope, key.ID)
		if err != nil {
			return err
		}
		if err := tx.UpdateKey(kept); err != nil {
			return err
		}
		return tx.PutSetting("a", []byte("1"))
	}); before != after {
		t.Error("what was there already was written")
	}
}
