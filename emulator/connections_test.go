package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// crowd are connections without a server, named by their ends.
type crowd struct {
	*connections
	t    *testing.T
	ends map[string]net.Conn // the client's
	of   map[string]*portConn
}

func newCrowd(t *testing.T, most int) *crowd {
	return &crowd{newConnections(usualLimits, most), t, map[string]net.Conn{}, map[string]*portConn{}}
}

func (c *crowd) come(name string) {
	here, there := net.Pipe()
	c.ends[name], c.of[name] = here, c.add(there, false)
}

// closed are the names of the connections that the server has closed.
func (c *crowd) closed(names ...string) (closed string) {
	for _, name := range names {
		c.ends[name].SetReadDeadline(time.Now()) // a closed pipe says so first
		if _, err := c.ends[name].Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			closed += name
		}
	}
	return closed
}

func TestTheOldestSilentConnectionMakesRoom(t *testing.T) {
	c := newCrowd(t, 5)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		c.come(name)
	}
	for _, name := range []string{"c", "b", "d"} {
		c.follow(c.of[name], http.StateActive)
	}
	c.follow(c.of["d"], http.StateIdle)
	c.follow(c.of["b"], http.StateIdle)
	c.of["a"].expect(time.Time{}) // something came from it
	all := []string{"a", "b", "c", "d", "e"}
	for i, want := range []string{"d", "bd", "bde", "abde"} { // c is at work
		c.come(fmt.Sprint(i))
		if closed := c.closed(all...); closed != want {
			t.Errorf("after %d more %q are closed, want %q", i+1, closed, want)
		}
	}
}

// TestACrowdAtWorkIsNotClosed: there is some reserve for who comes then.
func TestACrowdAtWorkIsNotClosed(t *testing.T) {
	c := newCrowd(t, 1)
	c.come("a")
	c.follow(c.of["a"], http.StateActive)
	c.come("b")
	if closed := c.closed("a", "b"); closed != "" {
		t.Errorf("%q are closed", closed)
	}
}

func TestAConnectionIsForgottenOnce(t *testing.T) {
	c := newCrowd(t, 0)
	c.come("a")
	c.come("b")
	c.of["a"].Close()
	c.of["a"].Close()
	c.of["a"].expect(time.Time{}) // by a call that has not noticed yet
	c.follow(c.of["b"], http.StateHijacked)
	if len(c.open) != 0 || c.idle.Len() != 0 || c.owing.Len() != 0 {
		t.Errorf("%d %d %d", len(c.open), c.idle.Len(), c.owing.Len())
	}
}

// few is how many descriptors the server of a test may have.
const few = 256

// TestServeForAnotherProcess is no test: it is the server of the next one, until
// its input ends.
func TestServeForAnotherProcess(t *testing.T) {
	if os.Getenv("ALIKMS_TEST_SERVE") == "" {
		t.Skip("it serves the test of few descriptors")
	}
	s := newTestServer(t)
	l := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	fmt.Printf("serving %s %d\n", l.Addr(), descriptorLimit())
	if err := s.Serve(ctx, Ports{HTTP: l}); err != nil {
		t.Error(err)
	}
}

// serveWithFew serves in a process of few descriptors, and gives the address.
func serveWithFew(t *testing.T) string {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell to lower the limit with")
	}
	child := exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" -test.run='^TestServeForAnotherProcess$'`, few), os.Args[0])
	child.Env = append(os.Environ(), "ALIKMS_TEST_SERVE=1")
	in, _ := child.StdinPipe()
	out, _ := child.StdoutPipe()
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	words := strings.Fields(line)
	if len(words) != 3 || words[0] != "serving" || words[2] != fmt.Sprint(few) {
		t.Fatalf("the child says %q", line)
	}
	return words[1]
}

// TestHealthAnswersWhateverTheCrowd: idle and stalled connections are more than
// there are descriptors.
func TestHealthAnswersWhateverTheCrowd(t *testing.T) {
	address := serveWithFew(t)
	for i := range 450 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		switch i % 3 {
		case 0: // idle
			io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
				t.Fatal(i, err)
			}
		case 1: // a header stalls
			io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: loc")
		case 2: // a body stalls
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\nAction=")
		}
		if i%50 == 0 {
			healthy(t, address)
		}
	}
	healthy(t, address)
}

func healthy(t *testing.T, address string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	r, err := client.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("healthz answers %d", r.StatusCode)
	}
}
