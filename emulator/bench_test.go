package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

// A ratio is of times taken in turns in the same run, so that what else the
// machine does falls on both sides.

// timed measures calls that have to succeed.
func timed(b *testing.B, s http.Handler, calls int, params url.Values) time.Duration {
	began := time.Now()
	for range calls {
		if a := serve(s, params); a.status != http.StatusOK {
			b.Fatalf("%d %s", a.status, a.body)
		}
	}
	return time.Since(began)
}

// compareInTurns reports how much longer the second takes than the first.
func compareInTurns(b *testing.B, first, second func(calls int) time.Duration) {
	first(100) // warms caches: the first call parses the key
	second(100)
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, float64(second(20))/float64(first(20)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
}

// Nothing configured against a journal of 1000 and rules that match other calls:
// what is not used costs nothing, what is used little.
func BenchmarkEncryptBesideJournalAndRules(b *testing.B) {
	plain := bareServer(b)
	full := bareServer(b, func(o *Options) {
		o.Journal = 1000
		rules := scenarioOf(b, `
quotas: [{profile: shared-gateway, match: {accessKeyId: other}}, {name: q, rate: 1000/s, match: {operation: AsymmetricDecrypt}}]
faults:
  - {name: a, match: {operation: CreateKey}, error: InternalFailure}
  - {name: b, match: {accessKeyId: other}, delay: 1s}
  - {name: c, match: {algorithm: RSAES_OAEP_SHA_1}, connection: reset}`)
		o.Scenario.Quotas, o.Scenario.Faults = rules.Quotas, rules.Faults
	})
	for name, params := range map[string]url.Values{
		"RSA_2048": form("AsymmetricEncrypt", "KeyId", rsaKey, "KeyVersionId", rsaVersion, "Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "SGVsbG8="),
		"EC_SM2":   encryption(),
	} {
		b.Run(name, func(b *testing.B) {
			compareInTurns(b,
				func(calls int) time.Duration { return timed(b, plain, calls, params) },
				func(calls int) time.Duration { return timed(b, full, calls, params) })
		})
	}
}

// A rule about a key makes every call look its key up.
func BenchmarkEncryptBesideARuleAboutAKey(b *testing.B) {
	plain := bareServer(b)
	asked := bareServer(b, func(o *Options) {
		o.Scenario.Faults = scenarioOf(b, "faults: [{name: a, match: {keyId: "+rsaKey+", operation: AsymmetricDecrypt}, error: InternalFailure}]").Faults
	})
	compareInTurns(b,
		func(calls int) time.Duration { return timed(b, plain, calls, encryption()) },
		func(calls int) time.Duration { return timed(b, asked, calls, encryption()) })
}

// Encryption by as many callers as a busy test suite has, and its slowest
// hundredth.
func BenchmarkEncryptBy16Callers(b *testing.B) {
	s := bareServer(b)
	timed(b, s, 10, encryption())
	b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
	took := make(chan []time.Duration, 1024)
	b.RunParallel(func(pb *testing.PB) {
		var own []time.Duration
		for pb.Next() {
			own = append(own, timed(b, s, 1, encryption()))
		}
		took <- own
	})
	close(took)
	var all []time.Duration
	for own := range took {
		all = append(all, own...)
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// withKeys is a server with that many keys that only listings read.
func withKeys(b *testing.B, count int) *Server {
	s := bareServer(b, func(o *Options) { o.Scenario = scenarioOf(b, "clock: 2026-06-01T00:00:00Z") })
	err := s.kms.Store.Update(func(tx *store.Tx) error {
		for i := range count {
			key := store.Key{Scope: s.scope, ID: fmt.Sprintf("key-%06d", i), Spec: "EC_SM2", Usage: "SIGN/VERIFY", State: kms.StateEnabled, CreationDate: s.clock.now()}
			if err := tx.InsertKey(key); err != nil {
				return err
			}
			alias := store.Alias{Scope: s.scope, Name: fmt.Sprintf("alias/%06d", i), KeyID: key.ID, CreationDate: s.clock.now()}
			if err := tx.InsertAlias(alias); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// 10,000 keys list as fast as 10.
func BenchmarkListing10Beside10000(b *testing.B) {
	few, many := withKeys(b, 10), withKeys(b, 10_000)
	for _, action := range []string{"ListKeys", "ListAliases"} {
		b.Run(action, func(b *testing.B) {
			compareInTurns(b,
				func(calls int) time.Duration { return timed(b, few, calls, form(action)) },
				func(calls int) time.Duration { return timed(b, many, calls, form(action)) })
		})
	}
}
