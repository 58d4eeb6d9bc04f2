package conformance

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm4"
	"github.com/emmansun/gmsm/smx509"
)

var oaepHashes = map[string]func() hash.Hash{"RSAES_OAEP_SHA_256": sha256.New, "RSAES_OAEP_SHA_1": sha1.New}

// importWrappings are the ways to import key material, and how the caller
// encrypts it.
var importWrappings = []struct {
	spec, algorithm string
	seal            func(t *testing.T, public, material []byte) ([]byte, error)
}{
	{"RSA_2048", "RSAES_OAEP_SHA_256", sealOAEP(sha256.New)},
	{"RSA_2048", "RSAES_OAEP_SHA_1", sealOAEP(sha1.New)},
	{"RSA_2048", "RSAES_PKCS1_V1_5", func(t *testing.T, public, material []byte) ([]byte, error) {
		//lint:ignore SA1019 KMS offers it
		return rsa.EncryptPKCS1v15(rand.Reader, rsaPublicKey(t, public), material)
	}},
	{"EC_SM2", "SM2PKE", func(t *testing.T, public, material []byte) ([]byte, error) {
		parsed, err := smx509.ParsePKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		return sm2.Encrypt(rand.Reader, parsed.(*ecdsa.PublicKey), material, sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2))
	}},
}

// sm2Wrapping is the place in importWrappings of the one that takes no time: a key
// pair of RSA takes tenths of a second to make.
const sm2Wrapping = 3

func sealOAEP(newHash func() hash.Hash) func(*testing.T, []byte, []byte) ([]byte, error) {
	return func(t *testing.T, public, material []byte) ([]byte, error) {
		return rsa.EncryptOAEP(newHash(), rand.Reader, rsaPublicKey(t, public), material, nil)
	}
}

func rsaPublicKey(t *testing.T, der []byte) *rsa.PublicKey {
	t.Helper()
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.(*rsa.PublicKey)
}

// importOf is an ImportKeyMaterial with a token of its own, by the nth wrapping.
func importOf(c *conversation, id string, material []byte, n int) parameters {
	c.t.Helper()
	w := importWrappings[n]
	given := c.call("GetParametersForImport", parameters{"KeyId": id, "WrappingKeySpec": w.spec, "WrappingAlgorithm": w.algorithm})
	equal(c.t, "GetParametersForImport's KeyId", given.text("KeyId"), id)
	sealed, err := w.seal(c.t, unencoded(c.t, given.text("PublicKey")), material)
	if err != nil {
		c.t.Fatal(err)
	}
	return parameters{"KeyId": id, "ImportToken": given.text("ImportToken"), "EncryptedKeyMaterial": base64Of(sealed)}
}

func importInto(c *conversation, id string, material []byte, more parameters) {
	c.t.Helper()
	c.call("ImportKeyMaterial", importOf(c, id, material, sm2Wrapping).and(more))
}

// importedSizes are the bytes of the material of each spec.
var importedSizes = map[string]int{"Aliyun_AES_256": 32, "Aliyun_AES_192": 24, "Aliyun_AES_128": 16, "Aliyun_SM4": 16}

func importedMaterial(c *conversation) {
	for n, spec := range symmetricSpecs { // as many as importWrappings
		material := randomBytes(importedSizes[spec])
		id := c.newKey(parameters{"KeySpec": spec, "Origin": "EXTERNAL"})
		equal(c.t, "KeyState", c.metadata(id).text("KeyState"), "PendingImport")
		c.call("ImportKeyMaterial", importOf(c, id, material, n))
		equal(c.t, "KeyState after the import", c.metadata(id).text("KeyState"), "Enabled")
		opensOutside(c, id, spec, material)
		deletedAndBack(c, id, material)
	}
	expiredAndBack(c)
}

// opensOutside opens ciphertext with the imported material by other people's
// cryptography.
func opensOutside(c *conversation, id, spec string, material []byte) {
	c.t.Helper()
	context := map[string]any{"b": "2", "a": "测试消息"}
	sealed := c.call("Encrypt", parameters{"KeyId": id, "Plaintext": "测试消息", "EncryptionContext": context})
	newBlock := aes.NewCipher
	if spec == "Aliyun_SM4" {
		newBlock = sm4.NewCipher
	}
	block, err := newBlock(material)
	if err != nil {
		c.t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		c.t.Fatal(err)
	}
	blob := unencoded(c.t, sealed.text("CiphertextBlob"))
	text, err := gcm.Open(nil, blob[36:48], blob[48:], additionalData("a=测试消息&b=2"))
	mustBe(c.t, "opened with "+spec+" outside", text, err, []byte("测试消息"))
}

// deletedAndBack: the same material opens what it encrypted before.
func deletedAndBack(c *conversation, id string, material []byte) {
	c.t.Helper()
	blob := symmetricRoundTrip(c, id, id, "测试消息", nil)
	c.call("DeleteKeyMaterial", parameters{"KeyId": id})
	equal(c.t, "KeyState without material", c.metadata(id).text("KeyState"), "PendingImport")
	c.refuse(pendingImport, "Decrypt", parameters{"CiphertextBlob": blob})
	importInto(c, id, material, nil)
	equal(c.t, "what old ciphertext holds", c.call("Decrypt", parameters{"CiphertextBlob": blob}).text("Plaintext"), "测试消息")
}

