package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"runtime"

	"golang.org/x/sync/semaphore"

	"github.com/alikms/alikms/emulator/internal/bench/formjson"
)

// serveFloor is a process of its own: the least a server has to do that does the
// same cryptography. The gate is as wide as that of alikms.
func serveFloor(keysFile string, gated bool) error {
	text, err := os.ReadFile(keysFile)
	if err != nil {
		return err
	}
	var keys []testKey
	if err := json.Unmarshal(text, &keys); err != nil {
		return err
	}
	ring, err := parseKeys(keys)
	if err != nil {
		return err
	}
	return formjson.Serve(floor(ring, gated))
}

func floor(ring keyring, gated bool) http.Handler {
	gate := semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0)))
	return formjson.Handler(func(r *http.Request, form url.Values) (formjson.Answer, error) {
		work, err := ring.work(form)
		if err == nil && gated {
			err = gate.Acquire(r.Context(), 1)
		}
		if err != nil {
			return formjson.Answer{}, err
		}
		if gated {
			defer gate.Release(1)
		}
		return work()
	})
}
