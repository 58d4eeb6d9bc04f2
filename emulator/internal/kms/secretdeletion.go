package kms

import (
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

var secretDeletionOperations = []Operation{
	write("DeleteSecret", "Deletes a secret at once, or when its recovery window has passed.", deleteSecret).quota(groupCreateSecret),
	write("RestoreSecret", "Takes back a planned deletion.", restoreSecret).quota(groupSecrets),
}

type deleteSecretRequest struct {
	SecretName                 secretName `required:"true"`
	ForceDeleteWithoutRecovery bool
	RecoveryWindowInDays       int `default:"30" min:"7" max:"30"`
}

type deleteSecretResponse struct {
	SecretName        string
	PlannedDeleteTime string
}

// deleteSecret ignores the window where it is forced. A secret in its recovery
// window can be forced out, too: whether the service does that is not documented.
func deleteSecret(tx *transaction, in *deleteSecretRequest) (*deleteSecretResponse, error) {
	secret, err := tx.secret(in.SecretName)
	if err != nil {
		return nil, err
	}
	if in.ForceDeleteWithoutRecovery {
		return &deleteSecretResponse{secret.Name, wireTime(tx.Now)}, tx.store.DeleteSecret(secret.Scope, secret.Name)
	}
	if secret, err = tx.live(secret, nil); err != nil {
		return nil, err
	}
	secret.DeleteDate = tx.Now.Add(time.Duration(in.RecoveryWindowInDays) * day)
	return &deleteSecretResponse{secret.Name, wireTime(secret.DeleteDate)}, tx.saveSecret(secret)
}

type restoreSecretRequest struct {
	SecretName secretName `required:"true"`
}

func restoreSecret(tx *transaction, in *restoreSecretRequest) (*secretNameResponse, error) {
	secret, err := tx.secret(in.SecretName)
	if err != nil {
		return nil, err
	}
	if secret.DeleteDate.IsZero() {
		return nil, kmserr.SecretNotInWindow
	}
	secret.DeleteDate = time.Time{}
	return &secretNameResponse{secret.Name}, tx.saveSecret(secret)
}
