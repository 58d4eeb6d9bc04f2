package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// streamRequests answers GET /_emulator/requests/stream: server-sent events, as
// browsers and curl -N read them.
//
//	event: request       an entry of the journal as its data
//	event: dropped       how many entries were lost here, as its data
//
// It ends with its client, or with the server.
func (s *Server) streamRequests(w http.ResponseWriter, r *http.Request) {
	q, err := s.query(r.URL.RawQuery)
	if err != nil {
		s.refuseControl(w, r, err)
		return
	}
	l, before, err := s.journal.follow(q)
	if err != nil {
		s.refuseControl(w, r, err)
		return
	}
	defer s.journal.leave(l)
	if conn, ok := r.Context().Value(connKey{}).(*portConn); ok {
		conn.bear(true) // a page that sleeps loses entries, not the stream
		defer conn.bear(false)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	events := eventWriter{w: w, flush: http.NewResponseController(w).Flush}
	ctx, end := context.WithCancel(r.Context())
	defer context.AfterFunc(s.running, end)()
	defer end()
	if events.tell(before, 0) == nil {
		l.pass(ctx, events.tell)
	}
}

// eventWriter writes entries as server-sent events.
type eventWriter struct {
	w     http.ResponseWriter
	flush func() error
	text  bytes.Buffer
}

// enoughEvents is what is written at once, in bytes.
const enoughEvents = 64 << 10

// tell writes entries, then how many were lost after them.
func (e *eventWriter) tell(entries []Call, lost int) error {
	for i := range entries {
		text, err := json.Marshal(&entries[i])
		if err != nil {
			return err
		}
		fmt.Fprintf(&e.text, "event: request\ndata: %s\n\n", text)
		if e.text.Len() >= enoughEvents {
			if err := e.write(); err != nil {
				return err
			}
		}
	}
	if lost > 0 {
		fmt.Fprintf(&e.text, "event: dropped\ndata: %d\n\n", lost)
	}
	return e.write()
}

// write sends what was gathered; with nothing, at least the header.
func (e *eventWriter) write() error {
	_, err := e.text.WriteTo(e.w)
	if err != nil {
		return err
	}
	return e.flush()
}
