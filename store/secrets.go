package store

import (
	"iter"
	"math"
	"time"
)

// Secret is the metadata of a secret. What its words mean is the caller's
// business. All times are in UTC.
type Secret struct {
	Scope           Scope             `json:"-"`
	Name            string            `json:"-"` // unique in the scope
	Type            string            `json:"type"`
	Description     string            `json:"description,omitempty"`
	EncryptionKeyID string            `json:"encryptionKeyId,omitempty"` // of a key of the scope; empty: none was chosen
	CreationDate    time.Time         `json:"creationDate"`
	UpdateDate      time.Time         `json:"updateDate"`
	DeleteDate      time.Time         `json:"deleteDate,omitzero"`  // zero unless deletion is planned
	InstanceID      string            `json:"instanceId,omitempty"` // the dedicated gateway it lives in, if any
	Tags            map[string]string `json:"tags,omitempty"`
	Policy          string            `json:"policy,omitempty"` // JSON text, as it was set
	// Stages are the labels of versions, each with the id of the one version that
	// it marks.
	Stages map[string]string `json:"stages,omitempty"`

	// Kept by the store, whatever is given to InsertSecret and UpdateSecret.
	Versions int `json:"versions"` // how many there are
	Numbered int `json:"numbered"` // how many there ever were
}

func (s Secret) key() string { return s.Scope.key(s.Name) }

// index is where the secret is found besides by its name.
func (s Secret) index() []entry {
	entries := []entry{{secretsByDate, s.Scope.key(sortable(s.CreationDate), s.Name), s.Name}}
	if !s.DeleteDate.IsZero() {
		entries = append(entries, entry{secretDeletions, s.Scope.key(sortable(s.DeleteDate), s.Name), s.Name})
	}
	return entries
}

// utc makes the times of a secret those that reading it will give.
func (s Secret) utc() Secret {
	for _, t := range []*time.Time{&s.CreationDate, &s.UpdateDate, &s.DeleteDate} {
		*t = t.UTC()
	}
	return s
}

// InsertSecret adds a secret, without versions; ErrExists when its name is taken.
func (tx *Tx) InsertSecret(s Secret) error {
	s = s.utc()
	s.Versions, s.Numbered = 0, 0
	if err := tx.insert(bucketSecrets, s.key(), s, s.index()); err != nil {
		return err
	}
	return tx.count(s.Scope, tally{Counts: Counts{Secrets: 1}})
}

// UpdateSecret replaces a secret, but for its creation date and what the store
// keeps itself; ErrNotFound when there is none.
func (tx *Tx) UpdateSecret(s Secret) error {
	before, err := tx.Secret(s.Scope, s.Name)
	if err != nil {
		return err
	}
	s = s.utc()
	s.CreationDate, s.Versions, s.Numbered = before.CreationDate, before.Versions, before.Numbered
	if err := tx.replaceEntries(before.index(), s.index()); err != nil {
		return err
	}
	return tx.save(bucketSecrets, s.key(), s)
}

// DeleteSecret removes a secret with its versions and their values; ErrNotFound
// when there is none.
func (tx *Tx) DeleteSecret(scope Scope, name string) error {
	versions, err := tx.SecretVersionsPage(scope, name, 0, math.MaxInt)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := tx.DeleteSecretVersion(scope, name, v.ID); err != nil {
			return err
		}
	}
	secret, err := tx.Secret(scope, name)
	if err != nil {
		return err
	}
	if err := tx.removeEntries(secret.index()); err != nil {
		return err
	}
	if err := tx.remove(bucketSecrets, secret.key()); err != nil {
		return err
	}
	return tx.count(scope, tally{Counts: Counts{Secrets: -1}})
}

// indexedSecret returns a secret that an index names, so that it has to be there.
func (tx *Tx) indexedSecret(scope Scope, name string) (Secret, error) {
	secret, err := tx.Secret(scope, name)
	return secret, missing(bucketSecrets, secret.key(), err)
}

// Secrets walks all secrets of a scope by creation, then name, as SecretsPage
// does. Nothing is to be written on the way.
func (tx *Tx) Secrets(scope Scope) iter.Seq2[Secret, error] {
	return func(yield func(Secret, error) bool) {
		names, err := tx.page(secretsByDate, scope.prefix(), 0, math.MaxInt, nil)
		if err != nil {
			yield(Secret{}, err)
			return
		}
		for _, name := range names {
			secret, err := tx.indexedSecret(scope, name)
			if !yield(secret, err) || err != nil {
				return
			}
		}
	}
}

// SecretsPage returns the secrets of a scope by creation, then name: at most
// limit of them after the first skip. Hidden names are passed over and not
// counted.
func (tx *Tx) SecretsPage(scope Scope, skip, limit int, hidden map[string]bool) ([]Secret, error) {
	names, err := tx.page(secretsByDate, scope.prefix(), skip, limit, hidden)
	if err != nil {
		return nil, err
	}
	secrets := make([]Secret, len(names))
	for i, name := range names {
		if secrets[i], err = tx.indexedSecret(scope, name); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}

// DueSecrets returns the names of the secrets whose delete date is at most now,
// by that date.
func (tx *Tx) DueSecrets(scope Scope, now time.Time) ([]string, error) {
	return tx.dueKeys(secretDeletions, scope, now)
}
