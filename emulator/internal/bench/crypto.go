package main

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"

	"github.com/alikms/alikms/emulator/internal/bench/formjson"
	"github.com/alikms/alikms/emulator/internal/keyspec"
)

// keyring holds parsed keys, by their ids and by those of their versions.
type keyring map[string]parsedKey

type parsedKey struct {
	testKey
	key keyspec.Key
	// rsa is an RSA key as Go's own library has it: alikms is compared with what it
	// would be without what keyspec saves of it.
	rsa *rsa.PrivateKey
	// secret is the value of a secret, encrypted with a symmetric key.
	secret []byte
}

func parseKeys(keys []testKey) (keyring, error) {
	ring := keyring{}
	for _, k := range keys {
		spec, ok := keyspec.Lookup(k.Spec)
		if !ok {
			return nil, fmt.Errorf("%q is no key spec", k.Spec)
		}
		key, err := spec.Parse(k.Material)
		if err != nil {
			return nil, err
		}
		standard, _ := x509.ParsePKCS8PrivateKey(k.Material) // not of every spec
		rsaKey, _ := standard.(*rsa.PrivateKey)
		var secret []byte
		if symmetric, ok := key.(*keyspec.SymmetricKey); ok {
			if secret, err = symmetric.Seal([]byte(plaintext), nil); err != nil {
				return nil, err
			}
		}
		ring[k.ID] = parsedKey{k, key, rsaKey, secret}
		ring[k.VersionID], ring[k.secretName()] = ring[k.ID], ring[k.ID]
	}
	return ring, nil
}

// blobIDSize is that of the id of a version, with which a symmetric ciphertext
// begins.
const blobIDSize = 36

// work decodes a form and returns its cryptography, and nothing but that.
func (ring keyring) work(form url.Values) (func() (formjson.Answer, error), error) {
	blob, err := base64.StdEncoding.DecodeString(form.Get("CiphertextBlob"))
	if err != nil {
		return nil, err
	}
	name := cmp.Or(form.Get("KeyId"), form.Get("SecretName"))
	if name == "" && len(blob) > blobIDSize {
		name = string(blob[:blobIDSize])
	}
	found, ok := ring[name]
	if !ok {
		return nil, fmt.Errorf("there is no key %q", name)
	}
	if key, ok := found.key.(*keyspec.SymmetricKey); ok {
		return found.symmetric(key, form, blob)
	}
	return found.asymmetric(found.key.(keyspec.PrivateKey), form, blob)
}

func (k parsedKey) answer() formjson.Answer {
	return formjson.Answer{KeyId: k.ID, KeyVersionId: k.VersionID}
}

func (k parsedKey) symmetric(key *keyspec.SymmetricKey, form url.Values, blob []byte) (func() (formjson.Answer, error), error) {
	a := k.answer()
	seal := func(text string) (formjson.Answer, error) {
		sealed, err := key.Seal([]byte(text), nil)
		a.CiphertextBlob = append([]byte(k.VersionID), sealed...)
		return a, err
	}
	switch action := form.Get("Action"); action {
	case "Encrypt":
		text := form.Get("Plaintext")
		return func() (formjson.Answer, error) { return seal(text) }, nil
	case "Decrypt":
		return func() (formjson.Answer, error) {
			text, err := key.Open(blob[blobIDSize:], nil)
			a.Plaintext = string(text)
			return a, err
		}, nil
	case "GetSecretValue":
		return func() (formjson.Answer, error) {
			text, err := key.Open(k.secret, nil)
			a.Plaintext = string(text)
			return a, err
		}, nil
	case "GenerateDataKey":
		return func() (formjson.Answer, error) {
			dataKey := make([]byte, 32)
			rand.Read(dataKey)
			text := base64.StdEncoding.EncodeToString(dataKey)
			a.Plaintext = text
			return seal(text)
		}, nil
	default:
		return nil, fmt.Errorf("the floor has no %q of symmetric keys", action)
	}
}

