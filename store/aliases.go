package store

import (
	"math"
	"time"
)

// Alias is one more name of a key. All times are in UTC.
type Alias struct {
	Scope        Scope     `json:"-"`
	Name         string    `json:"-"` // unique in the scope
	KeyID        string    `json:"keyId"`
	CreationDate time.Time `json:"creationDate"`
}

func (a Alias) key() string { return a.Scope.key(a.Name) }

// index is where the alias is found besides by its name.
func (a Alias) index() []entry {
	created := sortable(a.CreationDate)
	return []entry{
		{aliasesByDate, a.Scope.key(created, a.Name), a.KeyID},
		{aliasesByKey, a.Scope.key(a.KeyID, created, a.Name), a.KeyID},
	}
}

func (tx *Tx) readAlias(scope Scope, name, key string) (Alias, error) {
	a := Alias{Scope: scope, Name: name}
	err := tx.load(bucketAliases, key, &a)
	return a, err
}

// InsertAlias adds an alias. ErrExists when its name is taken; ErrNotFound when
// there is no such key.
func (tx *Tx) InsertAlias(a Alias) error {
	a.CreationDate = a.CreationDate.UTC()
	if _, err := tx.Key(a.Scope, a.KeyID); err != nil {
		return err
	}
	if err := tx.insert(bucketAliases, a.key(), a, a.index()); err != nil {
		return err
	}
	if err := tx.countAliases(a.Scope, a.KeyID, 1); err != nil {
		return err
	}
	return tx.count(a.Scope, tally{Counts: Counts{Aliases: 1}})
}

// UpdateAlias moves an alias to the key a.KeyID. ErrNotFound when there is no
// such alias, or no such key.
func (tx *Tx) UpdateAlias(a Alias) error {
	before, err := tx.Alias(a.Scope, a.Name)
	if err != nil {
		return err
	}
	if _, err := tx.Key(a.Scope, a.KeyID); err != nil {
		return err
	}
	a.CreationDate = before.CreationDate
	if err := tx.countAliases(a.Scope, before.KeyID, -1); err != nil {
		return err
	}
	if err := tx.countAliases(a.Scope, a.KeyID, 1); err != nil {
		return err
	}
	if err := tx.replaceEntries(before.index(), a.index()); err != nil {
		return err
	}
	return tx.save(bucketAliases, a.key(), a)
}

// DeleteAlias removes an alias; ErrNotFound when there is none.
func (tx *Tx) DeleteAlias(scope Scope, name string) error {
	a, err := tx.Alias(scope, name)
	if err != nil {
		return err
	}
	if err := tx.removeEntries(a.index()); err != nil {
		return err
	}
	if err := tx.remove(bucketAliases, a.key()); err != nil {
		return err
	}
	if err := tx.countAliases(scope, a.KeyID, -1); err != nil {
		return err
	}
	return tx.count(scope, tally{Counts: Counts{Aliases: -1}})
}

// deleteAliases removes the aliases of a key that is going itself.
func (tx *Tx) deleteAliases(key Key) error {
	aliases, err := tx.AliasesOfKeyPage(key.Scope, key.ID, 0, math.MaxInt)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		if err := tx.DeleteAlias(key.Scope, alias.Name); err != nil {
			return err
		}
	}
	return nil
}

// countAliases keeps the number of aliases in their key.
func (tx *Tx) countAliases(scope Scope, keyID string, more int) error {
	key, err := tx.Key(scope, keyID)
	if err != nil {
		return err
	}
	key.Aliases += more
	return tx.saveKey(key)
}

// AliasesPage returns the aliases of a scope by creation, then name: at most
// limit of them after the first skip. Those of hidden keys are passed over and
// not counted.
func (tx *Tx) AliasesPage(scope Scope, skip, limit int, hidden map[string]bool) ([]Alias, error) {
	names, err := tx.page(aliasesByDate, scope.prefix(), skip, limit, hidden)
	if err != nil {
		return nil, err
	}
	return tx.aliases(scope, names)
}

// AliasesOfKeyPage returns the aliases of a key by creation, then name: at most
// limit of them after the first skip.
func (tx *Tx) AliasesOfKeyPage(scope Scope, keyID string, skip, limit int) ([]Alias, error) {
	names, err := tx.page(aliasesByKey, scope.prefix(keyID), skip, limit, nil)
	if err != nil {
		return nil, err
	}
	return tx.aliases(scope, names)
}

// aliases reads what an index named.
func (tx *Tx) aliases(scope Scope, names []string) ([]Alias, error) {
	aliases := make([]Alias, len(names))
	for i, name := range names {
		a, err := tx.Alias(scope, name)
		if err != nil {
			return nil, missing(bucketAliases, a.key(), err)
		}
		aliases[i] = a
	}
	return aliases, nil
}
