package emulator

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// seedKey is a key of the scenario, ready for the store.
type seedKey struct {
	key      store.Key
	aliases  []store.Alias // without a date: that of the key
	versions []seedVersion // oldest first
	implied  bool          // secrets need it, and the scenario does not write it
}

// seedVersion is a version with its material; nil: it is to be generated, or, of
// origin EXTERNAL, imported.
type seedVersion struct {
	version  store.Version
	material []byte
	imported store.MaterialHash     // of material that was imported and is gone; zero: none was
	parse    func() ([]byte, error) // gives the material where the store is known to have it; nil: it is read
}

// readKeys gives meaning to the keys of a scenario.
func (r *reader) readKeys(doc *fixtures.Document) {
	read := r.readMaterial(doc)
	for i, k := range doc.Keys {
		path := fmt.Sprintf("keys[%d]", i)
		if _, ok := keyspec.Lookup(k.KeySpec); !ok {
			r.Add(path+".keySpec", "%q is not allowed here; one of %s", k.KeySpec, strings.Join(keyspec.Names(), ", "))
		}
		seed := r.key(path, k)
		r.versions(path, k, &seed, read[i])
		r.keys = append(r.keys, seed)
	}
}

func (r *reader) key(path string, k fixtures.Key) seedKey {
	seed := seedKey{key: store.Key{
		Scope:              r.scopeOf(k.Account, k.Region),
		ID:                 k.KeyID,
		Spec:               k.KeySpec,
		Usage:              k.KeyUsage,
		Origin:             cmp.Or(k.Origin, kms.OriginKMS),
		State:              cmp.Or(k.KeyState, kms.StateEnabled),
		Description:        k.Description,
		CreationDate:       r.pastDate(path+".creationDate", k.CreationDate),
		DeletionProtection: k.DeletionProtection == "Enabled",
		InstanceID:         k.DKMSInstanceID,
		Tags:               k.Tags,
		Creator:            k.Creator,

		DeletionProtectionDescription: k.DeletionProtectionDescription,
	}}
	if k.Policy != nil {
		seed.key.Policy = k.Policy.Text()
	}
	seed.aliases = r.aliases(path, seed.key, k.Aliases)
	seed.key.DeleteDate = r.futureDate(path+".deleteDate", k.DeleteDate)
	seed.key.MaterialExpireTime = r.futureDate(path+".materialExpireTime", k.MaterialExpireTime)
	r.checkInstance(path, k.DKMSInstanceID, seed.key.Scope)
	if spec, ok := keyspec.Lookup(k.KeySpec); ok {
		r.fit(path, spec, k, &seed.key)
	}
	return seed
}

func (r *reader) aliases(path string, key store.Key, written []fixtures.Alias) (all []store.Alias) {
	for i, w := range written {
		alias := store.Alias{Scope: key.Scope, Name: w.AliasName, KeyID: key.ID}
		if w.CreationDate != nil {
			alias.CreationDate = r.pastDate(fmt.Sprintf("%s.aliases[%d].creationDate", path, i), w.CreationDate)
		}
		all = append(all, alias)
	}
	return all
}

// fit holds what a key says to what its spec can do.
func (r *reader) fit(path string, spec *keyspec.Spec, k fixtures.Key, key *store.Key) {
	if !slices.Contains(spec.Usages(), k.KeyUsage) {
		r.Add(path+".keyUsage", "%s cannot do %s; write %s", spec.Name, k.KeyUsage, strings.Join(spec.Usages(), " or "))
	}
	if k.Origin == kms.OriginExternal && !spec.Symmetric() {
		r.Add(path+".origin", "EXTERNAL is for symmetric keys, %s is asymmetric", spec.Name)
	}
	if k.AutomaticRotation != "Enabled" {
		return
	}
	if !spec.Symmetric() {
		r.Add(path+".automaticRotation", "Enabled is for symmetric keys, %s is asymmetric", spec.Name)
	}
	key.RotationInterval, _ = fixtures.ParseRotationInterval(k.RotationInterval)
}

