package kms

import (
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

// resource is a key or a secret that a call names, as one that has tags.
type resource struct {
	key    keyName
	secret secretName // of no name: it is a key
}

// resourceID is the id of a key or the name of a secret, by the ResourceType
// beside it.
type resourceID string

// The resources that have tags here.
const (
	resourceKey    = "key"
	resourceSecret = "secret"
)

// resourcesRequest is embedded by the plural requests. RegionId has to be sent;
// as for every operation it is the host that tells the region.
type resourcesRequest struct {
	RegionId     string `required:"true"`
	ResourceType string `required:"true" oneof:"key secret"`
}

// resources are what a list names: ids of keys, neither aliases nor ARNs, or names
// of secrets.
func (in *resourcesRequest) resources(ids []resourceID) (all []resource, err error) {
	for _, id := range ids {
		name := keyName{id: string(id)}
		switch {
		case in.ResourceType == resourceSecret:
			all = append(all, resource{secret: secretName{name: string(id)}})
			continue
		case parseKeyName(string(id)).alias != "":
			return nil, kmserr.AliasNotAllowed
		}
		all = append(all, resource{key: name})
	}
	return all, nil
}

// changeTags changes the tags of keys or secrets; the call is about the first. The
// page "Impact of CMK status on API operations" has the states for TagResource and
// UntagResource; for their plurals, and for secrets, they are our choice.
func (tx *transaction) changeTags(resources []resource, change func(of map[string]string) error) (*struct{}, error) {
	for _, r := range resources {
		do := tx.changeTagsOfKey
		if r.secret.name != "" {
			do = tx.changeTagsOfSecret
		}
		if err := do(r, change); err != nil {
			return nil, err
		}
	}
	tx.setResource(resources[0])
	return &struct{}{}, nil
}

func (tx *transaction) changeTagsOfKey(r resource, change func(of map[string]string) error) error {
	key, err := tx.writableKey(r.key, kmserr.PendingDeletion)
	if err != nil {
		return err
	}
	if key.Tags == nil {
		key.Tags = map[string]string{}
	}
	if err := change(key.Tags); err != nil {
		return err
	}
	return tx.store.UpdateKey(key)
}

// changeTagsOfSecret is no update of the secret: its UpdateTime stays.
func (tx *transaction) changeTagsOfSecret(r resource, change func(of map[string]string) error) error {
	secret, err := tx.liveSecret(r.secret)
	if err != nil {
		return err
	}
	if secret.Tags == nil {
		secret.Tags = map[string]string{}
	}
	if err := change(secret.Tags); err != nil {
		return err
	}
	return tx.store.UpdateSecret(secret)
}

func (tx *transaction) setResource(r resource) {
	if r.secret.name != "" {
		tx.setSecret(tx.Scope, r.secret.name)
	} else {
		tx.setKey(tx.Scope, r.key.id)
	}
}

// tagged is a key or a secret with its tags.
type tagged struct {
	id   string
	tags map[string]string
}

// resourcesToList are the resources of a list, each once, by their ids; of an empty
// one all of a type that the account has in the region, for which RAM is asked as
// in ListKeys and ListSecrets.
func (tx *transaction) resourcesToList(kind string, resources []resource) (all []tagged, err error) {
	switch {
	case len(resources) > 0:
		all, err = tx.namedResources(resources)
	case kind == resourceSecret:
		all, err = tx.allSecrets()
	default:
		all, err = tx.allKeys()
	}
	slices.SortFunc(all, func(a, b tagged) int { return strings.Compare(a.id, b.id) })
	return slices.CompactFunc(all, func(a, b tagged) bool { return a.id == b.id }), err
}

func (tx *transaction) namedResources(resources []resource) (all []tagged, err error) {
	for _, r := range resources {
		if r.secret.name != "" {
			secret, err := tx.secret(r.secret)
			if err != nil {
				return nil, err
			}
			all = append(all, tagged{secret.Name, secret.Tags})
			continue
		}
		key, err := tx.key(r.key)
		if err != nil {
			return nil, err
		}
		all = append(all, tagged{key.ID, key.Tags})
	}
	tx.setResource(resources[0])
	return all, nil
}

func (tx *transaction) allKeys() (all []tagged, err error) {
	if err := tx.permit(ARN(tx.Scope, "key")); err != nil {
		return nil, err
	}
	for key, err := range tx.store.Keys(tx.Scope) {
		if err != nil {
			return nil, err
		}
		if !Gone(key, tx.Now) {
			all = append(all, tagged{key.ID, key.Tags})
		}
	}
	return all, nil
}

func (tx *transaction) allSecrets() (all []tagged, err error) {
	if err := tx.permit(ARN(tx.Scope, "secret")); err != nil {
		return nil, err
	}
	for secret, err := range tx.store.Secrets(tx.Scope) {
		if err != nil {
			return nil, err
		}
		if !SecretGone(secret, tx.Now) {
			all = append(all, tagged{secret.Name, secret.Tags})
		}
	}
	return all, nil
}

// tagMap is a list of tags as the store has them.
func tagMap(tags []tag) (of map[string]string) {
	for _, t := range tags {
		if of == nil {
			of = make(map[string]string, len(tags))
		}
		of[t.TagKey] = t.TagValue
	}
	return of
}
