package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// Faults, quotas and instances of a scenario, as the SDK sees them.

// startScenario runs alikms with the built-in keys and a scenario beside them.
func startScenario(t *testing.T, scenario string, flags ...string) (endpoint string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, append([]string{"--fixture", defaultScenario, "--fixture", file}, flags...)...)
}

// faultCases are errors that a fault is told to answer, each to a caller of its
// own. The SDK has a kind of error of its own for the Throttling codes and for
// statuses from 500.
var faultCases = []struct {
	error string // in the scenario
	want  refusal
}{
	{"Rejected.Throttling", refusal{429, "Rejected.Throttling", "QPS Limit Exceeded"}},
	{"Throttling", refusal{400, "Throttling", "Request was denied due to request throttling."}},
	{"Throttling.User", refusal{400, "Throttling.User", "Request was denied due to user flow control."}},
	{"Throttling.Api", refusal{400, "Throttling.Api", "Request was denied due to api flow control."}},
	{"InternalFailure", refusal{500, "InternalFailure", "Internal Failure."}},
	{"ServiceUnavailableTemporary", refusal{503, "ServiceUnavailableTemporary", "Service Unavailable Temporary."}},
	{"Forbidden.AccessKey", refusal{403, "Forbidden.AccessKey", "This AccessKey is not enabled."}},
	{"Forbidden.KmsServiceNotEnabled", refusal{403, "Forbidden.KmsServiceNotEnabled", "Kms service is not Enabled for current user. Please get access permission first."}},
	{"InvalidParameter", refusal{400, "InvalidParameter", "The specified parameter is not valid."}},
	{"{code: Teapot, status: 418, message: short and stout}", refusal{418, "Teapot", "short and stout"}},
}

func faultsScenario() string {
	var scenario strings.Builder
	scenario.WriteString("faults:\n")
	for i, c := range faultCases {
		fmt.Fprintf(&scenario, "  - {name: fault-%d, match: {accessKeyId: caller-%d}, error: %s}\n", i, i, c.error)
	}
	return scenario.String()
}

func TestEachFaultArrivesWithStatusCodeAndMessage(t *testing.T) {
	endpoint := startScenario(t, faultsScenario())
	for _, by := range signings {
		for i, c := range faultCases {
			t.Run(by.name+" "+c.want.code, func(t *testing.T) {
				s := connect(t, as(config(endpoint, by), fmt.Sprintf("caller-%d", i), accessKeySecret, ""))
				_, err := s.ListKeys(&kms.ListKeysRequest{})
				mustRefuse(t, err, c.want)
			})
		}
	}
}

// What an SDK makes of a code does not depend on the operation.
func TestEachErrorOfTheCatalogueIsTold(t *testing.T) {
	endpoint := start(t)
	sdks := map[string]officialSDK{
		"current": connect(t, config(endpoint, signingV3)),
		"classic": classicSDK{connectClassic(t, endpoint, accessKeyID, accessKeySecret), endpoint},
	}
	var catalogue struct {
		Errors []struct {
			Code    string
			Status  int
			Message string
		}
	}
	if err := json.Unmarshal(alikms.Control(t, endpoint, "GET", "errors", ""), &catalogue); err != nil {
		t.Fatal(err)
	}
	for _, e := range catalogue.Errors {
		alikms.Control(t, endpoint, "PUT", "faults/each", "{match: {operation: ListKeys}, error: "+e.Code+"}")
		for name, sdk := range sdks {
			t.Run(name+" "+e.Code, func(t *testing.T) {
				c := &conversation{t: t, sdk: sdk, endpoint: endpoint}
				c.refuse(refusal{e.Status, e.Code, e.Message}, "ListKeys", nil)
			})
		}
	}
}

func TestAScriptOfFaultsIsFollowedCallByCall(t *testing.T) {
	s := connect(t, config(startScenario(t, `
faults: [{name: first-two, match: {operation: AsymmetricEncrypt}, script: [{error: Rejected.Throttling, times: 2}, {pass: 1}, {error: InternalFailure}]}]
`), signingV3))
	in := encryptRequest(sm2Key.id, sm2Key.version, "SM2PKE", []byte("a"))
	var got []string
	for range 5 {
		out, err := s.AsymmetricEncrypt(in)
		if err != nil {
			got = append(got, refusalOf(t, err).code)
			continue
		}
		got = append(got, "passed")
		equal(t, "mark of a fault", tea.StringValue(out.Headers["x-alikms-fault"]), "")
	}
	equalLists(t, "outcomes", got, []string{"Rejected.Throttling", "Rejected.Throttling", "passed", "InternalFailure", "passed"})
}

func TestADelayedAnswerArrivesMarkedWithItsFault(t *testing.T) {
	s := connect(t, config(startScenario(t, `
faults: [{name: slow, match: {operation: DescribeKey}, delay: 30ms}]
`), signingV3))
	began := time.Now()
	out := call(s, s.DescribeKey, &kms.DescribeKeyRequest{KeyId: new(sm2Key.id)})
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("answered after %v, want the delay of 30ms", took)
	}
	equal(t, "x-alikms-fault", tea.StringValue(out.Headers["x-alikms-fault"]), "slow")
}

