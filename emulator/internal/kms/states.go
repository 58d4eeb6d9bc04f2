package kms

import (
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

var stateOperations = []Operation{
	write("EnableKey", "Makes a disabled key usable again.", enableKey),
	write("DisableKey", "Makes a key unusable until it is enabled.", disableKey),
	write("ScheduleKeyDeletion", "Sets the date at which a key will be deleted.", scheduleKeyDeletion),
	write("CancelKeyDeletion", "Takes back a scheduled deletion; the key is Enabled then.", cancelKeyDeletion),
}

func enableKey(tx *transaction, in *keyRequest) (*struct{}, error) {
	return tx.setState(in.KeyId, StateEnabled)
}

func disableKey(tx *transaction, in *keyRequest) (*struct{}, error) {
	return tx.setState(in.KeyId, StateDisabled)
}

// setState changes between Enabled and Disabled. A key that has the state
// already keeps it, and the call succeeds.
func (tx *transaction) setState(name keyName, state string) (*struct{}, error) {
	key, err := tx.writableKey(name, kmserr.StateModifiedFailed)
	if err == nil && key.State == StatePendingImport {
		err = kmserr.StateModifiedFailed
	}
	if err != nil {
		return nil, err
	}
	key.State = state
	return &struct{}{}, tx.reschedule(key)
}

type scheduleKeyDeletionRequest struct {
	KeyId               keyName `required:"true"`
	PendingWindowInDays int     `required:"true" min:"7" max:"366"`
}

// scheduleKeyDeletion refuses a protected key with the error of a state that
// does not allow it: what the service answers is not documented.
func scheduleKeyDeletion(tx *transaction, in *scheduleKeyDeletionRequest) (*struct{}, error) {
	key, err := tx.writableKey(in.KeyId, kmserr.StateModifiedFailed)
	if err != nil {
		return nil, err
	}
	if key.DeletionProtection {
		return nil, kmserr.StateModifiedFailed
	}
	key.State = StatePendingDeletion
	key.DeleteDate = tx.Now.Add(time.Duration(in.PendingWindowInDays) * 24 * time.Hour)
	return &struct{}{}, tx.reschedule(key)
}

// usableState is what a key comes back to: Enabled, even if it was Disabled, or
// PendingImport where its material is lacking.
func (tx *transaction) usableState(key store.Key) (string, error) {
	if key.Origin != OriginExternal {
		return StateEnabled, nil
	}
	version, err := tx.version(key, key.PrimaryVersion)
	if version.MaterialHash == (store.MaterialHash{}) {
		return StatePendingImport, err
	}
	return StateEnabled, err
}

func cancelKeyDeletion(tx *transaction, in *keyRequest) (*struct{}, error) {
	key, err := tx.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	if key.State != StatePendingDeletion {
		return nil, kmserr.StateModifiedFailed
	}
	key.State, err = tx.usableState(key)
	key.DeleteDate = time.Time{}
	if err != nil {
		return nil, err
	}
	return &struct{}{}, tx.reschedule(key)
}
