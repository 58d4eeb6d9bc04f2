package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alikms/alikms/fixtures"
)

// tryBody is the body of a call to try.
func tryBody(accessKeyID, operation string, more ...string) string {
	parameters := map[string]string{}
	for i := 0; i < len(more); i += 2 {
		parameters[more[i]] = more[i+1]
	}
	text, err := json.Marshal(fixtures.Try{Operation: operation, Parameters: parameters, AccessKeyID: accessKeyID})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// try makes a call that nobody signs, and reads what it was answered.
func (s *testServer) try(accessKeyID, operation string, more ...string) (t triedCall) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.must("POST", "try", tryBody(accessKeyID, operation, more...)).body), &t); err != nil {
		s.t.Fatal(err)
	}
	return t
}

// expect says what was answered, "OK" for no error.
func (c triedCall) expect(t *testing.T, status int, code string) {
	t.Helper()
	var body struct{ Code string }
	json.Unmarshal([]byte(c.Body), &body)
	if c.Status != status || body.Code != code || c.Connection != "" {
		t.Errorf("got %+v, want %d %s", c, status, code)
	}
}

func TestACallThatIsTriedIsAnsweredAsOneThatIsSent(t *testing.T) {
	s := newTestServer(t)
	tried := s.try("", "DescribeKey", "KeyId", "alias/demo-rsa-2048")
	sent := s.do("DescribeKey", "KeyId", "alias/demo-rsa-2048")
	withoutID := func(body string) string { at := strings.Index(body, `"RequestId"`); return body[:at] }
	if tried.Status != 200 || withoutID(tried.Body) != withoutID(sent.body) || tried.Connection != "" {
		t.Errorf("tried: %+v\nsent: %s", tried, sent.body)
	}
	for _, name := range []string{"Content-Type", "X-Acs-Request-Id"} {
		if tried.Headers[name] == "" || len(tried.Headers[name]) != len(sent.header.Get(name)) {
			t.Errorf("%s is %q, of the one that was sent %q", name, tried.Headers[name], sent.header.Get(name))
		}
	}
	if xml := s.try("", "ListKeys", "Format", "XML"); !strings.HasPrefix(xml.Body, "<?xml") || xml.Status != 200 {
		t.Errorf("as XML: %+v", xml)
	}
	s.try("", "DescribeKey").expect(t, 400, "MissingParameter")
	s.try("", "DescribeKey", "KeyId", "none").expect(t, 404, "Forbidden.KeyNotFound")
	s.try("", "OpenKmsService").expect(t, 400, "NotEmulated")
	s.try("", "ListKeys", "Version", "2020-01-01").expect(t, 400, "InvalidVersion")
	s.try("", "ListKeys", "Format", "YAML").expect(t, 400, "InvalidParameter.Format")
}

func TestTheValuesOfATriedCallArriveAsTheyWereWritten(t *testing.T) {
	s := newTestServer(t)
	for _, value := range []string{`"quotes' $HOME %41 \n`, "two\r\nlines\ttab", "密钥 é 🔑", "\u2028\u2029\u00a0\u0085\x7f", "\b\f\x01", "- a: {b}", "null", "0x1F", "~"} {
		if tried := s.try("", "UpdateKeyDescription", "KeyId", rsaKey, "Description", value); tried.Status != 200 {
			t.Fatalf("%q: %+v", value, tried)
		}
		if got := s.mustDo("DescribeKey", "KeyId", rsaKey).text("KeyMetadata.Description"); got != value {
			t.Errorf("%q arrived as %q", value, got)
		}
	}
	s.must("POST", "try", "operation: ListKeys\nparameters: {PageSize: 1}\n")
	s.must("POST", "try", `{"operation": "ListKeys", "parameters": {"PageSize": 1, "DryRun": true}}`)
}

