package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
)

// What the SDK does with every operation, by subject. Each subject meets an
// alikms of its own with the built-in keys.
var subjects = []struct {
	name string
	hold func(*session)
}{
	{"a created key of each spec is described, listed and usable at once", createdKeys},
	{"versions are added, listed newest first, and decrypt their own ciphertexts only", versions},
	{"what is encrypted decrypts, with each algorithm, the key named by id, alias or ARN", encryption},
	{"a signature verifies as true, of another digest as false", signatures},
	{"a public key is a PEM block", publicKeys},
	{"an alias is created, moved, listed and deleted", aliases},
	{"a key is disabled, enabled, scheduled for deletion and taken back", states},
	{"deletion protection and description are set and taken back", protection},
	{"keys are listed in pages and by filters", listings},
	{"the regions are listed", regions},
}

func TestEveryOperationWorksWhateverTheSignature(t *testing.T) {
	t.Run("unverified", func(t *testing.T) { everyOperation(t, signingV3) })
	for _, by := range signings {
		t.Run(by.name, func(t *testing.T) { everyOperation(t, by, "--credential", credential) })
	}
}

// everyOperation runs the subjects and the topics, and finds operations that are
// in none.
func everyOperation(t *testing.T, by signing, flags ...string) {
	called := map[string]bool{}
	for _, subject := range subjects {
		t.Run(subject.name, func(t *testing.T) {
			s := connect(t, config(start(t, flags...), by))
			subject.hold(s)
			maps.Copy(called, s.called)
		})
	}
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			endpoint := startScenario(t, instanceScenario, flags...)
			s := connect(t, config(endpoint, by))
			topic.hold(s.converse(endpoint))
			maps.Copy(called, s.called)
		})
	}
	mustCoverOperations(t, called)
}

var keyIDForm = regexp.MustCompile(`^key-hzz[0-9a-f]{8}[0-9a-z]{10}$`)

func createdKeys(s *session) {
	for _, spec := range []string{"RSA_2048", "RSA_3072", "EC_SM2"} {
		began := time.Now().Truncate(time.Second)
		created := call(s, s.CreateKey, &kms.CreateKeyRequest{
			KeySpec:     new(spec),
			KeyUsage:    new("ENCRYPT/DECRYPT"),
			Description: new("a key; with <odd> & characters, 密钥"),
			Tags:        new(`[{"TagKey":"suite","TagValue":"conformance"}]`),
		}).Body.KeyMetadata
		id := tea.StringValue(created.KeyId)
		if !keyIDForm.MatchString(id) {
			s.t.Errorf("KeyId %q is not of the form %s", id, keyIDForm)
		}
		made, err := time.Parse("2006-01-02T15:04:05Z", tea.StringValue(created.CreationDate))
		if err != nil || made.Before(began) || made.After(time.Now()) {
			s.t.Errorf("CreationDate %q is not the time of the call (%v)", tea.StringValue(created.CreationDate), err)
		}
		checkMetadata(s, created, id, spec)
		described := call(s, s.DescribeKey, &kms.DescribeKeyRequest{KeyId: created.Arn}).Body.KeyMetadata
		equal(s.t, "DescribeKey's CreationDate", tea.StringValue(described.CreationDate), tea.StringValue(created.CreationDate))
		equal(s.t, "DeletionProtection", tea.StringValue(described.DeletionProtection), "Disabled")
		version := versionIDs(s, id)[0]
		for _, algorithm := range encryptionAlgorithms[spec] {
			roundTrip(s, id, id, version, algorithm)
		}
	}
}

func checkMetadata(s *session, m *kms.CreateKeyResponseBodyKeyMetadata, id, spec string) {
	equal(s.t, "Arn", tea.StringValue(m.Arn), arn+"key/"+id)
	equal(s.t, "KeySpec", tea.StringValue(m.KeySpec), spec)
	equal(s.t, "KeyUsage", tea.StringValue(m.KeyUsage), "ENCRYPT/DECRYPT")
	equal(s.t, "KeyState", tea.StringValue(m.KeyState), "Enabled")
	equal(s.t, "Description", tea.StringValue(m.Description), "a key; with <odd> & characters, 密钥")
	equal(s.t, "Creator", tea.StringValue(m.Creator), account)
	equal(s.t, "Origin", tea.StringValue(m.Origin), "Aliyun_KMS")
	equal(s.t, "ProtectionLevel", tea.StringValue(m.ProtectionLevel), "SOFTWARE")
	equal(s.t, "LastRotationDate", tea.StringValue(m.LastRotationDate), tea.StringValue(m.CreationDate))
	equal(s.t, "DeleteDate", tea.StringValue(m.DeleteDate), "")
}

