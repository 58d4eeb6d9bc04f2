package conformance

import (
	"bytes"
	"testing"

	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
)

// Refusals of one text each, as emulator/errors.go has them.
var (
	keyNotFound         = refusal{404, "Forbidden.KeyNotFound", "The specified Key is not found."}
	keyVersionNotFound  = refusal{404, "Forbidden.KeyVersionNotFound", "The specified Key version is not found."}
	aliasNotFound       = refusal{404, "Forbidden.AliasNotFound", "The specified Alias is not found."}
	aliasExists         = refusal{400, "AliasAlreadyExists", "AliasName Already Exists."}
	aliasNotAllowed     = refusal{400, "Unsupported.Alias", "Alias is not valid for this api."}
	instanceNotFound    = refusal{403, "Forbidden.DKMSInstanceNotFound", "The specified DKMS Instance is not found."}
	notSupported        = refusal{400, "UnsupportedOperation", "This action is not supported."}
	unsupportedUse      = refusal{400, "Rejected.UnsupportedOperation", "Unsupported operation."}
	disabled            = refusal{409, "Rejected.Disabled", "The request was rejected because the key state is Disabled."}
	pendingDeletion     = refusal{409, "Rejected.PendingDeletion", "The request was rejected because the key state is PendingDeletion."}
	pendingImport       = refusal{409, "Rejected.PendingImport", "The request was rejected because the key state is PendingImport."}
	stateModifiedFailed = refusal{409, "Rejected.StateModifiedFailed", "Keystate modified failed."}
	dryRunSucceeds      = refusal{400, "DryRunOperationError", "The request would have succeeded, but DryRun is set."}
)

func missing(parameter string) refusal {
	return refusal{400, "MissingParameter", "The parameter  " + parameter + "  needed but no provided."}
}

func invalid(parameter string) refusal {
	return refusal{400, "InvalidParameter", "The specified parameter " + parameter + " is not valid."}
}

func notEmulated(what string) refusal {
	return refusal{400, "NotEmulated", "alikms does not emulate " + what + "."}
}

func notValid(message string) refusal { return refusal{400, "ValidationError", message} }

// refusalCase is a call and the error it has to meet.
type refusalCase struct {
	name string
	call func() error
	want refusal
}

// by makes the call of a case.
func by[In, Out any](operation func(*In) (*Out, error), in *In) func() error {
	return func() error {
		_, err := operation(in)
		return err
	}
}

// refusalFamilies make the cases for a client, after prepareStates.
var refusalFamilies = []func(*session) []refusalCase{
	parameterRefusals, encryptionRefusals, signatureRefusals, absenceRefusals, stateRefusals, aliasRefusals, actionRefusals,
	recipientRefusals, regionRefusals, dryRunRefusals,
}

func TestEachRefusalArrivesWithStatusCodeAndMessageWhateverTheSignature(t *testing.T) {
	t.Run("unverified", func(t *testing.T) { everyRefusal(t, signingV3) })
	for _, s := range signings {
		t.Run(s.name, func(t *testing.T) { everyRefusal(t, s, "--credential", credential) })
	}
}

func everyRefusal(t *testing.T, signed signing, flags ...string) {
	s := connect(t, config(start(t, flags...), signed))
	prepareStates(s)
	for _, family := range refusalFamilies {
		for _, c := range family(s) {
			t.Run(c.name, func(t *testing.T) { mustRefuse(t, c.call(), c.want) })
		}
	}
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			endpoint := startScenario(t, instanceScenario, flags...)
			topic.holdRefused(connect(t, config(endpoint, signed)).converse(endpoint))
		})
	}
}

func TestTheClassicSDKReadsEachRefusalOfAConversation(t *testing.T) {
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			endpoint := startScenario(t, instanceScenario, "--credential", credential)
			sdk := classicSDK{connectClassic(t, endpoint, accessKeyID, accessKeySecret), endpoint}
			topic.holdRefused(&conversation{t: t, sdk: sdk, endpoint: endpoint, called: map[string]bool{}})
		})
	}
}

