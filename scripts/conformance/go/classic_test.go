package conformance

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	classic "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
)

// The classic Go SDK, which is in the aliyun CLI and in Vault too. It panics
// where Code, Message, RequestId, HostId or Recommend of an error is no text.

func connectClassic(t *testing.T, endpoint, id, secret string) *classic.Client {
	t.Helper()
	c, err := classic.NewClientWithOptions(region, sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential(id, secret))
	if err != nil {
		t.Fatal(err)
	}
	c.Domain = endpoint
	return c
}

func TestTheClassicSDKEncryptsSignsAndLists(t *testing.T) {
	for name, flags := range map[string][]string{"unverified": nil, "verified": {"--credential", credential}} {
		t.Run(name, func(t *testing.T) {
			c := connectClassic(t, start(t, flags...), accessKeyID, accessKeySecret)
			t.Run("encryption", func(t *testing.T) { classicEncryption(t, c) })
			t.Run("signature", func(t *testing.T) { classicSignature(t, c) })
			t.Run("aliases and states", func(t *testing.T) { classicStates(t, c) })
			for _, format := range []string{"JSON", "XML"} {
				t.Run("listings in "+format, func(t *testing.T) { classicListings(t, c, format) })
			}
		})
	}
}

func classicEncryption(t *testing.T, c *classic.Client) {
	plaintext := base64.StdEncoding.EncodeToString([]byte("attack at dawn"))
	encrypt := classic.CreateAsymmetricEncryptRequest()
	encrypt.KeyId, encrypt.KeyVersionId, encrypt.Algorithm, encrypt.Plaintext = rsa2048Key.alias, rsa2048Key.version, "RSAES_OAEP_SHA_256", plaintext
	encrypted, err := c.AsymmetricEncrypt(encrypt)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "KeyId", encrypted.KeyId, rsa2048Key.id)
	decrypt := classic.CreateAsymmetricDecryptRequest()
	decrypt.KeyId, decrypt.KeyVersionId, decrypt.Algorithm, decrypt.CiphertextBlob = rsa2048Key.id, rsa2048Key.version, "RSAES_OAEP_SHA_256", encrypted.CiphertextBlob
	decrypted, err := c.AsymmetricDecrypt(decrypt)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "Plaintext", decrypted.Plaintext, plaintext)
}

func classicSignature(t *testing.T, c *classic.Client) {
	digest := base64.StdEncoding.EncodeToString(make([]byte, 32))
	sign := classic.CreateAsymmetricSignRequest()
	sign.KeyId, sign.KeyVersionId, sign.Algorithm, sign.Digest = sm2SignKey.id, sm2SignKey.version, "SM2DSA", digest
	signed, err := c.AsymmetricSign(sign)
	if err != nil {
		t.Fatal(err)
	}
	verify := classic.CreateAsymmetricVerifyRequest()
	verify.KeyId, verify.KeyVersionId, verify.Algorithm, verify.Digest, verify.Value = sm2SignKey.id, sm2SignKey.version, "SM2DSA", digest, signed.Value
	for want, digest := range map[bool]string{true: digest, false: base64.StdEncoding.EncodeToString(append(make([]byte, 31), 1))} {
		verify.Digest = digest
		verified, err := c.AsymmetricVerify(verify)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "Value", verified.Value, want)
	}
}

func classicStates(t *testing.T, c *classic.Client) {
	create := classic.CreateCreateAliasRequest()
	create.KeyId, create.AliasName = sm2Key.id, "alias/classic"
	if _, err := c.CreateAlias(create); err != nil {
		t.Fatal(err)
	}
	schedule := classic.CreateScheduleKeyDeletionRequest()
	schedule.KeyId, schedule.PendingWindowInDays = sm2Key.id, requests.NewInteger(7)
	if _, err := c.ScheduleKeyDeletion(schedule); err != nil {
		t.Fatal(err)
	}
	describe := classic.CreateDescribeKeyRequest()
	describe.KeyId = "alias/classic"
	described, err := c.DescribeKey(describe)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "KeyState", described.KeyMetadata.KeyState, "PendingDeletion")
	equal(t, "KeyId", described.KeyMetadata.KeyId, sm2Key.id)
}

func classicListings(t *testing.T, c *classic.Client, format string) {
	keys := classic.CreateListKeysRequest()
	keys.AcceptFormat = format
	keys.PageSize = requests.NewInteger(4)
	listed, err := c.ListKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "TotalCount", listed.TotalCount, len(builtInKeys))
	equal(t, "keys of the page", len(listed.Keys.Key), 4)
	equal(t, "first key", listed.Keys.Key[0].KeyId, rsa2048Key.id)
	versions := classic.CreateListKeyVersionsRequest()
	versions.AcceptFormat = format
	versions.KeyId = rsa2048Key.alias
	found, err := c.ListKeyVersions(versions)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "versions", len(found.KeyVersions.KeyVersion), 1)
	equal(t, "version", found.KeyVersions.KeyVersion[0].KeyVersionId, rsa2048Key.version)
}

