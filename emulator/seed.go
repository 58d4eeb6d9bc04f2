package emulator

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// seedKey is a key of the scenario, ready for the store.
type seedKey struct {
	key      store.Key
	aliases  []string
	versions []seedVersion // oldest first
}

// seedVersion is a version with its material; nil: it is to be generated.
type seedVersion struct {
	version  store.Version
	material []byte
}

// keys gives meaning to the keys of a scenario.
func (m *meaning) keys(doc *fixtures.Document) []seedKey {
	var all []seedKey
	read := readMaterial(doc)
	for i, k := range doc.Keys {
		path := fmt.Sprintf("keys[%d]", i)
		if _, ok := keyspec.Lookup(k.KeySpec); !ok {
			m.report(path+".keySpec", "%q is not allowed here; one of %s", k.KeySpec, strings.Join(keyspec.Names(), ", "))
		}
		seed := m.key(path, k)
		m.versions(path, k, &seed, read[i])
		all = append(all, seed)
	}
	return all
}

// materialRead is the private key of a version, as far as it could be read.
type materialRead struct {
	der   []byte
	field string // that is wrong, for a reason
	wrong string
}

// readMaterial reads the private keys of all keys that have any, each in its
// turn on all processors: of what a start does it takes the longest.
func readMaterial(doc *fixtures.Document) [][]materialRead {
	read := make([][]materialRead, len(doc.Keys))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, k := range doc.Keys {
		read[i] = make([]materialRead, max(len(k.Versions), 1))
		spec, ok := keyspec.Lookup(k.KeySpec)
		if !ok {
			continue
		}
		work.Go(func() error {
			for j, v := range k.Versions {
				if v.PrivateKeyFile != "" {
					read[i][j] = readPrivateKeyFile(spec, doc, i, j)
				} else if v.PrivateKey != "" {
					read[i][j] = readPrivateKey(spec, "privateKey", []byte(v.PrivateKey))
				}
			}
			return nil
		})
	}
	work.Wait()
	return read
}

func readPrivateKeyFile(spec *keyspec.Spec, doc *fixtures.Document, key, version int) materialRead {
	const field = "privateKeyFile"
	text, err := doc.ReadPrivateKeyFile(key, version)
	if err != nil {
		return materialRead{field: field, wrong: fmt.Sprintf("%s; write the path of a PEM file, relative to this file", err)}
	}
	return readPrivateKey(spec, field, text)
}

func readPrivateKey(spec *keyspec.Spec, field string, text []byte) materialRead {
	key, err := spec.ParsePEM(text)
	var der []byte
	if err == nil {
		der, err = key.Marshal()
	}
	if err != nil {
		return materialRead{field: field, wrong: fmt.Sprintf("%s; write a private key of %s as PEM", err, spec.Name)}
	}
	return materialRead{der: der}
}

func (m *meaning) key(path string, k fixtures.Key) seedKey {
	seed := seedKey{aliases: k.Aliases, key: store.Key{
		Scope:              m.scopeOf(k.Account, k.Region),
		ID:                 k.KeyID,
		Spec:               k.KeySpec,
		Usage:              k.KeyUsage,
		State:              cmp.Or(k.KeyState, stateEnabled),
		Description:        k.Description,
		CreationDate:       m.pastDate(path+".creationDate", k.CreationDate),
		DeletionProtection: k.DeletionProtection == "Enabled",
		InstanceID:         k.DKMSInstanceID,
		Tags:               k.Tags,
	}}
	if k.DeleteDate != nil {
		seed.key.DeleteDate = k.DeleteDate.Resolve(m.now)
		if !seed.key.DeleteDate.After(m.now) {
			m.report(path+".deleteDate", "%s is not in the future; write a later time, like +7d", k.DeleteDate)
		}
	}
	if scope, ok := m.instances[k.DKMSInstanceID]; k.DKMSInstanceID != "" && (!ok || scope != seed.key.Scope) {
		m.report(path+".dkmsInstanceId", "%q is none of the instances of this account and region; list it under instances", k.DKMSInstanceID)
	}
	return seed
}

