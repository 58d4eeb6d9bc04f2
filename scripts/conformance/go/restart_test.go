package conformance

import (
	"testing"
	"time"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// kept is what the first process leaves to the second.
type kept struct {
	blobs                       map[string]string // by key
	rotating, external, expired string
	material                    []byte
	token                       parameters
	tags                        parameters
}

// TestCiphertextOfOneProcessOpensInTheNext: so do rotation, imports, their
// tokens, tags and the clock outlive the process.
func TestCiphertextOfOneProcessOpensInTheNext(t *testing.T) {
	folder := t.TempDir()
	var k kept
	t.Run("the first process", func(t *testing.T) { k = leave(keeping(t, folder)) })
	t.Run("the second", func(t *testing.T) { find(keeping(t, folder), k) })
}

// keeping is a conversation with an alikms that keeps what it has in a folder.
func keeping(t *testing.T, folder string) *conversation {
	endpoint := alikms.StartKeeping(t, "--data", folder, "--credential", credential).Endpoint
	return connect(t, config(endpoint, signingV3)).converse(endpoint)
}

func leave(c *conversation) kept {
	k := kept{blobs: map[string]string{}, material: randomBytes(32)}
	for _, spec := range symmetricSpecs {
		id := c.newKey(parameters{"KeySpec": spec})
		k.blobs[id] = symmetricRoundTrip(c, id, id, "测试消息", map[string]any{"a": "1"})
	}
	k.rotating = c.newKey(parameters{"EnableAutomaticRotation": true, "RotationInterval": "365d"})
	k.blobs[k.rotating] = symmetricRoundTrip(c, k.rotating, k.rotating, "测试消息", map[string]any{"a": "1"})
	c.advance(year)
	k.external, k.expired = c.newKey(parameters{"Origin": "EXTERNAL"}), c.newKey(parameters{"Origin": "EXTERNAL"})
	k.token = importOf(c, k.external, k.material, sm2Wrapping)
	c.call("ImportKeyMaterial", k.token)
	k.blobs[k.external] = symmetricRoundTrip(c, k.external, k.external, "测试消息", map[string]any{"a": "1"})
	importInto(c, k.expired, k.material, parameters{"KeyMaterialExpireUnix": c.now().Add(time.Hour).Unix()})
	k.tags = resources(k.external, k.rotating).and(parameters{"Tag": pairs("team", "a")})
	c.call("TagResources", k.tags)
	return k
}

func find(c *conversation, k kept) {
	for id, blob := range k.blobs {
		opened := c.call("Decrypt", decryption(blob, map[string]any{"a": "1"}))
		equal(c.t, "Plaintext", opened.text("Plaintext"), "测试消息")
		equal(c.t, "KeyId", opened.text("KeyId"), id)
	}
	equal(c.t, "versions of the rotated key", c.call("ListKeyVersions", parameters{"KeyId": k.rotating})["TotalCount"], any(2.0))
	c.advance(year)
	equal(c.t, "versions a year later", c.call("ListKeyVersions", parameters{"KeyId": k.rotating})["TotalCount"], any(3.0))
	equal(c.t, "KeyState of expired material", c.metadata(k.expired).text("KeyState"), "PendingImport")
	c.refuse(expiredToken, "ImportKeyMaterial", k.token)
	c.refuse(invalidMaterial, "ImportKeyMaterial", importOf(c, k.expired, randomBytes(32), sm2Wrapping))
	importInto(c, k.expired, k.material, nil)
	equalTags(c, k.external, map[string]string{"team": "a"})
}
