package keyspec

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
)

// The encodings of EC keys, for all curves: crypto/x509 knows neither SM2 nor
// secp256k1, and does not compare the public key in a file with the private one.

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}

	curveP256      = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	curveSecp256k1 = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
	curveSM2       = asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}
)

// curveNames are what people call the curves; the rest go by their numbers.
var curveNames = map[string]string{
	curveP256.String():      "P-256",
	curveSecp256k1.String(): "secp256k1",
	curveSM2.String():       "SM2",
	"1.3.132.0.33":          "P-224",
	"1.3.132.0.34":          "P-384",
	"1.3.132.0.35":          "P-521",
}

func ecKind(curve asn1.ObjectIdentifier) string {
	if name, ok := curveNames[curve.String()]; ok {
		return "an EC key on the curve " + name
	}
	return "an EC key on the curve " + curve.String()
}

// scalarSize in bytes is that of the private keys of all curves of KMS.
const scalarSize = 32

var errScalar = errors.New("its private key is out of range")

// ecPair is an EC key in the form that its encodings share.
type ecPair struct {
	curve  asn1.ObjectIdentifier
	scalar []byte
	point  []byte // the public key; in a file it may be missing
}

// ecSpec makes a spec of a curve. newKey refuses a scalar that is no private
// key; the pair it returns is complete.
func ecSpec(name string, curve asn1.ObjectIdentifier, algorithms map[string][]string,
	newScalar func() ([]byte, error), newKey func(scalar []byte) (PrivateKey, ecPair, error)) *Spec {
	return &Spec{
		Name:       name,
		kind:       ecKind(curve),
		algorithms: algorithms,
		newPair: func() (PrivateKey, error) {
			scalar, err := newScalar()
			if err != nil {
				return nil, err
			}
			return ecPair{scalar: scalar}.build(newKey)
		},
		fit: func(key any) (PrivateKey, bool, error) {
			parsed, ok := key.(ecPair)
			if !ok || !parsed.curve.Equal(curve) {
				return nil, false, nil
			}
			fitting, err := parsed.build(newKey)
			return fitting, true, err
		},
	}
}

// build makes the key of what a file holds.
func (p ecPair) build(newKey func(scalar []byte) (PrivateKey, ecPair, error)) (PrivateKey, error) {
	scalar, err := fixedScalar(p.scalar)
	if err != nil {
		return nil, err
	}
	key, made, err := newKey(scalar)
	if err == nil && len(p.point) > 0 && !made.hasPoint(p.point) {
		err = errors.New("its public key is not that of its private key")
	}
	return key, err
}

// fixedScalar brings a scalar to 32 bytes. OpenSSL once left zeros in front out,
// and other writers add one.
func fixedScalar(scalar []byte) ([]byte, error) {
	scalar = bytes.TrimLeft(scalar, "\x00")
	if len(scalar) > scalarSize {
		return nil, errScalar
	}
	return append(make([]byte, scalarSize-len(scalar)), scalar...), nil
}

// First bytes of the encodings of a point in SEC 1 2.3.3.
const (
	compressedEven    = 0x02 // or 0x03, where Y is odd
	uncompressedPoint = 0x04
)

// hasPoint reports whether an encoded point is the public key, compressed or
// not.
func (p ecPair) hasPoint(point []byte) bool {
	x, y := p.point[1:1+scalarSize], p.point[1+scalarSize:]
	compressed := append([]byte{compressedEven | y[scalarSize-1]&1}, x...)
	return bytes.Equal(point, p.point) || bytes.Equal(point, compressed)
}

// ecPrivateKey is ECPrivateKey of RFC 5915 (SEC 1 C.4).
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.RawValue  `asn1:"optional,explicit,tag:0"` // with its tag
	PublicKey  asn1.BitString `asn1:"optional,explicit,tag:1"`
}

// pkcs8 is PrivateKeyInfo of RFC 5208. Attributes may follow.
type pkcs8 struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// spki is SubjectPublicKeyInfo of RFC 5280.
type spki struct {
	Algorithm pkix.AlgorithmIdentifier
	PublicKey asn1.BitString
}

// isEC reports whether an algorithm is that of EC keys. Some writers of SM2 keys
// put the curve in its place.
func isEC(algorithm asn1.ObjectIdentifier) bool {
	return algorithm.Equal(oidECPublicKey) || algorithm.Equal(curveSM2)
}

// parseSEC1 returns an ecPair.
func parseSEC1(der []byte) (any, error) { return parseEC(der, nil) }

// parseEC reads an ECPrivateKey. Inside of PKCS#8 the curve is said outside of
// it, as parameters.
func parseEC(der, parameters []byte) (any, error) {
	var key ecPrivateKey
	if err := unmarshalAll(der, &key); err != nil {
		return nil, err
	}
	if key.Version != 1 {
		return nil, fmt.Errorf("EC private key of version %d; there is only 1", key.Version)
	}
	curve, err := sameCurve(parameters, key.Curve.Bytes)
	return ecPair{curve, key.PrivateKey, key.PublicKey.RightAlign()}, err
}

// sameCurve reads the curve from two places, of which one may be empty.
func sameCurve(a, b []byte) (asn1.ObjectIdentifier, error) {
	if len(a) == 0 {
		a = b
	}
	if len(b) > 0 && !bytes.Equal(a, b) {
		return nil, errors.New("EC key that names two curves")
	}
	return parseCurve(a)
}

func parseCurve(der []byte) (asn1.ObjectIdentifier, error) {
	const sequence = 0x30
	var curve asn1.ObjectIdentifier
	switch {
	case len(der) == 0:
		return nil, errors.New("EC key that names no curve")
	case der[0] == sequence:
		return nil, errors.New("EC key that describes its curve instead of naming it: write it with openssl pkey -ec_param_enc named_curve")
	}
	err := unmarshalAll(der, &curve)
	return curve, err
}

// unmarshalAll is asn1.Unmarshal, but refuses what follows.
func unmarshalAll(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the key", len(rest))
	}
	return err
}

func (p ecPair) algorithm() (pkix.AlgorithmIdentifier, error) {
	curve, err := asn1.Marshal(p.curve)
	return pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}}, err
}

// Marshal encodes the key as PKCS#8 DER.
func (p ecPair) Marshal() ([]byte, error) {
	algorithm, err := p.algorithm()
	if err != nil {
		return nil, err
	}
	private, err := asn1.Marshal(ecPrivateKey{Version: 1, PrivateKey: p.scalar, PublicKey: bitString(p.point)})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(pkcs8{Algorithm: algorithm, PrivateKey: private})
}

// PublicKeyDER returns the public key as X.509 SPKI.
func (p ecPair) PublicKeyDER() ([]byte, error) {
	algorithm, err := p.algorithm()
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(spki{algorithm, bitString(p.point)})
}

// PublicKeyPEM returns the public key as GetPublicKey answers it.
func (p ecPair) PublicKeyPEM() (string, error) { return publicKeyPEM(p.PublicKeyDER()) }

func bitString(b []byte) asn1.BitString { return asn1.BitString{Bytes: b, BitLength: 8 * len(b)} }
