package main

import (
	"fmt"
	"syscall"
)

// mountSmall makes a folder a file system of so many bytes.
func mountSmall(folder string, size int) (unmount func(), err error) {
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return nil, err
	}
	return func() { syscall.Unmount(folder, syscall.MNT_DETACH) }, nil
}
