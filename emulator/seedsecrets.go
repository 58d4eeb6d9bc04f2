package emulator

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// seedSecret is a secret of the scenario, ready for the store.
type seedSecret struct {
	secret   store.Secret        // with its stages
	versions []seedSecretVersion // oldest first
	material []byte              // of its key, if it is imported: the store may have lost it
}

// seedSecretVersion is a version with its value, or with that encrypted.
type seedSecretVersion struct {
	version store.SecretVersion
	value   string
	sealed  []byte // nil: value is it
}

// plain reports whether a version has a value that is to be encrypted.
func (v seedSecretVersion) plain() bool { return v.sealed == nil }

// readSecrets gives meaning to the secrets of a scenario. Of a secret that names no
// key the account needs its own.
func (r *reader) readSecrets(doc *fixtures.Document) {
	for i, s := range doc.Secrets {
		path := fmt.Sprintf("secrets[%d]", i)
		seed := r.secret(path, s)
		for j, v := range s.Versions {
			seed.versions = append(seed.versions, r.secretVersion(fmt.Sprintf("%s.versions[%d]", path, j), doc, i, j, v, seed))
		}
		r.secretDates(path, s, &seed)
		r.secretKey(path, s, &seed)
		r.secrets = append(r.secrets, seed)
	}
}

func (r *reader) secret(path string, s fixtures.Secret) seedSecret {
	seed := seedSecret{secret: store.Secret{
		Scope:       r.scopeOf(s.Account, s.Region),
		Name:        s.SecretName,
		Type:        cmp.Or(s.SecretType, kms.Generic),
		Description: s.Description,
		DeleteDate:  r.futureDate(path+".plannedDeleteTime", s.PlannedDeleteTime),
		InstanceID:  s.DKMSInstanceID,
		Tags:        s.Tags,
		Stages:      s.Stages(),
	}}
	if s.Policy != nil {
		seed.secret.Policy = s.Policy.Text()
	}
	r.checkInstance(path, s.DKMSInstanceID, seed.secret.Scope)
	return seed
}

// checkInstance wants an instance of the same account and region.
func (r *reader) checkInstance(path, id string, scope store.Scope) {
	if found, ok := r.instances[id]; id != "" && (!ok || found.Scope != scope) {
		r.Add(path+".dkmsInstanceId", "%q is none of the instances of this account and region; list it under instances", id)
	}
}

func (r *reader) secretVersion(path string, doc *fixtures.Document, i, j int, v fixtures.SecretVersion, of seedSecret) seedSecretVersion {
	seed := seedSecretVersion{value: v.SecretData, version: store.SecretVersion{
		Scope: of.secret.Scope, SecretName: of.secret.Name, ID: v.VersionID,
		CreationDate: r.pastDate(path+".creationDate", v.CreationDate), DataType: cmp.Or(v.SecretDataType, "text"),
	}}
	if j > 0 {
		if above := of.versions[j-1].version.CreationDate; seed.version.CreationDate.Before(above) {
			r.Add(path+".creationDate", "is before %s, the date of the version above; versions are listed oldest first", above.UTC().Format(time.RFC3339))
		}
	}
	if v.EncryptedSecretData != "" {
		sealed, err := base64.StdEncoding.DecodeString(v.EncryptedSecretData)
		if err != nil || !kms.ValidBlob(sealed) {
			r.Add(path+".encryptedSecretData", "is no ciphertext of a secret's value, as an export has it")
		}
		seed.sealed = append([]byte{}, sealed...)
	}
	if v.SecretDataFile != "" {
		seed.value = r.secretDataFile(path+".secretDataFile", doc, i, j)
	}
	return seed
}

// secretDataFile reads the value of a version from its file, as it is.
func (r *reader) secretDataFile(path string, doc *fixtures.Document, i, j int) string {
	text, err := doc.ReadSecretDataFile(i, j)
	switch {
	case err != nil:
		r.Add(path, "%s; write the path of a file with the value, relative to this file", err)
	case len(text) == 0:
		r.Add(path, "the file is empty; a value has at least one byte")
	case !utf8.Valid(text):
		r.Add(path, "the file is not UTF-8 text; write binary values as base64, with secretDataType: binary")
	}
	return string(text)
}

// secretDates are those of a secret: where it does not say, of its first and its
// last version.
func (r *reader) secretDates(path string, s fixtures.Secret, seed *seedSecret) {
	if len(seed.versions) == 0 {
		return
	}
	seed.secret.CreationDate = seed.versions[0].version.CreationDate
	seed.secret.UpdateDate = seed.versions[len(seed.versions)-1].version.CreationDate
	if s.CreateTime != nil {
		seed.secret.CreationDate = r.pastDate(path+".createTime", s.CreateTime)
	}
	if s.UpdateTime != nil {
		seed.secret.UpdateDate = r.pastDate(path+".updateTime", s.UpdateTime)
	}
}

