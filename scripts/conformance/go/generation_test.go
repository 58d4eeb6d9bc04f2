package conformance

import "testing"

// The generations of KMS: what keys there are, and which get versions.

func withGeneration(t *testing.T, generation string) *conversation {
	endpoint := startScenario(t, instanceScenario+"generation: "+generation+"\n", "--credential", credential)
	return connect(t, config(endpoint, signingV3)).converse(endpoint)
}

func TestTheClassicGenerationHasKeysOfEverySpecWithoutInstance(t *testing.T) {
	c := withGeneration(t, "classic")
	for _, spec := range append(symmetricSpecs, "EC_SM2", "EC_P256", "EC_P256K", "RSA_2048", "RSA_4096") {
		equal(t, "KeySpec", c.metadata(c.newKey(parameters{"KeySpec": spec})).text("KeySpec"), spec)
	}
	c.call("CreateKeyVersion", parameters{"KeyId": c.newKey(parameters{"KeySpec": "EC_P256"})})
	c.refuse(unsupportedUse, "CreateKeyVersion", parameters{"KeyId": c.newKey(parameters{"DKMSInstanceId": instance})})
}

func TestGeneration3HasOtherKeysInInstancesOnly(t *testing.T) {
	c := withGeneration(t, `"3.0"`)
	id := c.newKey(nil)
	equal(t, "KeySpec", c.metadata(id).text("KeySpec"), "Aliyun_AES_256")
	c.refuse(unsupportedUse, "CreateKeyVersion", parameters{"KeyId": id})
	rotation := parameters{"EnableAutomaticRotation": true, "RotationInterval": "365d"}
	c.newKey(rotation)
	c.refuse(invalid("RotationInterval"), "CreateKey", rotation.and(parameters{"RotationInterval": "30d"}))
	in := parameters{"DKMSInstanceId": instance}
	c.refuse(invalid("RotationInterval"), "CreateKey", rotation.and(in).and(parameters{"RotationInterval": "366d"}))
	c.newKey(rotation.and(in).and(parameters{"RotationInterval": "7d"}))
	for _, spec := range []string{"Aliyun_AES_128", "Aliyun_SM4", "EC_SM2", "EC_P256", "RSA_2048"} {
		c.refuse(notSupported, "CreateKey", parameters{"KeySpec": spec})
		c.newKey(in.and(parameters{"KeySpec": spec, "ProtectionLevel": "HSM"})) // the level is the instance's
	}
	c.refuse(unsupportedUse, "CreateKeyVersion", parameters{"KeyId": c.newKey(in.and(parameters{"KeySpec": "EC_SM2"}))})
	versionsOfASymmetricKey(c, c.newKey(in))
}

// versionsOfASymmetricKey: the newest version encrypts, each decrypts.
func versionsOfASymmetricKey(c *conversation, id string) {
	old := symmetricRoundTrip(c, id, id, "测试消息", nil)
	added := c.call("CreateKeyVersion", parameters{"KeyId": id}).at("KeyVersion").text("KeyVersionId")
	equal(c.t, "PrimaryKeyVersion", c.metadata(id).text("PrimaryKeyVersion"), added)
	symmetricRoundTrip(c, id, id, "测试消息", nil)
	equal(c.t, "what the old version encrypted", c.call("Decrypt", decryption(old, nil)).text("Plaintext"), "测试消息")
}

func TestVersionsAreSevenDaysApartWhereRecordsAreLimited(t *testing.T) {
	endpoint := startScenario(t, "quotas: [{profile: resources}]", "--credential", credential)
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	in := parameters{"KeyId": c.newKey(parameters{"KeySpec": "EC_SM2"})}
	c.refuse(unsupportedUse, "CreateKeyVersion", in)
	c.advance("7d")
	c.call("CreateKeyVersion", in)
	c.refuse(unsupportedUse, "CreateKeyVersion", in)
	for range 48 {
		c.advance("7d")
		c.call("CreateKeyVersion", in)
	}
	c.advance("7d")
	c.refuse(unsupportedUse, "CreateKeyVersion", in) // it has fifty
}