// prepareStates makes one key Disabled, one PendingDeletion, one protected.
func prepareStates(s *session) {
	call(s, s.DisableKey, &kms.DisableKeyRequest{KeyId: new(rsa3072Key.id)})
	call(s, s.ScheduleKeyDeletion, &kms.ScheduleKeyDeletionRequest{KeyId: new(rsa3072SignKey.id), PendingWindowInDays: new(int32(7))})
	call(s, s.SetDeletionProtection, &kms.SetDeletionProtectionRequest{ProtectedResourceArn: new(arn + "key/" + sm2Key.id), EnableDeletionProtection: new(true)})
}

func parameterRefusals(s *session) []refusalCase {
	create := func(in kms.CreateKeyRequest) func() error { return by(s.CreateKey, &in) }
	window := func(days int32) func() error {
		return by(s.ScheduleKeyDeletion, &kms.ScheduleKeyDeletionRequest{KeyId: new(rsa2048Key.id), PendingWindowInDays: &days})
	}
	page := func(number, size int32) func() error {
		return by(s.ListAliases, &kms.ListAliasesRequest{PageNumber: &number, PageSize: &size})
	}
	filters := func(text string) func() error { return by(s.ListKeys, &kms.ListKeysRequest{Filters: new(text)}) }
	return []refusalCase{
		{"no KeyId", by(s.DescribeKey, &kms.DescribeKeyRequest{}), missing("KeyId")},
		{"empty KeyId", by(s.DescribeKey, &kms.DescribeKeyRequest{KeyId: new("")}), missing("KeyId")},
		{"no KeyVersionId", by(s.GetPublicKey, &kms.GetPublicKeyRequest{KeyId: new(rsa2048Key.id)}), missing("KeyVersionId")},
		{"no AliasName", by(s.DeleteAlias, &kms.DeleteAliasRequest{}), missing("AliasName")},
		{"no Description", by(s.UpdateKeyDescription, &kms.UpdateKeyDescriptionRequest{KeyId: new(rsa2048Key.id)}), missing("Description")},
		{"no PendingWindowInDays", by(s.ScheduleKeyDeletion, &kms.ScheduleKeyDeletionRequest{KeyId: new(rsa2048Key.id)}), missing("PendingWindowInDays")},
		{"PendingWindowInDays 6", window(6), invalid("PendingWindowInDays")},
		{"PendingWindowInDays 367", window(367), invalid("PendingWindowInDays")},
		{"PageSize 0", page(1, 0), invalid("PageSize")},
		{"PageSize 101", page(1, 101), invalid("PageSize")},
		{"PageNumber 0", page(0, 10), invalid("PageNumber")},
		{"Filters that are no JSON", filters(`{"Key"`), invalid("Filters")},
		{"Filters with an unknown Key", filters(`[{"Key":"Colour","Values":["red"]}]`), invalid("Filters")},
		{"unknown KeySpec", create(kms.CreateKeyRequest{KeySpec: new("RSA_2047")}), invalid("KeySpec")},
		{"unknown KeyUsage", create(kms.CreateKeyRequest{KeySpec: new("EC_SM2"), KeyUsage: new("ENCRYPT")}), invalid("KeyUsage")},
		{"Tags with a reserved key", create(kms.CreateKeyRequest{KeySpec: new("EC_SM2"), Tags: new(`[{"TagKey":"acs:x","TagValue":"v"}]`)}), invalid("Tags")},
		{"unknown instance", create(kms.CreateKeyRequest{KeySpec: new("EC_SM2"), DKMSInstanceId: new("kst-hzz65f176a0ogplgq0001")}), instanceNotFound},
		{"published ProtectionLevel", create(kms.CreateKeyRequest{KeySpec: new("EC_SM2"), ProtectionLevel: new("HSM")}), notEmulated("ProtectionLevel HSM")},
	}
}

