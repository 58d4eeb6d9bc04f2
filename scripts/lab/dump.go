package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/alikms/alikms/store"
)

// dump opens a data file and writes down all that a store answers; of material,
// a hash.
func dump(path string) (text string, err error) {
	st, err := store.Open(path, store.Options{Ephemeral: true})
	if err != nil {
		return "", err
	}
	var out dumper
	err = st.View(func(tx *store.Tx) error {
		out.tx = tx
		return out.all()
	})
	return out.text.String(), errors.Join(err, st.Close())
}

type dumper struct {
	tx   *store.Tx
	text strings.Builder
}

func (d *dumper) add(record any) {
	text, err := json.Marshal(record)
	if err != nil {
		panic(err) // they are plain values
	}
	fmt.Fprintf(&d.text, "%T %s\n", record, text)
}

// all writes down the clock, and all of each account and region.
func (d *dumper) all() error {
	clock, _, err := d.tx.Setting("clock")
	if err != nil {
		return err
	}
	d.add(string(clock))
	scopes, err := d.tx.Scopes()
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		d.add(scope)
		counts, err := d.tx.Counts(scope)
		if err != nil {
			return err
		}
		d.add(counts)
		for key, err := range d.tx.Keys(scope) {
			if err == nil {
				err = d.key(key)
			}
			if err != nil {
				return err
			}
		}
		for secret, err := range d.tx.Secrets(scope) {
			if err == nil {
				err = d.secret(secret)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dumper) secret(secret store.Secret) error {
	d.add(secret.Name)
	d.add(secret)
	versions, err := d.tx.SecretVersionsPage(secret.Scope, secret.Name, 0, math.MaxInt)
	if err != nil {
		return err
	}
	for _, v := range versions {
		value, err := d.tx.SecretValue(v.Scope, v.SecretName, v.ID)
		if err != nil {
			return err
		}
		d.add(v.ID)
		d.add(v)
		d.add(sha256.Sum256(value))
	}
	return nil
}

func (d *dumper) key(key store.Key) error {
	d.add(key.ID)
	d.add(key.RotationInterval)
	d.add(key)
	aliases, err := d.tx.AliasesOfKeyPage(key.Scope, key.ID, 0, math.MaxInt)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		d.add(alias.Name)
		d.add(alias)
	}
	tokens, err := d.tx.TokensOfKey(key.Scope, key.ID)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		d.add(token.ID)
		d.add(sha256.Sum256(token.PrivateKey))
		d.add(token.ExpireTime)
	}
	return d.versions(key)
}

func (d *dumper) versions(key store.Key) error {
	versions, err := d.tx.VersionsPage(key.Scope, key.ID, 0, math.MaxInt)
	if err != nil {
		return err
	}
	for _, v := range versions {
		d.add(v.ID)
		d.add(v)
		material, err := d.tx.Material(v.Scope, v.KeyID, v.ID)
		switch {
		case err == nil:
			d.add(sha256.Sum256(material))
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	return nil
}