// secretKey finds the key of a secret: one of the scenario, which may be lacking
// only where nothing is to be encrypted with it.
func (r *reader) secretKey(path string, s fixtures.Secret, seed *seedSecret) {
	needed := slices.ContainsFunc(seed.versions, seedSecretVersion.plain)
	if s.EncryptionKeyID == "" {
		if needed {
			r.implyKey(seed.secret.Scope)
		}
		return
	}
	seed.secret.EncryptionKeyID = s.EncryptionKeyID
	i := slices.IndexFunc(r.keys, func(k seedKey) bool { return k.key.Scope == seed.secret.Scope && k.named(s.EncryptionKeyID) })
	at := path + ".encryptionKeyId"
	if i < 0 {
		if needed {
			r.Add(at, "%q is no key of this account and region: write the id or an alias of a symmetric key of the scenario", s.EncryptionKeyID)
		}
		return
	}
	k := r.keys[i]
	seed.secret.EncryptionKeyID = k.key.ID
	if k.key.Origin == kms.OriginExternal {
		seed.material = k.versions[0].material
	}
	switch {
	case !kms.Symmetric(k.key.Spec):
		r.Add(at, "%q is a key of %s: write that of a symmetric key", s.EncryptionKeyID, k.key.Spec)
	case k.key.Creator != "":
		r.Add(at, "%q is a key that KMS made for a service: leave encryptionKeyId out, or write another key", s.EncryptionKeyID)
	case k.key.InstanceID != seed.secret.InstanceID:
		r.Add(at, "%q is not in the same instance as the secret: dkmsInstanceId of both has to be the same", s.EncryptionKeyID)
	case needed && k.key.Origin == kms.OriginExternal && k.versions[0].material == nil && k.versions[0].parse == nil:
		r.Add(at, "%q has no material to encrypt the secret with: write keyMaterial of its version", s.EncryptionKeyID)
	}
}

// named reports whether a text is the id or an alias of the key.
func (k seedKey) named(text string) bool {
	return k.key.ID == text || slices.ContainsFunc(k.aliases, func(a store.Alias) bool { return a.Name == text })
}

// implyKey adds the account's own key for secrets, unless the scenario writes it.
// Its ids are derived, so that they are the same on every machine.
func (r *reader) implyKey(scope store.Scope) {
	if slices.ContainsFunc(r.keys, func(k seedKey) bool { return k.key.Scope == scope && k.named(kms.SecretsKeyAlias) }) {
		return
	}
	key := kms.KeyForSecrets(scope, fixtures.DerivedVersionID(kms.ARN(scope, kms.SecretsKeyAlias), 0), r.now)
	r.keys = append(r.keys, seedKey{
		key:      key,
		aliases:  []store.Alias{{Scope: scope, Name: kms.SecretsKeyAlias, KeyID: key.ID}},
		versions: []seedVersion{{version: store.Version{Scope: scope, KeyID: key.ID, ID: fixtures.DerivedVersionID(key.ID, 1), CreationDate: r.now, Regional: true}}},
		implied:  true,
	})
}

// seedSecrets adds the secrets that the store lacks. One that is there stays as it
// is; what differs is returned.
func seedSecrets(tx *store.Tx, secrets []seedSecret, now time.Time) (differences []difference, err error) {
	for _, s := range secrets {
		existing, err := tx.Secret(s.secret.Scope, s.secret.Name)
		var found []string
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = s.insert(tx, now)
		case err == nil:
			found, err = s.differing(tx, existing, now)
		}
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", s.secret.Name, err)
		}
		if len(found) > 0 {
			differences = append(differences, difference{"secret " + s.secret.Name, found})
		}
	}
	return differences, nil
}

func (s seedSecret) insert(tx *store.Tx, now time.Time) error {
	secret := s.secret
	secret.Stages = nil
	if err := tx.InsertSecret(secret); err != nil {
		return err
	}
	var key store.Key
	if slices.ContainsFunc(s.versions, seedSecretVersion.plain) {
		var err error
		if key, err = kms.EncryptionKey(tx, secret, now); err != nil {
			return err
		}
	}
	for _, v := range s.versions {
		if v.plain() {
			var err error
			if v.sealed, err = s.seal(tx, key, v); err != nil {
				return err
			}
		}
		if err := tx.InsertSecretVersion(v.version, v.sealed); err != nil {
			return err
		}
	}
	return tx.UpdateSecret(s.secret)
}

// seal encrypts a value. Imported material may have expired, or have been deleted,
// since it was seeded; a value encrypted with it can be read once it is back.
func (s seedSecret) seal(tx *store.Tx, key store.Key, v seedSecretVersion) ([]byte, error) {
	sealed, err := kms.SealValue(tx, key, v.version, v.value)
	if errors.Is(err, store.ErrNotFound) && s.material != nil {
		return kms.SealWith(s.material, key, v.version, v.value)
	}
	return sealed, err
}

// differing says in what a secret of the store is not as seeded: calls may have
// changed it since.
func (s seedSecret) differing(tx *store.Tx, existing store.Secret, now time.Time) (what []string, err error) {
	for _, a := range []struct{ name, has, said string }{
		{"description", existing.Description, s.secret.Description},
		{"encryptionKeyId", existing.EncryptionKeyID, s.secret.EncryptionKeyID},
		{"dkmsInstanceId", existing.InstanceID, s.secret.InstanceID},
		{kms.StageCurrent, existing.Stages[kms.StageCurrent], s.secret.Stages[kms.StageCurrent]},
	} {
		if a.has != a.said {
			what = append(what, fmt.Sprintf("%s is %s, not %s", a.name, shownValue(a.has), shownValue(a.said)))
		}
	}
	for _, v := range s.versions {
		wrong, err := v.differing(tx, now)
		if err != nil {
			return nil, err
		}
		if wrong != "" {
			what = append(what, wrong)
		}
	}
	return what, nil
}

// differing says in what a version is not as seeded; "": it is. It has no value.
func (v seedSecretVersion) differing(tx *store.Tx, now time.Time) (what string, err error) {
	found, err := tx.SecretVersion(v.version.Scope, v.version.SecretName, v.version.ID)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Sprintf("version %q is lacking", v.version.ID), nil
	}
	if err != nil || !v.plain() {
		return "", err
	}
	value, ok, err := kms.OpenValue(tx, found, now)
	if err != nil || !ok || value == v.value {
		return "", err
	}
	return fmt.Sprintf("version %q has another value", v.version.ID), nil
}
