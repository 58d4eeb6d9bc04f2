package keyspec

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/emmansun/gmsm/sm2"
)

// ecFacts are the curves of the EC specs and the largest private key of each.
var ecFacts = []struct {
	spec    string
	curve   asn1.ObjectIdentifier
	largest *big.Int
}{
	{"EC_P256", asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, minus(elliptic.P256().Params().N, 1)},
	{"EC_P256K", asn1.ObjectIdentifier{1, 3, 132, 0, 10}, minus(secp256k1.Params().N, 1)},
	{"EC_SM2", asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}, minus(sm2.P256().Params().N, 2)},
}

func minus(n *big.Int, k int64) *big.Int { return new(big.Int).Sub(n, big.NewInt(k)) }

// ecFile is an EC private key as it is written, valid or not.
type ecFile struct {
	version int
	scalar  []byte
	inner   any // curve or parameters in ECPrivateKey; nil for none
	outer   any // the same in PKCS#8
	point   []byte
}

func (f ecFile) sec1(t *testing.T) []byte {
	t.Helper()
	key := struct {
		Version    int
		PrivateKey []byte
		Curve      asn1.RawValue  `asn1:"optional"`
		PublicKey  asn1.BitString `asn1:"optional,explicit,tag:1"`
	}{Version: f.version, PrivateKey: f.scalar}
	if f.inner != nil {
		key.Curve = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: marshalASN1(t, f.inner)}
	}
	if f.point != nil {
		key.PublicKey = asn1.BitString{Bytes: f.point, BitLength: 8 * len(f.point)}
	}
	return marshalASN1(t, key)
}

func (f ecFile) pkcs8(t *testing.T) []byte {
	t.Helper()
	algorithm := marshalASN1(t, asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1})
	if f.outer != nil {
		algorithm = append(algorithm, marshalASN1(t, f.outer)...)
	}
	return marshalASN1(t, struct {
		Version    int
		Algorithm  asn1.RawValue
		PrivateKey []byte
	}{0, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: algorithm}, f.sec1(t)})
}

func marshalASN1(t *testing.T, value any) []byte {
	t.Helper()
	return must[[]byte](t)(asn1.Marshal(value))
}

// ecKeyOf takes the parts of a generated key.
func ecKeyOf(t *testing.T, spec string) ecPair {
	t.Helper()
	der := must[[]byte](t)(generatedKey(t, spec).Marshal())
	return must[any](t)(parsePKCS8(der)).(ecPair)
}

func compressed(point []byte) []byte {
	return append([]byte{2 | point[64]&1}, point[1:33]...)
}

func TestECKeyIsReadInEveryForm(t *testing.T) {
	for _, f := range ecFacts {
		spec, want := mustLookup(t, f.spec), generatedKey(t, f.spec)
		pair := ecKeyOf(t, f.spec)
		whole := ecFile{1, pair.scalar, f.curve, f.curve, pair.point}
		for what, change := range map[string]func(*ecFile){
			"as it is":            func(*ecFile) {},
			"no public key":       func(f *ecFile) { f.point = nil },
			"compressed":          func(f *ecFile) { f.point = compressed(f.point) },
			"a zero before it":    func(f *ecFile) { f.scalar = append([]byte{0}, f.scalar...) },
			"curve only outside":  func(f *ecFile) { f.inner = nil },
			"curve only inside":   func(f *ecFile) { f.outer = nil },
			"zeros left out":      func(f *ecFile) { f.scalar = bytes.TrimLeft(f.scalar, "\x00") },
			"no public, no outer": func(f *ecFile) { f.point, f.outer = nil, nil },
		} {
			file := whole
			change(&file)
			key, err := spec.Parse(file.pkcs8(t))
			if err != nil {
				t.Errorf("%s, PKCS#8, %s: %v", f.spec, what, err)
				continue
			}
			requireSameKey(t, want, key)
			if file.inner == nil {
				continue
			}
			fromPEM, err := spec.ParsePEM([]byte(pemText("EC PRIVATE KEY", file.sec1(t))))
			if err != nil {
				t.Errorf("%s, SEC1, %s: %v", f.spec, what, err)
				continue
			}
			requireSameKey(t, want, fromPEM)
		}
	}
}

