package kms

import (
	"errors"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var aliasOperations = []Operation{
	write("CreateAlias", "Gives a key one more name.", createAlias),
	write("UpdateAlias", "Moves an alias to another key.", updateAlias),
	write("DeleteAlias", "Removes an alias; the key stays.", deleteAlias),
	read("ListAliases", "Lists the aliases of the account in the region.", listAliases).resource("alias"),
	read("ListAliasesByKeyId", "Lists the aliases of a key.", listAliasesByKeyID),
}

type aliasRequest struct {
	KeyId     keyName `required:"true"`
	AliasName string  `required:"true"`
}

// permitAlias asks for permission on an alias, when its name can be one at all
// and is none of KMS's own.
func (tx *transaction) permitAlias(name string) error {
	if !fixtures.ValidAlias(name) || fixtures.ReservedAlias(name) {
		return kmserr.InvalidParameter("AliasName")
	}
	return tx.permit(ARN(tx.Scope, name))
}

func createAlias(tx *transaction, in *aliasRequest) (*struct{}, error) {
	if err := tx.permitAlias(in.AliasName); err != nil {
		return nil, err
	}
	key, err := tx.writableKey(in.KeyId, kmserr.StateModifiedFailed)
	if err != nil {
		return nil, err
	}
	if err := tx.roomForAlias(); err != nil {
		return nil, err
	}
	err = tx.store.InsertAlias(store.Alias{Scope: tx.Scope, Name: in.AliasName, KeyID: key.ID, CreationDate: tx.Now})
	if errors.Is(err, store.ErrExists) {
		err = kmserr.AliasExists
	}
	return &struct{}{}, err
}

// updateAlias minds the state of the new key only.
func updateAlias(tx *transaction, in *aliasRequest) (*struct{}, error) {
	if err := tx.permitAlias(in.AliasName); err != nil {
		return nil, err
	}
	key, err := tx.writableKey(in.KeyId, kmserr.PendingDeletion)
	if err != nil {
		return nil, err
	}
	alias, err := tx.alias(tx.Scope, in.AliasName)
	if err != nil {
		return nil, err
	}
	alias.KeyID = key.ID
	return &struct{}{}, tx.store.UpdateAlias(alias)
}

type deleteAliasRequest struct {
	AliasName string `required:"true"`
}

// deleteAlias needs permission on the alias and on its key.
func deleteAlias(tx *transaction, in *deleteAliasRequest) (*struct{}, error) {
	if err := tx.permitAlias(in.AliasName); err != nil {
		return nil, err
	}
	if _, err := tx.key(keyName{alias: in.AliasName}); err != nil {
		return nil, err
	}
	return &struct{}{}, tx.store.DeleteAlias(tx.Scope, in.AliasName)
}

type listedAlias struct{ AliasName, AliasArn, KeyId string }

type listAliasesResponse struct {
	Aliases struct{ Alias []listedAlias }
	page
}

func listedAliases(aliases []store.Alias, p page) *listAliasesResponse {
	out := &listAliasesResponse{page: p}
	out.Aliases.Alias = make([]listedAlias, 0, len(aliases))
	for _, alias := range aliases {
		out.Aliases.Alias = append(out.Aliases.Alias, listedAlias{alias.Name, ARN(alias.Scope, alias.Name), alias.KeyID})
	}
	return out
}

// listAliases leaves out the aliases of keys that are gone.
func listAliases(tx *transaction, in *pageRequest) (*listAliasesResponse, error) {
	if err := tx.permit(ARN(tx.Scope, "alias")); err != nil {
		return nil, err
	}
	due, err := tx.due()
	if err != nil {
		return nil, err
	}
	counts, err := tx.counts()
	if err != nil {
		return nil, err
	}
	aliases, err := tx.store.AliasesPage(tx.Scope, in.skip(), in.PageSize, due)
	return listedAliases(aliases, in.of(counts.Aliases)), err
}

type listAliasesByKeyIDRequest struct {
	KeyId keyName `required:"true" names:"arn"`
	pageRequest
}

func listAliasesByKeyID(tx *transaction, in *listAliasesByKeyIDRequest) (*listAliasesResponse, error) {
	key, err := tx.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	aliases, err := tx.store.AliasesOfKeyPage(key.Scope, key.ID, in.skip(), in.PageSize)
	return listedAliases(aliases, in.of(key.Aliases)), err
}
