package auth

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/wire"
)

// parts are the parts of a request before it is sent.
type parts struct {
	method, host string
	query        url.Values
	header       http.Header
	body         string
}

func (p parts) clone() parts {
	p.query, p.header = url.Values(http.Header(p.query).Clone()), p.header.Clone()
	return p
}

func (p parts) request() *http.Request {
	r := httptest.NewRequest(p.method, "/?"+p.query.Encode(), strings.NewReader(p.body))
	r.Host, r.Header = p.host, p.header
	return r
}

var signedAt = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// accepted reports whether a request is taken for one of app, at signedAt.
func accepted(p parts) bool {
	callers := NewCallers(func() time.Time { return signedAt })
	callers.Set(map[string]Credential{"app": {Secret: "app-secret"}, "other": {Secret: "other-secret"}})
	req, err := wire.Read(httptest.NewRecorder(), p.request())
	if err != nil {
		return false
	}
	claimed, unfit := ClaimOf(req)
	_, err = callers.Verify(claimed, unfit, func() bool { return false })
	return err == nil
}

// signedParts is a request of app to disable a key, signed in a scheme.
func signedParts(scheme string) parts {
	p := parts{method: "POST", host: "kms.cn-hangzhou.aliyuncs.com", header: http.Header{}, query: url.Values{"KeyId": {"key-a"}}, body: "Description=a+b"}
	p.header.Set("Content-Type", "application/x-www-form-urlencoded")
	if scheme == "V1" {
		return signedV1(p)
	}
	algorithm := map[string]string{"V3": "ACS3-HMAC-SHA256", "V3-SM3": "ACS3-HMAC-SM3", "V4": "ACS4-HMAC-SHA256"}[scheme]
	credential := "app"
	if scheme == "V4" {
		credential = "app/20260601/cn-hangzhou/Kms/aliyun_v4_request"
	}
	parse := func(signed, signature string) Authorization {
		a, err := ParseAuthorization(algorithm + " Credential=" + credential + ",SignedHeaders=" + signed + ",Signature=" + signature)
		if err != nil {
			panic(err)
		}
		return a
	}
	for name, value := range map[string]string{
		"x-acs-action": "DisableKey", "x-acs-version": "2016-01-20", "x-acs-date": signedAt.Format("2006-01-02T15:04:05Z"),
		"x-acs-signature-nonce": "n", "x-acs-content-sha256": parse("host", "0").PayloadHash([]byte(p.body)),
	} {
		p.header.Set(name, value)
	}
	signed := "content-type;host;" + strings.ToLower(strings.Join(slices.DeleteFunc(slices.Sorted(maps.Keys(p.header)), func(name string) bool { return name == "Content-Type" }), ";"))
	_, _, signature := parse(signed, "0").Sign("app-secret", SignedRequest{Method: p.method, Path: "/", Host: p.host, Query: flat(p.query), Header: p.header, Body: []byte(p.body)})
	p.header.Set("Authorization", algorithm+" Credential="+credential+",SignedHeaders="+signed+",Signature="+signature)
	return p
}

func flat(values url.Values) map[string]string {
	all := map[string]string{}
	for name := range values {
		all[name] = values.Get(name)
	}
	return all
}

func signedV1(p parts) parts {
	for name, value := range map[string]string{
		"Action": "DisableKey", "Version": "2016-01-20", "AccessKeyId": "app", "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
		"SignatureNonce": "n", "Timestamp": signedAt.Format("2006-01-02T15:04:05Z"), "SignatureType": "",
	} {
		p.query.Set(name, value)
	}
	params := flat(p.query)
	params["Description"] = "a b"
	newHash, err := V1Hash(params)
	if err != nil {
		panic(err)
	}
	_, signature := SignV1(newHash, "app-secret", p.method, params)
	p.query.Set("Signature", signature)
	return p
}

