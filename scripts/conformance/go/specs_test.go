package conformance

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"strings"
	"testing"
)

// ecdsaCases are the specs whose signatures are ECDSA's, by the name of their
// curve in openssl.
var ecdsaCases = map[string]string{"EC_P256": "prime256v1", "EC_P256K": "secp256k1"}

func TestECDSASignaturesVerifyOutside(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	for spec := range ecdsaCases {
		t.Run(spec, func(t *testing.T) {
			c := connect(t, config(endpoint, signingV3)).converse(endpoint)
			key := newestVersion(c, c.newKey(parameters{"KeySpec": spec}))
			message := []byte("测试消息")
			digest := sha256.Sum256(message)
			in := key.and(parameters{"Algorithm": "ECDSA_SHA_256", "Digest": base64Of(digest[:])})
			value := c.call("AsymmetricSign", in).text("Value")
			equal(t, "verified here", c.call("AsymmetricVerify", in.and(parameters{"Value": value}))["Value"], any(true))
			public := c.call("GetPublicKey", key).text("PublicKey")
			verifyOutside(t, spec, public, message, unencoded(t, value))
			c.refuse(notSupported, "AsymmetricSign", in.and(parameters{"Algorithm": "RSA_PSS_SHA_256"}))
			c.refuse(unsupportedUse, "AsymmetricEncrypt", key.and(parameters{"Algorithm": "RSAES_OAEP_SHA_256", "Plaintext": "YQ=="}))
			c.refuse(invalid("KeyUsage"), "CreateKey", parameters{"KeySpec": spec, "KeyUsage": "ENCRYPT/DECRYPT"})
		})
	}
}

// newestVersion names a key and its newest version.
func newestVersion(c *conversation, id string) parameters {
	c.t.Helper()
	versions := c.call("ListKeyVersions", parameters{"KeyId": id}).at("KeyVersions").list("KeyVersion")
	return parameters{"KeyId": id, "KeyVersionId": versions[0].text("KeyVersionId")}
}

// verifyOutside asks openssl, and Go's standard library about the curve it has.
func verifyOutside(t *testing.T, spec, public string, message, signature []byte) {
	t.Helper()
	said, err := pkeyutl(t, message, public, "-verify", "-pubin", "-sigfile", write(t, "signature", signature), "-rawin", "-digest", "sha256")
	if err != nil {
		t.Errorf("openssl: %v %s", err, said)
	}
	described, err := openssl(t, "pkey", "-pubin", "-noout", "-text", "-in", write(t, "public.pem", []byte(public)))
	if err != nil || !strings.Contains(string(described), ecdsaCases[spec]) {
		t.Errorf("openssl sees another curve than %s (%v):\n%s", ecdsaCases[spec], err, described)
	}
	if spec == "EC_P256" {
		digest := sha256.Sum256(message)
		equal(t, "verified by Go", ecdsa.VerifyASN1(parsePublic(t, public).(*ecdsa.PublicKey), digest[:], signature), true)
	}
}

func TestKeysOfRSA4096EncryptAndSign(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	encrypts := newestVersion(c, c.newKey(parameters{"KeySpec": "RSA_4096", "KeyUsage": "ENCRYPT/DECRYPT"}))
	for algorithm, longest := range map[string]int{"RSAES_OAEP_SHA_256": 446, "RSAES_OAEP_SHA_1": 470} {
		in := encrypts.and(parameters{"Algorithm": algorithm})
		plaintext := base64Of(randomBytes(longest))
		sealed := c.call("AsymmetricEncrypt", in.and(parameters{"Plaintext": plaintext})).text("CiphertextBlob")
		equal(t, "bytes of the ciphertext", len(unencoded(t, sealed)), 512)
		equal(t, "Plaintext", c.call("AsymmetricDecrypt", in.and(parameters{"CiphertextBlob": sealed})).text("Plaintext"), plaintext)
		c.refuse(invalid("Plaintext"), "AsymmetricEncrypt", in.and(parameters{"Plaintext": base64Of(make([]byte, longest+1))}))
	}
	signs := newestVersion(c, c.newKey(parameters{"KeySpec": "RSA_4096"}))
	for _, algorithm := range signatureAlgorithms["RSA_2048"] {
		in := signs.and(parameters{"Algorithm": algorithm, "Digest": base64Of(make([]byte, 32))})
		value := c.call("AsymmetricSign", in).text("Value")
		equal(t, "verified", c.call("AsymmetricVerify", in.and(parameters{"Value": value}))["Value"], any(true))
	}
}
