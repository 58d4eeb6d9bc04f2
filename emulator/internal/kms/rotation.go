package kms

import (
	"fmt"
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var rotationOperations = []Operation{
	write("UpdateRotationPolicy", "Turns the automatic rotation of a symmetric key on or off.", updateRotationPolicy),
}

// rotationInterval is an interval as KMS writes it: a whole number and a unit, d,
// h, m or s; 7 to 730 days.
type rotationInterval time.Duration

// UnmarshalText reads KMS's grammar.
func (r *rotationInterval) UnmarshalText(text []byte) error {
	interval, ok := fixtures.ParseRotationInterval(string(text))
	if !ok {
		return kmserr.InvalidParameter("RotationInterval")
	}
	*r = rotationInterval(interval)
	return nil
}

// Interval writes an interval as every answer does: in seconds.
func Interval(d time.Duration) string { return fmt.Sprintf("%ds", int64(d/time.Second)) }

type updateRotationPolicyRequest struct {
	KeyId                   keyName `required:"true"`
	EnableAutomaticRotation bool    `required:"true"`
	RotationInterval        rotationInterval
}

// updateRotationPolicy rotates at once where the next rotation falls into the
// past.
func updateRotationPolicy(tx *transaction, in *updateRotationPolicyRequest) (*struct{}, error) {
	key, err := tx.enabledKey(in.KeyId)
	if err != nil {
		return nil, err
	}
	spec, err := specOf(key)
	if err != nil {
		return nil, err
	}
	if !rotates(spec, key.Origin) || key.Creator != "" {
		return nil, kmserr.RejectedUnsupportedOperation
	}
	key.RotationInterval, err = in.interval(tx.Settings.generation(), key.InstanceID)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, tx.reschedule(key)
}

// interval is what a key is to be rotated at, one of those that its generation
// allows it; zero: not at all.
func (in *updateRotationPolicyRequest) interval(g Generation, instanceID string) (time.Duration, error) {
	interval := time.Duration(in.RotationInterval)
	switch {
	case !in.EnableAutomaticRotation:
		return 0, nil
	case interval == 0:
		return 0, kmserr.MissingParameter("RotationInterval")
	case !g.allowsInterval(instanceID, interval):
		return 0, kmserr.InvalidParameter("RotationInterval")
	}
	return interval, nil
}

// reschedule keeps a key whose state or interval has changed, and rotates it as
// often as is due by now.
func (tx *transaction) reschedule(key store.Key) error {
	if err := tx.store.UpdateKey(scheduled(key)); err != nil {
		return err
	}
	return rotateDue(tx.store, key.Scope, tx.Now)
}

// automaticRotation is the state of a key's rotation, in KMS's words.
func automaticRotation(key store.Key) string {
	switch {
	case key.RotationInterval == 0:
		return "Disabled"
	case key.State != StateEnabled:
		return "Suspended"
	}
	return "Enabled"
}
