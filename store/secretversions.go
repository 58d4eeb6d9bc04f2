package store

import (
	"fmt"
	"math"
	"time"
)

// SecretVersion is the metadata of a version of a secret. All times are in UTC.
type SecretVersion struct {
	Scope        Scope     `json:"-"`
	SecretName   string    `json:"-"`
	ID           string    `json:"-"` // unique in the secret
	CreationDate time.Time `json:"creationDate"`
	DataType     string    `json:"dataType"`

	// Kept by the store, whatever is given to InsertSecretVersion.
	Number int `json:"number"` // from 1, the oldest; none is given twice
}

func (v SecretVersion) key() string { return v.Scope.key(v.SecretName, v.ID) }

// index is where the version is found besides by its secret and id.
func (v SecretVersion) index() []entry {
	countdown := fmt.Sprintf("%016x", math.MaxInt64-int64(v.Number))
	return []entry{{secretVersionsByAge, v.Scope.key(v.SecretName, countdown, v.ID), v.SecretName}}
}

// InsertSecretVersion adds a version to a secret, as its newest, with its value
// as it is to lie on the disk. ErrNotFound when there is no such secret; ErrExists
// when it has a version of this id.
func (tx *Tx) InsertSecretVersion(v SecretVersion, value []byte) error {
	secret, err := tx.Secret(v.Scope, v.SecretName)
	if err != nil {
		return err
	}
	secret.Versions++
	secret.Numbered++
	v.Number, v.CreationDate = secret.Numbered, v.CreationDate.UTC()
	if err := tx.insert(bucketSecretVersions, v.key(), v, v.index()); err != nil {
		return err
	}
	if err := tx.put(bucketSecretValues, v.key(), value); err != nil {
		return err
	}
	if err := tx.save(bucketSecrets, secret.key(), secret); err != nil {
		return err
	}
	return tx.count(v.Scope, tally{Counts: Counts{SecretVersions: 1}})
}

// DeleteSecretVersion removes a version with its value, and takes from the
// secret the stages that mark it; ErrNotFound when there is none.
func (tx *Tx) DeleteSecretVersion(scope Scope, name, id string) error {
	v, err := tx.SecretVersion(scope, name, id)
	if err != nil {
		return err
	}
	if err := tx.removeEntries(v.index()); err != nil {
		return err
	}
	for _, b := range []bucket{bucketSecretVersions, bucketSecretValues} {
		if err := tx.remove(b, v.key()); err != nil {
			return err
		}
	}
	secret, err := tx.indexedSecret(scope, name)
	if err != nil {
		return err
	}
	secret.Versions--
	for stage, marked := range secret.Stages {
		if marked == id {
			delete(secret.Stages, stage)
		}
	}
	if err := tx.save(bucketSecrets, secret.key(), secret); err != nil {
		return err
	}
	return tx.count(scope, tally{Counts: Counts{SecretVersions: -1}})
}

// SecretVersionsPage returns the versions of a secret, the last added first: at
// most limit of them after the first skip. It returns none where there is no such
// secret.
func (tx *Tx) SecretVersionsPage(scope Scope, name string, skip, limit int) ([]SecretVersion, error) {
	ids, err := tx.page(secretVersionsByAge, scope.prefix(name), skip, limit, nil)
	if err != nil {
		return nil, err
	}
	versions := make([]SecretVersion, len(ids))
	for i, id := range ids {
		v, err := tx.SecretVersion(scope, name, id)
		if err != nil {
			return nil, missing(bucketSecretVersions, v.key(), err)
		}
		versions[i] = v
	}
	return versions, nil
}

// SecretValue returns a copy of the value of a version, as InsertSecretVersion
// was given it, or ErrNotFound.
func (tx *Tx) SecretValue(scope Scope, name, id string) ([]byte, error) {
	value, err := tx.get(bucketSecretValues, scope.key(name, id))
	return append([]byte(nil), value...), err
}
