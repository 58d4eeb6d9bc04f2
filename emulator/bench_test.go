package emulator

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/auth"
)

// BenchmarkCall is for a profile: calls signed before the clock runs come in over
// a port, as the binary has it.
//
//	go test -run '^$' -bench Call/rsa/V3 -cpuprofile cpu.out ./emulator
//	go tool pprof -top -cum -focus 'conn..serve' cpu.out
func BenchmarkCall(b *testing.B) {
	rsa := form("AsymmetricEncrypt", "KeyId", rsaKey, "KeyVersionId", rsaVersion, "Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "SGVsbG8=")
	for _, signed := range []string{"unsigned", "V1", "V3"} {
		b.Run("rsa/"+signed, func(b *testing.B) { benchmarkCall(b, signed, rsa) })
	}
	for _, signed := range []string{"unsigned", "V3"} {
		b.Run("symmetric/"+signed, func(b *testing.B) { benchmarkCall(b, signed, nil) })
	}
}

func benchmarkCall(b *testing.B, signed string, params url.Values) {
	s := bareServer(b, func(o *Options) {
		o.Journal = 1000
		if signed != "unsigned" {
			o.Credentials = []Credential{{"bench", "bench-secret"}}
		}
	})
	address := listening(b, s)
	if params == nil {
		params = form("Encrypt", "KeyId", newSymmetric(b, s, signed, address), "Plaintext", "SGVsbG8=")
	}
	requests := make([][]byte, b.N)
	for i := range requests {
		requests[i] = requestOf(signed, address, params)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	b.ResetTimer()
	for _, r := range requests {
		conn.Write(r)
		if status, body := answered(b, answers); status != http.StatusOK {
			b.Fatalf("%d %s", status, body)
		}
	}
}

func listening(b *testing.B, s *Server) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, Ports{HTTP: l}) }()
	b.Cleanup(func() {
		stop()
		<-ended
	})
	return l.Addr().String()
}

func newSymmetric(b *testing.B, s *Server, signed, address string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	conn.Write(requestOf(signed, address, form("CreateKey")))
	_, body := answered(b, bufio.NewReader(conn))
	_, rest, _ := bytes.Cut(body, []byte(`"KeyId":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(id)
}

func answered(b *testing.B, from *bufio.Reader) (int, []byte) {
	r, err := http.ReadResponse(from, nil)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.Fatal(err)
	}
	return r.StatusCode, body
}

func requestOf(signed, host string, params url.Values) []byte {
	head := "POST / HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	sent := url.Values{}
	for name := range params {
		sent.Set(name, params.Get(name))
	}
	switch signed {
	case "V1":
		sent = signedForm("bench", "bench-secret", sent)
	case "V3":
		action := sent.Get("Action")
		sent.Del("Action")
		body := sent.Encode()
		a, _ := auth.ParseAuthorization("ACS3-HMAC-SHA256 Credential=bench,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=0")
		h := http.Header{}
		h.Set("content-type", "application/x-www-form-urlencoded")
		h.Set("x-acs-action", action)
		h.Set("x-acs-version", "2016-01-20")
		h.Set("x-acs-date", time.Now().UTC().Format("2006-01-02T15:04:05Z"))
		h.Set("x-acs-signature-nonce", uuid.NewString())
		h.Set("x-acs-content-sha256", a.PayloadHash([]byte(body)))
		_, _, signature := a.Sign("bench-secret", auth.SignedRequest{Method: "POST", Path: "/", Host: host, Header: h, Body: []byte(body)})
		h.Set("Authorization", "ACS3-HMAC-SHA256 Credential=bench,SignedHeaders="+a.SignedHeaders+",Signature="+signature)
		var lines strings.Builder
		h.Del("content-type")
		h.Write(&lines)
		return []byte(head + lines.String() + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	}
	body := sent.Encode()
	return []byte(head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}
