package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// wrong is an answer 200 that is not right.
func wrong(operation string, a answer) error { return fmt.Errorf("%s answers %v", operation, a) }

func (c *client) data(size int) string {
	data := make([]byte, 1+c.chance.IntN(size))
	for i := range data {
		data[i] = byte(c.chance.Uint32())
	}
	return base64.StdEncoding.EncodeToString(data)
}

// encrypt goes there and back.
func (c *client) encrypt() error {
	plain := c.data(3000)
	sealed, ok, err := c.call("Encrypt", "KeyId", "key-symmetric", "Plaintext", plain)
	if !ok {
		return err
	}
	opened, ok, err := c.call("Decrypt", "CiphertextBlob", sealed.text("CiphertextBlob"))
	if ok && opened.text("Plaintext") != plain {
		return wrong("Decrypt", opened)
	}
	return err
}

func (c *client) encryptPublicly() error {
	plain := c.data(150)
	with := []string{"KeyId", "key-rsa", "KeyVersionId", "version-rsa", "Algorithm", "RSAES_OAEP_SHA_256"}
	sealed, ok, err := c.call("AsymmetricEncrypt", append(with, "Plaintext", plain)...)
	if !ok {
		return err
	}
	opened, ok, err := c.call("AsymmetricDecrypt", append(with, "CiphertextBlob", sealed.text("CiphertextBlob"))...)
	if ok && opened.text("Plaintext") != plain {
		return wrong("AsymmetricDecrypt", opened)
	}
	return err
}

// sign verifies, also a digest that was not signed.
func (c *client) sign() error {
	with := []string{"KeyId", "key-sm2", "KeyVersionId", "version-sm2", "Algorithm", "SM2DSA"}
	if c.chance.IntN(2) == 0 {
		with = []string{"KeyId", "key-p256", "KeyVersionId", "version-p256", "Algorithm", "ECDSA_SHA_256"}
	}
	digest := make([]byte, 32)
	digest[0] = byte(c.chance.Uint32())
	signed, ok, err := c.call("AsymmetricSign", append(with, "Digest", base64.StdEncoding.EncodeToString(digest))...)
	if !ok {
		return err
	}
	honest := c.chance.IntN(2) == 0
	if !honest {
		digest[1] = 1
	}
	verified, ok, err := c.call("AsymmetricVerify", append(with, "Digest", base64.StdEncoding.EncodeToString(digest), "Value", signed.text("Value"))...)
	if ok && verified.body["Value"] != honest {
		return wrong("AsymmetricVerify", verified)
	}
	return err
}

// change writes, and takes back what would pile up.
func (c *client) change() error {
	alias := fmt.Sprintf("alias/client-%d", c.number)
	writes := [][]string{
		{"CreateAlias", "KeyId", "key-sm2", "AliasName", alias},
		{"UpdateAlias", "KeyId", "key-p256", "AliasName", alias},
		{"DeleteAlias", "AliasName", alias},
		{"UpdateKeyDescription", "KeyId", "key-sm2", "Description", c.data(1000)},
		{"TagResource", "KeyId", "key-rsa", "Tags", `[{"TagKey":"t","TagValue":"v"}]`},
		{"UntagResource", "KeyId", "key-rsa", "TagKeys", `["t"]`},
	}
	write := writes[c.chance.IntN(len(writes))]
	_, _, err := c.call(write[0], write[1:]...)
	return err
}

// values are what parameters may be, mostly not.
var values = []string{"key-symmetric", "key-sm2", "key-rsa", "alias/client-1", "version-sm2", "", "true", "0", "-1", "1", "100",
	"99999999999999999999", "RSAES_OAEP_SHA_256", "SM2DSA", "AES_256", "AAAA", "=", "[]", `["t"]`, `[{"Key":"KeyState","Values":["Enabled"]}]`,
	"{", "\x00", "\xff\xfe", "ä", "%", "acs:kms:cn-hangzhou:1234567890123456:key/key-sm2", strings.Repeat("x", 10_000)}

func (c *client) value() string { return values[c.chance.IntN(len(values))] }

// babble sends what is hardly a request.
func (c *client) babble() error {
	c.sent.Add(1)
	form := url.Values{"Action": {"Decrypt"}}
	switch c.chance.IntN(4) {
	case 0:
		for i := range 600 { // more parameters than alikms takes
			form.Set(fmt.Sprint("p", i), "v")
		}
	case 1:
		form.Set("CiphertextBlob", strings.Repeat("A", 1+c.chance.IntN(1<<20)))
	case 2:
		return c.rawBytes()
	default:
		form.Set("Action", c.value())
	}
	r, err := c.p.client.PostForm(c.p.url, form)
	if err != nil {
		c.unanswered.Add(1)
		return nil
	}
	defer r.Body.Close()
	io.Copy(io.Discard, r.Body)
	if r.StatusCode >= 500 {
		return fmt.Errorf("nonsense is answered %s", r.Status)
	}
	c.refused.Add(1)
	return nil
}

// rawBytes hangs up in the middle.
func (c *client) rawBytes() error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.p.url, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	beginnings := []string{"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nAction=", "\x16\x03\x01\x00\x00", "GET /\x00 HTTP/9\r\n\r\n", "\r\n\r\n\r\n"}
	io.WriteString(conn, beginnings[c.chance.IntN(len(beginnings))])
	c.refused.Add(1)
	return nil
}

// inspect asks the controls.
func (c *client) inspect() error {
	c.sent.Add(1)
	paths := []string{"/healthz", "/_emulator/requests?operation=Encrypt&code=InternalFailure", "/_emulator/faults", "/_emulator/quotas", "/_emulator/clock", "/_emulator/operations"}
	path := paths[c.chance.IntN(len(paths))]
	_, err := c.p.control(http.MethodGet, path, "")
	return err
}
