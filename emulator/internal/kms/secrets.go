package kms

import (
	"errors"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var secretOperations = []Operation{
	write("CreateSecret", "Creates a secret with its first version.", createSecret).quota(groupCreateSecret).resource("secret"),
	read("DescribeSecret", "Returns the metadata of a secret.", describeSecret).quota(groupGetSecretValue),
	read("ListSecrets", "Lists the secrets of the account in the region, filtered on request.", listSecrets).quota(groupSecrets).resource("secret"),
	write("UpdateSecret", "Replaces the description of a secret.", updateSecret).quota(groupSecrets),
}

// Generic is the type of the secrets that need no other product.
const Generic = "Generic"

// setSecret notes the secret that the call came to.
func (c *Call) setSecret(scope store.Scope, name string) {
	c.SecretName, c.SecretARN = name, SecretARN(scope, name)
}

// secret finds the secret that a name stands for, and asks for permission on the
// way; whether there is one is said after.
func (tx *transaction) secret(name secretName) (store.Secret, error) {
	return tx.secretFor(tx.op.action(), name)
}

// secretFor is secret for one of the actions of an operation. A secret of another
// account is used where its own policy allows that too (the vendor's page
// "Overview of secret policies").
func (tx *transaction) secretFor(action string, name secretName) (store.Secret, error) {
	scope := name.in(tx.Scope)
	tx.setSecret(scope, name.name)
	if err := tx.permitAction(action, tx.SecretARN); err != nil {
		return store.Secret{}, err
	}
	secret, err := tx.store.Secret(scope, name.name)
	hidden := tx.Gateway != "" && tx.Gateway != secret.InstanceID // an instance has its own secrets only
	if errors.Is(err, store.ErrNotFound) || err == nil && (SecretGone(secret, tx.Now) || hidden) {
		return secret, tx.worded(kmserr.SecretNotFound)
	}
	foreign := scope.Account != tx.Scope.Account && tx.Allowed != nil
	if err == nil && foreign && !tx.AllowedByKey(secret.Policy, action) {
		return secret, kmserr.NoPermission(tx.SecretARN)
	}
	return secret, err
}

// liveSecret is secret for all that a secret in its recovery window refuses.
func (tx *transaction) liveSecret(name secretName) (store.Secret, error) {
	return tx.live(tx.secret(name))
}

func (tx *transaction) live(secret store.Secret, err error) (store.Secret, error) {
	if err == nil && !secret.DeleteDate.IsZero() {
		err = tx.worded(kmserr.SecretInDeleteWindow)
	}
	return secret, err
}

// saveSecret keeps a secret that a call has changed.
func (tx *transaction) saveSecret(secret store.Secret) error {
	secret.UpdateDate = tx.Now
	return tx.store.UpdateSecret(secret)
}

// createSecretRequest passes over what the types that other products manage need:
// "takes effect only when SecretType is set to Rds", says the API of the others.
type createSecretRequest struct {
	SecretName              newSecretName `required:"true"`
	VersionId               string        `required:"true" max:"64"`
	SecretData              string        `required:"true"`
	SecretDataType          string        `default:"text" oneof:"text binary"`
	SecretType              string        `default:"Generic" oneof:"Generic Rds Redis RAMCredentials ECS PolarDB"`
	EncryptionKeyId         string
	DKMSInstanceId          string
	Description             string    `max:"8192"`
	Tags                    []tag     `max:"20"`
	Policy                  keyPolicy `max:"32768"`
	ExtendedConfig          string
	EnableAutomaticRotation bool
	RotationInterval        string
}

type createSecretResponse struct {
	Arn            string
	SecretName     string
	VersionId      string
	SecretType     string
	DKMSInstanceId string `json:",omitempty"`
}

// check holds a request to what KMS allows and alikms emulates.
func (in *createSecretRequest) check() error {
	name := string(in.SecretName)
	switch {
	case in.SecretType != Generic:
		return kmserr.NotEmulated("SecretType " + in.SecretType)
	case !fixtures.ValidSecretName(name) || fixtures.ReservedSecretName(name):
		return kmserr.InvalidParameter("SecretName")
	case len(in.SecretData) > fixtures.MaxSecretData:
		return kmserr.InvalidParameter("SecretData")
	case !validTags(in.Tags):
		return kmserr.InvalidParameter("Tags")
	case in.DKMSInstanceId != "" && in.EncryptionKeyId == "":
		return kmserr.MissingParameter("EncryptionKeyId") // it has to be of the instance, too
	case in.Policy != "" && in.DKMSInstanceId == "":
		return kmserr.UnsupportedOperation
	}
	return nil
}

func createSecret(tx *transaction, in *createSecretRequest) (*createSecretResponse, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	tx.setSecret(tx.Scope, string(in.SecretName))
	if err := tx.permit(tx.secretToCreate()); err != nil {
		return nil, err
	}
	secret, err := in.secret(tx)
	if err != nil {
		return nil, err
	}
	key, err := tx.encryptionKey(secret)
	if err != nil {
		return nil, err
	}
	if err := tx.insertSecret(secret); err != nil {
		return nil, err
	}
	version := store.SecretVersion{Scope: tx.Scope, SecretName: secret.Name, ID: in.VersionId, CreationDate: tx.Now, DataType: in.SecretDataType}
	if _, err := AddSecretVersion(tx.store, key, version, in.SecretData, []string{StageCurrent}); err != nil {
		return nil, err
	}
	return &createSecretResponse{tx.SecretARN, secret.Name, in.VersionId, secret.Type, secret.InstanceID}, nil
}

// secretToCreate is what RAM is asked about: the container of secrets, says the
// page "Use RAM to control access to KMS resources" of 2021; the secret itself, to
// judge by AliyunServiceRolePolicyForAlbAccessKMS of 2025.
func (tx *transaction) secretToCreate() (arn string) {
	if tx.Settings.generation() == Generation3 {
		return tx.SecretARN
	}
	return ARN(tx.Scope, "secret")
}

// secret is the new secret, as yet without a version.
func (in *createSecretRequest) secret(tx *transaction) (store.Secret, error) {
	secret := store.Secret{
		Scope:        tx.Scope,
		Name:         string(in.SecretName),
		Type:         in.SecretType,
		Description:  in.Description,
		CreationDate: tx.Now,
		UpdateDate:   tx.Now,
		InstanceID:   in.DKMSInstanceId,
		Tags:         tagMap(in.Tags),
		Policy:       string(in.Policy),
	}
	if in.DKMSInstanceId != "" && !tx.hasInstance(in.DKMSInstanceId) {
		return secret, kmserr.InstanceNotFound
	}
	if in.EncryptionKeyId == "" {
		return secret, nil
	}
	name := parseKeyName(in.EncryptionKeyId)
	if name.arn {
		name = keyName{id: in.EncryptionKeyId} // no key has such an id
	}
	_, id, err := tx.resolve(name)
	secret.EncryptionKeyID = id
	return secret, err
}

// insertSecret refuses a name that is taken, also by a secret that can still be
// restored.
func (tx *transaction) insertSecret(secret store.Secret) error {
	err := tx.store.InsertSecret(secret)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	existing, err := tx.store.Secret(secret.Scope, secret.Name)
	if _, err = tx.live(existing, err); err != nil {
		return err
	}
	return kmserr.SecretExists
}

type describeSecretRequest struct {
	SecretName secretName `required:"true" names:"arn"`
	FetchTags  bool
}

// describeSecretResponse has no EncryptionKeyId where none was chosen: Terraform
// replaces a secret whose key is said and not configured.
type describeSecretResponse struct {
	Arn               string
	SecretName        string
	SecretType        string
	Description       string
	EncryptionKeyId   string `json:",omitempty"`
	CreateTime        string
	UpdateTime        string
	PlannedDeleteTime string      `json:",omitempty"`
	DKMSInstanceId    string      `json:",omitempty"`
	Tags              *secretTags `json:",omitempty"`
}

func describeSecret(tx *transaction, in *describeSecretRequest) (*describeSecretResponse, error) {
	secret, err := tx.secret(in.SecretName)
	return &describeSecretResponse{
		Arn:               SecretARN(secret.Scope, secret.Name),
		SecretName:        secret.Name,
		SecretType:        secret.Type,
		Description:       secret.Description,
		EncryptionKeyId:   secret.EncryptionKeyID,
		CreateTime:        wireTime(secret.CreationDate),
		UpdateTime:        wireTime(secret.UpdateDate),
		PlannedDeleteTime: wireTime(secret.DeleteDate),
		DKMSInstanceId:    secret.InstanceID,
		Tags:              tagsOf(secret, in.FetchTags),
	}, err
}

type updateSecretRequest struct {
	SecretName  secretName `required:"true"`
	Description string     `required:"sent" max:"8192"`
}

// secretNameResponse is what several operations answer.
type secretNameResponse struct{ SecretName string }

func updateSecret(tx *transaction, in *updateSecretRequest) (*secretNameResponse, error) {
	secret, err := tx.liveSecret(in.SecretName)
	if err != nil {
		return nil, err
	}
	secret.Description = in.Description
	return &secretNameResponse{secret.Name}, tx.saveSecret(secret)
}
