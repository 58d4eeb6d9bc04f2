package emulator

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/kms"
)

// raw sends bytes over a connection of its own and reads one answer. Redirects
// are not followed.
func raw(t *testing.T, address, text string) testAnswer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, text) // a refusal may come before it is read
	method, _, _ := strings.Cut(text, " ")
	r, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.80q: %v", text, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := testAnswer{status: r.StatusCode, header: r.Header, body: string(body)}
	json.Unmarshal(body, &a.object) // what is no JSON has no fields
	return a
}

// wideServer takes headers as large as main does, for values in the URL.
func wideServer(t *testing.T, change ...func(*Options)) (s *testServer, address string) {
	s = newTestServer(t, change...)
	web := httptest.NewUnstartedServer(s)
	web.Config.MaxHeaderBytes = 4 << 20
	web.Start()
	t.Cleanup(web.Close)
	s.url = web.URL
	return s, strings.TrimPrefix(web.URL, "http://")
}

// get and post write a request as a client would. Header lines end with \r\n.
func get(target string, header ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(header, "") + "\r\n"
}

func post(target, body string, header ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n%s\r\n%s",
		target, len(body), strings.Join(header, ""), body)
}

// expectRefusal checks that an answer is an error as any client can read it.
func expectRefusal(t *testing.T, what string, a testAnswer, status int, code string) {
	t.Helper()
	if a.status != status || a.code() != code {
		t.Errorf("%s: %d %q, want %d %s; %.300s", what, a.status, a.code(), status, code, a.body)
		return
	}
	for _, name := range []string{"RequestId", "HostId", "Code", "Message", "Recommend"} {
		if _, ok := a.object[name].(string); !ok {
			t.Errorf("%s: %s is %v, want a text; %.300s", what, name, a.object[name], a.body)
		}
	}
	if a.object["HttpStatus"] != float64(status) || a.object["Message"] == "" {
		t.Errorf("%s: %.300s", what, a.body)
	}
	if a.header.Get("Content-Type") != contentTypeJSON || a.header.Get("Location") != "" || a.header.Get("x-acs-request-id") != a.object["RequestId"] {
		t.Errorf("%s: headers %v", what, a.header)
	}
}

