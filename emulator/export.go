package emulator

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

const exportHead = "# Exported by alikms. Its private keys are TEST KEYS: never use them for anything but tests.\n"

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
// times are absolute, private keys inline, rules unprogressed.
func (s *Server) Export() ([]byte, error) {
	if err := s.makeAllMaterial(); err != nil {
		return nil, err
	}
	out := fixtures.Scenario{
		Account:     s.scope.Account,
		Region:      s.scope.Region,
		Credentials: slices.Clone(s.doc.Credentials),
		Instances:   s.doc.Instances,
	}
	for _, c := range s.more {
		out.Credentials = append(out.Credentials, fixtures.Credential{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret})
	}
	if now, frozen := s.clock.show(); frozen {
		out.Clock = fixtures.At(now)
	}
	s.rules.change(func() { out.Quotas, out.Faults = s.rules.exported() })
	err := s.store.View(func(tx *store.Tx) (err error) {
		out.Keys, err = s.exportedKeys(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	text, err := out.YAML()
	return append([]byte(exportHead), text...), err
}

// exported are the rules in force, with absolute times.
func (r *rules) exported() (quotas []fixtures.Quota, faults []fixtures.Fault) {
	for _, q := range r.quotas.rules {
		quotas = append(quotas, q.written)
	}
	for _, f := range r.faults.rules {
		written := f.written
		if written.From != nil {
			written.From = fixtures.At(f.from)
		}
		if written.Until != nil {
			written.Until = fixtures.At(f.until)
		}
		faults = append(faults, written)
	}
	return quotas, faults
}

func (s *Server) exportedKeys(tx *store.Tx) (all []fixtures.Key, err error) {
	scopes, err := tx.Scopes()
	if err != nil {
		return nil, err
	}
	now := s.clock.now()
	for _, scope := range scopes {
		for key, err := range tx.Keys(scope) {
			if err != nil {
				return nil, err
			}
			if c := (&call{now: now}); c.gone(key) {
				continue
			}
			exported, err := s.exportedKey(tx, key)
			if err != nil {
				return nil, err
			}
			all = append(all, exported)
		}
	}
	return all, nil
}

func (s *Server) exportedKey(tx *store.Tx, key store.Key) (fixtures.Key, error) {
	out := fixtures.Key{
		KeyID:          key.ID,
		KeySpec:        key.Spec,
		KeyUsage:       key.Usage,
		KeyState:       key.State,
		CreationDate:   fixtures.At(key.CreationDate),
		DKMSInstanceID: key.InstanceID,
		Description:    key.Description,
		Tags:           maps.Clone(key.Tags),
	}
	if !key.DeleteDate.IsZero() {
		out.DeleteDate = fixtures.At(key.DeleteDate)
	}
	if key.DeletionProtection {
		out.DeletionProtection = "Enabled"
	}
	if key.Scope != s.scope {
		out.Account, out.Region = key.Scope.Account, key.Scope.Region
	}
	aliases, err := tx.AliasesOfKeyPage(key.Scope, key.ID, 0, math.MaxInt)
	for _, alias := range aliases {
		out.Aliases = append(out.Aliases, alias.Name)
	}
	if err != nil {
		return out, err
	}
	out.Versions, err = exportedVersions(tx, key)
	return out, err
}

// exportedVersions are the versions of a key, oldest first. The date of the
// first is that of the key.
func exportedVersions(tx *store.Tx, key store.Key) (all []fixtures.Version, err error) {
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, math.MaxInt)
	slices.Reverse(versions)
	for i, v := range versions {
		material, err := tx.Material(v.Scope, v.KeyID, v.ID)
		if err != nil {
			return nil, err
		}
		out := fixtures.Version{KeyVersionID: v.ID, PrivateKey: keyspec.PEM(material)}
		if i > 0 {
			out.CreationDate = fixtures.At(v.CreationDate)
		}
		all = append(all, out)
	}
	return all, err
}

// makeAllMaterial makes the key material that the scenario left out and no call
// has needed yet.
func (s *Server) makeAllMaterial() error {
	missing, err := s.withoutMaterial()
	for _, found := range missing {
		if err := s.stopped(); err != nil {
			return err
		}
		if _, err := s.makeMaterial(found); err != nil && !errors.As(err, new(*apiError)) {
			return err
		}
	}
	return err
}

// withoutMaterial finds the versions that have no material yet.
func (s *Server) withoutMaterial() (missing []keyPart, err error) {
	err = s.store.View(func(tx *store.Tx) error {
		scopes, err := tx.Scopes()
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			for key, err := range tx.Keys(scope) {
				if err != nil {
					return err
				}
				parts, err := partsWithoutMaterial(tx, key)
				if err != nil {
					return err
				}
				missing = append(missing, parts...)
			}
		}
		return nil
	})
	return missing, err
}

func partsWithoutMaterial(tx *store.Tx, key store.Key) (parts []keyPart, err error) {
	spec, err := specOf(key)
	if err != nil {
		return nil, err
	}
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, math.MaxInt)
	for _, v := range versions {
		if v.MaterialHash == (store.MaterialHash{}) {
			parts = append(parts, keyPart{key: key, spec: spec, version: v})
		}
	}
	return parts, err
}
