package conformance

import (
	"testing"
)

const year = "366d"

// rotations: old versions go on decrypting, the newest one encrypts.
func rotations(c *conversation) {
	id := c.newKey(parameters{"EnableAutomaticRotation": true, "RotationInterval": "365d"})
	m := c.metadata(id)
	equal(c.t, "AutomaticRotation", m.text("AutomaticRotation"), "Enabled")
	equal(c.t, "RotationInterval", m.text("RotationInterval"), "31536000s")
	old := symmetricRoundTrip(c, id, id, "测试消息", nil)
	c.advance(year)
	rotated := c.metadata(id)
	differ(c, "PrimaryKeyVersion", rotated, m)
	equal(c.t, "LastRotationDate", rotated.text("LastRotationDate"), m.text("NextRotationDate"))
	equal(c.t, "versions", c.call("ListKeyVersions", parameters{"KeyId": id})["TotalCount"], any(2.0))
	decrypted := c.call("Decrypt", parameters{"CiphertextBlob": old})
	equal(c.t, "what the old version encrypted", decrypted.text("Plaintext"), "测试消息")
	equal(c.t, "the version that decrypted it", decrypted.text("KeyVersionId"), m.text("PrimaryKeyVersion"))
	symmetricRoundTrip(c, id, id, "测试消息", nil) // by the new primary version
	suspended(c, id)
	policies(c)
}

func differ(c *conversation, name string, a, b answer) {
	c.t.Helper()
	if a.text(name) == b.text(name) {
		c.t.Errorf("%s is %q, as before", name, a.text(name))
	}
}

// suspended: what falls due while a key is disabled, is done when it is enabled.
func suspended(c *conversation, id string) {
	c.call("DisableKey", parameters{"KeyId": id})
	before := c.metadata(id)
	equal(c.t, "AutomaticRotation of a disabled key", before.text("AutomaticRotation"), "Suspended")
	c.advance(year)
	equal(c.t, "PrimaryKeyVersion of a disabled key", c.metadata(id).text("PrimaryKeyVersion"), before.text("PrimaryKeyVersion"))
	c.call("EnableKey", parameters{"KeyId": id})
	differ(c, "PrimaryKeyVersion", c.metadata(id), before)
	equal(c.t, "AutomaticRotation of the key enabled again", c.metadata(id).text("AutomaticRotation"), "Enabled")
}

// policies: a date that a change puts into the past is kept at once.
func policies(c *conversation) {
	id := c.newKey(nil)
	equal(c.t, "AutomaticRotation of a key that says nothing", c.metadata(id).text("AutomaticRotation"), "Disabled")
	c.advance("10d")
	before := c.metadata(id)
	update := parameters{"KeyId": id, "EnableAutomaticRotation": true}
	c.call("UpdateRotationPolicy", update.and(parameters{"RotationInterval": "730d"}))
	equal(c.t, "RotationInterval", c.metadata(id).text("RotationInterval"), "63072000s")
	equal(c.t, "PrimaryKeyVersion", c.metadata(id).text("PrimaryKeyVersion"), before.text("PrimaryKeyVersion"))
	c.call("UpdateRotationPolicy", update.and(parameters{"RotationInterval": "604800s"}))
	differ(c, "PrimaryKeyVersion", c.metadata(id), before)
	c.call("UpdateRotationPolicy", parameters{"KeyId": id, "EnableAutomaticRotation": false})
	equal(c.t, "AutomaticRotation turned off", c.metadata(id).text("AutomaticRotation"), "Disabled")
	equal(c.t, "NextRotationDate", c.metadata(id).text("NextRotationDate"), "")
}

func rotationRefusals(c *conversation) []refusedCall {
	id, external := c.newKey(nil), c.newKey(parameters{"Origin": "EXTERNAL"})
	importInto(c, external, make([]byte, 32), nil)
	update := parameters{"KeyId": id, "EnableAutomaticRotation": true, "RotationInterval": "365d"}
	all := []refusedCall{
		{"no KeyId", missing("KeyId"), "UpdateRotationPolicy", update.and(parameters{"KeyId": ""})},
		{"no EnableAutomaticRotation", missing("EnableAutomaticRotation"), "UpdateRotationPolicy", parameters{"KeyId": id}},
		{"no RotationInterval", missing("RotationInterval"), "UpdateRotationPolicy", update.and(parameters{"RotationInterval": ""})},
		{"unknown key", keyNotFound, "UpdateRotationPolicy", update.and(parameters{"KeyId": "unknown"})},
		{"an asymmetric key", unsupportedUse, "UpdateRotationPolicy", update.and(parameters{"KeyId": sm2Key.id})},
		{"imported material", unsupportedUse, "UpdateRotationPolicy", update.and(parameters{"KeyId": external})},
		{"an asymmetric key that rotates", unsupportedUse, "CreateKey", parameters{"KeySpec": "RSA_2048", "EnableAutomaticRotation": true, "RotationInterval": "365d"}},
		{"a key of imported material that rotates", unsupportedUse, "CreateKey", parameters{"Origin": "EXTERNAL", "EnableAutomaticRotation": true, "RotationInterval": "365d"}},
		{"a key that rotates no one knows when", missing("RotationInterval"), "CreateKey", parameters{"EnableAutomaticRotation": true}},
		{"CreateKeyVersion of a symmetric key", unsupportedUse, "CreateKeyVersion", parameters{"KeyId": id}},
	}
	for _, interval := range []string{"5x", "d", "7", "6d", "731d", "1.5d", "-7d", "7 d"} {
		all = append(all,
			refusedCall{"UpdateRotationPolicy to " + interval, invalid("RotationInterval"), "UpdateRotationPolicy", update.and(parameters{"RotationInterval": interval})},
			refusedCall{"CreateKey with " + interval, invalid("RotationInterval"), "CreateKey", parameters{"EnableAutomaticRotation": true, "RotationInterval": interval}})
	}
	for want, key := range statesOfKeys(c) {
		all = append(all, refusedCall{"UpdateRotationPolicy, " + want.code, want, "UpdateRotationPolicy", update.and(parameters{"KeyId": key.id})})
	}
	return all
}

func TestSeveralYearsRotateAtOnceAndEachVersionDecrypts(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	id := c.newKey(parameters{"EnableAutomaticRotation": true, "RotationInterval": "7d"})
	var blobs []string
	for range 3 {
		blobs = append(blobs, symmetricRoundTrip(c, id, id, "测试消息", nil))
		c.advance("15d") // two rotations, and one day more
	}
	equal(t, "versions", c.call("ListKeyVersions", parameters{"KeyId": id})["TotalCount"], any(7.0))
	for _, blob := range blobs {
		equal(t, "Plaintext", c.call("Decrypt", parameters{"CiphertextBlob": blob}).text("Plaintext"), "测试消息")
	}
	c.advance("3650d")
	equal(t, "versions, which no key has more of", c.call("ListKeyVersions", parameters{"KeyId": id})["TotalCount"], any(50.0))
}
