package auth

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/keyspec"
)

// The ways to sign a request, each a pure function of request and secret. They
// follow what the official SDKs send.

// errSigningUnsupported says that a request is signed in a way that exists but
// is not emulated (RSA key pairs, bearer tokens, V4 with SM3), or in none that
// is known. It is told apart from a malformed signature with errors.Is.
var errSigningUnsupported = errors.New("signing method is not supported")

// payloadHashHeader carries the hash of the body in V3 and V4, in V3 with SM3 too:
// the name does not follow the algorithm there.
const payloadHashHeader = "X-Acs-Content-Sha256"

// V1Hash returns the hash that the parameters of a V1 request ask for. Its
// error is errSigningUnsupported.
func V1Hash(params map[string]string) (func() hash.Hash, error) {
	// Go and Python classic always send SignatureType, empty.
	if kind := params["SignatureType"]; kind != "" {
		return nil, fmt.Errorf("%w: SignatureType %.40q", errSigningUnsupported, kind)
	}
	switch method := params["SignatureMethod"]; method {
	case "HMAC-SHA1":
		return sha1.New, nil
	case "HMAC-SHA256":
		return sha256.New, nil
	default:
		return nil, fmt.Errorf("%w: SignatureMethod %.40q; use HMAC-SHA1 or HMAC-SHA256", errSigningUnsupported, method)
	}
}

// SignV1 signs the decoded parameters of query and form together. A parameter
// Signature among them is left out. The signature is in base64.
func SignV1(newHash func() hash.Hash, secret, method string, params map[string]string) (stringToSign, signature string) {
	text := append([]byte(method), "&%2F&"...)
	stringToSign = string(appendEncoded(text, canonicalQuery(params, "=", "Signature")))
	return stringToSign, base64.StdEncoding.EncodeToString(hmacSum(newHash, []byte(secret+"&"), stringToSign))
}

// verifyV1 reports whether params carry the signature that SignV1 gives. Java Tea
// sends parameters without a value but does not sign them, so a request with
// such parameters is tried once more without. The string to sign is that of the
// first try, the documented one.
func verifyV1(newHash func() hash.Hash, secret, method string, params map[string]string) (stringToSign string, ok bool) {
	sent := params["Signature"]
	stringToSign, want := SignV1(newHash, secret, method, params)
	if sameSignature(sent, want) {
		return stringToSign, true
	}
	valued := maps.Clone(params)
	maps.DeleteFunc(valued, func(_, value string) bool { return value == "" })
	if len(valued) == len(params) {
		return stringToSign, false
	}
	_, want = SignV1(newHash, secret, method, valued)
	return stringToSign, sameSignature(sent, want)
}

// SignedRequest is what V3 and V4 sign of a request.
type SignedRequest struct {
	Method string
	Path   string            // as sent; "/" for every action of KMS
	Host   string            // with its port, as sent; Go keeps it out of Header
	Query  map[string]string // decoded, without the form
	Header http.Header
	Body   []byte
}

// Authorization is a parsed Authorization header of V3 or V4.
type Authorization struct {
	Scheme      string // "V3" or "V4"
	Algorithm   string // as sent, like ACS3-HMAC-SHA256
	AccessKeyID string
	// Date (yyyymmdd), Region and Product are the scope of a V4 credential, as
	// sent; V3 has none.
	Date, Region, Product string
	SignedHeaders         string // as sent, names separated by semicolons
	Signature             string // hexadecimal

	newHash func() hash.Hash
}

// ParseAuthorization reads an Authorization header like
//
//	ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-date,Signature=5f…
//	ACS4-HMAC-SHA256 Credential=id/20240506/center/Kms/aliyun_v4_request,SignedHeaders=…,Signature=…
//
// The three parts come in any order, for Java classic has its own, and may have
// spaces around them. The error is errSigningUnsupported for an algorithm other
// than the three emulated, and another one for a malformed header.
func ParseAuthorization(header string) (Authorization, error) {
	algorithm, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	a := Authorization{Algorithm: algorithm}
	switch algorithm {
	case "":
		return Authorization{}, errors.New("authorization is empty")
	case "ACS3-HMAC-SHA256":
		a.Scheme, a.newHash = "V3", sha256.New
	case "ACS3-HMAC-SM3":
		a.Scheme, a.newHash = "V3", keyspec.NewSM3
	case "ACS4-HMAC-SHA256":
		a.Scheme, a.newHash = "V4", sha256.New
	default:
		return Authorization{}, fmt.Errorf("%w: %.40q; use ACS3-HMAC-SHA256, ACS3-HMAC-SM3 or ACS4-HMAC-SHA256", errSigningUnsupported, algorithm)
	}
	credential, err := a.setParts(rest)
	if err != nil {
		return Authorization{}, err
	}
	if err := a.setCredential(credential); err != nil {
		return Authorization{}, err
	}
	return a, nil
}

// setParts sets the signed headers and the signature from what follows the
// algorithm, and returns the credential.
func (a *Authorization) setParts(list string) (credential string, err error) {
	parts := map[string]*string{"Credential": &credential, "SignedHeaders": &a.SignedHeaders, "Signature": &a.Signature}
	for part := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		target, known := parts[name]
		if !known {
			return "", fmt.Errorf("authorization has an unknown part %.40q; known: Credential, SignedHeaders, Signature", name)
		}
		if *target != "" {
			return "", fmt.Errorf("authorization has two parts %s", name)
		}
		if *target = strings.TrimSpace(value); *target == "" {
			return "", noValue(name)
		}
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if *parts[name] == "" {
			return "", fmt.Errorf("authorization lacks the part %s", name)
		}
	}
	return credential, nil
}

