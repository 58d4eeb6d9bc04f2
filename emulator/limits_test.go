package emulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alikms/alikms/store"
)

// pipes is a port without a network, so that a test can have a time of its own.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// bubble is an emulator that is served over pipes, in a time of its own.
type bubble struct {
	*Server
	t             *testing.T
	plain, secure pipes
	stop          context.CancelFunc
	ended         chan error
}

// inBubble runs a test on an empty emulator. change sets it up before it serves.
func inBubble(t *testing.T, change func(*Server), test func(*bubble)) {
	st, err := store.Open(filepath.Join(t.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ca := newTestCA(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{Store: st, Region: "cn-hangzhou", Account: "1234567890123456", Journal: 10, CA: ca})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		change(s)
		ctx, stop := context.WithCancel(t.Context())
		b := &bubble{s, t, make(pipes), make(pipes), stop, make(chan error, 1)}
		done := make(chan struct{})
		go func() {
			b.ended <- s.Serve(ctx, Ports{HTTP: b.plain, HTTPS: b.secure})
			close(done)
		}()
		defer func() { stop(); <-done }()
		test(b)
	})
}

func unchanged(*Server) {}

// talk is a client's connection.
type talk struct {
	net.Conn
	t       *testing.T
	answers *bufio.Reader
	closing bool // the last answer said so
}

func (b *bubble) dial(port pipes) *talk {
	here, there := net.Pipe()
	port <- there
	return &talk{Conn: here, t: b.t, answers: bufio.NewReader(here)}
}

// post dials, and sends the header and the beginning of a form of a length.
func (b *bubble) post(path string, length int, form string) *talk {
	c := b.dial(b.plain)
	c.post(path, length, form)
	return c
}

func (c *talk) post(path string, length int, form string) {
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path, length, form)
}

// answer reads the next answer.
func (c *talk) answer() testAnswer {
	c.t.Helper()
	r, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.closing = r.Close
	return testAnswer{status: r.StatusCode, header: r.Header, body: string(body)}
}

// closedAfter returns how long it takes until the server closes the connection,
// and what it sends before.
func (c *talk) closedAfter() (time.Duration, string) {
	c.t.Helper()
	began := time.Now()
	sent, err := io.ReadAll(c.answers)
	if err != nil {
		c.t.Fatal(err)
	}
	return time.Since(began), string(sent)
}

const listKeys = "Action=ListKeys"

func TestAConnectionIsClosedWhenItIsIdle(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		c := b.post("/", len(listKeys), listKeys)
		if a := c.answer(); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if after, sent := c.closedAfter(); after != 5*time.Minute || sent != "" {
			t.Errorf("closed after %v with %q", after, sent)
		}
	})
}

func TestAHeaderHasToArrive(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		for _, header := range []string{"", "POST / HTTP/1.1\r\nHost: local"} {
			c := b.dial(b.plain)
			io.WriteString(c, header)
			if after, sent := c.closedAfter(); after != 30*time.Second || sent != "" {
				t.Errorf("%q: closed after %v with %q", header, after, sent)
			}
		}
	})
}

func TestATLSHandshakeHasToArrive(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		for _, hello := range []string{"", "\x16\x03\x01"} {
			c := b.dial(b.secure)
			io.WriteString(c, hello)
			if after, sent := c.closedAfter(); after != 30*time.Second || sent != "" {
				t.Errorf("%q: closed after %v with %q", hello, after, sent)
			}
		}
	})
}

func TestABodyThatStallsIsAnswered(t *testing.T) {
	for path, told := range map[string]string{"/": `"Code":"RequestTimeout"`, "/_emulator/clock/advance": "did not arrive in time", "/nowhere": "InvalidAction.NotFound"} {
		inBubble(t, unchanged, func(b *bubble) {
			began := time.Now()
			c := b.post(path, 100, "Action=")
			a := c.answer()
			if after := time.Since(began); after != 30*time.Second {
				t.Errorf("%s: answered after %v", path, after)
			}
			if !strings.Contains(a.body, told) || !c.closing || (a.status != 408) != (path == "/nowhere") {
				t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
			}
			c.closedAfter()
		})
	}
}

