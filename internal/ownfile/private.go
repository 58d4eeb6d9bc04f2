// Package ownfile writes files for nobody else to read, and tells whose a file is.
package ownfile

import (
	"errors"
	"os"
	"path/filepath"
)

// TemporaryFiles is the pattern of names, as of os.CreateTemp, for what is not
// whole yet. A process that is killed leaves such files behind.
const TemporaryFiles = ".alikms-*.tmp"

// Write writes a file for nobody else to read. A reader finds it whole or not at
// all, and a link at its place is replaced, not followed.
func Write(path string, write func(*os.File) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), TemporaryFiles) // 0600, and never what is there already
	if err != nil {
		return err
	}
	err = errors.Join(write(file), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
