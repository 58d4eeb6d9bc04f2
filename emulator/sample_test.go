package emulator

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// exampleOf is a value that fits a parameter.
func exampleOf(p Parameter) string {
	switch {
	case p.Name == "RegionId":
		return "cn-shenzhen"
	case len(p.OneOf) > 0:
		return p.OneOf[0]
	case p.Type == "integer":
		return fmt.Sprint(*p.Min)
	case p.Type == "boolean":
		return "true"
	case p.Type == "bytes":
		return "SGVsbG8="
	case p.Type == "json":
		return `{"a": "b"}`
	}
	return `it's "a" $HOME %d ` + "\n密钥"
}

// examples are values for all parameters of an operation.
func examples(op Operation) map[string]string {
	all := map[string]string{}
	for _, p := range op.Details {
		switch {
		case p.NotEmulated:
		case p.Type == "list":
			for _, element := range p.Elements {
				all[strings.TrimSuffix(p.Name+".1."+element.Name, ".")] = exampleOf(element)
			}
		default:
			all[p.Name] = exampleOf(p)
		}
	}
	return all
}

func TestThereIsASampleOfEachOperationForEachSDK(t *testing.T) {
	for _, op := range Operations() {
		for _, sdk := range SampleSDKs() {
			text, err := Sample{SDK: sdk, Operation: op.Name, Parameters: examples(op), Endpoint: "localhost:8080", Region: "cn-hangzhou"}.Program()
			if err != nil || !strings.Contains(text, op.Name) {
				t.Errorf("%s, %s: %v\n%s", op.Name, sdk, err, text)
			}
			for name := range examples(op) {
				bare := strings.ToLower(strings.ReplaceAll(strings.SplitN(name, ".", 2)[0], "_", ""))
				if !strings.Contains(strings.ToLower(strings.ReplaceAll(text, "_", "")), bare) && !(name == "RegionId" && strings.Contains(text, "cn-shenzhen")) {
					t.Errorf("%s, %s: no %s in\n%s", op.Name, sdk, name, text)
				}
			}
		}
	}
}

func TestTheDescriptionOfAnOperationSaysWhatItTakes(t *testing.T) {
	s := newTestServer(t)
	body := s.must("GET", "operations", "").body
	for _, want := range []string{
		`{"name":"ListKeys","summary":`, `"parameters":["PageNumber","PageSize","Filters"],"details":[{"name":"PageNumber","type":"integer","min":1,"default":"1"},{"name":"PageSize","type":"integer","min":1,"max":100,"default":"10"}`,
		`{"name":"KeyUsage","type":"string","oneOf":["ENCRYPT/DECRYPT","SIGN/VERIFY"]}`,
		`{"name":"Tags","type":"json","max":20}`, `{"name":"EnableAutomaticRotation","type":"boolean"}`,
		`{"name":"CiphertextBlob","type":"bytes","required":true}`,
		`{"name":"KeyId","type":"string","required":true,"names":["id","alias","arn"]}`,
		`{"name":"Description","type":"string","required":true,"empty":true,"max":8192}`,
		`{"name":"Recipient","type":"string","notEmulated":true}`,
		`{"name":"Tag","type":"list","max":20,"elements":[{"name":"Key","type":"string","required":true},{"name":"Value","type":"string"}]}`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestASampleIsForTheEmulatorThatIsAsked(t *testing.T) {
	s := newTestServer(t)
	a := s.must("GET", "sample?sdk=python&operation=UpdateKeyDescription&KeyId=key-a&Description="+url.QueryEscape("a \"b\"\n"), "")
	for _, want := range []string{`endpoint="` + strings.TrimPrefix(s.url, "http://") + `"`, `description="a \"b\"\n",`, "update_key_description"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in\n%s", want, a.body)
		}
	}
	if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("Content-Disposition") != `inline; filename="UpdateKeyDescription.py"` {
		t.Errorf("%v", a.header)
	}
	if n := s.must("GET", "requests", "").field("count"); n != 0.0 {
		t.Errorf("%v calls were made", n)
	}
}

func TestASampleThatIsAskedForByHTTPSOrThePortOfControlsIsForPlainHTTP(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"port of its own": func(r *http.Request) {},
		"HTTPS":           func(r *http.Request) { r.Host = "localhost:8443" },
	} {
		ctx := Ports{HTTP: addressed("127.0.0.1:8080"), Control: addressed("127.0.0.1:8081")}.mark(port{Listener: addressed("127.0.0.1:8081")})
		r := httptest.NewRequest("GET", "https://localhost:8081/_emulator/sample", nil).WithContext(ctx)
		change(r)
		if got := plainEndpoint(r); got != "localhost:8080" {
			t.Errorf("%s: %s", name, got)
		}
	}
	r := httptest.NewRequest("GET", "http://kms.localhost:9/_emulator/sample", nil)
	if got := plainEndpoint(r); got != "kms.localhost:9" {
		t.Error(got)
	}
}