func encryptionRefusals(s *session) []refusalCase {
	encrypt := func(key builtInKey, algorithm, plaintext string) func() error {
		return by(s.AsymmetricEncrypt, &kms.AsymmetricEncryptRequest{
			KeyId: new(key.id), KeyVersionId: new(key.version), Algorithm: new(algorithm), Plaintext: new(plaintext),
		})
	}
	decrypt := func(key builtInKey, algorithm string, ciphertext []byte) func() error {
		return by(s.AsymmetricDecrypt, &kms.AsymmetricDecryptRequest{
			KeyId: new(key.id), KeyVersionId: new(key.version), Algorithm: new(algorithm), CiphertextBlob: encode(ciphertext),
		})
	}
	mebibyte := tea.StringValue(encode(bytes.Repeat([]byte("a"), 1<<20)))
	return []refusalCase{
		{"no Algorithm", encrypt(rsa2048Key, "", "SGVsbG8="), missing("Algorithm")},
		{"empty Plaintext", encrypt(rsa2048Key, "RSAES_OAEP_SHA_256", ""), missing("Plaintext")},
		{"Plaintext that is no base64", encrypt(rsa2048Key, "RSAES_OAEP_SHA_256", "SGVsbG8"), invalid("Plaintext")},
		{"Plaintext of a mebibyte", encrypt(rsa2048Key, "RSAES_OAEP_SHA_256", mebibyte), invalid("Plaintext")},
		{"unknown Algorithm", encrypt(rsa2048Key, "RSAES_OAEP_SHA_512", "SGVsbG8="), invalid("Algorithm")},
		{"Algorithm of another spec", encrypt(rsa2048Key, "SM2PKE", "SGVsbG8="), unsupportedUse},
		{"Algorithm of another usage", encrypt(rsa2048Key, "RSA_PSS_SHA_256", "SGVsbG8="), unsupportedUse},
		{"encryption by a key for signatures", encrypt(rsa2048SignKey, "RSAES_OAEP_SHA_256", "SGVsbG8="), unsupportedUse},
		{"decryption by a key for signatures", decrypt(sm2SignKey, "SM2PKE", make([]byte, 100)), unsupportedUse},
		{"no CiphertextBlob", decrypt(rsa2048Key, "RSAES_OAEP_SHA_256", nil), missing("CiphertextBlob")},
		{"CiphertextBlob that was never encrypted", decrypt(rsa2048Key, "RSAES_OAEP_SHA_256", make([]byte, 256)), invalid("CiphertextBlob")},
		{"truncated CiphertextBlob", decrypt(rsa2048Key, "RSAES_OAEP_SHA_1", make([]byte, 255)), invalid("CiphertextBlob")},
		{"truncated SM2 CiphertextBlob", decrypt(sm2Key, "SM2PKE", []byte{4, 1, 2, 3}), invalid("CiphertextBlob")},
	}
}

func signatureRefusals(s *session) []refusalCase {
	sign := func(key builtInKey, algorithm string, digest []byte) func() error {
		return by(s.AsymmetricSign, &kms.AsymmetricSignRequest{
			KeyId: new(key.id), KeyVersionId: new(key.version), Algorithm: new(algorithm), Digest: encode(digest),
		})
	}
	verify := func(digest []byte, value *string) func() error {
		return by(s.AsymmetricVerify, &kms.AsymmetricVerifyRequest{
			KeyId: new(sm2SignKey.id), KeyVersionId: new(sm2SignKey.version), Algorithm: new("SM2DSA"), Digest: encode(digest), Value: value,
		})
	}
	return []refusalCase{
		{"no Digest", sign(sm2SignKey, "SM2DSA", nil), missing("Digest")},
		{"Digest of 31 bytes", sign(rsa2048SignKey, "RSA_PKCS1_SHA_256", make([]byte, 31)), invalid("Digest")},
		{"Digest of 33 bytes", sign(sm2SignKey, "SM2DSA", make([]byte, 33)), invalid("Digest")},
		{"signature by a key for encryption", sign(rsa2048Key, "RSA_PSS_SHA_256", make([]byte, 32)), notSupported},
		{"signature with the Algorithm of another spec", sign(sm2SignKey, "RSA_PSS_SHA_256", make([]byte, 32)), notSupported},
		{"verification of a Digest of 31 bytes", verify(make([]byte, 31), encode(make([]byte, 70))), invalid("Digest")},
		{"verification without Value", verify(make([]byte, 32), nil), missing("Value")},
		{"verification of a Value that is no base64", verify(make([]byte, 32), new("?")), invalid("Value")},
	}
}

