package emulator

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// narrow leaves large headers a little room.
func narrow(s *Server) { s.limits.headers = 64 << 10 }

const (
	largeHeader = "GET /?Action=ListKeys&Padding="
	headerEnd   = " HTTP/1.1\r\nHost: localhost\r\n\r\n"
)

// padding is more than half of the room, beside what every header may have.
var padding = strings.Repeat("p", 100<<10)

func TestLargeHeadersHaveABound(t *testing.T) {
	inBubble(t, narrow, func(b *bubble) {
		first := b.dial(b.plain)
		io.WriteString(first, largeHeader+padding)
		synctest.Wait()
		second := b.dial(b.plain)
		began := time.Now()
		io.WriteString(second, largeHeader+padding) // fails where the server closes
		if second.closedAfter(); time.Since(began) != 500*time.Millisecond {
			t.Errorf("beside one that fills the room: closed after %v", time.Since(began))
		}
		if a := b.list(); a.status != 200 {
			t.Errorf("a small one: %d %s", a.status, a.body)
		}
		io.WriteString(first, headerEnd)
		if a := first.answer(); a.status != 200 {
			t.Errorf("the one that filled the room: %d %s", a.status, a.body)
		}
	})
}

func TestRoomOfLargeHeadersIsGivenBack(t *testing.T) {
	inBubble(t, narrow, func(b *bubble) {
		kept := b.dial(b.plain)
		for range 3 {
			io.WriteString(kept, largeHeader+padding+headerEnd)
			if a := kept.answer(); a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			left := b.dial(b.plain)
			io.WriteString(left, largeHeader+padding)
			left.Close()
			synctest.Wait()
		}
	})
}
