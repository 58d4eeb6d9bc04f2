package keyspec

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

func TestParsePEMReadsEveryForm(t *testing.T) {
	for file, spec := range map[string]string{
		"rsa-2048-pkcs8.pem":      "RSA_2048",
		"rsa-2048-pkcs1.pem":      "RSA_2048",
		"rsa-3072-pkcs8.pem":      "RSA_3072",
		"sm2-pkcs8.pem":           "EC_SM2",
		"sm2-sec1.pem":            "EC_SM2",
		"sm2-sm2.pem":             "EC_SM2",
		"sm2-with-parameters.pem": "EC_SM2",
	} {
		key, err := mustLookup(t, spec).ParsePEM(readTestdata(t, file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		requireSameKey(t, testKey(t, spec), key) // each spec's files hold one key
	}
}

func TestParsePEMToleratesWhatFilesHaveAround(t *testing.T) {
	text := string(readTestdata(t, "rsa-2048-pkcs8.pem"))
	for what, variant := range map[string]string{
		"CRLF":              strings.ReplaceAll(text, "\n", "\r\n"),
		"text after it":     text + "text after it\n",
		"no newline at end": strings.TrimSpace(text),
		"certificate after": text + string(readTestdata(t, "rsa-2048-certificate.pem")),
	} {
		if _, err := mustLookup(t, "RSA_2048").ParsePEM([]byte(variant)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// refusedPEMs are texts that ParsePEM refuses, with how its message begins:
// the rest may be worded by the libraries.
func refusedPEMs(t *testing.T) []refusedPEM {
	rsaText := string(readTestdata(t, "rsa-2048-pkcs8.pem"))
	sm2N := sm2.P256().Params().N
	return []refusedPEM{
		{"nothing", "RSA_2048", "",
			"no PEM block of a private key; it begins with a line like -----BEGIN PRIVATE KEY-----"},
		{"text", "RSA_2048", "not a PEM\n",
			"no PEM block of a private key; it begins with a line like -----BEGIN PRIVATE KEY-----"},
		{"parameters only", "EC_SM2", "-----BEGIN SM2 PARAMETERS-----\nBggqgRzPVQGCLQ==\n-----END SM2 PARAMETERS-----\n",
			"no PEM block of a private key; it begins with a line like -----BEGIN PRIVATE KEY-----"},
		{"no END line", "RSA_2048", rsaText[:len(rsaText)/2],
			"damaged PEM block: its lines do not decode up to a matching END line"},
		{"bad base64", "RSA_2048", strings.Replace(rsaText, "MII", "M!I", 1),
			"damaged PEM block: its lines do not decode up to a matching END line"},
		{"PKCS#8, encrypted", "RSA_2048", string(readTestdata(t, "rsa-2048-pkcs8-encrypted.pem")),
			"encrypted private key: decrypt it first, for example with openssl pkey -in FILE"},
		{"PKCS#1, encrypted", "RSA_2048", string(readTestdata(t, "rsa-2048-pkcs1-encrypted.pem")),
			"encrypted private key: decrypt it first, for example with openssl pkey -in FILE"},
		{"public key", "RSA_2048", string(readTestdata(t, "rsa-2048-public.pem")),
			"PUBLIC KEY where a private key is needed"},
		{"certificate", "RSA_2048", string(readTestdata(t, "rsa-2048-certificate.pem")),
			"CERTIFICATE where a private key is needed"},
		{"another kind of block", "RSA_2048", pemText("OPENSSH PRIVATE KEY", []byte("x")),
			`PEM block "OPENSSH PRIVATE KEY" is not supported; one of PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY, SM2 PRIVATE KEY`},
		{"modulus too long", "RSA_2048", string(readTestdata(t, "rsa-3072-pkcs8.pem")),
			"an RSA key of 3072 bits where RSA_2048 needs an RSA key of 2048 bits"},
		{"modulus too short", "RSA_3072", rsaText,
			"an RSA key of 2048 bits where RSA_3072 needs an RSA key of 3072 bits"},
		{"RSA for SM2", "EC_SM2", rsaText,
			"an RSA key of 2048 bits where EC_SM2 needs an EC key on the curve SM2"},
		{"SM2 for RSA", "RSA_2048", string(readTestdata(t, "sm2-pkcs8.pem")),
			"an EC key on the curve SM2 where RSA_2048 needs an RSA key of 2048 bits"},
		{"P-256, PKCS#8", "EC_SM2", string(readTestdata(t, "p256-pkcs8.pem")),
			"an EC key on the curve P-256 where EC_SM2 needs an EC key on the curve SM2"},
		{"P-256, SEC1", "EC_SM2", string(readTestdata(t, "p256-sec1.pem")),
			"an EC key on the curve P-256 where EC_SM2 needs an EC key on the curve SM2"},
		{"secp256k1", "EC_SM2", string(readTestdata(t, "secp256k1-pkcs8.pem")),
			"an EC key on the curve secp256k1 where EC_SM2 needs an EC key on the curve SM2"},
		{"Ed25519", "RSA_2048", string(readTestdata(t, "ed25519-pkcs8.pem")),
			"a key of type ed25519.PrivateKey where RSA_2048 needs an RSA key of 2048 bits"},
		{"PKCS#1 in the name of SEC1", "EC_SM2", pemText("EC PRIVATE KEY", derOf(t, "rsa-2048-pkcs1.pem")),
			"unreadable PEM block EC PRIVATE KEY: "},
		{"empty block", "RSA_2048", pemText("PRIVATE KEY", nil),
			"unreadable PEM block PRIVATE KEY: "},
		{"half a key", "RSA_2048", pemText("PRIVATE KEY", derOf(t, "rsa-2048-pkcs8.pem")[:600]),
			"unreadable PEM block PRIVATE KEY: "},
		{"RSA, another prime", "RSA_2048", rsaWith(t, func(k *pkcs1) { k.P.Add(k.P, big.NewInt(2)) }),
			"unreadable PEM block RSA PRIVATE KEY: "},
		{"RSA, modulus of another key", "RSA_2048", rsaWith(t, func(k *pkcs1) { k.N.Add(k.N, big.NewInt(2)) }),
			"unreadable PEM block RSA PRIVATE KEY: "},
		{"RSA, another private exponent", "RSA_2048", rsaWith(t, func(k *pkcs1) { k.D.Add(k.D, big.NewInt(2)) }),
			"unreadable PEM block RSA PRIVATE KEY: "},
		{"RSA, another CRT coefficient", "RSA_2048", rsaWith(t, func(k *pkcs1) { k.QInv.Add(k.QInv, big.NewInt(1)) }),
			"unreadable PEM block RSA PRIVATE KEY: "},
		{"RSA, public exponent 1", "RSA_2048", rsaWith(t, func(k *pkcs1) { k.E = 1 }),
			"unreadable PEM block RSA PRIVATE KEY: "},
		{"RSA, prime 0", "RSA_2048", rsaWith(t, func(k *pkcs1) { k.P.SetInt64(0) }),
			"unreadable PEM block RSA PRIVATE KEY: "},
		{"SM2, 0", "EC_SM2", sm2With(t, big.NewInt(0)),
			"EC_SM2 key is not valid: its private key is out of range"},
		{"SM2, n-1", "EC_SM2", sm2With(t, new(big.Int).Sub(sm2N, big.NewInt(1))),
			"EC_SM2 key is not valid: its private key is out of range"},
		{"SM2, n", "EC_SM2", sm2With(t, sm2N),
			"EC_SM2 key is not valid: its private key is out of range"},
	}
}

type refusedPEM struct{ what, spec, text, want string }

func TestParsePEMSaysWhatIsWrong(t *testing.T) {
	for _, c := range refusedPEMs(t) {
		key, err := mustLookup(t, c.spec).ParsePEM([]byte(c.text))
		switch {
		case err == nil:
			t.Errorf("%s: accepted", c.what)
		case key != nil:
			t.Errorf("%s: a key beside the error", c.what)
		case !strings.HasPrefix(err.Error(), c.want) || !strings.HasSuffix(c.want, ": ") && err.Error() != c.want:
			t.Errorf("%s:\n got %s\nwant %s", c.what, err, c.want)
		}
	}
}

func TestParsePEMTellsNothingOfTheKey(t *testing.T) {
	for _, c := range refusedPEMs(t) {
		_, err := mustLookup(t, c.spec).ParsePEM([]byte(c.text))
		if err == nil {
			t.Fatalf("%s: accepted", c.what)
		}
		for line := range strings.Lines(c.text) {
			if len(line) > 40 && !strings.Contains(line, " ") && strings.Contains(err.Error(), line[:12]) {
				t.Errorf("%s: the message shows a line of the key: %s", c.what, err)
			}
		}
		if len(err.Error()) > 250 {
			t.Errorf("%s: message of %d characters", c.what, len(err.Error()))
		}
	}
}

func pemText(blockType string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}))
}

func derOf(t *testing.T, file string) []byte {
	t.Helper()
	block, _ := pem.Decode(readTestdata(t, file))
	if block == nil {
		t.Fatalf("%s holds no PEM block", file)
	}
	return block.Bytes
}

// pkcs1 is RSAPrivateKey of RFC 8017 A.1.2. The encoder of crypto/x509 does not
// write keys that are not valid.
type pkcs1 struct {
	Version               int
	N                     *big.Int
	E                     int
	D, P, Q, DP, DQ, QInv *big.Int
}

func rsaWith(t *testing.T, change func(*pkcs1)) string {
	t.Helper()
	var key pkcs1
	if _, err := asn1.Unmarshal(derOf(t, "rsa-2048-pkcs1.pem"), &key); err != nil {
		t.Fatal(err)
	}
	change(&key)
	der, err := asn1.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("RSA PRIVATE KEY", der)
}

// sm2With writes ECPrivateKey of RFC 5915 with any scalar, valid or not.
func sm2With(t *testing.T, scalar *big.Int) string {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Version    int
		PrivateKey []byte
		Curve      asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	}{1, scalar.FillBytes(make([]byte, 32)), asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}})
	if err != nil {
		t.Fatal(err)
	}
	return pemText("EC PRIVATE KEY", der)
}

