package kms

import (
	"cmp"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

var secretPolicyOperations = []Operation{
	read("GetSecretPolicy", "Returns the policy of a secret of an instance.", getSecretPolicy).quota(groupSecrets),
	write("SetSecretPolicy", "Replaces the policy of a secret of an instance.", setSecretPolicy).quota(groupSecrets),
}

type getSecretPolicyRequest struct {
	SecretName secretName `required:"true" names:"arn"`
	PolicyName string     `default:"default" oneof:"default"`
}

type getSecretPolicyResponse struct{ Policy string }

// getSecretPolicy says of a secret that is in no instance that it has none.
func getSecretPolicy(tx *transaction, in *getSecretPolicyRequest) (*getSecretPolicyResponse, error) {
	secret, err := tx.liveSecret(in.SecretName)
	if err == nil && secret.InstanceID == "" {
		err = kmserr.SecretPolicyNotFound
	}
	return &getSecretPolicyResponse{cmp.Or(secret.Policy, defaultPolicy(secret.Scope.Account))}, err
}

type setSecretPolicyRequest struct {
	SecretName secretName `required:"true" names:"arn"`
	Policy     keyPolicy  `required:"true"`
	PolicyName string     `default:"default" oneof:"default"`
}

func setSecretPolicy(tx *transaction, in *setSecretPolicyRequest) (*struct{}, error) {
	secret, err := tx.liveSecret(in.SecretName)
	if err != nil {
		return nil, err
	}
	if secret.InstanceID == "" {
		return nil, kmserr.UnsupportedOperation
	}
	secret.Policy = string(in.Policy)
	return &struct{}{}, tx.saveSecret(secret)
}
