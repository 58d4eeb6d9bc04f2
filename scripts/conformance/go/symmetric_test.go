package conformance

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

var symmetricSpecs = []string{"Aliyun_AES_256", "Aliyun_AES_192", "Aliyun_AES_128", "Aliyun_SM4"}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// unencoded decodes base64 that an answer has.
func unencoded(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plaintexts have to come back as they were sent: a symmetric key encrypts the
// text, whatever it is the base64 of.
var plaintexts = []string{
	"测试消息",
	`\u6d4b, "quoted" & <marked up>` + "\n\tnot base64 at all",
	base64Of([]byte("测试消息")),
	strings.Repeat("a", 6144),
}

func symmetricTexts(c *conversation) {
	for _, spec := range symmetricSpecs {
		id := c.newKey(parameters{"KeySpec": spec})
		alias := parameters{"KeyId": id, "AliasName": "alias/texts/" + spec}
		c.call("CreateAlias", alias)
		for i, name := range []string{id, "alias/texts/" + spec, arn + "key/" + id, id} {
			symmetricRoundTrip(c, name, id, plaintexts[i], nil)
		}
		contexts(c, id)
	}
	id := c.newKey(nil)
	equal(c.t, "the spec of a key that says none", c.metadata(id).text("KeySpec"), "Aliyun_AES_256")
	equal(c.t, "its usage", c.metadata(id).text("KeyUsage"), "ENCRYPT/DECRYPT")
}

// symmetricRoundTrip encrypts and decrypts a text, and returns the ciphertext. A
// ciphertext is the id of the version, an IV of 12 bytes, the encrypted text and
// a tag of 16.
func symmetricRoundTrip(c *conversation, name, id, text string, context any) (blob string) {
	c.t.Helper()
	in := parameters{"KeyId": name, "Plaintext": text}
	if context != nil {
		in["EncryptionContext"] = context
	}
	sealed := c.call("Encrypt", in)
	blob = sealed.text("CiphertextBlob")
	checkBlob(c, id, sealed, len(text))
	opened := c.call("Decrypt", decryption(blob, context))
	equal(c.t, "Plaintext", opened.text("Plaintext"), text)
	equal(c.t, "Decrypt's KeyId", opened.text("KeyId"), id)
	equal(c.t, "Decrypt's KeyVersionId", opened.text("KeyVersionId"), sealed.text("KeyVersionId"))
	return blob
}

func checkBlob(c *conversation, id string, sealed answer, length int) {
	c.t.Helper()
	equal(c.t, "KeyId", sealed.text("KeyId"), id)
	equal(c.t, "KeyVersionId", sealed.text("KeyVersionId"), c.metadata(id).text("PrimaryKeyVersion"))
	raw := unencoded(c.t, sealed.text("CiphertextBlob"))
	equal(c.t, "bytes of the ciphertext", len(raw), 64+length)
	equal(c.t, "the first 36 of them", string(raw[:36]), sealed.text("KeyVersionId"))
}

func decryption(blob string, context any) parameters {
	in := parameters{"CiphertextBlob": blob}
	if context != nil {
		in["EncryptionContext"] = context
	}
	return in
}

// contexts: what was encrypted with a context opens with it alone, in whatever
// order.
func contexts(c *conversation, id string) {
	context := map[string]any{"用途": "测试消息", "b": "2", "a": "1"}
	blob := symmetricRoundTrip(c, id, id, "text", context)
	bare := symmetricRoundTrip(c, id, id, "text", nil)
	for what, in := range map[string]parameters{
		"without its context":  decryption(blob, nil),
		"with a part of it":    decryption(blob, map[string]any{"a": "1", "b": "2"}),
		"with another value":   decryption(blob, map[string]any{"用途": "测试消息", "b": "3", "a": "1"}),
		"with a context extra": decryption(bare, context),
	} {
		c.t.Run(what, func(t *testing.T) {
			of := *c
			of.t = t
			of.refuse(invalid("CiphertextBlob"), "Decrypt", in)
		})
	}
}

// usedBefore is a key that no cryptography is done with any more, and a ciphertext
// that it made while it could.
type usedBefore struct{ id, blob string }

// statesOfKeys are such keys, by the error that cryptography with them meets.
func statesOfKeys(c *conversation) map[refusal]usedBefore {
	external := c.newKey(parameters{"Origin": "EXTERNAL"})
	importInto(c, external, make([]byte, 32), nil)
	return map[refusal]usedBefore{
		disabled:        usedThen(c, c.newKey(nil), "DisableKey", nil),
		pendingDeletion: usedThen(c, c.newKey(nil), "ScheduleKeyDeletion", parameters{"PendingWindowInDays": 7}),
		pendingImport:   usedThen(c, external, "DeleteKeyMaterial", nil),
	}
}

// usedThen uses a key, then changes its state.
func usedThen(c *conversation, id, change string, in parameters) usedBefore {
	blob := c.call("GenerateDataKey", parameters{"KeyId": id}).text("CiphertextBlob")
	c.call(change, parameters{"KeyId": id}.and(in))
	return usedBefore{id, blob}
}

// noBlob is the error of a ciphertext that no symmetric key has made; what
// follows the first sentence is ours.
var noBlob = refusal{400, "InvalidParameter", "The specified parameter CiphertextBlob is not valid. It is no ciphertext of a symmetric key; that of an asymmetric key is decrypted with AsymmetricDecrypt."}

func textRefusals(c *conversation) []refusedCall {
	id := c.newKey(nil)
	encrypt := func(more parameters) parameters { return parameters{"KeyId": id, "Plaintext": "text"}.and(more) }
	all := []refusedCall{
		{"no KeyId", missing("KeyId"), "Encrypt", parameters{"Plaintext": "text"}},
		{"no Plaintext", missing("Plaintext"), "Encrypt", parameters{"KeyId": id}},
		{"Plaintext of 6145 bytes", invalid("Plaintext"), "Encrypt", encrypt(parameters{"Plaintext": strings.Repeat("a", 6145)})},
		{"unknown key", keyNotFound, "Encrypt", encrypt(parameters{"KeyId": "key-hzz000000000000000000"})},
		{"unknown alias", aliasNotFound, "Encrypt", encrypt(parameters{"KeyId": "alias/unknown"})},
		{"encryption by an asymmetric key", notSupported, "Encrypt", encrypt(parameters{"KeyId": rsa2048Key.id})},
		{"a context with a number", invalid("EncryptionContext"), "Encrypt", encrypt(parameters{"EncryptionContext": map[string]any{"a": 1}})},
		{"a context with a list", invalid("EncryptionContext"), "Encrypt", encrypt(parameters{"EncryptionContext": map[string]any{"a": []string{"1"}}})},
		{"a context of 8193 characters", invalid("EncryptionContext"), "Encrypt", encrypt(parameters{"EncryptionContext": map[string]any{"a": strings.Repeat("消", 8193-len(`{"a":""}`))}})},
		{"encryption that would succeed", dryRunSucceeds, "Encrypt", encrypt(parameters{"DryRun": "true"})},
		{"encryption that would fail", notValid(keyNotFound.message), "Encrypt", encrypt(parameters{"KeyId": "unknown", "DryRun": "true"})},
	}
	for want, key := range statesOfKeys(c) {
		all = append(all,
			refusedCall{"encryption, " + want.code, want, "Encrypt", encrypt(parameters{"KeyId": key.id})},
			refusedCall{"decryption, " + want.code, want, "Decrypt", parameters{"CiphertextBlob": key.blob}})
	}
	return append(all, blobRefusals(c, id, "Decrypt", nil)...)
}

// blobRefusals are those of each operation that decrypts.
func blobRefusals(c *conversation, id, action string, more parameters) []refusedCall {
	blob := c.call("Encrypt", parameters{"KeyId": id, "Plaintext": base64Of(make([]byte, 32))}).text("CiphertextBlob")
	raw := unencoded(c.t, blob)
	with := func(blob string) parameters { return more.and(parameters{"CiphertextBlob": blob}) }
	changed := bytes.Clone(raw)
	changed[60] ^= 1
	asymmetric := c.call("AsymmetricEncrypt", parameters{"KeyId": rsa2048Key.id, "KeyVersionId": rsa2048Key.version, "Algorithm": "RSAES_OAEP_SHA_256", "Plaintext": "YQ=="})
	unknown := append([]byte("2ab1a983-7072-4bbc-a582-584b5bd89999"), raw[36:]...)
	return []refusedCall{
		{action + " of nothing", missing("CiphertextBlob"), action, with("")},
		{action + " of what is no base64", invalid("CiphertextBlob"), action, with("测试消息")},
		{action + " of ciphertext of an asymmetric key", noBlob, action, with(asymmetric.text("CiphertextBlob"))},
		{action + " of a version id alone", noBlob, action, with(base64Of(raw[:36]))},
		{action + " without a tag", invalid("CiphertextBlob"), action, with(base64Of(raw[:48]))},
		{action + " of truncated ciphertext", invalid("CiphertextBlob"), action, with(base64Of(raw[:len(raw)-1]))},
		{action + " of changed ciphertext", invalid("CiphertextBlob"), action, with(base64Of(changed))},
		{action + " of an unknown version's", keyNotFound, action, with(base64Of(unknown))},
		{action + " that would succeed", dryRunSucceeds, action, with(blob).and(parameters{"DryRun": "true"})},
		{action + " that would fail", notValid(invalid("CiphertextBlob").message), action, with(base64Of(changed)).and(parameters{"DryRun": "true"})},
	}
}

func dataKeys(c *conversation) {
	id := c.newKey(nil)
	for _, size := range []struct {
		in    parameters
		bytes int
	}{
		{nil, 32},
		{parameters{"KeySpec": "AES_256"}, 32},
		{parameters{"KeySpec": "AES_128"}, 16},
		{parameters{"NumberOfBytes": 1}, 1},
		{parameters{"NumberOfBytes": 1024}, 1024},
		{parameters{"NumberOfBytes": 24, "KeySpec": "AES_128"}, 24},
		{parameters{"NumberOfBytes": 64, "EncryptionContext": map[string]any{"用途": "测试消息"}}, 64},
	} {
		made := c.call("GenerateDataKey", parameters{"KeyId": id}.and(size.in))
		checkDataKey(c, id, made, size.bytes, size.in["EncryptionContext"])
		equal(c.t, "Plaintext", opened(c, made, size.in["EncryptionContext"]), made.text("Plaintext"))
		bare := c.call("GenerateDataKeyWithoutPlaintext", parameters{"KeyId": id}.and(size.in))
		checkDataKey(c, id, bare, size.bytes, size.in["EncryptionContext"])
		equal(c.t, "Plaintext of GenerateDataKeyWithoutPlaintext", bare.text("Plaintext"), "")
	}
}

// opened decrypts a ciphertext that an answer has.
func opened(c *conversation, sealed answer, context any) string {
	c.t.Helper()
	return c.call("Decrypt", decryption(sealed.text("CiphertextBlob"), context)).text("Plaintext")
}

// checkDataKey finds the data key in the ciphertext as base64.
func checkDataKey(c *conversation, id string, made answer, size int, context any) {
	c.t.Helper()
	checkBlob(c, id, made, base64.StdEncoding.EncodedLen(size))
	equal(c.t, "bytes of the data key", len(unencoded(c.t, opened(c, made, context))), size)
}

func dataKeyRefusals(c *conversation) (all []refusedCall) {
	id, states := c.newKey(nil), statesOfKeys(c)
	for _, action := range []string{"GenerateDataKey", "GenerateDataKeyWithoutPlaintext"} {
		all = append(all, dataKeyParameters(action, parameters{"KeyId": id})...)
		for want, key := range states {
			all = append(all, refusedCall{action + ", " + want.code, want, action, parameters{"KeyId": key.id}})
		}
	}
	return all
}

// dataKeyParameters are the refusals of each operation that makes a data key.
func dataKeyParameters(action string, in parameters) []refusedCall {
	dryRun := parameters{"DryRun": "true"}
	without := maps.Clone(in)
	delete(without, "KeyId")
	return []refusedCall{
		{action + " without KeyId", missing("KeyId"), action, without},
		{action + " of 0 bytes", invalid("NumberOfBytes"), action, in.and(parameters{"NumberOfBytes": 0})},
		{action + " of 1025 bytes", invalid("NumberOfBytes"), action, in.and(parameters{"NumberOfBytes": 1025})},
		{action + " of another KeySpec", invalid("KeySpec"), action, in.and(parameters{"KeySpec": "AES_512"})},
		{action + " with a context of numbers", invalid("EncryptionContext"), action, in.and(parameters{"EncryptionContext": map[string]any{"a": 1}})},
		{action + " by an asymmetric key", notSupported, action, in.and(parameters{"KeyId": rsa2048Key.id})},
		{action + " by an unknown key", keyNotFound, action, in.and(parameters{"KeyId": "unknown"})},
		{action + " by an unknown alias", aliasNotFound, action, in.and(parameters{"KeyId": "alias/unknown"})},
		{action + " that would succeed", dryRunSucceeds, action, in.and(dryRun)},
		{action + " that would fail", notValid(invalid("NumberOfBytes").message), action, in.and(dryRun).and(parameters{"NumberOfBytes": 1025})},
	}
}

// wrapping is a way to export a data key: a key pair of the caller.
type wrapping struct {
	spec, algorithm string
	public          []byte // X.509 SPKI
	open            func(wrapped []byte) ([]byte, error)
}

func (w wrapping) parameters() parameters {
	return parameters{"PublicKeyBlob": base64Of(w.public), "WrappingKeySpec": w.spec, "WrappingAlgorithm": w.algorithm}
}

// wrappings makes a key pair of each spec. Its algorithms are opened by Go's
// standard library and by gmsm.
func wrappings(t *testing.T) []wrapping {
	t.Helper()
	ofRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ofSM2, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaPublic, err := x509.MarshalPKIXPublicKey(&ofRSA.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sm2Public, err := smx509.MarshalPKIXPublicKey(&ofSM2.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var all []wrapping
	for algorithm, hash := range oaepHashes {
		all = append(all, wrapping{"RSA_2048", algorithm, rsaPublic, func(wrapped []byte) ([]byte, error) {
			return rsa.DecryptOAEP(hash(), nil, ofRSA, wrapped, nil)
		}})
	}
	return append(all, wrapping{"EC_SM2", "SM2PKE", sm2Public, func(wrapped []byte) ([]byte, error) {
		return ofSM2.Decrypt(rand.Reader, wrapped, sm2.NewPlainDecrypterOpts(sm2.C1C3C2))
	}})
}

func exportedDataKeys(c *conversation) {
	id := c.newKey(nil)
	context := parameters{"EncryptionContext": map[string]any{"用途": "测试消息"}}
	for _, w := range wrappings(c.t) {
		made := c.call("GenerateAndExportDataKey", w.parameters().and(context).and(parameters{"KeyId": id, "NumberOfBytes": 24}))
		checkDataKey(c, id, made, 24, context["EncryptionContext"])
		blob := parameters{"CiphertextBlob": made.text("CiphertextBlob")}
		exported := c.call("ExportDataKey", w.parameters().and(context).and(blob))
		equal(c.t, "ExportDataKey's KeyId", exported.text("KeyId"), id)
		equal(c.t, "ExportDataKey's KeyVersionId", exported.text("KeyVersionId"), made.text("KeyVersionId"))
		want := unencoded(c.t, opened(c, made, context["EncryptionContext"]))
		for action, a := range map[string]answer{"GenerateAndExportDataKey": made, "ExportDataKey": exported} {
			got, err := w.open(unencoded(c.t, a.text("ExportedDataKey")))
			mustBe(c.t, action+" with "+w.algorithm, got, err, want)
		}
	}
}

func exportRefusals(c *conversation) []refusedCall {
	id, w := c.newKey(nil), wrappings(c.t)
	export := w[0].parameters()
	generate := export.and(parameters{"KeyId": id})
	blob := c.call("GenerateDataKey", parameters{"KeyId": id}).text("CiphertextBlob")
	long := c.call("GenerateDataKey", parameters{"KeyId": id, "NumberOfBytes": 1024}).text("CiphertextBlob")
	text := c.call("Encrypt", parameters{"KeyId": id, "Plaintext": "测试消息"}).text("CiphertextBlob")
	all := append(dataKeyParameters("GenerateAndExportDataKey", generate), blobRefusals(c, id, "ExportDataKey", export)...)
	all = append(all,
		refusedCall{"a data key too long for RSA_2048", invalid("NumberOfBytes"), "GenerateAndExportDataKey", generate.and(parameters{"NumberOfBytes": 1024})},
		refusedCall{"the same, exported later", invalid("CiphertextBlob"), "ExportDataKey", export.and(parameters{"CiphertextBlob": long})},
		refusedCall{"what is no data key", invalid("CiphertextBlob"), "ExportDataKey", export.and(parameters{"CiphertextBlob": text})})
	all = append(all, wrappingRefusals("GenerateAndExportDataKey", generate, w)...)
	all = append(all, wrappingRefusals("ExportDataKey", export.and(parameters{"CiphertextBlob": blob}), w)...)
	for want, key := range statesOfKeys(c) {
		all = append(all,
			refusedCall{"GenerateAndExportDataKey, " + want.code, want, "GenerateAndExportDataKey", generate.and(parameters{"KeyId": key.id})},
			refusedCall{"ExportDataKey, " + want.code, want, "ExportDataKey", export.and(parameters{"CiphertextBlob": key.blob})})
	}
	return all
}

func wrappingRefusals(action string, in parameters, w []wrapping) []refusedCall {
	sm2 := w[len(w)-1]
	all := []refusedCall{
		{action + " with another WrappingKeySpec", invalid("WrappingKeySpec"), action, in.and(parameters{"WrappingKeySpec": "RSA_4096"})},
		{action + " with the algorithm of another spec", invalid("WrappingAlgorithm"), action, in.and(parameters{"WrappingAlgorithm": "SM2PKE"})},
		{action + " with an algorithm of imports", invalid("WrappingAlgorithm"), action, in.and(parameters{"WrappingAlgorithm": "RSAES_PKCS1_V1_5"})},
		{action + " to no public key", invalid("PublicKeyBlob"), action, in.and(parameters{"PublicKeyBlob": "SGVsbG8="})},
		{action + " to a public key of another spec", invalid("PublicKeyBlob"), action, in.and(parameters{"PublicKeyBlob": base64Of(sm2.public)})},
	}
	for _, name := range []string{"PublicKeyBlob", "WrappingKeySpec", "WrappingAlgorithm"} {
		all = append(all, refusedCall{action + " without " + name, missing(name), action, in.and(parameters{name: ""})})
	}
	return all
}

// reEncryptions: the answer's KeyId is that of the key that decrypted.
func reEncryptions(c *conversation) {
	from, to := c.newKey(parameters{"KeySpec": "Aliyun_SM4"}), c.newKey(nil)
	c.call("CreateAlias", parameters{"KeyId": to, "AliasName": "alias/destination"})
	source, destination := map[string]any{"one": "一"}, map[string]any{"two": "二"}
	blob := symmetricRoundTrip(c, from, from, "测试消息", source)
	again := c.call("ReEncrypt", parameters{
		"CiphertextBlob": blob, "SourceEncryptionContext": source, "DestinationKeyId": "alias/destination", "DestinationEncryptionContext": destination,
	})
	equal(c.t, "KeyId", again.text("KeyId"), from)
	equal(c.t, "KeyVersionId", again.text("KeyVersionId"), c.metadata(from).text("PrimaryKeyVersion"))
	decrypted := c.call("Decrypt", decryption(again.text("CiphertextBlob"), destination))
	equal(c.t, "Plaintext", decrypted.text("Plaintext"), "测试消息")
	equal(c.t, "the key that encrypted anew", decrypted.text("KeyId"), to)
	exportedAndBack(c, to)
}

// exportedAndBack exports a data key to the public half of a key of KMS, and
// encrypts that ciphertext with a symmetric key again.
func exportedAndBack(c *conversation, to string) {
	for algorithm, key := range map[string]builtInKey{"RSAES_OAEP_SHA_256": rsa2048Key, "RSAES_OAEP_SHA_1": rsa2048Key, "SM2PKE": sm2Key} {
		made := c.call("GenerateDataKey", parameters{"KeyId": to})
		public := c.call("GetPublicKey", parameters{"KeyId": key.id, "KeyVersionId": key.version}).text("PublicKey")
		body := strings.Split(strings.TrimSpace(public), "\n")
		exported := c.call("ExportDataKey", parameters{
			"CiphertextBlob": made.text("CiphertextBlob"), "PublicKeyBlob": strings.Join(body[1:len(body)-1], ""),
			"WrappingKeySpec": key.spec, "WrappingAlgorithm": algorithm,
		})
		again := c.call("ReEncrypt", asymmetricSource(key, algorithm).and(parameters{
			"CiphertextBlob": exported.text("ExportedDataKey"), "DestinationKeyId": to,
		}))
		equal(c.t, "the key that decrypted", again.text("KeyId"), key.id)
		equal(c.t, "the data key encrypted anew, after "+algorithm, opened(c, again, nil), made.text("Plaintext"))
	}
}

func asymmetricSource(key builtInKey, algorithm string) parameters {
	return parameters{"SourceKeyId": key.id, "SourceKeyVersionId": key.version, "SourceEncryptionAlgorithm": algorithm}
}

func reEncryptionRefusals(c *conversation) []refusedCall {
	id := c.newKey(nil)
	blob := c.call("GenerateDataKey", parameters{"KeyId": id}).text("CiphertextBlob")
	again := parameters{"CiphertextBlob": blob, "DestinationKeyId": id}
	source := asymmetricSource(rsa2048Key, "RSAES_OAEP_SHA_256").and(parameters{"CiphertextBlob": base64Of(make([]byte, 256)), "DestinationKeyId": id})
	all := []refusedCall{
		{"no DestinationKeyId", missing("DestinationKeyId"), "ReEncrypt", parameters{"CiphertextBlob": blob}},
		{"unknown destination", keyNotFound, "ReEncrypt", again.and(parameters{"DestinationKeyId": "unknown"})},
		{"unknown alias as destination", aliasNotFound, "ReEncrypt", again.and(parameters{"DestinationKeyId": "alias/unknown"})},
		{"asymmetric destination", notSupported, "ReEncrypt", again.and(parameters{"DestinationKeyId": rsa2048Key.id})},
		{"SourceEncryptionContext of numbers", invalid("SourceEncryptionContext"), "ReEncrypt", again.and(parameters{"SourceEncryptionContext": map[string]any{"a": 1}})},
		{"DestinationEncryptionContext of numbers", invalid("DestinationEncryptionContext"), "ReEncrypt", again.and(parameters{"DestinationEncryptionContext": map[string]any{"a": 1}})},
		{"no SourceKeyVersionId", missing("SourceKeyVersionId"), "ReEncrypt", source.and(parameters{"SourceKeyVersionId": ""})},
		{"no SourceEncryptionAlgorithm", missing("SourceEncryptionAlgorithm"), "ReEncrypt", source.and(parameters{"SourceEncryptionAlgorithm": ""})},
		{"unknown source", keyNotFound, "ReEncrypt", source.and(parameters{"SourceKeyId": "unknown"})},
		{"unknown version of the source", keyVersionNotFound, "ReEncrypt", source.and(parameters{"SourceKeyVersionId": "unknown"})},
		{"ciphertext that the source did not make", invalid("CiphertextBlob"), "ReEncrypt", source},
	}
	for want, key := range statesOfKeys(c) {
		all = append(all,
			refusedCall{"source, " + want.code, want, "ReEncrypt", again.and(parameters{"CiphertextBlob": key.blob})},
			refusedCall{"destination, " + want.code, want, "ReEncrypt", again.and(parameters{"DestinationKeyId": key.id})})
	}
	return append(all, blobRefusals(c, id, "ReEncrypt", parameters{"DestinationKeyId": id})...)
}

// TestDataKeysOfEveryLength makes and opens them on connections kept alive.
func TestDataKeysOfEveryLength(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	c := &conversation{t: t, sdk: classicSDK{connectClassic(t, endpoint, accessKeyID, accessKeySecret), endpoint}, called: map[string]bool{}}
	id := c.newKey(nil)
	for size := 1; size <= 1024; size++ {
		made := c.call("GenerateDataKey", parameters{"KeyId": id, "NumberOfBytes": size})
		equal(t, "bytes of the data key", len(unencoded(t, made.text("Plaintext"))), size)
		equal(t, "bytes of the ciphertext", len(unencoded(t, made.text("CiphertextBlob"))), 64+base64.StdEncoding.EncodedLen(size))
		equal(t, fmt.Sprintf("data key of %d bytes", size), opened(c, made, nil), made.text("Plaintext"))
	}
}

func TestCiphertextOfADeletedKeyIsOfNoKey(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	id := c.newKey(nil)
	blob := symmetricRoundTrip(c, id, id, "测试消息", nil)
	c.call("ScheduleKeyDeletion", parameters{"KeyId": id, "PendingWindowInDays": 7})
	c.advance("8d")
	c.refuse(keyNotFound, "Decrypt", parameters{"CiphertextBlob": blob})
	c.refuse(keyNotFound, "ReEncrypt", parameters{"CiphertextBlob": blob, "DestinationKeyId": c.newKey(nil)})
}

// TestReEncryptAsksForBothOfItsKeys: of the key that decrypts, and of the one
// that encrypts.
func TestReEncryptAsksForBothOfItsKeys(t *testing.T) {
	from, to := builtIn("alias/demo-aes-256"), builtIn("alias/demo-sm4")
	may := func(caller, action, key string) string {
		return fmt.Sprintf(`  - {accessKeyId: %s, accessKeySecret: s, policy: {"Version": "1", "Statement": [{"Effect": "Allow", "Action": [%s], "Resource": "acs:kms:*:*:key/%s"}]}}`+"\n", caller, action, key)
	}
	endpoint := startScenario(t, "credentials:\n"+
		may("decrypts", "'kms:Encrypt', 'kms:ReEncryptFrom'", from.id)+may("encrypts", "'kms:ReEncryptTo'", to.id)+
		may("does-both", "'kms:Encrypt', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'", "*"))
	by := func(caller string) *conversation {
		return connect(t, as(config(endpoint, signingV3), caller, "s", "")).converse(endpoint)
	}
	blob := by("decrypts").call("Encrypt", parameters{"KeyId": from.id, "Plaintext": "text"}).text("CiphertextBlob")
	in := parameters{"CiphertextBlob": blob, "DestinationKeyId": to.id}
	by("decrypts").refuse(forbiddenFor(to.id), "ReEncrypt", in)
	by("encrypts").refuse(forbiddenFor(from.id), "ReEncrypt", in)
	by("does-both").call("ReEncrypt", in)
}

// additionalData is what a context adds to the tag of a ciphertext, as the
// vendor's transfer SDKs compute it.
func additionalData(pairs string) []byte {
	sum := sha256.Sum256([]byte(pairs))
	return sum[:]
}
