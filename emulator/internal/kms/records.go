package kms

import (
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// What an account may have in a region (the vendor's page "Limits").
const (
	maxKeys     = 200
	maxAliases  = 300
	maxVersions = 10_000
)

// roomForKey refuses one more key, with its version, where records are limited
// and the account is full.
func (tx *transaction) roomForKey() error {
	return tx.room(func(n store.Counts) bool { return n.Keys < maxKeys && n.Versions < maxVersions })
}

func (tx *transaction) roomForVersion() error {
	return tx.room(func(n store.Counts) bool { return n.Versions < maxVersions })
}

func (tx *transaction) roomForAlias() error {
	return tx.room(func(n store.Counts) bool { return n.Aliases < maxAliases })
}

func (tx *transaction) room(has func(store.Counts) bool) error {
	if !tx.LimitRecords {
		return nil
	}
	counts, err := tx.counts()
	if err != nil {
		return err
	}
	if !has(counts) {
		tx.Records = RecordsRefused
		return kmserr.LimitExceeded
	}
	if tx.writing { // a plan that passes is counted when it is carried out
		tx.Records = RecordsPassed
	}
	return nil
}
