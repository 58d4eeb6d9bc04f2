package emulator

import (
	"context"
	"runtime/debug"
	"sync"
	"time"
)

// room is for bodies in flight, or headers, in bytes. Who fits goes first, not who came
// first: a body that lacks its last bytes must not wait behind new ones.
type room struct {
	mu    sync.Mutex
	free  int64
	given chan struct{} // closed when some is given back; nil: nobody waits
	tidy  *time.Timer   // returns to the system what large bodies leave behind
}

const (
	// largeBody is worth a collection of garbage after it.
	largeBody = 256 << 10
	// tidyAfter is how long no large body has come by then. The runtime by itself
	// keeps for minutes what a crowd of them took.
	tidyAfter = time.Second
)

func newRoom(size int64) *room {
	r := &room{free: size, tidy: time.AfterFunc(tidyAfter, debug.FreeOSMemory)}
	r.tidy.Stop()
	return r
}

// take waits a while until there are n bytes, or ctx is done.
func (r *room) take(ctx context.Context, n int64, while time.Duration) error {
	if _, ok := r.tryTake(n); ok {
		return nil // without a timer
	}
	ctx, cancel := context.WithTimeout(ctx, while)
	defer cancel()
	for {
		given, ok := r.tryTake(n)
		if ok {
			return nil
		}
		select {
		case <-given:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryTake takes n bytes, or tells when to try again.
func (r *room) tryTake(n int64) (given <-chan struct{}, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.free {
		if r.given == nil {
			r.given = make(chan struct{})
		}
		return r.given, false
	}
	r.free -= n
	return nil, true
}

// give gives n bytes back.
func (r *room) give(n int64) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += n
	if n >= largeBody {
		r.tidy.Reset(tidyAfter)
	}
	if r.given != nil {
		close(r.given)
		r.given = nil
	}
}