// errNoAccessKeyID says that a Credential has no value.
var errNoAccessKeyID = errors.New("authorization has no value for Credential")

func noValue(name string) error {
	if name == "Credential" {
		return errNoAccessKeyID
	}
	return fmt.Errorf("authorization has no value for %s", name)
}

// setCredential sets the caller, in V4 with the scope of the signing key.
func (a *Authorization) setCredential(credential string) error {
	if a.Scheme == "V3" {
		a.AccessKeyID = credential
		return nil
	}
	fields := strings.Split(credential, "/")
	if len(fields) != 5 || fields[4] != v4Terminator || slices.Contains(fields, "") {
		return errors.New("authorization has a malformed Credential; write <AccessKeyId>/<yyyymmdd>/<region>/<product>/" + v4Terminator)
	}
	a.AccessKeyID, a.Date, a.Region, a.Product = fields[0], fields[1], fields[2], fields[3]
	return nil
}

// Sign gives what the request has to be signed with: the signature, in lower-case
// hexadecimal, and the two texts on the way to it. Of a it uses the
// algorithm, the scope and the list of signed headers.
func (a Authorization) Sign(secret string, r SignedRequest) (canonicalRequest, stringToSign, signature string) {
	emptyValue := "="
	if a.Scheme == "V4" {
		emptyValue = ""
	}
	canonicalRequest = strings.Join([]string{
		r.Method,
		r.Path,
		string(canonicalQuery(r.Query, emptyValue, "")),
		a.canonicalHeaders(r),
		a.SignedHeaders, // not sorted: old Java Tea signs its list as it sends it
		a.PayloadHash(r.Body),
	}, "\n")
	stringToSign = a.Algorithm + "\n" + a.PayloadHash([]byte(canonicalRequest))
	return canonicalRequest, stringToSign, hex.EncodeToString(hmacSum(a.newHash, a.signingKey(secret), stringToSign))
}

// verify reports whether the request is signed with the secret. It does not look
// at payloadHashHeader: the body it signs is the one received.
func (a Authorization) verify(secret string, r SignedRequest) (stringToSign string, ok bool) {
	_, stringToSign, want := a.Sign(secret, r)
	return stringToSign, sameSignature(a.Signature, want)
}

// PayloadHash hashes with the algorithm's own hash, in lower-case hexadecimal. Of
// the body received it has to equal payloadHashHeader.
func (a Authorization) PayloadHash(body []byte) string {
	h := a.newHash()
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// canonicalHeaders writes a line for each signed header, sorted by name. Where
// no client shows what the service does, we choose: a header that is listed but
// was not sent counts as empty, and one that is listed twice has one line.
func (a Authorization) canonicalHeaders(r SignedRequest) string {
	names := strings.Split(strings.ToLower(a.SignedHeaders), ";")
	slices.Sort(names)
	var lines strings.Builder
	for _, name := range slices.Compact(names) {
		value := strings.TrimSpace(r.Host)
		if name != "host" {
			value = canonicalHeaderValue(r.Header.Values(name))
		}
		lines.WriteString(name + ":" + value + "\n")
	}
	return lines.String()
}

// canonicalHeaderValue joins the values of a header as Go Tea does
// (getCanonicalHeaders in its openapi-util): trimmed, sorted, with commas.
func canonicalHeaderValue(sent []string) string {
	values := make([]string, 0, len(sent))
	for _, value := range sent {
		values = append(values, strings.TrimSpace(value))
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

const v4Terminator = "aliyun_v4_request"

// signingKey is the secret itself in V3; V4 derives a key for one day, region
// and product.
func (a Authorization) signingKey(secret string) []byte {
	if a.Scheme == "V3" {
		return []byte(secret)
	}
	key := []byte("aliyun_v4" + secret)
	for _, scope := range []string{a.Date, a.Region, a.Product, v4Terminator} {
		key = hmacSum(a.newHash, key, scope)
	}
	return key
}

// canonicalQuery writes the parameters in the order of their names, bytewise and
// before encoding, but for one that is left out. emptyValue follows a name without
// value: "=", or "" in V4.
func canonicalQuery(params map[string]string, emptyValue, except string) []byte {
	names := make([]string, 0, len(params))
	size := 0
	for name, value := range params {
		if except == "" || name != except {
			names = append(names, name)
			size += len(name) + len(value) + 2
		}
	}
	slices.Sort(names)
	text := make([]byte, 0, size+size/2)
	for i, name := range names {
		if i > 0 {
			text = append(text, '&')
		}
		text = appendEncoded(text, name)
		if value := params[name]; value != "" {
			text = appendEncoded(append(text, '='), value)
		} else {
			text = append(text, emptyValue...)
		}
	}
	return text
}

// appendEncoded appends a text with every byte percent-encoded but letters, digits
// and - _ . ~ (RFC 3986). url.QueryEscape is another encoding.
func appendEncoded[T string | []byte](to []byte, text T) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			to = append(to, c)
		default:
			to = append(to, '%', digits[c>>4], digits[c&15])
		}
	}
	return to
}

func hmacSum(newHash func() hash.Hash, key []byte, text string) []byte {
	h := hmac.New(newHash, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// sameSignature compares in constant time.
func sameSignature(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