// versionIDs lists the versions of a key, in the order of the answer.
func versionIDs(s *session, keyID string) (ids []string) {
	s.t.Helper()
	listed := call(s, s.ListKeyVersions, &kms.ListKeyVersionsRequest{KeyId: new(keyID), PageSize: new(int32(100))}).Body
	for _, version := range listed.KeyVersions.KeyVersion {
		ids = append(ids, tea.StringValue(version.KeyVersionId))
	}
	if len(ids) == 0 || int(tea.Int32Value(listed.TotalCount)) != len(ids) {
		s.t.Fatalf("ListKeyVersions of %s: %d versions, TotalCount %d", keyID, len(ids), tea.Int32Value(listed.TotalCount))
	}
	return ids
}

// roundTrip encrypts and decrypts, and returns the ciphertext. name is the key
// as the call names it; it is answered by its id.
func roundTrip(s *session, name, id, version, algorithm string) (ciphertextBlob string) {
	s.t.Helper()
	plaintext := []byte("attack at dawn, via " + algorithm)
	encrypted := call(s, s.AsymmetricEncrypt, encryptRequest(name, version, algorithm, plaintext)).Body
	equal(s.t, "AsymmetricEncrypt's KeyId", tea.StringValue(encrypted.KeyId), id)
	equal(s.t, "AsymmetricEncrypt's KeyVersionId", tea.StringValue(encrypted.KeyVersionId), version)
	ciphertextBlob = tea.StringValue(encrypted.CiphertextBlob)
	decrypted := call(s, s.AsymmetricDecrypt, &kms.AsymmetricDecryptRequest{
		KeyId: new(name), KeyVersionId: new(version), Algorithm: new(algorithm), CiphertextBlob: new(ciphertextBlob),
	}).Body
	equal(s.t, "AsymmetricDecrypt's KeyId", tea.StringValue(decrypted.KeyId), id)
	if got := decode(s.t, decrypted.Plaintext); !bytes.Equal(got, plaintext) {
		s.t.Errorf("%s: decrypted to %q, want %q", algorithm, got, plaintext)
	}
	return ciphertextBlob
}

func encryptRequest(keyID, version, algorithm string, plaintext []byte) *kms.AsymmetricEncryptRequest {
	return &kms.AsymmetricEncryptRequest{
		KeyId: new(keyID), KeyVersionId: new(version), Algorithm: new(algorithm), Plaintext: encode(plaintext),
	}
}

func encode(data []byte) *string { return new(base64.StdEncoding.EncodeToString(data)) }

