package emulator

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/alikms/alikms/emulator/internal/rules"
)

// listener follows the journal. What it was not taken yet waits within bounds,
// and calls never wait for it: who is too slow loses entries, and is told how
// many.
type listener struct {
	query query
	ready chan struct{} // something is there to take

	mu      sync.Mutex
	waiting []Call
	bytes   int // that they take
	lost    int // since they were taken last
}

// What may wait for a listener, and how many there may be.
const (
	mostWaiting      = 1000
	mostWaitingBytes = 1 << 20
	mostListeners    = 64
)

// followPause is how long a listener rests after it took something: a crowd of
// calls wakes it a hundred times a second, not for each call.
const followPause = 10 * time.Millisecond

var errListeners = errors.New("64 follow the requests already: end one of them")

// follow adds a listener for the entries that a query chooses from now on. With a
// limit it also gives the latest that are there: none is missed in between.
func (j *journal) follow(q query) (*listener, []Call, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.listeners) >= mostListeners {
		return nil, nil, errListeners
	}
	var before []Call
	if q.limit > 0 {
		before = j.choose(q)
	}
	l := &listener{query: q, ready: make(chan struct{}, 1)}
	j.listeners = append(j.listeners, l)
	return l, before, nil
}

// leave ends a follow.
func (j *journal) leave(l *listener) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.listeners = slices.DeleteFunc(j.listeners, func(other *listener) bool { return other == l })
}

// offer gives a listener an entry, if it is one for it.
func (l *listener) offer(entry *Call) {
	if !l.query.fits(entry) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= mostWaiting || l.bytes+entry.size > mostWaitingBytes {
		l.lost++
		return
	}
	l.waiting = append(l.waiting, *entry)
	l.waiting[len(l.waiting)-1].trace = rules.Trace{} // the rules need not be kept for it
	l.bytes += entry.size
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// take empties what waits, in order. lost came after it.
func (l *listener) take() (entries []Call, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries, lost = l.waiting, l.lost
	l.waiting, l.bytes, l.lost = nil, 0, 0
	return entries, lost
}

// Follow tells of the calls that are answered after it returns, from a goroutine of
// its own, until ctx ends; then ended has its error or nil. tell may take its time,
// for no call waits for it; then it is told how many calls it lost, after those it
// is given. Its error ends the follow.
func (s *Server) Follow(ctx context.Context, tell func(calls []Call, lost int) error) (ended <-chan error) {
	end := make(chan error, 1)
	l, _, err := s.journal.follow(query{})
	if err != nil {
		end <- err
		return end
	}
	go func() {
		defer s.journal.leave(l)
		end <- l.pass(ctx, tell)
	}()
	return end
}

// pass tells what a listener has, until ctx ends.
func (l *listener) pass(ctx context.Context, tell func(calls []Call, lost int) error) error {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-l.ready:
		case <-ctx.Done():
			return tell(l.take())
		}
		if err := tell(l.take()); err != nil {
			return err
		}
		rest.Reset(followPause)
		select {
		case <-rest.C:
		case <-ctx.Done():
		}
	}
}
