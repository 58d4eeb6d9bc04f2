package kms

import (
	"encoding/json"
	"strings"

	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// aliasPrefix begins the name of every alias.
const aliasPrefix = "alias/"

// keyName is what a KeyId parameter says: a key id, an alias, or the ARN of
// either.
type keyName struct {
	id    string // of a key, where it is not named by its alias
	alias string // with its prefix
	arn   bool
	scope store.Scope // of an ARN
}

// parseKeyName takes any text. What is no ARN and no alias is an id, which may
// well be unknown.
func parseKeyName(text string) keyName {
	if strings.HasPrefix(text, aliasPrefix) {
		return keyName{alias: text}
	}
	parts := strings.SplitN(text, ":", 5)
	if len(parts) < 5 || parts[0] != "acs" || parts[1] != "kms" {
		return keyName{id: text}
	}
	name := keyName{arn: true, scope: store.Scope{Region: parts[2], Account: parts[3]}}
	if strings.HasPrefix(parts[4], aliasPrefix) {
		name.alias = parts[4]
	} else if id, ok := strings.CutPrefix(parts[4], "key/"); ok {
		name.id = id
	} else {
		name.id = text
	}
	return name
}

// ARN is the name of a resource, like key/KEYID or alias/NAME: the alias/ of an
// alias is not doubled.
func ARN(s store.Scope, resource string) string {
	return "acs:kms:" + s.Region + ":" + s.Account + ":" + resource
}

// KeyARN is the ARN of a key.
func KeyARN(s store.Scope, id string) string { return ARN(s, "key/"+id) }

// secretName is what a SecretName parameter says: a name, or the ARN of a secret.
type secretName struct {
	name  string
	arn   bool
	scope store.Scope // of an ARN
}

// newSecretName is the name of a secret that is to be made.
type newSecretName string

// parseSecretName takes any text. What is no ARN, or must not be one, is a name,
// which may well be unknown.
func parseSecretName(text string, mayBeARN bool) secretName {
	parts := strings.SplitN(text, ":", 5)
	if !mayBeARN || len(parts) < 5 || parts[0] != "acs" || parts[1] != "kms" {
		return secretName{name: text}
	}
	name, ok := strings.CutPrefix(parts[4], "secret/")
	if !ok {
		return secretName{name: text}
	}
	return secretName{name, true, store.Scope{Region: parts[2], Account: parts[3]}}
}

// in is the scope of the secret, for a call in a scope of its own.
func (n secretName) in(here store.Scope) store.Scope {
	if n.arn {
		return n.scope
	}
	return here
}

// SecretARN is the ARN of a secret.
func SecretARN(s store.Scope, name string) string { return ARN(s, "secret/"+name) }

// NamedSecret is the ARN of a secret by its name, which is one of the scope given,
// or by its ARN. Whether there is one is not asked.
func NamedSecret(here store.Scope, text string) (arn string, ok bool) {
	name := parseSecretName(text, true)
	return SecretARN(name.in(here), name.name), fixtures.ValidSecretName(name.name)
}

// FindSecretOf notes in a call the secret that its parameters name, if they name
// one; of a list it is the first. Whether there is one is not asked.
func FindSecretOf(c *Call, op *Operation, sent map[string]string) {
	if !op.TakesSecret() {
		return
	}
	text := sent["SecretName"]
	if sent["ResourceType"] == resourceSecret {
		text = sent["ResourceId.1"]
	}
	var list []askedSecret
	if listed := sent["SecretsList"]; listed != "" && json.Unmarshal([]byte(listed), &list) == nil && len(list) > 0 {
		text = list[0].SecretName
	}
	if text == "" {
		return
	}
	name := parseSecretName(text, true)
	c.setSecret(name.in(c.Scope), name.name)
}
