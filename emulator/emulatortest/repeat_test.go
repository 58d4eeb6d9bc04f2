package emulatortest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/emulatortest"
	"github.com/alikms/alikms/fixtures"
)

// Each emulator is given the same value, so it may not write to it either.
func TestParallelEmulatorsShareNothing(t *testing.T) {
	shared := fixtures.Scenario{
		Keys:   []fixtures.Key{{KeyID: "key-a", KeySpec: "EC_SM2", KeyUsage: "ENCRYPT/DECRYPT", Tags: map[string]string{"suite": "all"}}},
		Quotas: []fixtures.Quota{{Profile: "shared-gateway"}},
		Faults: []fixtures.Fault{refuse("down", "ListAliases", "InternalFailure")},
	}
	for n := range 8 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			kms := emulatortest.Start(t, emulatortest.Scenario(shared))
			at := time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC)
			kms.Freeze(at)
			kms.PutFault(refuse(fmt.Sprintf("down-%d", n), "ListKeys", "InternalFailure"))
			for range n {
				expect(t, kms, createSM2Key, 200, "")
				expect(t, kms, "Action=ListKeys", 500, "InternalFailure")
			}
			kms.DeleteFault(fmt.Sprintf("down-%d", n))
			if a := call(t, kms, "Action=ListKeys"); a.TotalCount != 1+n {
				t.Errorf("there are %d keys, not %d", a.TotalCount, 1+n)
			}
			calls := kms.Calls(emulatortest.Where{})
			if len(calls) != 2*n+1 {
				t.Errorf("the journal has %d requests, not %d", len(calls), 2*n+1)
			}
			for _, c := range calls {
				if !c.Time.Equal(at) {
					t.Errorf("a request at %s, not %s", c.Time, at)
				}
			}
			if passed, refused := kms.Quota("shared-gateway"); passed != len(calls) || refused != 0 {
				t.Errorf("the quota let %d pass, and refused %d", passed, refused)
			}
		})
	}
}

// repeated is a scenario with everything that counts calls. Its clock stands.
var repeated = fixtures.Scenario{
	Clock: fixtures.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	Keys:  []fixtures.Key{{KeyID: "key-a", KeySpec: "EC_SM2", KeyUsage: "ENCRYPT/DECRYPT"}},
	Quotas: []fixtures.Quota{{Name: "lists", Rate: fixtures.Rate{Calls: 40, Per: time.Minute},
		Match: fixtures.Match{Operation: fixtures.AnyOf{"ListKeys"}}}},
	Faults: []fixtures.Fault{
		{Name: "every-third", Match: fixtures.Match{Operation: fixtures.AnyOf{"ListKeys"}}, Repeat: "all",
			Script: []fixtures.Step{{Pass: 2}, {Action: fixtures.Action{Error: fixtures.ErrorSpec{Code: "InternalFailure"}}}}},
		{Name: "first-three", Match: fixtures.Match{Operation: fixtures.AnyOf{"AsymmetricEncrypt"}, KeyID: fixtures.AnyOf{"key-a"}},
			Script: []fixtures.Step{{Times: 3, Action: fixtures.Action{Connection: "reset"}}}},
		{Name: "now-and-then", Match: fixtures.Match{Operation: fixtures.AnyOf{"ListAliases"}}, Chance: 0.4, Seed: new(uint64(7)),
			Action: fixtures.Action{Error: fixtures.ErrorSpec{Code: "ServiceUnavailableTemporary"}}},
	},
}

const (
	callers      = 16
	callsOfEach  = 4 // of each operation
	callsOfEvery = callers * callsOfEach
)

// outcome counts calls by operation, status, fault and quota.
type outcome map[string]int

// expectedOutcome follows from how a rule is chosen and a call counted.
func expectedOutcome() outcome {
	random, unlucky := rand.New(rand.NewPCG(7, 0)), 0
	for range callsOfEvery {
		if random.Float64() < 0.4 {
			unlucky++
		}
	}
	return outcome{
		"ListKeys 429  lists":              callsOfEvery - 40,
		"ListKeys 500 every-third ":        40 / 3,
		"ListKeys 200  ":                   40 - 40/3,
		"AsymmetricEncrypt 0 first-three ": 3,
		"AsymmetricEncrypt 200  ":          callsOfEvery - 3,
		"ListAliases 503 now-and-then ":    unlucky,
		"ListAliases 200  ":                callsOfEvery - unlucky,
		"transport errors":                 3,
		"quota passed":                     40,
		"quota refused":                    callsOfEvery - 40,
	}
}

func TestTheSameScenarioAndCallsGiveTheSameOutcome(t *testing.T) {
	runs := 100
	if testing.Short() {
		runs = 5
	}
	want := expectedOutcome()
	for n := range runs {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if got := play(t); !maps.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// play lets all callers call at once.
func play(t *testing.T) outcome {
	kms := emulatortest.Start(t, emulatortest.Scenario(repeated))
	encrypt := "Action=AsymmetricEncrypt&KeyId=key-a&KeyVersionId=" + fixtures.DerivedVersionID("key-a", 1) + "&Algorithm=SM2PKE&Plaintext=SGVsbG8="
	lost := make(chan error, 3*callsOfEvery)
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			for range callsOfEach {
				for _, form := range []string{"Action=ListKeys", encrypt, "Action=ListAliases"} {
					if _, err := send(kms, form); err != nil {
						lost <- err
					}
				}
			}
		})
	}
	calling.Wait()
	got := outcome{"transport errors": len(lost)}
	for _, c := range kms.Calls(emulatortest.Where{}) {
		got[fmt.Sprintf("%s %d %s %s", c.Operation, c.Status, c.Fault, c.Quota)]++
	}
	got["quota passed"], got["quota refused"] = kms.Quota("lists")
	return got
}
