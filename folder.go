package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alikms/alikms/internal/ownfile"
)

// explain adds to an error of the data folder what a container's user needs to
// mend it: who alikms is, whose the folder is, and the remedy.
func explain(folder string, err error) error {
	failed, ok := errors.AsType[*fs.PathError](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; this file system is read-only: mount a volume at %s, as docker run -v alikms:/data does", err, folder)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; %s", err, remedy(folder, nearest(failed.Path)))
	}
	return err
}

// remedy says who is kept out, by whom, and what helps.
func remedy(folder string, at found) string {
	uid := os.Getuid()
	owner, ok := ownfile.OwnerOf(at.FileInfo)
	if !ok {
		return "this user may not write there"
	}
	said := fmt.Sprintf("alikms runs as uid %d, and %s belongs to uid %d with mode %04o: ", uid, at.path, owner, at.Mode().Perm())
	switch {
	case !strings.HasPrefix(at.path, folder): // a folder above, which is not to be given away
		return said + fmt.Sprintf("make %s for uid %d", folder, uid)
	case uid == owner:
		return said + "chmod -R u+rwX " + folder
	}
	return said + fmt.Sprintf("chown -R %d %s, or run as uid %d (docker run --user %d)", uid, folder, owner, owner)
}

// found is a file or folder that there is.
type found struct {
	path string
	fs.FileInfo
}

// nearest is the path, or the first folder above it that can be seen.
func nearest(path string) found {
	for {
		info, err := os.Stat(path)
		above := filepath.Dir(path)
		if err == nil || above == path {
			return found{path, info}
		}
		path = above
	}
}

// removePlain removes a file or a link that is there. Anything else, as a device
// or a folder, is not alikms's to remove or replace.
func removePlain(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !plain(info) {
		return notPlain(path)
	}
	return os.Remove(path)
}

// plain reports whether what is there is a file or a link.
func plain(info fs.FileInfo) bool {
	return info.Mode().IsRegular() || info.Mode().Type() == fs.ModeSymlink
}

func notPlain(path string) error {
	return fmt.Errorf("%s is no plain file: name one that may be replaced", path)
}

// clearLeftovers removes from a data folder what a process that was killed had
// not finished writing. Nobody else writes there: the data file is locked.
func clearLeftovers(folder string) error {
	left, err := fs.Glob(os.DirFS(folder), ownfile.TemporaryFiles)
	for _, name := range left {
		path := filepath.Join(folder, name)
		if info, statErr := os.Lstat(path); statErr == nil && info.Mode().IsRegular() {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}
