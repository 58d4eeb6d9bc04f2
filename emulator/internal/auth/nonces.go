package auth

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

const (
	// nonceWindow is how long a nonce may not be used again, by real time
	// (documented for SignatureNonceUsed).
	nonceWindow = 15 * time.Minute
	// nonceGeneration is how many nonces a generation holds.
	nonceGeneration = 65_536
)

// nonceMemory remembers which nonces have been used. The zero value is empty
// and ready; it is safe for use by many goroutines.
//
// It keeps two generations of hashes, about 10 MB at most. A new one begins
// when the current one is full or a window old, and the older is dropped. The
// limit that follows: a nonce is remembered for the whole window only while no
// more than 65,536 signed requests arrive in it, and at least until 65,536
// others have been accepted after it. As with the service, a request
// stamped ahead of time outlives the window in which its nonce is known.
type nonceMemory struct {
	mu                sync.Mutex
	current, previous map[nonceHash]time.Time // when it was used
	began             time.Time               // the current generation
}

// nonceHash is half a SHA-256: callers choose the nonces, so a collision must not
// be findable, as it would be with a fast hash.
type nonceHash [16]byte

// use remembers the nonce of an accepted request, and is false when the same
// caller has used it within the window before now. A refused use does not
// lengthen the window. Call it only after the signature agreed: otherwise anybody
// could use up the nonces of others.
func (m *nonceMemory) use(accessKeyID, nonce string, now time.Time) bool {
	hash := hashNonce(accessKeyID, nonce)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, generation := range []map[nonceHash]time.Time{m.current, m.previous} {
		if used, ok := generation[hash]; ok && now.Sub(used) < nonceWindow {
			return false
		}
	}
	if m.current == nil || len(m.current) >= nonceGeneration || now.Sub(m.began) >= nonceWindow {
		m.current, m.previous, m.began = map[nonceHash]time.Time{}, m.current, now
	}
	m.current[hash] = now
	return true
}

// hashNonce hashes the length of the first text too, so that no other pair
// gives the same bytes.
func hashNonce(accessKeyID, nonce string) nonceHash {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(accessKeyID), accessKeyID, nonce))
	return nonceHash(sum[:16])
}
