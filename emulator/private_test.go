//go:build unix

package emulator

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// warned reads a private file, and gives what the log says.
func warned(path string) (log string, err error) {
	var text bytes.Buffer
	_, err = readPrivate(path, slog.New(slog.NewTextHandler(&text, nil)))
	return text.String(), err
}

func TestALooseModeIsMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o620, 0o777} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		log, err := warned(path)
		if err != nil || strings.Count(log, "\n") != 1 || !strings.Contains(log, "its mode is 0600 now") {
			t.Errorf("%v: %v, log: %s", mode, err, log)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v became %v %v", mode, info.Mode(), err)
		}
		if log, err := warned(path); err != nil || log != "" {
			t.Errorf("the second time: %v, log: %s", err, log)
		}
	}
}

func TestALooseModeThatStaysIsWarnedOf(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "key")
	if err != nil {
		t.Fatal(err)
	}
	file.Close() // its mode cannot be changed any more
	var log bytes.Buffer
	mend(file, slog.New(slog.NewTextHandler(&log, nil)))
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "cannot be changed") || !strings.Contains(log.String(), file.Name()) {
		t.Errorf("the log says: %s", &log)
	}
}

func TestWhoseFilesAreUsed(t *testing.T) {
	for _, c := range []struct {
		me, owner, folder int
		want              bool
	}{
		{1000, 1000, 1000, true},
		{1000, 1000, 0, true}, // the volume of a container
		{1000, 0, 1000, false},
		{1000, 1001, 1000, false},
		{1000, 1001, 1001, false},
		{0, 0, 1000, true},
		{0, 1000, 1000, true}, // sudo, in one's own folder
		{0, 1001, 1000, false},
		{0, 1000, 0, false},
	} {
		if got := mayUse(c.me, c.owner, c.folder); got != c.want {
			t.Errorf("uid %d, a file of %d in a folder of %d: %v", c.me, c.owner, c.folder, got)
		}
	}
}

func TestAnothersCAIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away; TestWhoseFilesAreUsed has the rule")
	}
	folder := t.TempDir()
	newTestCA(t, folder)
	path := filepath.Join(folder, caFile)
	before := caText(t, folder)
	if err := os.Chown(path, 1234, -1); err != nil {
		t.Fatal(err)
	}
	_, err := OpenCA(folder, CAOptions{})
	if err == nil || !strings.Contains(err.Error(), path+" belongs to uid 1234") || !strings.Contains(err.Error(), "runs as uid 0") || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is: %v", err)
	}
	if caText(t, folder) != before {
		t.Error("the file was changed")
	}
	if err := os.Chown(folder, 1234, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCA(folder, CAOptions{}); err != nil {
		t.Errorf("root in that uid's own folder: %v", err)
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	elsewhere := t.TempDir()
	newTestCA(t, elsewhere)
	target := filepath.Join(elsewhere, caFile)
	before := caText(t, elsewhere)
	path := filepath.Join(t.TempDir(), caFile)
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	if _, err := warned(path); err == nil || !strings.Contains(err.Error(), path+" is a link") {
		t.Errorf("reading: %v", err)
	}
	if err := writePrivate(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if caText(t, elsewhere) != before {
		t.Error("what the link points to was written")
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		t.Errorf("there is %v %v", info, err)
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	if _, err := warned("/dev/zero"); err == nil {
		t.Error("/dev/zero was read")
	}
	if _, err := warned(t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}
