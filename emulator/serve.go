package emulator

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/alikms/alikms/emulator/internal/wire"
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
	all := newConnections(s.limits, mostConnections())
	web := s.web(p.Certificate)
	web.Handler, web.BaseContext = apart(bounded(s)), p.mark
	web.ConnContext, web.ConnState = introduce, all.follow
	ended := make(chan error, 3)
	go func() { ended <- web.Serve(port{p.HTTP, false, all}) }()
	if p.HTTPS != nil {
		go func() { ended <- web.ServeTLS(port{p.HTTPS, true, all}, "", "") }()
	}
	if p.Control != nil {
		go func() { ended <- web.Serve(port{p.Control, false, all}) }()
	}
	select {
	case err := <-ended:
		p.close()
		return errors.Join(err, web.Close())
	case <-ctx.Done():
	}
	s.Stop()
	all.stop()
	return s.finish(web)
}

// web makes the HTTP server. It speaks HTTP/1.1 only, for an HTTP/2 connection
// cannot be reset by a fault.
func (s *Server) web(own *tls.Certificate) *http.Server {
	web := &http.Server{
		Handler:           s,
		MaxHeaderBytes:    wire.MaxBody, // SDKs send large values in the URL
		ReadHeaderTimeout: s.limits.request,
		IdleTimeout:       s.limits.idle,
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
	limit, cancel := context.WithTimeout(context.Background(), s.limits.stop)
	defer cancel()
	for limit.Err() == nil {
		if err := shutdown(limit, web); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	s.log.Warn("requests were cut off by the stop", "after", s.limits.stop)
	return web.Close()
}

// shutdown waits for a short while: http.Server.Shutdown by itself looks ever
// more rarely, in the end twice a second.
func shutdown(ctx context.Context, web *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	return web.Shutdown(ctx)
}
