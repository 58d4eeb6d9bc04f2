package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// scenario is a scenario with its meaning, counted from one loading.
type scenario struct {
	credentials map[string]auth.Credential
	instances   map[string]kms.Instance
	keys        []seedKey
	secrets     []seedSecret
	quotas      []*rules.Quota
	faults      []*rules.Fault

	// What the store had at the loading:
	leftOut     bool // other keys, so that those of the scenario were left out
	differences []difference
}

// reader gives meaning to a scenario: each room reads its own part, and reports
// what is wrong at the positions that fixtures kept.
type reader struct {
	fixtures.Report
	here store.Scope // where the scenario does not say
	now  time.Time   // the loading, by the emulator's clock
	// known are the sources of material that need not be parsed.
	known map[versionName]store.MaterialHash
	scenario
}

func (r *reader) scopeOf(account, region string) store.Scope {
	return store.Scope{Account: cmp.Or(account, r.here.Account), Region: cmp.Or(region, r.here.Region)}
}

// interpret gives meaning to a scenario. here is where it does not say; more
// are callers it does not know of.
func interpret(doc *fixtures.Document, here store.Scope, more []Credential, now time.Time) (*scenario, fixtures.Problems) {
	r := newReader(doc, here, now)
	return r.interpret(doc, more)
}

func newReader(doc *fixtures.Document, here store.Scope, now time.Time) *reader {
	r := &reader{Report: fixtures.Report{Positions: doc.Positions}, here: here, now: now}
	r.here = r.scopeOf(doc.Account, doc.Region)
	return r
}

func (r *reader) interpret(doc *fixtures.Document, more []Credential) (*scenario, fixtures.Problems) {
	r.readCredentials(doc, more)
	r.instances = map[string]kms.Instance{}
	for _, i := range doc.Instances {
		r.instances[i.InstanceID] = kms.Instance{Scope: r.scopeOf(i.Account, i.Region), Public: i.PublicAccess}
	}
	r.readKeys(doc)
	r.uniqueAliases()
	r.readSecrets(doc)
	of := rules.Reader{Report: &r.Report, Names: r.names(), Now: r.now}
	for i, q := range doc.Quotas {
		r.quotas = append(r.quotas, of.Quota(fmt.Sprintf("quotas[%d]", i), q))
	}
	for i, f := range doc.Faults {
		r.faults = append(r.faults, of.Fault(fmt.Sprintf("faults[%d]", i), f))
	}
	r.Problems.Sort()
	return &r.scenario, r.Problems
}

func (r *reader) readCredentials(doc *fixtures.Document, more []Credential) {
	r.credentials = map[string]auth.Credential{}
	for i, c := range doc.Credentials {
		r.credentials[c.AccessKeyID] = auth.Read(&r.Report, fmt.Sprintf("credentials[%d]", i), c, questions())
	}
	for _, c := range more {
		if i := slices.IndexFunc(doc.Credentials, func(w fixtures.Credential) bool { return w.AccessKeyID == c.AccessKeyID }); i >= 0 {
			r.Add(fmt.Sprintf("credentials[%d].accessKeyId", i), "%q is given by --credential too; say it in one of the two places", c.AccessKeyID)
		}
		r.credentials[c.AccessKeyID] = auth.Credential{Secret: c.AccessKeySecret}
	}
}

// questions are what the operations ask of policies.
func questions() (all []auth.Question) {
	anywhere := store.Scope{Region: "*", Account: "*"}
	for i := range kms.Operations {
		op := &kms.Operations[i]
		var resources []string
		for _, resource := range op.Resources() {
			resources = append(resources, kms.ARN(anywhere, resource))
		}
		for _, action := range op.Actions() {
			all = append(all, auth.Question{Action: action, Resources: resources})
		}
	}
	return all
}

// uniqueAliases refuses an alias that two keys of an account and region have.
func (r *reader) uniqueAliases() {
	at := map[string]string{}
	for i, k := range r.keys {
		for j, alias := range k.aliases {
			path := fmt.Sprintf("keys[%d].aliases[%d]", i, j)
			arn := kms.ARN(alias.Scope, alias.Name)
			if first, twice := at[arn]; twice {
				r.Add(path, "alias %q is already used at %s", alias.Name, r.Place(first))
				continue
			}
			at[arn] = path
		}
	}
}

