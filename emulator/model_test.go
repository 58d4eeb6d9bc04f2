package emulator

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

// A model of what the API promises: the table of states,
// deletion windows, aliases, versions, listings. It knows no store, no HTTP and
// no transactions. It is held against the emulator over random sequences.

type modelKey struct {
	id, state, description string
	created, deleteDate    time.Time
	protected              bool
	versions               []string // oldest first
}

type modelAlias struct {
	name, keyID string
	created     time.Time
}

type model struct {
	now     time.Time
	keys    map[string]*modelKey
	aliases map[string]modelAlias
}

// modelScenario names its dates, so that they stay in a restart.
const modelScenario = `
keys:
  - {keyId: seed-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/seed-a], creationDate: 2026-01-01T00:00:00Z, versions: [{keyVersionId: seed-a-1}]}
  - {keyId: seed-b, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, keyState: Disabled, creationDate: 2026-01-02T00:00:00Z, versions: [{keyVersionId: seed-b-1}]}
`

var modelStart = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func newModel() *model {
	m := &model{now: modelStart}
	m.reset()
	return m
}

func (m *model) reset() {
	m.keys, m.aliases, m.now = map[string]*modelKey{}, map[string]modelAlias{}, modelStart
	m.seed()
}

// seed adds what is lacking: what a start does.
func (m *model) seed() {
	m.purge()
	for i, seeded := range []modelKey{{id: "seed-a", state: kms.StateEnabled}, {id: "seed-b", state: kms.StateDisabled}} {
		if m.keys[seeded.id] == nil {
			seeded.created = time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)
			seeded.versions = []string{seeded.id + "-1"}
			m.keys[seeded.id] = &seeded
		}
	}
	if _, ok := m.aliases["alias/seed-a"]; !ok {
		m.aliases["alias/seed-a"] = modelAlias{"alias/seed-a", "seed-a", m.keys["seed-a"].created}
	}
}

// key finds a key that is there at this time.
func (m *model) key(id string) *modelKey {
	k := m.keys[id]
	if k == nil || k.gone(m.now) {
		return nil
	}
	return k
}

func (k *modelKey) gone(now time.Time) bool {
	return !k.deleteDate.IsZero() && !k.deleteDate.After(now)
}

// purge is what a write does first: what is gone does not come back with the time.
func (m *model) purge() {
	for id, k := range m.keys {
		if !k.gone(m.now) {
			continue
		}
		delete(m.keys, id)
		maps.DeleteFunc(m.aliases, func(_ string, a modelAlias) bool { return a.keyID == id })
	}
}

func (m *model) alias(name string) (modelAlias, bool) {
	a, ok := m.aliases[name]
	return a, ok && m.key(a.keyID) != nil
}

// refusals are what each operation on a key answers in the states that do not
// allow it, as in the table.
var refusals = map[string]map[string]string{
	"CreateKeyVersion":      {kms.StateDisabled: "Rejected.Disabled", kms.StatePendingDeletion: "Rejected.PendingDeletion"},
	"AsymmetricEncrypt":     {kms.StateDisabled: "Rejected.Disabled", kms.StatePendingDeletion: "Rejected.PendingDeletion"},
	"UpdateKeyDescription":  {kms.StatePendingDeletion: "Rejected.PendingDeletion"},
	"SetDeletionProtection": {kms.StatePendingDeletion: "Rejected.PendingDeletion"},
	"EnableKey":             {kms.StatePendingDeletion: "Rejected.StateModifiedFailed"},
	"DisableKey":            {kms.StatePendingDeletion: "Rejected.StateModifiedFailed"},
	"ScheduleKeyDeletion":   {kms.StatePendingDeletion: "Rejected.StateModifiedFailed"},
	"CancelKeyDeletion":     {kms.StateEnabled: "Rejected.StateModifiedFailed", kms.StateDisabled: "Rejected.StateModifiedFailed"},
	"CreateAlias":           {kms.StatePendingDeletion: "Rejected.StateModifiedFailed"},
	"UpdateAlias":           {kms.StatePendingDeletion: "Rejected.PendingDeletion"},
}

// refusal is the code that an operation on a key has to answer, or "".
func (m *model) refusal(action string, p modelRequest) string {
	if action == "DeleteAlias" {
		if _, ok := m.alias(p.alias); !ok {
			return "Forbidden.AliasNotFound"
		}
		return ""
	}
	k := m.key(p.keyID)
	switch {
	case k == nil:
		return "Forbidden.KeyNotFound"
	case action == "AsymmetricEncrypt" && !slices.Contains(k.versions, p.version):
		return "Forbidden.KeyVersionNotFound"
	case refusals[action][k.state] != "":
		return refusals[action][k.state]
	case action == "ScheduleKeyDeletion" && k.protected:
		return "Rejected.StateModifiedFailed"
	}
	_, taken := m.alias(p.alias)
	switch {
	case action == "CreateAlias" && taken:
		return "AliasAlreadyExists"
	case action == "UpdateAlias" && !taken:
		return "Forbidden.AliasNotFound"
	}
	return ""
}

