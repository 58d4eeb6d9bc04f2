package emulator

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ported is an emulator on two ports of loopback.
type ported struct {
	*testServer
	ca     *CA
	plain  string // host:port
	secure string
	stop   context.CancelFunc
	ended  chan error // what Serve returned
}

func onPorts(t *testing.T, change ...func(*Options)) *ported {
	t.Helper()
	s := &ported{ca: newTestCA(t, t.TempDir()), ended: make(chan error, 1)}
	s.testServer = newTestServer(t, append(change, func(o *Options) { o.CA = s.ca })...)
	ports := Ports{HTTP: listen(t), HTTPS: listen(t)}
	s.plain, s.secure = ports.HTTP.Addr().String(), ports.HTTPS.Addr().String()
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		s.ended <- s.Serve(ctx, ports)
		close(done)
	}()
	t.Cleanup(func() { s.stop(); <-done })
	return s
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// trust is how a client that has the CA aims at a name.
func (s *ported) trust(name string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.ca.PEM())
	return &tls.Config{RootCAs: roots, ServerName: name}
}

// client reaches the HTTPS port by any host name.
func (s *ported) client(t *testing.T, config *tls.Config) *http.Client {
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.secure)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func TestServerNamesVerifyOverHTTPS(t *testing.T) {
	s := onPorts(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, name := range kmsNames {
			config := s.trust("")
			config.MinVersion, config.MaxVersion = version, version
			r, err := s.client(t, config).Get("https://" + name + "/healthz")
			if err != nil {
				t.Errorf("%s, %s: %v", name, tls.VersionName(version), err)
				continue
			}
			if a := s.read(r); a.status != 200 || r.ProtoMajor != 1 {
				t.Errorf("%s: %s %d %s", name, r.Proto, a.status, a.body)
			}
		}
	}
}

func TestAddressesVerifyOverHTTPS(t *testing.T) {
	s := onPorts(t)
	_, port, _ := net.SplitHostPort(s.secure)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		r, err := s.client(t, s.trust("")).Get("https://" + net.JoinHostPort(host, port) + "/healthz")
		if err != nil {
			t.Error(err)
			continue
		}
		s.read(r)
	}
}

