package store

import (
	"cmp"
	"errors"
)

// secretParts is a secret with its versions that were found.
type secretParts struct {
	Secret
	versions map[string]bool
}

func (a *audit) readSecrets() error {
	return a.each(bucketSecrets, 3, func(names []string) error {
		s, err := a.tx.Secret(Scope{names[0], names[1]}, names[2])
		if err != nil {
			return err
		}
		a.secrets[s.key()] = &secretParts{s, map[string]bool{}}
		a.count(s.Scope, tally{Counts: Counts{Secrets: 1}})
		return a.expect(s.index())
	})
}

func (a *audit) readSecretVersions() error {
	return a.each(bucketSecretVersions, 4, func(names []string) error {
		v, err := a.tx.SecretVersion(Scope{names[0], names[1]}, names[2], names[3])
		if err != nil {
			return err
		}
		secret := a.secrets[v.Scope.key(v.SecretName)]
		if secret == nil || v.Number < 1 || v.Number > secret.Numbered {
			return damaged(bucketSecretVersions, v.key(), errors.New("it does not agree with its secret"))
		}
		secret.versions[v.ID] = true
		a.values++
		a.count(v.Scope, tally{Counts: Counts{SecretVersions: 1}})
		_, err = a.tx.get(bucketSecretValues, v.key())
		return cmp.Or(err, a.expect(v.index()))
	})
}

// compareSecrets finds versions that are lost.
func (a *audit) compareSecrets() error {
	for name, secret := range a.secrets {
		lost := len(secret.versions) != secret.Versions
		for _, id := range secret.Stages {
			lost = lost || !secret.versions[id]
		}
		if lost {
			return damaged(bucketSecrets, name, errors.New("versions of it are missing"))
		}
	}
	return nil
}
