package emulatortest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/alikms/alikms/emulator/emulatortest"
)

// encrypt is the code under test. It tries again when KMS is busy; so long as
// there is nothing else to do, at once.
func encrypt(endpoint, plaintext string) (ciphertext string, err error) {
	for range 3 {
		response, err := http.PostForm("http://"+endpoint, url.Values{
			"Action":       {"AsymmetricEncrypt"},
			"KeyId":        {"alias/payments"},
			"KeyVersionId": {"2ab1a983-7072-4bbc-a582-584b5bd80001"},
			"Algorithm":    {"RSAES_OAEP_SHA_256"},
			"Plaintext":    {plaintext},
		})
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		var answer struct{ CiphertextBlob, Code string }
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return "", err
		}
		switch answer.Code {
		case "":
			return answer.CiphertextBlob, nil
		case "Rejected.Throttling":
			continue
		}
		return "", errors.New(answer.Code)
	}
	return "", errors.New("KMS is busy")
}

// A throttled call is tried again, once. In a test, t is its *testing.T.
func Example() {
	t := newRun()
	defer t.end()

	kms := emulatortest.Start(t, emulatortest.Files("../../fixtures/keys.yaml"))
	kms.FailNext("AsymmetricEncrypt", "Rejected.Throttling")

	ciphertext, err := encrypt(kms.Endpoint, "SGVsbG8=")
	fmt.Println(len(ciphertext) > 0, err)

	for _, call := range kms.Calls(emulatortest.Where{Operation: "AsymmetricEncrypt"}) {
		fmt.Printf("%d %q\n", call.Status, call.Code)
	}
	// Output:
	// true <nil>
	// 429 "Rejected.Throttling"
	// 200 ""
}