func TestForeignNamesAreRefusedOverHTTPS(t *testing.T) {
	var log bytes.Buffer // written by one goroutine at a time: slog's handler locks
	s := onPorts(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	_, err := tls.Dial("tcp", s.secure, s.trust("example.com"))
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("the client is told: %v", err)
	}
	s.stop()
	<-s.ended
	if !strings.Contains(log.String(), "name=example.com") || !strings.Contains(log.String(), "--tls-name") {
		t.Errorf("the log does not say which name: %s", &log)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := onPorts(t)
	config := s.trust("localhost")
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := tls.Dial("tcp", s.secure, config); err == nil {
		t.Error("TLS 1.1 is served")
	}
}

func TestOpenSSLVerifiesTheNames(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	s := onPorts(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	client := func(args ...string) ([]byte, error) {
		return exec.Command("openssl", append([]string{"s_client", "-connect", s.secure, "-CAfile", ca, "-no-CApath",
			"-verify_return_error", "-x509_strict"}, args...)...).CombinedOutput()
	}
	for _, name := range kmsNames {
		if out, err := client("-servername", name, "-verify_hostname", name); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if out, err := client("-noservername", "-verify_ip", "127.0.0.1"); err != nil {
		t.Errorf("without a name: %v\n%s", err, out)
	}
	for _, name := range []string{"example.com", "sts.aliyuncs.com"} {
		if out, err := client("-servername", name, "-verify_hostname", name); err == nil || !bytes.Contains(out, []byte("unrecognized name")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestTheCAIsServedToTrust(t *testing.T) {
	s := onPorts(t)
	r, err := http.Get("http://" + s.plain + "/_emulator/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	if a := s.read(r); a.status != 200 || a.body != string(s.ca.PEM()) || a.header.Get("Content-Type") != "application/x-pem-file" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	without := newTestServer(t)
	if r, err = http.Get(without.url + "/_emulator/ca.pem"); err != nil {
		t.Fatal(err)
	}
	if a := without.read(r); a.status != 404 || !strings.Contains(a.body, "there is no CA") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAnOwnCertificateIsShownForEveryName(t *testing.T) {
	ca := newTestCA(t, t.TempDir())
	own, err := ca.leaf([]string{"kms.example.com"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newTestServer(t)
	ctx, stop := context.WithCancel(context.Background())
	ports := Ports{HTTP: listen(t), HTTPS: listen(t), Certificate: own}
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, ports) }()
	for _, name := range []string{"kms.example.com", "example.org"} {
		conn, err := tls.Dial("tcp", ports.HTTPS.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if shown := conn.ConnectionState().PeerCertificates[0]; !shown.Equal(own.Leaf) {
			t.Errorf("%s: another certificate is shown: %v", name, shown.DNSNames)
		}
		conn.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// putFault adds a rule by the control.
func (s *ported) putFault(t *testing.T, name, rule string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPut, "http://"+s.plain+"/_emulator/faults/"+name, strings.NewReader(rule))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.read(answer); a.status != 200 {
		t.Fatalf("%s: %d %s", rule, a.status, a.body)
	}
}

// bytesOf sends a call over a connection and gives what comes back, to the end.
func bytesOf(t *testing.T, conn net.Conn) (string, error) {
	t.Helper()
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "GET /?Action=ListKeys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	return string(all), err
}

func TestFaultsActAlikeOnBothPorts(t *testing.T) {
	s := onPorts(t)
	whole := func(text string) (ok bool) { // as long as it was announced
		r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
		if err != nil {
			return false
		}
		_, err = io.ReadAll(r.Body)
		return err == nil
	}
	reset := func(text string, err error) bool { return text == "" && errors.Is(err, syscall.ECONNRESET) }
	cases := []struct {
		rule string
		met  func(text string, err error) bool
	}{
		{`{error: Rejected.Throttling, retryAfter: 500ms}`, func(text string, err error) bool {
			return err == nil && whole(text) && strings.HasPrefix(text, "HTTP/1.1 429 ") && strings.Contains(text, "500\r\n")
		}},
		{`{error: InternalFailure, phase: after}`, func(text string, err error) bool {
			return err == nil && whole(text) && strings.HasPrefix(text, "HTTP/1.1 500 ")
		}},
		{`{delay: 1ms}`, func(text string, err error) bool {
			return err == nil && whole(text) && strings.HasPrefix(text, "HTTP/1.1 200 ")
		}},
		{`{connection: reset}`, reset},
		{`{connection: reset, phase: after}`, reset},
		{`{connection: truncate, phase: after}`, func(text string, err error) bool {
			return err == nil && strings.HasPrefix(text, "HTTP/1.1 200 ") && !whole(text)
		}},
	}
	for _, c := range cases {
		s.putFault(t, "met", c.rule)
		plain, err := net.Dial("tcp", s.plain)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := bytesOf(t, plain); !c.met(text, err) {
			t.Errorf("%s over HTTP: %q %v", c.rule, text, err)
		}
		secure, err := tls.Dial("tcp", s.secure, s.trust("localhost"))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := bytesOf(t, secure); !c.met(text, err) {
			t.Errorf("%s over HTTPS: %q %v", c.rule, text, err)
		}
	}
}

// soon is within which a client at the wrong port has to know. (It is a time
// limit of the contract, and generous: what is measured is below 1 ms.)
const soon = time.Second

func TestAPlainClientOfTheTLSPortIsAnswered(t *testing.T) {
	s := onPorts(t)
	client := http.Client{Timeout: soon}
	r, err := client.PostForm("http://"+s.secure, url.Values{"Action": {"ListKeys"}})
	if err != nil {
		t.Fatal(err)
	}
	a := s.read(r)
	if a.status != 400 || a.object["Code"] != "InvalidProtocol.NeedSsl" || !strings.Contains(a.body, "HTTPS") || a.header.Get("Content-Type") != contentTypeJSON {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}

func TestATLSClientOfThePlainPortIsTold(t *testing.T) {
	s := onPorts(t)
	client := http.Client{Timeout: soon}
	_, err := client.Get("https://" + s.plain + "/?Action=ListKeys")
	if err == nil || !strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		t.Errorf("the client says: %v", err)
	}
}

// TestATLSHelloWithoutALineEndIsAnswered: net/http takes a newline among the
// random bytes of a hello for the end of a request line, and waits without one.
func TestATLSHelloWithoutALineEndIsAnswered(t *testing.T) {
	s := onPorts(t)
	conn, err := net.Dial("tcp", s.plain)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(soon))
	conn.Write([]byte{handshake, 3, 1, 0, 100, 1})
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.read(r); a.status != 400 || a.object["Code"] != "InvalidProtocol.NeedHttp" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestALargeRequestToTheWrongPortIsAnswered(t *testing.T) {
	s := onPorts(t)
	client := http.Client{Timeout: 10 * time.Second}
	r, err := client.Post("http://"+s.secure, "text/plain", bytes.NewReader(make([]byte, 4<<20)))
	if err != nil {
		t.Fatal(err)
	}
	if a := s.read(r); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestEveryAnswerHasABodyAndAType: some clients panic without. The
// requests are such as net/http or the router would answer themselves.
func TestEveryAnswerHasABodyAndAType(t *testing.T) {
	s := onPorts(t)
	for request, status := range map[string]int{
		"GET / HTTP/1.1\r\nHost: a\r\n":                 400,
		"GET / HTTP/1.0\r\n":                            400,
		"GET /?Action=ListKeys HTTP/1.1\r\nHost: a\r\n": 200,
		"GET http://kms.cn-hangzhou.aliyuncs.com/?Action=ListKeys HTTP/1.1\r\nHost: a\r\n": 200,
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n":                                                404,
		"OPTIONS / HTTP/1.1\r\nHost: a\r\n":                                                403,
		"CONNECT kms.cn-hangzhou.aliyuncs.com:443 HTTP/1.1\r\nHost: a\r\n":                 404,
		"DELETE / HTTP/1.1\r\nHost: a\r\n":                                                 403,
		"TRACE / HTTP/1.1\r\nHost: a\r\n":                                                  403,
		"POST //../ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n":                          404,
		"GET /index.html HTTP/1.1\r\nHost: a\r\n":                                          404,
		"GET /_emulator HTTP/1.1\r\nHost: a\r\n":                                           404,
		"GET /_emulator/ HTTP/1.1\r\nHost: a\r\n":                                          404,
		"GET /healthz HTTP/1.1\r\nHost: a\r\n":                                             200,
		"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n":                       404,
		"GET /?%zz HTTP/1.1\r\nHost: a\r\n":                                                400,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n":                        400,
	} {
		conn, err := net.Dial("tcp", s.plain)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "%sConnection: close\r\n\r\n", request)
		if strings.Contains(request, "5000000") {
			conn.Write(make([]byte, 5000000))
		}
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%q: %v", request, err)
			continue
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != status || r.Header.Get("Content-Type") != contentTypeJSON || !json.Valid(body) {
			t.Errorf("%q: %v %d %v %q", request, err, r.StatusCode, r.Header, body)
		}
		conn.Close()
	}
}

func TestAHealthCheckMayBeHEAD(t *testing.T) {
	s := onPorts(t)
	r, err := http.Head("http://" + s.plain + "/healthz")
	if err != nil || r.StatusCode != 200 {
		t.Error(r, err)
	}
}

// TestAStopFinishesWhatIsUnderWay stops the server while it waits for the rest of
// a request. That it has begun with it is told by its 100 Continue.
func TestAStopFinishesWhatIsUnderWay(t *testing.T) {
	s := onPorts(t)
	conn, err := tls.Dial("tcp", s.secure, s.trust("localhost"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	form := "Action=ListKeys"
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(form))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err)
	}
	answers.ReadString('\n')
	s.stop()
	awaitClosed(t, s.plain)
	io.WriteString(conn, form)
	r, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.read(r); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
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

func TestAStopDropsWhatAFaultDelays(t *testing.T) {
	var log bytes.Buffer
	s := onPorts(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	s.putFault(t, "hang", `{delay: 1h}`)
	answered, client := make(chan error), s.client(t, s.trust(""))
	go func() {
		_, err := client.PostForm("https://localhost", url.Values{"Action": {"ListKeys"}})
		answered <- err
	}()
	s.awaitHit(t, "hang")
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if err := <-answered; err == nil {
		t.Error("the delayed call was answered")
	}
	if strings.Contains(log.String(), "cut off") {
		t.Errorf("the stop waited for the delayed call: %s", &log)
	}
}

// awaitHit returns when a call has met a fault.
func (s *ported) awaitHit(t *testing.T, fault string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		r, err := http.Get("http://" + s.plain + "/_emulator/faults/" + fault)
		if err != nil {
			t.Fatal(err)
		}
		if status := s.read(r).object["status"].(map[string]any); status["hits"] == 1.0 {
			return
		}
	}
	t.Fatal("no call met the fault")
}

// TestAStopDoesNotWaitForSilence: clients open connections ahead of need.
// http.Server.Shutdown alone would wait for them for five seconds; then this
// test's own limit, which is far from what is measured, is exceeded.
func TestAStopDoesNotWaitForSilence(t *testing.T) {
	s := onPorts(t)
	for _, address := range []string{s.plain, s.secure} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	// Connections are accepted in order: when this one is served, those are known.
	for _, r := range []func() (*http.Response, error){
		func() (*http.Response, error) { return http.Get("http://" + s.plain + "/healthz") },
		func() (*http.Response, error) { return s.client(t, s.trust("")).Get("https://localhost/healthz") },
	} {
		answer, err := r()
		if err != nil {
			t.Fatal(err)
		}
		s.read(answer)
	}
	s.stop()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(4 * time.Second):
		t.Error("the stop waits for connections that never sent a thing")
	}
}

func TestAPortThatFailsEndsServe(t *testing.T) {
	s := newTestServer(t)
	closed := listen(t)
	closed.Close()
	open := listen(t)
	if err := s.Serve(context.Background(), Ports{HTTP: open, HTTPS: closed}); err == nil {
		t.Error("no error")
	}
	if _, err := net.Dial("tcp", open.Addr().String()); err == nil {
		t.Error("the other port stays open")
	}
}
