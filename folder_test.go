package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/alikms/alikms/internal/ownfile"
)

func TestAnErrorOfTheDataFolderSaysWhoseItIs(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o550); err != nil {
		t.Fatal(err)
	}
	uid := os.Getuid()
	refused := func(path string, why error) error {
		return fmt.Errorf("cannot open: %w", &fs.PathError{Op: "open", Path: path, Err: why})
	}
	parent := filepath.Dir(folder)
	cases := []struct {
		name   string
		folder string
		err    error
		says   string
	}{
		{"a file that is missing", folder, refused(folder+"/alikms.db", syscall.EACCES),
			fmt.Sprintf("alikms runs as uid %d, and %s belongs to uid %[1]d with mode 0550: chmod -R u+rwX %[2]s", uid, folder)},
		{"a folder that is missing", folder + "/a/b", refused(folder+"/a", syscall.EACCES),
			fmt.Sprintf("%s belongs to uid %d with mode 0550: make %[1]s/a/b for uid %[2]d", folder, uid)},
		{"above", parent + "/b", refused(parent+"/b", syscall.EPERM), "make " + parent + "/b for uid"},
		{"read-only", folder, refused(folder+"/alikms.db", syscall.EROFS), "mount a volume at " + folder},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if said := explain(c.folder, c.err).Error(); !strings.HasSuffix(said, c.says) && !strings.Contains(said, c.says) || !strings.HasPrefix(said, "cannot open: ") {
				t.Errorf("%s\nhas not %s", said, c.says)
			}
		})
	}
}

func TestOtherErrorsAreLeftAsTheyAre(t *testing.T) {
	for _, err := range []error{nil, errors.New("damaged"), &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC}} {
		if explained := explain("x", err); explained != err {
			t.Errorf("%v became %v", err, explained)
		}
	}
}

func TestAnotherOwnersFolderIsToBeGivenOver(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	folder := t.TempDir()
	if err := os.Chown(folder, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	said := remedy(folder, nearest(filepath.Join(folder, "missing")))
	if want := fmt.Sprintf("%s belongs to uid 1234 with mode 0755: chown -R 0 %[1]s, or run as uid 1234 (docker run --user 1234)", folder); !strings.Contains(said, want) {
		t.Errorf("%s\nhas not %s", said, want)
	}
}

func TestWhatIsWrittenIsPrivateAndFollowsNoLink(t *testing.T) {
	folder := t.TempDir()
	victim, path := filepath.Join(folder, "victim"), filepath.Join(folder, "ready.json")
	if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o644), os.Symlink(victim, path), os.Symlink(victim, path+".new")); err != nil {
		t.Fatal(err)
	}
	if err := ownfile.Write(path, text("new")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "mine" {
		t.Errorf("the link was followed: %q %v", text, err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 3 { // with the link that was there
		t.Errorf("left behind: %v", left)
	}
}

// TestADeviceIsNotReplaced: --ready-file /dev/null would take it from the machine.
func TestADeviceIsNotReplaced(t *testing.T) {
	folder := t.TempDir()
	fifo, empty := filepath.Join(folder, "fifo"), filepath.Join(folder, "empty")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.Mkdir(empty, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, empty} {
		code, line := refused(t, nil, "--ephemeral", "--listen", "127.0.0.1:0", "--listen-tls=", "--ready-file", path)
		if want := "alikms: cannot write --ready-file: " + path + " is no plain file: name one that may be replaced"; code != 1 || line != want {
			t.Errorf("exit %d %q, want %q", code, line, want)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 2 {
		t.Errorf("%v %v", left, err)
	}
}

func TestAFileThatCannotBeWrittenLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "ready.json")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := ownfile.Write(path, text("x")); err == nil {
		t.Error("a folder was replaced")
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// text writes a text.
func text(content string) func(*os.File) error {
	return func(file *os.File) error {
		_, err := file.WriteString(content)
		return err
	}
}

func TestWhatAKilledProcessLeftIsClearedAtStart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data [1]")
	kept := []string{"alikms.db.1", ".alikms-notes", "alikms-1.tmp"}
	for _, name := range append(slices.Clone(kept), ".alikms-123.tmp", ".alikms-ready.json.tmp") {
		if err := errors.Join(os.MkdirAll(data, 0o700), os.WriteFile(filepath.Join(data, name), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(data, kept[0]), filepath.Join(data, ".alikms-link.tmp")); err != nil {
		t.Fatal(err)
	}
	start(t, "--data", data).stop()
	kept = append(kept, ".alikms-link.tmp", "alikms.db", "ca-key.pem")
	left, err := os.ReadDir(data)
	for _, entry := range left {
		if !slices.Contains(kept, entry.Name()) {
			t.Errorf("%s is left", entry.Name())
		}
	}
	if err != nil || len(left) != len(kept) {
		t.Errorf("%d files are left of %v: %v", len(left), kept, err)
	}
}
