package emulator

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// Key is a key as GET /_emulator/keys tells it, in the words of scenarios: all but
// what it is made of. Dates are of the emulator's clock.
type Key struct {
	KeyID              string            `json:"keyId"`
	ARN                string            `json:"arn"`
	Account            string            `json:"account"`
	Region             string            `json:"region"`
	KeySpec            string            `json:"keySpec"`
	KeyUsage           string            `json:"keyUsage"`
	Origin             string            `json:"origin"`
	KeyState           string            `json:"keyState"`
	Description        string            `json:"description"`
	CreationDate       time.Time         `json:"creationDate"`
	DeleteDate         time.Time         `json:"deleteDate,omitzero"` // zero unless deletion is pending
	DeletionProtection string            `json:"deletionProtection"`  // "Enabled" or "Disabled"
	DKMSInstanceID     string            `json:"dkmsInstanceId"`      // "": none
	Tags               map[string]string `json:"tags"`
	Aliases            []string          `json:"aliases"`
	MaterialExpireTime time.Time         `json:"materialExpireTime,omitzero"` // zero: never
	RotationInterval   string            `json:"rotationInterval,omitempty"`  // "": no rotation
	NextRotation       time.Time         `json:"nextRotation,omitzero"`       // zero: none is due
	Creator            string            `json:"creator,omitempty"`           // "": the account; else the service that made it
	Versions           []KeyVersion      `json:"versions"`                    // oldest first
}

// KeyVersion is a version of a Key.
type KeyVersion struct {
	KeyVersionID string    `json:"keyVersionId"`
	CreationDate time.Time `json:"creationDate"`
	Primary      bool      `json:"primary"` // that a symmetric key encrypts with
}

type shownKeys struct {
	Count int   `json:"count"`
	Keys  []Key `json:"keys"`
}

// showKeys answers all keys of one moment, of every account and region, as they
// would be listed there. It is made in memory: a client that reads slowly must not
// hold a transaction open.
func (s *Server) showKeys(r *http.Request, _ []byte) (any, error) {
	if r.URL.RawQuery != "" {
		return nil, fixtures.Problems{{Message: "keys takes no query: it answers all of them"}}
	}
	all := []Key{}
	err := s.kms.Store.View(func(tx *store.Tx) error {
		now := s.clock.now()
		return kms.EachKey(tx, func(kept store.Key) error {
			if kms.Gone(kept, now) {
				return nil
			}
			key, err := shownKey(tx, kms.Settled(kept, now))
			all = append(all, key)
			return err
		})
	})
	return shownKeys{len(all), all}, err
}

func shownKey(tx *store.Tx, key store.Key) (Key, error) {
	shown := Key{
		KeyID:              key.ID,
		ARN:                kms.KeyARN(key.Scope, key.ID),
		Account:            key.Scope.Account,
		Region:             key.Scope.Region,
		KeySpec:            key.Spec,
		KeyUsage:           key.Usage,
		Origin:             key.Origin,
		KeyState:           key.State,
		Description:        key.Description,
		CreationDate:       key.CreationDate,
		DeleteDate:         key.DeleteDate,
		DeletionProtection: "Disabled",
		DKMSInstanceID:     key.InstanceID,
		Tags:               key.Tags,
		Aliases:            []string{},
		MaterialExpireTime: key.MaterialExpireTime,
		NextRotation:       key.NextRotation,
		Creator:            key.Creator,
	}
	if key.DeletionProtection {
		shown.DeletionProtection = "Enabled"
	}
	if key.Tags == nil {
		shown.Tags = map[string]string{}
	}
	if key.RotationInterval > 0 {
		shown.RotationInterval = kms.Interval(key.RotationInterval)
	}
	return shown, shown.addRecords(tx, key)
}

// addRecords adds the aliases and versions of a key.
func (k *Key) addRecords(tx *store.Tx, key store.Key) error {
	aliases, err := tx.AliasesOfKeyPage(key.Scope, key.ID, 0, math.MaxInt)
	if err != nil {
		return err
	}
	slices.SortFunc(aliases, func(a, b store.Alias) int {
		return cmp.Or(a.CreationDate.Compare(b.CreationDate), cmp.Compare(a.Name, b.Name))
	})
	for _, a := range aliases {
		k.Aliases = append(k.Aliases, a.Name)
	}
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, math.MaxInt)
	slices.Reverse(versions)
	for _, v := range versions {
		k.Versions = append(k.Versions, KeyVersion{v.ID, v.CreationDate, v.ID == key.PrimaryVersion})
	}
	return err
}
