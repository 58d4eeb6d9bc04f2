package emulator

import (
	"errors"
	"regexp"
	"strings"

	"github.com/alikms/alikms/store"
)

var aliasOperations = []operation{
	write("CreateAlias", "Gives a key one more name.", createAlias),
	write("UpdateAlias", "Moves an alias to another key.", updateAlias),
	write("DeleteAlias", "Removes an alias; the key stays.", deleteAlias),
	read("ListAliases", "Lists the aliases of the account in the region.", listAliases).on("alias"),
	read("ListAliasesByKeyId", "Lists the aliases of a key.", listAliasesByKeyID),
}

// aliasSyntax is kms-api.md 2.12: 1 to 255 characters after the prefix.
var aliasSyntax = regexp.MustCompile(`^alias/[A-Za-z0-9_/-]{1,255}$`)

// reservedAliases begin the names of the service's own keys.
const reservedAliases = "alias/acs"

type aliasRequest struct {
	KeyId     keyName `required:"true"`
	AliasName string  `required:"true"`
}

// permitAlias asks for permission on an alias, when its name can be one at all.
func (c *call) permitAlias(name string) error {
	if !aliasSyntax.MatchString(name) {
		return errInvalidParameter.of("AliasName")
	}
	return c.permit(aliasARN(c.scope, name))
}

func createAlias(c *call, in *aliasRequest) (*struct{}, error) {
	if strings.HasPrefix(in.AliasName, reservedAliases) {
		return nil, errInvalidParameter.of("AliasName")
	}
	if err := c.permitAlias(in.AliasName); err != nil {
		return nil, err
	}
	key, err := c.writableKey(in.KeyId, errStateModifiedFailed)
	if err != nil {
		return nil, err
	}
	if err := c.roomForAlias(); err != nil {
		return nil, err
	}
	err = c.tx.InsertAlias(store.Alias{Scope: c.scope, Name: in.AliasName, KeyID: key.ID, CreationDate: c.now})
	if errors.Is(err, store.ErrExists) {
		err = errAliasExists.of()
	}
	return &struct{}{}, err
}

// updateAlias minds the state of the new key only (kms-api.md 1.3).
func updateAlias(c *call, in *aliasRequest) (*struct{}, error) {
	if err := c.permitAlias(in.AliasName); err != nil {
		return nil, err
	}
	key, err := c.writableKey(in.KeyId, errPendingDeletion)
	if err != nil {
		return nil, err
	}
	alias, err := c.alias(c.scope, in.AliasName)
	if err != nil {
		return nil, err
	}
	alias.KeyID = key.ID
	return &struct{}{}, c.tx.UpdateAlias(alias)
}

type deleteAliasRequest struct {
	AliasName string `required:"true"`
}

// deleteAlias needs permission on the alias and on its key.
func deleteAlias(c *call, in *deleteAliasRequest) (*struct{}, error) {
	if err := c.permitAlias(in.AliasName); err != nil {
		return nil, err
	}
	if _, err := c.key(keyName{alias: in.AliasName}); err != nil {
		return nil, err
	}
	return &struct{}{}, c.tx.DeleteAlias(c.scope, in.AliasName)
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
		out.Aliases.Alias = append(out.Aliases.Alias, listedAlias{alias.Name, aliasARN(alias.Scope, alias.Name), alias.KeyID})
	}
	return out
}

// listAliases leaves out the aliases of keys that are gone.
func listAliases(c *call, in *pageRequest) (*listAliasesResponse, error) {
	if err := c.permit(containerARN(c.scope, "alias")); err != nil {
		return nil, err
	}
	due, err := c.due()
	if err != nil {
		return nil, err
	}
	counts, err := c.counts()
	if err != nil {
		return nil, err
	}
	aliases, err := c.tx.AliasesPage(c.scope, in.skip(), in.PageSize, due)
	return listedAliases(aliases, in.of(counts.Aliases)), err
}

type listAliasesByKeyIDRequest struct {
	KeyId keyName `required:"true" names:"arn"`
	pageRequest
}

func listAliasesByKeyID(c *call, in *listAliasesByKeyIDRequest) (*listAliasesResponse, error) {
	key, err := c.key(in.KeyId)
	if err != nil {
		return nil, err
	}
	aliases, err := c.tx.AliasesOfKeyPage(key.Scope, key.ID, in.skip(), in.PageSize)
	return listedAliases(aliases, in.of(key.Aliases)), err
}