// futureDate is a time to come, or zero where the scenario does not say one.
func (r *reader) futureDate(path string, date *fixtures.Time) time.Time {
	if date == nil {
		return time.Time{}
	}
	at := date.Resolve(r.now)
	if !at.After(r.now) {
		r.Add(path, "%s is not in the future; write a later time, like +7d", date)
	}
	return at
}

// versions adds the versions of a key, of which it has one at least.
func (r *reader) versions(path string, k fixtures.Key, seed *seedKey, read []materialRead) {
	written := k.Versions
	if len(written) == 0 {
		written = []fixtures.Version{{}}
	}
	latest := seed.key.CreationDate
	for i, v := range written {
		at := fmt.Sprintf("%s.versions[%d]", path, i)
		date := r.pastDate(at+".creationDate", v.CreationDate)
		switch {
		case i == 0 && v.CreationDate == nil:
			date = seed.key.CreationDate
		case i == 0:
			seed.key.CreationDate = date // it is said in one of the two places
		case date.Before(latest):
			r.Add(at+".creationDate", "is before %s, the date of the version above; versions are listed oldest first", latest.UTC().Format(time.RFC3339))
		}
		latest = date
		if kms.Symmetric(k.KeySpec) && v.KeyVersionID != "" && !kms.ValidBlobID(v.KeyVersionID) {
			r.Add(at+".keyVersionId", "%q is no lower-case UUID, which a version of a symmetric key needs: each ciphertext begins with it", v.KeyVersionID)
		}
		if read[i].wrong != "" {
			r.Add(at+"."+read[i].field, "%s", read[i].wrong)
		}
		seed.versions = append(seed.versions, seedVersion{
			version: store.Version{
				Scope:        seed.key.Scope,
				KeyID:        k.KeyID,
				ID:           versionID(k.KeyID, v, i),
				CreationDate: date,
				Regional:     kms.Symmetric(k.KeySpec),
				SourceHash:   read[i].source,
			},
			material: read[i].material,
			parse:    read[i].parse,
			imported: materialHash(v.KeyMaterialSHA256),
		})
	}
	if k.Origin == kms.OriginExternal && seed.versions[0].material == nil && seed.key.State == kms.StateEnabled {
		seed.key.State = kms.StatePendingImport
	}
}

// versionID is the id of a version of a key, of which the oldest has the number 0.
func versionID(keyID string, v fixtures.Version, number int) string {
	return cmp.Or(v.KeyVersionID, fixtures.DerivedVersionID(keyID, number+1))
}

// materialHash reads the hash of material, or none; its spelling was checked.
func materialHash(text string) (hash store.MaterialHash) {
	if text != "" {
		hash.UnmarshalText([]byte(text))
	}
	return hash
}

// pastDate is a date of the scenario, or the loading where it does not say.
func (r *reader) pastDate(path string, date *fixtures.Time) time.Time {
	if date == nil {
		return r.now
	}
	at := date.Resolve(r.now)
	if at.After(r.now) {
		r.Add(path, "%s is in the future; write a time up to the loading, like -30d", date)
	}
	return at
}

// seed adds what the store lacks of the scenario, and changes nothing that is
// there. It returns what is there and differs.
func seed(tx *store.Tx, keys []seedKey) (differences []difference, err error) {
	for _, k := range keys {
		what, err := seedOne(tx, k)
		if err != nil {
			return nil, err
		}
		if len(what) > 0 {
			differences = append(differences, difference{"key " + k.key.ID, what})
		}
	}
	return differences, nil
}

// otherwise is how a start goes on that finds other keys of the same ids.
const otherwise = "--fresh starts from the scenario alone, another --data folder or another keyId keeps both"

