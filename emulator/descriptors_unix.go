//go:build unix

package emulator

import (
	"math"
	"syscall"
)

// descriptorLimit is how many files and connections the process may have open;
// 0: it is not known.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