func TestABadRequestIsRefusedWithItsDocumentedError(t *testing.T) {
	_, address := wideServer(t)
	const key = "KeyId=" + sm2Key + "&KeyVersionId=" + sm2Version + "&Algorithm=SM2PKE"
	large := url.QueryEscape(base64.StdEncoding.EncodeToString(make([]byte, 1<<20)))
	for _, c := range []struct {
		name, text string
		status     int
		code       string
	}{
		{"no action", get("/"), 400, "MissingAction"},
		{"no action in a form", post("/", "KeyId=x"), 400, "MissingAction"},
		{"empty action", get("/?Action="), 400, "MissingAction"},
		{"unknown action", get("/?Action=CreatKey"), 404, "InvalidAction.NotFound"},
		{"action in another case", get("/?Action=createkey"), 404, "InvalidAction.NotFound"},
		{"action that is not emulated", get("/?Action=RotateSecret"), 400, "NotEmulated"},
		{"GenerateMac", get("/?Action=GenerateMac"), 400, "NotEmulated"},
		{"wrong version", get("/?Action=ListKeys&Version=2016-01-21"), 400, "InvalidVersion"},
		{"unknown format", get("/?Action=ListKeys&Format=yaml"), 400, "InvalidParameter.Format"},
		{"instance protocol", post("/", "\x0a\x05key-1", "x-kms-apiname: Encrypt\r\n"), 400, "NotEmulated"},

		{"missing parameter", get("/?Action=DescribeKey"), 400, "MissingParameter"},
		{"empty parameter", get("/?Action=DescribeKey&KeyId="), 400, "MissingParameter"},
		{"parameter without =", get("/?Action=DescribeKey&KeyId"), 400, "MissingParameter"},
		{"empty plaintext", get("/?Action=AsymmetricEncrypt&" + key + "&Plaintext="), 400, "MissingParameter"},
		{"missing plaintext", get("/?Action=AsymmetricEncrypt&" + key), 400, "MissingParameter"},
		{"bad base64", get("/?Action=AsymmetricEncrypt&" + key + "&Plaintext=a"), 400, "InvalidParameter"},
		{"base64 of URLs", get("/?Action=AsymmetricEncrypt&" + key + "&Plaintext=-_-_"), 400, "InvalidParameter"},
		{"base64 without padding", get("/?Action=AsymmetricEncrypt&" + key + "&Plaintext=SGVsbG8"), 400, "InvalidParameter"},
		{"1 MiB plaintext in the query", get("/?Action=AsymmetricEncrypt&" + key + "&Plaintext=" + large), 400, "InvalidParameter"},
		{"1 MiB plaintext in a form", post("/", "Action=AsymmetricEncrypt&"+key+"&Plaintext="+large), 400, "InvalidParameter"},
		{"more than 4 MiB of body", post("/", "Action=ListKeys&x="+strings.Repeat("x", 4<<20)), 400, "ParseRequestParameterException"},
		{"truncated ciphertext", get("/?Action=AsymmetricDecrypt&" + key + "&CiphertextBlob=BAAA"), 400, "InvalidParameter"},
		{"unknown algorithm", get("/?Action=AsymmetricEncrypt&KeyId=" + sm2Key + "&KeyVersionId=" + sm2Version + "&Algorithm=RSA&Plaintext=AAAA"), 400, "InvalidParameter"},
		{"algorithm of another spec", get("/?Action=AsymmetricEncrypt&KeyId=" + sm2Key + "&KeyVersionId=" + sm2Version + "&Algorithm=RSAES_OAEP_SHA_1&Plaintext=AAAA"), 400, "Rejected.UnsupportedOperation"},
		{"another usage", get("/?Action=AsymmetricSign&KeyId=" + sm2Key + "&KeyVersionId=" + sm2Version + "&Algorithm=SM2DSA&Digest=AAAA"), 400, "UnsupportedOperation"},
		{"version of another key", get("/?Action=DescribeKeyVersion&KeyId=" + sm2Key + "&KeyVersionId=" + rsaVersion), 404, "Forbidden.KeyVersionNotFound"},
		{"unknown key", get("/?Action=DescribeKey&KeyId=key-x"), 404, "Forbidden.KeyNotFound"},
		{"unknown alias", get("/?Action=DescribeKey&KeyId=alias/x"), 404, "Forbidden.AliasNotFound"},
		{"alias without prefix", get("/?Action=DescribeKey&KeyId=demo-sm2"), 404, "Forbidden.KeyNotFound"},
		{"alias where none is allowed", get("/?Action=EnableKey&KeyId=alias/demo-sm2"), 400, "Unsupported.Alias"},
		{"ARN of another account", get("/?Action=DescribeKey&KeyId=acs:kms:cn-hangzhou:0000000000000000:key/" + sm2Key), 404, "Forbidden.KeyNotFound"},
		{"ARN of another region", get("/?Action=DescribeKey&KeyId=acs:kms:cn-beijing:1234567890123456:key/" + sm2Key), 404, "Forbidden.KeyNotFound"},
		{"number that is none", get("/?Action=ListKeys&PageSize=ten"), 400, "InvalidParameter"},
		{"number too large", get("/?Action=ListKeys&PageNumber=9999999999999999999999"), 400, "InvalidParameter"},
		{"page too large", get("/?Action=ListKeys&PageSize=101"), 400, "InvalidParameter"},
		{"truth that is none", get("/?Action=GetPublicKey&KeyId=x&KeyVersionId=x&DryRun=1"), 400, "InvalidParameter"},
		{"filters that are no JSON", get("/?Action=ListKeys&Filters=[{"), 400, "InvalidParameter"},
		{"filters of another shape", get("/?Action=ListKeys&Filters={}"), 400, "InvalidParameter"},
		{"tags of another shape", get("/?Action=CreateKey&KeySpec=EC_SM2&Tags=[1]"), 400, "InvalidParameter"},

		{"non-UTF-8 value", get("/?Action=DescribeKey&KeyId=%ff%fe"), 400, "InvalidParameter"},
		{"non-UTF-8 name", get("/?Action=DescribeKey&%ff=x"), 400, "ParseRequestParameterException"},
		{"non-UTF-8 in a form", post("/", "Action=DescribeKey&KeyId=\xff"), 400, "InvalidParameter"},
		{"non-UTF-8 action", get("/?Action=%ff"), 400, "InvalidParameter"},
		{"semicolon in the query", get("/?Action=DescribeKey;KeyId=x"), 400, "ParseRequestParameterException"},
		{"semicolon in a form", post("/", "Action=DescribeKey;KeyId=x"), 400, "ParseRequestParameterException"},
		{"%zz in the query", get("/?Action=DescribeKey&KeyId=%zz"), 400, "ParseRequestParameterException"},
		{"%zz in a name", get("/?Action=DescribeKey&%zz=x"), 400, "ParseRequestParameterException"},
		{"% at the end", get("/?Action=DescribeKey&KeyId=%"), 400, "ParseRequestParameterException"},
		{"%zz in a form", post("/", "Action=DescribeKey&KeyId=%zz"), 400, "ParseRequestParameterException"},
		{"twice in the query", get("/?Action=DescribeKey&KeyId=a&KeyId=a"), 400, "InvalidParameter"},
		{"twice in a form", post("/", "Action=DescribeKey&KeyId=a&KeyId=b"), 400, "InvalidParameter"},
		{"in query and form", post("/?KeyId=a", "Action=DescribeKey&KeyId=a"), 400, "InvalidParameter"},
		{"action twice", get("/?Action=DescribeKey&Action=DescribeKey"), 400, "InvalidParameter"},

		{"PUT", "PUT /?Action=ListKeys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 403, "UnsupportedHTTPMethod"},
		{"DELETE", "DELETE /?Action=ListKeys HTTP/1.1\r\nHost: localhost\r\n\r\n", 403, "UnsupportedHTTPMethod"},
		{"OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n", 403, "UnsupportedHTTPMethod"},
		{"a method of nobody's", "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 403, "UnsupportedHTTPMethod"},
		{"//", get("//?Action=ListKeys"), 404, "InvalidAction.NotFound"},
		{"/.", get("/.?Action=ListKeys"), 404, "InvalidAction.NotFound"},
		{"/x/..", get("/x/..?Action=ListKeys"), 404, "InvalidAction.NotFound"},
		{"another path", get("/keys"), 404, "InvalidAction.NotFound"},
		{"another path, POST", post("/index.html", "Action=ListKeys"), 404, "InvalidAction.NotFound"},
		{"path of the controls without its end", get("/_emulator"), 404, "InvalidAction.NotFound"},
		{"controls behind //", get("//_emulator/faults"), 404, "InvalidAction.NotFound"},
		{"CONNECT", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n", 404, "InvalidAction.NotFound"},
		{"the whole URL", get("http://localhost/?Action=DescribeKey"), 400, "MissingParameter"},
	} {
		t.Run(c.name, func(t *testing.T) { expectRefusal(t, c.name, raw(t, address, c.text), c.status, c.code) })
	}
}

func TestAHeadIsRefusedWithoutABodyAsHTTPWants(t *testing.T) {
	_, address := wideServer(t)
	a := raw(t, address, "HEAD /?Action=ListKeys HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if a.status != 403 || a.body != "" || a.header.Get("Content-Type") != contentTypeJSON || a.header.Get("Content-Length") == "0" {
		t.Errorf("%d %v %q", a.status, a.header, a.body)
	}
}

func TestTheErrorNamesItsParameter(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct{ query, message string }{
		{"Action=DescribeKey", "The parameter  KeyId  needed but no provided."},
		{"Action=ListKeys&PageSize=0", "The specified parameter PageSize is not valid."},
		{"Action=ListKeys&%E9%94%AE=%ff", "The specified parameter 键 is not valid."},
		{"Action=ListKeys&a=1&a=2", "The specified parameter a is not valid."},
		{"Action=GenerateMac", "alikms does not emulate GenerateMac."},
		{"Action=Decrypt&CiphertextBlob=AAAA", "The specified parameter CiphertextBlob is not valid. " +
			"It is no ciphertext of a symmetric key; that of an asymmetric key is decrypted with AsymmetricDecrypt."},
	} {
		if a := served(s, httptest.NewRequest("GET", "/?"+c.query, nil)); a.object["Message"] != c.message {
			t.Errorf("%s: %s", c.query, a.body)
		}
	}
}

func TestWhatDoesNotMatterIsIgnored(t *testing.T) {
	_, address := wideServer(t)
	for name, text := range map[string]string{
		"unknown parameters":                get("/?Action=ListKeys&RegionId=cn-hangzhou&SourceIp=1.2.3.4&X=y&Tag.1.Key=a"),
		"empty pairs":                       get("/?&&Action=ListKeys&&"),
		"a body that is no form":            "POST /?Action=ListKeys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":;}",
		"an empty form":                     post("/?Action=ListKeys", ""),
		"a form with a charset":             "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nContent-Length: 15\r\n\r\nAction=ListKeys",
		"a chunked form":                    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nf\r\nAction=ListKeys\r\n0\r\n\r\n",
		"the case of Format":                get("/?Action=ListKeys&Format=json"),
		"the right version":                 get("/?Action=ListKeys&Version=2016-01-20"),
		"a space written +":                 get("/?Action=ListKeys&X=a+b"),
		"a redundant header beside V1":      get("/?Action=ListKeys", "x-acs-action: ListKeys\r\nx-acs-version: 2016-01-20\r\n"),
		"an encoded semicolon":              get("/?Action=ListKeys&X=a%3Bb"),
		"a host of a private domain":        "GET /?Action=ListKeys HTTP/1.1\r\nHost: kms.example.test\r\n\r\n",
		"an OpenAPI call with x-kms-header": get("/?Action=ListKeys", "x-kms-apiname: ListKeys\r\n"),
	} {
		if a := raw(t, address, text); a.status != http.StatusOK || a.object["TotalCount"] != 6.0 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// manners are the ways in which a client may send an action with its parameters.
var manners = map[string]func(host string, params url.Values) *http.Request{
	"GET with a query": func(host string, params url.Values) *http.Request {
		r, _ := http.NewRequest("GET", host+"/?"+params.Encode(), nil)
		return r
	},
	"POST with a query": func(host string, params url.Values) *http.Request {
		r, _ := http.NewRequest("POST", host+"/?"+params.Encode(), nil)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as Go classic, without a body
		return r
	},
	"POST with a form": func(host string, params url.Values) *http.Request {
		r, _ := http.NewRequest("POST", host+"/", strings.NewReader(params.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	},
	"POST with both": func(host string, params url.Values) *http.Request {
		query := url.Values{"Action": params["Action"], "Format": {"json"}}
		params.Del("Action")
		r, _ := http.NewRequest("POST", host+"/?"+query.Encode(), strings.NewReader(params.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	},
	"GET with headers":  withActionHeaders("GET"),
	"POST with headers": withActionHeaders("POST"),
	"headers and a form": func(host string, params url.Values) *http.Request {
		action := params.Get("Action")
		params.Del("Action")
		r, _ := http.NewRequest("POST", host+"/", strings.NewReader(params.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("x-acs-action", action)
		r.Header.Set("x-acs-version", "2016-01-20")
		return r
	},
}

func withActionHeaders(method string) func(string, url.Values) *http.Request {
	return func(host string, params url.Values) *http.Request {
		action := params.Get("Action")
		params.Del("Action")
		r, _ := http.NewRequest(method, host+"/?"+params.Encode(), nil)
		r.Header["x-acs-action"] = []string{action} // in lower case, as the Tea SDKs send it
		r.Header["x-acs-version"] = []string{"2016-01-20"}
		return r
	}
}

// However it is sent, every operation answers as its transcript says, up to its
// first success and its first error.
func TestEveryOperationAnswersHoweverItIsSent(t *testing.T) {
	long(t)
	both := func(seen map[string]bool) bool { return seen[""] && len(seen) > 1 }
	for manner, request := range manners {
		t.Run(manner, func(t *testing.T) {
			t.Parallel()
			send := func(s *testServer, caller string, params url.Values) testAnswer {
				if caller != "" {
					return s.call(caller, params) // a V1 signature is of one manner
				}
				r, err := http.DefaultClient.Do(request(s.url, params))
				if err != nil {
					t.Fatal(err)
				}
				return s.read(r)
			}
			for _, op := range kms.Operations {
				t.Run(op.Name, func(t *testing.T) { play(t, transcriptPath(op.Name), op.Name, send, both) })
			}
		})
	}
}

// Every conversation goes as its transcript says in XML too.
func TestEveryOperationAnswersInXML(t *testing.T) {
	long(t)
	playAll(t, func(s *testServer, caller string, params url.Values) testAnswer {
		action := params.Get("Action")
		params.Set("Format", "xml")
		a := s.call(caller, params)
		root := action + "Response"
		if a.status != http.StatusOK {
			root = "Error"
		}
		if a.header.Get("Content-Type") != "text/xml;charset=utf-8" || !strings.HasPrefix(a.body, `<?xml version="1.0" encoding="UTF-8"?><`+root+">") {
			t.Errorf("%s: %v %s", action, a.header, a.body)
		}
		return a
	})
}

func TestListsAreRepeatedElementsInXML(t *testing.T) {
	s := newTestServer(t)
	a := s.call("", form("ListAliases", "PageSize", "2", "Format", "XML"))
	var told struct {
		Aliases struct {
			Alias []struct{ AliasName, AliasArn, KeyId string }
		}
		PageNumber, PageSize, TotalCount int
	}
	if err := xml.Unmarshal([]byte(a.body), &told); err != nil || len(told.Aliases.Alias) != 2 || told.TotalCount != 6 || told.PageSize != 2 || told.PageNumber != 1 {
		t.Errorf("%v %s", err, a.body)
	}
}

func TestAnErrorInXMLHasTheRootThatSDKsRead(t *testing.T) {
	s := newTestServer(t)
	for _, query := range []string{"Action=DescribeKey", "Action=Nothing", "", "Action=ListKeys&Version=x", "Action=ListKeys&PageSize=%3Cb%3E"} {
		a := served(s, httptest.NewRequest("GET", "/?Format=XML&"+query, nil))
		var told struct {
			XMLName                                     xml.Name
			RequestId, HostId, Code, Message, Recommend string
			HttpStatus                                  int
		}
		if err := xml.Unmarshal([]byte(a.body), &told); err != nil {
			t.Fatalf("%v: %s", err, a.body)
		}
		if told.XMLName.Local != "Error" || told.Code == "" || told.Message == "" || told.HostId == "" || told.RequestId != a.header.Get("x-acs-request-id") || told.HttpStatus != a.status {
			t.Errorf("%s: %s", query, a.body)
		}
		if a.header.Get("Content-Type") != "text/xml;charset=utf-8" || a.status < 400 {
			t.Errorf("%s: %d %v", query, a.status, a.header)
		}
	}
}

func TestAHostThatAlikmsDoesNotStandInForIsRefused(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.AllowHosts = []string{"kms.example.org"} })
	before := s.must("GET", "export", "").body
	for _, host := range []string{"evil.example", "evil.example:8080", "kms.under_score.aliyuncs.com", "localhost.evil.example"} {
		a := serve(s, form("DisableKey", "KeyId", sm2Key), toHost(host))
		if a.status != 403 || a.code() != "HostNotAllowed" || !strings.Contains(a.body, "--allow-host") {
			t.Errorf("%s: %d %s", host, a.status, a.body)
		}
		for _, path := range []string{"export", "clock", "faults"} {
			r := httptest.NewRequest("GET", "/_emulator/"+path, nil)
			r.Host = host
			if a := served(s, r); a.status != 403 || !strings.Contains(a.body, "HostNotAllowed") || !strings.Contains(a.body, "--allow-host") {
				t.Errorf("%s of %s: %d %s", path, host, a.status, a.body)
			}
		}
	}
	if after := s.must("GET", "export", "").body; after != before {
		t.Error("a refused call changed something")
	}
	for _, host := range []string{"kms.example.org", "alikms:8080", "10.0.0.1", "kms.cn-hangzhou.aliyuncs.com"} {
		if a := serve(s, form("DescribeRegions"), toHost(host)); a.status != 200 {
			t.Errorf("%s: %d %s", host, a.status, a.body)
		}
	}
}

// A web page cannot sign, so what is signed is answered under any name, as
// behind a proxy.
func TestASignedRequestIsAnsweredUnderAnyHost(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures()
	if a := serve(s, signedForm("app", "app-secret", form("ListKeys")), toHost("kms.company.example")); a.status != 200 {
		t.Errorf("signed: %d %s", a.status, a.body)
	}
	if a := serve(s, signedForm("app", "wrong", form("ListKeys")), toHost("kms.company.example")); a.code() != "HostNotAllowed" {
		t.Errorf("signed wrongly: %d %s", a.status, a.body)
	}
	if a := serve(s, form("ListKeys"), toHost("kms.company.example")); a.code() != "HostNotAllowed" {
		t.Errorf("unsigned: %d %s", a.status, a.body)
	}
}

func TestWhatAWebPageOfAnotherSiteSendsIsRefused(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct {
		name    string
		header  map[string]string
		refused bool
	}{
		{"cross-site", map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		{"another port of the same site", map[string]string{"Sec-Fetch-Site": "same-site"}, true},
		{"an old browser", map[string]string{"Origin": "https://evil.example"}, true},
		{"a page in a file", map[string]string{"Origin": "null"}, true},
		{"typed into the address bar", map[string]string{"Sec-Fetch-Site": "none"}, false},
		{"a page of alikms", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8080"}, false},
		{"an old browser, a page of alikms", map[string]string{"Origin": "http://localhost:8080"}, false},
		{"no browser", nil, false},
	} {
		for _, target := range []string{"GET /?Action=ListKeys", "POST /?Action=ListKeys", "GET /_emulator/export", "GET /_emulator/faults",
			"GET /_emulator/requests", "DELETE /_emulator/faults", "POST /_emulator/reset", "GET /_emulator/clock", "GET /_emulator/scenario", "GET /_emulator/sample?sdk=go&operation=ListKeys"} {
			method, path, _ := strings.Cut(target, " ")
			r := httptest.NewRequest(method, path, nil)
			r.Host = "localhost:8080"
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			a := served(s, r)
			switch {
			case c.refused && path[1] == '_':
				if a.status != http.StatusForbidden || a.object["errors"] == nil {
					t.Errorf("%s, %s: %d %s", c.name, target, a.status, a.body)
				}
			case c.refused:
				expectRefusal(t, c.name+", "+target, a, 403, "CrossSiteRequest")
			case a.status != http.StatusOK:
				t.Errorf("%s, %s: %d %s", c.name, target, a.status, a.body)
			}
		}
	}
}

// signer signs requests with the functions that check them; the vectors of
// signature_test.go show that those are the SDKs'.
type signer struct {
	scheme, id, secret, token string
	date                      time.Time
	nonce                     string
	body                      string // a form
	hash                      string // in the header instead of the body's own
}

func (g signer) request(query url.Values) *http.Request {
	if g.scheme == "V1" {
		return g.v1(query)
	}
	r := httptest.NewRequest("POST", "/?"+query.Encode(), strings.NewReader(g.body))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	algorithms := map[string]string{"V3": "ACS3-HMAC-SHA256", "V3-SM3": "ACS3-HMAC-SM3", "V4": "ACS4-HMAC-SHA256"}
	algorithm, credential := algorithms[g.scheme], g.id
	if g.scheme == "V4" {
		credential = strings.Join([]string{g.id, g.date.Format("20060102"), "center", "Kms", "aliyun_v4_request"}, "/")
	}
	parse := func(signed, signature string) auth.Authorization {
		a, err := auth.ParseAuthorization(algorithm + " Credential=" + credential + ",SignedHeaders=" + signed + ",Signature=" + signature)
		if err != nil {
			panic(err)
		}
		return a
	}
	headers := map[string]string{
		"x-acs-action": "ListKeys", "x-acs-version": "2016-01-20", "x-acs-date": g.date.UTC().Format("2006-01-02T15:04:05Z"),
		"x-acs-signature-nonce": g.nonce, "x-acs-security-token": g.token, "x-acs-content-sha256": parse("host", "0").PayloadHash([]byte(g.body)),
	}
	if g.hash != "" {
		headers["x-acs-content-sha256"] = g.hash
	}
	names := []string{"content-type", "host"}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if headers[name] != "" {
			r.Header.Set(name, headers[name])
			names = append(names, name)
		}
	}
	signed := strings.Join(names, ";")
	flat := map[string]string{}
	for name := range query {
		flat[name] = query.Get(name)
	}
	_, _, signature := parse(signed, "0").Sign(g.secret, auth.SignedRequest{Method: "POST", Path: "/", Host: r.Host, Query: flat, Header: r.Header, Body: []byte(g.body)})
	r.Header.Set("Authorization", algorithm+" Credential="+credential+",SignedHeaders="+signed+",Signature="+signature)
	return r
}

func (g signer) v1(query url.Values) *http.Request {
	flat := map[string]string{"Action": "ListKeys", "AccessKeyId": g.id, "SignatureMethod": "HMAC-SHA256", "SignatureVersion": "1.0",
		"SignatureNonce": g.nonce, "Timestamp": g.date.UTC().Format("2006-01-02T15:04:05Z"), "SignatureType": ""}
	if g.token != "" {
		flat["SecurityToken"] = g.token
	}
	for name := range query {
		flat[name] = query.Get(name)
	}
	newHash, _ := auth.V1Hash(flat)
	_, signature := auth.SignV1(newHash, g.secret, "POST", flat)
	params := url.Values{"Signature": {signature}}
	for name, value := range flat {
		params.Set(name, value)
	}
	return httptest.NewRequest("POST", "/?"+params.Encode(), nil)
}

var schemes = []string{"V1", "V3", "V3-SM3", "V4"}

// signedServer knows app, and sts with a token, at a real time that stands.
func signedServer(t *testing.T, real *realTime) *testServer {
	s := newTestServer(t, at(real))
	s.know(map[string]auth.Credential{"app": {Secret: "app-secret"}, "sts": {Secret: "sts-secret", Token: "sts-token"}})
	return s
}

func TestASignatureIsCheckedInEveryScheme(t *testing.T) {
	real := standingAt(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	const mismatch = "SignatureDoesNotMatch"
	for _, c := range []struct {
		name   string
		change func(*signer)
		status int
		code   string
	}{
		{"right", func(*signer) {}, 200, ""},
		{"wrong secret", func(g *signer) { g.secret = "x" }, 400, mismatch},
		{"unknown AccessKey", func(g *signer) { g.id = "x" }, 404, "InvalidAccessKeyId.NotFound"},
		{"15 minutes early", func(g *signer) { g.date = g.date.Add(15 * time.Minute) }, 200, ""},
		{"15 minutes late", func(g *signer) { g.date = g.date.Add(-15 * time.Minute) }, 200, ""},
		{"16 minutes early", func(g *signer) { g.date = g.date.Add(16 * time.Minute) }, 400, "InvalidTimeStamp.Expired"},
		{"16 minutes late", func(g *signer) { g.date = g.date.Add(-16 * time.Minute) }, 400, "InvalidTimeStamp.Expired"},
		{"no nonce", func(g *signer) { g.nonce = "" }, 400, "MissingSignatureNonce"},
		{"a token that is right", func(g *signer) { g.id, g.secret, g.token = "sts", "sts-secret", "sts-token" }, 200, ""},
		{"a token that is missing", func(g *signer) { g.id, g.secret = "sts", "sts-secret" }, 400, "MissingSecurityToken"},
		{"a token that is wrong", func(g *signer) { g.id, g.secret, g.token = "sts", "sts-secret", "x" }, 400, "InvalidSecurityToken.Malformed"},
		{"a token for a key that has none", func(g *signer) { g.token = "x" }, 400, "InvalidSecurityToken.Malformed"},
	} {
		for _, scheme := range schemes {
			s := signedServer(t, real)
			g := signer{scheme: scheme, id: "app", secret: "app-secret", date: real.now(), nonce: uuid.NewString()}
			c.change(&g)
			a := served(s, g.request(url.Values{"PageSize": {"5"}, "Empty": {""}, "Odd": {"a b+c*~/é"}}))
			if c.status != 200 {
				expectRefusal(t, scheme+", "+c.name, a, c.status, c.code)
			} else if a.status != 200 || a.object["PageSize"] != 5.0 {
				t.Errorf("%s, %s: %d %s", scheme, c.name, a.status, a.body)
			}
			if entry := s.entry(a); entry["scheme"] != scheme[:2] || entry["verified"] != (c.status == 200) || entry["accessKeyId"] != g.id {
				t.Errorf("%s, %s: the journal has %v", scheme, c.name, entry)
			}
		}
	}
}

func TestWhatWasChangedAfterSigningIsRefused(t *testing.T) {
	real := standingAt(time.Now())
	for _, scheme := range schemes {
		s := signedServer(t, real)
		for name, change := range map[string]func(*http.Request){
			"a value":  func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "PageSize=5", "PageSize=6", 1) },
			"one more": func(r *http.Request) { r.URL.RawQuery += "&Another=1" },
			"method":   func(r *http.Request) { r.Method = "GET" },
		} {
			r := signer{scheme: scheme, id: "app", secret: "app-secret", date: real.now(), nonce: uuid.NewString()}.request(url.Values{"PageSize": {"5"}})
			change(r)
			expectRefusal(t, scheme+", "+name, served(s, r), 400, "SignatureDoesNotMatch")
		}
		if scheme == "V1" {
			continue // has no signed headers
		}
		for name, change := range map[string]func(*http.Request){
			"host":         func(r *http.Request) { r.Host = "127.0.0.1:8081" },
			"action":       func(r *http.Request) { r.Header.Set("x-acs-action", "DescribeRegions") },
			"body":         func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("PageNumber=2")) },
			"hash of body": func(r *http.Request) { r.Header.Set("x-acs-content-sha256", strings.Repeat("0", 64)) },
			"no hash":      func(r *http.Request) { r.Header.Del("x-acs-content-sha256") },
			"nonce":        func(r *http.Request) { r.Header.Set("x-acs-signature-nonce", "another") },
			"signed headers": func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
			},
		} {
			r := signer{scheme: scheme, id: "app", secret: "app-secret", date: real.now(), nonce: uuid.NewString(), body: "PageNumber=1"}.request(url.Values{})
			change(r)
			expectRefusal(t, scheme+", "+name, served(s, r), 400, "SignatureDoesNotMatch")
		}
	}
}

// A hash that was signed, and is not the body's.
func TestTheHashOfTheBodyHasToBeThatOfTheBody(t *testing.T) {
	real := standingAt(time.Now())
	s := signedServer(t, real)
	for _, scheme := range schemes[1:] {
		g := signer{scheme: scheme, id: "app", secret: "app-secret", date: real.now(), nonce: uuid.NewString(), body: "PageNumber=1"}
		if a := served(s, g.request(url.Values{})); a.status != 200 {
			t.Errorf("%s: %d %s", scheme, a.status, a.body)
		}
		g.nonce, g.hash = uuid.NewString(), strings.Repeat("0", 64)
		expectRefusal(t, scheme, served(s, g.request(url.Values{})), 400, "SignatureDoesNotMatch")
	}
}

func TestANonceIsUsedOnceByRealTime(t *testing.T) {
	for _, scheme := range schemes {
		real := standingAt(time.Now())
		s := signedServer(t, real)
		g := signer{scheme: scheme, id: "app", secret: "wrong", date: real.now(), nonce: "n"}
		expectRefusal(t, scheme, served(s, g.request(url.Values{})), 400, "SignatureDoesNotMatch")
		g.secret = "app-secret" // a refused request has used up nothing
		if a := served(s, g.request(url.Values{})); a.status != 200 {
			t.Errorf("%s: %d %s", scheme, a.status, a.body)
		}
		expectRefusal(t, scheme, served(s, g.request(url.Values{})), 400, "SignatureNonceUsed")
		other := signer{scheme: scheme, id: "sts", secret: "sts-secret", token: "sts-token", date: real.now(), nonce: "n"}
		if a := served(s, other.request(url.Values{})); a.status != 200 {
			t.Errorf("%s, another caller: %d %s", scheme, a.status, a.body)
		}
		s.must("POST", "clock/advance", "{by: 1d}")
		expectRefusal(t, scheme+", a day on", served(s, g.request(url.Values{})), 400, "SignatureNonceUsed")
		real.add(15 * time.Minute)
		g.date = real.now()
		if a := served(s, g.request(url.Values{})); a.status != 200 {
			t.Errorf("%s, after the window: %d %s", scheme, a.status, a.body)
		}
	}
}

func TestWhoIsNobodyIsRefusedWhereCredentialsAreConfigured(t *testing.T) {
	real := standingAt(time.Now())
	s := signedServer(t, real)
	date := real.now().UTC().Format("2006-01-02T15:04:05Z")
	for _, c := range []struct {
		name   string
		query  string
		header map[string]string
		code   string
	}{
		{"unsigned", "", nil, "MissingAccessKeyId"},
		{"an AccessKeyId alone", "&AccessKeyId=app", nil, "IncompleteSignature"},
		{"an empty AccessKeyId", "&AccessKeyId=&Signature=x", nil, "InvalidParameter"},
		{"no method", "&AccessKeyId=app&Signature=x", nil, "InvalidSignatureMethod"},
		{"RSA", "&AccessKeyId=app&Signature=x&SignatureMethod=SHA256withRSA&SignatureType=PRIVATEKEY", nil, "InvalidSignatureMethod"},
		{"bearer", "&SignatureType=BEARERTOKEN&BearerToken=x", nil, "InvalidSignatureMethod"},
		{"bearer in a header", "", map[string]string{"x-acs-bearer-token": "x"}, "InvalidSignatureMethod"},
		{"no time", "&AccessKeyId=app&Signature=x&SignatureMethod=HMAC-SHA1&SignatureNonce=n", nil, "IllegalTimestamp"},
		{"a time that is none", "&AccessKeyId=app&Signature=x&SignatureMethod=HMAC-SHA1&SignatureNonce=n&Timestamp=now", nil, "InvalidTimeStamp.Format"},
		{"a time in another zone", "&AccessKeyId=app&Signature=x&SignatureMethod=HMAC-SHA1&SignatureNonce=n&Timestamp=2026-01-01T00:00:00%2B08:00", nil, "InvalidTimeStamp.Format"},
		{"V3 by RSA", "", map[string]string{"Authorization": "ACS3-RSA-SHA256 Credential=app,SignedHeaders=host,Signature=x"}, "InvalidSignatureMethod"},
		{"V4 by SM3", "", map[string]string{"Authorization": "ACS4-HMAC-SM3 Credential=app/1/2/3/aliyun_v4_request,SignedHeaders=host,Signature=x"}, "InvalidSignatureMethod"},
		{"V3 without parts", "", map[string]string{"Authorization": "ACS3-HMAC-SHA256"}, "IncompleteSignature"},
		{"V4 without a scope", "", map[string]string{"Authorization": "ACS4-HMAC-SHA256 Credential=app,SignedHeaders=host,Signature=x"}, "IncompleteSignature"},
		{"V3 without a date", "", map[string]string{"Authorization": "ACS3-HMAC-SHA256 Credential=app,SignedHeaders=host,Signature=x"}, "IllegalTimestamp"},
		{"V3 without a nonce", "", map[string]string{"Authorization": "ACS3-HMAC-SHA256 Credential=app,SignedHeaders=host,Signature=x", "x-acs-date": date}, "MissingSignatureNonce"},
	} {
		r := httptest.NewRequest("GET", "/?Action=ListKeys"+c.query, nil)
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		expectRefusal(t, c.name, served(s, r), 400, c.code)
	}
}

// What the action is comes before who asks: SDKs show it to people who have set
// up the wrong product.
func TestTheActionIsCheckedBeforeTheSignature(t *testing.T) {
	real := standingAt(time.Now())
	s := signedServer(t, real)
	for action, code := range map[string]string{"": "MissingAction", "Nothing": "InvalidAction.NotFound", "GenerateMac": "NotEmulated"} {
		if a := s.do(action); a.code() != code {
			t.Errorf("%q: %d %s", action, a.status, a.body)
		}
	}
}

// Clients compare what follows the colon with their own string to sign.
func TestARefusedV1SignatureTellsTheStringToSignAndNothingAfterIt(t *testing.T) {
	real := standingAt(time.Now())
	s := signedServer(t, real)
	r := signer{scheme: "V1", id: "app", secret: "wrong", date: real.now(), nonce: "n"}.request(url.Values{})
	flat := map[string]string{}
	for name := range r.URL.Query() {
		flat[name] = r.URL.Query().Get(name)
	}
	newHash, _ := auth.V1Hash(flat)
	stringToSign, _ := auth.SignV1(newHash, "", "POST", flat)
	want := "Specified signature is not matched with our calculation. server string to sign is:" + stringToSign
	if a := served(s, r); a.object["Message"] != want {
		t.Errorf("got  %s\nwant %s", a.object["Message"], want)
	}
}

func TestARefusedHeaderSignatureTellsTheStringToSign(t *testing.T) {
	real := standingAt(time.Now())
	s := signedServer(t, real)
	for scheme, algorithm := range map[string]string{"V3": "ACS3-HMAC-SHA256", "V4": "ACS4-HMAC-SHA256", "V3-SM3": "ACS3-HMAC-SM3"} {
		a := served(s, signer{scheme: scheme, id: "app", secret: "wrong", date: real.now(), nonce: "n"}.request(url.Values{}))
		message, _ := a.object["Message"].(string)
		if !strings.HasPrefix(message, "Specified signature does not match our calculation. server StringToSign is ["+algorithm+"\n") || !strings.HasSuffix(message, "]") {
			t.Errorf("%s: %q", scheme, message)
		}
	}
}

func TestACallOfAnotherAccountSeesItsOwnKeys(t *testing.T) {
	s := newTestServer(t)
	s.know(map[string]auth.Credential{"a": {Secret: "s"}, "b": {Secret: "s", Account: "2222222222222222"}})
	if a := s.call("a", form("ListKeys")); a.object["TotalCount"] != 6.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.call("b", form("ListKeys")); a.object["TotalCount"] != 0.0 {
		t.Errorf("%s", a.body)
	}
	made := s.call("b", form("CreateKey", "KeySpec", "EC_SM2"))
	if made.field("KeyMetadata.Creator") != "2222222222222222" {
		t.Errorf("%s", made.body)
	}
}

// What RAM is asked about, by whatever name a call says it.
func TestPermissionIsAskedOfTheKeyWhateverNameTheCallUsed(t *testing.T) {
	const key = "acs:kms:cn-hangzhou:1234567890123456:key/"
	const aliases = "acs:kms:cn-hangzhou:1234567890123456:alias/"
	s := newTestServer(t)
	for _, c := range []struct {
		name, statement string
		params          url.Values
		code            string
	}{
		{"by its id", allow("kms:DescribeKey", key+sm2Key), form("DescribeKey", "KeyId", sm2Key), ""},
		{"by its alias", allow("kms:DescribeKey", key+sm2Key), form("DescribeKey", "KeyId", "alias/demo-sm2"), ""},
		{"by its ARN", allow("kms:DescribeKey", key+sm2Key), form("DescribeKey", "KeyId", key+sm2Key), ""},
		{"another key", allow("kms:DescribeKey", key+sm2Key), form("DescribeKey", "KeyId", rsaKey), "Forbidden.NoPermission"},
		{"the alias is not asked", allow("kms:*", aliases+"demo-sm2"), form("DescribeKey", "KeyId", "alias/demo-sm2"), "Forbidden.NoPermission"},
		{"another action", allow("kms:EnableKey", "*"), form("DescribeKey", "KeyId", sm2Key), "Forbidden.NoPermission"},
		{"action in another case", allow("KMS:describekey", "*"), form("DescribeKey", "KeyId", sm2Key), ""},
		{"wildcards", allow("kms:D?scribe*", "acs:kms:*:*:key/key-*3"), form("DescribeKey", "KeyId", sm2Key), ""},
		{"deny wins", allow("kms:*", "*") + "," + statement("Deny", "kms:DescribeKey", key+sm2Key), form("DescribeKey", "KeyId", "alias/demo-sm2"), "Forbidden.NoPermission"},
		{"a key that is not there, allowed", allow("kms:DescribeKey", key+"none"), form("DescribeKey", "KeyId", "none"), "Forbidden.KeyNotFound"},
		{"a key that is not there", allow("kms:DescribeKey", key+sm2Key), form("DescribeKey", "KeyId", "none"), "Forbidden.NoPermission"},
		{"an alias that is not there", allow("kms:DescribeKey", key+sm2Key), form("DescribeKey", "KeyId", "alias/none"), "Forbidden.AliasNotFound"},
		{"CreateAlias, both", allow("kms:CreateAlias", key+sm2Key) + "," + allow("kms:CreateAlias", aliases+"n*"), form("CreateAlias", "KeyId", sm2Key, "AliasName", "alias/new"), ""},
		{"CreateAlias, the key alone", allow("kms:CreateAlias", key+sm2Key), form("CreateAlias", "KeyId", sm2Key, "AliasName", "alias/newer"), "Forbidden.NoPermission"},
		{"CreateAlias, the alias alone", allow("kms:CreateAlias", aliases+"*"), form("CreateAlias", "KeyId", sm2Key, "AliasName", "alias/newer"), "Forbidden.NoPermission"},
		{"UpdateAlias, the alias alone", allow("kms:UpdateAlias", aliases+"*"), form("UpdateAlias", "KeyId", sm2Key, "AliasName", "alias/new"), "Forbidden.NoPermission"},
		{"DeleteAlias, the alias alone", allow("kms:DeleteAlias", aliases+"*"), form("DeleteAlias", "AliasName", "alias/new"), "Forbidden.NoPermission"},
		{"DeleteAlias, both", allow("kms:DeleteAlias", aliases+"new") + "," + allow("kms:DeleteAlias", key+sm2Key), form("DeleteAlias", "AliasName", "alias/new"), ""},
		{"ListKeys", allow("kms:ListKeys", "acs:kms:*:*:key"), form("ListKeys"), ""},
		{"ListKeys, keys alone", allow("kms:*", "acs:kms:*:*:key/*"), form("ListKeys"), "Forbidden.NoPermission"},
		{"CreateKey", allow("kms:CreateKey", "acs:kms:*:*:key"), form("CreateKey", "KeySpec", "EC_SM2"), ""},
		{"ListAliases", allow("kms:ListAliases", "acs:kms:*:*:alias"), form("ListAliases"), ""},
		{"ListAliases, aliases alone", allow("kms:*", "acs:kms:*:*:alias/*"), form("ListAliases"), "Forbidden.NoPermission"},
		{"DescribeRegions needs none", statement("Deny", "kms:*", "*"), form("DescribeRegions"), ""},
		{"parameters come first", statement("Deny", "kms:*", "*"), form("DescribeKey"), "MissingParameter"},
		{"existence comes after", statement("Deny", "kms:*", "*"), form("EnableKey", "KeyId", "none"), "Forbidden.NoPermission"},
		{"DryRun, allowed", allow("kms:AsymmetricEncrypt", key+sm2Key), dry(encryption()), "DryRunOperationError"},
		{"DryRun, denied", allow("kms:DescribeKey", "*"), dry(encryption()), "AccessDeniedError"},
		{"DryRun, not valid", allow("kms:*", "*"), dry(form("AsymmetricEncrypt", "KeyId", sm2Key)), "ValidationError"},
	} {
		document := scenarioOf(t, "credentials: [{accessKeyId: app, accessKeySecret: s, policy: {Version: '1', Statement: ["+c.statement+"]}}]")
		loaded, problems := interpret(document, s.scope, nil, s.clock.now())
		if len(problems) > 0 {
			t.Errorf("%s: %v", c.name, problems)
			continue
		}
		s.know(loaded.credentials)
		if a := s.call("app", c.params); a.code() != c.code {
			t.Errorf("%s: %d %s, want %q", c.name, a.status, a.body, c.code)
		}
	}
}

func statement(effect, action, resource string) string {
	return fmt.Sprintf("{Effect: %s, Action: %q, Resource: %q}", effect, action, resource)
}

func allow(action, resource string) string { return statement("Allow", action, resource) }

func dry(params url.Values) url.Values {
	params.Set("DryRun", "true")
	return params
}

func TestAPermissionErrorNamesTheResource(t *testing.T) {
	s := newTestServer(t)
	s.requireSignatures()
	a := s.call("nobody", form("DescribeKey", "KeyId", "alias/demo-sm2"))
	if a.status != 403 || a.object["Message"] != "This operation for "+arnPrefix+"key/"+sm2Key+" is forbidden by permission system." {
		t.Errorf("%d %s", a.status, a.body)
	}
}
