package kms

import (
	"cmp"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var keyPolicyOperations = []Operation{
	read("GetKeyPolicy", "Returns the policy of a key of an instance.", getKeyPolicy),
	write("SetKeyPolicy", "Replaces the policy of a key of an instance.", setKeyPolicy),
}

type getKeyPolicyRequest struct {
	KeyId      keyName `required:"true"`
	PolicyName string  `default:"default" oneof:"default"`
}

type getKeyPolicyResponse struct{ Policy string }

// policyKey refuses a key that is in no instance: it has no policy.
func policyKey(key store.Key, err error) (store.Key, error) {
	if err == nil && key.InstanceID == "" {
		err = kmserr.KeyPolicyUnsupported
	}
	return key, err
}

func getKeyPolicy(tx *transaction, in *getKeyPolicyRequest) (*getKeyPolicyResponse, error) {
	key, err := policyKey(tx.key(in.KeyId))
	return &getKeyPolicyResponse{cmp.Or(key.Policy, defaultPolicy(key.Scope.Account))}, err
}

// defaultPolicy lets the key's own account do all, as the sample of the vendor's
// page "SetKeyPolicy" does.
func defaultPolicy(account string) string {
	return `{"Version":"1","Statement":[{"Sid":"Enable RAM User Permissions","Effect":"Allow","Principal":{"RAM":["acs:ram::` + account + `:*"]},"Action":["kms:*"],"Resource":["*"]}]}`
}

type setKeyPolicyRequest struct {
	KeyId      keyName   `required:"true"`
	Policy     keyPolicy `required:"true"`
	PolicyName string    `default:"default" oneof:"default"`
}

// keyPolicy is the JSON text of a key policy.
type keyPolicy string

// UnmarshalText refuses what is no key policy.
func (p *keyPolicy) UnmarshalText(text []byte) error {
	_, err := fixtures.ParseKeyPolicy(text)
	*p = keyPolicy(text)
	return err
}

func setKeyPolicy(tx *transaction, in *setKeyPolicyRequest) (*struct{}, error) {
	key, err := policyKey(tx.writableKey(in.KeyId, kmserr.PendingDeletion))
	if err != nil {
		return nil, err
	}
	key.Policy = string(in.Policy)
	return &struct{}{}, tx.store.UpdateKey(key)
}
