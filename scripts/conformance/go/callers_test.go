package conformance

import (
	"regexp"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
)

// Who may call, and what those who may not are told.

func TestASignatureWithTheWrongSecretIsToldTheStringToSign(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	hash := "[0-9a-f]{64}"
	for _, c := range []struct {
		by      signing
		message string // a regular expression
	}{
		{signingV3, `^Specified signature does not match our calculation\. server StringToSign is \[ACS3-HMAC-SHA256\n` + hash + `\]$`},
		{signingV3SM3, `^Specified signature does not match our calculation\. server StringToSign is \[ACS3-HMAC-SM3\n` + hash + `\]$`},
		{signingV1, `^Specified signature is not matched with our calculation\. server string to sign is:POST&%2F&AccessKeyId%3Dtestid%26Action%3DListKeys%26.*%26Version%3D2016-01-20$`},
		{signingV4, `^Specified signature does not match our calculation\. server StringToSign is \[ACS4-HMAC-SHA256\n` + hash + `\]$`},
	} {
		t.Run(c.by.name, func(t *testing.T) {
			wrong := config(endpoint, c.by)
			wrong.AccessKeySecret = new("wrong")
			_, err := connect(t, wrong).ListKeys(&kms.ListKeysRequest{})
			got := refusalOf(t, err)
			equal(t, "status", got.status, 400)
			equal(t, "code", got.code, "SignatureDoesNotMatch")
			if !regexp.MustCompile(c.message).MatchString(got.message) {
				t.Errorf("message %q is not of the form %s", got.message, c.message)
			}
		})
	}
}

