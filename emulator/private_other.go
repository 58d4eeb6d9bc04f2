//go:build !unix

package emulator

import "io/fs"

// ownerOf knows no owner: there are no uids here.
func ownerOf(fs.FileInfo) (uid int, known bool) { return 0, false }

// isLoose cannot tell: what Go shows as a mode is made up here.
func isLoose(fs.FileInfo) bool { return false }
