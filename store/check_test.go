package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alikms/alikms/store/internal/boltcheck"
)

func TestCheckAnswersAsOpenWouldAndLeavesTheFileAlone(t *testing.T) {
	cases := []struct {
		name   string
		change func(path string)
		want   error
	}{
		{"whole", func(string) {}, nil},
		{"missing", func(path string) { os.Remove(path) }, fs.ErrNotExist},
		{"empty", func(path string) { os.Truncate(path, 0) }, ErrEmpty},
		{"torn at its beginning", func(path string) { write(t, path, make([]byte, 2*boltcheck.PageSize)) }, ErrEmpty},
		{"cut", func(path string) { os.Truncate(path, 5*boltcheck.PageSize) }, ErrDamaged},
		{"another program's", func(path string) { write(t, path, []byte(strings.Repeat("a text\n", 1000))) }, ErrForeign},
		{"open", func(path string) { open(t, path, Options{}) }, ErrLocked},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := closedFile(t, 5)
			c.change(path)
			before, _ := os.ReadFile(path)
			err := Check(path)
			if !errors.Is(err, c.want) || err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("got %v, want %v in one line with the file", err, c.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, before) {
				t.Error("the file changed")
			}
		})
	}
}

func TestABackupIsWhole(t *testing.T) {
	st := open(t, closedFile(t, 5), Options{})
	path := filepath.Join(t.TempDir(), "copy.db")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(st.Backup(file), file.Close(), Check(path)); err != nil {
		t.Error(err)
	}
}
