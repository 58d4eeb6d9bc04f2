package conformance

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// topic is a conversation that every SDK has to be able to hold, with an alikms
// of its own that has instanceScenario. refused has calls that are refused.
type topic struct {
	name    string
	hold    func(*conversation)
	refused func(*conversation) []refusedCall
}

var topics = []topic{
	{"keys, versions and aliases", keysAndAliases, nil},
	{"texts encrypted with symmetric keys", symmetricTexts, textRefusals},
	{"data keys", dataKeys, dataKeyRefusals},
	{"data keys exported", exportedDataKeys, exportRefusals},
	{"ciphertext encrypted anew", reEncryptions, reEncryptionRefusals},
	{"imported key material", importedMaterial, importRefusals},
	{"rotation", rotations, rotationRefusals},
	{"tags", tags, tagRefusals},
	{"key policies", keyPolicies, keyPolicyRefusals},
	{"secrets", secrets, secretRefusals},
}

// refusedCall is a call and the error it has to meet.
type refusedCall struct {
	name   string
	want   refusal
	action string
	in     parameters
}

func (topic topic) holdRefused(c *conversation) {
	if topic.refused == nil {
		return
	}
	for _, r := range topic.refused(c) {
		c.t.Run(r.name, func(t *testing.T) {
			of := *c
			of.t = t
			of.refuse(r.want, r.action, r.in)
		})
	}
}

const (
	instance = "kst-hzz65f176a0ogplgq0001"
	// instanceScenario has an instance whose keys the shared gateway serves too.
	instanceScenario = "instances: [{instanceId: " + instance + ", publicAccess: true}]\n"
	// intruderScenario lets one caller do all, and one nothing.
	intruderScenario = `
credentials:
  - {accessKeyId: testid, accessKeySecret: testsecret}
  - {accessKeyId: intruder, accessKeySecret: other-secret, policy: {"Version": "1", "Statement": []}}
`
)

// newKey creates a key and returns its id.
func (c *conversation) newKey(in parameters) (id string) {
	c.t.Helper()
	return c.call("CreateKey", in).at("KeyMetadata").text("KeyId")
}

func (c *conversation) metadata(key string) answer {
	c.t.Helper()
	return c.call("DescribeKey", parameters{"KeyId": key}).at("KeyMetadata")
}

// control asks one of the controls.
func (c *conversation) control(method, path, body string) answer {
	c.t.Helper()
	text := alikms.Control(c.t, c.endpoint, method, path, body)
	var out answer
	if err := json.Unmarshal(text, &out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// advance moves the emulator's clock on. The SDK goes on signing by the real
// time.
func (c *conversation) advance(by string) {
	c.t.Helper()
	c.control("POST", "clock/advance", fmt.Sprintf("{by: %s}", by))
}

// now is the time of the emulator's clock.
func (c *conversation) now() time.Time {
	c.t.Helper()
	now, err := time.Parse(time.RFC3339, c.control("GET", "clock", "").text("now"))
	if err != nil {
		c.t.Fatal(err)
	}
	return now
}

// keysAndAliases is what the typed subjects say at length.
func keysAndAliases(c *conversation) {
	id := c.newKey(parameters{"KeySpec": "EC_SM2", "KeyUsage": "ENCRYPT/DECRYPT", "Description": "测试消息"})
	equal(c.t, "Description", c.metadata(id).text("Description"), "测试消息")
	c.call("UpdateKeyDescription", parameters{"KeyId": id, "Description": "other"})
	c.call("DisableKey", parameters{"KeyId": id})
	c.call("EnableKey", parameters{"KeyId": id})
	c.call("CreateKeyVersion", parameters{"KeyId": id})
	versions := c.call("ListKeyVersions", parameters{"KeyId": id}).at("KeyVersions").list("KeyVersion")
	equal(c.t, "versions", len(versions), 2)
	version := parameters{"KeyId": id, "KeyVersionId": versions[1].text("KeyVersionId")}
	c.call("DescribeKeyVersion", version)
	c.call("GetPublicKey", version)
	encryptsAndSigns(c, version)
	changesAliases(c, id)
	protection := parameters{"ProtectedResourceArn": arn + "key/" + id, "EnableDeletionProtection": false}
	c.call("SetDeletionProtection", protection)
	c.call("ScheduleKeyDeletion", parameters{"KeyId": id, "PendingWindowInDays": 7})
	c.call("CancelKeyDeletion", parameters{"KeyId": id})
	equal(c.t, "keys", len(c.call("ListKeys", parameters{"PageSize": 100}).at("Keys").list("Key")), len(builtInKeys)+1)
	c.call("DescribeRegions", nil)
	equal(c.t, "AccountStatus", c.call("DescribeAccountKmsStatus", nil).text("AccountStatus"), "Enabled")
}

func encryptsAndSigns(c *conversation, version parameters) {
	plaintext := base64Of([]byte("测试消息"))
	algorithm := version.and(parameters{"Algorithm": "SM2PKE"})
	sealed := c.call("AsymmetricEncrypt", algorithm.and(parameters{"Plaintext": plaintext}))
	opened := c.call("AsymmetricDecrypt", algorithm.and(parameters{"CiphertextBlob": sealed.text("CiphertextBlob")}))
	equal(c.t, "Plaintext", opened.text("Plaintext"), plaintext)
	digest := parameters{"KeyId": sm2SignKey.id, "KeyVersionId": sm2SignKey.version, "Algorithm": "SM2DSA", "Digest": base64Of(make([]byte, 32))}
	signed := c.call("AsymmetricSign", digest)
	verified := c.call("AsymmetricVerify", digest.and(parameters{"Value": signed.text("Value")}))
	equal(c.t, "Value", verified["Value"], any(true))
}

func changesAliases(c *conversation, id string) {
	alias := parameters{"AliasName": "alias/topic"}
	c.call("CreateAlias", alias.and(parameters{"KeyId": rsa2048Key.id}))
	c.call("UpdateAlias", alias.and(parameters{"KeyId": id}))
	equal(c.t, "aliases", len(c.call("ListAliases", parameters{"PageSize": 100}).at("Aliases").list("Alias")), len(builtInKeys)+1)
	ofKey := c.call("ListAliasesByKeyId", parameters{"KeyId": id}).at("Aliases").list("Alias")
	equal(c.t, "aliases of the key", len(ofKey), 1)
	c.call("DeleteAlias", alias)
}