func TestABodyMayTrickle(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		c := b.post("/", len(listKeys), "")
		for i := range 10 { // 10 times 29 seconds are below the limit for the whole
			time.Sleep(29 * time.Second)
			io.WriteString(c, listKeys[i:i+1])
		}
		io.WriteString(c, listKeys[10:])
		if a := c.answer(); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestABodyMayNotTrickleForever(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		began := time.Now()
		c := b.post("/", 1000, "")
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for err := error(nil); err == nil; _, err = io.WriteString(c, "a") {
				time.Sleep(10 * time.Second)
			}
		}()
		if a := c.answer(); a.status != 408 || time.Since(began) != 5*time.Minute {
			t.Errorf("%d %s after %v", a.status, a.body, time.Since(began))
		}
		<-gone // the server has closed the connection
	})
}

// large answers with what fills no buffer on the way.
func large(s *Server) {
	s.router = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20)) })
}

func TestAnAnswerHasToBeRead(t *testing.T) {
	inBubble(t, large, func(b *bubble) {
		for _, port := range []pipes{b.plain, b.secure} {
			c := b.dial(port)
			var client net.Conn = c
			if port == b.secure {
				client = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
			}
			io.WriteString(client, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
			time.Sleep(30 * time.Second)
			synctest.Wait()
			if _, err := c.Conn.Write([]byte("x")); err != io.ErrClosedPipe {
				t.Errorf("after 30 s the connection is open: %v", err)
			}
		}
	})
}

func TestAnAnswerMayBeReadSlowly(t *testing.T) {
	inBubble(t, large, func(b *bubble) {
		c := b.dial(b.plain)
		io.WriteString(c, "GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		var total int64
		for range 65 {
			time.Sleep(29 * time.Second)
			n, _ := io.CopyN(io.Discard, c, 16<<10)
			total += n
		}
		if total < 1<<20 {
			t.Errorf("the answer ended after %d bytes", total)
		}
	})
}

// delayed is an emulator that delays every call by an hour.
func delayed(s *Server) {
	served(s, mustRequest("PUT", "http://localhost/_emulator/faults/hang", `{delay: 1h}`))
}

func mustRequest(method, url, body string) *http.Request {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return r
}

func TestAFaultMayDelayBeyondTheLimits(t *testing.T) {
	inBubble(t, delayed, func(b *bubble) {
		began := time.Now()
		c := b.post("/", len(listKeys), listKeys)
		if a := c.answer(); a.status != 200 || time.Since(began) != time.Hour {
			t.Errorf("%d %s after %v", a.status, a.body, time.Since(began))
		}
	})
}

// A stop waits for no body that stalls, whoever is to read it, and for no call
// that a fault delays.
func TestAStopCutsOffWhatDoesNotArrive(t *testing.T) {
	inBubble(t, delayed, func(b *bubble) {
		var clients []*talk
		for range 100 {
			clients = append(clients, b.post("/", 4<<20, "Action="), b.post("/", 100, ""), b.post("/nowhere", 100, ""), b.dial(b.plain), b.dial(b.secure))
		}
		clients = append(clients, b.post("/", len(listKeys), listKeys))
		synctest.Wait()
		began := time.Now()
		b.stop()
		if err := <-b.ended; err != nil || time.Since(began) > 600*time.Millisecond { // to arrive, then to read an answer
			t.Errorf("%v after %v", err, time.Since(began))
		}
		for _, c := range clients {
			if _, sent := c.closedAfter(); sent != "" {
				t.Fatalf("answered: %q", sent)
			}
		}
	})
}

func TestAStopCutsOffWhoDoesNotRead(t *testing.T) {
	inBubble(t, large, func(b *bubble) {
		c := b.dial(b.plain)
		io.WriteString(c, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
		synctest.Wait()
		began := time.Now()
		b.stop()
		if err := <-b.ended; err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// slow answers after a time, and when its client is gone.
func slow(d time.Duration) func(*Server) {
	return func(s *Server) {
		s.router = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			select {
			case <-time.After(d):
			case <-r.Context().Done():
			}
		})
	}
}

func TestAStopFinishesACallThatTakesLong(t *testing.T) {
	inBubble(t, slow(3*time.Second), func(b *bubble) {
		c := b.post("/slow", len(listKeys), listKeys)
		synctest.Wait()
		b.stop()
		if a := c.answer(); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if err := <-b.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAStopCutsOffWhatDoesNotEnd(t *testing.T) {
	inBubble(t, slow(time.Hour), func(b *bubble) {
		b.post("/slow", len(listKeys), listKeys)
		synctest.Wait()
		began := time.Now()
		b.stop()
		if err := <-b.ended; err != nil || time.Since(began) != 4*time.Second {
			t.Errorf("%v after %v, want none after 4s", err, time.Since(began))
		}
	})
}