func TestPEMIsOneBlock(t *testing.T) {
	for _, spec := range asymmetric() {
		der, err := testKey(t, spec.Name).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode([]byte(PEM(der)))
		if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 || !bytes.Equal(block.Bytes, der) {
			t.Fatalf("%s: not one block of PKCS#8", spec.Name)
		}
	}
}

// The keys of the files were encoded by openssl, whose PKCS#8 is ours to the
// byte.
func TestMarshalEncodesLikeOpenSSL(t *testing.T) {
	for _, f := range specFacts {
		if f.pem == "" {
			continue
		}
		der, err := testKey(t, f.name).Marshal()
		if want := derOf(t, f.pem); err != nil || !bytes.Equal(der, want) {
			t.Errorf("%s: %x\nopenssl: %x, %v", f.name, der, want, err)
		}
	}
}

// smx509 encodes the curves that it knows by code of its own.
func TestMarshalEncodesLikeSMX509(t *testing.T) {
	for _, name := range []string{"RSA_2048", "EC_P256", "EC_SM2"} {
		key := generatedKey(t, name).(PrivateKey)
		der := must[[]byte](t)(key.Marshal())
		parsed := must[any](t)(smx509.ParsePKCS8PrivateKey(der))
		if want := must[[]byte](t)(smx509.MarshalPKCS8PrivateKey(parsed)); !bytes.Equal(der, want) {
			t.Errorf("%s: private key %x\nsmx509: %x", name, der, want)
		}
		public := must[[]byte](t)(key.PublicKeyDER())
		if want := must[[]byte](t)(smx509.MarshalPKIXPublicKey(parsed.(crypto.Signer).Public())); !bytes.Equal(public, want) {
			t.Errorf("%s: public key %x\nsmx509: %x", name, public, want)
		}
	}
}

