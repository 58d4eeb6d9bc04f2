package emulator

import (
	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/store"
)

var versionOperations = []operation{
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

func planCreateKeyVersion(c *call, in *createKeyVersionRequest) (*keyspec.Spec, error) {
	key, err := c.versionableKey(in.KeyId)
	if err != nil {
		return nil, err
	}
	return specOf(key)
}

func createKeyVersion(c *call, in *createKeyVersionRequest, pair *keyPair) (*keyVersionResponse, error) {
	key, err := c.versionableKey(in.KeyId)
	if err != nil {
		return nil, err
	}
	version, err := c.addVersion(key, pair)
	return &keyVersionResponse{keyVersionOf(version)}, err
}

// versionableKey is an Enabled key, in an account with room for a version.
func (c *call) versionableKey(name keyName) (store.Key, error) {
	key, err := c.enabledKey(name)
	if err != nil {
		return key, err
	}
	return key, c.roomForVersion()
}

// addVersion gives the key a newest version.
func (c *call) addVersion(key store.Key, pair *keyPair) (store.Version, error) {
	version := store.Version{
		Scope:        key.Scope,
		KeyID:        key.ID,
		ID:           newVersionID(),
		CreationDate: c.now,
	}
	return version, c.tx.InsertVersion(version, pair.material)
}

type describeKeyVersionRequest struct {
	KeyId        keyName `required:"true" names:"alias arn"`
	KeyVersionId string  `required:"true"`
}

func describeKeyVersion(c *call, in *describeKeyVersionRequest) (*keyVersionResponse, error) {
	key, err := c.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	version, err := c.version(key, in.KeyVersionId)
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

func listKeyVersions(c *call, in *listKeyVersionsRequest) (*listKeyVersionsResponse, error) {
	key, err := c.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	versions, err := c.tx.VersionsPage(key.Scope, key.ID, in.skip(), in.PageSize)
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
