package emulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/wire"
)

// body is the body of a request. Its client has to keep on sending, and it is
// charged for what has arrived: what is only announced takes no room.
type body struct {
	io.ReadCloser
	context context.Context
	conn    *portConn
	by      time.Time // when it has to be there
	room    *room     // that it is charged to
	held    int64     // of it
	awaited bool      // conn expects more of it already
	crowded bool      // it was refused for want of room
	given   bool      // it was given up by a stop
}

// bounded holds bodies to the limits. Its requests come over a portConn.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		conn := r.Context().Value(connKey{}).(*portConn)
		b := &body{ReadCloser: r.Body, context: r.Context(), conn: conn, by: time.Now().Add(conn.all.limits.body), room: conn.all.bodies}
		if r.URL.Path == scenarioPath {
			b.room = conn.all.puts // a large one is not to keep calls out
		}
		conn.expect(b.by) // also for who does not read it: net/http does then
		b.awaited = true
		r.Body = b
		b.serve(next, w, r)
	})
}

func (b *body) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	defer b.release()
	next.ServeHTTP(w, r)
	switch {
	case b.given:
		panic(http.ErrAbortHandler) // closes the connection; an answer would have to wait for its client
	case b.crowded:
		// Many clients read no answer before all is sent.
		b.release()
		io.CopyN(io.Discard, arriving{b}, wire.MaxBody)
	}
}

// Read tells errors that the client is to know as those of kmserr: 408 says to
// who debugs a slow network what a closed connection does not, and 503 with the
// service's code of a passing failure makes SDKs try again.
func (b *body) Read(p []byte) (int, error) {
	n, err := arriving{b}.Read(p)
	switch {
	case b.charge(int64(n)) != nil:
		b.crowded = true
		return 0, kmserr.ServiceUnavailableTemporary
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.given = b.conn.all.stopping()
		return n, kmserr.RequestTimeout
	}
	return n, err
}

// charge takes room for some more bytes, and waits a while for it.
func (b *body) charge(n int64) error {
	if err := b.room.take(b.context, n, b.conn.all.limits.room); err != nil {
		return err
	}
	b.held += n
	return nil
}

// release gives back what the body was charged.
func (b *body) release() {
	b.room.give(b.held)
	b.held = 0
}

// arriving is a body of which only the time is limited.
type arriving struct{ *body }

func (a arriving) Read(p []byte) (int, error) {
	if !a.awaited {
		a.conn.expect(a.by)
	}
	a.awaited = false
	n, err := a.ReadCloser.Read(p)
	if err == io.EOF {
		a.conn.arrived()
	}
	return n, err
}
