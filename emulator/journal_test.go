package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// logging lets a server log everything.
func logging(w io.Writer) func(*Options) {
	return func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

func TestAnEntryOfTheJournalTellsWhatARequestWasAndWhatBecameOfIt(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{match: {accessKeyId: faulty}, error: ServiceUnavailableTemporary}")
	s.must("PUT", "quotas/q", "{match: {operation: DescribeRegions}, rate: 1/h}")
	s.do("DescribeRegions")
	for _, c := range []struct {
		name   string
		params url.Values
		want   map[string]any // besides what every entry has
	}{
		{"cryptography by an alias", form("AsymmetricEncrypt", "KeyId", "alias/demo-sm2", "KeyVersionId", sm2Version, "Algorithm", "SM2PKE", "Plaintext", "SGVsbG8="),
			map[string]any{"keyId": sm2Key, "parameters": map[string]any{"Action": "AsymmetricEncrypt", "KeyId": "alias/demo-sm2", "KeyVersionId": sm2Version,
				"Algorithm": "SM2PKE", "Plaintext": "(5 bytes)"}}},
		{"by an ARN", form("DescribeKey", "KeyId", arnPrefix+"key/"+sm2Key), map[string]any{"keyId": sm2Key}},
		{"unknown key", form("DescribeKey", "KeyId", "key-x"), map[string]any{"keyId": "key-x", "status": 404.0, "code": "Forbidden.KeyNotFound"}},
		{"unknown alias", form("DescribeKey", "KeyId", "alias/x"), map[string]any{"status": 404.0, "code": "Forbidden.AliasNotFound"}},
		{"no key", form("ListKeys"), map[string]any{}},
		{"a secret", form("GetSecretValue", "SecretName", "app/db"), map[string]any{"secretName": "app/db", "status": 404.0, "code": "Forbidden.ResourceNotFound"}},
		{"a secret by its ARN", form("DescribeSecret", "SecretName", arnPrefix+"secret/app/db"), map[string]any{"secretName": "app/db", "status": 404.0, "code": "Forbidden.ResourceNotFound"}},
		{"several secrets", form("BatchGetSecretValue", "SecretsList", `[{"SecretName":"a"},{"SecretName":"b"}]`), map[string]any{"secretName": "a"}},
		{"tags of a secret", form("TagResources", "RegionId", "cn-hangzhou", "ResourceType", "secret", "ResourceId.1", "app/db", "Tag.1.Key", "k"),
			map[string]any{"secretName": "app/db", "status": 404.0, "code": "Forbidden.ResourceNotFound"}},
		{"a refusal of the operation", form("EnableKey"), map[string]any{"status": 400.0, "code": "MissingParameter"}},
		{"a caller without signature", form("ListKeys", "AccessKeyId", "app"), map[string]any{"accessKeyId": "app"}},
		{"a caller with one", signedBy("app", "n", "ListKeys"), map[string]any{"accessKeyId": "app", "scheme": "V1"}},
		{"over quota", form("DescribeRegions"), map[string]any{"status": 429.0, "code": "Rejected.Throttling", "quota": "q"}},
		{"a fault", form("ListKeys", "AccessKeyId", "faulty"), map[string]any{"accessKeyId": "faulty", "status": 503.0, "code": "ServiceUnavailableTemporary", "fault": "f"}},
		{"unknown action", form("CreatKey"), map[string]any{"status": 404.0, "code": "InvalidAction.NotFound"}},
		{"not emulated", form("GenerateMac"), map[string]any{"status": 400.0, "code": "NotEmulated"}},
		{"no action", form(""), map[string]any{"status": 400.0, "code": "MissingAction"}},
		{"wrong version", form("ListKeys", "Version", "2015-01-01"), map[string]any{"status": 400.0, "code": "InvalidVersion"}},
		{"bad format", form("ListKeys", "Format", "BSD"), map[string]any{"status": 400.0, "code": "InvalidParameter.Format"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.call("", c.params)
			parameters := map[string]any{}
			for name := range c.params {
				if !slices.Contains([]string{"AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce"}, name) {
					parameters[name] = c.params.Get(name)
				}
			}
			want := map[string]any{"time": "2026-06-01T00:00:00Z", "requestId": a.header.Get("x-acs-request-id"), "operation": c.params.Get("Action"),
				"accessKeyId": "", "scheme": "", "verified": false, "keyId": "", "secretName": "", "gateway": "shared", "parameters": parameters,
				"status": 200.0, "code": "", "fault": "", "quota": "", "replaced": nil, "resend": false}
			maps.Copy(want, c.want)
			got := s.entry(a)
			if _, ok := got["milliseconds"].(float64); !ok {
				t.Errorf("milliseconds is %v", got["milliseconds"])
			}
			delete(got, "milliseconds")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestTheJournalHasRequestsThatCouldNotBeRead(t *testing.T) {
	s := newTestServer(t)
	for _, r := range []*http.Request{
		httptest.NewRequest("PUT", "/", nil),
		httptest.NewRequest("GET", "/?Action=ListKeys&a=%zz", nil),
		httptest.NewRequest("GET", "/?Action=ListKeys&Action=ListKeys", nil),
		httptest.NewRequest("POST", "/?Action=ListKeys", brokenBody{}),
	} {
		a := served(s, r)
		if entry := s.entry(a); entry["status"] != float64(a.status) || entry["code"] != a.code() || entry["time"] != "2026-06-01T00:00:00Z" {
			t.Errorf("%s %s: %v", r.Method, r.URL, entry)
		}
	}
}

// brokenBody is a body whose client is gone.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Every request to "/" is in the journal, accepted or not.
type panickingBody struct{ io.Reader }

func (panickingBody) Read([]byte) (int, error) { panic("no body") }

func TestAPanicWhileARequestIsReadIsAnswered(t *testing.T) {
	var log bytes.Buffer
	s := newTestServer(t, logging(&log))
	a := served(s, httptest.NewRequest("POST", "/", panickingBody{}))
	if a.status != 500 || a.code() != "InternalFailure" || a.object["RequestId"] == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !strings.Contains(log.String(), "no body") {
		t.Errorf("the log does not say it: %s", log.String())
	}
	if calls := s.entries(""); len(calls) != 1 || calls[0]["code"] != "InternalFailure" {
		t.Errorf("the journal has %v", calls)
	}
}

func TestTheJournalHasRequestsOfOtherSites(t *testing.T) {
	s := newTestServer(t)
	r := httptest.NewRequest("GET", "/?Action=ListKeys", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := served(s, r); a.code() != "CrossSiteRequest" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if found := s.must("GET", "requests?code=CrossSiteRequest", "").object; found["count"] != 1.0 {
		t.Errorf("the journal has %v", found)
	}
}

func TestTheJournalHasTheSignatureVerdict(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures()
	wrong := signedForm("app", "not-the-secret", form("ListKeys"))
	if entry := s.entry(serve(s, wrong)); entry["verified"] != false || entry["accessKeyId"] != "app" || entry["scheme"] != "V1" || entry["code"] != "SignatureDoesNotMatch" {
		t.Errorf("a wrong signature: %v", entry)
	}
	if entry := s.entry(s.call("app", form("ListKeys"))); entry["verified"] != true || entry["accessKeyId"] != "app" || entry["scheme"] != "V1" {
		t.Errorf("a right signature: %v", entry)
	}
}

func TestTheJournalHasTheGateway(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	if entry := s.entry(serve(s, form("GetPublicKey", "KeyId", "key-b"), toHost(instanceHost))); entry["gateway"] != "kst-one" {
		t.Errorf("%v", entry)
	}
}

func TestACallToAnUnknownInstanceHasItsTimeInTheJournal(t *testing.T) {
	s := newTestServer(t)
	a := serve(s, form("GetPublicKey"), toHost("kst-none.cryptoservice.kms.aliyuncs.com"))
	if a.code() != "Forbidden.DKMSInstanceNotFound" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if entry := s.entry(a); entry["time"] != "2026-06-01T00:00:00Z" {
		t.Errorf("%v", entry)
	}
}

// A call that a fault answered has its key.
func TestTheKeyOfACallThatARuleAnsweredIsInTheJournal(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{match: {operation: DescribeKey}, error: InternalFailure}")
	s.must("PUT", "quotas/q", "{match: {operation: GetPublicKey}, rate: 1/s}")
	serve(s, form("GetPublicKey"))
	for _, params := range []url.Values{
		form("DescribeKey", "KeyId", "alias/demo-sm2"),
		form("DescribeKey", "KeyId", sm2Key),
		form("GetPublicKey", "KeyId", sm2Key),
	} {
		if entry := s.entry(s.call("", params)); entry["keyId"] != sm2Key {
			t.Errorf("%v: keyId is %q", params, entry["keyId"])
		}
	}
	if found := s.must("GET", "requests?keyId=alias/demo-sm2", "").object; found["count"] != 3.0 {
		t.Errorf("the filter keyId finds %v of 3", found["count"])
	}
}

// ids lists the requests that the journal has, in order.
func (s *testServer) ids(query string) (all []string) {
	s.t.Helper()
	for _, one := range s.must("GET", "requests"+query, "").object["requests"].([]any) {
		all = append(all, one.(map[string]any)["requestId"].(string))
	}
	return all
}

func TestTheJournalIsInOrderOfArrival(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{match: {operation: ListKeys}, delay: 1h}")
	done := s.hang(1, form("ListKeys"))
	later := s.mustDo("DescribeRegions")
	s.must("DELETE", "faults", "")
	first := <-done
	if first.err != nil {
		t.Fatal(first.err)
	}
	want := []string{first.answer.header.Get("x-acs-request-id"), later.header.Get("x-acs-request-id")}
	if got := s.ids(""); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTheJournalKeepsTheLastAndCountsTheDropped(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Journal = 3 })
	var sent []string
	send := func(n int) {
		for range n {
			sent = append(sent, serve(s, form("ListKeys")).header.Get("x-acs-request-id"))
		}
	}
	expect := func(when string, count, dropped float64, want ...string) {
		t.Helper()
		a := s.must("GET", "requests", "").object
		if a["count"] != count || a["dropped"] != dropped || !slices.Equal(s.ids(""), want) {
			t.Errorf("%s: count %v, dropped %v, %v; want %v, %v, %v", when, a["count"], a["dropped"], s.ids(""), count, dropped, want)
		}
	}
	expect("at first", 0, 0)
	send(3)
	expect("full", 3, 0, sent...)
	send(2)
	expect("two more", 3, 2, sent[2:]...)
	if a := s.must("DELETE", "requests?requestId="+sent[3], "").object; a["count"] != 1.0 || a["dropped"] != 2.0 {
		t.Errorf("DELETE answered %v", a)
	}
	expect("one removed", 2, 2, sent[2], sent[4])
	send(2)
	expect("full again", 3, 3, sent[4:]...)
	if a := s.must("DELETE", "requests", "").object; a["count"] != 3.0 || a["dropped"] != 3.0 {
		t.Errorf("DELETE answered %v", a)
	}
	expect("emptied", 0, 0)
	send(4)
	expect("anew", 3, 1, sent[8:]...)
	s.must("POST", "reset", "")
	expect("reset", 0, 0)
}

func TestAJournalOfNothingSaysThatItDroppedAll(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Journal = 0 })
	s.mustDo("ListKeys")
	s.mustDo("ListKeys")
	if a := s.must("GET", "requests", "").object; a["count"] != 0.0 || a["dropped"] != 2.0 {
		t.Errorf("%v", a)
	}
}

func TestTheJournalIsFilteredByEachField(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.must("PUT", "faults/f", "{match: {accessKeyId: app-b}, error: InternalFailure}")
	s.must("PUT", "quotas/q", "{match: {accessKeyId: app-c}, rate: 1/h}")
	var ids []string
	for _, c := range []struct {
		host   string
		params url.Values
	}{
		{"", form("DescribeKey", "KeyId", "alias/a", "AccessKeyId", "app-a")},                // 0
		{"", form("DescribeKey", "KeyId", "key-b", "AccessKeyId", "app-a")},                  // 1
		{"", form("ListKeys", "AccessKeyId", "app-b")},                                       // 2
		{"", form("ListKeys", "AccessKeyId", "app-c")},                                       // 3
		{"", form("ListKeys", "AccessKeyId", "app-c")},                                       // 4, over quota
		{instanceHost, form("GetPublicKey", "KeyId", "key-b", "KeyVersionId", "x")},          // 5
		{"", form("DescribeKey", "KeyId", "gone")},                                           // 6
		{"", form("GenerateMac")},                                                            // 7
		{"kms.cn-beijing.aliyuncs.com", form("DescribeKey", "KeyId", arnPrefix+"key/key-a")}, // 8
		{"", form("DescribeKey", "KeyId", "acs:kms:cn-hangzhou:0000000000000000:key/key-a")}, // 9, of another account
	} {
		ids = append(ids, serve(s, c.params, toHost(c.host)).header.Get("x-acs-request-id"))
	}
	for _, c := range []struct {
		query string
		want  []int
	}{
		{"", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"?operation=DescribeKey", []int{0, 1, 6, 8, 9}},
		{"?operation=GenerateMac", []int{7}},
		{"?keyId=key-a", []int{0, 8}},
		{"?keyId=alias/a2", []int{0, 8}},
		{"?keyId=" + url.QueryEscape(arnPrefix+"alias/a"), []int{0, 8}},
		{"?keyId=" + url.QueryEscape(arnPrefix+"key/key-b"), []int{1, 5}},
		{"?keyId=gone", []int{6}},
		{"?keyId=never", nil},
		{"?accessKeyId=app-a", []int{0, 1}},
		{"?gateway=kst-one", []int{5}},
		{"?gateway=shared&operation=GetPublicKey", nil},
		{"?fault=f", []int{2}},
		{"?fault=f&quota=q", nil},
		{"?status=500", []int{2}},
		{"?status=429&code=Rejected.Throttling", []int{4}},
		{"?fault=", []int{0, 1, 3, 4, 5, 6, 7, 8, 9}},
		{"?quota=q", []int{4}},
		{"?code=Forbidden.KeyNotFound", []int{6, 9}},
		{"?requestId=" + ids[3], []int{3}},
		{"?operation=DescribeKey&accessKeyId=app-a&keyId=key-b", []int{1}},
		{"?accessKeyId=", []int{5, 6, 7, 8, 9}},
	} {
		var want []string
		for _, i := range c.want {
			want = append(want, ids[i])
		}
		if got := s.ids(c.query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.query, got, want)
		}
	}
	if a := s.must("DELETE", "requests?accessKeyId=app-a", ""); a.object["count"] != 2.0 {
		t.Errorf("DELETE answered %s", a.body)
	}
	if got := s.ids(""); !slices.Equal(got, ids[2:]) {
		t.Errorf("left are %v, want %v", got, ids[2:])
	}
}

func TestParametersThatAreSecretOrLongAreKeptAsASize(t *testing.T) {
	long := strings.Repeat("é", 257)
	for name, c := range map[string]struct{ sent, kept string }{
		"Plaintext":      {"SGVsbG8=", "(5 bytes)"},
		"Value":          {"AAAA", "(3 bytes)"},
		"SecretData":     {"not base64", "(10 bytes)"},
		"Password":       {"", "(0 bytes)"},
		"plaintext":      {"SGVsbG8=", "(5 bytes)"}, // KMS takes no such parameter, a hand may have slipped
		"PLAINTEXT":      {"SGVsbG8=", "(5 bytes)"},
		"secretdata":     {"not base64", "(10 bytes)"},
		"Digest":         {"SGVsbG8=", "SGVsbG8="},
		"CiphertextBlob": {base64.StdEncoding.EncodeToString(make([]byte, 256)), "(256 bytes)"},
		"Description":    {strings.Repeat("é", 256), strings.Repeat("é", 256)},
		"Policy":         {long, "(514 bytes)"},
		"Unknown":        {"x", "x"},
	} {
		if got := journaled(map[string]string{name: c.sent}); got[name] != c.kept {
			t.Errorf("%s: %q, want %q", name, got[name], c.kept)
		}
	}
}

// Neither journal nor log may have what a request or an answer keeps secret.
func TestSecretsAreInNeitherJournalNorLog(t *testing.T) {
	var log strings.Builder
	s := newTestServer(t, logging(&log), func(o *Options) {
		o.Credentials = []Credential{{"app", "the-secret-of-app"}}
		o.Scenario.Credentials = scenarioOf(t, "credentials: [{accessKeyId: sts, accessKeySecret: the-secret-of-sts, securityToken: the-token-of-sts}]").Credentials
	})
	const plain = "a plaintext that nobody else may read"
	secrets := []string{plain, base64.StdEncoding.EncodeToString([]byte(plain)), "the-secret-of-app", "the-secret-of-sts", "the-token-of-sts", "PRIVATE KEY", "the-bearer-token"}
	sign := func(id string, params url.Values) testAnswer {
		if id == "sts" {
			params.Set("SecurityToken", "the-token-of-sts")
		}
		signed := signedForm(id, "the-secret-of-"+id, params)
		secrets = append(secrets, signed.Get("Signature"), signed.Get("SignatureNonce"))
		return serve(s, signed)
	}
	encrypted := sign("app", form("AsymmetricEncrypt", "KeyId", sm2Key, "KeyVersionId", sm2Version, "Algorithm", "SM2PKE", "Plaintext", secrets[1]))
	sign("sts", form("AsymmetricDecrypt", "KeyId", sm2Key, "KeyVersionId", sm2Version, "Algorithm", "SM2PKE", "CiphertextBlob", encrypted.object["CiphertextBlob"].(string)))
	sign("sts", form("CreateSecret", "SecretData", plain)) // fails
	sign("sts", form("CreateSecret", "SecretName", "app/db", "VersionId", "v1", "SecretData", plain))
	sign("app", form("PutSecretValue", "SecretName", "app/db", "VersionId", "v2", "SecretData", secrets[1], "SecretDataType", "binary"))
	sign("app", form("PutSecretValue", "SecretName", "app/db", "VersionId", "v2", "SecretData", plain)) // another value
	sign("app", form("GetSecretValue", "SecretName", "app/db"))
	sign("sts", form("BatchGetSecretValue", "SecretsList", `[{"SecretName":"app/db","VersionId":"v1"}]`))
	password := sign("app", form("GetRandomPassword"))
	secrets = append(secrets, password.object["RandomPassword"].(string))
	sign("app", form("AsymmetricEncrypt", "Plaintext", secrets[1])) // fails
	digest := base64.StdEncoding.EncodeToString(make([]byte, 32))
	signed := sign("app", form("AsymmetricSign", "KeyId", "alias/demo-sm2-sign", "KeyVersionId", "2ab1a983-7072-4bbc-a582-584b5bd80006", "Algorithm", "SM2DSA", "Digest", digest))
	secrets = append(secrets, signed.object["Value"].(string))
	sign("app", form("AsymmetricVerify", "KeyId", "alias/demo-sm2-sign", "KeyVersionId", "2ab1a983-7072-4bbc-a582-584b5bd80006", "Algorithm", "SM2DSA",
		"Digest", digest, "Value", signed.object["Value"].(string)))
	served(s, httptest.NewRequest("GET", "/?Action=ListKeys&Plaintext="+url.QueryEscape(plain)+"&x=%zz", nil))
	serve(s, form("ListKeys", "SignatureType", "BEARERTOKEN", "BearerToken", "the-bearer-token"))
	wrong := signedForm("app", "the-wrong-secret", form("ListKeys", "Plaintext", plain))
	secrets = append(secrets, wrong.Get("Signature"), "the-wrong-secret")
	if a := serve(s, wrong); a.code() != "SignatureDoesNotMatch" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.must("GET", "export", "")
	s.must("PUT", "faults/f", "{error: InternalFailure}")

	told := s.must("GET", "requests", "").body + s.must("GET", "faults/f", "").body + log.String()
	if n := len(s.ids("")); n != 15 {
		t.Fatalf("%d requests in the journal, want 15", n)
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			if strings.Contains(told, form) {
				t.Errorf("%q is told in\n%s", form, told)
			}
		}
	}
}

// The journal must not keep more of a request than the limit of a parameter.
func TestALongActionOrCallerIsNotKeptWhole(t *testing.T) {
	s := newTestServer(t)
	long := strings.Repeat("x", 1<<20)
	s.call("", form(long, "AccessKeyId", long))
	s.call("", form("ListKeys", long, "1"))
	if size := len(s.must("GET", "requests", "").body); size > 100_000 {
		t.Errorf("two requests take %d bytes of the journal", size)
	}
}

func TestMillisecondsAreRealTimeWhileTheClockStands(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{delay: 2ms}")
	entry := s.entry(s.mustDo("DescribeRegions"))
	if entry["milliseconds"].(float64) < 2 || entry["time"] != "2026-06-01T00:00:00Z" {
		t.Errorf("%v", entry)
	}
}

// The time of an entry is the moment at which it was decided what becomes of a call.
func TestTheTimeOfAnEntryIsThatOfTheDecision(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{delay: 1h}")
	done := s.hang(1, form("ListKeys"))
	s.must("POST", "clock/advance", "{by: 1d}")
	s.must("DELETE", "faults", "")
	<-done
	if entry := s.entries("ListKeys")[0]; entry["time"] != "2026-06-01T00:00:00Z" {
		t.Errorf("%v", entry)
	}
}

// What a reset drops belongs to what was before: the next test must not meet it.
func TestACallThatAResetDropsIsNotInTheEmptiedJournal(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{delay: 1h}")
	const calls = 20
	done := s.hang(calls, form("ListKeys"))
	s.must("POST", "reset", "")
	for range calls {
		if got := <-done; got.err == nil {
			t.Fatalf("%d %s", got.answer.status, got.answer.body)
		}
	}
	if a := s.must("GET", "requests", ""); a.object["count"] != 0.0 || a.object["dropped"] != 0.0 {
		t.Errorf("%s", a.body)
	}
}

func TestAnEntryReadsAsTheGoTypeSays(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{error: InternalFailure, phase: after}")
	s.do("ListKeys")
	var told struct{ Requests []Call }
	if err := json.Unmarshal([]byte(s.must("GET", "requests", "").body), &told); err != nil {
		t.Fatal(err)
	}
	got := told.Requests[0]
	if !got.Time.Equal(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)) || fmt.Sprint(*got.Replaced) != "{200 }" || got.Operation != "ListKeys" || got.Status != 500 {
		t.Errorf("%+v", got)
	}
}
