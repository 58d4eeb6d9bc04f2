package emulator

import (
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

// rotateInTime rotates keys as that falls due while the clock runs, until the
// server stops. The controls that move the clock rotate what falls due by that.
func (s *Server) rotateInTime() {
	pause := time.Duration(0) // after a failure
	for {
		timer := time.NewTimer(max(s.untilRotation(), pause))
		pause = 0
		select {
		case <-timer.C:
			if err := s.rotateNow(); err != nil {
				s.log.Error("what fell due could not be rotated", "error", err)
				pause = failurePause
			}
		case <-s.kms.Changed():
		case <-s.clock.changed:
		case <-s.running.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// failurePause is how long rotateInTime waits after a failure, as of a full disk.
const failurePause = time.Minute

// rotateNow rotates what has fallen due.
func (s *Server) rotateNow() error {
	next, err := s.kms.NextRotation()
	if err != nil || next.IsZero() || next.After(s.clock.now()) {
		return err
	}
	return s.kms.Store.Update(func(tx *store.Tx) error { return kms.RotateAll(tx, s.clock.now()) })
}

// longestWait is how long rotateInTime waits where no rotation falls due, or where
// looking for it failed.
const longestWait = time.Hour

// untilRotation is how long it takes, in real time, until a rotation falls due.
func (s *Server) untilRotation() time.Duration {
	now, frozen := s.clock.show()
	if frozen {
		return longestWait
	}
	next, err := s.kms.NextRotation()
	switch {
	case err != nil:
		s.log.Error("the next rotation could not be read", "error", err)
		return longestWait
	case next.IsZero():
		return longestWait
	}
	return min(max(next.Sub(now), 0), longestWait)
}
