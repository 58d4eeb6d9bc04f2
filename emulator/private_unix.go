//go:build unix

package emulator

import (
	"io/fs"
	"syscall"
)

// ownerOf is the uid that a file belongs to.
func ownerOf(info fs.FileInfo) (uid int, known bool) {
	status, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(status.Uid), true
}

// isLoose reports whether others than its owner may read or write a file.
func isLoose(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }
