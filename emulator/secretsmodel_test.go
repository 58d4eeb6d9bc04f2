package emulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A model of what the API promises of secrets: versions and their limit, stages,
// recovery windows, listings, the state of their key. It knows no store and no
// cryptography, and keeps stages where the store does not: with the versions.

type modelSecret struct {
	name, key                    string
	created, updated, deleteDate time.Time
	versions                     []*modelSecretVersion // oldest first
}

type modelSecretVersion struct {
	id, value string
	created   time.Time
	stages    []string
}

type secretsModel struct {
	now      time.Time
	secrets  map[string]*modelSecret
	disabled bool // the key of the scenario
}

const secretsModelScenario = `
keys: [{keyId: key-s, keySpec: Aliyun_SM4, keyUsage: ENCRYPT/DECRYPT, creationDate: 2020-01-01T00:00:00Z}]
secrets:
  - {secretName: seeded, encryptionKeyId: key-s, versions: [{versionId: v0, secretData: zero, creationDate: 2020-01-02T00:00:00Z}, {versionId: v1, secretData: one, creationDate: 2020-01-03T00:00:00Z}]}
`

// seed is what a start does: it brings back what is lacking.
func (m *secretsModel) seed() {
	m.settle()
	if m.secrets["seeded"] != nil {
		return
	}
	day := func(n int) time.Time { return time.Date(2020, 1, n, 0, 0, 0, 0, time.UTC) }
	m.secrets["seeded"] = &modelSecret{name: "seeded", key: "key-s", created: day(2), updated: day(3), versions: []*modelSecretVersion{
		{"v0", "zero", day(2), []string{"ACSPrevious"}}, {"v1", "one", day(3), []string{"ACSCurrent"}}}}
}

// settle is what a write does first: what is gone does not come back with the time.
func (m *secretsModel) settle() {
	for name, s := range m.secrets {
		if s.gone(m.now) {
			delete(m.secrets, name)
		}
	}
}

func (s *modelSecret) gone(now time.Time) bool {
	return !s.deleteDate.IsZero() && !s.deleteDate.After(now)
}

func (s *modelSecret) version(id string) *modelSecretVersion {
	i := slices.IndexFunc(s.versions, func(v *modelSecretVersion) bool { return v.id == id })
	if i < 0 {
		return nil
	}
	return s.versions[i]
}

func (s *modelSecret) marked(stage string) *modelSecretVersion {
	i := slices.IndexFunc(s.versions, func(v *modelSecretVersion) bool { return slices.Contains(v.stages, stage) })
	if i < 0 {
		return nil
	}
	return s.versions[i]
}

// clone is a secret to try a change on.
func (s *modelSecret) clone() *modelSecret {
	made := *s
	made.versions = nil
	for _, v := range s.versions {
		copied := *v
		copied.stages = slices.Clone(v.stages)
		made.versions = append(made.versions, &copied)
	}
	return &made
}

func (s *modelSecret) unmark(stage string) {
	for _, v := range s.versions {
		v.stages = slices.DeleteFunc(v.stages, func(has string) bool { return has == stage })
	}
}

// mark moves a stage; the version that was current is the previous one then.
func (s *modelSecret) mark(stage, id string) {
	before := s.marked(stage)
	if before != nil && before.id == id {
		return
	}
	s.unmark(stage)
	if stage == "ACSCurrent" && before != nil {
		s.unmark("ACSPrevious")
		before.stages = append(before.stages, "ACSPrevious")
	}
	v := s.version(id)
	v.stages = append(v.stages, stage)
}

func (s *modelSecret) stages() (n int) {
	for _, v := range s.versions {
		n += len(v.stages)
	}
	return n
}

// find is the secret of a call that needs one, or the code that the call answers.
func (m *secretsModel) find(name string) (*modelSecret, string) {
	s := m.secrets[name]
	switch {
	case s == nil || s.gone(m.now):
		return nil, "Forbidden.ResourceNotFound"
	case !s.deleteDate.IsZero():
		return s, "Rejected.ResourceInDeleteWindow"
	}
	return s, ""
}

func (m *secretsModel) keyRefuses(s *modelSecret) bool { return s.key == "key-s" && m.disabled }

func (m *secretsModel) put(name, id, value string, stages []string) string {
	s, code := m.find(name)
	if code != "" {
		return code
	}
	if m.keyRefuses(s) {
		return "Rejected.Disabled"
	}
	if v := s.version(id); v != nil {
		if v.value != value {
			return "Rejected.ResourceExist"
		}
		return ""
	}
	if stages == nil {
		stages = []string{"ACSCurrent"}
	}
	made := s.clone()
	made.versions = append(made.versions, &modelSecretVersion{id: id, value: value, created: m.now})
	for _, stage := range stages {
		made.mark(stage, id)
	}
	if made.stages() > 8 {
		return "Rejected.LimitExceeded"
	}
	if len(made.versions) > 10 {
		i := slices.IndexFunc(made.versions, func(v *modelSecretVersion) bool { return len(v.stages) == 0 })
		made.versions = slices.Delete(made.versions, i, i+1)
	}
	made.updated = m.now
	m.secrets[name] = made
	return ""
}

func (m *secretsModel) moveStage(name, stage, to, from string) string {
	s, code := m.find(name)
	reserved := stage == "ACSCurrent" || stage == "ACSPrevious"
	switch {
	case to == "" && (reserved || from == ""):
		return "MissingParameter"
	case code != "":
		return code
	case to != "" && s.version(to) == nil, from != "" && s.version(from) == nil:
		return "Forbidden.ResourceNotFound"
	case from != "" && (s.marked(stage) == nil || s.marked(stage).id != from):
		return "InvalidParameter"
	}
	made := s.clone()
	if to == "" {
		made.unmark(stage)
	} else {
		made.mark(stage, to)
	}
	if made.stages() > 8 {
		return "Rejected.LimitExceeded"
	}
	made.updated = m.now
	m.secrets[name] = made
	return ""
}

// secretsWalk holds the model and an emulator against each other.
type secretsWalk struct {
	t      *testing.T
	random *rand.Rand
	real   *realTime
	server *Server
	model  *secretsModel
	past   []string
}

func newSecretsWalk(t *testing.T, seed uint64) *secretsWalk {
	w := &secretsWalk{t: t, random: rand.New(rand.NewPCG(seed, 9)), real: standingAt(dayOf(1)), model: &secretsModel{secrets: map[string]*modelSecret{}}}
	w.model.now = w.real.now()
	w.start(New(Options{Store: newTripStore(t), Scenario: scenarioOf(t, secretsModelScenario), Region: "cn-hangzhou", Account: "1234567890123456", Now: w.real.now}))
	return w
}

func (w *secretsWalk) start(s *Server, err error) {
	if err != nil {
		w.t.Fatal(err)
	}
	w.server = s
	w.model.seed()
}

func (w *secretsWalk) call(action string, more ...string) testAnswer {
	return serve(w.server, form(action, given(more)...))
}

// expect makes a call, which has to answer a code.
func (w *secretsWalk) expect(want, action string, more ...string) testAnswer {
	a := w.call(action, more...)
	w.past = append(w.past, fmt.Sprintf("%s %s %q: %s", w.model.now.Format(time.RFC3339), action, more, a.code()))
	if a.code() != want {
		w.t.Fatalf("%s %q answers %d %s, want %q\nafter\n%s", action, more, a.status, a.body, want, strings.Join(w.past, "\n"))
	}
	return a
}

func choice[T any](w *secretsWalk, of ...T) T { return of[w.random.IntN(len(of))] }

