// Package emulatortest runs an emulator of Alibaba Cloud KMS inside a Go test:
// a server of its own on a free port, which stops with the test. The test
// arranges it and asks it what happened; the code under test is given its
// address and speaks to it over HTTP, through whatever SDK it uses.
//
// Each [Start] is an emulator of its own: parallel tests share nothing.
//
// What is wrong ends the test with t.Fatal, so methods of [Emulator] are for the
// goroutine of the test. The code under test may run in any.
package emulatortest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// Region and account where a scenario does not say, as with the flags of alikms.
const (
	defaultRegion  = "cn-hangzhou"
	defaultAccount = "1234567890123456"
)

// journalSize is more requests than a test makes that looks at each.
const journalSize = 10_000

// Emulator is an emulator that runs for a test.
type Emulator struct {
	Endpoint string // as SDKs want it: "127.0.0.1:43210"
	URL      string // "http://127.0.0.1:43210"

	t        testing.TB
	server   *emulator.Server
	failNext atomic.Int64 // rules made by FailNext
}

// Start starts an emulator: ready, on a free port of the loopback address, and
// empty unless options say what is in it. It stops with t, after the clean-ups
// that t is given later; calls that are under way then are dropped. Internal
// errors go to the log of t.
func Start(t testing.TB, options ...Option) *Emulator {
	t.Helper()
	document, err := documentOf(t.TempDir, options)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, document)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &listener{Listener: tcp}
	ctx, stop := context.WithCancel(context.Background()) // t.Context ends before the clean-ups
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, emulator.Ports{HTTP: listener}) }()
	t.Cleanup(func() {
		stop()
		listener.closeConnections()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	address := listener.Addr().String()
	return &Emulator{Endpoint: address, URL: "http://" + address, t: t, server: server}
}

// listener remembers its connections. A stop gives those that have no request yet
// a quarter of a second, and clients that call in parallel have some in store.
type listener struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

func (l *listener) closeConnections() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		conn.Close()
	}
}

// newServer makes a server with a store of its own, and closes both with t.
func newServer(t testing.TB, document *fixtures.Document) *emulator.Server {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	server, err := emulator.New(emulator.Options{
		Store:    st,
		Scenario: document,
		Region:   defaultRegion,
		Account:  defaultAccount,
		Journal:  journalSize,
		Log:      slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(errors.Join(err, st.Close()))
	}
	t.Cleanup(func() {
		server.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}
