package kms

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
)

// A ciphertext of a symmetric key begins with the id of the version that made
// it, a UUID in its text form; behind it is what keyspec seals. The layout was
// read off answers of the real service.
const blobIDSize = 36

// cipherBlob is such a ciphertext.
type cipherBlob struct {
	versionID string
	sealed    []byte
}

// UnmarshalText reads base64. Its error is one of kmserr where the ciphertext
// is of another kind.
func (b *cipherBlob) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return err
	}
	*b, err = parseBlob(raw)
	return err
}

func parseBlob(raw []byte) (cipherBlob, error) {
	if len(raw) <= blobIDSize {
		return cipherBlob{}, kmserr.NoBlob
	}
	id := string(raw[:blobIDSize])
	if !ValidBlobID(id) {
		return cipherBlob{}, kmserr.NoBlob
	}
	if len(raw) < blobIDSize+keyspec.SealOverhead {
		return cipherBlob{}, kmserr.InvalidParameter("CiphertextBlob")
	}
	return cipherBlob{id, raw[blobIDSize:]}, nil
}

// ValidBlob reports whether bytes look like such a ciphertext.
func ValidBlob(raw []byte) bool {
	_, err := parseBlob(raw)
	return err == nil
}

// ValidBlobID reports whether a ciphertext can begin with the id of a version: a
// UUID in lower case.
func ValidBlobID(id string) bool {
	parsed, err := uuid.Parse(id)
	return err == nil && parsed.String() == id
}

// seal encrypts a text with the key of a version, whose id comes first.
func (v versionRef) seal(key *keyspec.SymmetricKey, text string, with encryptionContext) ([]byte, error) {
	sealed, err := key.Seal([]byte(text), with.additionalData())
	return append([]byte(v.version.ID), sealed...), err
}

// sealDataKey makes a data key, as base64, and encrypts that text.
func (v versionRef) sealDataKey(key *keyspec.SymmetricKey, in *dataKeyRequest) (text string, blob []byte, err error) {
	text = in.newDataKey()
	blob, err = v.seal(key, text, in.EncryptionContext)
	return text, blob, err
}

// open decrypts. What was tampered with, and a context other than the one given
// when it was encrypted, are not told apart.
func open(key *keyspec.SymmetricKey, blob cipherBlob, with encryptionContext) (string, error) {
	text, err := key.Open(blob.sealed, with.additionalData())
	return string(text), refusal(err)
}

// maxContext is how long the text of an encryption context may be, in
// characters (the vendor's page "EncryptionContext").
const maxContext = 8192

// encryptionContext is what has to be given again to decrypt: an object of
// texts, of which the order is irrelevant.
type encryptionContext map[string]string

// UnmarshalText reads a JSON object whose values are texts.
func (c *encryptionContext) UnmarshalText(text []byte) error {
	if utf8.RuneCount(text) > maxContext {
		return errors.New("it is too long")
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	if object == nil {
		return errors.New("it is null")
	}
	*c = encryptionContext{}
	for name, value := range object {
		said, ok := value.(string)
		if !ok {
			return errors.New("a value is no text")
		}
		(*c)[name] = said
	}
	return nil
}

// additionalData is what GCM authenticates: the SHA-256 of k1=v1&k2=v2, sorted by
// name, as the vendor's transfer SDKs compute it; nothing for an empty context.
func (c encryptionContext) additionalData() []byte {
	if len(c) == 0 {
		return nil
	}
	pairs := make([]string, 0, len(c))
	for _, name := range slices.Sorted(maps.Keys(c)) {
		pairs = append(pairs, name+"="+c[name])
	}
	sum := sha256.Sum256([]byte(strings.Join(pairs, "&")))
	return sum[:]
}
