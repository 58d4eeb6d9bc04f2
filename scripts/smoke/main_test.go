package main

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// compose serves as docker-compose.yml has it, and gives the way there: its
// host names, ports 80 and 443.
func compose(t *testing.T, faults ...fixtures.Fault) dialer {
	t.Helper()
	document, problems := fixtures.Load("scenario.yaml")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	document.Faults = faults
	folder := t.TempDir()
	st, err := store.Open(filepath.Join(folder, "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := emulator.OpenCA(folder, emulator.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := emulator.New(emulator.Options{Store: st, Scenario: document, Region: "cn-hangzhou", Account: "1234567890123456", CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	ports := emulator.Ports{HTTP: listen(t), HTTPS: listen(t)}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx, ports) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		server.Close()
		st.Close()
	})
	return toward(map[string]net.Addr{"80": ports.HTTP.Addr(), "443": ports.HTTPS.Addr()})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// toward leads any host to these addresses, by port.
func toward(addresses map[string]net.Addr) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, addresses[port].String())
	}
}

func TestSmokePassesAgainstTheScenarioOfCompose(t *testing.T) {
	var out strings.Builder
	if err := run(compose(t), &out); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if !strings.Contains(out.String(), target.host) {
			t.Errorf("nothing is said of %s: %s", target.host, &out)
		}
	}
}

func TestSmokeFailsWhereDecryptingFails(t *testing.T) {
	dial := compose(t, fixtures.Fault{Name: "down", Match: fixtures.Match{Operation: fixtures.AnyOf{"AsymmetricDecrypt"}},
		Action: fixtures.Action{Error: fixtures.ErrorSpec{Code: "InternalFailure"}}})
	if err := run(dial, io.Discard); err == nil || !strings.Contains(err.Error(), "AsymmetricDecrypt answers 500") {
		t.Errorf("the error is: %v", err)
	}
}

func TestSmokeFailsWhereTheCAIsAnothers(t *testing.T) {
	one, other := compose(t), compose(t)
	mixed := func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ":443") {
			return other(ctx, network, address)
		}
		return one(ctx, network, address)
	}
	if err := run(mixed, io.Discard); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the error is: %v", err)
	}
}

func TestSmokeFailsWhereNobodyListens(t *testing.T) {
	l := listen(t)
	l.Close()
	if err := run(toward(map[string]net.Addr{"80": l.Addr(), "443": l.Addr()}), io.Discard); err == nil {
		t.Error("no error")
	}
}