func (w *secretsWalk) step() {
	name := choice(w, "seeded", "a/b", "a")
	m := w.model
	switch n := w.random.IntN(100); {
	case n < 40:
		w.put(name)
	case n < 60:
		stage, to, from := choice(w, "ACSCurrent", "ACSCurrent", "ACSPrevious", "x", "y", "z"), w.versionOf(name), choice(w, "", "", w.versionOf(name))
		to = choice(w, to, to, to, "")
		m.settle()
		w.expect(m.moveStage(name, stage, to, from), "UpdateSecretVersionStage", "SecretName", name, "VersionStage", stage, "MoveToVersion", to, "RemoveFromVersion", from)
	case n < 70:
		w.create(name)
	case n < 78:
		w.remove(name)
	case n < 84:
		w.restore(name)
	case n < 88:
		w.turnKey()
	case n < 96:
		by := time.Duration(w.random.IntN(6*24)) * time.Hour
		w.past = append(w.past, "advance "+by.String())
		w.real.add(by)
		m.now = w.real.now()
	default:
		w.past = append(w.past, "restart")
		w.server.Close()
		w.start(New(Options{Store: w.server.kms.Store, Scenario: w.server.inForce.Load().doc, Region: "cn-hangzhou", Account: "1234567890123456", Now: w.real.now}))
	}
}

// versionOf is a version of a secret, or none.
func (w *secretsWalk) versionOf(name string) string {
	if s := w.model.secrets[name]; s != nil && w.random.IntN(10) > 0 {
		return choice(w, s.versions...).id
	}
	return "none"
}

func (w *secretsWalk) put(name string) {
	id, value := "v"+strconv.Itoa(w.random.IntN(30)), choice(w, "one", "two", strings.Repeat("long", 7680))
	stages, text := [][]string{nil, nil, nil, {"x"}, {"ACSCurrent", "y"}, {"ACSCurrent", "ACSPrevious"}, {"p", "q", "r"}}, []string{"", "", "", `["x"]`, `["ACSCurrent","y"]`, `["ACSCurrent","ACSPrevious"]`, `["p","q","r"]`}
	n := w.random.IntN(len(stages))
	w.model.settle()
	w.expect(w.model.put(name, id, value, stages[n]), "PutSecretValue", "SecretName", name, "VersionId", id, "SecretData", value, "VersionStages", text[n])
}

func (w *secretsWalk) create(name string) {
	key := choice(w, "", "key-s")
	m := w.model
	m.settle()
	_, code := m.find(name)
	switch {
	case code == "Forbidden.ResourceNotFound" && key == "key-s" && m.disabled:
		code = "Rejected.Disabled"
	case code == "Forbidden.ResourceNotFound":
		code = ""
		m.secrets[name] = &modelSecret{name: name, key: key, created: m.now, updated: m.now, versions: []*modelSecretVersion{{"v0", "new", m.now, []string{"ACSCurrent"}}}}
	case key == "key-s" && m.disabled:
		code = "Rejected.Disabled" // the key is asked before the name
	case code == "":
		code = "Rejected.ResourceExist"
	}
	w.expect(code, "CreateSecret", "SecretName", name, "VersionId", "v0", "SecretData", "new", "EncryptionKeyId", key)
}

func (w *secretsWalk) remove(name string) {
	m, force := w.model, choice(w, "true", "false", "false")
	m.settle()
	s, code := m.find(name)
	switch {
	case s != nil && force == "true":
		code = ""
		delete(m.secrets, name)
	case code == "":
		s.deleteDate, s.updated = m.now.AddDate(0, 0, 7), m.now
	}
	w.expect(code, "DeleteSecret", "SecretName", name, "ForceDeleteWithoutRecovery", force, "RecoveryWindowInDays", "7")
}

func (w *secretsWalk) restore(name string) {
	m := w.model
	m.settle()
	s, code := m.find(name)
	switch code {
	case "":
		code = "Rejected.ResourceInUse"
	case "Rejected.ResourceInDeleteWindow":
		code, s.deleteDate, s.updated = "", time.Time{}, m.now
	}
	w.expect(code, "RestoreSecret", "SecretName", name)
}

func (w *secretsWalk) turnKey() {
	w.model.settle()
	w.model.disabled = !w.model.disabled
	w.expect("", map[bool]string{true: "DisableKey", false: "EnableKey"}[w.model.disabled], "KeyId", "key-s")
}

