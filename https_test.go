package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator"
)

func TestHTTPSServesByTheCAOfTheDataFolder(t *testing.T) {
	data := t.TempDir()
	first := start(t, "--data", data)
	client := trusting(t, first)
	answersOverHTTPS(t, client, first)
	first.stop()
	second := start(t, "--data", data)
	answersOverHTTPS(t, client, second)
	second.stop()
}

func TestHTTPSCanBeOff(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data", data, "--listen-tls=")
	if p.secure != "" {
		t.Errorf("alikms says %s", p.stdout[0])
	}
	if r, err := http.Get(p.url + "/_emulator/ca.pem"); err != nil || r.StatusCode != http.StatusNotFound {
		t.Errorf("%v %v", r, err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "ca*")); len(left) > 0 {
		t.Errorf("there is a CA: %v", left)
	}
	p.stop()
}

func TestABadCAFileStopsTheStartWithOneLine(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data).stop()
	if err := os.WriteFile(filepath.Join(data, "ca-key.pem"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, line := refused(t, nil, "--data", data, "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
	if code != 1 || !strings.Contains(line, "ca-key.pem is not a CA of alikms") || strings.Contains(line, "\n") {
		t.Errorf("exit %d %q", code, line)
	}
}

func TestTLSNameAddsAName(t *testing.T) {
	data := t.TempDir()
	first := start(t, "--data", data)
	first.stop()
	second := start(t, "--data", data, "--tls-name", "kms.example.com")
	client := trusting(t, second)
	client.Transport.(*http.Transport).TLSClientConfig.ServerName = "kms.example.com"
	answersOverHTTPS(t, client, second)
	second.stop()
	if log := second.stderr.String(); strings.Count(log, "clients must trust the new one") != 1 {
		t.Errorf("the log says: %s", log)
	}
}

func TestABadTLSNameStopsTheStart(t *testing.T) {
	code, line := refused(t, nil, "--ephemeral", "--tls-name", "*.example.com")
	if code != 2 || !strings.Contains(line, `--tls-name is "*.example.com": write a host name`) {
		t.Errorf("exit %d %q", code, line)
	}
}

func TestOwnCertificateIsShown(t *testing.T) {
	folder := t.TempDir()
	if _, err := emulator.OpenCA(folder, emulator.CAOptions{}); err != nil {
		t.Fatal(err)
	}
	both := filepath.Join(folder, "ca-key.pem") // certificate and key, which is all that is asked of a pair
	p := start(t, "--ephemeral", "--tls-cert", both, "--tls-key", both)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(p.secure, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if shown := conn.ConnectionState().PeerCertificates[0]; !shown.IsCA {
		t.Errorf("another certificate is shown: %v", shown.Subject)
	}
}

// TestATermFinishesWhatIsUnderWay: that alikms has begun with the request is told
// by its 100 Continue; that it is stopping, by its closed port.
func TestATermFinishesWhatIsUnderWay(t *testing.T) {
	p := start(t, "--ephemeral")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	form := "Action=ListKeys"
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(form))
	answers := bufio.NewReader(conn)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := answers.ReadString('\n'); err != nil || line != want {
			t.Fatalf("%q %v", line, err)
		}
	}
	if err := p.terminate(); err != nil {
		t.Fatal(err)
	}
	awaitClosed(t, conn.RemoteAddr().String())
	io.WriteString(conn, form)
	if r, err := http.ReadResponse(answers, nil); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("%v %v", r, err)
	}
	p.ended()
}

// awaitClosed returns when nobody listens at an address any more.
func awaitClosed(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Fatal("the port stays open")
}

func TestATermDropsWhatAFaultDelays(t *testing.T) {
	scenario := filepath.Join(t.TempDir(), "hang.yaml")
	if err := os.WriteFile(scenario, []byte("faults: [{name: hang, delay: 1h}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--ephemeral", "--fixture", scenario)
	answered := make(chan error)
	go func() {
		_, _, err := p.call("ListKeys")
		answered <- err
	}()
	awaitHit(t, p, "hang")
	p.stop()
	if err := <-answered; err == nil {
		t.Error("the delayed call was answered")
	}
	if strings.Contains(p.stderr.String(), "cut off") {
		t.Errorf("the stop waited for the delayed call: %s", &p.stderr)
	}
}

// awaitHit returns when a call has met a fault.
func awaitHit(t testing.TB, p *process, fault string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		r, err := http.Get(p.url + "/_emulator/faults/" + fault)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), `"hits":1`) {
			return
		}
	}
	t.Fatal("no call met the fault")
}

// BenchmarkStartToReadyOverHTTPS is the start on an empty data folder, until
// HTTPS has answered a client that trusts the CA.
func BenchmarkStartToReadyOverHTTPS(b *testing.B) {
	for b.Loop() {
		p := start(b, "--data", b.TempDir())
		answersOverHTTPS(b, trusting(b, p), p)
		b.StopTimer()
		p.stop()
		b.StartTimer()
	}
}
