package conformance

import "crypto/sha256"

// realRows asks a service what the rows are about. It needs nothing that is there
// already, and touches nothing but what it has made.
func realRows(s *service) {
	symmetricRows(s)
	asymmetricRows(s, "an SM2 key to encrypt", parameters{"KeySpec": "EC_SM2", "KeyUsage": "ENCRYPT/DECRYPT"}, encryptionRows("SM2PKE"))
	asymmetricRows(s, "an RSA key to encrypt", parameters{"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT/DECRYPT"}, encryptionRows("RSAES_OAEP_SHA_256"))
	asymmetricRows(s, "an SM2 key to sign", parameters{"KeySpec": "EC_SM2"}, signatureRows("SM2DSA"))
	asymmetricRows(s, "an RSA key to sign", parameters{"KeySpec": "RSA_2048"}, signatureRows("RSA_PSS_SHA_256"))
	asymmetricRows(s, "an EC key to sign", parameters{"KeySpec": "EC_P256", "KeyUsage": "SIGN/VERIFY"}, signatureRows("ECDSA_SHA_256"))
	s.key("create a key of origin EXTERNAL", parameters{"Origin": "EXTERNAL"}, func(id string) { importRows(s, parameters{"KeyId": id}) })
	s.key("create a key of an unknown spec", parameters{"KeySpec": "RSA_2047"}, nothing)
	s.key("create a key with an unfit usage", parameters{"KeySpec": "Aliyun_AES_256", "KeyUsage": "SIGN/VERIFY"}, nothing)
	s.call("describe a key that is not there", "DescribeKey", parameters{"KeyId": "key-hzz000000000000000000"})
	s.call("describe a key by an alias that is not there", "DescribeKey", parameters{"KeyId": "alias/alikms-conformance-absent"})
	s.call("describe no key", "DescribeKey", nil)
	s.call("delete an alias that is not there", "DeleteAlias", parameters{"AliasName": "alias/alikms-conformance-absent"})
	s.call("list keys with a page size of 101", "ListKeys", parameters{"PageSize": 101})
	s.call("list keys with broken filters", "ListKeys", parameters{"Filters": "["})
	s.call("decrypt what is no ciphertext", "Decrypt", parameters{"CiphertextBlob": base64Of(make([]byte, 100))})
	s.call("ask for the account", "DescribeAccountKmsStatus", nil)
}

func nothing(string) {}

func symmetricRows(s *service) {
	s.key("create a symmetric key by defaults", nil, func(id string) {
		key := parameters{"KeyId": id}
		s.call("describe it", "DescribeKey", key)
		textRows(s, id)
		dataKeyRows(s, key)
		tagRows(s, key)
		aliasRows(s, id)
		secretRows(s, id)
		rotation := key.and(parameters{"EnableAutomaticRotation": true, "RotationInterval": "365d"})
		s.call("rotate it every 365d", "UpdateRotationPolicy", rotation)
		s.call("rotate it every 5x", "UpdateRotationPolicy", rotation.and(parameters{"RotationInterval": "5x"}))
		s.call("rotate it no more", "UpdateRotationPolicy", key.and(parameters{"EnableAutomaticRotation": false}))
		s.call("list its versions", "ListKeyVersions", key)
		s.call("add a version to it", "CreateKeyVersion", key)
		s.call("ask for its policy", "GetKeyPolicy", key)
		s.call("change its description", "UpdateKeyDescription", key.and(parameters{"Description": "测试消息"}))
		stateRows(s, key)
	})
}

func textRows(s *service, id string) {
	key := parameters{"KeyId": id}
	context := parameters{"EncryptionContext": parameters{"a": "1"}}
	sealed := s.call("encrypt a text", "Encrypt", key.and(parameters{"Plaintext": "测试消息"}))
	blob := parameters{"CiphertextBlob": sealed.text("CiphertextBlob")}
	s.call("decrypt it", "Decrypt", blob)
	s.call("decrypt it with a context it has not", "Decrypt", blob.and(context))
	s.call("encrypt it anew with the same key", "ReEncrypt", blob.and(parameters{"DestinationKeyId": id}))
	bound := s.call("encrypt a text with a context", "Encrypt", key.and(context).and(parameters{"Plaintext": "测试消息"}))
	s.call("decrypt it without its context", "Decrypt", parameters{"CiphertextBlob": bound.text("CiphertextBlob")})
	s.call("encrypt nothing", "Encrypt", key.and(parameters{"Plaintext": ""}))
	s.call("encrypt more than fits", "Encrypt", key.and(parameters{"Plaintext": string(make([]byte, 6145))}))
	s.call("sign with it", "AsymmetricSign", key.and(parameters{"KeyVersionId": sealed.text("KeyVersionId"), "Algorithm": "SM2DSA", "Digest": base64Of(make([]byte, 32))}))
	s.call("ask for its public key", "GetPublicKey", key.and(parameters{"KeyVersionId": sealed.text("KeyVersionId")}))
}

