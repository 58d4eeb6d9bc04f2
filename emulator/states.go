package emulator

import (
	"time"
)

var stateOperations = []operation{
	write("EnableKey", "Makes a disabled key usable again.", enableKey),
	write("DisableKey", "Makes a key unusable until it is enabled.", disableKey),
	write("ScheduleKeyDeletion", "Sets the date at which a key will be deleted.", scheduleKeyDeletion),
	write("CancelKeyDeletion", "Takes back a scheduled deletion; the key is Enabled then.", cancelKeyDeletion),
}

func enableKey(c *call, in *keyRequest) (*struct{}, error) {
	return c.setState(in.KeyId, stateEnabled)
}

func disableKey(c *call, in *keyRequest) (*struct{}, error) {
	return c.setState(in.KeyId, stateDisabled)
}

// setState changes between Enabled and Disabled. A key that has the state
// already keeps it, and the call succeeds (kms-api.md 1.3).
func (c *call) setState(name keyName, state string) (*struct{}, error) {
	key, err := c.writableKey(name, errStateModifiedFailed)
	if err != nil {
		return nil, err
	}
	key.State = state
	return &struct{}{}, c.tx.UpdateKey(key)
}

type scheduleKeyDeletionRequest struct {
	KeyId               keyName `required:"true"`
	PendingWindowInDays int     `required:"true" min:"7" max:"366"`
}

// scheduleKeyDeletion refuses a protected key with the error of a state that
// does not allow it: what the service answers is not documented.
func scheduleKeyDeletion(c *call, in *scheduleKeyDeletionRequest) (*struct{}, error) {
	key, err := c.writableKey(in.KeyId, errStateModifiedFailed)
	if err != nil {
		return nil, err
	}
	if key.DeletionProtection {
		return nil, errStateModifiedFailed.of()
	}
	key.State = statePendingDeletion
	key.DeleteDate = c.now.Add(time.Duration(in.PendingWindowInDays) * 24 * time.Hour)
	return &struct{}{}, c.tx.UpdateKey(key)
}

func cancelKeyDeletion(c *call, in *keyRequest) (*struct{}, error) {
	key, err := c.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	if key.State != statePendingDeletion {
		return nil, errStateModifiedFailed.of()
	}
	key.State = stateEnabled
	key.DeleteDate = time.Time{}
	return &struct{}{}, c.tx.UpdateKey(key)
}
