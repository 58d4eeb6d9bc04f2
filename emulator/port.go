package emulator

import (
	"bytes"
	"container/list"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/wire"
)

// port is a listener that tells clients of the other protocol so. Without it a
// TLS client of a plain port waits for an answer, the Go SDK for ever; and what
// net/http says to a plain client of a TLS port has no Content-Type.
type port struct {
	net.Listener
	secure bool
	all    *connections
}

// Accept leaves reading to the connection's own goroutine.
func (p port) Accept() (net.Conn, error) {
	for {
		conn, err := p.Listener.Accept()
		if err == nil {
			return p.all.add(conn, p.secure), nil
		}
		if !outOfDescriptors(err) || !p.all.closeSilent() {
			return nil, err
		}
	}
}

// portConn is a connection of a port. It limits how long its client may be
// silent, below TLS and net/http.
type portConn struct {
	net.Conn
	secure bool
	begun  bool // the first byte was seen
	all    *connections

	// Guarded by all.mu.
	active bool       // from the end of a header to that of the answer
	header int64      // bytes that arrived of a header
	held   int64      // of them, of all.headers
	silent *list.List // the one it is in; nil: its client owes nothing
	place  *list.Element
	// The deadlines that were set, before the limits shorten them.
	readBy, writeBy time.Time
	broken          error // a write failed, in the middle it may be
	patient         bool  // its client may take as long as it likes for an answer
}

// NetConn is the connection below, as with tls.Conn.
func (c *portConn) NetConn() net.Conn { return c.Conn }

func (c *portConn) Close() error {
	c.all.forget(c)
	return c.Conn.Close()
}

// await moves a connection to the end of a list of the silent, or, nil, out of
// them. all.mu is held.
func (c *portConn) await(in *list.List) {
	if _, open := c.all.open[c]; !open {
		return
	}
	if in != nil && c.silent == in {
		in.MoveToBack(c.place)
		return
	}
	if c.silent != nil {
		c.silent.Remove(c.place)
	}
	if c.silent = in; in != nil {
		c.place = in.PushBack(c)
	}
}

// expect gives the client a while to send some more of a request that has to be
// there by a time.
func (c *portConn) expect(by time.Time) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.await(&c.all.owing)
	c.setReadDeadline(earlier(by, time.Now().Add(c.all.limits.stall)))
}

// arrived says that the client owes nothing more. The deadline of a stop would
// end the call: net/http reads on, to notice when the client leaves.
func (c *portConn) arrived() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.await(nil)
	c.setReadDeadline(time.Time{})
}

// SetReadDeadline gives a client that owes something no longer than a stop does.
func (c *portConn) SetReadDeadline(by time.Time) error {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	return c.setReadDeadline(by)
}

func (c *portConn) setReadDeadline(by time.Time) error {
	c.readBy = by
	if c.silent == &c.all.owing {
		by = earlier(by, c.all.cut)
	}
	return c.Conn.SetReadDeadline(by)
}

// SetWriteDeadline is remembered, for each write has a limit of its own.
func (c *portConn) SetWriteDeadline(by time.Time) error {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.writeBy = by
	return c.Conn.SetWriteDeadline(by)
}

// writePiece is what a client has to take within the limit for a stall: as much
// as a record of TLS.
const writePiece = 16 << 10

// Write ends when the client takes nothing for a while, however long the whole
// may take. Nothing limits the time between two writes: a fault delays an
// answer, and a stream has to wait for what it tells.
func (c *portConn) Write(p []byte) (written int, err error) {
	for err == nil && written < len(p) {
		if err = c.limitWrite(); err != nil {
			break
		}
		var n int
		n, err = c.Conn.Write(p[written:min(len(p), written+writePiece)])
		written += n
	}
	if err != nil {
		c.breakOff(err)
	}
	return written, err
}

// limitWrite sets the deadline of a write. Its error is that of the write which
// failed before: the farewell of TLS would only wait once more.
func (c *portConn) limitWrite() error {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	by := time.Now().Add(c.all.limits.stall)
	switch {
	case !c.all.cut.IsZero():
		by = time.Now().Add(c.all.limits.arrival)
	case c.patient:
		by = time.Time{}
	}
	c.Conn.SetWriteDeadline(earlier(c.writeBy, by))
	return c.broken
}

// bear lets the client take as long as it likes for an answer, but for a stop; or
// no longer.
func (c *portConn) bear(patient bool) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.patient = patient
}

func (c *portConn) breakOff(err error) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.broken = err
}

// handshake is the first byte of a TLS client, and of no HTTP client (RFC 8446, 5.1).
const handshake = 0x16

// Read looks at the first byte that arrives.
func (c *portConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 {
		return n, err
	}
	if !c.begun && c.secure != (p[0] == handshake) {
		// net/http logs this on a TLS port, and adds no answer of its own.
		return 0, c.failed(c.refuse())
	}
	c.begun = true
	if crowded := c.charge(int64(n)); crowded != nil {
		return 0, c.failed(crowded)
	}
	return n, err
}

// failed is the error of a read that net/http does not answer.
func (c *portConn) failed(err error) error {
	return &net.OpError{Op: "read", Net: "tcp", Addr: c.LocalAddr(), Err: err}
}

// The refusals of a port. The first code is the service's; TLS clients read no
// body, but they tell HTTP from TLS.
var (
	errNeedsTLS   = &kmserr.Error{Status: http.StatusBadRequest, Code: "InvalidProtocol.NeedSsl", Message: "This port of alikms speaks HTTPS: use https, or the port for plain HTTP."}
	errNeedsPlain = &kmserr.Error{Status: http.StatusBadRequest, Code: "InvalidProtocol.NeedHttp", Message: "This port of alikms speaks plain HTTP: use http, or the port for HTTPS."}
)

// refusalLimit bounds the talk with a client that came to the wrong port.
const refusalLimit = time.Second

// refuse answers in plain HTTP: that is what plain clients understand, and what
// makes TLS clients say which protocol they met.
func (c *portConn) refuse() error {
	refused := errNeedsPlain
	if c.secure {
		refused = errNeedsTLS
	}
	a := wire.NewAnswer(&wire.Request{HTTP: &http.Request{}}, uuid.NewString(), nil, refused)
	response := http.Response{StatusCode: a.Status, ProtoMajor: 1, ProtoMinor: 1, Header: a.Header, Close: true,
		ContentLength: int64(len(a.Body)), Body: io.NopCloser(bytes.NewReader(a.Body))}
	c.SetDeadline(time.Now().Add(refusalLimit))
	if response.Write(c.Conn) == nil {
		io.Copy(io.Discard, c.Conn) // a close with unread bytes is a reset, which can overtake the answer
	}
	return refused
}
