package conformance

import (
	"fmt"
	"testing"
)

// Accounts part keys: another account's key is used where the key's own policy
// and the caller's RAM policy allow it, and never managed.

const otherAccount = "9999999999999999"

// The keys of accountsScenario, all of the account that is not told.
const (
	closedKey    = "key-hzz000000000000000c01"
	openKey      = "key-hzz000000000000000c02"
	openRSAKey   = "key-hzz000000000000000c03"
	openRSAFirst = "2ab1a983-7072-4bbc-a582-584b5bd80c03"
)

// accountsScenario has callers of the keys' account and of another one: who may
// do all, and who may only encrypt with one key.
var accountsScenario = fmt.Sprintf(`
credentials:
  - {accessKeyId: owner, accessKeySecret: owner-secret}
  - {accessKeyId: guest, accessKeySecret: guest-secret, account: %[1]q}
  - accessKeyId: clerk
    accessKeySecret: clerk-secret
    account: %[1]q
    policy: {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "acs:kms:*:*:key/%[3]s"}]}
keys:
  - {keyId: %[2]s, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}
  - keyId: %[3]s
    keySpec: Aliyun_AES_256
    keyUsage: ENCRYPT/DECRYPT
    policy: {"Version": "1", "Statement": [
      {"Effect": "Allow", "Principal": {"RAM": ["acs:ram::%[1]s:*"]}, "Action": ["kms:*"], "Resource": ["*"]},
      {"Effect": "Deny", "Principal": {"RAM": ["acs:ram::%[1]s:*"]}, "Action": ["kms:GenerateDataKeyWithoutPlaintext"], "Resource": ["*"]}]}
  - keyId: %[4]s
    keySpec: RSA_2048
    keyUsage: ENCRYPT/DECRYPT
    versions: [{keyVersionId: %[5]s}]
    policy: {"Version": "1", "Statement": [{"Effect": "Allow", "Principal": {"RAM": ["acs:ram::%[1]s:root"]}, "Action": ["kms:AsymmetricEncrypt"], "Resource": ["*"]}]}
`, otherAccount, closedKey, openKey, openRSAKey, openRSAFirst)

// forbiddenFor is what a caller is told who may not use a key.
func forbiddenFor(key string) refusal {
	return refusal{403, "Forbidden.NoPermission", "This operation for " + arn + "key/" + key + " is forbidden by permission system."}
}

// eachVisit runs a test with a caller of the keys' account, one of another, and
// one of that who may only encrypt, by each SDK.
func eachVisit(t *testing.T, test func(owner, guest, clerk *conversation)) {
	endpoint := startScenario(t, accountsScenario)
	tea := func(t *testing.T, name string) *conversation {
		return connect(t, as(config(endpoint, signingV3), name, name+"-secret", "")).converse(endpoint)
	}
	classic := func(t *testing.T, name string) *conversation {
		sdk := classicSDK{connectClassic(t, endpoint, name, name+"-secret"), endpoint}
		return &conversation{t: t, sdk: sdk, endpoint: endpoint, called: map[string]bool{}}
	}
	for name, by := range map[string]func(*testing.T, string) *conversation{"v3": tea, "classic": classic} {
		t.Run(name, func(t *testing.T) { test(by(t, "owner"), by(t, "guest"), by(t, "clerk")) })
	}
}

func ofKey(id string) parameters { return parameters{"KeyId": arn + "key/" + id} }

func TestAKeyWithoutPolicyIsForItsOwnAccountAlone(t *testing.T) {
	eachVisit(t, func(owner, guest, _ *conversation) {
		blob := symmetricRoundTrip(owner, closedKey, closedKey, "测试消息", nil)
		want := forbiddenFor(closedKey)
		guest.refuse(want, "Encrypt", ofKey(closedKey).and(parameters{"Plaintext": "text"}))
		guest.refuse(want, "Decrypt", parameters{"CiphertextBlob": blob})
		guest.refuse(want, "GenerateDataKey", ofKey(closedKey))
		guest.refuse(want, "DescribeKey", ofKey(closedKey))
		guest.refuse(want, "ListKeyVersions", ofKey(closedKey))
		guest.refuse(want, "ReEncrypt", parameters{"CiphertextBlob": blob, "DestinationKeyId": guest.newKey(nil)})
		guest.refuse(refusal{403, "AccessDeniedError", "The request would have been refused by the permission system."},
			"Encrypt", ofKey(closedKey).and(parameters{"Plaintext": "text", "DryRun": "true"}))
		guest.refuse(keyNotFound, "Encrypt", parameters{"KeyId": closedKey, "Plaintext": "text"}) // of its own account
	})
}