// The verdict on a caller is that of the service, once calls are verified.
func TestATriedCallIsThatOfItsCaller(t *testing.T) {
	s := newTestServer(t, holding(t, `
credentials:
  - {accessKeyId: free, accessKeySecret: a-secret}
  - {accessKeyId: token, accessKeySecret: a-secret, securityToken: a-token}
  - {accessKeyId: bound, accessKeySecret: a-secret, policy: {Version: "1", Statement: []}}
  - {accessKeyId: other, accessKeySecret: a-secret, account: "6543210987654321"}
keys: [{keyId: key-a, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT}]
`))
	s.try("free", "DescribeKey", "KeyId", "key-a").expect(t, 200, "")
	s.try("token", "DescribeKey", "KeyId", "key-a").expect(t, 200, "")
	s.try("bound", "DescribeKey", "KeyId", "key-a").expect(t, 403, "Forbidden.NoPermission")
	s.try("other", "DescribeKey", "KeyId", "key-a").expect(t, 404, "Forbidden.KeyNotFound")
	s.try("nobody", "DescribeKey", "KeyId", "key-a").expect(t, 404, "InvalidAccessKeyId.NotFound")
	s.try("no body", "DescribeKey", "KeyId", "key-a").expect(t, 400, "InvalidParameter")
	s.try("", "DescribeKey", "KeyId", "key-a").expect(t, 400, "MissingAccessKeyId")
}

func TestATriedCallMeetsQuotasFaultsAndTheJournal(t *testing.T) {
	s := newTestServer(t, holding(t, "clock: 2026-01-01T00:00:00Z\nquotas: [{name: few, match: {accessKeyId: app}, rate: 2/h}]"))
	s.must("PUT", "faults/busy", `{match: {accessKeyId: app, operation: ListKeys}, script: [{error: InternalFailure, retryAfter: 2s}]}`)
	refused := s.try("app", "ListKeys")
	refused.expect(t, 500, "InternalFailure")
	if refused.Headers["X-Alikms-Fault"] != "busy" || refused.Headers["X-Acs-Retry-After"] != "2000" {
		t.Errorf("%+v", refused)
	}
	s.try("app", "ListKeys").expect(t, 200, "")
	s.try("app", "ListKeys").expect(t, 429, "Rejected.Throttling")
	s.expectStatus("faults/busy", "calls=1", "hits=1")
	s.expectStatus("quotas/few", "passed=2", "refused=1")
	want := []string{"try app 500 busy  false", "try app 200   false", "try app 429  few false"}
	for i, entry := range s.entries("ListKeys") {
		got := fmt.Sprint(entry["scheme"], " ", entry["accessKeyId"], " ", entry["status"], " ", entry["fault"], " ", entry["quota"], " ", entry["verified"])
		if i >= len(want) || got != want[i] {
			t.Errorf("entry %d is %q", i, got)
		}
	}
}

func TestATriedCallTellsWhatItsConnectionWouldHaveMet(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", `{match: {operation: CreateKey}, script: [{connection: reset}, {connection: reset, phase: after}, {connection: truncate, phase: after}]}`)
	for range 2 {
		if got := s.try("", "CreateKey"); got.Connection != "reset" || got.Status != 0 || got.Body != "" || len(got.Headers) != 0 {
			t.Errorf("%+v", got)
		}
	}
	cut := s.try("", "CreateKey")
	if announced := fmt.Sprint(len(cut.Body) * 2); cut.Connection != "truncate" || cut.Status != 200 || !strings.HasPrefix(cut.Body, `{"KeyMetadata"`) ||
		announced[:2] != cut.Headers["Content-Length"][:2] {
		t.Errorf("%+v", cut)
	}
	if n := s.mustDo("ListKeys").field("TotalCount"); n != float64(len(s.inForce.Load().doc.Keys)+2) {
		t.Errorf("%v keys: before nothing is made, after one is", n)
	}
}

