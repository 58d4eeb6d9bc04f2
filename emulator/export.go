package emulator

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

const exportHead = "# Exported by alikms. Its private keys are TEST KEYS: never use them for anything but tests.\n"

// secretsHead goes before an export that has the values of secrets.
const secretsHead = "# It has the values of secrets, in clear: secretData.\n"

func (s *Server) serveExport(w http.ResponseWriter, r *http.Request) {
	text, err := s.Export()
	if err != nil {
		s.log.Error("export failed", "error", err)
		controlError(http.StatusInternalServerError, err.Error()).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/yaml;charset=utf-8")
	w.Write(text)
}

// Export is a scenario, as YAML, that makes an empty emulator behave the same:
// times are absolute, private keys and secrets inline, rules unprogressed. Import tokens are
// not in it, nor the journal. Where the clock was set back, what was dated later
// is dated now.
func (s *Server) Export() ([]byte, error) {
	if err := s.kms.MakeAllMaterial(s.running); err != nil {
		return nil, err
	}
	out, err := s.collect()
	if err != nil {
		return nil, err
	}
	text, err := out.YAML()
	head := exportHead
	if len(out.Secrets) > 0 {
		head += secretsHead
	}
	return append([]byte(head), text...), err
}

// collect makes the scenario in one moment of the clock.
func (s *Server) collect() (fixtures.Scenario, error) {
	s.clock.changing.Lock()
	defer s.clock.changing.Unlock()
	in := s.inForce.Load()
	e := &export{here: in.scope, clock: s.clock.current()}
	e.out = fixtures.Scenario{
		Generation:  in.doc.Generation,
		Account:     in.scope.Account,
		Region:      in.scope.Region,
		Credentials: slices.Clone(in.doc.Credentials),
		Instances:   slices.Clone(in.doc.Instances),
	}
	for _, c := range s.more {
		e.out.Credentials = append(e.out.Credentials, fixtures.Credential{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret})
	}
	if e.clock.Frozen != nil {
		e.out.Clock = fixtures.At(*e.clock.Frozen)
	}
	if err := s.rotateNow(); err != nil {
		return e.out, err
	}
	err := s.kms.Store.View(func(tx *store.Tx) error {
		e.now = s.clock.now() // not before what is seen was written
		if err := e.keys(tx); err != nil {
			return err
		}
		return e.secrets(tx)
	})
	e.rules(s.rules)
	return e.out, err
}

// export collects a scenario.
type export struct {
	out   fixtures.Scenario
	here  store.Scope
	clock clockState
	now   time.Time
	arns  []string // of the keys in out
}

// date is a time of this emulator for one that starts from the export. There a
// running clock shows real time, so a clock that runs ahead is set off. No date
// is before the year 0, which is the first that can be written.
func (e *export) date(t time.Time) *fixtures.Time {
	if t = t.Add(-e.clock.Offset); t.Year() < 0 {
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return fixtures.At(t)
}

// past is a date that must not be in the future, as one may be when the clock
// was set back.
func (e *export) past(t time.Time) time.Time {
	if t.After(e.now) {
		return e.now
	}
	return t
}

// keys collects the keys of every account and region, in the order that an
// emulator has them which starts from the export.
func (e *export) keys(tx *store.Tx) error {
	var all []store.Key
	err := kms.EachKey(tx, func(key store.Key) error {
		if !kms.Gone(key, e.now) {
			all = append(all, key)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b store.Key) int {
		return cmp.Or(cmp.Compare(a.Scope.Account, b.Scope.Account), cmp.Compare(a.Scope.Region, b.Scope.Region),
			e.past(a.CreationDate).Compare(e.past(b.CreationDate)), cmp.Compare(a.ID, b.ID))
	})
	for _, key := range all {
		if err := e.key(tx, key); err != nil {
			return err
		}
	}
	return err
}

func (e *export) key(tx *store.Tx, kept store.Key) error {
	key := kms.Settled(kept, e.now)
	out := fixtures.Key{
		KeyID:          key.ID,
		KeySpec:        key.Spec,
		KeyUsage:       key.Usage,
		KeyState:       key.State,
		CreationDate:   e.date(e.past(key.CreationDate)),
		DKMSInstanceID: key.InstanceID,
		Description:    key.Description,
		Creator:        key.Creator,
		Tags:           maps.Clone(key.Tags),
	}
	e.states(key, &out)
	e.instance(key.InstanceID, key.Scope)
	if key.Policy != "" {
		policy, err := fixtures.ReadKeyPolicy(key.Policy)
		if err != nil {
			return fmt.Errorf("policy of key %s: %w", key.ID, err) // it was checked when it was set
		}
		out.Policy = policy
	}
	if key.Scope != e.here {
		out.Account, out.Region = key.Scope.Account, key.Scope.Region
	}
	var err error
	if out.Aliases, err = e.aliases(tx, key); err == nil {
		out.Versions, err = e.versions(tx, kept)
	}
	e.out.Keys = append(e.out.Keys, out)
	e.arns = append(e.arns, kms.KeyARN(key.Scope, key.ID))
	return err
}

// instance adds the instance of a key or a secret where the scenario in force does
// not know it any more: what is in it is still in the store.
func (e *export) instance(id string, scope store.Scope) {
	if id == "" || slices.ContainsFunc(e.out.Instances, func(i fixtures.Instance) bool { return i.InstanceID == id }) {
		return
	}
	e.out.Instances = append(e.out.Instances, fixtures.Instance{InstanceID: id, Account: scope.Account, Region: scope.Region})
}

// states adds what a key only has in some states.
func (e *export) states(key store.Key, out *fixtures.Key) {
	if key.Origin != kms.OriginKMS {
		out.Origin = key.Origin
	}
	if !key.DeleteDate.IsZero() {
		out.DeleteDate = e.date(key.DeleteDate)
	}
	if !key.MaterialExpireTime.IsZero() {
		out.MaterialExpireTime = e.date(key.MaterialExpireTime)
	}
	if key.DeletionProtection {
		out.DeletionProtection, out.DeletionProtectionDescription = "Enabled", key.DeletionProtectionDescription
	}
	if key.RotationInterval > 0 {
		out.AutomaticRotation, out.RotationInterval = "Enabled", kms.Interval(key.RotationInterval)
	}
}

// aliases are those of a key, by creation. A date is said where it is not the
// key's.
func (e *export) aliases(tx *store.Tx, key store.Key) (all []fixtures.Alias, err error) {
	aliases, err := tx.AliasesOfKeyPage(key.Scope, key.ID, 0, math.MaxInt)
	slices.SortFunc(aliases, func(a, b store.Alias) int {
		return cmp.Or(e.past(a.CreationDate).Compare(e.past(b.CreationDate)), cmp.Compare(a.Name, b.Name))
	})
	for _, alias := range aliases {
		out := fixtures.Alias{AliasName: alias.Name}
		if date := e.past(alias.CreationDate); !date.Equal(e.past(key.CreationDate)) {
			out.CreationDate = e.date(date)
		}
		all = append(all, out)
	}
	return all, err
}

// versions are those of a key, oldest first. The date of the first is that of
// the key, and none is before the one above, as after a clock was set back.
func (e *export) versions(tx *store.Tx, key store.Key) (all []fixtures.Version, err error) {
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, math.MaxInt)
	slices.Reverse(versions)
	latest := e.past(key.CreationDate)
	for i, v := range versions {
		out := fixtures.Version{KeyVersionID: v.ID}
		if err := e.addMaterial(tx, key, v, &out); err != nil {
			return nil, err
		}
		if date := e.past(v.CreationDate); date.After(latest) {
			latest = date
		}
		if i > 0 {
			out.CreationDate = e.date(latest)
		}
		all = append(all, out)
	}
	return all, err
}

// addMaterial adds the material of a version. That of origin EXTERNAL may be
// lacking, or have expired: then it is told what was imported once.
func (e *export) addMaterial(tx *store.Tx, key store.Key, v store.Version, out *fixtures.Version) error {
	material, err := tx.Material(v.Scope, v.KeyID, v.ID)
	switch {
	case errors.Is(err, store.ErrNotFound) && key.Origin == kms.OriginExternal, !key.MaterialExpireTime.Equal(kms.Settled(key, e.now).MaterialExpireTime):
		out.KeyMaterialSHA256 = hashText(v.ImportedHash)
		return nil
	case err != nil:
		return err
	case kms.Symmetric(key.Spec):
		out.KeyMaterial = base64.StdEncoding.EncodeToString(material)
	default:
		out.PrivateKey = keyspec.PEM(material)
	}
	return nil
}

// hashText is a hash as a scenario spells it, or "" for none.
func hashText(hash store.MaterialHash) string {
	if hash == (store.MaterialHash{}) {
		return ""
	}
	return hex.EncodeToString(hash[:])
}

// rules collects the rules in force that can still act.
func (e *export) rules(in *rules.Rules) {
	in.Each(func(q *rules.Quota) {
		written := q.Source
		if e.match(&written.Match, q) {
			e.out.Quotas = append(e.out.Quotas, written)
		}
	}, func(f *rules.Fault) {
		written := f.Source
		if e.window(&written, f) && e.match(&written.Match, f) {
			e.out.Faults = append(e.out.Faults, written)
		}
	})
}

// window says when a rule is in force. It reports whether that is ever: no clock
// shows a time before the year 1, which is Go's zero time.
func (e *export) window(written *fixtures.Fault, f *rules.Fault) bool {
	if written.From != nil {
		if written.From = e.date(f.From); !f.From.Add(-e.clock.Offset).After(time.Time{}) {
			written.From = nil
		}
	}
	if written.Until == nil {
		return true
	}
	written.Until = e.date(f.Until)
	return f.Until.Add(-e.clock.Offset).After(time.Time{})
}

// match names the keys that a rule is about by their ARNs, for an alias may
// have moved, and leaves out what is gone. It reports whether anything of the
// rule is left.
func (e *export) match(written *fixtures.Match, of interface {
	Keys() (arns, versionIDs []string)
}) bool {
	arns, versions := of.Keys()
	written.KeyID = slices.DeleteFunc(slices.Clone(arns), func(arn string) bool { return !slices.Contains(e.arns, arn) })
	written.KeyVersionID = slices.DeleteFunc(slices.Clone(versions), func(id string) bool { return !e.hasVersion(id, written.KeyID) })
	return (arns == nil || len(written.KeyID) > 0) && (versions == nil || len(written.KeyVersionID) > 0)
}

// hasVersion reports whether a version is exported, of one of the keys if any are
// given.
func (e *export) hasVersion(id string, arns []string) bool {
	for i, key := range e.out.Keys {
		ofKey := len(arns) == 0 || slices.Contains(arns, e.arns[i])
		if ofKey && slices.ContainsFunc(key.Versions, func(v fixtures.Version) bool { return v.KeyVersionID == id }) {
			return true
		}
	}
	return false
}
