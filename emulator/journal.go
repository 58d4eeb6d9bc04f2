package emulator

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/rules"
)

// Call is an entry of the journal: one request to "/", accepted or not.
type Call struct {
	Time        time.Time         `json:"time"` // by the emulator's clock, when it was decided what becomes of it
	RequestID   string            `json:"requestId"`
	Operation   string            `json:"operation"` // the action as sent
	AccessKeyID string            `json:"accessKeyId"`
	Scheme      string            `json:"scheme"`     // V1, V3, V4, try, or "" for an unsigned request
	Verified    bool              `json:"verified"`   // the signature was checked and right
	KeyID       string            `json:"keyId"`      // the key it came to, by its id; or ""
	SecretName  string            `json:"secretName"` // the secret it is about, by its name; or ""
	Gateway     string            `json:"gateway"`    // "shared", or an instanceId
	Parameters  map[string]string `json:"parameters"`
	Status      int               `json:"status"` // 0: nothing was answered
	Code        string            `json:"code"`   // of an error
	Fault       string            `json:"fault"`  // the rule that acted on it
	Quota       string            `json:"quota"`  // the quota that refused it
	// Replaced is what the operation had answered, where a fault replaced it.
	Replaced     *Replaced `json:"replaced"`
	Resend       bool      `json:"resend"`       // the same call, sent again below the SDK
	Milliseconds float64   `json:"milliseconds"` // real time until the answer was ready

	arrival uint64
	keyARN  string

	secretARN string
	size      int // about what it takes, in bytes
	stage     stage
	trace     rules.Trace
	records   kms.RecordsOutcome
}

// past is the entry as the rules look at it.
func (c *Call) past() rules.Past {
	return rules.Past{
		Request: rules.Request{
			Operation:    c.Operation,
			KeyARN:       c.keyARN,
			KeyVersionID: c.Parameters["KeyVersionId"],
			Algorithm:    c.Parameters["Algorithm"],
			SecretARN:    c.secretARN,
			AccessKeyID:  c.AccessKeyID,
			Gateway:      c.Gateway,
			Group:        groupOf(c.Operation),
		},
		RequestID: c.RequestID,
		KeyID:     c.KeyID,
		Time:      c.Time,
		Trace:     c.trace,
		Records:   c.records,
	}
}

// groupOf is the group of request quotas that an operation counts in.
func groupOf(operation string) string {
	if op, ok := kms.Lookup(operation); ok {
		return op.Group
	}
	return ""
}

// Replaced is an answer that a fault of phase "after" replaced.
type Replaced struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

// journal keeps the latest requests, as many as size, and as bytes, allow.
type journal struct {
	mu       sync.Mutex
	size     int
	bytes    int // what the entries may take, in all, and rules that are gone
	arrivals uint64
	since    uint64 // requests that arrived up to here are forgotten
	entries  []Call // the oldest first
	taken    int    // bytes
	dropped  int

	listeners []*listener
}

// arrive numbers a request, so that the journal can list in order of arrival
// what it is told when it is answered.
func (j *journal) arrive() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrivals++
	return j.arrivals
}

// add takes an entry when its answer is ready and not yet sent: who has the
// answer finds it here.
func (j *journal) add(entry Call) {
	entry.size = entry.bytes()
	j.mu.Lock()
	defer j.mu.Unlock()
	if entry.arrival <= j.since {
		return // a reset dropped it
	}
	j.entries = append(j.entries, entry)
	j.taken += entry.hold()
	for _, l := range j.listeners {
		l.offer(&j.entries[len(j.entries)-1])
	}
	// The rules of the latest call are kept by being in force.
	for len(j.entries) > j.size || len(j.entries) > 0 && j.taken-entry.trace.Bytes() > j.bytes {
		j.taken -= j.entries[0].release()
		j.entries[0] = Call{} // let go of what it holds
		j.entries = j.entries[1:]
		j.dropped++
	}
}

// hold is what an entry takes from now on, in bytes, and release what it gives
// free: itself, and what it alone keeps of rules.
func (c *Call) hold() int    { return c.size + c.trace.Hold() }
func (c *Call) release() int { return c.size + c.trace.Release() }

