// Command smoke is the client container of docker-compose.yml: an application
// that reaches KMS under its real host names, over HTTPS, and trusts nothing but
// the CA of alikms. It exits 0 only after each key has decrypted what it encrypted.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// target is a key of scenario.yaml, and the host name it is reached by.
type target struct{ host, keyID, versionID, algorithm string }

var targets = []target{
	{"kms.cn-hangzhou.aliyuncs.com", "alias/app", "2ab1a983-7072-4bbc-a582-584b5bd80001", "RSAES_OAEP_SHA_256"},
	{"kst-hzz65f176a0ogplgq0001.cryptoservice.kms.aliyuncs.com", "key-hzz630494463ejqjx0002", "2ab1a983-7072-4bbc-a582-584b5bd80002", "SM2PKE"},
}

func main() {
	if err := run(new(net.Dialer).DialContext, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

// dialer connects to a host:port; a test has its own.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func run(dial dialer, out io.Writer) error {
	pem, err := fetchCA(dial)
	if err != nil {
		return fmt.Errorf("cannot fetch the CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("the CA is no certificate")
	}
	client := &http.Client{
		Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}},
		Timeout:   30 * time.Second,
	}
	for _, t := range targets {
		if err := t.try(client); err != nil {
			return fmt.Errorf("%s: %w", t.host, err)
		}
		fmt.Fprintf(out, "%s: %s encrypted and decrypted over HTTPS\n", t.host, t.keyID)
	}
	return nil
}

func fetchCA(dial dialer) ([]byte, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 30 * time.Second}
	r, err := client.Get("http://" + targets[0].host + "/_emulator/ca.pem")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, errors.New(r.Status)
	}
	return io.ReadAll(r.Body)
}

// try encrypts a data key, as applications do, and decrypts it.
func (t target) try(client *http.Client) error {
	secret := make([]byte, 32)
	rand.Read(secret)
	encrypted, err := t.call(client, "AsymmetricEncrypt", "Plaintext", base64.StdEncoding.EncodeToString(secret))
	if err != nil {
		return err
	}
	decrypted, err := t.call(client, "AsymmetricDecrypt", "CiphertextBlob", encrypted["CiphertextBlob"])
	if err != nil {
		return err
	}
	plaintext, err := base64.StdEncoding.DecodeString(decrypted["Plaintext"])
	if err != nil || !bytes.Equal(plaintext, secret) {
		return errors.New("AsymmetricDecrypt answers something else than was encrypted")
	}
	return nil
}

func (t target) call(client *http.Client, action, parameter, value string) (map[string]string, error) {
	r, err := client.PostForm("https://"+t.host, url.Values{"Action": {action}, "KeyId": {t.keyID},
		"KeyVersionId": {t.versionID}, "Algorithm": {t.algorithm}, parameter: {value}})
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(r.Body)
		return nil, fmt.Errorf("%s answers %s: %s", action, r.Status, text)
	}
	var answer map[string]string
	return answer, json.NewDecoder(r.Body).Decode(&answer)
}
