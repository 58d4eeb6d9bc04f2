package emulator

import (
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// cramped leaves the bodies in flight a hundred bytes.
func cramped(s *Server) { s.limits.bodies = 100 }

// half is the beginning of a form that fills most of the room.
const half = listKeys + "&Padding=" + "0123456789012345678901234567890123456789012345678901234567890123456789" // 94 bytes

// list sends a whole call over a connection of its own.
func (b *bubble) list() testAnswer {
	b.t.Helper()
	c := b.post("/", len(listKeys), listKeys)
	defer c.Close()
	return c.answer()
}

func TestWhatIsOnlyAnnouncedTakesNoRoom(t *testing.T) {
	inBubble(t, cramped, func(b *bubble) {
		for range 20 {
			defer b.post("/", 4<<20, "").Close()
		}
		synctest.Wait()
		if a := b.list(); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestBodiesInFlightHaveABound(t *testing.T) {
	inBubble(t, cramped, func(b *bubble) {
		first := b.post("/", len(half)+1, half)
		synctest.Wait()
		began := time.Now()
		c := b.post("/", len(listKeys), listKeys)
		if a := c.answer(); a.status != 503 || !strings.Contains(a.body, `"Code":"ServiceUnavailableTemporary"`) || time.Since(began) != 500*time.Millisecond {
			t.Errorf("beside a body that fills the room: %d %s after %v", a.status, a.body, time.Since(began))
		}
		io.WriteString(first, "0")
		if a := first.answer(); a.status != 200 {
			t.Errorf("the body that filled the room: %d %s", a.status, a.body)
		}
		c.post("/", len(listKeys), listKeys) // over the connection of the refused one
		if a := c.answer(); a.status != 200 {
			t.Errorf("after it: %d %s", a.status, a.body)
		}
	})
}

func TestABodyWaitsForRoom(t *testing.T) {
	inBubble(t, cramped, func(b *bubble) {
		first := b.post("/", len(half)+1, half)
		synctest.Wait()
		c := b.post("/", len(listKeys), listKeys)
		synctest.Wait()
		io.WriteString(first, "0")
		first.answer()
		if a := c.answer(); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// A client that reads no answer before it has sent all, as most do, is told
// too. Pipes hold nothing: what the server does not read is not sent.
func TestARefusedBodyIsReadToItsEnd(t *testing.T) {
	inBubble(t, cramped, func(b *bubble) {
		for _, path := range []string{"/", "/_emulator/clock/advance"} {
			body := strings.Repeat("a", 1<<20)
			if a := b.post(path, len(body), body).answer(); a.status != 503 {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
			if a := b.list(); a.status != 200 {
				t.Errorf("%s: the room is not given back: %d %s", path, a.status, a.body)
			}
		}
	})
}

// TestRoomIsGivenBack: whatever becomes of a call, its body leaves.
func TestRoomIsGivenBack(t *testing.T) {
	inBubble(t, cramped, func(b *bubble) {
		for _, fault := range []string{"{error: InternalFailure}", "{connection: reset}", "{connection: truncate, phase: after}"} {
			if a := served(b.Server, mustRequest("PUT", "http://localhost/_emulator/faults/f", fault)); a.status != 200 {
				t.Fatal(a.body)
			}
			for range 3 {
				c := b.post("/", len(half), half)
				io.Copy(io.Discard, io.LimitReader(c, 1))
				c.Close()
			}
		}
		served(b.Server, mustRequest("DELETE", "http://localhost/_emulator/faults/f", ""))
		synctest.Wait()
		c := b.post("/", len(half), half)
		if a := c.answer(); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// TestTheJournalHoldsNoBodies: what it keeps of a request is part of the body,
// which would stay whole in memory for as long.
func TestTheJournalHoldsNoBodies(t *testing.T) {
	long(t)
	s := bareServer(t, func(o *Options) { o.Journal = 1000 })
	const requests, size = 64, 1 << 20
	before := heap()
	for range requests {
		params := url.Values{"Action": {strings.Repeat("a", 200)}, "AccessKeyId": {strings.Repeat("b", 200)}, "KeyId": {strings.Repeat("c", 200)}}
		params.Set("Padding", strings.Repeat("p", size))
		if a := serve(s, params); a.status != http.StatusNotFound {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if grown := heap() - before; grown > requests*size/4 {
		t.Errorf("after %d requests of %d bytes %d bytes are held", requests, size, grown)
	}
	if calls, _ := s.journal.find(query{}); len(calls) != requests {
		t.Errorf("the journal has %d requests", len(calls))
	}
}

// heap is what is in use after a collection.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
