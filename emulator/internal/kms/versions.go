package kms

import (
	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/store"
)

var versionOperations = []Operation{
	writeWithKey("CreateKeyVersion", "Adds a version to a key; the older ones stay usable.", planCreateKeyVersion, createKeyVersion),
	read("DescribeKeyVersion", "Returns the metadata of a version.", describeKeyVersion),
	read("ListKeyVersions", "Lists the versions of a key, newest first.", listKeyVersions),
}

type keyVersion struct {
	KeyId        string
	KeyVersionId string
	CreationDate string
}

func keyVersionOf(v store.Version) keyVersion {
	return keyVersion{v.KeyID, v.ID, wireTime(v.CreationDate)}
}

type createKeyVersionRequest struct {
	KeyId keyName `required:"true" names:"alias"`
}

type keyVersionResponse struct {
	KeyVersion keyVersion
}

func planCreateKeyVersion(tx *transaction, in *createKeyVersionRequest) (*keyspec.Spec, error) {
	key, err := tx.versionableKey(in.KeyId)
	if err != nil {
		return nil, err
	}
	return specOf(key)
}

func createKeyVersion(tx *transaction, in *createKeyVersionRequest, material newMaterial) (*keyVersionResponse, error) {
	key, err := tx.versionableKey(in.KeyId)
	if err != nil {
		return nil, err
	}
	version, err := tx.addVersion(key, material)
	return &keyVersionResponse{keyVersionOf(version)}, err
}

// versionableKey is an Enabled key, in an account with room for a version.
func (tx *transaction) versionableKey(name keyName) (store.Key, error) {
	key, err := tx.enabledKey(name)
	if err != nil {
		return key, err
	}
	return key, tx.roomForVersion()
}

// addVersion gives the key a newest version.
func (tx *transaction) addVersion(key store.Key, material newMaterial) (store.Version, error) {
	version := store.Version{
		Scope:        key.Scope,
		KeyID:        key.ID,
		ID:           newVersionID(),
		CreationDate: tx.Now,
	}
	return version, tx.store.InsertVersion(version, material)
}

type describeKeyVersionRequest struct {
	KeyId        keyName `required:"true" names:"alias arn"`
	KeyVersionId string  `required:"true"`
}

func describeKeyVersion(tx *transaction, in *describeKeyVersionRequest) (*keyVersionResponse, error) {
	key, err := tx.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	version, err := tx.version(key, in.KeyVersionId)
	if err != nil {
		return nil, err
	}
	return &keyVersionResponse{keyVersionOf(version)}, nil
}

type listKeyVersionsRequest struct {
	KeyId keyName `required:"true" names:"alias arn"`
	pageRequest
}

type listKeyVersionsResponse struct {
	KeyVersions struct{ KeyVersion []keyVersion }
	page
}

func listKeyVersions(tx *transaction, in *listKeyVersionsRequest) (*listKeyVersionsResponse, error) {
	key, err := tx.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	versions, err := tx.store.VersionsPage(key.Scope, key.ID, in.skip(), in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &listKeyVersionsResponse{page: in.of(key.Versions)}
	out.KeyVersions.KeyVersion = make([]keyVersion, 0, len(versions))
	for _, version := range versions {
		out.KeyVersions.KeyVersion = append(out.KeyVersions.KeyVersion, keyVersionOf(version))
	}
	return out, nil
}
