package keyspec

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/smx509"
)

var wrappingSpecs = []string{"RSA_2048", "EC_SM2"}

// importKeyOf is the key pair as an import would have it.
func importKeyOf(tb testing.TB, spec string, private Key) *ImportKey {
	tb.Helper()
	material, err := private.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	key, err := ParseImportKey(spec, material)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func publicKeyOf(tb testing.TB, spec string) []byte {
	tb.Helper()
	der, err := testKey(tb, spec).PublicKeyDER()
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func TestWrappingAlgorithmsAreThoseOfKMS(t *testing.T) {
	for spec, want := range map[string][2][]string{
		"RSA_2048": {{"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"}, {"RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"}},
		"EC_SM2":   {{"SM2PKE"}, {"SM2PKE"}},
		"RSA_3072": {}, "EC_P256": {}, "Aliyun_AES_256": {}, "": {},
	} {
		if got := ExportAlgorithms(spec); !slices.Equal(got, want[0]) {
			t.Errorf("%s: export %q", spec, got)
		}
		if got := ImportAlgorithms(spec); !slices.Equal(got, want[1]) {
			t.Errorf("%s: import %q", spec, got)
		}
	}
}

func TestOwnerOpensWhatIsWrapped(t *testing.T) {
	for _, spec := range wrappingSpecs {
		key, err := ParseWrappingKey(spec, publicKeyOf(t, spec))
		if err != nil {
			t.Fatal(err)
		}
		for _, algorithm := range ExportAlgorithms(spec) {
			longest := encryptionOf(t, spec, algorithm).plaintext
			for _, n := range []int{1, 16, 32, longest} {
				material := randomBytes(n)
				wrapped, err := key.Encrypt(algorithm, material)
				if err != nil {
					t.Fatal(err)
				}
				opened, err := testKey(t, spec).Decrypt(algorithm, wrapped)
				if err != nil || !bytes.Equal(opened, material) {
					t.Errorf("%s, %s: %d bytes came back as %d, %v", spec, algorithm, n, len(opened), err)
				}
			}
			if _, err := key.Encrypt(algorithm, make([]byte, longest+1)); !errors.Is(err, ErrPlaintext) {
				t.Errorf("%s, %s: %v, want ErrPlaintext", spec, algorithm, err)
			}
		}
		requireErrAlgorithm(t, spec, encryptError(key, "RSAES_PKCS1_V1_5"), encryptError(key, ""))
	}
}

func encryptError(key PublicKey, algorithm string) error {
	_, err := key.Encrypt(algorithm, []byte("x"))
	return err
}

func TestWrappingKeyOfAnotherKindIsRefused(t *testing.T) {
	ofBits := func(n *big.Int, e int) []byte {
		return must[[]byte](t)(x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: e}))
	}
	modulus := newRSA(t, 65537, 2).N
	sm2DER := publicKeyOf(t, "EC_SM2")
	point := sm2DER[len(sm2DER)-65:]
	for what, c := range map[string]struct {
		spec string
		der  []byte
		want string
	}{
		"nothing":              {"RSA_2048", nil, "unreadable public key: "},
		"nothing for SM2":      {"EC_SM2", nil, "unreadable public key: "},
		"text":                 {"RSA_2048", []byte("-----BEGIN PUBLIC KEY-----"), "unreadable public key: "},
		"RSA for SM2":          {"EC_SM2", publicKeyOf(t, "RSA_2048"), "not the public half of an EC key on the curve SM2"},
		"SM2 for RSA":          {"RSA_2048", sm2DER, "unreadable public key: "},
		"P-256 for RSA":        {"RSA_2048", publicKeyOf(t, "EC_P256"), "not the public half of an RSA key of 2048 bits"},
		"P-256 for SM2":        {"EC_SM2", publicKeyOf(t, "EC_P256"), "not the public half of an EC key on the curve SM2"},
		"3072 bits":            {"RSA_2048", publicKeyOf(t, "RSA_3072"), "not the public half of an RSA key of 2048 bits"},
		"trailing byte":        {"RSA_2048", append(publicKeyOf(t, "RSA_2048"), 0), "unreadable public key: "},
		"trailing byte, SM2":   {"EC_SM2", append(slices.Clone(sm2DER), 0), "unreadable public key: "},
		"private key":          {"RSA_2048", must[[]byte](t)(testKey(t, "RSA_2048").Marshal()), "unreadable public key: "},
		"exponent 3":           {"RSA_2048", ofBits(modulus, 3), "public key is not valid: its public exponent is 3 where"},
		"even exponent":        {"RSA_2048", ofBits(modulus, 65538), "public key is not valid: "},
		"large exponent":       {"RSA_2048", ofBits(modulus, 1<<32+1), "public key is not valid: "},
		"even modulus":         {"RSA_2048", ofBits(minus(modulus, 1), 65537), "public key is not valid: "},
		"compressed point":     {"EC_SM2", sm2SPKI(t, compressed(point)), "public key is not an uncompressed point"},
		"no point":             {"EC_SM2", sm2SPKI(t, nil), "public key is not an uncompressed point"},
		"infinity":             {"EC_SM2", sm2SPKI(t, []byte{0}), "public key is not an uncompressed point"},
		"zeros":                {"EC_SM2", sm2SPKI(t, append([]byte{4}, make([]byte, 64)...)), "public key is not a point of the curve SM2"},
		"point of P-256":       {"EC_SM2", sm2SPKI(t, generatorOfP256()), "public key is not a point of the curve SM2"},
		"no WrappingKeySpec":   {"RSA_3072", publicKeyOf(t, "RSA_3072"), "no spec of wrapping keys"},
		"empty spec":           {"", sm2DER, "no spec of wrapping keys"},
		"half of a public key": {"EC_SM2", sm2DER[:40], "unreadable public key: "},
	} {
		key, err := ParseWrappingKey(c.spec, c.der)
		if key != nil || err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", what, key, err)
		}
	}
}

