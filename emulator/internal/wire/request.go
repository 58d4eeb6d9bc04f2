// Package wire speaks the OpenAPI dialect of KMS: it reads a request in whatever
// way SDKs send it, and writes an answer as JSON or XML. It knows no operation.
package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

// apiVersion is the one version of the API of product Kms.
const apiVersion = "2016-01-20"

// MaxBody bounds a request body, in bytes. The header, URL included, has the
// same bound: SDKs send large values in the URL.
const MaxBody = 4 << 20

// maxParameters bounds the parameters of a request, query and form together. KMS
// has none of which more than fifty may come.
const maxParameters = 500

// Request is an API request: what it asks for, before it is known who asks.
type Request struct {
	HTTP   *http.Request
	Body   []byte
	Query  map[string]string // decoded
	Params map[string]string // query and form
	Action string            // "" where none is said
	XML    bool              // the answer is to be XML
}

// Read takes GET and POST for every action. Parameters come in the query, in a
// form body, or both; action and version also in headers. What could be read is
// returned with the error too, and an error is one of kmserr.
func Read(w http.ResponseWriter, r *http.Request) (*Request, error) {
	req := &Request{HTTP: r, Params: map[string]string{}}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return req, kmserr.UnsupportedMethod
	}
	var err error
	if req.Body, err = readBody(w, r); err != nil {
		return req, unread(err)
	}
	if r.URL.RawQuery != "" {
		if err = parseParameters(r.URL.RawQuery, req.Params); err != nil {
			return req, err
		}
		req.Query = maps.Clone(req.Params)
	}
	if isForm(r.Header.Get("Content-Type")) {
		if err = parseParameters(string(req.Body), req.Params); err != nil {
			return req, err
		}
	}
	req.Action = req.named("Action", "X-Acs-Action")
	return req, req.readFormat()
}

// smallBody is what a client may have ready in memory by announcing it alone.
const smallBody = 16 << 10

// readBody reads a body. A small one, as nearly all are, goes into memory of the
// length that it announces.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 || r.ContentLength > smallBody {
		return io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

const formType = "application/x-www-form-urlencoded"

func isForm(contentType string) bool {
	if contentType == formType {
		return true
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	return mediaType == formType
}

// Compose is the request of an action that came by no HTTP of its own. r tells the
// Host and the context.
func Compose(r *http.Request, action string, params map[string]string) (*Request, error) {
	req := &Request{HTTP: r, Params: params, Action: action}
	return req, req.readFormat()
}

// unread is what a client is told of a body that could not be read.
func unread(err error) error {
	if refused, ok := errors.AsType[*kmserr.Error](err); ok {
		return refused
	}
	return kmserr.ParseRequest
}

// parseParameters decodes a query or a form, and adds it to all. It does not
// use url.ParseQuery, which drops what it cannot read. A parameter that is
// given twice, is not text, or is one too many, is refused by its name.
func parseParameters(text string, all map[string]string) error {
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		if err != nil || strings.Contains(pair, ";") || !utf8.ValidString(name) {
			return kmserr.ParseRequest
		}
		decoded, err := url.QueryUnescape(value)
		if err != nil {
			return kmserr.ParseRequest
		}
		if _, twice := all[name]; twice || !utf8.ValidString(decoded) || len(all) == maxParameters {
			return kmserr.InvalidParameter(name)
		}
		all[name] = decoded
	}
	return nil
}

// named finds what V1 clients say in a parameter and V3 clients in a header.
// V1 clients send the header too, unsigned: beside a signature of V1 it says
// nothing. Signed headers are believed first.
func (req *Request) named(parameter, header string) string {
	inHeader, inParameter := req.HTTP.Header.Get(header), req.Params[parameter]
	bySignedHeaders := strings.HasPrefix(req.HTTP.Header.Get("Authorization"), "ACS")
	switch {
	case bySignedHeaders && inHeader != "":
		return inHeader
	case inParameter == "" && (bySignedHeaders || req.Params["Signature"] == ""):
		return inHeader
	}
	return inParameter
}

// Fingerprint is a hash of all that was sent which makes the request what it is,
// signature included.
func (req *Request) Fingerprint() string {
	h := sha256.New()
	for _, part := range []string{req.HTTP.Method, req.HTTP.RequestURI, req.HTTP.Header.Get("Authorization"), req.HTTP.Header.Get("X-Acs-Action")} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	h.Write(req.Body)
	return string(h.Sum(nil))
}

// readFormat finds out how to answer: JSON, unless Format says XML. SDKs write
// Format in upper and in lower case.
func (req *Request) readFormat() error {
	switch strings.ToUpper(req.Params["Format"]) {
	case "", "JSON":
	case "XML":
		req.XML = true
	default:
		return kmserr.InvalidFormat
	}
	return nil
}

// CheckVersion refuses a version that is sent and is not the API's.
func (req *Request) CheckVersion() error {
	if version := req.named("Version", "X-Acs-Version"); version != "" && version != apiVersion {
		return kmserr.InvalidVersion
	}
	return nil
}