func seedOne(tx *store.Tx, k seedKey) (differences []string, err error) {
	if k.implied {
		_, err := tx.Alias(k.key.Scope, k.aliases[0].Name)
		if !errors.Is(err, store.ErrNotFound) {
			return nil, err // the account has its own already
		}
	}
	lacking := false
	existing, err := tx.Key(k.key.Scope, k.key.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err, lacking = tx.InsertKey(k.key), true
	case err == nil && existing.Origin != k.key.Origin:
		err = fmt.Errorf("key %s is in the data folder with origin %s, the scenario says %s; %s",
			k.key.ID, existing.Origin, k.key.Origin, otherwise)
	case err == nil && (existing.Spec != k.key.Spec || existing.Usage != k.key.Usage):
		err = fmt.Errorf("key %s is in the data folder with spec %s and usage %s, the scenario says %s and %s; %s",
			k.key.ID, existing.Spec, existing.Usage, k.key.Spec, k.key.Usage, otherwise)
	case err == nil:
		differences = differing(existing, k.key)
	}
	if err != nil {
		return nil, err
	}
	for _, v := range k.versions {
		if err := seedVersionOf(tx, k.key.Origin, v); err != nil {
			return nil, err
		}
	}
	for _, alias := range k.aliases {
		owner, err := seedAlias(tx, k.key, alias)
		if err != nil {
			return nil, err
		}
		if owner != k.key.ID {
			differences = append(differences, fmt.Sprintf("%s is of key %s", alias.Name, owner))
		}
	}
	if lacking {
		return differences, nil
	}
	more, err := differingRecords(tx, k)
	return append(differences, more...), err
}

func seedVersionOf(tx *store.Tx, origin string, v seedVersion) error {
	existing, err := tx.Version(v.version.Scope, v.version.KeyID, v.version.ID)
	if errors.Is(err, store.ErrNotFound) {
		err = seedNewVersion(tx, origin, v)
		if errors.Is(err, store.ErrExists) {
			err = fmt.Errorf("version %s is in the data folder as one of another key than %s; %s",
				v.version.ID, v.version.KeyID, otherwise)
		}
		return err
	}
	if err != nil || v.material == nil || origin == kms.OriginExternal {
		return err // imported material may have been deleted, or expired, since
	}
	if existing.MaterialHash == (store.MaterialHash{}) {
		return tx.InsertMaterial(v.version.Scope, v.version.KeyID, v.version.ID, v.material)
	}
	if existing.MaterialHash != store.MaterialHash(sha256.Sum256(v.material)) {
		return fmt.Errorf("version %s of key %s is in the data folder with another private key than the scenario's; %s",
			v.version.ID, v.version.KeyID, otherwise)
	}
	if existing.SourceHash == v.version.SourceHash {
		return nil
	}
	return tx.SetSource(v.version.Scope, v.version.KeyID, v.version.ID, v.version.SourceHash)
}

// seedNewVersion adds a version. Material of origin EXTERNAL counts as imported:
// it is fixed for ever.
func seedNewVersion(tx *store.Tx, origin string, v seedVersion) error {
	if origin != kms.OriginExternal {
		_, err := kms.AddVersion(tx, v.version, v.material)
		return err
	}
	if _, err := kms.AddVersion(tx, v.version, nil); err != nil {
		return err
	}
	switch {
	case v.material != nil:
		return tx.ImportMaterial(v.version.Scope, v.version.KeyID, v.version.ID, v.material)
	case v.imported != (store.MaterialHash{}):
		return tx.FixMaterial(v.version.Scope, v.version.KeyID, v.version.ID, v.imported)
	}
	return nil
}

// seedAlias adds an alias that is lacking, and returns whose it is.
func seedAlias(tx *store.Tx, key store.Key, alias store.Alias) (owner string, err error) {
	existing, err := tx.Alias(alias.Scope, alias.Name)
	if errors.Is(err, store.ErrNotFound) {
		if alias.CreationDate.IsZero() {
			alias.CreationDate = key.CreationDate
		}
		return key.ID, tx.InsertAlias(alias)
	}
	return existing.KeyID, err
}
