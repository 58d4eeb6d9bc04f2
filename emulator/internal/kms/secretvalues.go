package kms

import (
	"errors"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var secretValueOperations = []Operation{
	crypto("GetSecretValue", "Returns the value of a version of a secret.", getSecretValue).quota(groupGetSecretValue),
	crypto("BatchGetSecretValue", "Returns the values of several secrets, and says which could not be had.", batchGetSecretValue).
		quota(groupSecrets).shared().asks("GetSecretValue"),
	write("PutSecretValue", "Adds a version with a new value to a secret.", putSecretValue).quota(groupSecrets),
}

// getSecretValueRequest has the parameters of managed secrets, which do nothing
// for others.
type getSecretValueRequest struct {
	SecretName          secretName `required:"true" names:"arn"`
	VersionId           string
	VersionStage        string
	FetchExtendedConfig bool
	recipient
	dryRun
}

type versionStages struct{ VersionStage []string }

type secretValue struct {
	SecretName     string
	VersionId      string
	SecretData     string
	SecretDataType string
	SecretType     string
	VersionStages  versionStages
	CreateTime     string // of the secret, says the API; not of the version
}

func getSecretValue(tx *transaction, in *getSecretValueRequest) (cryptoFunc[secretValue], error) {
	found, err := tx.findValue(in.SecretName, in.VersionId, in.VersionStage)
	return using(found.key, found.open), err
}

// foundValue is a value that a call has been found entitled to.
type foundValue struct {
	secret  store.Secret
	version store.SecretVersion
	blob    cipherBlob
	key     versionRef // that opens it
}

func (tx *transaction) findValue(name secretName, versionID, stage string) (found foundValue, err error) {
	if found.secret, err = tx.liveSecret(name); err != nil {
		return found, err
	}
	if found.version, err = tx.secretVersion(found.secret, versionID, stage); err != nil {
		return found, err
	}
	found.key, found.blob, err = tx.sealedValue(actionToOpen, found.version)
	return found, err
}

// secretVersion finds a version by its id or its stage, which have to agree where
// both are given. Without either it is the current one.
func (tx *transaction) secretVersion(secret store.Secret, id, stage string) (store.SecretVersion, error) {
	if stage == "" && id == "" {
		stage = StageCurrent
	}
	marked, ok := secret.Stages[stage]
	if stage != "" && (!ok || id != "" && id != marked) {
		return store.SecretVersion{}, tx.worded(kmserr.SecretNotFound)
	}
	if id == "" {
		id = marked
	}
	version, err := tx.store.SecretVersion(secret.Scope, secret.Name, id)
	if errors.Is(err, store.ErrNotFound) {
		err = tx.worded(kmserr.SecretNotFound)
	}
	return version, err
}

// open decrypts the value.
func (f foundValue) open(key *keyspec.SymmetricKey) (*secretValue, error) {
	text, err := key.Open(f.blob.sealed, contextOf(f.version).additionalData())
	return &secretValue{
		SecretName:     f.secret.Name,
		VersionId:      f.version.ID,
		SecretData:     string(text),
		SecretDataType: f.version.DataType,
		SecretType:     f.secret.Type,
		VersionStages:  stagesOf(f.secret, f.version.ID),
		CreateTime:     wireTime(f.secret.CreationDate),
	}, err
}

type batchGetSecretValueRequest struct {
	SecretsList []askedSecret `required:"true" max:"20"`
}

// askedSecret is what one entry of SecretsList asks for. FetchExtendedConfig does
// nothing here; SDKs send it as a text.
type askedSecret struct {
	SecretName          string
	VersionId           string
	VersionStage        string
	FetchExtendedConfig any
}

type batchGetSecretValueResponse struct {
	SecretValues []*secretValue
	Errors       []secretError
}

// secretError says why one secret of several could not be had.
type secretError struct {
	SecretName string
	Code       string
	HttpStatus int
	Message    string
}

// batchGetSecretValue finds what it can; of each secret that it cannot have it
// says why. Of the secrets, the call is about the first.
func batchGetSecretValue(tx *transaction, in *batchGetSecretValueRequest) (do cryptoFunc[batchGetSecretValueResponse], err error) {
	out := &batchGetSecretValueResponse{SecretValues: []*secretValue{}, Errors: []secretError{}}
	var values []foundValue
	for _, asked := range in.SecretsList {
		if asked.SecretName == "" {
			return do, kmserr.MissingParameter("SecretName")
		}
		found, err := tx.findValue(parseSecretName(asked.SecretName, true), asked.VersionId, asked.VersionStage)
		refused, ok := errors.AsType[*kmserr.Error](err)
		switch {
		case ok:
			out.Errors = append(out.Errors, secretError{asked.SecretName, refused.Code, refused.Status, refused.Message})
		case err != nil:
			return do, err
		default:
			values, do.versions = append(values, found), append(do.versions, found.key)
		}
	}
	first := parseSecretName(in.SecretsList[0].SecretName, true)
	tx.setSecret(first.in(tx.Scope), first.name)
	do.run = func(keys []keyspec.Key) (*batchGetSecretValueResponse, error) {
		for i, found := range values {
			value, err := found.open(keys[i].(*keyspec.SymmetricKey))
			if err != nil {
				return nil, err
			}
			out.SecretValues = append(out.SecretValues, value)
		}
		return out, nil
	}
	return do, nil
}

type putSecretValueRequest struct {
	SecretName     secretName `required:"true" names:"arn"`
	VersionId      string     `required:"true" max:"64"`
	SecretData     string     `required:"true"`
	SecretDataType string     `default:"text" oneof:"text binary"`
	VersionStages  stageList
}

type putSecretValueResponse struct {
	SecretName    string
	VersionId     string
	VersionStages versionStages
}

// putSecretValue ignores a version that is there with the same value, and refuses
// another value for it, with a code that is our choice.
func putSecretValue(tx *transaction, in *putSecretValueRequest) (*putSecretValueResponse, error) {
	if len(in.SecretData) > fixtures.MaxSecretData {
		return nil, kmserr.InvalidParameter("SecretData")
	}
	secret, err := tx.liveSecret(in.SecretName)
	if err != nil {
		return nil, err
	}
	version, err := tx.store.SecretVersion(secret.Scope, secret.Name, in.VersionId)
	switch {
	case err == nil:
		err = tx.sameValue(version, in.SecretData)
	case errors.Is(err, store.ErrNotFound):
		secret, err = tx.addValue(secret, in)
	}
	return &putSecretValueResponse{secret.Name, in.VersionId, stagesOf(secret, in.VersionId)}, err
}

// addValue adds a version. Where no stage is given it is the current one.
func (tx *transaction) addValue(secret store.Secret, in *putSecretValueRequest) (store.Secret, error) {
	key, err := tx.encryptionKey(secret)
	if err != nil {
		return secret, err
	}
	secret.UpdateDate = tx.Now
	if err := tx.store.UpdateSecret(secret); err != nil {
		return secret, err
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = stageList{StageCurrent}
	}
	version := store.SecretVersion{Scope: secret.Scope, SecretName: secret.Name, ID: in.VersionId, CreationDate: tx.Now, DataType: in.SecretDataType}
	return AddSecretVersion(tx.store, key, version, in.SecretData, stages)
}

// sameValue compares a value with that of a version.
func (tx *transaction) sameValue(version store.SecretVersion, value string) error {
	found, blob, err := tx.sealedValue(actionToSeal, version)
	if err != nil {
		return err
	}
	if found.parsed == nil {
		if found.parsed, err = found.spec.Parse(found.material); err != nil {
			return err
		}
	}
	text, err := found.parsed.(*keyspec.SymmetricKey).Open(blob.sealed, contextOf(version).additionalData())
	if err == nil && string(text) != value {
		err = kmserr.SecretExists
	}
	return err
}
