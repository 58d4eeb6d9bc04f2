package kms

import (
	"cmp"
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var keyOperations = []Operation{
	writeWithKey("CreateKey", "Creates a key with its first version.", planCreateKey, createKey).quota(groupCreateKey).resource("key"),
	read("DescribeKey", "Returns the metadata of a key.", describeKey),
	read("ListKeys", "Lists the keys of the account in the region, filtered on request.", listKeys).resource("key"),
	write("UpdateKeyDescription", "Replaces the description of a key.", updateKeyDescription),
	write("SetDeletionProtection", "Turns the deletion protection of a key on or off.", setDeletionProtection),
}

// keyMetadata is KeyMetadata of the vendor's page "DescribeKey".
type keyMetadata struct {
	KeyId              string
	Arn                string
	Description        string
	Creator            string
	CreationDate       string
	KeySpec            string
	KeyUsage           string
	KeyState           string
	Origin             string
	ProtectionLevel    string
	PrimaryKeyVersion  string `json:",omitempty"` // of symmetric keys
	DeleteDate         string
	LastRotationDate   string
	MaterialExpireTime string
	AutomaticRotation  string
	RotationInterval   string `json:",omitempty"`
	NextRotationDate   string `json:",omitempty"`
	DKMSInstanceId     string `json:",omitempty"`
}

func metadataOf(key store.Key) keyMetadata {
	m := keyMetadata{
		KeyId:              key.ID,
		Arn:                KeyARN(key.Scope, key.ID),
		Description:        key.Description,
		Creator:            cmp.Or(key.Creator, key.Scope.Account),
		CreationDate:       wireTime(key.CreationDate),
		KeySpec:            key.Spec,
		KeyUsage:           key.Usage,
		KeyState:           key.State,
		Origin:             key.Origin,
		ProtectionLevel:    "SOFTWARE",
		PrimaryKeyVersion:  key.PrimaryVersion,
		DeleteDate:         wireTime(key.DeleteDate),
		LastRotationDate:   wireTime(key.LastVersionDate),
		MaterialExpireTime: wireTime(key.MaterialExpireTime),
		AutomaticRotation:  automaticRotation(key),
		DKMSInstanceId:     key.InstanceID,
	}
	if key.RotationInterval > 0 {
		m.RotationInterval = Interval(key.RotationInterval)
		m.NextRotationDate = wireTime(nextRotation(key))
	}
	return m
}

// wireTime writes a time as every sample of the manual does; "" for none.
func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

type tag struct{ TagKey, TagValue string }

// validTags holds tags to the limits of CreateKey.
func validTags(tags []tag) bool {
	seen := map[string]bool{}
	for _, t := range tags {
		if seen[t.TagKey] || fixtures.ReservedTagKey(t.TagKey) || !fixtures.ValidTagKey(t.TagKey) || !fixtures.ValidTagValue(t.TagValue) {
			return false
		}
		seen[t.TagKey] = true
	}
	return true
}

type keyRequest struct {
	KeyId keyName `required:"true"`
}

type describeKeyRequest struct {
	KeyId keyName `required:"true" names:"alias arn"`
}

type describeKeyResponse struct {
	KeyMetadata describedKey
}

// describedKey has what only DescribeKey says of a key.
type describedKey struct {
	keyMetadata
	DeletionProtection            string
	DeletionProtectionDescription string `json:",omitempty"`
}

func describeKey(tx *transaction, in *describeKeyRequest) (*describeKeyResponse, error) {
	key, err := tx.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	protection := "Disabled"
	if key.DeletionProtection {
		protection = "Enabled"
	}
	return &describeKeyResponse{describedKey{metadataOf(key), protection, key.DeletionProtectionDescription}}, nil
}

type listKeysRequest struct {
	pageRequest
	Filters []keyFilter `max:"10"`
}

type listKeysResponse struct {
	Keys struct{ Key []listedKey }
	page
}

type listedKey struct{ KeyId, KeyArn string }

func listKeys(tx *transaction, in *listKeysRequest) (*listKeysResponse, error) {
	if !validFilters(in.Filters, keyFilters) {
		return nil, kmserr.InvalidParameter("Filters")
	}
	if err := tx.permit(ARN(tx.Scope, "key")); err != nil {
		return nil, err
	}
	keys, page, err := tx.pageOfKeys(in.pageRequest, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &listKeysResponse{page: page}
	out.Keys.Key = make([]listedKey, 0, len(keys))
	for _, key := range keys {
		out.Keys.Key = append(out.Keys.Key, listedKey{key.ID, KeyARN(key.Scope, key.ID)})
	}
	return out, nil
}

type updateKeyDescriptionRequest struct {
	KeyId       keyName `required:"true"`
	Description string  `required:"sent" max:"8192"`
}

func updateKeyDescription(tx *transaction, in *updateKeyDescriptionRequest) (*struct{}, error) {
	key, err := tx.writableKey(in.KeyId, kmserr.PendingDeletion)
	if err != nil {
		return nil, err
	}
	key.Description = in.Description
	return &struct{}{}, tx.store.UpdateKey(key)
}

type setDeletionProtectionRequest struct {
	ProtectedResourceArn          keyName `names:"arn"`
	KeyId                         keyName
	KmsInstanceId                 string `emulated:"no"`
	EnableDeletionProtection      bool   `required:"true"`
	DeletionProtectionDescription string `max:"8192"`
}

// setDeletionProtection takes the key by its ARN or, in the newer SDKs, by its
// id.
func setDeletionProtection(tx *transaction, in *setDeletionProtectionRequest) (*struct{}, error) {
	name := in.ProtectedResourceArn
	if name == (keyName{}) {
		name = in.KeyId
	}
	if name == (keyName{}) {
		return nil, kmserr.MissingParameter("ProtectedResourceArn")
	}
	key, err := tx.writableKey(name, kmserr.PendingDeletion)
	if err != nil {
		return nil, err
	}
	key.DeletionProtection = in.EnableDeletionProtection
	key.DeletionProtectionDescription = ""
	if in.EnableDeletionProtection {
		key.DeletionProtectionDescription = in.DeletionProtectionDescription
	}
	return &struct{}{}, tx.store.UpdateKey(key)
}
