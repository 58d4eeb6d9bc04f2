package load

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/wire"
)

// verified reads a request as alikms does, and gives the caller that it proves.
func verified(t *testing.T, request []byte) (auth.Caller, *wire.Request, error) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		t.Fatal(err)
	}
	read, err := wire.Read(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	callers := auth.NewCallers(time.Now)
	callers.Set(map[string]auth.Credential{"bench": {Secret: "right"}})
	claim, unfit := auth.ClaimOf(read)
	who, err := callers.Verify(claim, unfit, func() bool { return false })
	return who, read, err
}

func TestRequestsAreSigned(t *testing.T) {
	params := map[string]string{"Action": "Encrypt", "KeyId": "alias/a b", "Plaintext": "SGVsbG8="}
	for _, scheme := range []string{"V1", "V3"} {
		who, read, err := verified(t, Caller{scheme, "bench", "right"}.Request("127.0.0.1:8080", params))
		if err != nil || !who.Verified || who.Scheme != scheme {
			t.Errorf("%s: %+v, %v", scheme, who, err)
		}
		if read.Action != "Encrypt" || read.Params["KeyId"] != "alias/a b" {
			t.Errorf("%s: read %q with %v", scheme, read.Action, read.Params)
		}
		if _, _, err := verified(t, Caller{scheme, "bench", "wrong"}.Request("127.0.0.1:8080", params)); err == nil {
			t.Errorf("%s: a wrong secret is accepted", scheme)
		}
	}
	if _, read, _ := verified(t, Caller{}.Request("127.0.0.1:8080", params)); read.Action != "Encrypt" || read.Params["Signature"] != "" {
		t.Errorf("unsigned: %v", read.Params)
	}
}

// dialed are connections to a handler.
func dialed(t *testing.T, count int, handler http.HandlerFunc) Connections {
	t.Helper()
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	connections, err := Dial(strings.TrimPrefix(web.URL, "http://"), false, count)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connections.Close() })
	return connections
}

func TestEveryRequestIsSentOnce(t *testing.T) {
	seen := make(chan string, 100)
	connections := dialed(t, 4, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.PostFormValue("N")
		w.Write([]byte("an answer"))
	})
	var requests [][]byte
	var want, got []string
	for n := range 100 {
		want = append(want, strings.Repeat("x", n))
		requests = append(requests, Caller{}.Request("localhost", map[string]string{"N": want[n]}))
	}
	result, err := connections.Send(requests)
	if err != nil {
		t.Fatal(err)
	}
	for range requests {
		got = append(got, <-seen)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || result.Calls != 100 || !slices.IsSorted(result.Latencies) || result.Latencies[0] <= 0 || result.PerSecond() <= 0 {
		t.Errorf("%+v", result)
	}
	if result.Quantile(0.5) != result.Latencies[50] || result.Quantile(1) != result.Latencies[99] {
		t.Error("a quantile is not that of the latencies")
	}
}

func TestAnswersThatDoNotCount(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"answered 400 no":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 400) },
		"does not say its leng": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.Write([]byte("chunk")) },
		"EOF":                   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		connections := dialed(t, 1, handler)
		if _, err := connections.Send([][]byte{Caller{}.Request("localhost", nil)}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCallReturnsTheBody(t *testing.T) {
	connections := dialed(t, 1, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("an answer")) })
	for range 2 { // the second finds the connection where the first left it
		if body, err := connections.Call(Caller{}.Request("localhost", nil)); err != nil || string(body) != "an answer" {
			t.Errorf("%q, %v", body, err)
		}
	}
}