func TestASampleThatCannotBeIsRefused(t *testing.T) {
	s := newTestServer(t)
	for query, want := range map[string]string{
		"":                                                                      `"path":"sdk","message":"there are no samples for \"\"`,
		"sdk=jav&operation=ListKeys":                                            `did you mean java?`,
		"sdk=go":                                                                `"path":"operation","message":"\"\" is not an operation`,
		"sdk=go&operation=ListKyes":                                             `did you mean ListKeys?`,
		"sdk=go&operation=GetClientKey":                                         `"path":"operation","message":"alikms does not emulate GetClientKey`,
		"sdk=go&sdk=java&operation=ListKeys":                                    `"path":"sdk","message":"is said twice`,
		"sdk=go&operation=ListKeys&PageSise=1":                                  `"path":"PageSise","message":"ListKeys has no such parameter; did you mean PageSize?"`,
		"sdk=go&operation=ListKeys&Zebra=1":                                     `known: PageNumber, PageSize, Filters`,
		"sdk=go&operation=DescribeRegions&Zebra=1":                              `has no such parameter: it has none`,
		"sdk=go&operation=ListKeys&PageSize=0":                                  `\"0\" is not allowed: a whole number from 1 to 100`,
		"sdk=go&operation=ListKeys&PageNumber=x":                                `a whole number, at least 1`,
		"sdk=go&operation=DescribeKey":                                          `"path":"KeyId","message":"is missing: of a key its id or alias or arn`,
		"sdk=go&operation=DescribeKey&KeyId=":                                   `is missing`,
		"sdk=go&operation=CreateKey&KeyUsage=SIGN":                              `\"SIGN\" is not allowed: one of ENCRYPT/DECRYPT, SIGN/VERIFY; did you mean SIGN/VERIFY?`,
		"sdk=go&operation=CreateKey&EnableAutomaticRotation=yes":                `true or false`,
		"sdk=go&operation=CreateKey&Tags=a":                                     `JSON, an object or a list`,
		"sdk=go&operation=Decrypt&CiphertextBlob=*":                             `base64`,
		"sdk=go&operation=Decrypt&CiphertextBlob=YQ==&Recipient=x":              `does not emulate this parameter`,
		"sdk=go&operation=CreateKey&Description=" + strings.Repeat("a", 8193):   `has 8193 characters: a text of at most 8192 characters`,
		"sdk=go&operation=TagResources&RegionId=a&ResourceType=key&Tag.1.Key=a": `"path":"ResourceId","message":"is missing: a list of at most 50, whose first element is ResourceId.1`,
		"sdk=go&operation=TagResources&RegionId=a&ResourceType=key&ResourceId.1=a&Tag.1.Value=a":               `"path":"Tag.1.Key","message":"is missing`,
		"sdk=go&operation=TagResources&RegionId=a&ResourceType=key&ResourceId.1=a&Tag.1.Key=a&ResourceId.51=a": `"path":"ResourceId.51"`,
		"sdk=go&operation=TagResources&RegionId=a&ResourceType=key&ResourceId.1=a&Tag.1.Key=a&Tag.01.Key=a":    `"path":"Tag.01.Key"`,
		"sdk=cli&operation=UpdateKeyDescription&KeyId=a&Description=":                                          `Description: the aliyun CLI sends no empty value`,
		"sdk=go&operation=UpdateKeyDescription&KeyId=a&Description=%ff":                                        `is not UTF-8`,
		"sdk=go&operation=ListKeys&%zz=a":                                                                      `the query cannot be read`,
	} {
		a := s.control("GET", "sample?"+query, "")
		if a.status != 400 || !strings.Contains(a.body, want) || !strings.HasPrefix(a.body, `{"errors":[{`) {
			t.Errorf("%.100s: %d %s, want %s", query, a.status, a.body, want)
		}
	}
}

func TestAPageOfAnotherSiteGetsNoSample(t *testing.T) {
	s := newTestServer(t)
	for name, foreign := range map[string]func(*http.Request){
		"cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"rebinding":  func(r *http.Request) { r.Host = "evil.example" },
	} {
		r := httptest.NewRequest("GET", "http://localhost/_emulator/sample?sdk=go&operation=ListKeys", nil)
		foreign(r)
		if a := served(s, r); a.status != 403 || strings.Contains(a.body, "ListKeys") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// addressed is a port that is never opened.
type addressed string

func (a addressed) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (a addressed) Close() error              { return nil }
func (a addressed) Addr() net.Addr            { return a }
func (a addressed) Network() string           { return "tcp" }
func (a addressed) String() string            { return string(a) }
