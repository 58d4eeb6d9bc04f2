package emulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/wire"
)

const (
	// stopLimit is what a stop gives to requests under way. Container engines
	// kill after ten seconds.
	stopLimit = 8 * time.Second
	// firstRequestLimit is what a stop gives to connections that have not sent
	// a request yet; http.Server.Shutdown by itself waits for them for five
	// seconds.
	firstRequestLimit = 250 * time.Millisecond
	// refusalLimit bounds the talk with a client that came to the wrong port.
	refusalLimit = time.Second
)

// Ports are where clients reach an emulator.
type Ports struct {
	HTTP  net.Listener
	HTTPS net.Listener // nil: off
	// Control serves the controls, and keeps them off the others; nil: all serve them.
	Control net.Listener
	// Certificate is shown to every client of HTTPS; nil: the CA of the Options,
	// required then, makes one for each server name.
	Certificate *tls.Certificate
}

// close ends listening on ports that the server may not have come to yet.
func (p Ports) close() {
	for _, l := range []net.Listener{p.HTTP, p.HTTPS, p.Control} {
		if l != nil {
			l.Close()
		}
	}
}

// Serve answers on the ports until ctx ends. Then it drops the calls that a
// fault delays, finishes what else is under way, and returns nil.
func (s *Server) Serve(ctx context.Context, p Ports) error {
	web := s.web(p.Certificate)
	web.Handler, web.BaseContext = apart(s), p.mark
	var fresh sync.Map // connections that have not sent a request yet
	web.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			fresh.Store(c, nil)
		} else {
			fresh.Delete(c)
		}
	}
	ended := make(chan error, 3)
	go func() { ended <- web.Serve(port{p.HTTP, false}) }()
	if p.HTTPS != nil {
		go func() { ended <- web.ServeTLS(port{p.HTTPS, true}, "", "") }()
	}
	if p.Control != nil {
		go func() { ended <- web.Serve(port{p.Control, false}) }()
	}
	select {
	case err := <-ended:
		p.close()
		return errors.Join(err, web.Close())
	case <-ctx.Done():
	}
	s.Stop()
	fresh.Range(func(c, _ any) bool {
		c.(net.Conn).SetReadDeadline(time.Now().Add(firstRequestLimit))
		return true
	})
	return s.finish(web)
}

// web makes the HTTP server. It speaks HTTP/1.1 only, for an HTTP/2 connection
// cannot be reset by a fault.
func (s *Server) web(own *tls.Certificate) *http.Server {
	web := &http.Server{
		Handler:           s,
		MaxHeaderBytes:    wire.MaxBody, // SDKs send large values in the URL
		ReadHeaderTimeout: time.Minute,
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
		// net/http answers OPTIONS * by itself, with an empty body.
		DisableGeneralOptionsHandler: true,
	}
	web.Protocols.SetHTTP1(true)
	switch {
	case own != nil:
		web.TLSConfig.Certificates = []tls.Certificate{*own}
	case s.ca != nil:
		web.TLSConfig.GetCertificate = s.certificate
	}
	return web
}

// certificate asks the CA, and tells the log of names that it refuses.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	found, err := s.ca.certificate(hello)
	if found == nil && err == nil {
		s.log.Warn(refusedName, "name", hello.ServerName)
	}
	return found, err
}

// finish waits for the requests under way.
func (s *Server) finish(web *http.Server) error {
	limit, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	err := web.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut off by the stop", "after", stopLimit)
		return web.Close()
	}
	return err
}

// port is a listener that tells clients of the other protocol so. Without it a
// TLS client of a plain port waits for an answer, the Go SDK for ever; and what
// net/http says to a plain client of a TLS port has no Content-Type.
type port struct {
	net.Listener
	secure bool
}

// Accept leaves reading to the connection's own goroutine.
func (p port) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &portConn{Conn: conn, secure: p.secure}, nil
}

type portConn struct {
	net.Conn
	secure bool
	begun  bool // the first byte was seen
}

// NetConn is the connection below, as with tls.Conn.
func (c *portConn) NetConn() net.Conn { return c.Conn }

// handshake is the first byte of a TLS client, and of no HTTP client (RFC 8446, 5.1).
const handshake = 0x16

// Read looks at the first byte that arrives.
func (c *portConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.begun || n == 0 {
		return n, err
	}
	c.begun = true
	if c.secure == (p[0] == handshake) {
		return n, err
	}
	// net/http logs this on a TLS port, and adds no answer of its own.
	return 0, &net.OpError{Op: "read", Net: "tcp", Addr: c.LocalAddr(), Err: c.refuse()}
}

// The refusals of a port. The first code is the service's; TLS clients read no
// body, but they tell HTTP from TLS.
var (
	errNeedsTLS   = &kmserr.Error{Status: http.StatusBadRequest, Code: "InvalidProtocol.NeedSsl", Message: "This port of alikms speaks HTTPS: use https, or the port for plain HTTP."}
	errNeedsPlain = &kmserr.Error{Status: http.StatusBadRequest, Code: "InvalidProtocol.NeedHttp", Message: "This port of alikms speaks plain HTTP: use http, or the port for HTTPS."}
)

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