func dataKeyRows(s *service, key parameters) {
	made := s.call("make a data key", "GenerateDataKey", key)
	s.call("make a data key of 1,025 bytes", "GenerateDataKey", key.and(parameters{"NumberOfBytes": 1025}))
	s.call("make a data key without plaintext", "GenerateDataKeyWithoutPlaintext", key.and(parameters{"KeySpec": "AES_128"}))
	broken := parameters{"PublicKeyBlob": "bm9uZQ==", "WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}
	s.call("export it to a broken public key", "ExportDataKey", broken.and(parameters{"CiphertextBlob": made.text("CiphertextBlob")}))
	s.call("make and export one to a broken public key", "GenerateAndExportDataKey", key.and(broken))
}

func tagRows(s *service, key parameters) {
	s.call("tag it", "TagResource", key.and(parameters{"Tags": `[{"TagKey":"team","TagValue":"a"}]`}))
	s.call("list its tags", "ListResourceTags", key)
	s.call("take its tag", "UntagResource", key.and(parameters{"TagKeys": `["team"]`}))
	several := parameters{"RegionId": s.region, "ResourceType": "key", "ResourceId": []any{key["KeyId"]}}
	s.call("tag several", "TagResources", several.and(parameters{"Tag": []any{parameters{"Key": "team", "Value": "b"}}}))
	s.call("list the tags of several", "ListTagResources", several)
	s.call("take tags of several", "UntagResources", several.and(parameters{"TagKey": []string{"team"}}))
}

func aliasRows(s *service, id string) {
	alias := parameters{"AliasName": nameFor("alias/conformance", id)}
	s.call("give it an alias", "CreateAlias", alias.and(parameters{"KeyId": id}))
	s.call("give it the alias again", "CreateAlias", alias.and(parameters{"KeyId": id}))
	s.call("move the alias to the same key", "UpdateAlias", alias.and(parameters{"KeyId": id}))
	s.call("describe it by its alias", "DescribeKey", parameters{"KeyId": alias["AliasName"]})
	s.call("list its aliases", "ListAliasesByKeyId", parameters{"KeyId": id})
	s.call("give it a reserved alias", "CreateAlias", parameters{"AliasName": nameFor("alias/acs/conformance", id), "KeyId": id})
	s.call("delete the alias", "DeleteAlias", alias)
}

// secretRows are of a secret under a key that was made: without one KMS makes a
// key of its own, which stays.
func secretRows(s *service, id string) {
	secret := parameters{"SecretName": nameFor("conformance", id)}
	created := secret.and(parameters{"EncryptionKeyId": id, "VersionId": "v1", "SecretData": "测试消息"})
	s.call("create a secret", "CreateSecret", created)
	s.call("create it again", "CreateSecret", created)
	s.call("describe the secret", "DescribeSecret", secret)
	s.call("get its value", "GetSecretValue", secret)
	s.call("get a version that it has not", "GetSecretValue", secret.and(parameters{"VersionId": "v9"}))
	s.call("put a new value", "PutSecretValue", secret.and(parameters{"VersionId": "v2", "SecretData": "other"}))
	s.call("put a version again with another value", "PutSecretValue", secret.and(parameters{"VersionId": "v2", "SecretData": "third"}))
	s.call("get the previous value", "GetSecretValue", secret.and(parameters{"VersionStage": "ACSPrevious"}))
	s.call("move a stage", "UpdateSecretVersionStage", secret.and(parameters{"VersionStage": "ACSCurrent", "MoveToVersion": "v1", "RemoveFromVersion": "v2"}))
	s.call("list its versions by stage", "ListSecretVersionIds", secret)
	s.call("change the description of the secret", "UpdateSecret", secret.and(parameters{"Description": "测试消息"}))
	s.call("ask for the policy of the secret", "GetSecretPolicy", secret)
	s.call("delete the secret in 7 days", "DeleteSecret", secret.and(parameters{"RecoveryWindowInDays": "7"}))
	s.call("get its value then", "GetSecretValue", secret)
	s.call("restore it", "RestoreSecret", secret)
	s.call("delete it at once", "DeleteSecret", secret.and(parameters{"ForceDeleteWithoutRecovery": "true"}))
	s.call("describe it then", "DescribeSecret", secret)
}

func stateRows(s *service, key parameters) {
	text := key.and(parameters{"Plaintext": "测试消息"})
	s.call("disable it", "DisableKey", key)
	s.call("encrypt with it when disabled", "Encrypt", text)
	s.call("enable it", "EnableKey", key)
	s.call("take back its deletion when there is none", "CancelKeyDeletion", key)
	s.call("schedule its deletion in 6 days", "ScheduleKeyDeletion", key.and(parameters{"PendingWindowInDays": 6}))
	s.call("schedule its deletion", "ScheduleKeyDeletion", key.and(parameters{"PendingWindowInDays": 7}))
	s.call("encrypt with it when pending deletion", "Encrypt", text)
	s.call("describe it when pending deletion", "DescribeKey", key)
	s.call("take back its deletion", "CancelKeyDeletion", key)
}

// asymmetricRows are those of a key with versions that are named in each call.
func asymmetricRows(s *service, what string, spec parameters, rows func(s *service, what string, version parameters)) {
	s.key("create "+what, spec, func(id string) {
		listed := s.call(what+": list its versions", "ListKeyVersions", parameters{"KeyId": id}).at("KeyVersions").list("KeyVersion")
		if len(listed) == 0 {
			return
		}
		version := parameters{"KeyId": id, "KeyVersionId": listed[0].text("KeyVersionId")}
		s.call(what+": describe its version", "DescribeKeyVersion", version)
		s.call(what+": describe a version that is not its", "DescribeKeyVersion", version.and(parameters{"KeyVersionId": "2ab1a983-7072-4bbc-a582-584b5bd89999"}))
		s.call(what+": ask for its public key", "GetPublicKey", version)
		s.call(what+": add a version", "CreateKeyVersion", parameters{"KeyId": id})
		s.call(what+": encrypt a text", "Encrypt", parameters{"KeyId": id, "Plaintext": "测试消息"})
		rows(s, what, version)
	})
}

func encryptionRows(algorithm string) func(*service, string, parameters) {
	return func(s *service, what string, version parameters) {
		with := version.and(parameters{"Algorithm": algorithm})
		plaintext := parameters{"Plaintext": base64Of([]byte("测试消息"))}
		sealed := s.call(what+": encrypt", "AsymmetricEncrypt", with.and(plaintext))
		s.call(what+": decrypt", "AsymmetricDecrypt", with.and(parameters{"CiphertextBlob": sealed.text("CiphertextBlob")}))
		s.call(what+": decrypt what it has not encrypted", "AsymmetricDecrypt", with.and(parameters{"CiphertextBlob": base64Of(make([]byte, 256))}))
		s.call(what+": encrypt by an algorithm to sign", "AsymmetricEncrypt", version.and(plaintext).and(parameters{"Algorithm": "SM2DSA"}))
		s.call(what+": encrypt by an algorithm there is not", "AsymmetricEncrypt", version.and(plaintext).and(parameters{"Algorithm": "ROT13"}))
		s.call(what+": try to encrypt", "AsymmetricEncrypt", with.and(plaintext).and(parameters{"DryRun": "true"}))
		s.call(what+": sign", "AsymmetricSign", version.and(parameters{"Algorithm": "SM2DSA", "Digest": base64Of(make([]byte, 32))}))
	}
}

func signatureRows(algorithm string) func(*service, string, parameters) {
	return func(s *service, what string, version parameters) {
		digest := sha256.Sum256([]byte("signed"))
		with := version.and(parameters{"Algorithm": algorithm, "Digest": base64Of(digest[:])})
		signed := s.call(what+": sign", "AsymmetricSign", with).text("Value")
		s.call(what+": verify", "AsymmetricVerify", with.and(parameters{"Value": signed}))
		s.call(what+": verify another digest", "AsymmetricVerify", with.and(parameters{"Value": signed, "Digest": base64Of(make([]byte, 32))}))
		s.call(what+": sign a digest that is too short", "AsymmetricSign", with.and(parameters{"Digest": base64Of(digest[:20])}))
		s.call(what+": encrypt", "AsymmetricEncrypt", version.and(parameters{"Algorithm": "SM2PKE", "Plaintext": "SGVsbG8="}))
	}
}

func importRows(s *service, key parameters) {
	s.call("describe it, without material", "DescribeKey", key)
	s.call("encrypt with it, without material", "Encrypt", key.and(parameters{"Plaintext": "测试消息"}))
	given := s.call("ask for the parameters of an import", "GetParametersForImport", key.and(parameters{"WrappingKeySpec": "RSA_2048", "WrappingAlgorithm": "RSAES_OAEP_SHA_256"}))
	sent := key.and(parameters{"ImportToken": given.text("ImportToken"), "KeyMaterialExpireUnix": 0})
	s.call("import what is no material", "ImportKeyMaterial", sent.and(parameters{"EncryptedKeyMaterial": base64Of(make([]byte, 256))}))
	s.call("import with a broken token", "ImportKeyMaterial", sent.and(parameters{"ImportToken": "bm9uZQ==", "EncryptedKeyMaterial": base64Of(make([]byte, 256))}))
	s.call("delete the material that it lacks", "DeleteKeyMaterial", key)
}
