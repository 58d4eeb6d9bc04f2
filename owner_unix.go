//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// ownerOf is the uid that a file belongs to.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	if info == nil {
		return 0, false
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(status.Uid), true
}
