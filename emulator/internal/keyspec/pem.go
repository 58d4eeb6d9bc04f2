package keyspec

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// privateKeyParsers are by type of the PEM block. SM2 keys come as PKCS#8, as
// SEC1 like any other curve's, or as SEC1 under a name of their own, which is
// what `openssl ec` writes.
var privateKeyParsers = map[string]func(der []byte) (any, error){
	"PRIVATE KEY":     parsePKCS8,
	"RSA PRIVATE KEY": func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
	"EC PRIVATE KEY":  parseSEC1,
	"SM2 PRIVATE KEY": parseSEC1,
}

// parsePKCS8 returns an ecPair for an EC key, else what crypto/x509 returns.
func parsePKCS8(der []byte) (any, error) {
	var key pkcs8
	if err := unmarshalAll(der, &key); err != nil {
		return nil, err
	}
	if isEC(key.Algorithm.Algorithm) {
		return parseEC(key.PrivateKey, key.Algorithm.Parameters.FullBytes)
	}
	return x509.ParsePKCS8PrivateKey(der)
}

// ParsePEM reads a private key as people have them: PKCS#8, PKCS#1 or SEC1, not
// encrypted. Text around the block and blocks of curve parameters are skipped.
// It refuses a key that is not of this spec, or not consistent, and everything
// for a symmetric spec. No error tells of key material.
func (s *Spec) ParsePEM(text []byte) (PrivateKey, error) {
	if s.Symmetric() {
		return nil, fmt.Errorf("%s is symmetric: its keys are %d bytes, not a PEM", s.Name, s.size)
	}
	block, err := privateKeyBlock(text)
	if err != nil {
		return nil, err
	}
	key, err := privateKeyParsers[block.Type](block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("unreadable PEM block %s: %w", block.Type, inWords(err))
	}
	return s.accept(key)
}

// inWords replaces what encoding/asn1 says, which is about Go's types.
func inWords(err error) error {
	if errors.As(err, new(asn1.StructuralError)) || errors.As(err, new(asn1.SyntaxError)) {
		return errors.New("it does not hold a private key")
	}
	return err
}

// privateKeyBlock finds the first block that is not of parameters, and refuses
// it unless there is a parser for it.
func privateKeyBlock(text []byte) (*pem.Block, error) {
	block, rest := pem.Decode(text)
	for block != nil && strings.HasSuffix(block.Type, "PARAMETERS") {
		block, rest = pem.Decode(rest)
	}
	switch {
	case block == nil && bytes.Contains(rest, []byte("-----BEGIN ")):
		return nil, errors.New("damaged PEM block: its lines do not decode up to a matching END line")
	case block == nil:
		return nil, errors.New("no PEM block of a private key; it begins with a line like -----BEGIN PRIVATE KEY-----")
	case strings.HasPrefix(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, errors.New("encrypted private key: decrypt it first, for example with openssl pkey -in FILE")
	case strings.HasSuffix(block.Type, "PUBLIC KEY") || strings.HasSuffix(block.Type, "CERTIFICATE"):
		return nil, fmt.Errorf("%s where a private key is needed", block.Type)
	case privateKeyParsers[block.Type] == nil:
		return nil, fmt.Errorf("PEM block %q is not supported; one of PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY, SM2 PRIVATE KEY", block.Type)
	}
	return block, nil
}

// describe tells of what kind a parsed key is.
func describe(key any) string {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return rsaKind(key.N.BitLen())
	case ecPair:
		return ecKind(key.curve)
	}
	return fmt.Sprintf("a key of type %T", key)
}

// PEM writes what Marshal gave as a PKCS#8 PEM block.
func PEM(privateKey []byte) string { return encodePEM("PRIVATE KEY", privateKey) }

func encodePEM(blockType string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}))
}

// publicKeyPEM takes the results of PublicKeyDER.
func publicKeyPEM(der []byte, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	return encodePEM("PUBLIC KEY", der), nil
}