// modelRequest is one random request: whatever an operation may need.
type modelRequest struct {
	action, keyID, version, alias string
	days                          int
	on                            bool
}

// write applies a request that succeeds. made is the id that the answer brings.
func (m *model) write(p modelRequest, made string) {
	if p.action == "AsymmetricEncrypt" {
		return // writes nothing, so it removes nothing
	}
	m.purge()
	k := m.keys[p.keyID]
	switch p.action {
	case "CreateKey":
		m.keys[made] = &modelKey{id: made, state: kms.StateEnabled, description: p.alias, created: m.now}
	case "CreateKeyVersion":
		k.versions = append(k.versions, made)
	case "UpdateKeyDescription":
		k.description = p.alias
	case "SetDeletionProtection":
		k.protected = p.on
	case "EnableKey":
		k.state = kms.StateEnabled
	case "DisableKey":
		k.state = kms.StateDisabled
	case "ScheduleKeyDeletion":
		k.state, k.deleteDate = kms.StatePendingDeletion, m.now.AddDate(0, 0, p.days)
	case "CancelKeyDeletion":
		k.state, k.deleteDate = kms.StateEnabled, time.Time{}
	case "CreateAlias":
		m.aliases[p.alias] = modelAlias{p.alias, p.keyID, m.now}
	case "UpdateAlias":
		m.aliases[p.alias] = modelAlias{p.alias, p.keyID, m.aliases[p.alias].created}
	case "DeleteAlias":
		delete(m.aliases, p.alias)
	}
}

// walk is a sequence in the making: the emulator, its model, and what was done.
type walk struct {
	t      *testing.T
	random *rand.Rand
	store  *store.Store
	server *Server
	model  *model
	ids    []string // of all keys there ever were, and one that never was
	past   []string // what was done, for the message of a failure
}

