package keyspec

import (
	"bytes"
	"testing"
)

func requireOpens(t *testing.T, key *SymmetricKey, plaintext, additionalData []byte) {
	t.Helper()
	sealed, err := key.Seal(plaintext, additionalData)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := key.Open(sealed, additionalData)
	if err != nil || !bytes.Equal(opened, plaintext) {
		t.Fatalf("%d bytes came back as %d, %v", len(plaintext), len(opened), err)
	}
}
