package emulator

import (
	"bytes"
	"cmp"
	"encoding/base64"
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
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// A model of what the API promises: the table of states, deletion windows,
// aliases, versions, rotation, imported material and its expiry, listings. It
// knows no store, no HTTP, no cryptography and no transactions. It is held
// against the emulator over random sequences.

type modelKey struct {
	id, spec, state, description string
	created, deleteDate          time.Time
	protected                    bool
	versions                     []modelVersion // oldest first
	interval                     time.Duration  // of rotation

	external      bool
	fixed         string    // the material that was imported first
	expiry        time.Time // of the material
	token, public string    // the latest, for imports
	tokenExpiry   time.Time
}

// modelVersion is a version and its key material: two are alike if what the one
// encrypted the other decrypts.
type modelVersion struct {
	id, material string
	created      time.Time
}

func (k *modelKey) symmetric() bool { return k.spec != "EC_SM2" }

// newest is the version that a symmetric key encrypts with.
func (k *modelKey) newest() *modelVersion { return &k.versions[len(k.versions)-1] }

type modelAlias struct {
	name, keyID string
	created     time.Time
}

// modelBlob is something encrypted: with this version and material.
type modelBlob struct{ versionID, material, text, blob string }

type model struct {
	now     time.Time
	made    int // materials
	keys    map[string]*modelKey
	aliases map[string]modelAlias
}

// modelScenario names its dates, so that they stay in a restart.
const modelScenario = `
keys:
  - {keyId: seed-a, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/seed-a], creationDate: 2026-01-01T00:00:00Z, versions: [{keyVersionId: seed-a-1}]}
  - {keyId: seed-b, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, keyState: Disabled, creationDate: 2026-01-02T00:00:00Z, versions: [{keyVersionId: seed-b-1}]}
  - {keyId: seed-c, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, creationDate: 2026-01-03T00:00:00Z, automaticRotation: Enabled, rotationInterval: 20d}
  - {keyId: seed-d, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, origin: EXTERNAL, creationDate: 2026-01-04T00:00:00Z}
`

// modelSeeds are the keys of modelScenario. What was generated for a version of
// the scenario it keeps for ever, also where rotation made it.
func modelSeeds() []*modelKey {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	return []*modelKey{
		{id: "seed-a", spec: "EC_SM2", state: kms.StateEnabled, created: day(1), versions: []modelVersion{{"seed-a-1", "a", day(1)}}},
		{id: "seed-b", spec: "EC_SM2", state: kms.StateDisabled, created: day(2), versions: []modelVersion{{"seed-b-1", "b", day(2)}}},
		{id: "seed-c", spec: "Aliyun_AES_256", state: kms.StateEnabled, created: day(3), interval: 20 * 24 * time.Hour,
			versions: []modelVersion{{fixtures.DerivedVersionID("seed-c", 1), "c", day(3)}}},
		{id: "seed-d", spec: "Aliyun_AES_256", state: kms.StatePendingImport, created: day(4), external: true,
			versions: []modelVersion{{fixtures.DerivedVersionID("seed-d", 1), "", day(4)}}},
	}
}

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
	m.settle()
	for _, seeded := range modelSeeds() {
		if m.keys[seeded.id] == nil {
			m.keys[seeded.id] = seeded
		}
	}
	if _, ok := m.aliases["alias/seed-a"]; !ok {
		m.aliases["alias/seed-a"] = modelAlias{"alias/seed-a", "seed-a", m.keys["seed-a"].created}
	}
	m.rotate()
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

// settle is what a write does first: what is gone does not come back with the
// time, nor does material that has expired, nor a token.
func (m *model) settle() {
	for id, k := range m.keys {
		if k.gone(m.now) {
			delete(m.keys, id)
			maps.DeleteFunc(m.aliases, func(_ string, a modelAlias) bool { return a.keyID == id })
			continue
		}
		if k.expired(m.now) {
			k.empty()
		}
		if !k.tokenExpiry.After(m.now) {
			k.token = ""
		}
	}
	m.rotate()
}

// rotate gives keys the versions that have fallen due: what each step of the
// clock does.
func (m *model) rotate() {
	for _, k := range m.keys {
		for k.state == kms.StateEnabled && len(k.versions) > 0 && k.interval > 0 && len(k.versions) < 50 && !k.newest().created.Add(k.interval).After(m.now) {
			id := fixtures.DerivedVersionID(k.id, len(k.versions)+1)
			k.versions = append(k.versions, modelVersion{id, "rotated " + id, k.newest().created.Add(k.interval)})
		}
	}
}

func (m *model) newMaterial() string {
	m.made++
	return fmt.Sprint("generated ", m.made)
}

func (k *modelKey) expired(now time.Time) bool { return !k.expiry.IsZero() && !k.expiry.After(now) }

// empty takes the imported material away.
func (k *modelKey) empty() {
	k.versions[0].material, k.expiry = "", time.Time{}
	if k.state != kms.StatePendingDeletion {
		k.state = kms.StatePendingImport
	}
}

// seen is a key as reads see it, though no write has settled it.
func (k *modelKey) seen(now time.Time) modelKey {
	seen := *k
	seen.versions = slices.Clone(k.versions)
	if seen.expired(now) {
		seen.empty()
	}
	return seen
}

func (m *model) alias(name string) (modelAlias, bool) {
	a, ok := m.aliases[name]
	return a, ok && m.key(a.keyID) != nil
}

var notEnabled = map[string]string{kms.StateDisabled: "Rejected.Disabled", kms.StatePendingDeletion: "Rejected.PendingDeletion", kms.StatePendingImport: "Rejected.PendingImport"}

// refusals are what each operation on a key answers in the states that do not
// allow it, as in the table.
var refusals = map[string]map[string]string{
	"CreateKeyVersion":      notEnabled,
	"AsymmetricEncrypt":     notEnabled,
	"Encrypt":               notEnabled,
	"UpdateRotationPolicy":  notEnabled,
	"ImportKeyMaterial":     {kms.StatePendingDeletion: "Rejected.StateModifiedFailed"},
	"UpdateKeyDescription":  {kms.StatePendingDeletion: "Rejected.PendingDeletion"},
	"SetDeletionProtection": {kms.StatePendingDeletion: "Rejected.PendingDeletion"},
	"EnableKey":             {kms.StatePendingDeletion: "Rejected.StateModifiedFailed", kms.StatePendingImport: "Rejected.StateModifiedFailed"},
	"DisableKey":            {kms.StatePendingDeletion: "Rejected.StateModifiedFailed", kms.StatePendingImport: "Rejected.StateModifiedFailed"},
	"ScheduleKeyDeletion":   {kms.StatePendingDeletion: "Rejected.StateModifiedFailed"},
	"CancelKeyDeletion": {kms.StateEnabled: "Rejected.StateModifiedFailed", kms.StateDisabled: "Rejected.StateModifiedFailed",
		kms.StatePendingImport: "Rejected.StateModifiedFailed"},
	"CreateAlias": {kms.StatePendingDeletion: "Rejected.StateModifiedFailed"},
	"UpdateAlias": {kms.StatePendingDeletion: "Rejected.PendingDeletion"},
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
	if k == nil {
		return "Forbidden.KeyNotFound"
	}
	seen := k.seen(m.now)
	switch {
	case forImport[action] && !k.external:
		return "Unsupported.Origin"
	case action == "AsymmetricEncrypt" && !slices.ContainsFunc(k.versions, func(v modelVersion) bool { return v.id == p.version }):
		return "Forbidden.KeyVersionNotFound"
	case refusals[action][seen.state] != "":
		return refusals[action][seen.state]
	case action == "ImportKeyMaterial":
		return m.importRefusal(k, p)
	case action == "Encrypt" && !k.symmetric():
		return "UnsupportedOperation"
	case (action == "AsymmetricEncrypt" || action == "CreateKeyVersion") && k.symmetric(), action == "UpdateRotationPolicy" && (!k.symmetric() || k.external):
		return "Rejected.UnsupportedOperation"
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

var forImport = map[string]bool{"GetParametersForImport": true, "ImportKeyMaterial": true, "DeleteKeyMaterial": true}

func (m *model) importRefusal(k *modelKey, p modelRequest) string {
	switch {
	case k.token == "":
		return "InvalidImportToken"
	case !k.tokenExpiry.After(m.now):
		return "ExpiredImportToken"
	case k.fixed != "" && k.fixed != p.material:
		return "InvalidKeyMaterial"
	}
	return ""
}

// modelRequest is one random request: whatever an operation may need.
type modelRequest struct {
	action, keyID, version, alias string
	kind                          []string // of a key to create
	material                      string   // to import
	expiry                        time.Time
	days                          int
	on                            bool
}

// write applies a request that succeeds. made is the id that the answer brings.
func (m *model) write(p modelRequest, made string) {
	if p.action == "AsymmetricEncrypt" || p.action == "Encrypt" {
		return // writes nothing, so it removes nothing
	}
	m.settle()
	k := m.keys[p.keyID]
	switch p.action {
	case "CreateKey":
		m.keys[made] = p.newKey(made, m.now)
	case "CreateKeyVersion":
		k.versions = append(k.versions, modelVersion{made, m.newMaterial(), m.now})
	case "UpdateRotationPolicy":
		if k.interval = 0; p.on {
			k.interval = time.Duration(p.days) * 24 * time.Hour
		}
	case "GetParametersForImport":
		k.tokenExpiry = m.now.Add(24 * time.Hour)
	case "ImportKeyMaterial":
		k.versions[0].material, k.fixed, k.expiry = p.material, p.material, p.expiry
		if k.state == kms.StatePendingImport {
			k.state = kms.StateEnabled
		}
	case "DeleteKeyMaterial":
		k.empty()
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
		if k.versions[0].material == "" {
			k.state = kms.StatePendingImport
		}
	case "CreateAlias":
		m.aliases[p.alias] = modelAlias{p.alias, p.keyID, m.now}
	case "UpdateAlias":
		m.aliases[p.alias] = modelAlias{p.alias, p.keyID, m.aliases[p.alias].created}
	case "DeleteAlias":
		delete(m.aliases, p.alias)
	}
	m.rotate()
}

// The kinds of keys that are created: the parameters that say so.
var modelKinds = [][]string{
	{"KeySpec", "EC_SM2", "KeyUsage", "ENCRYPT/DECRYPT"},
	{"KeySpec", "Aliyun_SM4"},
	{"KeySpec", "Aliyun_AES_256", "EnableAutomaticRotation", "true", "RotationInterval", "7d"},
	{"KeySpec", "Aliyun_AES_256", "Origin", "EXTERNAL"},
}

// newKey is a key of the kind that the request says, as yet without a version.
func (p modelRequest) newKey(id string, now time.Time) *modelKey {
	k := &modelKey{id: id, spec: p.kind[1], state: kms.StateEnabled, description: p.alias, created: now}
	if slices.Contains(p.kind, "EXTERNAL") {
		k.external, k.state = true, kms.StatePendingImport
	}
	if slices.Contains(p.kind, "7d") {
		k.interval = 7 * 24 * time.Hour
	}
	return k
}

// walk is a sequence in the making: the emulator, its model, and what was done.
type walk struct {
	t      *testing.T
	random *rand.Rand
	store  *store.Store
	server *Server
	model  *model
	ids    []string // of all keys there ever were, and one that never was
	blobs  []modelBlob
	past   []string // what was done, for the message of a failure
}

func TestRandomSequencesKeepThePromisesOfTheStateTable(t *testing.T) {
	const steps = 60
	sequences := rounds(150, 20)
	for seed := range uint64(sequences) {
		w := &walk{t: t, random: rand.New(rand.NewPCG(seed, 0)), model: newModel(), ids: []string{"seed-a", "seed-b", "seed-c", "seed-d", "never"}}
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
		w.model.rotate()
	case n < 24:
		to := w.model.now.Add(-time.Duration(w.random.IntN(10*24)) * time.Hour)
		w.note("set back to %s", to)
		w.control("PUT", "clock", "{now: "+to.Format(time.RFC3339)+"}")
		w.model.now = to
		w.model.rotate()
	default:
		w.request()
	}
}

func (w *walk) control(method, path, body string) {
	if a := served(w.server, httptest.NewRequest(method, "/_emulator/"+path, strings.NewReader(body))); a.status != 200 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
}

var modelActions = append(slices.Sorted(maps.Keys(refusals)), "DeleteAlias", "CreateKey", "AsymmetricEncrypt",
	"Encrypt", "GetParametersForImport", "ImportKeyMaterial", "ImportKeyMaterial", "DeleteKeyMaterial")

// request sends one and compares its outcome with what the model says.
func (w *walk) request() {
	p := modelRequest{
		action: modelActions[w.random.IntN(len(modelActions))],
		keyID:  w.anyKey(),
		alias:  "alias/" + []string{"seed-a", "x", "y", "z"}[w.random.IntN(4)],
		days:   7 + w.random.IntN(4),
		on:     w.random.IntN(3) == 0,

		kind:     modelKinds[w.random.IntN(len(modelKinds))],
		material: []string{"one", "one", "one", "two"}[w.random.IntN(4)],
	}
	if w.random.IntN(2) == 0 {
		p.expiry = w.model.now.Add(time.Duration(1+w.random.IntN(10*24)) * time.Hour)
	}
	p.version = w.anyVersion(p.keyID)
	w.note("%+v at %s", p, w.model.now)
	want := ""
	if p.action != "CreateKey" {
		want = w.model.refusal(p.action, p)
	}
	a := w.do(p.action, append(p.parameters(), w.importParameters(p)...)...)
	if a.code() != want {
		w.t.Errorf("%s on %s: %d %s, want %q", p.action, p.keyID, a.status, a.body, want)
		return
	}
	if want != "" {
		return
	}
	w.model.write(p, made(p.action, a))
	w.keep(p, a)
}

// made is the id of what a call has made.
func made(action string, a testAnswer) string {
	switch action {
	case "CreateKey":
		return a.field("KeyMetadata.KeyId").(string)
	case "CreateKeyVersion":
		return a.field("KeyVersion.KeyVersionId").(string)
	}
	return ""
}

// keep takes from an answer what later steps need.
func (w *walk) keep(p modelRequest, a testAnswer) {
	k := w.model.keys[p.keyID]
	switch p.action {
	case "CreateKey": // its first version has an id of its own
		id := made(p.action, a)
		w.ids = append(w.ids, id)
		listed := w.do("ListKeyVersions", "KeyId", id).field("KeyVersions.KeyVersion").([]any)
		first := modelVersion{id: listed[0].(map[string]any)["KeyVersionId"].(string), created: w.model.now}
		if !w.model.keys[id].external {
			first.material = w.model.newMaterial()
		}
		w.model.keys[id].versions = []modelVersion{first}
	case "GetParametersForImport":
		k.token, k.public = a.field("ImportToken").(string), a.field("PublicKey").(string)
	case "Encrypt":
		w.blobs = append(w.blobs, modelBlob{a.field("KeyVersionId").(string), k.newest().material, p.alias, a.field("CiphertextBlob").(string)})
		if a.field("KeyVersionId") != k.newest().id {
			w.t.Errorf("encrypted by %s, want %s", a.body, k.newest().id)
		}
	}
}

// importParameters are those of an import, by the token of the key.
func (w *walk) importParameters(p modelRequest) []string {
	k := w.model.keys[p.keyID]
	if p.action != "ImportKeyMaterial" || k == nil || k.token == "" {
		return []string{"ImportToken", "AAAA", "EncryptedKeyMaterial", "AAAA"}
	}
	encrypted, err := wrapped("SM2PKE", k.public, base64.StdEncoding.EncodeToString(modelMaterials[p.material]))
	if err != nil {
		w.t.Fatal(err)
	}
	more := []string{"ImportToken", k.token, "EncryptedKeyMaterial", encrypted}
	if !p.expiry.IsZero() {
		more = append(more, "KeyMaterialExpireUnix", strconv.FormatInt(p.expiry.Unix(), 10))
	}
	return more
}

// modelMaterials are the materials that are imported.
var modelMaterials = map[string][]byte{"one": bytes.Repeat([]byte{1}, 32), "two": bytes.Repeat([]byte{2}, 32)}

// anyKey is one that there ever was, more often one of the scenario's, of which
// more is known.
func (w *walk) anyKey() string {
	if w.random.IntN(2) == 0 {
		return w.ids[w.random.IntN(4)]
	}
	return w.ids[w.random.IntN(len(w.ids))]
}

// anyVersion is one of the key, or of another.
func (w *walk) anyVersion(keyID string) string {
	if k := w.model.keys[keyID]; k != nil && w.random.IntN(4) > 0 {
		return k.versions[w.random.IntN(len(k.versions))].id
	}
	return "seed-a-1"
}

func (p modelRequest) parameters() []string {
	sent := []string{"KeyId", p.keyID, "AliasName", p.alias, "KeyVersionId", p.version, "Algorithm", "SM2PKE", "Plaintext", "AAAA", "Description", p.alias,
		"PendingWindowInDays", strconv.Itoa(p.days), "EnableDeletionProtection", strconv.FormatBool(p.on), "WrappingKeySpec", "EC_SM2", "WrappingAlgorithm", "SM2PKE"}
	switch p.action {
	case "CreateKey":
		return append(sent, p.kind...)
	case "UpdateRotationPolicy":
		return append(sent, "EnableAutomaticRotation", strconv.FormatBool(p.on), "RotationInterval", strconv.Itoa(p.days)+"d")
	case "Encrypt":
		return append(sent, "Plaintext", p.alias)
	}
	return sent
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
	w.compareKeys(keys, "", func(modelKey) bool { return true })
	w.compareKeys(keys, `[{"Key":"KeySpec","Values":["EC_SM2"]}]`, func(k modelKey) bool { return k.spec == "EC_SM2" })
	w.compareKeys(keys, `[{"Key":"KeyState","Values":["PendingImport"]}]`, func(k modelKey) bool { return k.state == kms.StatePendingImport })
	w.compareAliases()
	w.compareKey(w.anyKey())
	w.compareBlob()
}

// compareKeys lists the keys that pass a filter.
func (w *walk) compareKeys(keys []*modelKey, filters string, passes func(modelKey) bool) {
	var ids []string
	for _, k := range keys {
		if passes(k.seen(w.model.now)) {
			ids = append(ids, k.id)
		}
	}
	w.compareList("ListKeys", "Keys.Key", "KeyId", filters, ids)
}

// compareBlob decrypts something that was encrypted before.
func (w *walk) compareBlob() {
	if len(w.blobs) == 0 {
		return
	}
	b := w.blobs[w.random.IntN(len(w.blobs))]
	want := w.model.decrypt(b)
	if a := w.do("Decrypt", "CiphertextBlob", b.blob); a.code() != want || want == "" && a.field("Plaintext") != b.text {
		w.t.Errorf("Decrypt of %+v: %d %s, want %q", b, a.status, a.body, want)
	}
}

// decrypt is the code that a decryption has to answer.
func (m *model) decrypt(b modelBlob) string {
	for _, k := range m.keys {
		i := slices.IndexFunc(k.versions, func(v modelVersion) bool { return v.id == b.versionID })
		if i < 0 {
			continue
		}
		switch seen := k.seen(m.now); {
		case k.gone(m.now):
			return "Forbidden.KeyNotFound"
		case notEnabled[seen.state] != "":
			return notEnabled[seen.state]
		case k.versions[i].material != b.material:
			return "InvalidParameter"
		}
		return ""
	}
	return "Forbidden.KeyNotFound"
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
	seen := k.seen(w.model.now)
	protection := map[bool]string{true: "Enabled", false: "Disabled"}[k.protected]
	want := map[string]any{"KeyId": k.id, "KeyState": seen.state, "Description": k.description, "CreationDate": wireDate(k.created), "DeleteDate": wireDate(k.deleteDate),
		"DeletionProtection": protection, "LastRotationDate": wireDate(k.newest().created), "MaterialExpireTime": wireDate(seen.expiry),
		"AutomaticRotation": "Disabled", "NextRotationDate": nil, "PrimaryKeyVersion": nil}
	if k.symmetric() {
		want["PrimaryKeyVersion"] = k.newest().id
	}
	if k.interval > 0 {
		want["AutomaticRotation"], want["NextRotationDate"] = "Suspended", wireDate(k.newest().created.Add(k.interval))
	}
	if k.interval > 0 && k.state == kms.StateEnabled {
		want["AutomaticRotation"] = "Enabled"
	}
	for name, value := range want {
		if got := a.field("KeyMetadata." + name); got != value {
			w.t.Errorf("DescribeKey %s: %s is %v, want %v", id, name, got, value)
		}
	}
	var newestFirst []string
	for _, v := range slices.Backward(k.versions) {
		newestFirst = append(newestFirst, v.id)
	}
	w.compareList("ListKeyVersions", "KeyVersions.KeyVersion", "KeyVersionId", "", newestFirst, "KeyId", id)
}

// wireDate writes a time as answers do; "": none.
func wireDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
