package store

import (
	"errors"
	"fmt"
	"os"
)

// ErrEmpty says that there is a file, and nothing in it.
var ErrEmpty = errors.New("is empty")

// Check says, in one line, why Open would refuse the file; nil for a whole one. It
// only reads. A file that Open would begin anew is ErrEmpty. The records of an
// older schema are compared when Open migrates them, not before.
func Check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return openError(path, err)
	}
	err = verifyFile(path)
	switch {
	case errors.Is(err, errTorn), err == nil && info.Size() == 0:
		return fmt.Errorf("%s %w: nothing was ever kept in it", path, ErrEmpty)
	case err != nil:
		return verifyError(path, err)
	}
	return nil
}