// absenceRefusals are about keys, versions and aliases that are not there.
func absenceRefusals(s *session) []refusalCase {
	describeKey := func(name string) func() error { return by(s.DescribeKey, &kms.DescribeKeyRequest{KeyId: new(name)}) }
	describeVersion := func(id string) func() error {
		return by(s.DescribeKeyVersion, &kms.DescribeKeyVersionRequest{KeyId: new(rsa2048Key.id), KeyVersionId: new(id)})
	}
	return []refusalCase{
		{"unknown key", describeKey("key-hzz000000000000000000"), keyNotFound},
		{"key of another account", describeKey("acs:kms:" + region + ":9999999999999999:key/" + rsa2048Key.id), keyNotFound},
		{"key of another region", describeKey("acs:kms:cn-shanghai:" + account + ":key/" + rsa2048Key.id), keyNotFound},
		{"unknown key in a change of state", by(s.EnableKey, &kms.EnableKeyRequest{KeyId: new("key-hzz000000000000000000")}), keyNotFound},
		{"unknown alias as KeyId", describeKey("alias/unknown"), aliasNotFound},
		{"unknown version", describeVersion("2ab1a983-7072-4bbc-a582-584b5bd89999"), keyVersionNotFound},
		{"version of another key", describeVersion(sm2Key.version), keyVersionNotFound},
		{"encryption with the version of another key", by(s.AsymmetricEncrypt, encryptRequest(rsa2048Key.id, sm2Key.version, "RSAES_OAEP_SHA_256", []byte("a"))), keyVersionNotFound},
	}
}

// stateRefusals need the states of prepareStates.
func stateRefusals(s *session) []refusalCase {
	signature := &kms.AsymmetricSignRequest{
		KeyId: new(rsa3072SignKey.id), KeyVersionId: new(rsa3072SignKey.version), Algorithm: new("RSA_PSS_SHA_256"), Digest: encode(make([]byte, 32)),
	}
	schedule := func(id string) func() error {
		return by(s.ScheduleKeyDeletion, &kms.ScheduleKeyDeletionRequest{KeyId: new(id), PendingWindowInDays: new(int32(7))})
	}
	pending := new(rsa3072SignKey.id)
	return []refusalCase{
		{"encryption by a Disabled key", by(s.AsymmetricEncrypt, encryptRequest(rsa3072Key.id, rsa3072Key.version, "RSAES_OAEP_SHA_256", []byte("a"))), disabled},
		{"version for a Disabled key", by(s.CreateKeyVersion, &kms.CreateKeyVersionRequest{KeyId: new(rsa3072Key.id)}), disabled},
		{"signature by a key PendingDeletion", by(s.AsymmetricSign, signature), pendingDeletion},
		{"version for a key PendingDeletion", by(s.CreateKeyVersion, &kms.CreateKeyVersionRequest{KeyId: pending}), pendingDeletion},
		{"description of a key PendingDeletion", by(s.UpdateKeyDescription, &kms.UpdateKeyDescriptionRequest{KeyId: pending, Description: new("a")}), pendingDeletion},
		{"alias moved to a key PendingDeletion", by(s.UpdateAlias, &kms.UpdateAliasRequest{KeyId: pending, AliasName: new(sm2Key.alias)}), pendingDeletion},
		{"protection of a key PendingDeletion", by(s.SetDeletionProtection, &kms.SetDeletionProtectionRequest{ProtectedResourceArn: new(arn + "key/" + rsa3072SignKey.id), EnableDeletionProtection: new(true)}), pendingDeletion},
		{"alias for a key PendingDeletion", by(s.CreateAlias, &kms.CreateAliasRequest{KeyId: pending, AliasName: new("alias/late")}), stateModifiedFailed},
		{"EnableKey of a key PendingDeletion", by(s.EnableKey, &kms.EnableKeyRequest{KeyId: pending}), stateModifiedFailed},
		{"DisableKey of a key PendingDeletion", by(s.DisableKey, &kms.DisableKeyRequest{KeyId: pending}), stateModifiedFailed},
		{"deletion scheduled twice", schedule(rsa3072SignKey.id), stateModifiedFailed},
		{"deletion of a protected key", schedule(sm2Key.id), stateModifiedFailed},
		{"deletion taken back that nobody scheduled", by(s.CancelKeyDeletion, &kms.CancelKeyDeletionRequest{KeyId: new(rsa2048Key.id)}), stateModifiedFailed},
	}
}

