package auth

import (
	"hash/maphash"
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
// It keeps two generations of hashes, of 1 MB each at most. A new one begins
// when the current one is full or a window old, and the older is dropped. The
// limit that follows: a nonce is remembered for the whole window only while no
// more than 65,536 signed requests arrive in it, and at least until 65,536
// others have been accepted after it. As with the service, a request
// stamped ahead of time outlives the window in which its nonce is known.
type nonceMemory struct {
	mu                sync.Mutex
	current, previous nonceTable
}

// use remembers the nonce of an accepted request, and is false when the same
// caller has used it within the window before now. A refused use does not
// lengthen the window. Call it only after the signature agreed: otherwise anybody
// could use up the nonces of others.
func (m *nonceMemory) use(accessKeyID, nonce string, now time.Time) bool {
	hash := hashNonce(accessKeyID, nonce)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current.usedWithin(hash, now) || m.previous.usedWithin(hash, now) {
		return false
	}
	if age := now.Sub(m.current.began); m.current.count == nonceGeneration || age < 0 || age >= nonceWindow {
		m.current, m.previous = m.previous, m.current
		m.current.begin(now)
	}
	m.current.add(hash, now)
	return true
}

// nonceSeed is another one in each process: callers choose the nonces, so a
// collision of hashes must not be findable.
var nonceSeed = maphash.MakeSeed()

// hashNonce tells apart pairs that are the same end to end.
func hashNonce(accessKeyID, nonce string) uint64 {
	return max(1, maphash.Comparable(nonceSeed, [2]string{accessKeyID, nonce})) // 0 is a free place
}

// nonceTable is a generation: a hash table in two flat slices, which the
// collector of garbage does not look into. Begun anew it keeps its memory.
type nonceTable struct {
	began  time.Time
	count  int
	hashes []uint64 // 0: free
	usedAt []uint32 // milliseconds after began, rounded up
}

// The size of a table: as long as it begins it doubles five times, and is full to
// four fifths then.
const (
	leastNonceSlots = mostNonceSlots >> 5
	mostNonceSlots  = nonceGeneration * 5 / 4
)

// begin empties the table.
func (t *nonceTable) begin(now time.Time) {
	t.began, t.count = now, 0
	clear(t.hashes)
	if t.hashes == nil {
		t.hashes, t.usedAt = make([]uint64, leastNonceSlots), make([]uint32, leastNonceSlots)
	}
}

// slot is where a hash is, or where it has to go.
func (t *nonceTable) slot(hash uint64) int {
	i := hash % uint64(len(t.hashes))
	for t.hashes[i] != hash && t.hashes[i] != 0 {
		i = (i + 1) % uint64(len(t.hashes))
	}
	return int(i)
}

func (t *nonceTable) usedWithin(hash uint64, now time.Time) bool {
	if t.count == 0 {
		return false
	}
	i := t.slot(hash)
	return t.hashes[i] == hash && now.Sub(t.began.Add(time.Duration(t.usedAt[i])*time.Millisecond)) < nonceWindow
}

// add remembers a use, at most a window after the table began.
func (t *nonceTable) add(hash uint64, now time.Time) {
	if t.count*5 >= len(t.hashes)*4 {
		t.grow()
	}
	i := t.slot(hash)
	if t.hashes[i] == 0 {
		t.count++
	}
	t.hashes[i], t.usedAt[i] = hash, uint32((now.Sub(t.began)+time.Millisecond-1)/time.Millisecond)
}

func (t *nonceTable) grow() {
	before := *t
	t.hashes, t.usedAt = make([]uint64, 2*len(before.hashes)), make([]uint32, 2*len(before.hashes))
	for i, hash := range before.hashes {
		if hash != 0 {
			at := t.slot(hash)
			t.hashes[at], t.usedAt[at] = hash, before.usedAt[i]
		}
	}
}
