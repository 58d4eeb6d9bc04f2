package store

import (
	"slices"
	"time"
)

// ImportToken is what wrapped key material is imported with.
type ImportToken struct {
	Scope             Scope     `json:"-"`
	KeyID             string    `json:"-"`
	ID                string    `json:"-"` // unique in the key
	WrappingSpec      string    `json:"wrappingSpec"`
	WrappingAlgorithm string    `json:"wrappingAlgorithm"`
	ExpireTime        time.Time `json:"expireTime"` // in UTC
	PrivateKey        []byte    `json:"privateKey"` // that unwraps the material
}

func (t ImportToken) key() string { return t.Scope.key(t.KeyID, t.ID) }

// index is where the token is found besides by its key and id.
func (t ImportToken) index() []entry {
	return []entry{{tokensByDate, t.Scope.key(sortable(t.ExpireTime), t.KeyID, t.ID), t.KeyID}}
}

// Token returns an import token, or ErrNotFound.
func (tx *Tx) Token(scope Scope, keyID, id string) (ImportToken, error) {
	t := ImportToken{Scope: scope, KeyID: keyID, ID: id}
	err := tx.load(bucketTokens, t.key(), &t)
	return t, err
}

// InsertToken adds an import token to a key. ErrNotFound when there is no such
// key; ErrExists when it has a token of this id.
func (tx *Tx) InsertToken(t ImportToken) error {
	t.ExpireTime = t.ExpireTime.UTC()
	if _, err := tx.Key(t.Scope, t.KeyID); err != nil {
		return err
	}
	if err := tx.insert(bucketTokens, t.key(), t, t.index()); err != nil {
		return err
	}
	return tx.count(t.Scope, tally{Counts: Counts{Tokens: 1}})
}

// DeleteToken removes an import token; ErrNotFound when there is none.
func (tx *Tx) DeleteToken(scope Scope, keyID, id string) error {
	t, err := tx.Token(scope, keyID, id)
	if err != nil {
		return err
	}
	if err := tx.removeEntries(t.index()); err != nil {
		return err
	}
	if err := tx.remove(bucketTokens, t.key()); err != nil {
		return err
	}
	return tx.count(scope, tally{Counts: Counts{Tokens: -1}})
}

// TokensOfKey returns the import tokens of a key: the one that expires first
// comes first.
func (tx *Tx) TokensOfKey(scope Scope, keyID string) ([]ImportToken, error) {
	var tokens []ImportToken
	prefix := scope.prefix(keyID)
	for key := range tx.scan(bucketTokens, prefix) {
		t, err := tx.Token(scope, keyID, string(key[len(prefix):]))
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
	}
	slices.SortStableFunc(tokens, func(a, b ImportToken) int { return a.ExpireTime.Compare(b.ExpireTime) })
	return tokens, nil
}

// DueTokens returns the import tokens whose expire time is at most now, by that
// time.
func (tx *Tx) DueTokens(scope Scope, now time.Time) ([]ImportToken, error) {
	entries, err := tx.due(tokensByDate, scope, now)
	if err != nil {
		return nil, err
	}
	tokens := make([]ImportToken, len(entries))
	for i, e := range entries {
		parts, err := splitKey(e.key, 5)
		if err != nil {
			return nil, damaged(e.bucket, e.key, err)
		}
		if tokens[i], err = tx.Token(scope, e.value, parts[4]); err != nil {
			return nil, missing(bucketTokens, tokens[i].key(), err)
		}
	}
	return tokens, nil
}

// deleteTokens removes the tokens of a key that is going itself.
func (tx *Tx) deleteTokens(key Key) error {
	tokens, err := tx.TokensOfKey(key.Scope, key.ID)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if err := tx.DeleteToken(key.Scope, key.ID, t.ID); err != nil {
			return err
		}
	}
	return nil
}
