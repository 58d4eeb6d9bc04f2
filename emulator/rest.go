package emulator

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// rest gives memory back to the system when work has ceased: the runtime by itself
// keeps for minutes what a start or a crowd of calls took.
type rest struct {
	calls atomic.Uint64

	mu        sync.Mutex
	timer     *time.Timer // nil: ended
	allocated uint64      // bytes, since the process began, when it was last looked
}

const (
	restAfter = 2 * time.Second
	// restCalls are worth a look. The timer is set once for as many: a call costs a
	// count.
	restCalls = 1024
	// restBytes, allocated since the last look, are worth a collection of garbage.
	restBytes = 2 << 20
)

// begin is for what the start takes.
func (r *rest) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(restAfter, r.look)
}

func (r *rest) noteCall() {
	if r.calls.Add(1)%restCalls == 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.again()
	}
}

// again sets the timer; mu is held.
func (r *rest) again() {
	if r.timer != nil {
		r.timer.Reset(restAfter)
	}
}

// look gives memory back, and looks again until nothing is allocated any more: key
// pairs may be made ahead.
func (r *rest) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := r.allocated
	r.allocated = sample[0].Value.Uint64()
	if r.allocated-before >= restBytes {
		debug.FreeOSMemory()
		r.again()
	}
}

func (r *rest) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}