// mutations are changes of a request, each of which has to make it refused.
func mutations(p parts) map[string]func(*parts) {
	all := map[string]func(*parts){
		"method":               func(p *parts) { p.method = "GET" },
		"body":                 func(p *parts) { p.body += "x" },
		"body gone":            func(p *parts) { p.body = "" },
		"body of another key":  func(p *parts) { p.body += "&KeyId2=key-b" },
		"body reordered":       func(p *parts) { p.body = "Extra=1&" + p.body },
		"a parameter more":     func(p *parts) { p.query.Set("PendingWindowInDays", "7") },
		"an empty one more":    func(p *parts) { p.query.Set("Extra", "") },
		"a parameter twice":    func(p *parts) { p.query.Add("KeyId", "key-b") },
		"the same value twice": func(p *parts) { p.query.Add("KeyId", "key-a") },
		"the body's parameter": func(p *parts) { p.query.Set("Description", "a b") },
	}
	for name := range p.query {
		if name == "SignatureType" {
			continue // Java Tea sends parameters without a value unsigned
		}
		all["query "+name+" gone"] = func(p *parts) { p.query.Del(name) }
		for what, change := range changes {
			all["query "+name+" "+what] = func(p *parts) { p.query.Set(name, change(p.query.Get(name))) }
		}
		all["query "+name+" in lower case"] = func(p *parts) {
			value := p.query.Get(name)
			p.query.Del(name)
			p.query.Set(strings.ToLower(name), value)
		}
	}
	return all
}

var changes = map[string]func(string) string{
	"longer":    func(value string) string { return value + "0" },
	"shorter":   func(value string) string { return value[:max(0, len(value)-1)] },
	"empty":     func(string) string { return "" },
	"with NUL":  func(value string) string { return value + "\x00" },
	"with dots": func(value string) string { return "." + value },
}

// headerMutations are those of the schemes that sign headers.
func headerMutations(p parts) map[string]func(*parts) {
	all := mutations(p)
	maps.Copy(all, map[string]func(*parts){
		"host":                         func(p *parts) { p.host = "kms.cn-beijing.aliyuncs.com" },
		"host with a port":             func(p *parts) { p.host += ":80" },
		"another x-acs header":         func(p *parts) { p.header.Set("x-acs-extra", "1") },
		"an empty x-acs header":        func(p *parts) { p.header.Set("x-acs-extra", "") },
		"a security token":             func(p *parts) { p.header.Set("x-acs-security-token", "t") },
		"an action as parameter":       func(p *parts) { p.query.Set("Action", "ScheduleKeyDeletion") },
		"a content type twice":         func(p *parts) { p.header.Add("Content-Type", "text/plain") },
		"a body that is no form":       func(p *parts) { p.header.Set("Content-Type", "text/plain") },
		"no content type":              func(p *parts) { p.header.Del("Content-Type") },
		"only the host signed":         func(p *parts) { p.replaceAuthorization(signedHeadersOf(*p), "host") },
		"another algorithm":            func(p *parts) { p.replaceAuthorization("SHA256 ", "SM3 ") },
		"another scheme":               func(p *parts) { p.replaceAuthorization("ACS3", "ACS4") },
		"the older scheme":             func(p *parts) { p.replaceAuthorization("ACS4", "ACS3") },
		"another caller":               func(p *parts) { p.replaceAuthorization("=app", "=other") },
		"an unknown caller":            func(p *parts) { p.replaceAuthorization("=app", "=nobody") },
		"no caller":                    func(p *parts) { p.replaceAuthorization("=app", "=") },
		"a caller with a comma":        func(p *parts) { p.replaceAuthorization("=app", "=app,x") },
		"a signature of another case":  func(p *parts) { p.setSignature(strings.ToUpper) },
		"an empty signature":           func(p *parts) { p.setSignature(func(string) string { return "" }) },
		"a signature of zeros":         func(p *parts) { p.setSignature(func(s string) string { return strings.Repeat("0", len(s)) }) },
		"half a signature":             func(p *parts) { p.setSignature(func(s string) string { return s[:len(s)/2] }) },
		"two signatures":               func(p *parts) { p.header.Set("Authorization", p.header.Get("Authorization")+",Signature=00") },
		"one authorization too many":   func(p *parts) { p.header["Authorization"] = append([]string{"ACS3"}, p.header["Authorization"]...) },
		"no authorization":             func(p *parts) { p.header.Del("Authorization") },
		"a bearer":                     func(p *parts) { p.header.Set("Authorization", "Bearer app") },
		"yesterday's scope":            func(p *parts) { p.replaceAuthorization("20260601", "20260531") },
		"another region's scope":       func(p *parts) { p.replaceAuthorization("/cn-hangzhou/", "/cn-beijing/") },
		"another product's scope":      func(p *parts) { p.replaceAuthorization("/Kms/", "/Sts/") },
		"a date with milliseconds":     func(p *parts) { p.header.Set("x-acs-date", "2026-06-01T12:00:00.000Z") },
		"a date twice":                 func(p *parts) { p.header.Add("x-acs-date", "2026-06-01T12:00:01Z") },
		"the payload's hash of nobody": func(p *parts) { p.header.Set("x-acs-content-sha256", hex.EncodeToString(make([]byte, 32))) },
	})
	for name := range p.header {
		if name == "Authorization" {
			continue
		}
		lower := strings.ToLower(name)
		all["header "+lower+" gone"] = func(p *parts) { p.header.Del(name) }
		all["header "+lower+" unsigned"] = func(p *parts) { p.replaceAuthorization(lower, "user-agent") }
		for what, change := range changes {
			all["header "+lower+" "+what] = func(p *parts) { p.header.Set(name, change(p.header.Get(name))) }
		}
	}
	for _, name := range strings.Split(signedHeadersOf(p), ";") {
		all["signed without "+name] = func(p *parts) {
			list := strings.Split(signedHeadersOf(*p), ";")
			p.replaceAuthorization(strings.Join(list, ";"), strings.Join(slices.DeleteFunc(list, func(n string) bool { return n == name }), ";"))
		}
	}
	return all
}

