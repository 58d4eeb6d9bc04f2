package kms

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// recordedBlob was answered by the real service for a text of 16 characters, the
// base64 of 测试消息 (the vendor's alibabacloud-kms-demo, OpenApiTest.java).
const recordedBlob = "MzkyN2FmNmUtNTk3NC00MzZkLWE1YzYtY2UzMTRjOTM2ZTdhXdvyW6fEVxDs0uP1D89aUzsdqGmk3/Rfg9V5lND6oNLX8/tXCRG7sZFocuE="

// newSealer is a version of a new key of Aliyun_AES_256, whose id is that of the
// recorded ciphertext.
func newSealer(t testing.TB) (versionRef, *keyspec.SymmetricKey) {
	t.Helper()
	spec, _ := keyspec.Lookup("Aliyun_AES_256")
	key, err := spec.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return versionRef{version: store.Version{ID: "3927af6e-5974-436d-a5c6-ce314c936e7a"}}, key.(*keyspec.SymmetricKey)
}

func TestABlobHasTheLayoutOfARecordedOne(t *testing.T) {
	recorded, err := base64.StdEncoding.DecodeString(recordedBlob)
	if err != nil {
		t.Fatal(err)
	}
	found, key := newSealer(t)
	ours, err := found.seal(key, base64.StdEncoding.EncodeToString([]byte("测试消息")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) != len(recorded) || !bytes.Equal(ours[:36], recorded[:36]) {
		t.Errorf("ours has %d bytes and begins %q, the recorded one %d and %q", len(ours), ours[:36], len(recorded), recorded[:36])
	}
	parsed, err := parseBlob(recorded)
	if err != nil || parsed.versionID != "3927af6e-5974-436d-a5c6-ce314c936e7a" || len(parsed.sealed) != 12+16+16 {
		t.Errorf("the recorded one is read as %+v, %v", parsed, err)
	}
}

// The documented sizes: 64 bytes around the text; of a data key the text is its
// base64.
func TestABlobHasTheDocumentedSize(t *testing.T) {
	found, key := newSealer(t)
	for size, want := range map[int]int{16: 88, 32: 108} {
		_, blob, err := found.sealDataKey(key, &dataKeyRequest{NumberOfBytes: size})
		if err != nil || len(blob) != want {
			t.Errorf("a data key of %d bytes has a blob of %d, want %d; %v", size, len(blob), want, err)
		}
	}
	for _, size := range []int{1, 2, 3, 31, 1023, 1024} {
		text, blob, err := found.sealDataKey(key, &dataKeyRequest{NumberOfBytes: size})
		if err != nil || len(blob) != 64+len(text) {
			t.Errorf("a data key of %d bytes has a blob of %d for %d characters; %v", size, len(blob), len(text), err)
		}
		if raw, err := base64.StdEncoding.DecodeString(text); err != nil || len(raw) != size {
			t.Errorf("a data key of %d bytes is %q; %v", size, text, err)
		}
	}
}

func TestNumberOfBytesWinsOverKeySpec(t *testing.T) {
	for _, c := range []struct {
		in   dataKeyRequest
		want int
	}{
		{dataKeyRequest{}, 32},
		{dataKeyRequest{KeySpec: "AES_256"}, 32},
		{dataKeyRequest{KeySpec: "AES_128"}, 16},
		{dataKeyRequest{KeySpec: "AES_128", NumberOfBytes: 7}, 7},
	} {
		if raw, err := base64.StdEncoding.DecodeString(c.in.newDataKey()); err != nil || len(raw) != c.want {
			t.Errorf("%+v: %d bytes, want %d", c.in, len(raw), c.want)
		}
	}
}

func TestABlobOpensWithItsContextOnly(t *testing.T) {
	found, key := newSealer(t)
	raw, err := found.seal(key, "测试消息", encryptionContext{"a": "1", "b": "2"})
	if err != nil {
		t.Fatal(err)
	}
	blob, err := parseBlob(raw)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := open(key, blob, encryptionContext{"b": "2", "a": "1"}); err != nil || text != "测试消息" {
		t.Errorf("%q, %v", text, err)
	}
	for _, other := range []encryptionContext{nil, {}, {"a": "1"}, {"a": "1", "b": "3"}, {"a": "1", "b": "2", "c": ""}} {
		if text, err := open(key, blob, other); !reflect.DeepEqual(err, kmserr.InvalidParameter("CiphertextBlob")) {
			t.Errorf("%v opens it: %q, %v", other, text, err)
		}
	}
}

func TestABlobOfAnyOtherLengthIsRefused(t *testing.T) {
	found, key := newSealer(t)
	whole, err := found.seal(key, "text", nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		blob, err := parseBlob(whole[:n])
		if err == nil {
			_, err = open(key, blob, nil)
		}
		if err == nil || err.(*kmserr.Error).Code != "InvalidParameter" {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	if _, err := parseBlob(whole[:48]); !reflect.DeepEqual(err, kmserr.InvalidParameter("CiphertextBlob")) {
		t.Errorf("48 bytes: %v", err)
	}
	for i := range whole[36:] {
		changed := bytes.Clone(whole)
		changed[36+i] ^= 1
		blob, _ := parseBlob(changed)
		if _, err := open(key, blob, nil); err == nil {
			t.Errorf("a change of byte %d is not noticed", 36+i)
		}
	}
}

// What the vendor's EncryptionContextUtils computes for two pairs: SHA-256 of
// "k1=v1&k2=v2", whatever their order.
func TestAdditionalDataIsTheHashOfTheSortedPairs(t *testing.T) {
	const want = "1b1489ae725f59b291dbe3163e8442b76d59a48dd4466e979abc38239339bc58" // of sha256sum
	if got := hex.EncodeToString(encryptionContext{"k2": "v2", "k1": "v1"}.additionalData()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if encryptionContext(nil).additionalData() != nil || (encryptionContext{}).additionalData() != nil {
		t.Error("no context has additional data")
	}
}

func TestAnEncryptionContextIsAnObjectOfTexts(t *testing.T) {
	for text, want := range map[string]encryptionContext{
		`{}`:                  {},
		`{"a":"b"}`:           {"a": "b"},
		` {"a" : "", "":"x"}`: {"a": "", "": "x"},
		`{"a":"\u6d4b"}`:      {"a": "测"},
	} {
		var got encryptionContext
		if err := got.UnmarshalText([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{``, `null`, `a`, `"a"`, `[]`, `{"a":1}`, `{"a":null}`, `{"a":{}}`, `{"a":["b"]}`, `{"a":true}`, `{"a":"b"`, `{"a":"b"} {}`,
		`{"a":"` + strings.Repeat("测", maxContext-7) + `"}`} {
		var got encryptionContext
		if got.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%.30s is taken", text)
		}
	}
	longest := `{"a":"` + strings.Repeat("测", maxContext-8) + `"}`
	if err := new(encryptionContext).UnmarshalText([]byte(longest)); err != nil {
		t.Errorf("%d characters: %v", maxContext, err)
	}
}

func FuzzBlob(f *testing.F) {
	recorded, _ := base64.StdEncoding.DecodeString(recordedBlob)
	f.Add(recorded)
	f.Add([]byte{})
	_, key := newSealer(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		blob, err := parseBlob(raw)
		if err != nil {
			return
		}
		if _, err := open(key, blob, nil); err == nil {
			t.Error("it opens with a key that did not seal it")
		}
	})
}

func FuzzEncryptionContext(f *testing.F) {
	f.Add(`{"a":"b","c":"测"}`)
	f.Add(`{"a":{"b":1}}`)
	found, key := newSealer(f)
	f.Fuzz(func(t *testing.T, text string) {
		var context encryptionContext
		if context.UnmarshalText([]byte(text)) != nil {
			return
		}
		raw, err := found.seal(key, "x", context)
		if err != nil {
			t.Fatal(err)
		}
		blob, err := parseBlob(raw)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := open(key, blob, context); err != nil || opened != "x" {
			t.Errorf("%q, %v", opened, err)
		}
	})
}