// versions adds the versions of a key, of which it has one at least.
func (m *meaning) versions(path string, k fixtures.Key, seed *seedKey, read []materialRead) {
	written := k.Versions
	if len(written) == 0 {
		written = []fixtures.Version{{}}
	}
	latest := seed.key.CreationDate
	for i, v := range written {
		at := fmt.Sprintf("%s.versions[%d]", path, i)
		date := m.pastDate(at+".creationDate", v.CreationDate)
		switch {
		case i == 0 && v.CreationDate == nil:
			date = seed.key.CreationDate
		case i == 0:
			seed.key.CreationDate = date // it is said in one of the two places
		case date.Before(latest):
			m.report(at+".creationDate", "is before %s, the date of the version above; versions are listed oldest first", latest.UTC().Format(time.RFC3339))
		}
		latest = date
		if read[i].wrong != "" {
			m.report(at+"."+read[i].field, "%s", read[i].wrong)
		}
		seed.versions = append(seed.versions, seedVersion{
			version: store.Version{
				Scope:        seed.key.Scope,
				KeyID:        k.KeyID,
				ID:           cmp.Or(v.KeyVersionID, fixtures.DerivedVersionID(k.KeyID, i+1)),
				CreationDate: date,
			},
			material: read[i].der,
		})
	}
}

// pastDate is a date of the scenario, or the loading where it does not say.
func (m *meaning) pastDate(path string, date *fixtures.Time) time.Time {
	if date == nil {
		return m.now
	}
	at := date.Resolve(m.now)
	if at.After(m.now) {
		m.report(path, "%s is in the future; write a time up to the loading, like -30d", date)
	}
	return at
}

// seed adds what the store lacks of the scenario, and changes nothing that is
// there. It returns what is there and differs, a line each.
func seed(tx *store.Tx, keys []seedKey) (differences []string, err error) {
	for _, k := range keys {
		found, err := seedOne(tx, k)
		if err != nil {
			return nil, err
		}
		differences = append(differences, found...)
	}
	return differences, nil
}

func seedOne(tx *store.Tx, k seedKey) (differences []string, err error) {
	existing, err := tx.Key(k.key.Scope, k.key.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = tx.InsertKey(k.key)
	case err == nil && (existing.Spec != k.key.Spec || existing.Usage != k.key.Usage):
		err = fmt.Errorf("key %s is in the data folder with spec %s and usage %s, the scenario says %s and %s; choose another --data folder or another keyId",
			k.key.ID, existing.Spec, existing.Usage, k.key.Spec, k.key.Usage)
	case err == nil:
		differences = differing(existing, k.key)
	}
	if err != nil {
		return nil, err
	}
	for _, v := range k.versions {
		if err := seedVersionOf(tx, v); err != nil {
			return nil, err
		}
	}
	for _, name := range k.aliases {
		owner, err := seedAlias(tx, k.key, name)
		if err != nil {
			return nil, err
		}
		if owner != k.key.ID {
			differences = append(differences, fmt.Sprintf("%s belongs to key %s", name, owner))
		}
	}
	return differences, nil
}

// differing says in which attributes a key of the store is not as seeded: calls
// may have changed it since.
func differing(existing, seeded store.Key) (lines []string) {
	for _, a := range []struct{ name, has, said string }{
		{"keyState", existing.State, seeded.State},
		{"description", existing.Description, seeded.Description},
		{"deletionProtection", fmt.Sprint(existing.DeletionProtection), fmt.Sprint(seeded.DeletionProtection)},
		{"dkmsInstanceId", existing.InstanceID, seeded.InstanceID},
	} {
		if a.has != a.said {
			lines = append(lines, fmt.Sprintf("key %s has %s %q, the scenario says %q", existing.ID, a.name, a.has, a.said))
		}
	}
	return lines
}

func seedVersionOf(tx *store.Tx, v seedVersion) error {
	existing, err := tx.Version(v.version.Scope, v.version.KeyID, v.version.ID)
	if errors.Is(err, store.ErrNotFound) {
		err = tx.InsertVersion(v.version, v.material)
		if errors.Is(err, store.ErrExists) {
			err = fmt.Errorf("version %s is in the data folder as one of another key than %s; choose another --data folder or another keyVersionId",
				v.version.ID, v.version.KeyID)
		}
		return err
	}
	if err != nil || v.material == nil {
		return err
	}
	if existing.MaterialHash == (store.MaterialHash{}) {
		return tx.InsertMaterial(v.version.Scope, v.version.KeyID, v.version.ID, v.material)
	}
	if existing.MaterialHash != store.MaterialHash(sha256.Sum256(v.material)) {
		return fmt.Errorf("version %s of key %s is in the data folder with another private key than the scenario's; choose another --data folder or another keyVersionId",
			v.version.ID, v.version.KeyID)
	}
	return nil
}

// seedAlias adds an alias that is lacking, and returns whose it is.
func seedAlias(tx *store.Tx, key store.Key, name string) (owner string, err error) {
	existing, err := tx.Alias(key.Scope, name)
	if errors.Is(err, store.ErrNotFound) {
		return key.ID, tx.InsertAlias(store.Alias{Scope: key.Scope, Name: name, KeyID: key.ID, CreationDate: key.CreationDate})
	}
	return existing.KeyID, err
}