// The Host of the control is that of the call.
func TestATriedCallComesInByTheGatewayOfItsControl(t *testing.T) {
	s := newTestServer(t, holding(t, `
instances: [{instanceId: kst-hzz65f176a0ogplgq0001}]
keys: [{keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, dkmsInstanceId: kst-hzz65f176a0ogplgq0001}]
`))
	for host, want := range map[string]string{"localhost": `"gateway":"shared"`, "kst-hzz65f176a0ogplgq0001.localhost": `"gateway":"kst-hzz65f176a0ogplgq0001"`} {
		s.must("DELETE", "requests", "")
		r := httptest.NewRequest("POST", "http://"+host+"/_emulator/try", strings.NewReader(tryBody("", "Encrypt", "KeyId", "key-a", "Plaintext", "YQ==")))
		var got triedCall
		if err := json.Unmarshal([]byte(served(s, r).body), &got); err != nil || (got.Status == 200) != (host != "localhost") {
			t.Errorf("%s: %v %+v", host, err, got)
		}
		if entries := s.must("GET", "requests", "").body; !strings.Contains(entries, want) {
			t.Errorf("%s: no %s in %s", host, want, entries)
		}
	}
}

// hangTry begins a call to try, and waits until the rule f holds it.
func (s *testServer) hangTry(r *http.Request) <-chan testAnswer {
	s.t.Helper()
	done := make(chan testAnswer, 1)
	go func() { done <- served(s, r) }()
	until(s.t, "the rule holds the call", func() bool { return s.must("GET", "faults/f", "").field("status.hits") == 1.0 })
	return done
}

func TestATriedCallThatHangsEndsWithItsRuleAResetOrItsCaller(t *testing.T) {
	for end, want := range map[string]string{"DELETE faults/f": `"status":200`, "POST reset": `"connection":"closed"`, "leave": `"connection":"closed"`} {
		s := newTestServer(t)
		s.must("PUT", "faults/f", "{match: {operation: ListKeys}, delay: 1h}")
		r := httptest.NewRequest("POST", "/_emulator/try", strings.NewReader(tryBody("", "ListKeys")))
		ctx, leave := context.WithCancel(t.Context())
		done := s.hangTry(r.WithContext(ctx))
		if method, path, ok := strings.Cut(end, " "); ok {
			s.must(method, path, "")
		} else {
			leave()
		}
		if got := <-done; got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %s", end, got.status, got.body, want)
		}
		leave()
	}
}

func TestACallThatCannotBeTriedIsRefused(t *testing.T) {
	s := newTestServer(t)
	for body, message := range map[string]string{
		`{}`:                                     "operation",
		`{"operation": "ListKyes"}`:              "did you mean ListKeys?",
		`{"operation": "ListKeys", "sdk": "go"}`: `no field \"sdk\"`,
		`{"operation": "ListKeys", "parameters": {"Tags": [1]}}`: "a text is expected here",
		`[`: "",
	} {
		if a := s.control("POST", "try", body); a.status != 400 || !strings.Contains(a.body, message) || !strings.Contains(a.body, `{"errors":[`) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := s.control("POST", "try", `{"operation": "ListKeys", "accessKeyId": "`+strings.Repeat("a", maxControlBody)+`"}`); a.status != 400 {
		t.Errorf("a body over the bound: %d", a.status)
	}
	if n := s.must("GET", "requests", "").field("count"); n != 0.0 {
		t.Errorf("%v calls were made", n)
	}
}

// A page of another site gets nothing tried, under a name of its own neither.
func TestAPageOfAnotherSiteTriesNothing(t *testing.T) {
	s := newTestServer(t)
	for name, foreign := range map[string]func(*http.Request){
		"cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"origin":     func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"rebinding":  func(r *http.Request) { r.Host = "evil.example" },
	} {
		r := httptest.NewRequest("POST", "http://localhost/_emulator/try", strings.NewReader(tryBody("", "CreateKey")))
		foreign(r)
		if a := served(s, r); a.status != 403 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if n := s.must("GET", "requests", "").field("count"); n != 0.0 {
		t.Errorf("%v calls were made", n)
	}
}
