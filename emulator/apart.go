package emulator

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// portKey is the context key of a connection's port.
type portKey struct{}

// plainKey is that of the address for plain HTTP.
type plainKey struct{}

// side is what a port serves.
type side int

const (
	bothSides   side = iota
	controlSide      // the controls alone
	apiSide          // all but the controls
)

// mark puts on each connection what its port serves.
func (p Ports) mark(l net.Listener) context.Context {
	served := bothSides
	if p.Control != nil {
		served = apiSide
		if at, ok := l.(port); ok && at.Listener == p.Control {
			served = controlSide
		}
	}
	ctx := context.WithValue(context.Background(), plainKey{}, p.HTTP.Addr().String())
	return context.WithValue(ctx, portKey{}, served)
}

// apart keeps controls and API to their ports. Health and the CA are on both:
// they give nothing away.
func apart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served, _ := r.Context().Value(portKey{}).(side)
		control := strings.HasPrefix(r.URL.Path, "/_emulator/") || r.URL.Path == "/" && asksForPage(r)
		switch {
		case served == bothSides, r.URL.Path == "/healthz", r.URL.Path == "/_emulator/ca.pem", control == (served == controlSide):
			next.ServeHTTP(w, r)
		case control:
			controlError(http.StatusNotFound, "this port serves no controls: they are at the address that --control-listen gives").ServeHTTP(w, r)
		default:
			controlError(http.StatusNotFound, "this port serves the controls alone: the API is at the address that --listen gives").ServeHTTP(w, r)
		}
	})
}
