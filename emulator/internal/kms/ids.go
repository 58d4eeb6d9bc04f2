package kms

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// newKeyID makes an id of KMS 3.0: key- and a location, the creation in Unix
// seconds as 8 hex digits, 10 characters of [0-9a-z].
func newKeyID(now time.Time) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	tail := make([]byte, 10)
	rand.Read(tail)
	for i, b := range tail {
		tail[i] = alphabet[int(b)%len(alphabet)]
	}
	return fmt.Sprintf("key-hzz%08x%s", uint32(now.Unix()), tail)
}

// newVersionID makes a lower-case UUID, as most samples of asymmetric keys show.
func newVersionID() string { return uuid.NewString() }
