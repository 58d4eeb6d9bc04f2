package emulator

import (
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/alikms/alikms/internal/ownfile"
)

// serveBackup answers with a copy of the data file, in one state. The store is
// read all at once, into a file, for a transaction must not wait for a client.
func (s *Server) serveBackup(w http.ResponseWriter, r *http.Request) {
	copied, size, err := s.backup()
	if err != nil {
		s.log.Error("backup failed", "error", err)
		controlError(http.StatusInternalServerError, err.Error()).ServeHTTP(w, r)
		return
	}
	defer discard(copied)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10)) // what is cut off is known to be
	io.Copy(w, copied)
}

// backup is a file of nobody else with a copy of the store, to be read from its
// beginning.
func (s *Server) backup() (copied *os.File, size int64, err error) {
	copied, err = os.CreateTemp("", ownfile.TemporaryFiles) // 0600
	if err != nil {
		return nil, 0, err
	}
	os.Remove(copied.Name()) // it goes with the process; not on Windows, see discard
	err = s.kms.Store.Backup(copied)
	if err == nil {
		size, err = copied.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		_, err = copied.Seek(0, io.SeekStart)
	}
	if err != nil {
		discard(copied)
	}
	return copied, size, err
}

// discard removes a file, where an open one cannot be.
func discard(file *os.File) {
	file.Close()
	os.Remove(file.Name())
}