func TestACallerThatIsNotKnownOrDoesNotSignIsRefused(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	for _, by := range signings {
		t.Run(by.name, func(t *testing.T) {
			stranger := config(endpoint, by)
			stranger.AccessKeyId = new("stranger")
			_, err := connect(t, stranger).ListKeys(&kms.ListKeysRequest{})
			mustRefuse(t, err, refusal{404, "InvalidAccessKeyId.NotFound", "The Access Key ID provided does not exist in our records."})
			for _, id := range []string{"test id", "测试", "id;drop", "a+b"} {
				malformed := config(endpoint, by)
				malformed.AccessKeyId = new(id)
				_, err = connect(t, malformed).ListKeys(&kms.ListKeysRequest{})
				mustRefuse(t, err, invalid("AccessKeyId"))
			}
			err = connect(t, config(endpoint, by)).send(action{name: "ListKeys", authType: "Anonymous"})
			mustRefuse(t, err, refusal{400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action."})
		})
	}
}

func TestAWayToSignThatIsNotEmulatedIsRefused(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	invalidMethod := refusal{400, "InvalidSignatureMethod", "Specified signature method is not valid."}
	for _, by := range signings {
		t.Run("bearer token by "+by.name, func(t *testing.T) {
			bearer := config(endpoint, by)
			bearer.AccessKeyId, bearer.AccessKeySecret, bearer.BearerToken = nil, nil, new("token")
			_, err := connect(t, bearer).ListKeys(&kms.ListKeysRequest{})
			mustRefuse(t, err, invalidMethod)
		})
	}
	t.Run("V4 with SM3", func(t *testing.T) {
		sm3 := signing{version: "v4", algorithm: "ACS4-HMAC-SM3"}
		_, err := connect(t, config(endpoint, sm3)).ListKeys(&kms.ListKeysRequest{})
		mustRefuse(t, err, invalidMethod)
	})
}

func TestAnIncompleteSignatureIsRefused(t *testing.T) {
	s := connect(t, config(start(t, "--credential", credential), signingV3))
	for name, a := range map[string]action{
		"parameters without Signature":    {query: map[string]*string{"AccessKeyId": new(accessKeyID)}},
		"Authorization without Signature": {headers: map[string]*string{"Authorization": new("ACS3-HMAC-SHA256 Credential=" + accessKeyID)}},
	} {
		a.name, a.authType = "ListKeys", "Anonymous" // the SDK adds no signature of its own
		t.Run(name, func(t *testing.T) { mustRefuse(t, s.send(a), incompleteSignature) })
	}
}

func TestAnyCallerIsServedWhileNoCredentialIsConfigured(t *testing.T) {
	endpoint := start(t)
	for _, by := range signings {
		stranger := config(endpoint, by)
		stranger.AccessKeyId, stranger.AccessKeySecret = new("stranger"), new("any")
		s := connect(t, stranger)
		call(s, s.ListKeys, &kms.ListKeysRequest{})
		if err := s.send(action{name: "ListKeys", authType: "Anonymous"}); err != nil {
			t.Errorf("%s, not signed: %v", by.name, err)
		}
	}
}

// stamp is an action whose time and nonce the SDK does not choose itself.
func stamp(by signing, date, nonce string) action {
	a := action{name: "ListKeys"}
	if by == signingV1 {
		a.query = map[string]*string{"Timestamp": &date, "SignatureNonce": &nonce}
	} else {
		a.headers = map[string]*string{"x-acs-date": &date, "x-acs-signature-nonce": &nonce}
	}
	return a
}

var incompleteSignature = refusal{400, "IncompleteSignature", "The request signature does not conform to Alibaba Cloud standards."}

func TestTimeAndNonceOfASignatureAreVerified(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	at := func(off time.Duration) string { return time.Now().UTC().Add(off).Format("2006-01-02T15:04:05Z") }
	expired := refusal{400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."}
	for _, by := range signings {
		t.Run(by.name, func(t *testing.T) {
			s := connect(t, config(endpoint, by))
			for _, c := range []struct {
				name, date, nonce string
				want              refusal
			}{
				{"16 minutes old", at(-16 * time.Minute), by.name + "-old", expired},
				{"16 minutes ahead", at(16 * time.Minute), by.name + "-ahead", expired},
				{"no time", "yesterday", by.name + "-yesterday", refusal{400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."}},
				{"empty time", "", by.name + "-empty", refusal{400, "IllegalTimestamp", `The input parameter "Timestamp" that is mandatory for processing this request is not supplied.`}},
				{"empty nonce", at(0), "", refusal{400, "MissingSignatureNonce", "SignatureNonce is mandatory for this action."}},
			} {
				t.Run(c.name, func(t *testing.T) { mustRefuse(t, s.send(stamp(by, c.date, c.nonce)), c.want) })
			}
			again := stamp(by, at(-14*time.Minute), by.name+"-again")
			if err := s.send(again); err != nil {
				t.Fatalf("14 minutes old: %v", err)
			}
			mustRefuse(t, s.send(again), refusal{400, "SignatureNonceUsed", "Specified signature nonce was used already."})
		})
	}
}

// callersScenario has an AccessKey of STS, one that may only encrypt, and one
// that may do nothing.
const callersScenario = `
credentials:
  - {accessKeyId: visitor, accessKeySecret: visitor-secret, securityToken: visitor-token}
  - accessKeyId: app
    accessKeySecret: app-secret
    policy: {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:AsymmetricEncrypt", "Resource": "acs:kms:*:*:key/key-hzz630494463ejqjx0001"}]}
  - {accessKeyId: intruder, accessKeySecret: other-secret, policy: {"Version": "1", "Statement": []}}
`

// as changes who calls.
func as(c *openapi.Config, id, secret, token string) *openapi.Config {
	c.AccessKeyId, c.AccessKeySecret = &id, &secret
	if token != "" {
		c.SecurityToken = &token
	}
	return c
}

func TestAnSTSTokenHasToComeWithItsAccessKey(t *testing.T) {
	endpoint := startScenario(t, callersScenario)
	for _, by := range signings {
		t.Run(by.name, func(t *testing.T) {
			visitor := func(token string) *session {
				return connect(t, as(config(endpoint, by), "visitor", "visitor-secret", token))
			}
			roundTrip(visitor("visitor-token"), sm2Key.id, sm2Key.id, sm2Key.version, "SM2PKE")
			_, err := visitor("").ListKeys(&kms.ListKeysRequest{})
			mustRefuse(t, err, refusal{400, "MissingSecurityToken", "SecurityToken is mandatory for this action."})
			_, err = visitor("another").ListKeys(&kms.ListKeysRequest{})
			mustRefuse(t, err, refusal{400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."})
		})
	}
}

func TestAPolicyIsAskedForEachCall(t *testing.T) {
	endpoint := startScenario(t, callersScenario)
	for _, by := range signings {
		t.Run(by.name, func(t *testing.T) {
			app := connect(t, as(config(endpoint, by), "app", "app-secret", ""))
			intruder := connect(t, as(config(endpoint, by), "intruder", "other-secret", ""))
			in := encryptRequest(rsa2048Key.alias, rsa2048Key.version, "RSAES_OAEP_SHA_256", []byte("a"))
			call(app, app.AsymmetricEncrypt, in)
			forbidden := refusal{403, "Forbidden.NoPermission", "This operation for " + arn + "key/" + rsa2048Key.id + " is forbidden by permission system."}
			_, err := intruder.AsymmetricEncrypt(in)
			mustRefuse(t, err, forbidden)
			_, err = app.DescribeKey(&kms.DescribeKeyRequest{KeyId: new(rsa2048Key.id)})
			mustRefuse(t, err, forbidden)
			in.DryRun = new("true")
			_, err = app.AsymmetricEncrypt(in)
			mustRefuse(t, err, dryRunSucceeds)
			_, err = intruder.AsymmetricEncrypt(in)
			mustRefuse(t, err, refusal{403, "AccessDeniedError", "The request would have been refused by the permission system."})
		})
	}
}