// mustRSA makes a key from its primes and the exponent 65537, and brings it in
// the way a user would.
func mustRSA(t *testing.T, spec string, p, q *big.Int) PrivateKey {
	t.Helper()
	der := x509.MarshalPKCS1PrivateKey(rsaFrom(65537, p, q))
	parsed, err := mustLookup(t, spec).ParsePEM([]byte(pemText("RSA PRIVATE KEY", der)))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func rsaFrom(exponent int64, primes ...*big.Int) *rsa.PrivateKey {
	n, phi := big.NewInt(1), big.NewInt(1)
	for _, p := range primes {
		n.Mul(n, p)
		phi.Mul(phi, minus(p, 1))
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: n, E: int(exponent)},
		D:         new(big.Int).ModInverse(big.NewInt(exponent), phi),
		Primes:    primes,
	}
	key.Precompute()
	return key
}

// newRSA makes a key of 2048 bits with so many primes.
func newRSA(t *testing.T, exponent int64, primes int) *rsa.PrivateKey {
	t.Helper()
	for {
		var chosen []*big.Int
		for i := range primes {
			chosen = append(chosen, primeFor(t, exponent, 2048*(i+1)/primes-2048*i/primes))
		}
		if key := rsaFrom(exponent, chosen...); key.N.BitLen() == 2048 {
			return key
		}
	}
}

// primeFor makes a prime with which the exponent has an inverse.
func primeFor(t *testing.T, exponent int64, bits int) *big.Int {
	t.Helper()
	for {
		p := must[*big.Int](t)(rand.Prime(rand.Reader, bits))
		if new(big.Int).GCD(nil, nil, minus(p, 1), big.NewInt(exponent)).Cmp(big.NewInt(1)) == 0 {
			return p
		}
	}
}

// crypto/rsa takes each of these keys.
func TestRSAKeyOfOldOrRareKindIsRefused(t *testing.T) {
	for _, c := range []struct {
		what string
		key  *rsa.PrivateKey
		want string
	}{
		{"exponent 3", newRSA(t, 3, 2), "RSA_2048 key is not valid: its public exponent is 3 where it takes 65537 or more"},
		{"exponent 257", newRSA(t, 257, 2), "RSA_2048 key is not valid: its public exponent is 257 where it takes 65537 or more"},
		{"three primes", newRSA(t, 65537, 3), "RSA_2048 key is not valid: it has 3 primes where it takes 2"},
	} {
		requireRefused(t, "RSA_2048", c.what, must[[]byte](t)(x509.MarshalPKCS8PrivateKey(c.key)), c.want)
		key, err := mustLookup(t, "RSA_2048").ParsePEM([]byte(pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(c.key))))
		if key != nil || err == nil || err.Error() != c.want {
			t.Errorf("%s, PKCS#1: %v, %v", c.what, key, err)
		}
	}
}

func TestRSAKeyOfLargerExponentIsTaken(t *testing.T) {
	der := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(newRSA(t, 65539, 2)))
	key, err := mustLookup(t, "RSA_2048").Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	useKey(t, mustLookup(t, "RSA_2048"), key.(PrivateKey))
}