func decode(t *testing.T, text *string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(tea.StringValue(text))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func versions(s *session) {
	id := sm2Key.id
	added := call(s, s.CreateKeyVersion, &kms.CreateKeyVersionRequest{KeyId: new(id)}).Body.KeyVersion
	first, second := sm2Key.version, tea.StringValue(added.KeyVersionId)
	if !uuidForm.MatchString(second) {
		s.t.Errorf("KeyVersionId %q is not a UUID", second)
	}
	equalLists(s.t, "ListKeyVersions", versionIDs(s, sm2Key.alias), []string{second, first})
	described := call(s, s.DescribeKeyVersion, &kms.DescribeKeyVersionRequest{KeyId: new(id), KeyVersionId: new(second)}).Body.KeyVersion
	equal(s.t, "DescribeKeyVersion's KeyId", tea.StringValue(described.KeyId), id)
	equal(s.t, "DescribeKeyVersion's CreationDate", tea.StringValue(described.CreationDate), tea.StringValue(added.CreationDate))
	for mine, others := range map[string]string{first: second, second: first} {
		ciphertext := roundTrip(s, id, id, mine, "SM2PKE")
		_, err := s.AsymmetricDecrypt(&kms.AsymmetricDecryptRequest{
			KeyId: new(id), KeyVersionId: new(others), Algorithm: new("SM2PKE"), CiphertextBlob: new(ciphertext),
		})
		mustRefuse(s.t, err, refusal{400, "InvalidParameter", "The specified parameter CiphertextBlob is not valid."})
	}
	page := call(s, s.ListKeyVersions, &kms.ListKeyVersionsRequest{KeyId: new(id), PageNumber: new(int32(2)), PageSize: new(int32(1))}).Body
	equal(s.t, "the second of two pages", tea.StringValue(page.KeyVersions.KeyVersion[0].KeyVersionId), first)
	equal(s.t, "PageNumber", tea.Int32Value(page.PageNumber), 2)
}

func encryption(s *session) {
	for _, key := range []builtInKey{rsa2048Key, rsa3072Key, rsa4096Key, sm2Key} {
		for _, name := range []string{key.id, key.alias, arn + "key/" + key.id, arn + key.alias} {
			for _, algorithm := range encryptionAlgorithms[key.spec] {
				roundTrip(s, name, key.id, key.version, algorithm)
			}
		}
	}
}

func signatures(s *session) {
	digest, other := sha256.Sum256([]byte("signed")), sha256.Sum256([]byte("not signed"))
	for _, key := range []builtInKey{rsa2048SignKey, rsa3072SignKey, rsa4096SignKey, sm2SignKey, p256SignKey, p256kSignKey} {
		for _, algorithm := range signatureAlgorithms[key.spec] {
			value := sign(s, key, algorithm, digest[:])
			equal(s.t, algorithm+" of the digest", verify(s, key, algorithm, digest[:], value), true)
			equal(s.t, algorithm+" of another digest", verify(s, key, algorithm, other[:], value), false)
		}
	}
}

func sign(s *session, key builtInKey, algorithm string, digest []byte) []byte {
	s.t.Helper()
	signed := call(s, s.AsymmetricSign, &kms.AsymmetricSignRequest{
		KeyId: new(key.alias), KeyVersionId: new(key.version), Algorithm: new(algorithm), Digest: encode(digest),
	}).Body
	equal(s.t, "AsymmetricSign's KeyId", tea.StringValue(signed.KeyId), key.id)
	return decode(s.t, signed.Value)
}

func verify(s *session, key builtInKey, algorithm string, digest, value []byte) bool {
	s.t.Helper()
	verified := call(s, s.AsymmetricVerify, &kms.AsymmetricVerifyRequest{
		KeyId: new(key.id), KeyVersionId: new(key.version), Algorithm: new(algorithm), Digest: encode(digest), Value: encode(value),
	}).Body
	if verified.Value == nil {
		s.t.Fatal("AsymmetricVerify answered no Value")
	}
	return *verified.Value
}

var publicKeyForm = regexp.MustCompile(`^-----BEGIN PUBLIC KEY-----\n(?:[A-Za-z0-9+/]{64}\n)+(?:[A-Za-z0-9+/=]{1,63}\n)?-----END PUBLIC KEY-----\n$`)

func publicKeys(s *session) {
	for _, key := range builtInKeys {
		if key.symmetric() {
			_, err := s.GetPublicKey(&kms.GetPublicKeyRequest{KeyId: new(key.id), KeyVersionId: new(key.version)})
			mustRefuse(s.t, err, notSupported)
			continue
		}
		answered := publicKeyPEM(s, key)
		if !publicKeyForm.MatchString(answered) {
			s.t.Errorf("PublicKey of %s is not PEM in the form of the service:\n%q", key.alias, answered)
		}
	}
}

func publicKeyPEM(s *session, key builtInKey) string {
	s.t.Helper()
	answered := call(s, s.GetPublicKey, &kms.GetPublicKeyRequest{KeyId: new(key.id), KeyVersionId: new(key.version)}).Body
	equal(s.t, "GetPublicKey's KeyVersionId", tea.StringValue(answered.KeyVersionId), key.version)
	return tea.StringValue(answered.PublicKey)
}

func aliases(s *session) {
	const name = "alias/conformance/A-1_b"
	from, to := sm2Key.id, rsa2048Key.id
	call(s, s.CreateAlias, &kms.CreateAliasRequest{KeyId: new(from), AliasName: new(name)})
	equalLists(s.t, "aliases of the key", aliasesOf(s, from), []string{sm2Key.alias, name})
	equal(s.t, "the key by its new alias", describedID(s, name), from)
	call(s, s.UpdateAlias, &kms.UpdateAliasRequest{KeyId: new(to), AliasName: new(name)})
	equal(s.t, "the key by the alias moved", describedID(s, name), to)
	equalLists(s.t, "aliases of the key left", aliasesOf(s, from), []string{sm2Key.alias})
	equalLists(s.t, "aliases of the key come to", aliasesOf(s, arn+"key/"+to), []string{rsa2048Key.alias, name})
	listed := call(s, s.ListAliases, &kms.ListAliasesRequest{PageSize: new(int32(100))}).Body
	last := listed.Aliases.Alias[len(listed.Aliases.Alias)-1]
	equal(s.t, "TotalCount", tea.Int32Value(listed.TotalCount), int32(len(builtInKeys)+1))
	equal(s.t, "the newest alias", tea.StringValue(last.AliasName), name)
	equal(s.t, "its ARN", tea.StringValue(last.AliasArn), arn+name)
	equal(s.t, "its key", tea.StringValue(last.KeyId), to)
	call(s, s.DeleteAlias, &kms.DeleteAliasRequest{AliasName: new(name)})
	equalLists(s.t, "aliases of the key after the deletion", aliasesOf(s, to), []string{rsa2048Key.alias})
}

func aliasesOf(s *session, keyID string) (names []string) {
	s.t.Helper()
	listed := call(s, s.ListAliasesByKeyId, &kms.ListAliasesByKeyIdRequest{KeyId: new(keyID)}).Body
	for _, alias := range listed.Aliases.Alias {
		names = append(names, tea.StringValue(alias.AliasName))
	}
	equal(s.t, "TotalCount", int(tea.Int32Value(listed.TotalCount)), len(names))
	return names
}

func describedID(s *session, name string) string {
	s.t.Helper()
	return tea.StringValue(describe(s, name).KeyId)
}

func describe(s *session, name string) *kms.DescribeKeyResponseBodyKeyMetadata {
	s.t.Helper()
	return call(s, s.DescribeKey, &kms.DescribeKeyRequest{KeyId: new(name)}).Body.KeyMetadata
}

func states(s *session) {
	id := rsa2048Key.id
	state := func() string { return tea.StringValue(describe(s, id).KeyState) }
	call(s, s.DisableKey, &kms.DisableKeyRequest{KeyId: new(id)})
	equal(s.t, "state when disabled", state(), "Disabled")
	call(s, s.EnableKey, &kms.EnableKeyRequest{KeyId: new(id)})
	equal(s.t, "state when enabled", state(), "Enabled")
	roundTrip(s, id, id, rsa2048Key.version, "RSAES_OAEP_SHA_256")
	before := time.Now().Add(7 * 24 * time.Hour).Truncate(time.Second)
	call(s, s.ScheduleKeyDeletion, &kms.ScheduleKeyDeletionRequest{KeyId: new(id), PendingWindowInDays: new(int32(7))})
	equal(s.t, "state when scheduled", state(), "PendingDeletion")
	deletion, err := time.Parse("2006-01-02T15:04:05Z", tea.StringValue(describe(s, id).DeleteDate))
	if err != nil || deletion.Before(before) || deletion.After(time.Now().Add(7*24*time.Hour)) {
		s.t.Errorf("DeleteDate %v is not 7 days after the call (%v)", deletion, err)
	}
	call(s, s.CancelKeyDeletion, &kms.CancelKeyDeletionRequest{KeyId: new(id)})
	equal(s.t, "state when taken back", state(), "Enabled")
	equal(s.t, "DeleteDate when taken back", tea.StringValue(describe(s, id).DeleteDate), "")
}

func protection(s *session) {
	id := sm2Key.id
	set := func(on bool) {
		call(s, s.SetDeletionProtection, &kms.SetDeletionProtectionRequest{
			ProtectedResourceArn: new(arn + "key/" + id), EnableDeletionProtection: new(on), DeletionProtectionDescription: new("in use"),
		})
	}
	set(true)
	equal(s.t, "DeletionProtection", tea.StringValue(describe(s, id).DeletionProtection), "Enabled")
	equal(s.t, "DeletionProtectionDescription", tea.StringValue(describe(s, id).DeletionProtectionDescription), "in use")
	_, err := s.ScheduleKeyDeletion(&kms.ScheduleKeyDeletionRequest{KeyId: new(id), PendingWindowInDays: new(int32(7))})
	mustRefuse(s.t, err, refusal{409, "Rejected.StateModifiedFailed", "Keystate modified failed."})
	set(false)
	call(s, s.ScheduleKeyDeletion, &kms.ScheduleKeyDeletionRequest{KeyId: new(id), PendingWindowInDays: new(int32(366))})

	call(s, s.UpdateKeyDescription, &kms.UpdateKeyDescriptionRequest{KeyId: new(rsa2048Key.id), Description: new("说明 a+b c%20d;e&f=g")})
	equal(s.t, "Description", tea.StringValue(describe(s, rsa2048Key.id).Description), "说明 a+b c%20d;e&f=g")
	call(s, s.UpdateKeyDescription, &kms.UpdateKeyDescriptionRequest{KeyId: new(rsa2048Key.id), Description: new("")})
	equal(s.t, "Description emptied", tea.StringValue(describe(s, rsa2048Key.id).Description), "")
}

func listings(s *session) {
	var all []string
	for _, key := range builtInKeys {
		all = append(all, key.id)
	}
	var paged []string
	pages := int32(len(all)+3) / 4
	for number := int32(1); number <= pages; number++ {
		page := listKeys(s, &kms.ListKeysRequest{PageNumber: &number, PageSize: new(int32(4))})
		paged = append(paged, page...)
	}
	equalLists(s.t, "the pages", paged, all)
	equalLists(s.t, "a page past the end", listKeys(s, &kms.ListKeysRequest{PageNumber: new(pages + 1), PageSize: new(int32(4))}), nil)
	call(s, s.DisableKey, &kms.DisableKeyRequest{KeyId: new(rsa3072Key.id)})
	for filters, want := range map[string][]string{
		`[]`: all,
		`[{"Key":"KeyState","Values":["Disabled"]}]`:                                                  {rsa3072Key.id},
		`[{"Key":"KeySpec","Values":["EC_SM2"]},{"Key":"KeyUsage","Values":["SIGN/VERIFY"]}]`:         {sm2SignKey.id},
		`[{"Key":"KeySpec","Values":["RSA_2048","EC_SM2"]},{"Key":"KeyState","Values":["Disabled"]}]`: nil,
	} {
		equalLists(s.t, filters, listKeys(s, &kms.ListKeysRequest{Filters: new(filters), PageSize: new(int32(100))}), want)
	}
}

func listKeys(s *session, in *kms.ListKeysRequest) (ids []string) {
	s.t.Helper()
	listed := call(s, s.ListKeys, in).Body
	for _, key := range listed.Keys.Key {
		id := tea.StringValue(key.KeyId)
		equal(s.t, "KeyArn", tea.StringValue(key.KeyArn), arn+"key/"+id)
		ids = append(ids, id)
	}
	return ids
}

func regions(s *session) {
	out, err := s.DescribeRegions()
	if err != nil {
		s.t.Fatal(err)
	}
	s.answered("DescribeRegions") // it has no request, which call needs
	var ids []string
	for _, r := range out.Body.Regions.Region {
		ids = append(ids, tea.StringValue(r.RegionId))
	}
	if !slices.Contains(ids, region) || !slices.Contains(ids, "ap-southeast-1") {
		s.t.Errorf("regions %s lack %s or ap-southeast-1", strings.Join(ids, " "), region)
	}
}

func TestTheSamePlaintextIsNeverEncryptedAlike(t *testing.T) {
	s := connect(t, config(start(t), signingV3))
	seen := map[string]bool{}
	for _, key := range []builtInKey{rsa2048Key, sm2Key} {
		for range 50 {
			in := encryptRequest(key.id, key.version, encryptionAlgorithms[key.spec][0], []byte("the same"))
			seen[tea.StringValue(call(s, s.AsymmetricEncrypt, in).Body.CiphertextBlob)] = true
		}
	}
	equal(t, "different ciphertexts", len(seen), 100)
}