func (p *parts) replaceAuthorization(old, new string) {
	p.header.Set("Authorization", strings.Replace(p.header.Get("Authorization"), old, new, 1))
}

func (p *parts) setSignature(change func(string) string) {
	before, signature, _ := strings.Cut(p.header.Get("Authorization"), ",Signature=")
	p.header.Set("Authorization", before+",Signature="+change(signature))
}

func signedHeadersOf(p parts) string {
	_, list, _ := strings.Cut(p.header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	return list
}

func TestNoMutationOfASignedRequestIsAccepted(t *testing.T) {
	for _, scheme := range []string{"V1", "V3", "V3-SM3", "V4"} {
		t.Run(scheme, func(t *testing.T) {
			whole := signedParts(scheme)
			if !accepted(whole) {
				t.Fatal("the request itself is refused")
			}
			corpus := mutations(whole)
			if scheme != "V1" {
				corpus = headerMutations(whole)
			}
			tried := 0
			for what, mutate := range corpus {
				changed := whole.clone()
				mutate(&changed)
				if fmt.Sprint(changed) == fmt.Sprint(whole) {
					continue // of another scheme
				}
				tried++
				if accepted(changed) {
					t.Errorf("%s is accepted", what)
				}
			}
			if tried < 60 {
				t.Errorf("only %d mutations", tried)
			}
		})
	}
}

// A header that a V1 client sends beside its signed parameters says nothing.
func TestAnUnsignedHeaderBesideV1SaysNothing(t *testing.T) {
	p := signedParts("V1")
	p.header.Set("x-acs-action", "ScheduleKeyDeletion")
	p.header.Set("x-acs-version", "2000-01-01")
	if !accepted(p) {
		t.Error("it is refused")
	}
	p.query.Del("Action")
	req, err := wire.Read(httptest.NewRecorder(), p.request())
	if err != nil || req.Action != "" {
		t.Errorf("the action is %q, %v", req.Action, err)
	}
}

// Java classic signs no host; Python Tea sends an unsigned content-type with an
// empty body.
func TestWhatOfficialSDKsLeaveUnsignedIsAccepted(t *testing.T) {
	sign := func(signed, body string) parts {
		p := signedParts("V3")
		p.body = body
		a, err := ParseAuthorization("ACS3-HMAC-SHA256 Credential=app,SignedHeaders=" + signed + ",Signature=0")
		if err != nil {
			t.Fatal(err)
		}
		p.header.Set("x-acs-content-sha256", a.PayloadHash([]byte(body)))
		_, _, signature := a.Sign("app-secret", SignedRequest{Method: p.method, Path: "/", Host: p.host, Query: flat(p.query), Header: p.header, Body: []byte(body)})
		p.header.Set("Authorization", "ACS3-HMAC-SHA256 Credential=app,SignedHeaders="+signed+",Signature="+signature)
		return p
	}
	all := signedHeadersOf(signedParts("V3"))
	if !accepted(sign(strings.Replace(all, "host;", "", 1), "a=b")) {
		t.Error("without host it is refused")
	}
	if !accepted(sign(strings.Replace(all, "content-type;", "", 1), "")) {
		t.Error("without content-type and with an empty body it is refused")
	}
	if accepted(sign(strings.Replace(all, "content-type;", "", 1), "a=b")) {
		t.Error("without content-type and with a body it is accepted")
	}
}
