package kms

import (
	"cmp"
	"slices"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

type createKeyRequest struct {
	Description             string `max:"8192"`
	KeySpec                 string `default:"Aliyun_AES_256"`
	KeyUsage                string `oneof:"ENCRYPT/DECRYPT SIGN/VERIFY"`
	Origin                  string `default:"Aliyun_KMS" oneof:"Aliyun_KMS EXTERNAL"`
	ProtectionLevel         string `default:"SOFTWARE" oneof:"SOFTWARE HSM"`
	EnableAutomaticRotation bool
	RotationInterval        rotationInterval
	DKMSInstanceId          string
	KeyStorageMechanism     string    `oneof:"HsmInternal HsmEncryptedDatabase"`
	Policy                  keyPolicy `max:"32768"`
	Tags                    []tag     `max:"20"`
}

type createKeyResponse struct {
	KeyMetadata keyMetadata
}

func planCreateKey(tx *transaction, in *createKeyRequest) (*keyspec.Spec, error) {
	spec, err := in.check(tx.Settings.generation())
	if err != nil {
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
	return spec, tx.roomForKey()
}

// check holds a request to what KMS allows and alikms emulates.
func (in *createKeyRequest) check(g Generation) (*keyspec.Spec, error) {
	spec, ok := keyspec.Lookup(in.KeySpec)
	switch {
	case !ok:
		return nil, kmserr.InvalidParameter("KeySpec")
	case in.KeyUsage != "" && !slices.Contains(spec.Usages(), in.KeyUsage):
		return nil, kmserr.InvalidParameter("KeyUsage")
	case in.ProtectionLevel != "SOFTWARE" && !(g == Generation3 && in.DKMSInstanceId != ""):
		return nil, kmserr.NotEmulated("ProtectionLevel " + in.ProtectionLevel)
	case in.KeyStorageMechanism != "":
		return nil, kmserr.NotEmulated("KeyStorageMechanism")
	case in.Policy != "" && in.DKMSInstanceId == "":
		return nil, kmserr.KeyPolicyUnsupported
	case g == Generation3 && in.DKMSInstanceId == "" && in.KeySpec != defaultSpec:
		return nil, kmserr.UnsupportedOperation // a default key
	}
	if err := in.checkOrigin(spec); err != nil {
		return nil, err
	}
	return spec, in.checkRotation(spec, g)
}

// checkOrigin allows material to be imported into symmetric keys. Instances take
// that of private keys too, wrapped in ways whose names are not published.
func (in *createKeyRequest) checkOrigin(spec *keyspec.Spec) error {
	switch {
	case in.Origin == OriginKMS || spec.Symmetric():
		return nil
	case in.DKMSInstanceId != "":
		return kmserr.NotEmulated("Origin EXTERNAL of asymmetric keys")
	}
	return kmserr.InvalidParameter("Origin")
}

func (in *createKeyRequest) checkRotation(spec *keyspec.Spec, g Generation) error {
	switch {
	case !in.EnableAutomaticRotation:
		return nil
	case !rotates(spec, in.Origin):
		return kmserr.RejectedUnsupportedOperation
	case in.RotationInterval == 0:
		return kmserr.MissingParameter("RotationInterval")
	case !g.allowsInterval(in.DKMSInstanceId, time.Duration(in.RotationInterval)):
		return kmserr.InvalidParameter("RotationInterval")
	}
	return nil
}

func createKey(tx *transaction, in *createKeyRequest, material newMaterial) (*createKeyResponse, error) {
	if err := tx.roomForKey(); err != nil {
		return nil, err
	}
	key, err := in.key(tx)
	if err != nil {
		return nil, err
	}
	tx.setKey(key.Scope, key.ID)
	if err := tx.store.InsertKey(key); err != nil {
		return nil, err
	}
	if key.Origin == OriginExternal {
		material = nil
	}
	key, err = AddVersion(tx.store, tx.newVersion(key), material)
	return &createKeyResponse{metadataOf(key)}, err
}

// key is the new key, as yet without a version.
func (in *createKeyRequest) key(tx *transaction) (store.Key, error) {
	spec, ok := keyspec.Lookup(in.KeySpec)
	if !ok {
		return store.Key{}, kmserr.InvalidParameter("KeySpec")
	}
	key := store.Key{
		Scope:        tx.Scope,
		ID:           newKeyID(tx.Now),
		Spec:         in.KeySpec,
		Usage:        cmp.Or(in.KeyUsage, spec.DefaultUsage()),
		State:        StateEnabled,
		Origin:       in.Origin,
		Description:  in.Description,
		CreationDate: tx.Now,
		InstanceID:   in.DKMSInstanceId,
		Policy:       string(in.Policy),
		Tags:         tagMap(in.Tags),
	}
	if key.Origin == OriginExternal {
		key.State = StatePendingImport
	}
	if in.EnableAutomaticRotation {
		key.RotationInterval = time.Duration(in.RotationInterval)
	}
	return key, nil
}
