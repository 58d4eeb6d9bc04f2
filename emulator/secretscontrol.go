package emulator

import (
	"math"
	"net/http"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// Secret is a secret as GET /_emulator/secrets tells it, in the words of scenarios:
// never its value. Dates are of the emulator's clock.
type Secret struct {
	SecretName        string            `json:"secretName"`
	ARN               string            `json:"arn"`
	Account           string            `json:"account"`
	Region            string            `json:"region"`
	SecretType        string            `json:"secretType"`
	Description       string            `json:"description"`
	EncryptionKeyID   string            `json:"encryptionKeyId"` // "": the account's own
	DKMSInstanceID    string            `json:"dkmsInstanceId"`  // "": none
	CreateTime        time.Time         `json:"createTime"`
	UpdateTime        time.Time         `json:"updateTime"`
	PlannedDeleteTime time.Time         `json:"plannedDeleteTime,omitzero"` // zero unless it is in its recovery window
	Tags              map[string]string `json:"tags"`
	Versions          []SecretVersion   `json:"versions"` // oldest first
}

// SecretVersion is a version of a Secret.
type SecretVersion struct {
	VersionID      string    `json:"versionId"`
	SecretDataType string    `json:"secretDataType"` // "text" or "binary"
	VersionStages  []string  `json:"versionStages"`
	CreationDate   time.Time `json:"creationDate"`
}

type shownSecrets struct {
	Count   int      `json:"count"`
	Secrets []Secret `json:"secrets"`
}

// showSecrets answers all secrets of one moment, of every account and region, as
// they would be listed there. Like keys, they are collected in memory.
func (s *Server) showSecrets(r *http.Request, _ []byte) (any, error) {
	if r.URL.RawQuery != "" {
		return nil, fixtures.Problems{{Message: "secrets takes no query: it answers all of them"}}
	}
	all := []Secret{}
	err := s.kms.Store.View(func(tx *store.Tx) error {
		now := s.clock.now()
		return kms.EachSecret(tx, func(secret store.Secret) error {
			if kms.SecretGone(secret, now) {
				return nil
			}
			shown, err := shownSecret(tx, secret)
			all = append(all, shown)
			return err
		})
	})
	return shownSecrets{len(all), all}, err
}

func shownSecret(tx *store.Tx, secret store.Secret) (Secret, error) {
	shown := Secret{
		SecretName:        secret.Name,
		ARN:               kms.SecretARN(secret.Scope, secret.Name),
		Account:           secret.Scope.Account,
		Region:            secret.Scope.Region,
		SecretType:        secret.Type,
		Description:       secret.Description,
		EncryptionKeyID:   secret.EncryptionKeyID,
		DKMSInstanceID:    secret.InstanceID,
		CreateTime:        secret.CreationDate,
		UpdateTime:        secret.UpdateDate,
		PlannedDeleteTime: secret.DeleteDate,
		Tags:              secret.Tags,
	}
	if shown.Tags == nil {
		shown.Tags = map[string]string{}
	}
	versions, err := tx.SecretVersionsPage(secret.Scope, secret.Name, 0, math.MaxInt)
	shown.Versions = make([]SecretVersion, len(versions))
	for i, v := range versions { // the last added first
		shown.Versions[len(versions)-1-i] = SecretVersion{v.ID, v.DataType, kms.StagesOf(secret, v.ID), v.CreationDate}
	}
	return shown, err
}