// bytes is about what an entry takes.
func (c *Call) bytes() int {
	const ofStruct, ofParameter = 500, 64
	n := ofStruct + len(c.RequestID) + len(c.Operation) + len(c.AccessKeyID) + 2*len(c.keyARN) + len(c.KeyID) + len(c.SecretName) + len(c.secretARN)
	for name, value := range c.Parameters {
		n += ofParameter + len(name) + len(value)
	}
	return n
}

// empty forgets all requests, also those that are not answered yet.
func (j *journal) empty() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.entries {
		j.entries[i].trace.Release()
	}
	j.entries, j.taken, j.dropped, j.since = nil, 0, 0, j.arrivals
}

// find gives the entries that a query chooses, in order of arrival, and the
// number lost since the journal was last emptied.
func (j *journal) find(q query) (found []Call, dropped int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.choose(q), j.dropped
}

// choose is find while the journal is locked.
func (j *journal) choose(q query) []Call {
	found := []Call{}
	for i := range j.entries {
		if q.fits(&j.entries[i]) {
			found = append(found, j.entries[i])
		}
	}
	sortByArrival(found)
	return q.latest(found)
}

// traces are how the entries were decided, without those that know of the same
// rules as the one before.
func (j *journal) traces() (all []rules.Trace) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.entries {
		if i == 0 || !j.entries[i].trace.SameRules(j.entries[i-1].trace) {
			all = append(all, j.entries[i].trace)
		}
	}
	return all
}

// past are all entries as the rules look at them, in order of arrival.
func (j *journal) past() []rules.Past {
	all, _ := j.find(query{})
	past := make([]rules.Past, len(all))
	for i := range all {
		past[i] = all[i].past()
	}
	return past
}

// remove takes out the entries that a query chooses. The journal counts as
// emptied when nothing is left.
func (j *journal) remove(q query) (removed []Call, dropped int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	removed, dropped = j.choose(q), j.dropped
	gone := make(map[uint64]bool, len(removed))
	for i := range removed {
		gone[removed[i].arrival] = true
		j.taken -= removed[i].release()
	}
	kept := []Call{}
	for i := range j.entries {
		if !gone[j.entries[i].arrival] {
			kept = append(kept, j.entries[i])
		}
	}
	j.entries = kept
	if len(kept) == 0 {
		j.dropped = 0
	}
	return removed, dropped
}

func sortByArrival(calls []Call) {
	slices.SortFunc(calls, func(a, b Call) int { return int(a.arrival) - int(b.arrival) })
}

// unjournaled are the parameters of a signature, which the journal leaves out.
var unjournaled = []string{"Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion", "SignatureType",
	"AccessKeyId", "SecurityToken", "BearerToken", "Timestamp"}

// secretParameters are kept as a size: whatever is plaintext, a secret or a
// signature in any published action, emulated or not. A misspelt one is as secret.
var secretParameters = []string{"Plaintext", "Value", "SecretData", "Password", "EncryptedKeyMaterial", "ImportToken", "Message"}

// journaled is what the journal keeps of the parameters: names as sent; values
// that are secret or long as their size.
func journaled(sent map[string]string) map[string]string {
	kept := make(map[string]string, len(sent))
	for name, value := range sent {
		switch {
		case named(unjournaled, name):
		case named(secretParameters, name):
			kept[copied(name)] = sizeOf(value)
		default:
			kept[copied(name)] = copied(value)
		}
	}
	return kept
}

// named reports whether a name is in a list, in whatever case.
func named(list []string, name string) bool {
	return slices.ContainsFunc(list, func(known string) bool { return strings.EqualFold(known, name) })
}

// copied is shortened in memory of its own: a part of a body would hold on to the
// whole.
func copied(text string) string { return strings.Clone(shortened(text)) }

// shortened keeps what is over 256 characters as its size.
func shortened(text string) string {
	if len(text) > 256 && utf8.RuneCountInString(text) > 256 {
		return sizeOf(text)
	}
	return text
}

func sizeOf(text string) string { return fmt.Sprintf("(%d bytes)", decodedSize(text)) }

// decodedSize is the size of what a text is the base64 of, or of the text.
func decodedSize(text string) int {
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		return len(decoded)
	}
	return len(text)
}