func aliasRefusals(s *session) []refusalCase {
	create := func(name string) func() error {
		return by(s.CreateAlias, &kms.CreateAliasRequest{KeyId: new(rsa2048Key.id), AliasName: new(name)})
	}
	return []refusalCase{
		{"alias that exists", create(sm2Key.alias), aliasExists},
		{"alias without prefix", create("payments"), invalid("AliasName")},
		{"alias with a character not allowed", create("alias/pay.ments"), invalid("AliasName")},
		{"alias reserved for services", create("alias/acs/oss"), invalid("AliasName")},
		{"alias for an unknown key", by(s.CreateAlias, &kms.CreateAliasRequest{KeyId: new("unknown"), AliasName: new("alias/new")}), keyNotFound},
		{"UpdateAlias of an unknown alias", by(s.UpdateAlias, &kms.UpdateAliasRequest{KeyId: new(rsa2048Key.id), AliasName: new("alias/unknown")}), aliasNotFound},
		{"DeleteAlias of an unknown alias", by(s.DeleteAlias, &kms.DeleteAliasRequest{AliasName: new("alias/unknown")}), aliasNotFound},
		{"alias where only an id will do", by(s.DisableKey, &kms.DisableKeyRequest{KeyId: new(rsa2048Key.alias)}), aliasNotAllowed},
	}
}

