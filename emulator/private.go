package emulator

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/alikms/alikms/internal/ownfile"
)

// maxPrivate bounds a file that is read; a CA with its key has five thousand
// bytes.
const maxPrivate = 1 << 20

// readPrivate reads a file that is nobody else's. One that others may read is
// mended.
func readPrivate(path string, log *slog.Logger) ([]byte, error) {
	named, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !named.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is a link or otherwise no file of its own", path)
	}
	if err := checkOwner(path, named); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if opened, err := file.Stat(); err != nil || !os.SameFile(named, opened) {
		return nil, errors.Join(err, fmt.Errorf("%s was replaced meanwhile", path))
	}
	if ownfile.IsLoose(named) {
		mend(file, log)
	}
	return io.ReadAll(io.LimitReader(file, maxPrivate))
}

// checkOwner refuses a file of somebody else, who may know what is in it.
func checkOwner(path string, file fs.FileInfo) error {
	owner, known := ownfile.OwnerOf(file)
	if !known {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	of, _ := ownfile.OwnerOf(folder)
	if me := os.Geteuid(); !mayUse(me, owner, of) {
		return fmt.Errorf("%s belongs to uid %d, who may know its key, and alikms runs as uid %d", path, owner, me)
	}
	return nil
}

// mayUse reports whether a process of one uid takes a file of another. Only
// root does, in that other's own folder: as with sudo, it works for them there.
func mayUse(me, owner, folder int) bool {
	return owner == me || me == 0 && owner == folder
}

// mend takes a file from the sight of others. Some file systems cannot, and
// some only pretend to.
func mend(file *os.File, log *slog.Logger) {
	err := file.Chmod(0o600)
	if err == nil {
		info, statErr := file.Stat()
		if err = statErr; err == nil && ownfile.IsLoose(info) {
			err = errors.New("the file system keeps the mode as it is")
		}
	}
	if err != nil {
		log.Warn("others on this machine may read the CA's key, and that cannot be changed", "file", file.Name(), "error", err)
		return
	}
	log.Warn("others on this machine could read the CA's key; its mode is 0600 now", "file", file.Name())
}

// writePrivate writes a file for nobody else to read, and its folder. It is on
// the disk, whole, or not there.
func writePrivate(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return ownfile.Write(path, func(file *os.File) error {
		_, err := file.Write(text)
		return errors.Join(err, file.Sync())
	})
}