func TestAKeyIsUsedWhereItsPolicyAndTheCallersAllowIt(t *testing.T) {
	eachVisit(t, func(owner, guest, clerk *conversation) {
		sealed := guest.call("Encrypt", ofKey(openKey).and(parameters{"Plaintext": "测试消息"}))
		equal(t, "KeyId", sealed.text("KeyId"), openKey)
		blob := parameters{"CiphertextBlob": sealed.text("CiphertextBlob")}
		for _, c := range []*conversation{guest, owner} {
			equal(t, "Plaintext", c.call("Decrypt", blob).text("Plaintext"), "测试消息")
		}
		equal(t, "Arn", guest.call("DescribeKey", ofKey(openKey)).at("KeyMetadata").text("Arn"), arn+"key/"+openKey)
		guest.call("GenerateDataKey", ofKey(openKey))
		own := guest.newKey(nil)
		again := guest.call("ReEncrypt", blob.and(parameters{"DestinationKeyId": own}))
		equal(t, "encrypted anew with a key of its own", opened(guest, again, nil), "测试消息")
		owner.refuse(forbiddenIn(otherAccount, own), "Decrypt", parameters{"CiphertextBlob": again.text("CiphertextBlob")})

		clerk.call("Encrypt", ofKey(openKey).and(parameters{"Plaintext": "text"}))
		clerk.refuse(forbiddenFor(openKey), "Decrypt", blob)
		clerk.refuse(forbiddenFor(openKey), "GenerateDataKey", ofKey(openKey))
	})
}

// forbiddenIn is forbiddenFor a key of another account than usual.
func forbiddenIn(account, key string) refusal {
	return refusal{403, "Forbidden.NoPermission", "This operation for acs:kms:" + region + ":" + account + ":key/" + key + " is forbidden by permission system."}
}

func TestAPolicyAllowsWhatItSaysAndNoMore(t *testing.T) {
	eachVisit(t, func(_, guest, _ *conversation) {
		in := ofKey(openRSAKey).and(parameters{"KeyVersionId": openRSAFirst, "Algorithm": "RSAES_OAEP_SHA_256"})
		sealed := guest.call("AsymmetricEncrypt", in.and(parameters{"Plaintext": "YQ=="}))
		guest.refuse(forbiddenFor(openRSAKey), "AsymmetricDecrypt", in.and(parameters{"CiphertextBlob": sealed.text("CiphertextBlob")}))
		guest.refuse(forbiddenFor(openRSAKey), "ListKeyVersions", ofKey(openRSAKey))
	})
}

// TestAKeyOfAnotherAccountIsNeverManaged: its policy allows kms:*.
func TestAKeyOfAnotherAccountIsNeverManaged(t *testing.T) {
	eachVisit(t, func(owner, guest, _ *conversation) {
		protection := parameters{"ProtectedResourceArn": arn + "key/" + openKey, "EnableDeletionProtection": true}
		guest.refuse(forbiddenFor(openKey), "SetDeletionProtection", protection)
		equal(t, "DeletionProtection", owner.metadata(openKey).text("DeletionProtection"), "Disabled")
		owner.call("SetDeletionProtection", protection)
		owner.call("SetDeletionProtection", protection.and(parameters{"EnableDeletionProtection": false}))
	})
}

func TestWithoutCredentialsNobodyIsAskedForPermission(t *testing.T) {
	endpoint := startScenario(t, "keys: [{keyId: "+closedKey+", account: \""+otherAccount+"\", keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}]")
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	sealed := c.call("Encrypt", parameters{"KeyId": "acs:kms:" + region + ":" + otherAccount + ":key/" + closedKey, "Plaintext": "测试消息"})
	equal(t, "Plaintext", opened(c, sealed, nil), "测试消息")
}