// actionRefusals are about requests that ask for no operation of alikms.
func actionRefusals(s *session) []refusalCase {
	send := func(a action) func() error { return func() error { return s.send(a) } }
	query := func(name, value string) map[string]*string { return map[string]*string{name: &value} }
	invalidAction := refusal{404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."}
	return []refusalCase{
		{"published action of the SDK", by(s.CreateNetworkRule, &kms.CreateNetworkRuleRequest{}), notEmulated("CreateNetworkRule")},
		{"action published since the SDK", send(action{name: "GetChallenge"}), notEmulated("GetChallenge")},
		{"unknown action", send(action{name: "EncryptAsymmetrically"}), invalidAction},
		{"action in another case", send(action{name: "listkeys"}), invalidAction},
		{"no action", send(action{name: ""}), refusal{400, "MissingAction", "Action is mandatory for this action."}},
		{"another version", send(action{name: "ListKeys", version: "2015-01-01"}), refusal{400, "InvalidVersion", "Specified parameter Version is not valid."}},
		{"unknown Format", send(action{name: "ListKeys", query: query("Format", "YAML")}), refusal{400, "InvalidParameter.Format", "Specified parameter format is not valid."}},
		{"method PUT", send(action{name: "ListKeys", method: "PUT"}), refusal{403, "UnsupportedHTTPMethod", "This http method is not supported."}},
	}
}

// recipientRefusals are about a parameter published since the SDK.
func recipientRefusals(s *session) (all []refusalCase) {
	id := tea.StringValue(call(s, s.CreateKey, &kms.CreateKeyRequest{}).Body.KeyMetadata.KeyId)
	blob := call(s, s.Encrypt, &kms.EncryptRequest{KeyId: new(id), Plaintext: new("a")}).Body.CiphertextBlob
	asymmetric := encryptRequest(sm2Key.id, sm2Key.version, "SM2PKE", []byte("a"))
	sealed := call(s, s.AsymmetricEncrypt, asymmetric).Body.CiphertextBlob
	for name, query := range map[string]map[string]*string{
		"GenerateDataKey":   {"KeyId": new(id)},
		"Decrypt":           {"CiphertextBlob": blob},
		"AsymmetricDecrypt": {"KeyId": asymmetric.KeyId, "KeyVersionId": asymmetric.KeyVersionId, "Algorithm": asymmetric.Algorithm, "CiphertextBlob": sealed},
	} {
		query["Recipient"] = new(`{"AttestationDocument":"SGVsbG8="}`)
		send := func() error { return s.send(action{name: name, query: query}) }
		all = append(all, refusalCase{"Recipient of " + name, send, notEmulated("the parameter Recipient")})
	}
	return all
}

// regionRefusals are about RegionId, which the classic SDK never leaves out.
func regionRefusals(s *session) (all []refusalCase) {
	for _, action := range []string{"TagResources", "UntagResources", "ListTagResources"} {
		send := func() error {
			_, err := s.ask(action, parameters{"ResourceType": "key", "ResourceId": []string{sm2Key.id}})
			return err
		}
		all = append(all, refusalCase{action + " without RegionId", send, missing("RegionId")})
	}
	return all
}

// dryRunRefusals: under DryRun every call is refused, and the code says what
// would have become of it.
func dryRunRefusals(s *session) []refusalCase {
	digest, yes := encode(make([]byte, 32)), new("true")
	encryption := encryptRequest(rsa2048Key.id, rsa2048Key.version, "RSAES_OAEP_SHA_256", []byte("a"))
	ciphertext := call(s, s.AsymmetricEncrypt, encryption).Body.CiphertextBlob
	encryption.DryRun = yes
	tooLong := encryptRequest(rsa2048Key.id, rsa2048Key.version, "RSAES_OAEP_SHA_256", make([]byte, 191))
	tooLong.DryRun = yes
	perhaps := encryptRequest(rsa2048Key.id, rsa2048Key.version, "RSAES_OAEP_SHA_256", []byte("a"))
	perhaps.DryRun = new("perhaps")
	decryption := func(keyID string) func() error {
		return by(s.AsymmetricDecrypt, &kms.AsymmetricDecryptRequest{
			KeyId: &keyID, KeyVersionId: new(rsa2048Key.version), Algorithm: new("RSAES_OAEP_SHA_256"), CiphertextBlob: ciphertext, DryRun: yes,
		})
	}
	sign := func(algorithm string) func() error {
		return by(s.AsymmetricSign, &kms.AsymmetricSignRequest{
			KeyId: new(sm2SignKey.id), KeyVersionId: new(sm2SignKey.version), Algorithm: new(algorithm), Digest: digest, DryRun: yes,
		})
	}
	verify := func(version string) func() error {
		return by(s.AsymmetricVerify, &kms.AsymmetricVerifyRequest{
			KeyId: new(sm2SignKey.id), KeyVersionId: new(version), Algorithm: new("SM2DSA"), Digest: digest, Value: digest, DryRun: yes,
		})
	}
	publicKey := func(version *string) func() error {
		return by(s.GetPublicKey, &kms.GetPublicKeyRequest{KeyId: new(sm2Key.id), KeyVersionId: version, DryRun: yes})
	}
	return []refusalCase{
		{"encryption that would succeed", by(s.AsymmetricEncrypt, encryption), dryRunSucceeds},
		{"decryption that would succeed", decryption(rsa2048Key.alias), dryRunSucceeds},
		{"signature that would succeed", sign("SM2DSA"), dryRunSucceeds},
		{"verification that would succeed", verify(sm2SignKey.version), dryRunSucceeds},
		{"public key that would be answered", publicKey(new(sm2Key.version)), dryRunSucceeds},
		{"encryption that would fail", by(s.AsymmetricEncrypt, tooLong), notValid(invalid("Plaintext").message)},
		{"decryption that would fail", decryption("key-hzz000000000000000000"), notValid(keyNotFound.message)},
		{"signature that would fail", sign("RSA_PSS_SHA_256"), notValid(notSupported.message)},
		{"verification that would fail", verify(sm2Key.version), notValid(keyVersionNotFound.message)},
		{"public key that would not be answered", publicKey(nil), notValid(missing("KeyVersionId").message)},
		{"DryRun that is neither true nor false", by(s.AsymmetricEncrypt, perhaps), invalid("DryRun")},
	}
}
