package emulator

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// secrets collects the secrets of every account and region, in the order that an
// emulator has them which starts from the export.
func (e *export) secrets(tx *store.Tx) error {
	var all []store.Secret
	err := kms.EachSecret(tx, func(secret store.Secret) error {
		if !kms.SecretGone(secret, e.now) {
			all = append(all, secret)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b store.Secret) int {
		return cmp.Or(cmp.Compare(a.Scope.Account, b.Scope.Account), cmp.Compare(a.Scope.Region, b.Scope.Region),
			e.past(a.CreationDate).Compare(e.past(b.CreationDate)), cmp.Compare(a.Name, b.Name))
	})
	for _, secret := range all {
		if err := e.secret(tx, secret); err != nil {
			return err
		}
	}
	return err
}

func (e *export) secret(tx *store.Tx, secret store.Secret) (err error) {
	out := fixtures.Secret{
		SecretName:      secret.Name,
		Description:     secret.Description,
		Tags:            maps.Clone(secret.Tags),
		EncryptionKeyID: secret.EncryptionKeyID,
		CreateTime:      e.date(e.past(secret.CreationDate)),
		UpdateTime:      e.date(e.past(secret.UpdateDate)),
		DKMSInstanceID:  secret.InstanceID,
	}
	if !secret.DeleteDate.IsZero() {
		out.PlannedDeleteTime = e.date(secret.DeleteDate)
	}
	if secret.Policy != "" {
		if out.Policy, err = fixtures.ReadKeyPolicy(secret.Policy); err != nil {
			return fmt.Errorf("policy of secret %s: %w", secret.Name, err) // it was checked when it was set
		}
	}
	if secret.Scope != e.here {
		out.Account, out.Region = secret.Scope.Account, secret.Scope.Region
	}
	e.instance(secret.InstanceID, secret.Scope)
	out.Versions, err = e.secretVersions(tx, secret)
	e.out.Secrets = append(e.out.Secrets, out)
	return err
}

// secretVersions are those of a secret, oldest first, each with its stages and its
// value; as a ciphertext, where that cannot be opened any more. No date is before
// the one above, as after a clock was set back.
func (e *export) secretVersions(tx *store.Tx, secret store.Secret) (all []fixtures.SecretVersion, err error) {
	versions, err := tx.SecretVersionsPage(secret.Scope, secret.Name, 0, math.MaxInt)
	slices.Reverse(versions)
	latest := e.past(secret.CreationDate)
	for i, v := range versions {
		if date := e.past(v.CreationDate); i == 0 || date.After(latest) {
			latest = date
		}
		out := fixtures.SecretVersion{VersionID: v.ID, VersionStages: kms.StagesOf(secret, v.ID), CreationDate: e.date(latest)}
		if v.DataType != "text" {
			out.SecretDataType = v.DataType
		}
		if err := e.addValue(tx, v, &out); err != nil {
			return nil, err
		}
		all = append(all, out)
	}
	return all, err
}

func (e *export) addValue(tx *store.Tx, v store.SecretVersion, out *fixtures.SecretVersion) error {
	value, ok, err := kms.OpenValue(tx, v, e.now)
	if err != nil || ok {
		out.SecretData = value
		return err
	}
	sealed, err := tx.SecretValue(v.Scope, v.SecretName, v.ID)
	out.EncryptedSecretData = base64.StdEncoding.EncodeToString(sealed)
	return err
}
