package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alikms/alikms/store"
)

// dataOf is the data file of a folder.
func dataOf(folder string) string { return filepath.Join(folder, "alikms.db") }

func TestABackupIsTheDataFileAtOneMoment(t *testing.T) {
	p := start(t, "--data", t.TempDir(), "--key-pool", "0")
	address := strings.TrimPrefix(p.url, "http://")
	_, body, err := p.call("CreateKey", "KeySpec", "EC_SM2")
	if err != nil {
		t.Fatal(err)
	}
	id := body["KeyMetadata"].(map[string]any)["KeyId"].(string)
	copied := t.TempDir()
	code, out, log := command("backup", "--listen", address, dataOf(copied))
	if code != 0 || out != "backed up to "+dataOf(copied)+"\n" || log != "" {
		t.Fatalf("exit %d %q %q", code, out, log)
	}
	if _, _, err := p.call("UpdateKeyDescription", "KeyId", id, "Description", "later"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(dataOf(copied)); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if code, out, log := command("check", "--data", copied); code != 0 || out != dataOf(copied)+" is whole\n" {
		t.Errorf("exit %d %q %q", code, out, log)
	}
	restored := start(t, "--data", copied)
	status, body, err := restored.call("DescribeKey", "KeyId", id)
	if err != nil || status != 200 || body["KeyMetadata"].(map[string]any)["Description"] != "" {
		t.Errorf("%d %v %v", status, body, err)
	}
}

func TestABackupReplacesALinkAndFollowsNone(t *testing.T) {
	p := start(t, "--ephemeral")
	folder := t.TempDir()
	victim, path := filepath.Join(folder, "victim"), filepath.Join(folder, "copy.db")
	if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o644), os.Symlink(victim, path)); err != nil {
		t.Fatal(err)
	}
	if code, _, log := command("backup", "--listen", strings.TrimPrefix(p.url, "http://"), path); code != 0 {
		t.Fatal(log)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "mine" {
		t.Errorf("the link was followed: %q %v", text, err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

func TestABackupThatFailsLeavesTheOldOne(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data", data)
	address := strings.TrimPrefix(p.url, "http://")
	whole, err := os.ReadFile(dataOf(data))
	if err != nil {
		t.Fatal(err)
	}
	cut := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Write(whole)
		panic(http.ErrAbortHandler)
	})
	nonsense := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("a text\n"), 1000)) })
	for _, c := range []struct{ name, address, file, says string }{
		{"nobody", closedPort(t), "old.db", "connection refused"},
		{"cut off", cut, "old.db", "unexpected EOF"},
		{"something else", nonsense, "old.db", "is not an alikms data file"},
		{"the data file itself", address, dataOf(data), "is in use by another alikms; name another file"},
		{"a device", address, "/dev/null", "/dev/null is no plain file"},
		{"a folder", address, data, "is no plain file"},
		{"a folder that is missing", address, "missing/copy.db", "no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("old.db", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, log := command("backup", "--listen", c.address, c.file)
			if code != 1 || out != "" || !strings.HasPrefix(log, "alikms: cannot back up: ") || !strings.Contains(log, c.says) || strings.Count(log, "\n") != 1 {
				t.Errorf("exit %d %q %q, want %q", code, out, log, c.says)
			}
			if text, err := os.ReadFile("old.db"); err != nil || string(text) != "old" {
				t.Errorf("the old one became %q %v", text, err)
			}
			if left, _ := os.ReadDir("."); len(left) != 1 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	if err := p.health(); err != nil {
		t.Error(err)
	}
}

// health asks whether the process is healthy.
func (p *process) health() error {
	code, _, log := command("health", "--listen", strings.TrimPrefix(p.url, "http://"))
	if code != 0 {
		return errors.New(log)
	}
	return nil
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data", data)
	says := func(want string) {
		t.Helper()
		code, out, log := command("check", "--data", data)
		if code != 1 || out != "" || !strings.HasPrefix(log, "alikms: ") || !strings.Contains(log, dataOf(data)) || !strings.Contains(log, want) || strings.Count(log, "\n") != 1 {
			t.Errorf("exit %d %q %q, want %q", code, out, log, want)
		}
	}
	says("is in use by another alikms")
	p.stop()
	content, err := os.ReadFile(dataOf(data))
	if err != nil {
		t.Fatal(err)
	}
	content[4096+70] ^= 1
	if err := os.WriteFile(dataOf(data), content, 0o600); err != nil {
		t.Fatal(err)
	}
	says("restore a copy of it (alikms backup makes one)")
	if err := os.Remove(dataOf(data)); err != nil {
		t.Fatal(err)
	}
	says("no such file or directory")
	if _, err := os.Stat(dataOf(data)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the check made a file: %v", err)
	}
}

// While others write, a backup has all that was acknowledged before it was asked
// for.
func TestABackupUnderWritersIsConsistent(t *testing.T) {
	p := start(t, "--data", t.TempDir(), "--key-pool", "0")
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var made []string
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop()
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				_, body, err := p.call("CreateKey", "KeySpec", "EC_SM2")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				made = append(made, body["KeyMetadata"].(map[string]any)["KeyId"].(string))
				mu.Unlock()
			}
		})
	}
	for n := range 5 {
		mu.Lock()
		before := slices.Clone(made)
		mu.Unlock()
		file := filepath.Join(t.TempDir(), "copy.db")
		if code, _, log := command("backup", "--listen", strings.TrimPrefix(p.url, "http://"), file); code != 0 {
			t.Fatal(log)
		}
		if err := hasKeys(file, before); err != nil {
			t.Errorf("backup %d: %v", n, err)
		}
	}
}

// hasKeys opens a data file and looks for keys.
func hasKeys(path string, ids []string) error {
	st, err := store.Open(path, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	return st.View(func(tx *store.Tx) error {
		for _, id := range ids {
			if _, err := tx.Key(store.Scope{Account: "1234567890123456", Region: "cn-hangzhou"}, id); err != nil {
				return err
			}
		}
		return nil
	})
}