// names are those of the scenario's own files.
func (r *reader) names() rules.Names {
	byName, versions := map[string]string{}, map[string]string{}
	for _, k := range r.keys {
		arn := kms.KeyARN(k.key.Scope, k.key.ID)
		byName[arn] = arn
		byName[k.key.ID] = arn
		for _, alias := range k.aliases {
			byName[kms.ARN(alias.Scope, alias.Name)] = arn
			if alias.Scope == r.here {
				byName[alias.Name] = arn
			}
		}
		for _, v := range k.versions {
			versions[v.version.ID] = arn
		}
	}
	return rules.Names{
		Key:      func(name string) (string, bool) { arn, ok := byName[name]; return arn, ok },
		Version:  func(id string) (string, bool) { arn, ok := versions[id]; return arn, ok },
		Secret:   func(name string) (string, bool) { return kms.NamedSecret(r.here, name) },
		Caller:   func(id string) bool { _, ok := r.credentials[id]; return ok || len(r.credentials) == 0 },
		Instance: func(id string) bool { _, ok := r.instances[id]; return ok },
	}
}

// Check says what is wrong with the meaning of a scenario, without a store.
// Dates are counted from now, or from where the scenario's clock starts.
func Check(doc *fixtures.Document, account, region string, now time.Time) fixtures.Problems {
	if doc.Clock != nil {
		now = doc.Clock.Resolve(now)
	}
	_, problems := interpret(doc, store.Scope{Account: account, Region: region}, nil, now)
	return problems
}

// Notes says what a scenario has that is kept and does nothing, and may not be
// meant so. It is no mistake: a running emulator may hold the same. The scenario
// is one that Check finds right.
func Notes(doc *fixtures.Document, account, region string, now time.Time) fixtures.Problems {
	if doc.Clock != nil {
		now = doc.Clock.Resolve(now)
	}
	loaded, _ := interpret(doc, store.Scope{Account: account, Region: region}, nil, now)
	return loaded.notes(doc, now)
}

func (s *scenario) notes(doc *fixtures.Document, now time.Time) fixtures.Problems {
	notes := noteGrants(doc)
	shadows := rules.Shadows(s.faults, now)
	for i, f := range doc.Faults {
		if by, shadowed := shadows[f.Name]; shadowed {
			notes = append(notes, doc.Problem(fmt.Sprintf("faults[%d]", i), "%q never acts while %q is before it, which takes every call that it matches and is never spent: write it before %q, or narrow the match of %q", f.Name, by, by, by))
		}
	}
	return notes
}

// noteGrants finds what key policies grant to nobody.
func noteGrants(doc *fixtures.Document) (notes fixtures.Problems) {
	for i, k := range doc.Keys {
		if k.Policy == nil {
			continue
		}
		for j, s := range k.Policy.Statement {
			for n, principal := range s.Principal.RAM {
				if !auth.GrantsAccount(principal) {
					at := fixtures.Element(fmt.Sprintf("keys[%d].policy.Statement[%d].Principal.RAM", i, j), s.Principal.RAM, n)
					notes = append(notes, doc.Problem(at, "%q is kept and grants nothing: alikms knows whole accounts only, like acs:ram::1234567890123456:* or acs:ram::1234567890123456:root", principal))
				}
			}
		}
	}
	return notes
}

// load makes the store hold what it lacks of the scenario, and puts the rules in
// force. With clear it is a reset: the store holds the scenario then and nothing
// else, key material that was generated for it is kept, and the journal is empty.
// To calls it is one moment. After an error nothing is changed.
func (s *Server) load(l loading) error {
	s.clock.changing.Lock()
	defer s.clock.changing.Unlock()
	if in := s.inForce.Load(); l.doc == nil {
		l.doc, l.put = in.doc, in.put
	}
	clock := l.clock(s.clock.current())
	now := clock.at(s.clock.real())
	reading := newReader(l.doc, s.scope, now)
	if err := s.kms.Store.View(func(tx *store.Tx) error { return reading.knownSources(tx, l.doc) }); err != nil {
		return err
	}
	loaded, problems := reading.interpret(l.doc, s.more)
	if len(problems) > 0 {
		return problems
	}
	for _, note := range loaded.notes(l.doc, now) {
		s.log.Warn("the scenario has something that does nothing", "note", note.Error())
	}
	if err := s.replaceKeys(l, loaded, clock); err != nil {
		return err
	}
	tellDifferences(s.log, loaded.differences)
	s.rules.Restart(loaded.quotas, loaded.faults, func() {
		s.callers.Set(loaded.credentials)
		s.clock.assume(clock)
		s.journal.empty()
		s.inForce.Store(l.inForce(s.scope, loaded))
	})
	select {
	case s.unmade <- struct{}{}:
	default: // it is told already
	}
	return nil
}