func TestAConnectionFaultIsATransportErrorAndTheNextCallPasses(t *testing.T) {
	for _, by := range signings {
		t.Run(by.name, func(t *testing.T) {
			s := connect(t, config(startScenario(t, `
faults:
  - {name: reset, match: {operation: DescribeKey}, script: [{connection: reset}]}
  - {name: cut, match: {operation: ListKeys}, script: [{connection: truncate, phase: after}]}
  - {name: lost, match: {operation: CreateAlias}, script: [{connection: reset, phase: after}]}
`), by))
			_, err := s.DescribeKey(&kms.DescribeKeyRequest{KeyId: new(sm2Key.id)})
			mustBreak(t, "reset before", err, syscall.ECONNRESET)
			describe(s, sm2Key.id)
			_, err = s.ListKeys(&kms.ListKeysRequest{})
			mustBreak(t, "truncated", err, io.ErrUnexpectedEOF)
			equal(t, "keys listed by the next call", len(listKeys(s, &kms.ListKeysRequest{PageSize: new(int32(100))})), len(builtInKeys))
			alias := &kms.CreateAliasRequest{KeyId: new(sm2Key.id), AliasName: new("alias/lost")}
			_, err = s.CreateAlias(alias)
			mustBreak(t, "reset after", err, syscall.ECONNRESET)
			_, err = s.CreateAlias(alias)
			mustRefuse(t, err, aliasExists) // the call whose answer was lost took effect
		})
	}
}

// mustBreak says that err is of the transport, and no answer of the service.
func mustBreak(t *testing.T, what string, err, want error) {
	t.Helper()
	var sdk *tea.SDKError
	if !errors.Is(err, want) || errors.As(err, &sdk) && tea.IntValue(sdk.StatusCode) != 0 {
		t.Errorf("%s: got %v (%T), want the transport error %q", what, err, err, want)
	}
}

func TestAFrozenQuotaLetsExactlyItsRatePass(t *testing.T) {
	endpoint := startScenario(t, `
clock: 2026-01-01T00:00:00Z
credentials: [{accessKeyId: testid, accessKeySecret: testsecret}]
quotas: [{name: encryptions, match: {operation: AsymmetricEncrypt}, rate: 5/s}]
`)
	s := connect(t, config(endpoint, signingV3))
	in := encryptRequest(sm2Key.id, sm2Key.version, "SM2PKE", []byte("a"))
	for range 5 {
		call(s, s.AsymmetricEncrypt, in)
	}
	for _, by := range signings {
		_, err := connect(t, config(endpoint, by)).AsymmetricEncrypt(in)
		mustRefuse(t, err, refusal{429, "Rejected.Throttling", "QPS Limit Exceeded"})
	}
	describe(s, sm2Key.id) // another operation has room
}

func TestAFullAccountIsToldSo(t *testing.T) {
	const limit = 300 // aliases of an account ("Limits", /kms/support/limits)
	var scenario strings.Builder
	scenario.WriteString("quotas: [{profile: resources}]\nkeys:\n  - {keyId: key-full, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [")
	for i := range limit - len(builtInKeys) - 1 {
		fmt.Fprintf(&scenario, "alias/full-%d, ", i)
	}
	scenario.WriteString("alias/full]}\n")
	s := connect(t, config(startScenario(t, scenario.String()), signingV3))
	one := &kms.CreateAliasRequest{KeyId: new(sm2Key.id), AliasName: new("alias/one-more")}
	_, err := s.CreateAlias(one)
	mustRefuse(t, err, refusal{400, "Rejected.LimitExceeded", "The request was rejected because user create resource limit was exceeded."})
	call(s, s.DeleteAlias, &kms.DeleteAliasRequest{AliasName: new("alias/full")})
	call(s, s.CreateAlias, one)
}

func TestAKeyOfAnInstanceWorksOnTheSharedGatewayWithPublicAccessOnly(t *testing.T) {
	s := connect(t, config(startScenario(t, `
instances:
  - {instanceId: kst-hzz65f176a0ogplgq0001}
  - {instanceId: kst-hzz65f176a0ogplgq0002, publicAccess: true}
`), signingV3))
	for instance, public := range map[string]bool{"kst-hzz65f176a0ogplgq0001": false, "kst-hzz65f176a0ogplgq0002": true} {
		created := call(s, s.CreateKey, &kms.CreateKeyRequest{
			KeySpec: new("EC_SM2"), KeyUsage: new("ENCRYPT/DECRYPT"), DKMSInstanceId: new(instance),
		}).Body.KeyMetadata
		id := tea.StringValue(created.KeyId)
		equal(t, "DKMSInstanceId", tea.StringValue(describe(s, id).DKMSInstanceId), instance)
		if version := versionIDs(s, id)[0]; public {
			roundTrip(s, id, id, version, "SM2PKE")
		} else {
			_, err := s.AsymmetricEncrypt(encryptRequest(id, version, "SM2PKE", []byte("a")))
			mustRefuse(t, err, refusal{400, "UnsupportedOperation", "This action is not supported."})
		}
	}
}
