package emulator

import (
	"context"
	"errors"
)

// smallHeader is what every header may have, however many there are. Only SDKs
// that send large values in the URL need more.
const smallHeader = 64 << 10

// errCrowded closes a connection: before a header is whole there is no request
// to answer.
var errCrowded = errors.New("the large headers in flight fill the room for them")

// charge takes room for some more bytes of a header, and waits a while for it.
func (c *portConn) charge(n int64) error {
	more := c.grow(n)
	if more == 0 {
		return nil
	}
	if c.all.headers.take(context.Background(), more, c.all.limits.room) != nil {
		return errCrowded
	}
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.held += more
	if _, open := c.all.open[c]; !open {
		c.letGo() // it was closed meanwhile
	}
	return nil
}

// grow counts bytes that arrive, and returns how many of them are to be charged:
// none of a body.
func (c *portConn) grow(n int64) int64 {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.active {
		return 0
	}
	c.header += n
	return max(0, min(n, c.header-smallHeader))
}

// letGo gives back what the header took. all.mu is held.
func (c *portConn) letGo() {
	c.all.headers.give(c.held)
	c.header, c.held = 0, 0
}

// begin says that the header is whole. It stays in memory until the answer.
func (c *portConn) begin() {
	c.all.mu.Lock()
	c.active = true
	c.all.mu.Unlock()
	c.arrived()
}

// rest says that the answer was sent.
func (c *portConn) rest() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.active = false
	c.letGo()
	c.await(&c.all.idle)
}