// replaceKeys is the part of load that is kept. From its commit on, the scenario
// before does not hold any more.
func (s *Server) replaceKeys(l loading, loaded *scenario, clock clockState) error {
	before := s.inForce.Load().settings
	err := s.kms.Store.Update(func(tx *store.Tx) error {
		now := clock.at(s.clock.real())
		for _, step := range []func() error{
			func() error { return keepRotated(tx, loaded.keys) },
			func() error { return kms.SettleAll(tx, now) },
			func() error { return s.seed(tx, loaded, l.clear, now) },
			func() error { return kms.SettleAll(tx, now) }, // what the scenario has that is due
			func() error { return keepRotated(tx, loaded.keys) },
			func() error { return clock.put(tx) },
			func() error { return noteOrigin(tx, l.put) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		before.EndWith(tx)
		return nil
	})
	if err != nil {
		before.GoOn()
	}
	return err
}

// seed is the part of load that changes keys and secrets.
func (s *Server) seed(tx *store.Tx, loaded *scenario, clear bool, now time.Time) (err error) {
	loaded.leftOut = s.seedOnlyEmpty && !clear && !tx.Empty()
	if loaded.leftOut {
		return nil
	}
	if err := cmp.Or(takeKnown(tx, loaded.keys, clear), keepGenerated(tx, loaded.keys)); err != nil {
		return err
	}
	if clear {
		if err := tx.Clear(); err != nil {
			return err
		}
	}
	loaded.differences, err = seed(tx, loaded.keys)
	if err == nil {
		var more []difference
		more, err = seedSecrets(tx, loaded.secrets, now)
		loaded.differences = append(loaded.differences, more...)
	}
	return err
}

// keepGenerated gives the versions whose material the scenario leaves out the
// material that was generated for them, even if the key was deleted since.
func keepGenerated(tx *store.Tx, keys []seedKey) error {
	for _, k := range keys {
		for i := range k.versions {
			v := &k.versions[i]
			if v.material != nil || v.parse != nil || k.key.Origin == kms.OriginExternal {
				continue
			}
			material, err := generatedMaterial(tx, k.key, v.version)
			if err != nil {
				return err
			}
			v.material = material
		}
	}
	return nil
}

// generatedMaterial is what a version of the scenario has had; nil: it is yet to
// be generated. In another scenario the same ids may have been of another spec.
func generatedMaterial(tx *store.Tx, key store.Key, v store.Version) ([]byte, error) {
	same, err := sameKind(tx, key)
	if err != nil {
		return nil, err
	}
	if same {
		material, err := tx.Material(v.Scope, v.KeyID, v.ID)
		if !errors.Is(err, store.ErrNotFound) {
			return material, err
		}
	}
	material, _, err := tx.Setting(kms.GeneratedSetting(key.Spec, v))
	return material, err
}

// sameKind reports whether the store has a key of this id, spec and origin.
func sameKind(tx *store.Tx, key store.Key) (bool, error) {
	existing, err := tx.Key(key.Scope, key.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && existing.Spec == key.Spec && existing.Origin == key.Origin, err
}

// keepRotated keeps the material of the versions that rotation gave to keys of the
// scenario. When such a key comes back, by a reset or a start, it is rotated to
// the same versions again.
func keepRotated(tx *store.Tx, keys []seedKey) error {
	for _, k := range keys {
		if k.key.RotationInterval == 0 {
			continue
		}
		same, err := sameKind(tx, k.key)
		if err != nil {
			return err
		}
		if !same {
			continue
		}
		versions, err := tx.VersionsPage(k.key.Scope, k.key.ID, 0, math.MaxInt)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if slices.ContainsFunc(k.versions, func(seeded seedVersion) bool { return seeded.version.ID == v.ID }) {
				continue
			}
			if err := keepMaterial(tx, kms.GeneratedSetting(k.key.Spec, v), v); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepMaterial keeps the material of a version in a setting, once.
func keepMaterial(tx *store.Tx, setting string, v store.Version) error {
	_, kept, err := tx.Setting(setting)
	if err != nil || kept || v.MaterialHash == (store.MaterialHash{}) {
		return err
	}
	material, err := tx.Material(v.Scope, v.KeyID, v.ID)
	if err != nil {
		return err
	}
	return tx.PutSetting(setting, material)
}
