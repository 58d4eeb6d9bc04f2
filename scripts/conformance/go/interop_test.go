package conformance

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/pem"
	"hash"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
)

// What alikms makes is read by other cryptography, and the other way round: Go's
// standard library, gmsm, and openssl, which these tests need on the PATH.

// cipherCase is an encryption algorithm with a key for it, and how others do it.
type cipherCase struct {
	name      string
	key       builtInKey
	algorithm string
	longest   int // bytes of plaintext
	seal      func(public any, plaintext []byte) ([]byte, error)
	open      func(private any, ciphertext []byte) ([]byte, error)
	// openssl's options, and what it wants done to a ciphertext of alikms
	options    []string
	forOpenSSL func(ciphertext []byte) ([]byte, error)
}

var cipherCases = []cipherCase{
	oaepCase(rsa2048Key, "RSAES_OAEP_SHA_256", 190, sha256.New, "sha256"),
	oaepCase(rsa2048Key, "RSAES_OAEP_SHA_1", 214, sha1.New, "sha1"),
	oaepCase(rsa3072Key, "RSAES_OAEP_SHA_256", 318, sha256.New, "sha256"),
	oaepCase(rsa3072Key, "RSAES_OAEP_SHA_1", 342, sha1.New, "sha1"),
	oaepCase(rsa4096Key, "RSAES_OAEP_SHA_256", 446, sha256.New, "sha256"),
	oaepCase(rsa4096Key, "RSAES_OAEP_SHA_1", 470, sha1.New, "sha1"),
	{
		name: "EC_SM2 SM2PKE", key: sm2Key, algorithm: "SM2PKE", longest: 6047,
		seal: func(public any, plaintext []byte) ([]byte, error) {
			options := sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2)
			return sm2.Encrypt(rand.Reader, public.(*ecdsa.PublicKey), plaintext, options)
		},
		open: func(private any, ciphertext []byte) ([]byte, error) {
			return private.(*sm2.PrivateKey).Decrypt(rand.Reader, ciphertext, sm2.NewPlainDecrypterOpts(sm2.C1C3C2))
		},
		// openssl knows SM2 ciphertexts as ASN.1 only; KMS has raw ones.
		forOpenSSL: func(ciphertext []byte) ([]byte, error) { return sm2.PlainCiphertext2ASN1(ciphertext, sm2.C1C3C2) },
	},
}

// oaepCase is OAEP with the same hash for MGF1 and an empty label.
func oaepCase(key builtInKey, algorithm string, longest int, newHash func() hash.Hash, hashName string) cipherCase {
	return cipherCase{
		name: key.spec + " " + algorithm, key: key, algorithm: algorithm, longest: longest,
		seal: func(public any, plaintext []byte) ([]byte, error) {
			return rsa.EncryptOAEP(newHash(), rand.Reader, public.(*rsa.PublicKey), plaintext, nil)
		},
		open: func(private any, ciphertext []byte) ([]byte, error) {
			return rsa.DecryptOAEP(newHash(), nil, private.(*rsa.PrivateKey), ciphertext, nil)
		},
		options: []string{
			"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:" + hashName, "-pkeyopt", "rsa_mgf1_md:" + hashName,
		},
		forOpenSSL: func(ciphertext []byte) ([]byte, error) { return ciphertext, nil },
	}
}

// eachCipher runs a test for each case, on one alikms.
func eachCipher(t *testing.T, test func(*session, cipherCase)) {
	endpoint := start(t)
	for _, c := range cipherCases {
		t.Run(c.name, func(t *testing.T) { test(connect(t, config(endpoint, signingV3)), c) })
	}
}

func TestCiphertextMadeHereOpensWithThePrivateKeyOfTheScenario(t *testing.T) {
	eachCipher(t, func(s *session, c cipherCase) {
		plaintext := randomBytes(c.longest)
		out := call(s, s.AsymmetricEncrypt, encryptRequest(c.key.id, c.key.version, c.algorithm, plaintext))
		ciphertext := decode(s.t, out.Body.CiphertextBlob)
		privatePEM := c.key.privateKey
		opened, err := c.open(parsePrivate(s.t, privatePEM), ciphertext)
		mustBe(s.t, "opened by a Go library", opened, err, plaintext)
		ciphertext, err = c.forOpenSSL(ciphertext)
		if err != nil {
			s.t.Fatal(err)
		}
		opened, err = pkeyutl(s.t, ciphertext, privatePEM, append([]string{"-decrypt"}, c.options...)...)
		mustBe(s.t, "opened by openssl", opened, err, plaintext)
	})
}