func TestECKeyThatIsNotConsistentIsRefused(t *testing.T) {
	const (
		otherPublic = "its public key is not that of its private key"
		outOfRange  = "its private key is out of range"
		described   = "EC key that describes its curve instead of naming it: "
	)
	p384 := asn1.ObjectIdentifier{1, 3, 132, 0, 34}
	for _, f := range ecFacts {
		pair := ecKeyOf(t, f.spec)
		another := must[[]byte](t)(must[Key](t)(mustLookup(t, f.spec).Generate()).Marshal())
		anotherPoint := must[any](t)(parsePKCS8(another)).(ecPair).point
		scalar := func(n *big.Int) func(*ecFile) {
			return func(f *ecFile) { f.scalar, f.point = n.FillBytes(make([]byte, 32)), nil }
		}
		for what, c := range map[string]struct {
			change func(*ecFile)
			want   string
		}{
			"public key of another":             {func(f *ecFile) { f.point = anotherPoint }, otherPublic},
			"public key of another, compressed": {func(f *ecFile) { f.point = compressed(anotherPoint) }, otherPublic},
			"the other of two compressed points": {func(f *ecFile) { f.point = compressed(f.point); f.point[0] ^= 1 },
				otherPublic},
			"half a public key":   {func(f *ecFile) { f.point = f.point[:32] }, otherPublic},
			"a longer public key": {func(f *ecFile) { f.point = append(slices.Clone(f.point), 0) }, otherPublic},
			"private key 0":       {scalar(new(big.Int)), outOfRange},
			"empty private key":   {func(f *ecFile) { f.scalar, f.point = nil, nil }, outOfRange},
			"too large by one":    {scalar(minus(f.largest, -1)), outOfRange},
			"too large by two":    {scalar(minus(f.largest, -2)), outOfRange},
			"all ones":            {func(f *ecFile) { f.scalar = bytes.Repeat([]byte{0xff}, 32) }, outOfRange},
			"33 bytes":            {func(f *ecFile) { f.scalar = append([]byte{1}, f.scalar...) }, outOfRange},
			"two curves":          {func(f *ecFile) { f.inner = p384 }, "EC key that names two curves"},
			"another curve": {func(f *ecFile) { f.inner, f.outer = p384, p384 },
				"an EC key on the curve P-384 where " + f.spec + " needs "},
			"a curve nobody knows": {func(f *ecFile) { f.inner, f.outer = asn1.ObjectIdentifier{1, 2, 3}, asn1.ObjectIdentifier{1, 2, 3} },
				"an EC key on the curve 1.2.3 where " + f.spec + " needs "},
			"no curve":  {func(f *ecFile) { f.inner, f.outer = nil, nil }, "EC key that names no curve"},
			"described": {func(f *ecFile) { f.inner, f.outer = nil, struct{ Version int }{1} }, described},
			"version 2": {func(f *ecFile) { f.version = 2 }, "EC private key of version 2; there is only 1"},
		} {
			file := ecFile{1, pair.scalar, f.curve, f.curve, pair.point}
			c.change(&file)
			requireRefused(t, f.spec, what, file.pkcs8(t), c.want)
		}
	}
}

// requireRefused says that neither Parse nor ParsePEM takes a PKCS#8 key.
func requireRefused(t *testing.T, spec, what string, der []byte, want string) {
	t.Helper()
	key, err := mustLookup(t, spec).Parse(der)
	fromPEM, pemErr := mustLookup(t, spec).ParsePEM([]byte(pemText("PRIVATE KEY", der)))
	if key != nil || fromPEM != nil || err == nil || pemErr == nil {
		t.Errorf("%s, %s: %v, %v; PEM: %v, %v", spec, what, key, err, fromPEM, pemErr)
		return
	}
	if !strings.Contains(err.Error(), want) || !strings.Contains(pemErr.Error(), want) {
		t.Errorf("%s, %s:\n got %v\n and %v\nwant %s", spec, what, err, pemErr, want)
	}
}

func TestLargestAndSmallestECKeys(t *testing.T) {
	for _, f := range ecFacts {
		for _, n := range []*big.Int{big.NewInt(1), f.largest} {
			file := ecFile{version: 1, scalar: n.Bytes(), inner: f.curve}
			key, err := mustLookup(t, f.spec).ParsePEM([]byte(pemText("EC PRIVATE KEY", file.sec1(t))))
			if err != nil {
				t.Errorf("%s, %x: %v", f.spec, n, err)
				continue
			}
			useKey(t, mustLookup(t, f.spec), key)
		}
	}
}

func TestECDSATakesBothHalvesOfS(t *testing.T) {
	digest := sha256.Sum256([]byte("message"))
	for _, f := range ecFacts[:2] {
		key := testKey(t, f.spec)
		var signature struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(must[[]byte](t)(key.Sign("ECDSA_SHA_256", digest[:])), &signature); err != nil {
			t.Fatal(err)
		}
		signature.S = minus(f.largest, -1).Sub(minus(f.largest, -1), signature.S)
		if ok, err := key.Verify("ECDSA_SHA_256", digest[:], marshalASN1(t, signature)); !ok || err != nil {
			t.Errorf("%s: %v, %v", f.spec, ok, err)
		}
	}
}

func TestECKeyCannotEncrypt(t *testing.T) {
	for _, name := range []string{"EC_P256", "EC_P256K"} {
		if usages := mustLookup(t, name).Usages(); !slices.Equal(usages, []string{SignVerify}) {
			t.Errorf("%s: usages %q", name, usages)
		}
		if _, err := testKey(t, name).Encrypt("SM2PKE", []byte("x")); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// openssl reads what Marshal wrote, finds the same public key, and writes the
// key in other forms, which are read again.
func TestOpenSSLReadsAndWritesECKeys(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for _, f := range ecFacts {
		key := generatedKey(t, f.spec).(PrivateKey)
		file := tempFile(t, "key.pem", []byte(PEM(must[[]byte](t)(key.Marshal()))))
		output := func(args ...string) []byte {
			return must[[]byte](t)(exec.Command(openssl, append(args, "-in", file)...).Output())
		}
		if public := output("pkey", "-check", "-pubout"); !strings.HasSuffix(string(public), must[string](t)(key.PublicKeyPEM())) {
			t.Errorf("%s: openssl has the public key\n%s", f.spec, public)
		}
		for _, form := range [][]string{
			{"pkey"}, {"ec"}, {"ec", "-no_public"}, {"ec", "-conv_form", "compressed"},
		} {
			parsed, err := mustLookup(t, f.spec).ParsePEM(output(form...))
			if err != nil {
				t.Errorf("%s, %q: %v", f.spec, form, err)
				continue
			}
			requireSameKey(t, key, parsed)
		}
		_, err := mustLookup(t, f.spec).ParsePEM(output("ec", "-param_enc", "explicit"))
		if err == nil || !strings.Contains(err.Error(), "describes its curve") {
			t.Errorf("%s, explicit parameters: %v", f.spec, err)
		}
	}
}
