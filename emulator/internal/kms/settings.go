package kms

import (
	"cmp"
	"errors"
	"sync/atomic"

	"github.com/alikms/alikms/store"
)

// Settings are what a scenario says to the operations besides the keys that it
// puts into the store. A call is made under one Settings, and finds nothing in the
// store that belongs to others.
type Settings struct {
	Instances  map[string]Instance // by id
	Generation Generation          // "": Classic

	// until is the first state of the store that is none of theirs; 0: there is
	// none yet.
	until atomic.Uint64
}

// ErrSettingsOver says that other Settings hold in the store by now. The call has
// done nothing, and is to begin anew.
var ErrSettingsOver = errors.New("the scenario was replaced")

// EndWith says that the settings do not hold any more when an Update is committed.
func (s *Settings) EndWith(tx *store.Tx) { s.until.Store(tx.State()) }

// GoOn takes that back: the Update failed.
func (s *Settings) GoOn() { s.until.Store(0) }

// over reports whether what a transaction sees belongs to other settings.
func (s *Settings) over(tx *store.Tx) bool {
	until := s.until.Load()
	return until != 0 && tx.State() >= until
}

// excuse is the error of a call that did not find outside a transaction what it
// had found in one.
func (s *Settings) excuse(err error) error {
	if s.until.Load() != 0 {
		return ErrSettingsOver
	}
	return err
}

func (s *Settings) generation() Generation { return cmp.Or(s.Generation, Classic) }
