// Command bare is a bare net/http server that reads a form and answers JSON of
// the size of a ciphertext. It holds nothing else, so that its start can be
// compared too.
package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/alikms/alikms/emulator/internal/bench/formjson"
)

func main() {
	ciphertext := make([]byte, 256)
	handler := formjson.Handler(func(_ *http.Request, form url.Values) (formjson.Answer, error) {
		return formjson.Answer{KeyId: form.Get("KeyId"), KeyVersionId: form.Get("KeyVersionId"), CiphertextBlob: ciphertext}, nil
	})
	fmt.Fprintln(os.Stderr, "bare:", formjson.Serve(handler))
	os.Exit(1)
}
