package kms

import (
	"maps"
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// secretTags are the tags of a secret, as answers have them.
type secretTags struct{ Tag []tag }

// tagsOf are the tags of a secret by their keys; nil unless they are asked for.
func tagsOf(secret store.Secret, asked bool) *secretTags {
	if !asked {
		return nil
	}
	out := &secretTags{Tag: make([]tag, 0, len(secret.Tags))}
	for _, key := range slices.Sorted(maps.Keys(secret.Tags)) {
		out.Tag = append(out.Tag, tag{key, secret.Tags[key]})
	}
	return out
}

type listSecretsRequest struct {
	FetchTags bool
	pageRequest
	Filters []keyFilter `max:"10"`
}

type listSecretsResponse struct {
	SecretList struct{ Secret []listedSecret }
	page
}

type listedSecret struct {
	SecretName        string
	SecretType        string
	CreateTime        string
	UpdateTime        string
	PlannedDeleteTime string      `json:",omitempty"`
	Tags              *secretTags `json:",omitempty"`
}

// listSecrets lists secrets in their recovery window too.
func listSecrets(tx *transaction, in *listSecretsRequest) (*listSecretsResponse, error) {
	if !validFilters(in.Filters, secretFilters) {
		return nil, kmserr.InvalidParameter("Filters")
	}
	if err := tx.permit(ARN(tx.Scope, "secret")); err != nil {
		return nil, err
	}
	secrets, page, err := tx.pageOfSecrets(in.pageRequest, in.Filters)
	out := &listSecretsResponse{page: page}
	out.SecretList.Secret = make([]listedSecret, 0, len(secrets))
	for _, s := range secrets {
		out.SecretList.Secret = append(out.SecretList.Secret, listedSecret{
			s.Name, s.Type, wireTime(s.CreationDate), wireTime(s.UpdateDate), wireTime(s.DeleteDate), tagsOf(s, in.FetchTags)})
	}
	return out, err
}

// secretFilters say of each filter key whether a secret has a value of it. Names
// and descriptions are compared by how they begin: the page "Overview of default
// secrets" finds those of a product by the beginning of their names.
var secretFilters = map[string]func(store.Secret, string) bool{
	"SecretName":     func(s store.Secret, value string) bool { return strings.HasPrefix(s.Name, value) },
	"Description":    func(s store.Secret, value string) bool { return strings.HasPrefix(s.Description, value) },
	"DKMSInstanceId": func(s store.Secret, value string) bool { return s.InstanceID == value },
	"SecretType":     func(s store.Secret, value string) bool { return strings.EqualFold(s.Type, value) },
	"Creator":        func(s store.Secret, value string) bool { return s.Scope.Account == value },
	"TagKey": func(s store.Secret, value string) bool {
		_, ok := s.Tags[value]
		return ok
	},
	"TagValue": func(s store.Secret, value string) bool {
		return slices.Contains(slices.Collect(maps.Values(s.Tags)), value)
	},
}

// pageOfSecrets is a page of the secrets that pass the filters. Without filters
// it reads the secrets of the page only.
func (tx *transaction) pageOfSecrets(in pageRequest, filters []keyFilter) ([]store.Secret, page, error) {
	if len(filters) > 0 {
		return tx.pageOfFilteredSecrets(in, merged(filters))
	}
	due, err := tx.store.DueSecrets(tx.Scope, tx.Now)
	if err != nil {
		return nil, page{}, err
	}
	counts, err := tx.store.Counts(tx.Scope)
	if err != nil {
		return nil, page{}, err
	}
	hidden := make(map[string]bool, len(due))
	for _, name := range due {
		hidden[name] = true
	}
	secrets, err := tx.store.SecretsPage(tx.Scope, in.skip(), in.PageSize, hidden)
	return secrets, in.of(counts.Secrets - len(due)), err
}

func (tx *transaction) pageOfFilteredSecrets(in pageRequest, filters map[string][]string) (found []store.Secret, p page, err error) {
	total := 0
	for secret, err := range tx.store.Secrets(tx.Scope) {
		if err != nil {
			return nil, p, err
		}
		if SecretGone(secret, tx.Now) || !secretPasses(secret, filters) {
			continue
		}
		if total >= in.skip() && len(found) < in.PageSize {
			found = append(found, secret)
		}
		total++
	}
	return found, in.of(total), nil
}

// secretPasses reports whether a secret has one of the values of every filter key.
func secretPasses(secret store.Secret, filters map[string][]string) bool {
	for name, wanted := range filters {
		if !slices.ContainsFunc(wanted, func(value string) bool { return secretFilters[name](secret, value) }) {
			return false
		}
	}
	return true
}
