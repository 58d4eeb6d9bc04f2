package emulator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// scenario is a scenario with its meaning, counted from one loading.
type scenario struct {
	credentials map[string]credential
	instances   map[string]instance
	keys        []seedKey
	quotas      []*quotaRule
	faults      []*faultRule
}

// interpret gives meaning to a scenario. here is where it does not say; more
// are callers it does not know of.
func interpret(doc *fixtures.Document, here store.Scope, more []Credential, now time.Time) (*scenario, fixtures.Problems) {
	m := &meaning{places: doc.Positions, now: now, instances: map[string]store.Scope{}}
	m.here = here
	m.here = m.scopeOf(doc.Account, doc.Region)
	s := &scenario{credentials: map[string]credential{}, instances: map[string]instance{}}
	for i, c := range doc.Credentials {
		s.credentials[c.AccessKeyID] = m.credential(fmt.Sprintf("credentials[%d]", i), c)
	}
	for _, c := range more {
		if i := slices.IndexFunc(doc.Credentials, func(w fixtures.Credential) bool { return w.AccessKeyID == c.AccessKeyID }); i >= 0 {
			m.report(fmt.Sprintf("credentials[%d].accessKeyId", i), "%q is given by --credential too; say it in one of the two places", c.AccessKeyID)
		}
		s.credentials[c.AccessKeyID] = credential{secret: c.AccessKeySecret}
	}
	for _, i := range doc.Instances {
		scope := m.scopeOf(i.Account, i.Region)
		m.instances[i.InstanceID] = scope
		s.instances[i.InstanceID] = instance{scope, i.PublicAccess}
	}
	s.keys = m.keys(doc)
	m.uniqueAliases(s.keys)
	m.known = s.names(m.here)
	for i, q := range doc.Quotas {
		s.quotas = append(s.quotas, m.quota(fmt.Sprintf("quotas[%d]", i), q))
	}
	for i, f := range doc.Faults {
		s.faults = append(s.faults, m.fault(fmt.Sprintf("faults[%d]", i), f))
	}
	m.problems.Sort()
	return s, m.problems
}

// uniqueAliases refuses an alias that two keys of an account and region have.
func (m *meaning) uniqueAliases(keys []seedKey) {
	at := map[string]string{}
	for i, k := range keys {
		for j, name := range k.aliases {
			path := fmt.Sprintf("keys[%d].aliases[%d]", i, j)
			arn := aliasARN(k.key.Scope, name)
			if first, twice := at[arn]; twice {
				m.report(path, "alias %q is already used at %s", name, m.places.Place(first))
				continue
			}
			at[arn] = path
		}
	}
}

// names are those of the scenario's own files.
func (s *scenario) names(here store.Scope) names {
	byName, versions := map[string]string{}, map[string]string{}
	for _, k := range s.keys {
		arn := keyARN(k.key.Scope, k.key.ID)
		byName[arn] = arn
		byName[k.key.ID] = arn
		for _, name := range k.aliases {
			byName[aliasARN(k.key.Scope, name)] = arn
			if k.key.Scope == here {
				byName[name] = arn
			}
		}
		for _, v := range k.versions {
			versions[v.version.ID] = arn
		}
	}
	return names{
		key:      func(name string) (string, bool) { arn, ok := byName[name]; return arn, ok },
		version:  func(id string) (string, bool) { arn, ok := versions[id]; return arn, ok },
		caller:   func(id string) bool { _, ok := s.credentials[id]; return ok || len(s.credentials) == 0 },
		instance: func(id string) bool { _, ok := s.instances[id]; return ok },
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

// load makes the store hold what it lacks of the scenario, and puts the rules in
// force. With clear it is a reset: the store holds the scenario then and nothing
// else, key material that was generated for it is kept, and the journal is empty.
func (s *Server) load(clear bool) (*scenario, error) {
	s.clock.changing.Lock()
	defer s.clock.changing.Unlock()
	clock := s.clock.current()
	if clear {
		clock = clockState{}
	}
	if s.doc.Clock != nil {
		at := s.doc.Clock.Resolve(time.Time{})
		clock = clockState{Frozen: &at}
	}
	loaded, problems := interpret(s.doc, s.scope, s.more, clock.at(s.clock.real()))
	if len(problems) > 0 {
		return nil, problems
	}
	err := s.store.Update(func(tx *store.Tx) error {
		if err := purgeAll(tx, clock.at(s.clock.real())); err != nil {
			return err
		}
		if err := s.seed(tx, loaded.keys, clear); err != nil {
			return err
		}
		return clock.put(tx)
	})
	if err != nil {
		return nil, err
	}
	s.rules.restart(loaded, func() {
		s.clock.assume(clock)
		s.journal.empty()
	})
	return loaded, nil
}

// purgeAll is purge for every account and region.
func purgeAll(tx *store.Tx, now time.Time) error {
	scopes, err := tx.Scopes()
	for _, scope := range scopes {
		if err := purge(tx, scope, now); err != nil {
			return err
		}
	}
	return err
}

// seed is the part of load that changes keys.
func (s *Server) seed(tx *store.Tx, keys []seedKey, clear bool) error {
	if s.seedOnlyEmpty && !clear && !tx.Empty() {
		return nil
	}
	if err := keepGenerated(tx, keys); err != nil {
		return err
	}
	if clear {
		if err := tx.Clear(); err != nil {
			return err
		}
	}
	differences, err := seed(tx, keys)
	for _, line := range differences {
		s.log.Warn("the data folder differs from the scenario and stays as it is", "difference", line)
	}
	return err
}

// keepGenerated gives the versions whose material the scenario leaves out the
// material that was generated for them, even if the key was deleted since.
func keepGenerated(tx *store.Tx, keys []seedKey) error {
	for _, k := range keys {
		for i := range k.versions {
			v := &k.versions[i]
			if v.material != nil {
				continue
			}
			material, err := tx.Material(v.version.Scope, v.version.KeyID, v.version.ID)
			if errors.Is(err, store.ErrNotFound) {
				material, _, err = tx.Setting(generatedSetting(k.key.Spec, v.version))
			}
			if err != nil {
				return err
			}
			v.material = material
		}
	}
	return nil
}
