package emulator

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// event is one of a stream.
type event struct{ name, data string }

// nextEvent reads an event, which is two lines and an empty one.
func nextEvent(t testing.TB, r *bufio.Reader) event {
	t.Helper()
	var lines [3]string
	for i := range lines {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended: %v after %q", err, lines)
		}
		lines[i] = strings.TrimSuffix(line, "\n")
	}
	name, named := strings.CutPrefix(lines[0], "event: ")
	data, full := strings.CutPrefix(lines[1], "data: ")
	if !named || !full || lines[2] != "" {
		t.Fatalf("no event: %q", lines)
	}
	return event{name, data}
}

// stream opens a stream, which ends with the test.
func (s *testServer) stream(query string) *bufio.Reader {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+"/_emulator/requests/stream"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" || answer.Header.Get("Cache-Control") != "no-store" {
		s.t.Fatalf("%s %v", answer.Status, answer.Header)
	}
	return bufio.NewReader(answer.Body)
}

func TestAStreamTellsEachRequestAsItIsAnswered(t *testing.T) {
	s := newTestServer(t)
	s.do("ListKeys")
	events := s.stream("")
	for _, params := range []url.Values{form("ListKeys"), encryption(), form("NoSuchThing")} {
		a := s.call("", params)
		got := nextEvent(t, events)
		text, err := json.Marshal(s.entry(a))
		if err != nil {
			t.Fatal(err)
		}
		var want, had Call
		if json.Unmarshal(text, &want) != nil || json.Unmarshal([]byte(got.data), &had) != nil || fmt.Sprint(want) != fmt.Sprint(had) || got.name != "request" {
			t.Errorf("got %s\nwant %s", got, text)
		}
	}
}

func TestAStreamIsFilteredAndBeginsWithTheLatest(t *testing.T) {
	s := newTestServer(t)
	var before []string
	for range 3 {
		before = append(before, s.do("ListKeys").header.Get("x-acs-request-id"))
		s.do("ListAliases")
	}
	events := s.stream("?operation=ListKeys&limit=2")
	s.do("ListAliases")
	later := s.do("ListKeys").header.Get("x-acs-request-id")
	for _, want := range append(before[1:], later) {
		if got := nextEvent(t, events); !strings.Contains(got.data, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAStreamRefusesAQueryInTheShapeOfControls(t *testing.T) {
	s := newTestServer(t)
	s.expectControlError("GET", "requests/stream?state=200", 400)
	s.expectControlError("GET", "requests/stream?fault=none", 400)
	s.expectControlError("POST", "requests/stream", 405)
}

func TestAStreamIsLeftWithItsClientAndThereAreNoMoreThanSome(t *testing.T) {
	s := newTestServer(t)
	ctx, leave := context.WithCancel(t.Context())
	for range mostListeners {
		r, _ := http.NewRequestWithContext(ctx, "GET", s.url+"/_emulator/requests/stream", nil)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
	}
	s.expectControlError("GET", "requests/stream", 503)
	leave()
	untilFollowed(t, &s.journal, 0)
}

// untilFollowed returns when so many listeners are there.
func untilFollowed(t *testing.T, j *journal, listeners int) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); runtime.Gosched() {
		j.mu.Lock()
		n := len(j.listeners)
		j.mu.Unlock()
		if n == listeners {
			return
		}
	}
	t.Fatalf("there never were %d listeners", listeners)
}

// stuck is a client that takes nothing until it is told to.
type stuck struct {
	*httptest.ResponseRecorder
	blocked, on chan struct{}
}

func (w *stuck) Write(p []byte) (int, error) {
	select {
	case w.blocked <- struct{}{}:
	default:
	}
	<-w.on
	return w.ResponseRecorder.Write(p)
}

func TestASlowListenerLosesEntriesIsToldHowManyAndHoldsNobodyUp(t *testing.T) {
	calls := rounds(100_000, 10_000)
	s := bareServer(t, func(o *Options) { o.Journal = 1000 })
	list := func() { serve(s, form("DescribeRegions")) }
	ctx, leave := context.WithCancel(t.Context())
	w := &stuck{httptest.NewRecorder(), make(chan struct{}, 1), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "http://localhost/_emulator/requests/stream", nil))
		close(done)
	}()
	untilFollowed(t, &s.journal, 1)
	list()
	<-w.blocked // it takes the first, and hangs
	for range 2 * mostWaiting {
		list()
	}
	before := heap()
	for range calls {
		list()
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("after %d calls that a listener did not take %d bytes more are held", calls, grown)
	}
	leave()
	close(w.on)
	<-done
	told, lost := 0, 0
	for text := bufio.NewReader(w.Body); ; {
		if _, err := text.Peek(1); err != nil {
			break
		}
		if e := nextEvent(t, text); e.name == "request" {
			told++
		} else if n, err := strconv.Atoi(e.data); err == nil && e.name == "dropped" {
			lost += n
		}
	}
	if told < 100 || told > 2+mostWaiting || told+lost != 1+2*mostWaiting+calls {
		t.Errorf("of %d calls %d were told and %d lost", 1+2*mostWaiting+calls, told, lost)
	}
}

// openStream asks for a stream, and reads its header.
func (b *bubble) openStream() *talk {
	c := b.dial(b.plain)
	fmt.Fprint(c, "GET /_emulator/requests/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	r, err := http.ReadResponse(c.answers, nil)
	if err != nil || r.StatusCode != 200 {
		b.t.Fatal(r, err)
	}
	c.answers = bufio.NewReader(r.Body)
	return c
}

func TestAStreamMayBeSilentAndItsClientSlow(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		c := b.openStream()
		time.Sleep(3 * time.Hour) // nobody calls
		serve(b.Server, form("ListKeys"))
		time.Sleep(3 * time.Hour) // nobody reads
		serve(b.Server, form("ListAliases"))
		for _, want := range []string{"ListKeys", "ListAliases"} {
			if got := nextEvent(b.t, c.answers); !strings.Contains(got.data, want) {
				b.t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

func TestAStreamEndsWithTheServer(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		c := b.openStream()
		synctest.Wait()
		began := time.Now()
		b.stop()
		if rest, err := io.ReadAll(c.answers); err != nil || len(rest) > 0 {
			b.t.Errorf("the stream ended with %q, %v", rest, err)
		}
		if err := <-b.ended; err != nil || time.Since(began) > 50*time.Millisecond { // net/http looks once in a while
			b.t.Errorf("the server stopped after %s: %v", time.Since(began), err)
		}
	})
}

func TestAStreamThatNobodyReadsDoesNotHoldUpAStop(t *testing.T) {
	inBubble(t, unchanged, func(b *bubble) {
		b.openStream()
		serve(b.Server, form("ListKeys"))
		synctest.Wait() // the event is being written
		began := time.Now()
		b.stop()
		if err := <-b.ended; err != nil || time.Since(began) > b.limits.arrival+100*time.Millisecond {
			b.t.Errorf("the server stopped after %s: %v", time.Since(began), err)
		}
	})
}

func TestFollowTellsOfCallsUntilItIsEnded(t *testing.T) {
	s := newTestServer(t)
	ctx, end := context.WithCancel(t.Context())
	told := make(chan string, 10)
	ended := s.Follow(ctx, func(calls []Call, lost int) error {
		for _, c := range calls {
			told <- c.Operation
		}
		return nil
	})
	s.do("ListKeys")
	s.do("ListAliases")
	if got := []string{<-told, <-told}; !slices.Equal(got, []string{"ListKeys", "ListAliases"}) {
		t.Errorf("told of %v", got)
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