func (k parsedKey) asymmetric(key keyspec.PrivateKey, form url.Values, blob []byte) (func() (formjson.Answer, error), error) {
	decoded := map[string][]byte{}
	for _, name := range []string{"Plaintext", "Digest", "Value"} {
		var err error
		if decoded[name], err = base64.StdEncoding.DecodeString(form.Get(name)); err != nil {
			return nil, err
		}
	}
	algorithm, plaintext, digest, signature := form.Get("Algorithm"), decoded["Plaintext"], decoded["Digest"], decoded["Value"]
	a := k.answer()
	do, ok := map[string]func() error{
		"AsymmetricEncrypt": func() (err error) { a.CiphertextBlob, err = k.encrypt(key, algorithm, plaintext); return err },
		"AsymmetricDecrypt": func() (err error) { a.Plaintext, err = key.Decrypt(algorithm, blob); return err },
		"AsymmetricSign":    func() (err error) { a.Value, err = key.Sign(algorithm, digest); return err },
		"AsymmetricVerify":  func() (err error) { a.Value, err = key.Verify(algorithm, digest, signature); return err },
	}[form.Get("Action")]
	if !ok {
		return nil, fmt.Errorf("the floor has no %q of key pairs", form.Get("Action"))
	}
	return func() (formjson.Answer, error) {
		err := do()
		return a, err
	}, nil
}

// cipherCall is a call that can be compared: its parameters, and its name in the
// tables.
type cipherCall struct {
	name   string
	params map[string]string
}

var plaintext = base64.StdEncoding.EncodeToString([]byte("a text of 32 bytes, as keys are."))

// callsOf are the calls of cryptography with a key.
func (ring keyring) callsOf(k testKey) ([]cipherCall, error) {
	if spec, _ := keyspec.Lookup(k.Spec); spec.Symmetric() {
		return ring.symmetricCalls(k)
	}
	spec, _ := keyspec.Lookup(k.Spec)
	algorithms := spec.Algorithms(k.Usage)
	algorithm := algorithms[len(algorithms)-1]
	if slices.Contains(algorithms, "RSA_PSS_SHA_256") {
		algorithm = "RSA_PSS_SHA_256"
	}
	with := func(action string, more ...string) map[string]string {
		return params(append([]string{"Action", action, "KeyId", k.ID, "KeyVersionId", k.VersionID, "Algorithm", algorithm}, more...)...)
	}
	if k.Usage == keyspec.SignVerify {
		return ring.signatureCalls(k, with)
	}
	encrypt := with("AsymmetricEncrypt", "Plaintext", plaintext)
	made, err := ring.perform(encrypt)
	decrypt := with("AsymmetricDecrypt", "CiphertextBlob", base64.StdEncoding.EncodeToString(made.CiphertextBlob))
	return []cipherCall{{"encrypt " + k.Spec, encrypt}, {"decrypt " + k.Spec, decrypt}}, err
}

func (ring keyring) signatureCalls(k testKey, with func(string, ...string) map[string]string) ([]cipherCall, error) {
	sign := with("AsymmetricSign", "Digest", plaintext)
	made, err := ring.perform(sign)
	if err != nil {
		return nil, err
	}
	verify := with("AsymmetricVerify", "Digest", plaintext, "Value", base64.StdEncoding.EncodeToString(made.Value.([]byte)))
	return []cipherCall{{"sign " + k.Spec, sign}, {"verify " + k.Spec, verify}}, nil
}

func (ring keyring) symmetricCalls(k testKey) ([]cipherCall, error) {
	encrypt := params("Action", "Encrypt", "KeyId", k.ID, "Plaintext", plaintext)
	made, err := ring.perform(encrypt)
	return []cipherCall{
		{"Encrypt " + k.Spec, encrypt},
		{"Decrypt " + k.Spec, params("Action", "Decrypt", "CiphertextBlob", base64.StdEncoding.EncodeToString(made.CiphertextBlob))},
		{"GenerateDataKey " + k.Spec, params("Action", "GenerateDataKey", "KeyId", k.ID)},
		{"GetSecretValue " + k.Spec, params("Action", "GetSecretValue", "SecretName", k.secretName())},
	}, err
}

// perform does what a call asks for, here.
func (ring keyring) perform(call map[string]string) (formjson.Answer, error) {
	work, err := ring.work(formOf(call))
	if err != nil {
		return formjson.Answer{}, err
	}
	return work()
}

func params(pairs ...string) map[string]string {
	all := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		all[pair[0]] = pair[1]
	}
	return all
}

func formOf(call map[string]string) url.Values {
	form := url.Values{}
	for name, value := range call {
		form.Set(name, value)
	}
	return form
}

// encrypt is by crypto/rsa, where the key is one of RSA.
func (k parsedKey) encrypt(key keyspec.PrivateKey, algorithm string, plaintext []byte) ([]byte, error) {
	switch {
	case k.rsa == nil:
		return key.Encrypt(algorithm, plaintext)
	case algorithm == "RSAES_OAEP_SHA_1":
		return rsa.EncryptOAEP(sha1.New(), rand.Reader, &k.rsa.PublicKey, plaintext, nil)
	}
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, &k.rsa.PublicKey, plaintext, nil)
}