// classicRefusal reads an error of the classic SDK, and checks what is in all.
func classicRefusal(t *testing.T, endpoint string, err error) (refusal, *sdkerrors.ServerError) {
	t.Helper()
	var server *sdkerrors.ServerError
	if !errors.As(err, &server) {
		t.Fatalf("got error %v (%T), want an answer of the service", err, err)
	}
	equal(t, "HostId", server.HostId(), endpoint)
	if id := server.RequestId(); !uuidForm.MatchString(id) || http.Header(server.RespHeaders).Get("x-acs-request-id") != id {
		t.Errorf("RequestId %q is not a UUID, or not that of the headers %v", id, server.RespHeaders)
	}
	classicClient.Refused(server.ErrorCode())
	return refusal{server.HttpStatus(), server.ErrorCode(), server.Message()}, server
}

func TestTheClassicSDKReadsEachKindOfRefusal(t *testing.T) {
	endpoint := start(t)
	c := connectClassic(t, endpoint, accessKeyID, accessKeySecret)
	describe := func(name string) error {
		in := classic.CreateDescribeKeyRequest()
		in.KeyId = name
		_, err := c.DescribeKey(in)
		return err
	}
	enable := func() error {
		in := classic.CreateCancelKeyDeletionRequest()
		in.KeyId = sm2Key.id
		_, err := c.CancelKeyDeletion(in)
		return err
	}
	openService := func() error {
		_, err := c.OpenKmsService(classic.CreateOpenKmsServiceRequest())
		return err
	}
	for _, r := range []struct {
		name string
		err  error
		want refusal
	}{
		{"400", describe(""), missing("KeyId")},
		{"404", describe("unknown"), keyNotFound},
		{"409", enable(), stateModifiedFailed},
		{"not emulated", openService(), notEmulated("OpenKmsService")},
	} {
		t.Run(r.name, func(t *testing.T) {
			got, server := classicRefusal(t, endpoint, r.err)
			equal(t, "refusal", got, r.want)
			equal(t, "Recommend", server.Recommend(), "")
		})
	}
}

// The SDK compares the string to sign in the message with its own. Only when
// they are the same, to the last byte, does it blame the secret.
func TestTheClassicSDKSeesThatTheSecretIsWrong(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	_, err := connectClassic(t, endpoint, accessKeyID, "wrong").ListKeys(classic.CreateListKeysRequest())
	got, server := classicRefusal(t, endpoint, err)
	equal(t, "status", got.status, 400)
	equal(t, "code", got.code, "SignatureDoesNotMatch")
	equal(t, "Recommend", server.Recommend(), "InvalidAccessKeySecret: Please check you AccessKeySecret")
	_, err = connectClassic(t, endpoint, "stranger", "any").ListKeys(classic.CreateListKeysRequest())
	got, _ = classicRefusal(t, endpoint, err)
	equal(t, "refusal", got, refusal{404, "InvalidAccessKeyId.NotFound", "The Access Key ID provided does not exist in our records."})
}

func TestTheClassicSDKSeesEachFaultAndItsHeaders(t *testing.T) {
	endpoint := startScenario(t, faultsScenario())
	for i, fault := range faultCases {
		t.Run(fault.want.code, func(t *testing.T) {
			_, err := connectClassic(t, endpoint, "caller-"+strconv.Itoa(i), "any").ListKeys(classic.CreateListKeysRequest())
			got, server := classicRefusal(t, endpoint, err)
			equal(t, "refusal", got, fault.want)
			equal(t, "x-alikms-fault", http.Header(server.RespHeaders).Get("x-alikms-fault"), "fault-"+strconv.Itoa(i))
		})
	}
}

func TestAThrottledAnswerSaysWhichRuleAndHowLongToWait(t *testing.T) {
	endpoint := startScenario(t, `
clock: 2026-01-01T00:00:00Z
faults: [{name: wait, match: {operation: ListAliases}, error: Rejected.Throttling, retryAfter: 1s500ms}]
quotas: [{name: listings, match: {operation: ListKeys}, rate: 1/m}]
`)
	c := connectClassic(t, endpoint, accessKeyID, accessKeySecret)
	throttled := refusal{429, "Rejected.Throttling", "QPS Limit Exceeded"}

	_, err := c.ListAliases(classic.CreateListAliasesRequest())
	got, server := classicRefusal(t, endpoint, err)
	equal(t, "refusal by the fault", got, throttled)
	equal(t, "x-acs-retry-after, in milliseconds", http.Header(server.RespHeaders).Get("x-acs-retry-after"), "1500")
	equal(t, "x-alikms-fault", http.Header(server.RespHeaders).Get("x-alikms-fault"), "wait")

	if _, err := c.ListKeys(classic.CreateListKeysRequest()); err != nil {
		t.Fatal(err)
	}
	_, err = c.ListKeys(classic.CreateListKeysRequest())
	got, server = classicRefusal(t, endpoint, err)
	equal(t, "refusal by the quota", got, throttled)
	equal(t, "x-alikms-quota", http.Header(server.RespHeaders).Get("x-alikms-quota"), "listings")
}
