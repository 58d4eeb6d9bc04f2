package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator"
)

// The commands in this file ask a running alikms, at the address that it was
// told to listen at.

// askLimit is how long alikms may take for an answer to a health check.
const askLimit = 3 * time.Second

// reachable is where a client on this machine finds what listens at an address:
// a wildcard is no destination.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// ask gets a page of a running alikms. It goes by no proxy: health is asked on
// this machine, or in this network.
func (a addresses) ask(ctx context.Context, path string) (*http.Response, error) {
	address := reachable(a.Listen)
	if strings.HasSuffix(address, ":0") {
		return nil, usageError("--listen has port 0, which stands for any free one: give the port that alikms took (it says so at its start, and in --ready-file)")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}

// healthy says why a running alikms is not healthy, or nil.
func (a addresses) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	r, err := a.ask(ctx, "/healthz")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", reachable(a.Listen), r.Status)
	}
	return nil
}

type healthCommand struct {
	Where addresses `embed:""`
}

// Run is a container's health check.
func (h *healthCommand) Run(ctx context.Context, o output) error {
	if err := h.Where.healthy(ctx); err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	fmt.Fprintln(o.out, "healthy")
	return nil
}

type waitCommand struct {
	Where   addresses     `embed:""`
	Timeout time.Duration `default:"30s" help:"When to give up."`
}

// Run asks again and again.
func (w *waitCommand) Run(ctx context.Context, o output) error {
	limit, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	var reason error // of the last look that had its time
	for {
		err := w.Where.healthy(limit)
		if reason == nil || limit.Err() == nil {
			reason = err
		}
		if err == nil {
			fmt.Fprintln(o.out, "healthy")
			return nil
		}
		if errors.As(err, new(usageError)) {
			return err
		}
		select {
		case <-limit.Done():
			return fmt.Errorf("not healthy within %s: %w", w.Timeout, reason)
		case <-look.C:
		}
	}
}

type exportCommand struct {
	Where addresses `embed:""`
}

// Run copies what the control answers.
func (e *exportCommand) Run(ctx context.Context, o output) error {
	r, err := e.Where.ask(ctx, "/_emulator/export")
	if err != nil {
		return fmt.Errorf("cannot export: %w", err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		reason, _ := io.ReadAll(io.LimitReader(r.Body, 1000))
		return fmt.Errorf("cannot export: %s answers %s: %s", reachable(e.Where.Listen), r.Status, reason)
	}
	_, err = io.Copy(o.out, r.Body)
	return err
}

type envCommand struct {
	Where addresses `embed:""`
	SDK   string    `name:"sdk" required:"" enum:"${sdks}" help:"One of ${sdks}."`
}

// Run prints what to set.
func (e *envCommand) Run(o output) error {
	secure := ""
	if e.Where.ListenTLS != "" {
		secure = reachable(e.Where.ListenTLS)
	}
	_, err := io.WriteString(o.out, emulator.Wiring(e.SDK, reachable(e.Where.Listen), secure))
	return err
}