func TestRandomSequencesKeepThePromisesOfTheStateTable(t *testing.T) {
	const sequences, steps = 150, 30
	for seed := range uint64(sequences) {
		w := &walk{t: t, random: rand.New(rand.NewPCG(seed, 0)), model: newModel(), ids: []string{"seed-a", "seed-b", "never"}}
		st, err := store.Open(filepath.Join(t.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
		if err != nil {
			t.Fatal(err)
		}
		w.store = st
		w.start()
		for range steps {
			w.step()
			w.compare()
			if t.Failed() {
				t.Fatalf("sequence of seed %d:\n%s", seed, strings.Join(w.past, "\n"))
			}
		}
		w.server.Close()
		st.Close()
	}
}

func (w *walk) start() {
	s, err := New(Options{Store: w.store, Scenario: scenarioOf(w.t, modelScenario), Region: "cn-hangzhou", Account: "1234567890123456",
		Now: func() time.Time { return modelStart }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.server = s
}

func (w *walk) do(action string, more ...string) testAnswer {
	return serve(w.server, form(action, more...))
}

func (w *walk) note(format string, args ...any) {
	w.past = append(w.past, fmt.Sprintf(format, args...))
}

// step does one thing at random, mostly a request.
func (w *walk) step() {
	switch n := w.random.IntN(100); {
	case n < 3:
		w.note("reset")
		w.control("POST", "reset", "")
		w.model.reset()
	case n < 8:
		w.note("restart")
		w.server.Close()
		w.start()
		w.model.seed()
	case n < 20:
		by := time.Duration(w.random.IntN(10*24)) * time.Hour
		w.note("advance %s", by)
		w.control("POST", "clock/advance", fmt.Sprintf("{by: %dh}", int(by.Hours())))
		w.model.now = w.model.now.Add(by)
	case n < 24:
		to := w.model.now.Add(-time.Duration(w.random.IntN(10*24)) * time.Hour)
		w.note("set back to %s", to)
		w.control("PUT", "clock", "{now: "+to.Format(time.RFC3339)+"}")
		w.model.now = to
	default:
		w.request()
	}
}

func (w *walk) control(method, path, body string) {
	if a := served(w.server, httptest.NewRequest(method, "/_emulator/"+path, strings.NewReader(body))); a.status != 200 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
}

var modelActions = append(slices.Sorted(maps.Keys(refusals)), "DeleteAlias", "CreateKey", "AsymmetricEncrypt")

// request sends one and compares its outcome with what the model says.
func (w *walk) request() {
	p := modelRequest{
		action: modelActions[w.random.IntN(len(modelActions))],
		keyID:  w.ids[w.random.IntN(len(w.ids))],
		alias:  "alias/" + []string{"seed-a", "x", "y", "z"}[w.random.IntN(4)],
		days:   7 + w.random.IntN(4),
		on:     w.random.IntN(3) == 0,
	}
	p.version = w.anyVersion(p.keyID)
	w.note("%+v at %s", p, w.model.now)
	want := ""
	if p.action != "CreateKey" {
		want = w.model.refusal(p.action, p)
	}
	a := w.do(p.action, p.parameters()...)
	if a.code() != want {
		w.t.Errorf("%s on %s: %d %s, want %q", p.action, p.keyID, a.status, a.body, want)
		return
	}
	if want != "" {
		return
	}
	made := ""
	switch p.action {
	case "CreateKey":
		made = a.field("KeyMetadata.KeyId").(string)
		w.ids = append(w.ids, made)
	case "CreateKeyVersion":
		made = a.field("KeyVersion.KeyVersionId").(string)
	}
	w.model.write(p, made)
	if p.action == "CreateKey" { // its first version has an id of its own
		listed := w.do("ListKeyVersions", "KeyId", made).field("KeyVersions.KeyVersion").([]any)
		w.model.keys[made].versions = []string{listed[0].(map[string]any)["KeyVersionId"].(string)}
	}
}

// anyVersion is one of the key, or of another.
func (w *walk) anyVersion(keyID string) string {
	if k := w.model.keys[keyID]; k != nil && w.random.IntN(4) > 0 {
		return k.versions[w.random.IntN(len(k.versions))]
	}
	return "seed-a-1"
}

func (p modelRequest) parameters() []string {
	return []string{"KeyId", p.keyID, "AliasName", p.alias, "KeyVersionId", p.version, "Algorithm", "SM2PKE", "Plaintext", "AAAA", "KeySpec", "EC_SM2",
		"KeyUsage", "ENCRYPT/DECRYPT", "Description", p.alias, "PendingWindowInDays", strconv.Itoa(p.days), "EnableDeletionProtection", strconv.FormatBool(p.on)}
}

// compare holds all that can be read against the model.
func (w *walk) compare() {
	var keys []*modelKey
	for _, k := range w.model.keys {
		if !k.gone(w.model.now) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b *modelKey) int { return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id)) })
	var keyIDs []string
	for _, k := range keys {
		keyIDs = append(keyIDs, k.id)
	}
	w.compareList("ListKeys", "Keys.Key", "KeyId", "", keyIDs)
	w.compareList("ListKeys", "Keys.Key", "KeyId", `[{"Key":"KeySpec","Values":["EC_SM2"]}]`, keyIDs)
	w.compareAliases()
	w.compareKey(w.ids[w.random.IntN(len(w.ids))])
}

// compareList reads a listing in pages of a random size.
func (w *walk) compareList(action, list, field, filters string, want []string, more ...string) {
	size := 1 + w.random.IntN(5)
	var got []string
	for number := 1; number <= len(want)/size+1; number++ {
		a := w.do(action, append(more, "PageSize", strconv.Itoa(size), "PageNumber", strconv.Itoa(number), "Filters", filters)...)
		if a.status != 200 || a.object["TotalCount"] != float64(len(want)) {
			w.t.Errorf("%s %v: %d %s, want %v", action, more, a.status, a.body, want)
			return
		}
		for _, one := range a.field(list).([]any) {
			got = append(got, one.(map[string]any)[field].(string))
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s %v: %v, want %v", action, more, got, want)
	}
}

func (w *walk) compareAliases() {
	var all []modelAlias
	for name := range w.model.aliases {
		if a, ok := w.model.alias(name); ok {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b modelAlias) int { return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.name, b.name)) })
	var names []string
	for _, a := range all {
		names = append(names, a.name)
		if got := w.do("DescribeKey", "KeyId", a.name); got.field("KeyMetadata.KeyId") != a.keyID {
			w.t.Errorf("%s is %s, want %s", a.name, got.body, a.keyID)
		}
	}
	w.compareList("ListAliases", "Aliases.Alias", "AliasName", "", names)
}

func (w *walk) compareKey(id string) {
	a := w.do("DescribeKey", "KeyId", id)
	k := w.model.key(id)
	if k == nil {
		if a.code() != "Forbidden.KeyNotFound" {
			w.t.Errorf("DescribeKey %s: %d %s, want none", id, a.status, a.body)
		}
		return
	}
	wire := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	protection := map[bool]string{true: "Enabled", false: "Disabled"}[k.protected]
	want := []any{k.id, k.state, k.description, wire(k.created), wire(k.deleteDate), protection}
	var got []any
	for _, name := range []string{"KeyId", "KeyState", "Description", "CreationDate", "DeleteDate", "DeletionProtection"} {
		got = append(got, a.field("KeyMetadata."+name))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("DescribeKey %s: %v, want %v", id, got, want)
	}
	newestFirst := slices.Clone(k.versions)
	slices.Reverse(newestFirst)
	w.compareList("ListKeyVersions", "KeyVersions.KeyVersion", "KeyVersionId", "", newestFirst, "KeyId", id)
}
