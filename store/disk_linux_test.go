package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mountSmall makes a folder a file system of 400 KB. TestFullDiskIsSaid stands
// in for the test that needs it where a test may not mount.
func mountSmall(t *testing.T, folder string) {
	t.Helper()
	err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=400k")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount a small file system to fill")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
}

// A file system of 400 KB gets full.
func TestFullDisk(t *testing.T) {
	folder := t.TempDir()
	mountSmall(t, folder)
	path := filepath.Join(folder, "alikms.db")
	st := open(t, path, Options{})
	fill(t, st, 5)
	before := dump(t, st)
	err := st.Update(func(tx *Tx) error { return tx.PutSetting("clock", make([]byte, 1<<20)) })
	if !errors.Is(err, ErrFull) {
		t.Errorf("got error %v", err)
	}
	if err := st.Healthy(); err != nil {
		t.Errorf("a full disk is no harm to the file: %v", err)
	}
	if after := dump(t, st); after != before {
		t.Errorf("after:\n%s\nbefore:\n%s", after, before)
	}
	st.Close()
	// Opening writes nothing.
	if err := os.WriteFile(filepath.Join(folder, "other"), make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got error %v", err)
	}
	if after := dump(t, open(t, path, Options{})); after != before {
		t.Errorf("reopened:\n%s\nbefore:\n%s", after, before)
	}
}
