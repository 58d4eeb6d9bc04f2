package kms

import (
	"slices"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

var keyOperations = []Operation{
	writeWithKey("CreateKey", "Creates a key with its first version.", planCreateKey, createKey).quota(groupCreateKey).resource("key"),
	read("DescribeKey", "Returns the metadata of a key.", describeKey),
	read("ListKeys", "Lists the keys of the account in the region, filtered on request.", listKeys).resource("key"),
	write("UpdateKeyDescription", "Replaces the description of a key.", updateKeyDescription),
	write("SetDeletionProtection", "Turns the deletion protection of a key on or off.", setDeletionProtection),
}

// keyMetadata is KeyMetadata of the vendor's page "DescribeKey". PrimaryKeyVersion is left out:
// asymmetric keys have none.
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
	DeleteDate         string
	LastRotationDate   string
	MaterialExpireTime string
	AutomaticRotation  string
	DKMSInstanceId     string `json:",omitempty"`
}

func metadataOf(key store.Key) keyMetadata {
	m := keyMetadata{
		KeyId:             key.ID,
		Arn:               KeyARN(key.Scope, key.ID),
		Description:       key.Description,
		Creator:           key.Scope.Account,
		CreationDate:      wireTime(key.CreationDate),
		KeySpec:           key.Spec,
		KeyUsage:          key.Usage,
		KeyState:          key.State,
		Origin:            "Aliyun_KMS",
		ProtectionLevel:   "SOFTWARE",
		LastRotationDate:  wireTime(key.LastVersionDate),
		AutomaticRotation: "Disabled",
		DKMSInstanceId:    key.InstanceID,
	}
	if !key.DeleteDate.IsZero() {
		m.DeleteDate = wireTime(key.DeleteDate)
	}
	return m
}

// wireTime writes a time as every sample of the manual does.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

type tag struct{ TagKey, TagValue string }

type createKeyRequest struct {
	Description             string `max:"8192"`
	KeySpec                 string `default:"Aliyun_AES_256"`
	KeyUsage                string `oneof:"ENCRYPT/DECRYPT SIGN/VERIFY"`
	Origin                  string `default:"Aliyun_KMS" oneof:"Aliyun_KMS EXTERNAL"`
	ProtectionLevel         string `default:"SOFTWARE" oneof:"SOFTWARE HSM"`
	EnableAutomaticRotation bool
	RotationInterval        string
	DKMSInstanceId          string
	KeyStorageMechanism     string `oneof:"HsmInternal HsmEncryptedDatabase"`
	Policy                  string `max:"32768"`
	Tags                    []tag  `max:"20"`
}

type createKeyResponse struct {
	KeyMetadata keyMetadata
}

// publishedSpecs are the values of KeySpec that KMS has and alikms has not
// (Aliyun_AES_256 is also what an absent KeySpec means).
var publishedSpecs = []string{
	"Aliyun_AES_256", "Aliyun_AES_192", "Aliyun_AES_128", "Aliyun_SM4", "RSA_4096", "EC_P256", "EC_P256K",
}

func planCreateKey(tx *transaction, in *createKeyRequest) (*keyspec.Spec, error) {
	if err := in.emulated(); err != nil {
		return nil, err
	}
	if !validTags(in.Tags) {
		return nil, kmserr.InvalidParameter("Tags")
	}
	if err := tx.permit(ARN(tx.Scope, "key")); err != nil {
		return nil, err
	}
	if in.DKMSInstanceId != "" && !tx.hasInstance(in.DKMSInstanceId) {
		return nil, kmserr.InstanceNotFound
	}
	spec, _ := keyspec.Lookup(in.KeySpec)
	return spec, tx.roomForKey()
}

// emulated says what of a request is KMS's but not ours.
func (in *createKeyRequest) emulated() error {
	_, known := keyspec.Lookup(in.KeySpec)
	switch {
	case in.KeySpec == "Aliyun_AES_256":
		return kmserr.NotEmulated("KeySpec Aliyun_AES_256, which is also the default; it has " + strings.Join(keyspec.Names(), ", "))
	case slices.Contains(publishedSpecs, in.KeySpec) && !known:
		return kmserr.NotEmulated("KeySpec " + in.KeySpec)
	case !known:
		return kmserr.InvalidParameter("KeySpec")
	case in.Origin != "Aliyun_KMS":
		return kmserr.NotEmulated("Origin " + in.Origin)
	case in.ProtectionLevel != "SOFTWARE":
		return kmserr.NotEmulated("ProtectionLevel " + in.ProtectionLevel)
	case in.EnableAutomaticRotation:
		return kmserr.NotEmulated("automatic rotation")
	case in.KeyStorageMechanism != "":
		return kmserr.NotEmulated("KeyStorageMechanism")
	case in.Policy != "":
		return kmserr.NotEmulated("key policies")
	}
	return nil
}

// validTags applies the limits of CreateKey's Tags.
func validTags(tags []tag) bool {
	seen := map[string]bool{}
	for _, t := range tags {
		reserved := strings.HasPrefix(t.TagKey, "aliyun") || strings.HasPrefix(t.TagKey, "acs:")
		if t.TagKey == "" || reserved || seen[t.TagKey] || !validTagText(t.TagKey) || !validTagText(t.TagValue) {
			return false
		}
		seen[t.TagKey] = true
	}
	return true
}

func validTagText(text string) bool {
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(`/\_-.+=:@`, r)
	}
	return len(text) <= 128 && !strings.ContainsFunc(text, func(r rune) bool { return !allowed(r) })
}

func createKey(tx *transaction, in *createKeyRequest, material newMaterial) (*createKeyResponse, error) {
	if err := tx.roomForKey(); err != nil {
		return nil, err
	}
	spec, _ := keyspec.Lookup(in.KeySpec)
	key := store.Key{
		Scope:        tx.Scope,
		ID:           newKeyID(tx.Now),
		Spec:         in.KeySpec,
		Usage:        in.KeyUsage,
		State:        StateEnabled,
		Description:  in.Description,
		CreationDate: tx.Now,
		InstanceID:   in.DKMSInstanceId,
	}
	if key.Usage == "" {
		key.Usage = spec.DefaultUsage()
	}
	if len(in.Tags) > 0 {
		key.Tags = map[string]string{}
	}
	for _, t := range in.Tags {
		key.Tags[t.TagKey] = t.TagValue
	}
	tx.setKey(key.Scope, key.ID)
	if err := tx.store.InsertKey(key); err != nil {
		return nil, err
	}
	version, err := tx.addVersion(key, material)
	key.LastVersionDate = version.CreationDate
	return &createKeyResponse{metadataOf(key)}, err
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
	DeletionProtectionDescription string
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
	if !validFilters(in.Filters) {
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
