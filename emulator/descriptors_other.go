//go:build !unix

package emulator

// descriptorLimit knows none: there are no descriptors here.
func descriptorLimit() int { return 0 }
