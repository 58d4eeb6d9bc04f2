package emulator

import (
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/auth"
)

// keyPolicy is a statement of a key policy, in a scenario.
func keyPolicy(effect, principal, action string) string {
	return "{Effect: " + effect + ", Principal: {RAM: [\"" + principal + "\"]}, Action: [\"" + action + "\"], Resource: [\"*\"]}"
}

const otherAccount = "acs:ram::2222222222222222:*"

// Of another account's key, the key's own policy and the caller's RAM policy
// have to allow an action, by the key's ARN and by its ciphertext.
func TestAnotherAccountsKeyIsUsedWhereBothPoliciesAllow(t *testing.T) {
	for _, c := range []struct {
		name, key, ram string
		encrypts       bool
		decrypts       bool
	}{
		{"all", keyPolicy("Allow", otherAccount, "kms:*"), "", true, true},
		{"the account's root", keyPolicy("Allow", "acs:ram::2222222222222222:root", "kms:*"), "", true, true},
		{"one action", keyPolicy("Allow", otherAccount, "kms:Decrypt"), "", false, true},
		{"in any case", keyPolicy("Allow", otherAccount, "KMS:decrypt"), "", false, true},
		{"deny wins", keyPolicy("Allow", otherAccount, "kms:*") + "," + keyPolicy("Deny", otherAccount, "kms:Decrypt"), "", true, false},
		{"a third account", keyPolicy("Allow", "acs:ram::3333333333333333:*", "kms:*"), "", false, false},
		{"a RAM user, which grants nothing", keyPolicy("Allow", "acs:ram::2222222222222222:user/bob", "kms:*"), "", false, false},
		{"the caller's policy is narrower", keyPolicy("Allow", otherAccount, "kms:*"), allow("kms:Encrypt", "*"), true, false},
		{"the caller's policy is about another key", keyPolicy("Allow", otherAccount, "kms:*"), allow("kms:*", "acs:kms:*:*:key/other"), false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t, holding(t, clockAlone+`
keys:
  - {keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, policy: {Version: "1", Statement: [`+c.key+`]}}
`))
			blob := s.seal("key-a", "text")
			other := auth.Credential{Secret: "s", Account: "2222222222222222"}
			if c.ram != "" {
				document := scenarioOf(t, "credentials: [{accessKeyId: other, accessKeySecret: s, account: '2222222222222222', policy: {Version: '1', Statement: ["+c.ram+"]}}]")
				loaded, problems := interpret(document, s.scope, nil, s.clock.now())
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				other = loaded.credentials["other"]
			}
			s.know(map[string]auth.Credential{"other": other})
			expected := map[bool]string{true: "", false: "Forbidden.NoPermission"}
			s.expectForeign(expected[c.encrypts], "Encrypt", "KeyId", arnPrefix+"key/key-a", "Plaintext", "text")
			s.expectForeign(expected[c.decrypts], "Decrypt", "CiphertextBlob", blob)
		})
	}
}

func TestAPrincipalThatGrantsNothingIsNoted(t *testing.T) {
	document := scenarioOf(t, `keys: [{keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, policy: {Version: "1", Statement: [`+
		keyPolicy("Allow", otherAccount, "kms:*")+", "+keyPolicy("Allow", "acs:ram::2222222222222222:user/bob", "kms:*")+"]}}]")
	notes := Notes(document, "1234567890123456", "cn-hangzhou", time.Now())
	if len(notes) != 1 || !strings.Contains(notes[0].Error(), "keys[0].policy.Statement[1].Principal.RAM: \"acs:ram::2222222222222222:user/bob\" is kept and grants nothing") {
		t.Errorf("%v", notes)
	}
}
