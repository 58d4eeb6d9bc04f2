package conformance

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"strings"
	"testing"
)

// ecdsaCases are the keys whose signatures are ECDSA's, by the name of their
// curve in openssl. Go's standard library has one of the curves.
var ecdsaCases = map[string]builtInKey{"prime256v1": p256SignKey, "secp256k1": p256kSignKey}

func TestECDSASignaturesVerifyOutsideAndTheOtherWayRound(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	for curve, key := range ecdsaCases {
		t.Run(key.spec, func(t *testing.T) {
			s := connect(t, config(endpoint, signingV3))
			message := []byte("测试消息")
			digest := sha256.Sum256(message)
			public := publicKeyPEM(s, key)
			mustBeOn(t, curve, public)
			here := sign(s, key, "ECDSA_SHA_256", digest[:])
			options := []string{"-rawin", "-digest", "sha256"}
			file := write(t, "signature", here)
			if said, err := pkeyutl(t, message, public, append(options, "-verify", "-pubin", "-sigfile", file)...); err != nil {
				t.Errorf("made here, verified by openssl: %v %s", err, said)
			}
			if curve == "prime256v1" {
				equal(t, "made here, verified by Go", ecdsa.VerifyASN1(parsePublic(t, public).(*ecdsa.PublicKey), digest[:], here), true)
			}
			outside, err := pkeyutl(t, message, key.privateKey, append(options, "-sign")...)
			equal(t, "made by openssl, verified here", err == nil && verify(s, key, "ECDSA_SHA_256", digest[:], outside), true)
		})
	}
}

// mustBeOn asks openssl for the curve of a public key.
func mustBeOn(t *testing.T, curve, public string) {
	t.Helper()
	described, err := openssl(t, "pkey", "-pubin", "-noout", "-text", "-in", write(t, "public.pem", []byte(public)))
	if err != nil || !strings.Contains(string(described), curve) {
		t.Errorf("openssl sees another curve than %s (%v):\n%s", curve, err, described)
	}
}

// newestVersion names a key and its newest version.
func newestVersion(c *conversation, id string) parameters {
	c.t.Helper()
	versions := c.call("ListKeyVersions", parameters{"KeyId": id}).at("KeyVersions").list("KeyVersion")
	return parameters{"KeyId": id, "KeyVersionId": versions[0].text("KeyVersionId")}
}

func TestECDSAKeysOnlySign(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	for _, key := range ecdsaCases {
		made := newestVersion(c, c.newKey(parameters{"KeySpec": key.spec}))
		digest := parameters{"Digest": base64Of(make([]byte, 32))}
		value := c.call("AsymmetricSign", made.and(digest).and(parameters{"Algorithm": "ECDSA_SHA_256"})).text("Value")
		verification := made.and(digest).and(parameters{"Algorithm": "ECDSA_SHA_256", "Value": value})
		equal(t, "verified by a key just made", c.call("AsymmetricVerify", verification)["Value"], any(true))
		c.refuse(notSupported, "AsymmetricSign", made.and(digest).and(parameters{"Algorithm": "RSA_PSS_SHA_256"}))
		c.refuse(unsupportedUse, "AsymmetricEncrypt", made.and(parameters{"Algorithm": "RSAES_OAEP_SHA_256", "Plaintext": "YQ=="}))
		c.refuse(invalid("KeyUsage"), "CreateKey", parameters{"KeySpec": key.spec, "KeyUsage": "ENCRYPT/DECRYPT"})
	}
}
