// Package formjson is a bare net/http server that reads a form and answers JSON,
// as KMS does: what an emulator is compared with.
package formjson

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// An Answer has the fields that the answers of cryptography have, apart from
// the request id.
type Answer struct {
	KeyId          string
	KeyVersionId   string
	CiphertextBlob []byte `json:",omitempty"`
	Plaintext      any    `json:",omitempty"`
	Value          any    `json:",omitempty"`
}

// Handler answers each form with what answer makes of it.
func Handler(answer func(*http.Request, url.Values) (Answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		made, err := answer(r, r.Form)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		write(w, made)
	})
}

func write(w http.ResponseWriter, made Answer) {
	id := rand.Text()
	text, err := json.Marshal(struct {
		Answer
		RequestId string
	}{made, id})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("x-acs-request-id", id)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text)
}

// Serve serves HTTP and HTTPS on free ports of loopback, and prints where, in the
// words of alikms.
func Serve(handler http.Handler) error {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	web.Protocols.SetHTTP1(true)
	certificate := sync.OnceValues(newCertificate) // a start is measured too: not before it is needed
	web.TLSConfig = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() }}
	fmt.Printf("serves http://%s and https://%s\n", plain.Addr(), secure.Addr())
	ended := make(chan error, 2)
	go func() { ended <- web.Serve(plain) }()
	go func() { ended <- web.ServeTLS(secure, "", "") }()
	return <-ended
}

// newCertificate makes one of the kind that alikms shows.
func newCertificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
