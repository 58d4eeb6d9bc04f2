// Package load makes requests ahead of time, signed where that is wanted, and
// sends them. What is timed is the server: to make and to sign a request costs
// the client about as much as answering it costs the server.
package load

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/auth"
)

const contentType = "application/x-www-form-urlencoded"

// A Caller signs the requests it makes.
type Caller struct {
	Scheme          string // V1, V3, or "": unsigned
	AccessKeyID     string
	AccessKeySecret string
}

// Request makes a request as its bytes go over the connection, with the
// parameters in a form. A signed one can be sent once, within 15 minutes.
func (c Caller) Request(host string, params map[string]string) []byte {
	header := http.Header{}
	form := url.Values{}
	for name, value := range params {
		form.Set(name, value)
	}
	switch c.Scheme {
	case "V1":
		c.signV1(form)
	case "V3":
		c.signV3(host, header, form)
	}
	return requestText(host, header, form.Encode())
}

func requestText(host string, header http.Header, body string) []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", host, len(body))
	header.Set("Content-Type", contentType)
	header.Write(&text) // a Builder has no errors
	text.WriteString("\r\n" + body)
	return []byte(text.String())
}

func timestamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05Z") }

func (c Caller) signV1(form url.Values) {
	form.Set("AccessKeyId", c.AccessKeyID)
	form.Set("SignatureMethod", "HMAC-SHA1")
	form.Set("SignatureVersion", "1.0")
	form.Set("SignatureNonce", uuid.NewString())
	form.Set("Timestamp", timestamp())
	signed := map[string]string{}
	for name := range form {
		signed[name] = form.Get(name)
	}
	newHash, err := auth.V1Hash(signed)
	if err != nil {
		panic(err) // of the method above
	}
	_, signature := auth.SignV1(newHash, c.AccessKeySecret, http.MethodPost, signed)
	form.Set("Signature", signature)
}

// signV3 moves the action into a header, where clients of V3 send it.
func (c Caller) signV3(host string, header http.Header, form url.Values) {
	const signedHeaders = "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
	authorization := "ACS3-HMAC-SHA256 Credential=" + c.AccessKeyID + ",SignedHeaders=" + signedHeaders + ",Signature="
	a, err := auth.ParseAuthorization(authorization + "0")
	if err != nil {
		panic(err) // of the header above
	}
	header.Set("Content-Type", contentType)
	header.Set("x-acs-action", form.Get("Action"))
	form.Del("Action")
	body := []byte(form.Encode())
	header.Set("x-acs-content-sha256", a.PayloadHash(body))
	header.Set("x-acs-date", timestamp())
	header.Set("x-acs-signature-nonce", uuid.NewString())
	header.Set("x-acs-version", "2016-01-20")
	_, _, signature := a.Sign(c.AccessKeySecret, auth.SignedRequest{Method: http.MethodPost, Path: "/", Host: host, Header: header, Body: body})
	header.Set("Authorization", authorization+signature)
}