func expiredAndBack(c *conversation) {
	material := randomBytes(32)
	id := c.newKey(parameters{"Origin": "EXTERNAL"})
	expires := c.now().Add(time.Hour).Truncate(time.Second)
	importInto(c, id, material, parameters{"KeyMaterialExpireUnix": expires.Unix()})
	equal(c.t, "MaterialExpireTime", c.metadata(id).text("MaterialExpireTime"), expires.UTC().Format("2006-01-02T15:04:05Z"))
	blob := symmetricRoundTrip(c, id, id, "测试消息", nil)
	c.advance("2h")
	equal(c.t, "KeyState after the expiry", c.metadata(id).text("KeyState"), "PendingImport")
	equal(c.t, "MaterialExpireTime after the expiry", c.metadata(id).text("MaterialExpireTime"), "")
	c.refuse(pendingImport, "Decrypt", parameters{"CiphertextBlob": blob})
	importInto(c, id, material, nil)
	equal(c.t, "what old ciphertext holds", c.call("Decrypt", parameters{"CiphertextBlob": blob}).text("Plaintext"), "测试消息")
}

// The errors of imports.
var (
	invalidMaterial   = refusal{400, "InvalidKeyMaterial", "key material is invalid."}
	invalidToken      = refusal{400, "InvalidImportToken", "import token is invalid."}
	expiredToken      = refusal{400, "ExpiredImportToken", "import token is expired."}
	unsupportedOrigin = refusal{400, "Unsupported.Origin", "This key origin is not valid for this api."}
)

func importRefusals(c *conversation) []refusedCall {
	internal, id, other := c.newKey(nil), c.newKey(parameters{"Origin": "EXTERNAL"}), c.newKey(parameters{"Origin": "EXTERNAL"})
	right := importOf(c, id, make([]byte, 32), sm2Wrapping)
	c.call("ImportKeyMaterial", right)
	pending := c.newKey(parameters{"Origin": "EXTERNAL"})
	ofPending := importOf(c, pending, make([]byte, 32), sm2Wrapping)
	c.call("ScheduleKeyDeletion", parameters{"KeyId": pending, "PendingWindowInDays": 7})
	rsa := parameters{"KeyId": id, "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
	all := []refusedCall{
		{"another WrappingKeySpec", invalid("WrappingKeySpec"), "GetParametersForImport", rsa.and(parameters{"WrappingKeySpec": "RSA_3072"})},
		{"the algorithm of another spec", invalid("WrappingAlgorithm"), "GetParametersForImport", rsa.and(parameters{"WrappingAlgorithm": "SM2PKE"})},
		{"a token that nobody was given", invalidToken, "ImportKeyMaterial", right.and(parameters{"ImportToken": "SGVsbG8="})},
		{"the token of another key", invalidToken, "ImportKeyMaterial", right.and(parameters{"KeyId": other})},
		{"material encrypted to another public key", invalidMaterial, "ImportKeyMaterial", right.and(parameters{"EncryptedKeyMaterial": ofPending["EncryptedKeyMaterial"]})},
		{"EncryptedKeyMaterial that is no base64", invalid("EncryptedKeyMaterial"), "ImportKeyMaterial", right.and(parameters{"EncryptedKeyMaterial": "?"})},
		{"material of 31 bytes", invalidMaterial, "ImportKeyMaterial", importOf(c, other, make([]byte, 31), sm2Wrapping)},
		{"material of 33 bytes", invalidMaterial, "ImportKeyMaterial", importOf(c, other, make([]byte, 33), sm2Wrapping)},
		{"other material than the first", invalidMaterial, "ImportKeyMaterial", importOf(c, id, randomBytes(32), sm2Wrapping)},
		{"an expiry that has passed", invalid("KeyMaterialExpireUnix"), "ImportKeyMaterial", right.and(parameters{"KeyMaterialExpireUnix": 1})},
		{"an import into a key PendingDeletion", stateModifiedFailed, "ImportKeyMaterial", ofPending},
		{"EnableKey of a key PendingImport", stateModifiedFailed, "EnableKey", parameters{"KeyId": other}},
		{"DisableKey of a key PendingImport", stateModifiedFailed, "DisableKey", parameters{"KeyId": other}},
		{"Origin in another case", invalid("Origin"), "CreateKey", parameters{"Origin": "external"}},
	}
	all = append(all, originRefusals("GetParametersForImport", internal, rsa)...)
	all = append(all, originRefusals("ImportKeyMaterial", internal, right)...)
	return append(all, originRefusals("DeleteKeyMaterial", internal, parameters{"KeyId": id})...)
}

// originRefusals are about the parameters of a call, and the key it names.
func originRefusals(action, internal string, in parameters) []refusedCall {
	all := []refusedCall{
		{action + " of a key of KMS's own material", unsupportedOrigin, action, in.and(parameters{"KeyId": internal})},
		{action + " of an unknown key", keyNotFound, action, in.and(parameters{"KeyId": "unknown"})},
		{action + " by an alias", aliasNotAllowed, action, in.and(parameters{"KeyId": sm2Key.alias})},
	}
	for name := range in {
		if !strings.HasPrefix(name, "KeyMaterial") {
			all = append(all, refusedCall{action + " without " + name, missing(name), action, in.and(parameters{name: ""})})
		}
	}
	return all
}

func TestAnImportTokenExpiresAfterADay(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	id := c.newKey(parameters{"Origin": "EXTERNAL"})
	in := importOf(c, id, make([]byte, 32), sm2Wrapping)
	c.advance("23h")
	c.call("ImportKeyMaterial", in)
	c.call("ImportKeyMaterial", in) // while it lasts, it imports again
	c.advance("2h")
	c.refuse(expiredToken, "ImportKeyMaterial", in)
}
