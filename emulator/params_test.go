package emulator

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// bareServer is the default scenario without a network, for fuzzing and
// benchmarks.
func bareServer(tb testing.TB, change ...func(*Options)) *Server {
	tb.Helper()
	st, err := store.Open(filepath.Join(tb.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { st.Close() })
	document, problems := fixtures.Default()
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	o := Options{Store: st, Scenario: document, Region: "cn-hangzhou", Account: "1234567890123456"}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// wellFormed fails unless an answer is an object with a request id, and no
// failure of alikms's own.
func wellFormed(t *testing.T, a testAnswer) {
	t.Helper()
	if a.status != http.StatusOK && (a.status < 400 || a.status > 499) {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	switch a.header.Get("Content-Type") {
	case contentTypeJSON:
		var object map[string]any
		if err := json.Unmarshal([]byte(a.body), &object); err != nil {
			t.Fatalf("%v: %q", err, a.body)
		}
		if id, _ := object["RequestId"].(string); id == "" || id != a.header.Get("x-acs-request-id") {
			t.Fatalf("RequestId is %v: %q", object["RequestId"], a.body)
		}
		if _, failed := object["Code"].(string); failed != (a.status != http.StatusOK) {
			t.Fatalf("status %d beside %q", a.status, a.body)
		}
	case "text/xml;charset=utf-8":
		var object struct{ RequestId string }
		if err := xml.Unmarshal([]byte(a.body), &object); err != nil || object.RequestId == "" {
			t.Fatalf("%v: %q", err, a.body)
		}
	default:
		t.Fatalf("Content-Type is %q: %q", a.header.Get("Content-Type"), a.body)
	}
}

// rawRequest is a request whose query no parser has looked at.
func rawRequest(method, query string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, "/", body)
	r.URL = &url.URL{Path: "/", RawQuery: query}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func FuzzParameters(f *testing.F) {
	s := bareServer(f)
	for _, seed := range [][2]string{
		{"Action=ListKeys&Format=XML", ""},
		{"Action=ListKeys&PageNumber=9223372036854775807&PageSize=100", ""},
		{"Action=ListKeys", `Filters=[{"Key":"KeyState","Values":["Enabled"]}]`},
		{"Action=DescribeKey&KeyId=acs:kms:cn-hangzhou:1234567890123456:key/" + sm2Key, "Format=JSON"},
		{"", encryption().Encode()},
		{"Action=UpdateKeyDescription&KeyId=" + sm2Key, "Description=%00%01&Format=xml"},
		{"Action=CreateKey&KeySpec=EC_SM2", `Tags=[{"TagKey":"a","TagValue":"b"}]`},
		{"Action=CreateAlias&KeyId=" + sm2Key, "AliasName=alias/%2F"},
		{"Action=AsymmetricVerify&KeyId=alias/demo-sm2-sign&KeyVersionId=2ab1a983-7072-4bbc-a582-584b5bd80006&Algorithm=SM2DSA", "Digest=AAAA&Value=AAAA"},
		{"Action=TagResources&RegionId=cn-hangzhou&ResourceType=key", "ResourceId.1=" + sm2Key + "&Tag.20.Key=team&Tag.20.Value=payments"},
		{"Action=UntagResources&RegionId=cn-hangzhou&ResourceType=key&ResourceId.01=" + sm2Key, "TagKey.x=team&All=true"},
		{"Action=ListTagResources&RegionId=cn-hangzhou&ResourceType=key", "NextToken=caeba0bbb2be03f84eb48b699f0a4883&Tag.1=team"},
		{"a=%zz", ";"}, {"&&=&", "=&%ff=%fe"}, {"Action=ListKeys&Action", "x\xff"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		if strings.Contains(query+body, "RSA_") {
			t.Skip("a new RSA key takes too long for fuzzing")
		}
		wellFormed(t, served(s, rawRequest(http.MethodPost, query, strings.NewReader(body))))
	})
}

func FuzzAuthorizationHeader(f *testing.F) {
	s := bareServer(f, func(o *Options) { o.Credentials = []Credential{{"app", "app-secret"}} })
	now := time.Now()
	for _, scheme := range schemes[1:] {
		r := signer{scheme: scheme, id: "app", secret: "app-secret", date: now, nonce: "n"}.request(url.Values{})
		f.Add(r.Header.Get("Authorization"), r.Header.Get("x-acs-date"), r.Header.Get("x-acs-content-sha256"))
	}
	f.Add("ACS3-HMAC-SHA256 Credential=app,SignedHeaders=;;host;,Signature=", "", "")
	f.Add("ACS4-HMAC-SHA256 Credential=app////aliyun_v4_request,SignedHeaders=host,Signature=0", now.UTC().Format(time.RFC3339), "")
	f.Add("Bearer x", "", "")
	f.Fuzz(func(t *testing.T, header, date, hash string) {
		r := rawRequest(http.MethodPost, "", nil)
		r.Header["Authorization"] = []string{header}
		r.Header["X-Acs-Action"] = []string{"ListKeys"}
		r.Header["X-Acs-Signature-Nonce"] = []string{"nonce"}
		r.Header["X-Acs-Date"] = []string{date}
		r.Header["X-Acs-Content-Sha256"] = []string{hash}
		a := served(s, r)
		wellFormed(t, a)
		if a.status == http.StatusOK {
			t.Fatalf("%q is accepted", header)
		}
	})
}

func FuzzCiphertext(f *testing.F) {
	s := bareServer(f)
	targets := []url.Values{
		form("AsymmetricDecrypt", "KeyId", rsaKey, "KeyVersionId", rsaVersion, "Algorithm", "RSAES_OAEP_SHA_1"),
		form("AsymmetricDecrypt", "KeyId", rsaKey, "KeyVersionId", rsaVersion, "Algorithm", "RSAES_OAEP_SHA_256"),
		form("AsymmetricDecrypt", "KeyId", sm2Key, "KeyVersionId", sm2Version, "Algorithm", "SM2PKE"),
	}
	for _, target := range targets {
		sealed := form("AsymmetricEncrypt", "KeyId", target.Get("KeyId"), "KeyVersionId", target.Get("KeyVersionId"), "Algorithm", target.Get("Algorithm"), "Plaintext", "SGVsbG8=")
		text, err := base64.StdEncoding.DecodeString(serve(s, sealed).object["CiphertextBlob"].(string))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(text[:len(text)-1])
	}
	f.Add([]byte{4})
	f.Add([]byte{0x30, 0x82, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, ciphertext []byte) {
		for _, target := range targets {
			params := url.Values{"CiphertextBlob": {base64.StdEncoding.EncodeToString(ciphertext)}}
			for name := range target {
				params.Set(name, target.Get(name))
			}
			wellFormed(t, serve(s, params))
		}
	})
}
