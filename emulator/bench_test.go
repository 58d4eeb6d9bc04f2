package emulator

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/bench/load"
)

// BenchmarkCall is for a profile. Calls that are made before the clock runs come
// in over a port, as with the binary; scripts/bench measures that one.
//
//	go test -run '^$' -bench Call/AsymmetricEncrypt/V3 -cpuprofile cpu.out ./emulator
//	go tool pprof -top -cum -focus ServeHTTP cpu.out
func BenchmarkCall(b *testing.B) {
	symmetric := map[string]string{"Action": "Encrypt", "KeyId": "alias/symmetric", "Plaintext": "SGVsbG8="}
	secret := map[string]string{"Action": "GetSecretValue", "SecretName": "app/db", "VersionStage": "ACSCurrent", "FetchExtendedConfig": "true"}
	for _, params := range []map[string]string{encryptions, symmetric, secret} {
		for _, scheme := range []string{"", "V1", "V3"} {
			b.Run(params["Action"]+"/"+cmp.Or(scheme, "unsigned"), func(b *testing.B) { benchmarkCall(b, scheme, params) })
		}
	}
}

var encryptions = map[string]string{"Action": "AsymmetricEncrypt", "KeyId": rsaKey, "KeyVersionId": rsaVersion, "Algorithm": "RSAES_OAEP_SHA_256", "Plaintext": "SGVsbG8="}

func benchmarkCall(b *testing.B, scheme string, params map[string]string) {
	caller := load.Caller{Scheme: scheme, AccessKeyID: "bench", AccessKeySecret: "bench-secret"}
	address := listening(b, bareServer(b, func(o *Options) {
		o.Journal = 1000
		if scheme != "" {
			o.Credentials = []Credential{{caller.AccessKeyID, caller.AccessKeySecret}}
		}
	}))
	connection, err := load.Dial(address, false, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close()
	makeSymmetric(b, connection, func(params map[string]string) []byte { return caller.Request(address, params) })
	requests := make([][]byte, b.N)
	for i := range requests {
		requests[i] = caller.Request(address, params)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := connection.Send(requests); err != nil {
		b.Fatal(err)
	}
}

// listening is the address of a server's port.
func listening(b *testing.B, s *Server) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, Ports{HTTP: l}) }()
	b.Cleanup(func() {
		stop()
		<-ended
	})
	return l.Addr().String()
}

// makeSymmetric creates the key behind alias/symmetric, and a secret.
func makeSymmetric(b *testing.B, connection load.Connections, request func(map[string]string) []byte) {
	body, err := connection.Call(request(map[string]string{"Action": "CreateKey"}))
	if err != nil {
		b.Fatal(err)
	}
	var made struct{ KeyMetadata struct{ KeyId string } }
	if err := json.Unmarshal(body, &made); err != nil {
		b.Fatal(err)
	}
	_, err = connection.Call(request(map[string]string{"Action": "CreateAlias", "AliasName": "alias/symmetric", "KeyId": made.KeyMetadata.KeyId}))
	if err != nil {
		b.Fatal(err)
	}
	_, err = connection.Call(request(map[string]string{"Action": "CreateSecret", "SecretName": "app/db", "VersionId": "v1", "SecretData": "x"}))
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFollowed tells what calls cost that somebody follows who is slow: the
// same encryptions over 16 connections, in turns with nobody there, and the median
// of what the one takes longer. It is noise below a thousand rounds.
//
//	go test -run '^$' -bench Followed -benchtime 1000x ./emulator
func BenchmarkFollowed(b *testing.B) {
	const connections, calls = 16, 160 // a round
	var lines [2]load.Connections
	var requests [2][][]byte
	for i := range lines {
		address := listening(b, bareServer(b, func(o *Options) { o.Journal = 1000 }))
		var err error
		if lines[i], err = load.Dial(address, false, connections); err != nil {
			b.Fatal(err)
		}
		defer lines[i].Close()
		for range calls {
			requests[i] = append(requests[i], load.Caller{}.Request(address, encryptions))
		}
		if i == 1 {
			defer listenSlowly(b, address).Close()
		}
	}
	var slower []float64
	for n := range b.N {
		var took [2]time.Duration
		for turn := range took {
			i := (turn + n) % 2
			r, err := lines[i].Send(requests[i])
			if err != nil {
				b.Fatal(err)
			}
			took[i] = r.Took
		}
		slower = append(slower, 100*(took[1].Seconds()/took[0].Seconds()-1))
	}
	slices.Sort(slower)
	b.ReportMetric(slower[len(slower)/2], "%longer")
}

// listenSlowly opens a stream, and takes nothing of it.
func listenSlowly(b *testing.B, address string) net.Conn {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /_emulator/requests/stream HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 200"))); err != nil {
		b.Fatal(err)
	}
	return conn
}
