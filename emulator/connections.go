package emulator

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// connections are those that clients have open. It knows which of them wait for
// their client: these make room for others when descriptors run short, and a
// stop does not wait for them.
type connections struct {
	limits  limits
	most    int // that may be open; 0: it is not known
	bodies  *room
	puts    *room
	headers *room

	mu   sync.Mutex
	open map[*portConn]struct{}
	// Who was silent longest is first.
	idle  list.List // between requests
	owing list.List // in the middle of a request, or before the first
	cut   time.Time // by when requests have to arrive; zero: before the stop
}

func newConnections(l limits, most int) *connections {
	return &connections{limits: l, most: most, bodies: newRoom(l.bodies), puts: newRoom(l.puts), headers: newRoom(l.headers), open: map[*portConn]struct{}{}}
}

// spareDescriptors are for what is no connection of a client: the ports, the
// store, certificates, logs.
const spareDescriptors = 32

// mostConnections leaves descriptors to the rest of the process.
func mostConnections() int {
	limit := descriptorLimit()
	return max(limit-spareDescriptors, limit/2)
}

// add takes a new connection, at the cost of the one that was silent longest
// when there are too many.
func (all *connections) add(conn net.Conn, secure bool) *portConn {
	if all.crowded() {
		all.closeSilent()
	}
	c := &portConn{Conn: conn, secure: secure, all: all}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.open[c] = struct{}{}
	c.await(&all.owing)
	c.setReadDeadline(time.Time{})
	return c
}

func (all *connections) crowded() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.most > 0 && len(all.open) >= all.most
}

// closeSilent closes the connection that was silent longest, if there is one:
// one between requests, whose client loses nothing, else one whose client owes
// the rest of a request.
func (all *connections) closeSilent() bool {
	all.mu.Lock()
	first := all.idle.Front()
	if first == nil {
		first = all.owing.Front()
	}
	all.mu.Unlock()
	if first == nil {
		return false
	}
	first.Value.(*portConn).Close()
	return true
}

// outOfDescriptors reports whether an accept failed for want of descriptors.
func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// forget lets go of a connection that is closed, or no longer HTTP.
func (all *connections) forget(c *portConn) {
	all.mu.Lock()
	defer all.mu.Unlock()
	c.await(nil)
	c.letGo()
	delete(all.open, c)
}

// follow is what net/http tells of a connection.
func (all *connections) follow(conn net.Conn, state http.ConnState) {
	c := portConnOf(conn)
	switch state {
	case http.StateActive:
		c.begin()
	case http.StateIdle:
		c.rest()
	case http.StateHijacked:
		all.forget(c) // who closes it closes what is below
	}
}

// stop gives requests that have not arrived, and clients that do not read, only
// a moment more.
func (all *connections) stop() {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.cut = time.Now().Add(all.limits.arrival)
	for c := range all.open {
		c.Conn.SetWriteDeadline(earlier(c.writeBy, all.cut))
	}
	for e := all.owing.Front(); e != nil; e = e.Next() {
		c := e.Value.(*portConn)
		c.setReadDeadline(c.readBy)
	}
}

func (all *connections) stopping() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return !all.cut.IsZero()
}

// connKey is the context key of a request's connection.
type connKey struct{}

// introduce puts a connection into the context of its requests.
func introduce(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, portConnOf(conn))
}

// portConnOf finds the port's connection below that of TLS.
func portConnOf(conn net.Conn) *portConn {
	if c, ok := conn.(*portConn); ok {
		return c
	}
	return portConnOf(conn.(interface{ NetConn() net.Conn }).NetConn())
}