// A symmetric key's ciphertext is made by the same cryptography as imported
// material's.
func TestCiphertextOfASymmetricKeyOpensWithTheMaterialOfTheScenario(t *testing.T) {
	endpoint := start(t)
	for _, key := range builtInKeys {
		if key.symmetric() {
			c := connect(t, config(endpoint, signingV3)).converse(endpoint)
			opensOutside(c, key.alias, key.spec, unencoded(t, key.material))
		}
	}
}

func TestCiphertextMadeOutsideWithThePublicKeyOpensHere(t *testing.T) {
	eachCipher(t, func(s *session, c cipherCase) {
		plaintext := randomBytes(c.longest)
		publicPEM := publicKeyPEM(s, c.key)
		ciphertext, err := c.seal(parsePublic(s.t, publicPEM), plaintext)
		mustBe(s.t, "made by a Go library", decryptHere(s, c, ciphertext), err, plaintext)
		ciphertext, err = pkeyutl(s.t, plaintext, publicPEM, append([]string{"-encrypt", "-pubin"}, c.options...)...)
		mustBe(s.t, "made by openssl", decryptHere(s, c, ciphertext), err, plaintext)
	})
}

func decryptHere(s *session, c cipherCase, ciphertext []byte) []byte {
	s.t.Helper()
	out := call(s, s.AsymmetricDecrypt, &kms.AsymmetricDecryptRequest{
		KeyId: new(c.key.id), KeyVersionId: new(c.key.version), Algorithm: new(c.algorithm), CiphertextBlob: encode(ciphertext),
	})
	return decode(s.t, out.Body.Plaintext)
}

func TestThePlaintextMayBeAsLongAsDocumentedAndNoByteLonger(t *testing.T) {
	eachCipher(t, func(s *session, c cipherCase) {
		call(s, s.AsymmetricEncrypt, encryptRequest(c.key.id, c.key.version, c.algorithm, make([]byte, c.longest)))
		_, err := s.AsymmetricEncrypt(encryptRequest(c.key.id, c.key.version, c.algorithm, make([]byte, c.longest+1)))
		mustRefuse(s.t, err, invalid("Plaintext"))
	})
}

// signatureCase is a signature algorithm with a key for it, and how others do
// it. KMS signs digests: of SM2 that of the key's identity and the message.
type signatureCase struct {
	name      string
	key       builtInKey
	algorithm string
	digest    func(public any, message []byte) ([]byte, error)
	sign      func(private any, digest []byte) ([]byte, error)
	options   []string // of openssl, which is given the message
}

var signatureCases = []signatureCase{
	rsaCase(rsa2048SignKey, "RSA_PKCS1_SHA_256", crypto.SHA256, "rsa_padding_mode:pkcs1"),
	rsaCase(rsa2048SignKey, "RSA_PSS_SHA_256", pss, "rsa_padding_mode:pss", "rsa_pss_saltlen:32"),
	rsaCase(rsa3072SignKey, "RSA_PKCS1_SHA_256", crypto.SHA256, "rsa_padding_mode:pkcs1"),
	rsaCase(rsa3072SignKey, "RSA_PSS_SHA_256", pss, "rsa_padding_mode:pss", "rsa_pss_saltlen:32"),
	rsaCase(rsa4096SignKey, "RSA_PKCS1_SHA_256", crypto.SHA256, "rsa_padding_mode:pkcs1"),
	rsaCase(rsa4096SignKey, "RSA_PSS_SHA_256", pss, "rsa_padding_mode:pss", "rsa_pss_saltlen:32"),
	{
		name: "EC_SM2 SM2DSA", key: sm2SignKey, algorithm: "SM2DSA",
		digest: func(public any, message []byte) ([]byte, error) {
			return sm2.CalculateSM2Hash(public.(*ecdsa.PublicKey), message, []byte(sm2Identity))
		},
		sign: func(private any, digest []byte) ([]byte, error) {
			return sm2.SignASN1(rand.Reader, private.(*sm2.PrivateKey), digest, nil)
		},
		options: []string{"-digest", "sm3", "-pkeyopt", "distid:" + sm2Identity},
	},
}

