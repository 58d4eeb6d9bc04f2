package emulator

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// apiVersion is the one version of the API of product Kms.
const apiVersion = "2016-01-20"

// maxBody bounds a request body, and main bounds the header, URL included, by
// the same: SDKs send large values in the URL (wire-protocol.md 1.3).
const maxBody = 4 << 20

// request is an API request in the words of the OpenAPI dialect: what it asks
// for, before it is known who asks.
type request struct {
	http    *http.Request
	body    []byte
	query   map[string]string // decoded
	params  map[string]string // query and form
	action  string
	version string
	xml     bool // the answer is to be XML
}

// readRequest takes GET and POST for every action. Parameters come in the
// query, in a form body, or both; action and version also in headers. What
// could be read is returned with the error too.
func readRequest(w http.ResponseWriter, r *http.Request) (*request, error) {
	req := &request{http: r, params: map[string]string{}}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return req, errUnsupportedMethod.of()
	}
	var err error
	if req.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		return req, errParseRequest.of()
	}
	if req.query, err = parseParameters(r.URL.RawQuery, req.params); err != nil {
		return req, err
	}
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType == "application/x-www-form-urlencoded" {
		if _, err = parseParameters(string(req.body), req.params); err != nil {
			return req, err
		}
	}
	req.action = req.named("Action", "x-acs-action")
	req.version = req.named("Version", "x-acs-version")
	return req, req.readFormat()
}

// parseParameters decodes a query or a form, and adds it to all. It does not
// use url.ParseQuery, which drops what it cannot read. A parameter that is
// given twice, or is not text, is refused by its name.
func parseParameters(text string, all map[string]string) (map[string]string, error) {
	own := map[string]string{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		if err != nil || strings.Contains(pair, ";") || !utf8.ValidString(name) {
			return nil, errParseRequest.of()
		}
		decoded, err := url.QueryUnescape(value)
		if err != nil {
			return nil, errParseRequest.of()
		}
		if _, twice := all[name]; twice || !utf8.ValidString(decoded) {
			return nil, errInvalidParameter.of(name)
		}
		own[name], all[name] = decoded, decoded
	}
	return own, nil
}

// named finds what V1 clients say in a parameter and V3 clients in a header.
// V1 clients send the header too, unsigned; signed headers are believed first.
func (req *request) named(parameter, header string) string {
	inHeader, inParameter := req.http.Header.Get(header), req.params[parameter]
	if inParameter == "" || strings.HasPrefix(req.http.Header.Get("Authorization"), "ACS") && inHeader != "" {
		return inHeader
	}
	return inParameter
}

// readFormat finds out how to answer: JSON, unless Format says XML. Format is
// compared without regard to case (wire-protocol.md 1.2).
func (req *request) readFormat() error {
	switch strings.ToUpper(req.params["Format"]) {
	case "", "JSON":
	case "XML":
		req.xml = true
	default:
		return errInvalidFormat.of()
	}
	return nil
}

// operation finds what the request asks for.
func (req *request) operation() (*operation, error) {
	if req.action == "" && req.http.Header.Get("x-kms-apiname") != "" {
		return nil, errNotEmulated.of("the KMS Instance API (x-kms-apiname); its OpenAPI clients are served")
	}
	op, err := operationFor(req.action)
	if err == nil && req.version != "" && req.version != apiVersion {
		err = errInvalidVersion.of()
	}
	return op, err
}

// regionOf reads the region off a host name of the service, as
// kms.cn-hangzhou.aliyuncs.com and kms-vpc.cn-hangzhou.aliyuncs.com. By any
// other name the emulator is in the region of its settings.
func regionOf(host, otherwise string) string {
	name, ok := strings.CutSuffix(hostName(host), ".aliyuncs.com")
	if !ok {
		return otherwise
	}
	if region, ok := strings.CutPrefix(name, "kms."); ok && !strings.Contains(region, ".") {
		return region
	}
	if region, ok := strings.CutPrefix(name, "kms-vpc."); ok && !strings.Contains(region, ".") {
		return region
	}
	return otherwise
}

// hostName is a Host header without its port, in lower case.
func hostName(host string) string {
	u := url.URL{Host: host}
	return strings.ToLower(u.Hostname())
}
