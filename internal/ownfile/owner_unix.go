//go:build unix

package ownfile

import (
	"io/fs"
	"syscall"
)

// OwnerOf is the uid that a file belongs to. Of no file, which is nil, none is
// known.
func OwnerOf(info fs.FileInfo) (uid int, known bool) {
	if info == nil {
		return 0, false
	}
	status, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(status.Uid), true
}

// IsLoose reports whether others than its owner may read or write a file.
func IsLoose(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }
