package auth

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// signatureVector is one request as an SDK signed it; a scheme fills the fields
// it has.
type signatureVector struct {
	Name            string            `json:"name"`
	Method          string            `json:"method"`
	Path            string            `json:"path"`
	Params          map[string]string `json:"params"`
	Query           map[string]string `json:"query"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	AccessKeyID     string            `json:"accessKeyId"`
	AccessKeySecret string            `json:"accessKeySecret"`
	Algorithm       string            `json:"algorithm"`
	Date            string            `json:"date"`
	Region          string            `json:"region"`
	Product         string            `json:"product"`
	SigningKeyHex   string            `json:"signingKeyHex"`
	PayloadHash     string            `json:"hashedRequestPayload"`

	Authorization    string `json:"expectedAuthorization"`
	CanonicalRequest string `json:"expectedCanonicalRequest"`
	StringToSign     string `json:"expectedStringToSign"`
	Signature        string `json:"expectedSignature"`
}

// request is what a server sees of the vector.
func (v signatureVector) request() SignedRequest {
	header := http.Header{}
	for name, value := range v.Headers {
		if name != "host" {
			header.Set(name, value)
		}
	}
	return SignedRequest{v.Method, v.Path, v.Headers["host"], v.Query, header, []byte(v.Body)}
}

// signatureVectors returns the vectors of the groups named, and fails when a
// group has not as many as the official SDKs made.
func signatureVectors(t testing.TB, groups map[string]int) []signatureVector {
	t.Helper()
	text, err := os.ReadFile("testdata/signature-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var all []signatureVector
	for group, count := range groups {
		var vectors []signatureVector
		if err := json.Unmarshal(file[group], &vectors); err != nil {
			t.Fatalf("%s: %v", group, err)
		}
		if len(vectors) != count {
			t.Fatalf("%s: %d vectors, want %d", group, len(vectors), count)
		}
		all = append(all, vectors...)
	}
	return all
}

func v1Vectors(t testing.TB) []signatureVector {
	return signatureVectors(t, map[string]int{"v1": 5, "v1_hmac_sha256_not_sdk_generated": 1})
}

func headerVectors(t testing.TB) []signatureVector {
	return signatureVectors(t, map[string]int{"v3": 8, "v4": 2})
}

func TestV1SignsAsTheSDKsDo(t *testing.T) {
	for _, v := range v1Vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			newHash, err := V1Hash(v.Params)
			if err != nil {
				t.Fatal(err)
			}
			signed := v.Params
			if v.Name == "v1-java-tea-skips-empty-values" {
				signed = maps.Clone(v.Params)
				delete(signed, "Empty")
			}
			stringToSign, signature := SignV1(newHash, v.AccessKeySecret, v.Method, signed)
			expectSignatureText(t, "string to sign", stringToSign, v.StringToSign)
			expectSignatureText(t, "signature", signature, v.Signature)
		})
	}
}

func TestV1AcceptsWhatTheSDKsSend(t *testing.T) {
	for _, v := range v1Vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			newHash, _ := V1Hash(v.Params)
			sent := maps.Clone(v.Params)
			sent["Signature"] = v.Signature
			if stringToSign, ok := verifyV1(newHash, v.AccessKeySecret, v.Method, sent); !ok {
				t.Errorf("refused; string to sign: %s", stringToSign)
			}
		})
	}
}

func TestV1RefusesWhatWasChangedAfterSigning(t *testing.T) {
	changes := map[string]func(v *signatureVector){
		"secret":            func(v *signatureVector) { v.AccessKeySecret += "x" },
		"method":            func(v *signatureVector) { v.Method += "X" },
		"value":             func(v *signatureVector) { v.Params["Action"] = "ListKeys" },
		"name":              func(v *signatureVector) { v.Params["action"] = v.Params["Action"]; delete(v.Params, "Action") },
		"parameter added":   func(v *signatureVector) { v.Params["Extra"] = "1" },
		"parameter removed": func(v *signatureVector) { delete(v.Params, "Timestamp") },
		"signature":         func(v *signatureVector) { v.Params["Signature"] = "AAAA" + v.Signature[4:] },
		"signature cut":     func(v *signatureVector) { v.Params["Signature"] = v.Signature[1:] },
		"no signature":      func(v *signatureVector) { delete(v.Params, "Signature") },
	}
	for what, change := range changes {
		for _, v := range v1Vectors(t) {
			t.Run(what+"/"+v.Name, func(t *testing.T) {
				newHash, _ := V1Hash(v.Params)
				v.Params["Signature"] = v.Signature
				change(&v)
				if _, ok := verifyV1(newHash, v.AccessKeySecret, v.Method, v.Params); ok {
					t.Error("accepted")
				}
			})
		}
	}
}

func TestV1ReportsTheDocumentedStringToSign(t *testing.T) {
	params := map[string]string{"Action": "ListKeys", "Empty": "", "Signature": "wrong"}
	stringToSign, _ := verifyV1(sha1.New, "secret", "GET", params)
	expectSignatureText(t, "string to sign", stringToSign, "GET&%2F&Action%3DListKeys%26Empty%3D")
}

func TestV1SigningMethods(t *testing.T) {
	cases := []struct {
		method, kind string
		supported    bool
	}{
		{"HMAC-SHA1", "", true},
		{"HMAC-SHA256", "", true},
		{"SHA256withRSA", "PRIVATEKEY", false},
		{"HMAC-SHA1", "PRIVATEKEY", false},
		{"HMAC-SHA1", "BEARERTOKEN", false},
		{"", "BEARERTOKEN", false},
		{"", "", false},
		{"hmac-md5", "", false},
	}
	for _, c := range cases {
		newHash, err := V1Hash(map[string]string{"SignatureMethod": c.method, "SignatureType": c.kind})
		if c.supported != (err == nil) || c.supported != (newHash != nil) {
			t.Errorf("%q of type %q: %v", c.method, c.kind, err)
		}
		if err != nil && !errors.Is(err, errSigningUnsupported) {
			t.Errorf("%q of type %q: %v is not errSigningUnsupported", c.method, c.kind, err)
		}
	}
}

func TestAuthorizationSignsAsTheSDKsDo(t *testing.T) {
	for _, v := range headerVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			a := mustParseAuthorization(t, v.Authorization)
			expectSignatureText(t, "access key", a.AccessKeyID, v.AccessKeyID)
			expectSignatureText(t, "algorithm", a.Algorithm, v.Algorithm)
			expectSignatureText(t, "date", a.Date, v.Date)
			expectSignatureText(t, "region", a.Region, v.Region)
			expectSignatureText(t, "product", a.Product, v.Product)
			expectSignatureText(t, "payload hash", a.PayloadHash([]byte(v.Body)), v.PayloadHash)
			canonicalRequest, stringToSign, signature := a.Sign(v.AccessKeySecret, v.request())
			expectSignatureText(t, "canonical request", canonicalRequest, v.CanonicalRequest)
			expectSignatureText(t, "string to sign", stringToSign, v.StringToSign)
			expectSignatureText(t, "signature", signature, v.Signature)
			if v.SigningKeyHex != "" {
				expectSignatureText(t, "signing key", hex.EncodeToString(a.signingKey(v.AccessKeySecret)), v.SigningKeyHex)
			}
			if _, ok := a.verify(v.AccessKeySecret, v.request()); !ok {
				t.Error("refused")
			}
			expectSignatureText(t, "header of the payload hash", v.request().Header.Get(payloadHashHeader), v.PayloadHash)
		})
	}
}

func TestAuthorizationRefusesWhatWasChangedAfterSigning(t *testing.T) {
	changes := map[string]func(a *Authorization, secret *string, r *SignedRequest){
		"secret": func(_ *Authorization, secret *string, _ *SignedRequest) { *secret += "x" },
		"method": func(_ *Authorization, _ *string, r *SignedRequest) { r.Method += "X" },
		"path":   func(_ *Authorization, _ *string, r *SignedRequest) { r.Path = "/x" },
		"query":  func(_ *Authorization, _ *string, r *SignedRequest) { r.Query["Extra"] = "" },
		"host":   func(_ *Authorization, _ *string, r *SignedRequest) { r.Host += "0" },
		"header": func(_ *Authorization, _ *string, r *SignedRequest) {
			r.Header.Set("x-acs-action", "ScheduleKeyDeletion")
		},
		"header gone":    func(_ *Authorization, _ *string, r *SignedRequest) { r.Header.Del("x-acs-action") },
		"header twice":   func(_ *Authorization, _ *string, r *SignedRequest) { r.Header.Add("x-acs-action", "ListKeys") },
		"body":           func(_ *Authorization, _ *string, r *SignedRequest) { r.Body = append(r.Body, 'x') },
		"signed headers": func(a *Authorization, _ *string, _ *SignedRequest) { a.SignedHeaders += ";accept-language" },
		"signature":      func(a *Authorization, _ *string, _ *SignedRequest) { a.Signature = "0000" + a.Signature[4:] },
		"signature cut":  func(a *Authorization, _ *string, _ *SignedRequest) { a.Signature = a.Signature[1:] },
	}
	for what, change := range changes {
		for _, v := range headerVectors(t) {
			t.Run(what+"/"+v.Name, func(t *testing.T) {
				a, secret, r := mustParseAuthorization(t, v.Authorization), v.AccessKeySecret, v.request()
				change(&a, &secret, &r)
				if _, ok := a.verify(secret, r); ok {
					t.Error("accepted")
				}
			})
		}
	}
}

func TestV4SignatureHoldsForItsScopeOnly(t *testing.T) {
	for _, v := range signatureVectors(t, map[string]int{"v4": 2}) {
		for _, scope := range []string{v.Date, v.Region, v.Product} {
			a := mustParseAuthorization(t, strings.Replace(v.Authorization, "/"+scope+"/", "/other/", 1))
			if _, ok := a.verify(v.AccessKeySecret, v.request()); ok {
				t.Errorf("%s: accepted without %s", v.Name, scope)
			}
		}
	}
}

func TestCanonicalHeaders(t *testing.T) {
	cases := []struct {
		name, signed string
		header       http.Header
		want         string
	}{
		{"lines are sorted", "x-acs-date;host", http.Header{"X-Acs-Date": {"d"}}, "host:kms.test:8080\nx-acs-date:d\n"},
		{"names are lower case", "X-Acs-Date;Host", http.Header{"X-Acs-Date": {"d"}}, "host:kms.test:8080\nx-acs-date:d\n"},
		{"values are trimmed", "accept", http.Header{"Accept": {" a  b\t"}}, "accept:a  b\n"},
		{"repeated headers are sorted and joined", "accept", http.Header{"Accept": {"b ", " a"}}, "accept:a,b\n"},
		{"a header that was not sent is empty", "accept;x-acs-date", http.Header{"X-Acs-Date": {"d"}}, "accept:\nx-acs-date:d\n"},
		{"a name listed twice has one line", "accept;accept", http.Header{"Accept": {"a"}}, "accept:a\n"},
		{"the host is never taken from the headers", "host", http.Header{"Host": {"elsewhere"}}, "host:kms.test:8080\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := Authorization{SignedHeaders: c.signed}
			expectSignatureText(t, "lines", a.canonicalHeaders(SignedRequest{Host: "kms.test:8080", Header: c.header}), c.want)
		})
	}
}

func TestParseAuthorizationAcceptsEveryOrder(t *testing.T) {
	want := mustParseAuthorization(t, "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-date,Signature=5f")
	for _, header := range []string{
		"ACS3-HMAC-SHA256 Credential=id,Signature=5f,SignedHeaders=host;x-acs-date", // Java classic
		"ACS3-HMAC-SHA256 Signature=5f,SignedHeaders=host;x-acs-date,Credential=id",
		"  ACS3-HMAC-SHA256   Credential = id , SignedHeaders = host;x-acs-date ,\tSignature = 5f ",
	} {
		got := mustParseAuthorization(t, header)
		if got.Scheme != want.Scheme || got.Algorithm != want.Algorithm || got.AccessKeyID != want.AccessKeyID ||
			got.SignedHeaders != want.SignedHeaders || got.Signature != want.Signature {
			t.Errorf("%q: %+v, want %+v", header, got, want)
		}
	}
}

func TestParseAuthorizationRefuses(t *testing.T) {
	const v3, v4 = "ACS3-HMAC-SHA256 ", "ACS4-HMAC-SHA256 "
	const rest = ",SignedHeaders=host,Signature=5f"
	const malformedCredential = "authorization has a malformed Credential; write <AccessKeyId>/<yyyymmdd>/<region>/<product>/aliyun_v4_request"
	const use = "; use ACS3-HMAC-SHA256, ACS3-HMAC-SM3 or ACS4-HMAC-SHA256"
	cases := []struct {
		header, want string
		unsupported  bool
	}{
		{"", "authorization is empty", false},
		{"  ", "authorization is empty", false},
		{"ACS3-RSA-SHA256 Credential=id" + rest, `signing method is not supported: "ACS3-RSA-SHA256"` + use, true},
		{"ACS4-HMAC-SM3 Credential=id" + rest, `signing method is not supported: "ACS4-HMAC-SM3"` + use, true},
		{"Bearer token", `signing method is not supported: "Bearer"` + use, true},
		{"Basic dTpw", `signing method is not supported: "Basic"` + use, true},
		{"acs3-hmac-sha256 Credential=id" + rest, `signing method is not supported: "acs3-hmac-sha256"` + use, true},
		{strings.Repeat("x", 1000), `signing method is not supported: "` + strings.Repeat("x", 40) + `"` + use, true},
		{v3, `authorization has an unknown part ""; known: Credential, SignedHeaders, Signature`, false},
		{v3 + "Credential=id", "authorization lacks the part SignedHeaders", false},
		{v3 + "Credential=id,SignedHeaders=host", "authorization lacks the part Signature", false},
		{v3 + "SignedHeaders=host,Signature=5f", "authorization lacks the part Credential", false},
		{v3 + "Credential=" + rest, "authorization has no value for Credential", false},
		{v3 + "Credential=id,SignedHeaders= ,Signature=5f", "authorization has no value for SignedHeaders", false},
		{v3 + "Credential=id,SignedHeaders=host,Signature", "authorization has no value for Signature", false},
		{v3 + "Credential=id,Credential=id" + rest, "authorization has two parts Credential", false},
		{v3 + "Credential=id,Nonce=1" + rest, `authorization has an unknown part "Nonce"; known: Credential, SignedHeaders, Signature`, false},
		{v3 + "Credential=id" + rest + ",", `authorization has an unknown part ""; known: Credential, SignedHeaders, Signature`, false},
		{v4 + "Credential=id" + rest, malformedCredential, false},
		{v4 + "Credential=id/20240506/center/Kms" + rest, malformedCredential, false},
		{v4 + "Credential=id/20240506/center/Kms/aws4_request" + rest, malformedCredential, false},
		{v4 + "Credential=id/20240506//Kms/aliyun_v4_request" + rest, malformedCredential, false},
		{v4 + "Credential=/20240506/center/Kms/aliyun_v4_request" + rest, malformedCredential, false},
		{v4 + "Credential=id/20240506/center/Kms/aliyun_v4_request/" + rest, malformedCredential, false},
	}
	for _, c := range cases {
		a, err := ParseAuthorization(c.header)
		if err == nil {
			t.Errorf("%q: accepted as %+v", c.header, a)
			continue
		}
		expectSignatureText(t, c.header, err.Error(), c.want)
		if errors.Is(err, errSigningUnsupported) != c.unsupported {
			t.Errorf("%q: %v: unsupported is not %v", c.header, err, c.unsupported)
		}
	}
}

func FuzzParseAuthorization(f *testing.F) {
	for _, v := range headerVectors(f) {
		f.Add(v.Authorization)
	}
	f.Add("ACS3-HMAC-SHA256 Signature=5f, SignedHeaders=HOST;;host;, Credential=a=b/c")
	f.Add("ACS4-HMAC-SHA256 Credential=////,SignedHeaders=;,Signature==")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := ParseAuthorization(header)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if a.AccessKeyID == "" || a.SignedHeaders == "" || a.Signature == "" || a.newHash == nil {
			t.Fatalf("%q: incomplete: %+v", header, a)
		}
		if (a.Scheme == "V4") != (a.Date != "" && a.Region != "" && a.Product != "") {
			t.Fatalf("%q: %s with scope %q/%q/%q", header, a.Scheme, a.Date, a.Region, a.Product)
		}
		_, _, a.Signature = a.Sign("secret", SignedRequest{Method: "GET", Path: "/"})
		if _, ok := a.verify("secret", SignedRequest{Method: "GET", Path: "/"}); !ok {
			t.Errorf("%q: refuses its own signature", header)
		}
	})
}

// Clients encode a query in several ways and sign none of them, but their own
// canonical one: the signature must depend on the decoded values alone.
func FuzzSignatureKnowsOnlyDecodedValues(f *testing.F) {
	f.Add("KeyId", "alias/my key", "Description", "d *~ +中/'()!&=%@:,;$-_.")
	f.Add("Tag.1.Key", "a", "Tag.1.Value", "")
	f.Add("", "x", "\xff\x00", "%zz")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		params := map[string]string{name1: value1, name2: value2}
		for _, emptyValue := range []string{"=", ""} {
			text := string(canonicalQuery(params, emptyValue, ""))
			if emptyValue == "" && params[""] == "" {
				delete(params, "") // V4 writes it as nothing at all
			}
			plus := strings.ReplaceAll(text, "%20", "+")                     // Go, Python Tea
			raw := strings.NewReplacer("%28", "(", "%2A", "*").Replace(text) // Node
			for _, wire := range []string{text, plus, raw} {
				if decoded := decodeSignedQuery(t, wire); !maps.Equal(decoded, params) {
					t.Fatalf("%q decodes to %q, want %q", wire, decoded, params)
				}
			}
		}
		delete(params, "Signature")
		_, want := SignV1(sha1.New, "secret", "POST", params)
		_, got := SignV1(sha1.New, "secret", "POST", decodeSignedQuery(t, string(canonicalQuery(params, "=", ""))))
		expectSignatureText(t, "signature", got, want)
	})
}

func decodeSignedQuery(t *testing.T, text string) map[string]string {
	t.Helper()
	values, err := url.ParseQuery(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	params := map[string]string{}
	for name := range values {
		params[name] = values.Get(name)
	}
	return params
}

func mustParseAuthorization(t *testing.T, header string) Authorization {
	t.Helper()
	a, err := ParseAuthorization(header)
	if err != nil {
		t.Fatalf("%q: %v", header, err)
	}
	return a
}

func expectSignatureText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
	}
}