func sm2SPKI(t *testing.T, point []byte) []byte {
	t.Helper()
	return must[[]byte](t)(ecPair{curve: curveSM2, point: point}.PublicKeyDER())
}

func generatorOfP256() []byte {
	p := elliptic.P256().Params()
	return append([]byte{4}, append(p.Gx.FillBytes(make([]byte, 32)), p.Gy.FillBytes(make([]byte, 32))...)...)
}

// A caller has the public key from GetParametersForImport, and a library of its
// own.
func TestUnwrapReturnsWhatACallerWrapped(t *testing.T) {
	for _, spec := range wrappingSpecs {
		generated := must[*ImportKey](t)(GenerateImportKey(spec))
		key := must[*ImportKey](t)(ParseImportKey(spec, must[[]byte](t)(generated.Marshal())))
		for _, algorithm := range ImportAlgorithms(spec) {
			material := randomBytes(32)
			got, err := key.Unwrap(algorithm, wrap(t, generated, algorithm, material))
			if err != nil || !bytes.Equal(got, material) {
				t.Errorf("%s: %x, %v", algorithm, got, err)
			}
		}
		for _, algorithm := range []string{"", "RSA_PKCS1_SHA_256", "SM2DSA"} {
			_, err := key.Unwrap(algorithm, make([]byte, 256))
			requireErrAlgorithm(t, spec+" "+algorithm, err)
		}
	}
	_, err := importKeyOf(t, "EC_SM2", testKey(t, "EC_SM2")).Unwrap("RSAES_PKCS1_V1_5", make([]byte, 256))
	requireErrAlgorithm(t, "EC_SM2 RSAES_PKCS1_V1_5", err)
}

func wrap(t *testing.T, key *ImportKey, algorithm string, material []byte) []byte {
	t.Helper()
	public := must[any](t)(smx509.ParsePKIXPublicKey(must[[]byte](t)(key.PublicKeyDER())))
	if algorithm == "RSAES_PKCS1_V1_5" {
		return encryptBlock(public.(*rsa.PublicKey), pkcs1Block(0, 2, randomNonZero(256-3-len(material)), 0, material))
	}
	file := tempFile(t, "public.pem", []byte(pemText("PUBLIC KEY", must[[]byte](t)(key.PublicKeyDER()))))
	return goLibraries{}.encrypt(t, file, algorithm, material)
}

// pkcs1Block is an encryption block of RFC 8017 7.2.1, right or wrong.
func pkcs1Block(first, second byte, padding []byte, end byte, material []byte) []byte {
	return slices.Concat([]byte{first, second}, padding, []byte{end}, material)
}

func randomNonZero(n int) []byte {
	b := randomBytes(n)
	for i := range b {
		b[i] |= 1
	}
	return b
}

func encryptBlock(public *rsa.PublicKey, block []byte) []byte {
	m := new(big.Int).SetBytes(block)
	return m.Exp(m, big.NewInt(int64(public.E)), public.N).FillBytes(make([]byte, public.Size()))
}

