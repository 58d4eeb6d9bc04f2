package emulatortest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alikms/alikms/emulator/emulatortest"
)

// The key of keys.yaml, and calls as a form is written.
const (
	keysFile        = "../../fixtures/keys.yaml"
	paymentsKey     = "key-hzz630494463ejqjx0001"
	paymentsVersion = "2ab1a983-7072-4bbc-a582-584b5bd80001"
	encryptPayment  = "Action=AsymmetricEncrypt&KeyId=alias/payments&KeyVersionId=" + paymentsVersion + "&Algorithm=RSAES_OAEP_SHA_256&Plaintext=SGVsbG8="
	describePayment = "Action=DescribeKey&KeyId=alias/payments"
	createSM2Key    = "Action=CreateKey&KeySpec=EC_SM2&KeyUsage=ENCRYPT/DECRYPT"
)

// client keeps as many connections as callers call at once.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}

// answer is what a call came to.
type answer struct {
	Status      int
	RequestID   string `json:"RequestId"`
	Code        string
	TotalCount  int
	PublicKey   string
	KeyMetadata struct{ KeyId, CreationDate string }
}

// send makes a call as the code under test would. An error is of the transport.
func send(kms *emulatortest.Emulator, form string) (answer, error) {
	return sendTo(kms, "", form)
}

// sendTo is send by a host name; "": that of the emulator.
func sendTo(kms *emulatortest.Emulator, host, form string) (a answer, err error) {
	r, err := http.NewRequest(http.MethodPost, kms.URL, strings.NewReader(form))
	if err != nil {
		return a, err
	}
	r.Host = host
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(r)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	a.Status = response.StatusCode
	return a, json.NewDecoder(response.Body).Decode(&a)
}

// call is send where there has to be an answer.
func call(t *testing.T, kms *emulatortest.Emulator, form string) answer {
	t.Helper()
	a, err := send(kms, form)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// expect makes a call whose status and code are known.
func expect(t *testing.T, kms *emulatortest.Emulator, form string, status int, code string) {
	t.Helper()
	if a := call(t, kms, form); a.Status != status || a.Code != code {
		t.Errorf("%s: answered %d %s, not %d %s", form, a.Status, a.Code, status, code)
	}
}

// hits is how many calls have met a fault, those included that it delays.
func hits(kms *emulatortest.Emulator, fault string) (int, error) {
	response, err := client.Get(kms.URL + "/_emulator/faults/" + url.PathEscape(fault))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var rule struct{ Status struct{ Hits int } }
	return rule.Status.Hits, json.NewDecoder(response.Body).Decode(&rule)
}

// untilHit returns when a call has met a fault.
func untilHit(kms *emulatortest.Emulator, fault string) error {
	for {
		if n, err := hits(kms, fault); n > 0 || err != nil {
			return err
		}
	}
}
