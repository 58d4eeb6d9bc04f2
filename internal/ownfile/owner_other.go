//go:build !unix

package ownfile

import "io/fs"

// OwnerOf knows no owner: there are no uids here.
func OwnerOf(fs.FileInfo) (uid int, known bool) { return 0, false }

// IsLoose cannot tell: what Go shows as a mode is made up here.
func IsLoose(fs.FileInfo) bool { return false }