// A caller must not learn from the error what was wrong with the padding.
func TestUnwrapRefusesEveryBlockAlike(t *testing.T) {
	private := testKey(t, "RSA_2048").(rsaKey).private
	key := importKeyOf(t, "RSA_2048", testKey(t, "RSA_2048"))
	material := make([]byte, 32)
	padding := randomNonZero(256 - 3 - 32)
	shortPadding := append(randomNonZero(7), 0)
	for what, block := range map[string][]byte{
		"first byte 1":       pkcs1Block(1, 2, padding, 0, material),
		"second byte 1":      pkcs1Block(0, 1, padding, 0, material),
		"second byte 0":      pkcs1Block(0, 0, padding, 0, material),
		"no end of padding":  pkcs1Block(0, 2, randomNonZero(253), 1, nil),
		"padding of 7 bytes": pkcs1Block(0, 2, shortPadding, 1, randomNonZero(256-3-8)),
		"zeros":              make([]byte, 256),
	} {
		got, err := key.Unwrap("RSAES_PKCS1_V1_5", encryptBlock(&private.PublicKey, block))
		if got != nil || err != ErrCiphertext {
			t.Errorf("%s: %x, %v", what, got, err)
		}
	}
	wrapped := encryptBlock(&private.PublicKey, pkcs1Block(0, 2, padding, 0, material))
	for what, c := range map[string][]byte{
		"nothing": nil, "short": wrapped[:255], "long": append(slices.Clone(wrapped), 0),
		"zero before it": append([]byte{0}, wrapped...), "1 MiB": make([]byte, 1<<20),
		"the modulus": private.N.Bytes(), "ones": bytes.Repeat([]byte{0xff}, 256),
	} {
		if got, err := key.Unwrap("RSAES_PKCS1_V1_5", c); got != nil || err != ErrCiphertext {
			t.Errorf("%s: %x, %v", what, got, err)
		}
	}
}

func TestUnwrapRefusesWhatIsWrappedForAnother(t *testing.T) {
	for _, spec := range wrappingSpecs {
		key := importKeyOf(t, spec, testKey(t, spec))
		other := importKeyOf(t, spec, generatedKey(t, spec))
		for _, algorithm := range ImportAlgorithms(spec) {
			wrapped := wrap(t, other, algorithm, randomBytes(32))
			got, err := key.Unwrap(algorithm, wrapped)
			// One in some ten thousand strangers' blocks is well formed by chance.
			if err == nil && algorithm != "RSAES_PKCS1_V1_5" || err != nil && err != ErrCiphertext {
				t.Errorf("%s: %x, %v", algorithm, got, err)
			}
		}
	}
}

func TestImportKeyHasAWrappingKeySpec(t *testing.T) {
	material := must[[]byte](t)(testKey(t, "RSA_3072").Marshal())
	for _, spec := range []string{"RSA_3072", "EC_P256", "Aliyun_AES_256", ""} {
		_, generateErr := GenerateImportKey(spec)
		_, parseErr := ParseImportKey(spec, material)
		if generateErr != errWrappingKeySpec || parseErr != errWrappingKeySpec {
			t.Errorf("%q: %v, %v", spec, generateErr, parseErr)
		}
	}
	if key, err := ParseImportKey("RSA_2048", material); key != nil || err == nil {
		t.Errorf("a key of 3072 bits: %v", err)
	}
}

func FuzzParseWrappingKey(f *testing.F) {
	for _, spec := range asymmetric() {
		der := publicKeyOf(f, spec.Name)
		f.Add(der)
		f.Add(der[:len(der)-1])
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, spec := range wrappingSpecs {
			key, err := ParseWrappingKey(spec, der)
			if err != nil {
				continue
			}
			for _, algorithm := range ExportAlgorithms(spec) {
				if _, err := key.Encrypt(algorithm, []byte("material")); err != nil {
					t.Errorf("%s: accepted, but %s fails: %v", spec, algorithm, err)
				}
			}
		}
	})
}

func FuzzUnwrap(f *testing.F) {
	type pair struct {
		key       *ImportKey
		algorithm string
	}
	var pairs []pair
	for _, spec := range wrappingSpecs {
		for _, algorithm := range ImportAlgorithms(spec) {
			pairs = append(pairs, pair{importKeyOf(f, spec, testKey(f, spec)), algorithm})
		}
	}
	for i := range pairs {
		f.Add(byte(i), make([]byte, 256))
		f.Add(byte(i), []byte{})
	}
	block := pkcs1Block(0, 2, randomNonZero(256-3-32), 0, make([]byte, 32))
	f.Add(byte(0), encryptBlock(&testKey(f, "RSA_2048").(rsaKey).private.PublicKey, block))
	f.Fuzz(func(t *testing.T, choice byte, wrapped []byte) {
		chosen := pairs[int(choice)%len(pairs)]
		material, err := chosen.key.Unwrap(chosen.algorithm, wrapped)
		if err != nil && (err != ErrCiphertext || material != nil) {
			t.Errorf("%s: %x, %v", chosen.algorithm, material, err)
		}
	})
}

// A caller's short data key meets the mistake of gmsm too.
func TestWrappedByteAlwaysOpens(t *testing.T) {
	key := must[PublicKey](t)(ParseWrappingKey("EC_SM2", publicKeyOf(t, "EC_SM2")))
	private := testKey(t, "EC_SM2")
	for i := range 2000 {
		wrapped := must[[]byte](t)(key.Encrypt("SM2PKE", []byte{byte(i)}))
		if opened, err := private.Decrypt("SM2PKE", wrapped); err != nil || !bytes.Equal(opened, []byte{byte(i)}) {
			t.Fatalf("encryption %d: %x, %v", i, opened, err)
		}
	}
}