// sm2Identity is the user id of Alibaba's own code.
const sm2Identity = "1234567812345678"

var pss = &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}

func rsaCase(key builtInKey, algorithm string, padding crypto.SignerOpts, options ...string) signatureCase {
	c := signatureCase{
		name: key.spec + " " + algorithm, key: key, algorithm: algorithm,
		digest: func(_ any, message []byte) ([]byte, error) {
			digest := sha256.Sum256(message)
			return digest[:], nil
		},
		sign: func(private any, digest []byte) ([]byte, error) {
			return private.(*rsa.PrivateKey).Sign(rand.Reader, digest, padding)
		},
		options: []string{"-digest", "sha256"},
	}
	for _, option := range options {
		c.options = append(c.options, "-pkeyopt", option)
	}
	return c
}

// verifyOutside asks a Go library about a signature.
func (c signatureCase) verifyOutside(public any, digest, signature []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if c.algorithm == "RSA_PSS_SHA_256" {
			return rsa.VerifyPSS(key, crypto.SHA256, digest, signature, pss) == nil
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
	case *ecdsa.PublicKey:
		return sm2.VerifyASN1(key, digest, signature)
	}
	return false
}

func TestSignaturesMadeHereVerifyOutsideAndTheOtherWayRound(t *testing.T) {
	endpoint := start(t)
	for _, c := range signatureCases {
		t.Run(c.name, func(t *testing.T) {
			s := connect(t, config(endpoint, signingV3))
			publicPEM, privatePEM := publicKeyPEM(s, c.key), c.key.privateKey
			public, message := parsePublic(t, publicPEM), []byte("the message")
			digest, err := c.digest(public, message)
			if err != nil {
				t.Fatal(err)
			}
			here := sign(s, c.key, c.algorithm, digest)
			equal(t, "made here, verified by a Go library", c.verifyOutside(public, digest, here), true)
			file := write(t, "signature", here)
			options := append([]string{"-rawin"}, c.options...)
			if said, err := pkeyutl(t, message, publicPEM, append([]string{"-verify", "-pubin", "-sigfile", file}, options...)...); err != nil {
				t.Errorf("made here, verified by openssl: %v %s", err, said)
			}
			outside, err := c.sign(parsePrivate(t, privatePEM), digest)
			equal(t, "made by a Go library, verified here", err == nil && verify(s, c.key, c.algorithm, digest, outside), true)
			outside, err = pkeyutl(t, message, privatePEM, append([]string{"-sign"}, options...)...)
			equal(t, "made by openssl, verified here", err == nil && verify(s, c.key, c.algorithm, digest, outside), true)
		})
	}
}

// pkeyutl runs openssl pkeyutl on the input.
func pkeyutl(t *testing.T, input []byte, keyPEM string, options ...string) ([]byte, error) {
	t.Helper()
	arguments := append([]string{"pkeyutl", "-inkey", write(t, "key.pem", []byte(keyPEM)), "-in", write(t, "input", input)}, options...)
	return openssl(t, arguments...)
}

func openssl(t *testing.T, arguments ...string) ([]byte, error) {
	t.Helper()
	var complaint bytes.Buffer
	command := exec.Command("openssl", arguments...)
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		t.Logf("openssl %v: %v\n%s", arguments, err, &complaint)
	}
	return output, err
}

func write(t *testing.T, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parsePrivate reads a PKCS#8 key as gmsm does, which knows RSA too.
func parsePrivate(t *testing.T, text string) any {
	t.Helper()
	return parsed(t, text, smx509.ParsePKCS8PrivateKey)
}

func parsePublic(t *testing.T, text string) any {
	t.Helper()
	return parsed(t, text, smx509.ParsePKIXPublicKey)
}

func parsed(t *testing.T, text string, parse func([]byte) (any, error)) any {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no PEM block in %q", text)
	}
	key, err := parse(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	rand.Read(data) // never fails
	return data
}

func mustBe(t *testing.T, what string, got []byte, err error, want []byte) {
	t.Helper()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes (error: %v), want the %d encrypted", what, len(got), err, len(want))
	}
}
