package kms

import (
	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
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
	version := tx.newVersion(key)
	_, err = AddVersion(tx.store, version, material)
	return &keyVersionResponse{keyVersionOf(version)}, err
}

// versionInterval is how long after a version the next one may be created, where
// records are limited (the vendor's page "CreateKeyVersion").
const versionInterval = 7 * day

// versionableKey is an Enabled key that may have one more version, in an account
// with room for it.
func (tx *transaction) versionableKey(name keyName) (store.Key, error) {
	key, err := tx.enabledKey(name)
	switch {
	case err != nil:
		return key, err
	case !tx.Settings.generation().versions(key):
		return key, kmserr.RejectedUnsupportedOperation
	case tx.LimitRecords && (key.Versions >= maxKeyVersions || tx.Now.Sub(key.LastVersionDate) < versionInterval):
		tx.Records = RecordsRefused
		return key, kmserr.RejectedUnsupportedOperation
	}
	return key, tx.roomForVersion()
}

// newVersion is a version of a key that is made by this call.
func (tx *transaction) newVersion(key store.Key) store.Version {
	return store.Version{
		Scope:        key.Scope,
		KeyID:        key.ID,
		ID:           newVersionID(),
		CreationDate: tx.Now,
		Regional:     Symmetric(key.Spec),
	}
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

// Symmetric reports whether a spec is one of symmetric keys.
func Symmetric(name string) bool {
	spec, ok := keyspec.Lookup(name)
	return ok && spec.Symmetric()
}