// compare looks at everything.
func (w *secretsWalk) compare() {
	var listed []*modelSecret
	for _, name := range []string{"seeded", "a/b", "a"} {
		w.compareSecret(name)
		if s := w.model.secrets[name]; s != nil && !s.gone(w.model.now) {
			listed = append(listed, s)
		}
	}
	slices.SortFunc(listed, func(a, b *modelSecret) int {
		if c := a.created.Compare(b.created); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	a := w.call("ListSecrets")
	var want []string
	for _, s := range listed {
		want = append(want, s.name)
	}
	var got []string
	for _, s := range a.field("SecretList.Secret").([]any) {
		got = append(got, s.(map[string]any)["SecretName"].(string))
	}
	if !slices.Equal(got, want) || a.object["TotalCount"] != float64(len(want)) {
		w.t.Fatalf("ListSecrets has %v of %v, want %v\nafter\n%s", got, a.object["TotalCount"], want, strings.Join(w.past, "\n"))
	}
}

func (w *secretsWalk) compareSecret(name string) {
	s, code := w.model.find(name)
	if s == nil {
		w.expect(code, "DescribeSecret", "SecretName", name)
		w.expect(code, "GetSecretValue", "SecretName", name)
		return
	}
	a := w.expect("", "DescribeSecret", "SecretName", name)
	for field, want := range map[string]time.Time{"CreateTime": s.created, "UpdateTime": s.updated, "PlannedDeleteTime": s.deleteDate} {
		if got, _ := a.field(field).(string); got != wireDate(want) {
			w.t.Fatalf("%s of %s is %q, want %q\nafter\n%s", field, name, got, wireDate(want), strings.Join(w.past, "\n"))
		}
	}
	if code != "" {
		w.expect(code, "GetSecretValue", "SecretName", name)
		return
	}
	w.compareVersions(s)
}

func (w *secretsWalk) compareVersions(s *modelSecret) {
	var want, got []string
	for _, v := range slices.Backward(s.versions) {
		slices.Sort(v.stages)
		want = append(want, fmt.Sprint(v.id, wireDate(v.created), v.stages))
	}
	marked := map[string]int{}
	for _, listed := range w.expect("", "ListSecretVersionIds", "SecretName", s.name, "IncludeDeprecated", "true").field("VersionIds.VersionId").([]any) {
		v := listed.(map[string]any)
		stages := v["VersionStages"].(map[string]any)["VersionStage"].([]any)
		for _, stage := range stages {
			marked[stage.(string)]++
		}
		got = append(got, fmt.Sprint(v["VersionId"], v["CreateTime"], stages))
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("%s has %v, want %v\nafter\n%s", s.name, got, want, strings.Join(w.past, "\n"))
	}
	for stage, n := range marked {
		if n != 1 {
			w.t.Fatalf("the stage %s of %s marks %d versions", stage, s.name, n)
		}
	}
	v := choice(w, s.versions...)
	if w.model.keyRefuses(s) {
		w.expect("Rejected.Disabled", "GetSecretValue", "SecretName", s.name, "VersionId", v.id)
		return
	}
	if got := w.expect("", "GetSecretValue", "SecretName", s.name, "VersionId", v.id).field("SecretData"); got != v.value {
		w.t.Fatalf("version %s of %s is %.20q, want %.20q", v.id, s.name, got, v.value)
	}
	if current := w.expect("", "GetSecretValue", "SecretName", s.name); current.field("VersionId") != s.marked("ACSCurrent").id {
		w.t.Fatalf("the current version of %s is %v", s.name, current.field("VersionId"))
	}
}

func TestSecretsKeepTheirPromises(t *testing.T) {
	sequences, steps := 20, 150
	if testing.Short() {
		sequences = 5
	}
	for seed := range uint64(sequences) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			w := newSecretsWalk(t, seed)
			for range steps {
				w.step()
				w.compare()
			}
			w.server.Close()
		})
	}
}
