package kms

import "github.com/alikms/alikms/store"

// Instance is a dedicated gateway of the scenario: it has keys of its own.
type Instance struct {
	Scope  store.Scope
	Public bool // its keys answer on the shared gateway too
}

// reaches reports whether a key is to be found by the call's gateway: an
// instance has its own keys only.
func (tx *transaction) reaches(key store.Key) bool {
	return tx.Gateway == "" || tx.Gateway == key.InstanceID
}

// public reports whether a key does cryptography on the call's gateway. On the
// shared gateway an instance's keys do where the instance has public access;
// without it the service answers UnsupportedOperation.
func (tx *transaction) public(key store.Key) bool {
	if tx.Gateway != "" || key.InstanceID == "" {
		return true
	}
	return tx.Settings.Instances[key.InstanceID].Public
}

// hasInstance reports whether the call's account has an instance in its region.
func (tx *transaction) hasInstance(id string) bool {
	found, ok := tx.Settings.Instances[id]
	return ok && found.Scope == tx.Scope
}
