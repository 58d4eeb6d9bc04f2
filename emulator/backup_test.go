package emulator

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alikms/alikms/store"
)

// A client that does not read keeps no transaction open, and a copy that is under
// way is in no folder.
func TestABackupWaitsForNoClient(t *testing.T) {
	long(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s := newTestServer(t)
	large := make([]byte, 8<<20) // more than the buffers of a connection hold
	if err := s.kms.Store.Update(func(tx *store.Tx) error { return tx.PutSetting("large", large) }); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(s.url + "/_emulator/backup")
	if err != nil {
		t.Fatal(err)
	}
	// The file has to grow, which waits for every View.
	grown := make(chan error)
	go func() {
		grown <- s.kms.Store.Update(func(tx *store.Tx) error { return tx.PutSetting("larger", make([]byte, 64<<20)) })
	}()
	select {
	case err := <-grown:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the store waits for the client")
	}
	if left, err := filepath.Glob(filepath.Join(temp, "*")); err != nil || len(left) > 0 {
		t.Errorf("there are %v %v", left, err)
	}
	file, err := os.Create(filepath.Join(temp, "copy.db"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := file.ReadFrom(answer.Body)
	if err != nil || n != answer.ContentLength {
		t.Errorf("%d bytes of %d: %v", n, answer.ContentLength, err)
	}
	if err := store.Check(file.Name()); err != nil {
		t.Error(err)
	}
}

func TestABackupThatFindsNoRoomSaysSo(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	s := newTestServer(t)
	answer, err := http.Get(s.url + "/_emulator/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusInternalServerError || answer.Header.Get("Content-Type") != "application/json;charset=utf-8" {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
}
