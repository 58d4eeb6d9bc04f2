package emulatortest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/emulator/emulatortest"
	"github.com/alikms/alikms/fixtures"
)

// refuse is a fault that refuses all calls of an operation.
func refuse(name, operation, code string) fixtures.Fault {
	return fixtures.Fault{Name: name, Match: fixtures.Match{Operation: fixtures.AnyOf{operation}}, Action: fixtures.Action{Error: fixtures.ErrorSpec{Code: code}}}
}

func TestPutFaultGoesInFrontAndReplacesByName(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Files(keysFile))
	first := refuse("first", "DescribeKey", "InternalFailure")
	first.Action, first.Script = fixtures.Action{}, []fixtures.Step{{Action: first.Action}}
	kms.PutFault(first)
	expect(t, kms, describePayment, 500, "InternalFailure")
	expect(t, kms, describePayment, 200, "")
	kms.PutFault(first)
	expect(t, kms, describePayment, 500, "InternalFailure") // it began anew
	kms.PutFault(first)
	kms.PutFault(refuse("second", "DescribeKey", "Rejected.Throttling"))
	expect(t, kms, describePayment, 429, "Rejected.Throttling")
	kms.DeleteFault("second")
	expect(t, kms, describePayment, 500, "InternalFailure")
	expect(t, kms, encryptPayment, 200, "")
}

func TestFailNextFailsOneCallOfItsOperation(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Files(keysFile))
	kms.FailNext("DescribeKey", "InternalFailure")
	kms.FailNext("DescribeKey", "Rejected.Throttling")
	expect(t, kms, encryptPayment, 200, "")
	expect(t, kms, describePayment, 429, "Rejected.Throttling")
	expect(t, kms, describePayment, 500, "InternalFailure")
	expect(t, kms, describePayment, 200, "")
	var faults []string
	for _, c := range kms.Calls(emulatortest.Where{Operation: "DescribeKey"}) {
		faults = append(faults, c.Fault)
	}
	if want := []string{"FailNext-2", "FailNext-1", ""}; !slices.Equal(faults, want) {
		t.Errorf("faults %q, not %q", faults, want)
	}
}

func TestFreezeAndAdvanceMoveTheClock(t *testing.T) {
	kms := emulatortest.Start(t)
	at := time.Date(2031, 5, 6, 7, 8, 9, 123456789, time.FixedZone("", 3600+23)) // no time RFC 3339 can write
	kms.Freeze(at)
	if got := call(t, kms, createSM2Key).KeyMetadata.CreationDate; got != "2031-05-06T06:07:46Z" {
		t.Errorf("a key was made at %s", got)
	}
	kms.Advance(0)
	kms.Advance(36*time.Hour + time.Millisecond)
	call(t, kms, createSM2Key)
	kms.Freeze(at.Add(-time.Hour))
	call(t, kms, createSM2Key)
	var times []time.Duration
	for _, c := range kms.Calls(emulatortest.Where{}) {
		times = append(times, c.Time.Sub(at))
	}
	if want := []time.Duration{0, 36*time.Hour + time.Millisecond, -time.Hour}; !slices.Equal(times, want) {
		t.Errorf("calls at %v, not %v", times, want)
	}
}

func TestAdvanceMovesARunningClock(t *testing.T) {
	kms := emulatortest.Start(t)
	kms.Advance(48 * time.Hour)
	before := time.Now()
	call(t, kms, "Action=ListKeys")
	if at := kms.Calls(emulatortest.Where{})[0].Time; at.Before(before.Add(48*time.Hour)) || at.After(time.Now().Add(48*time.Hour)) {
		t.Errorf("the call was at %s, real time is %s", at, before)
	}
}

// Each call differs from the first in one thing, or more where it has to.
func TestCallsAreChosenByEachField(t *testing.T) {
	const instance = "kst-hzz65f176a0ogplgq0001"
	kms := emulatortest.Start(t, emulatortest.Files(keysFile), emulatortest.Scenario(fixtures.Scenario{
		Instances: []fixtures.Instance{{InstanceID: instance}},
		Quotas: []fixtures.Quota{{Name: "aliases", Rate: fixtures.Rate{Calls: 1, Per: time.Hour},
			Match: fixtures.Match{Operation: fixtures.AnyOf{"ListAliases"}}}},
	}))
	expect(t, kms, "Action=ListKeys", 200, "")
	expect(t, kms, describePayment, 200, "")
	expect(t, kms, "Action=ListKeys&AccessKeyId=app", 200, "")
	if a, err := sendTo(kms, instance+".localhost", "Action=ListKeys"); err != nil || a.Code != "UnsupportedOperation" {
		t.Errorf("%+v %v", a, err)
	}
	kms.FailNext("ListKeys", "InternalFailure")
	expect(t, kms, "Action=ListKeys", 500, "InternalFailure")
	expect(t, kms, "Action=ListAliases", 200, "")
	expect(t, kms, "Action=ListAliases", 429, "Rejected.Throttling")
	expect(t, kms, "Action=NoSuchThing", 404, "InvalidAction.NotFound")

	all := kms.Calls(emulatortest.Where{})
	for _, test := range []struct {
		where emulatortest.Where
		want  []int // of all
	}{
		{emulatortest.Where{}, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{emulatortest.Where{Operation: "ListKeys"}, []int{0, 2, 3, 4}},
		{emulatortest.Where{KeyID: paymentsKey}, []int{1}},
		{emulatortest.Where{KeyID: "alias/payments"}, []int{1}},
		{emulatortest.Where{KeyID: "key-that-never-was"}, nil},
		{emulatortest.Where{AccessKeyID: "app"}, []int{2}},
		{emulatortest.Where{Gateway: instance}, []int{3}},
		{emulatortest.Where{Gateway: "shared"}, []int{0, 1, 2, 4, 5, 6, 7}},
		{emulatortest.Where{Fault: "FailNext-1"}, []int{4}},
		{emulatortest.Where{Quota: "aliases"}, []int{6}},
		{emulatortest.Where{Code: "InvalidAction.NotFound"}, []int{7}},
		{emulatortest.Where{RequestID: all[5].RequestID}, []int{5}},
		{emulatortest.Where{Operation: "ListKeys", Gateway: "shared"}, []int{0, 2, 4}},
		{emulatortest.Where{Operation: "ListAliases", AccessKeyID: "app"}, nil},
	} {
		var got []int
		for _, c := range kms.Calls(test.where) {
			got = append(got, slices.IndexFunc(all, func(of emulator.Call) bool { return of.RequestID == c.RequestID }))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v chooses %v, not %v", test.where, got, test.want)
		}
	}
}

func TestCallsSayWhatWasSentAndAnswered(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Files(keysFile))
	sent := call(t, kms, encryptPayment)
	got := kms.Calls(emulatortest.Where{})[0]
	if got.RequestID != sent.RequestID || got.KeyID != paymentsKey || got.Status != 200 {
		t.Errorf("%+v", got)
	}
	if got.Parameters["KeyId"] != "alias/payments" || got.Parameters["Plaintext"] != "(5 bytes)" {
		t.Errorf("parameters %v", got.Parameters)
	}
}

func TestCallsFailsTheTestWhenTheJournalIsIncomplete(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	var kms *emulatortest.Emulator
	const kept = 10_000
	message := fatalOf(func(r testing.TB) {
		kms = emulatortest.Start(r)
		for range kept {
			call(t, kms, "Action=NoSuchThing")
		}
		if n := len(kms.Calls(emulatortest.Where{})); n != kept {
			t.Errorf("the journal has %d requests", n)
		}
		call(t, kms, "Action=NoSuchThing")
		kms.Calls(emulatortest.Where{Operation: "ListKeys"})
	})
	want := "the journal has dropped 1 requests: it keeps 10000; empty it on the way with DELETE " + kms.URL + "/_emulator/requests"
	if string(message) != want {
		t.Errorf("got  %s\nwant %s", message, want)
	}
}

func TestQuotaCountsRatesAndProfiles(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Scenario(fixtures.Scenario{
		Clock:  fixtures.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
		Quotas: []fixtures.Quota{{Profile: "shared-gateway"}, {Name: "few", Rate: fixtures.Rate{Calls: 2, Per: time.Hour}}},
	}))
	for _, status := range []int{200, 200, 429} {
		if a := call(t, kms, "Action=ListKeys"); a.Status != status {
			t.Errorf("answered %d, not %d", a.Status, status)
		}
	}
	for name, want := range map[string][2]int{"few": {2, 1}, "shared-gateway": {2, 0}} {
		if passed, refused := kms.Quota(name); [2]int{passed, refused} != want {
			t.Errorf("%s: %d passed, %d refused, not %v", name, passed, refused, want)
		}
	}
}

func TestPutQuotaGoesInFrontAndBeginsAnew(t *testing.T) {
	kms := emulatortest.Start(t)
	kms.Freeze(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for range 2 {
		kms.PutQuota(fixtures.Quota{Name: "few", Rate: fixtures.Rate{Calls: 1, Per: time.Hour}})
		expect(t, kms, "Action=ListKeys", 200, "")
		expect(t, kms, "Action=ListKeys", 429, "Rejected.Throttling")
	}
	kms.PutQuota(fixtures.Quota{Profile: "resources"})
	if passed, refused := kms.Quota("resources"); passed != 0 || refused != 0 {
		t.Errorf("%d passed, %d refused", passed, refused)
	}
}

func TestPutScenarioReplacesTheScenario(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Files(keysFile))
	expect(t, kms, createSM2Key, 200, "")
	kms.PutFault(refuse("a", "ListKeys", "InternalFailure"))
	other := fixtures.Scenario{
		Keys: []fixtures.Key{{KeyID: "key-other", KeySpec: "RSA_2048", KeyUsage: "ENCRYPT/DECRYPT", Aliases: []fixtures.Alias{{AliasName: "alias/other"}},
			Versions: []fixtures.Version{{KeyVersionID: "v1", PrivateKeyFile: "../../fixtures/payments.pem"}}}},
		Faults: []fixtures.Fault{refuse("b", "ListAliases", "Rejected.Throttling")},
	}
	kms.PutScenario(other)
	for range 2 {
		expect(t, kms, describePayment, 404, "Forbidden.AliasNotFound")
		expect(t, kms, "Action=ListKeys", 200, "")
		expect(t, kms, "Action=ListAliases", 429, "Rejected.Throttling")
		keys := kms.Keys()
		if len(keys) != 1 || keys[0].KeyID != "key-other" || keys[0].Versions[0].KeyVersionID != "v1" || !slices.Equal(keys[0].Aliases, []string{"alias/other"}) {
			t.Errorf("%+v", keys)
		}
		expect(t, kms, createSM2Key, 200, "")
		kms.Reset() // to the scenario put
	}
}

func TestResetGoesBackToTheScenario(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	kms := emulatortest.Start(t, emulatortest.Files(keysFile), emulatortest.Scenario(fixtures.Scenario{
		Clock:  fixtures.At(began),
		Quotas: []fixtures.Quota{{Name: "few", Rate: fixtures.Rate{Calls: 2, Per: time.Hour}}},
	}))
	for range 2 {
		expect(t, kms, createSM2Key, 200, "")
		expect(t, kms, "Action=DisableKey&KeyId="+paymentsKey, 200, "")
		expect(t, kms, "Action=ListKeys", 429, "Rejected.Throttling")
		kms.Advance(time.Hour)
		kms.FailNext("ListKeys", "InternalFailure")

		kms.Reset()
		if calls := kms.Calls(emulatortest.Where{}); len(calls) != 0 {
			t.Errorf("the journal has %d requests", len(calls))
		}
		if passed, refused := kms.Quota("few"); passed != 0 || refused != 0 {
			t.Errorf("%d passed, %d refused", passed, refused)
		}
		expect(t, kms, encryptPayment, 200, "") // the key is enabled
		if a := call(t, kms, "Action=ListKeys"); a.Status != 200 || a.TotalCount != 1 {
			t.Errorf("%+v", a)
		}
		if at := kms.Calls(emulatortest.Where{})[0].Time; !at.Equal(began) {
			t.Errorf("the clock is at %s", at)
		}
		kms.Reset()
	}
}

func TestAWrongCallEndsTheTest(t *testing.T) {
	slow := fixtures.Fault{Name: "slow", Action: fixtures.Action{Delay: fixtures.Duration(1500 * time.Microsecond)}}
	for _, test := range []struct {
		name  string
		wrong func(kms *emulatortest.Emulator)
		want  string
	}{
		{"a fault without a name", func(kms *emulatortest.Emulator) { kms.PutFault(refuse("", "ListKeys", "InternalFailure")) },
			`name is missing: letters, digits, . _ -`},
		{"a fault with a path for a name", func(kms *emulatortest.Emulator) { kms.PutFault(refuse("../clock", "ListKeys", "InternalFailure")) },
			`name: "../clock" is not a name: letters, digits, . _ -, beginning with a letter or digit, at most 63`},
		{"a duration that JSON would round", func(kms *emulatortest.Emulator) { kms.PutFault(slow) },
			`delay: 1.5ms is not a duration: it is negative, over 100000d or has a part of a millisecond`},
		{"a misspelt operation", func(kms *emulatortest.Emulator) { kms.PutFault(refuse("a", "AsymetricEncrypt", "InternalFailure")) },
			`PUT /_emulator/faults/a: match.operation: "AsymetricEncrypt" is not an operation; did you mean AsymmetricEncrypt?`},
		{"a misspelt code", func(kms *emulatortest.Emulator) { kms.FailNext("ListKeys", "Rejected.Throtling") },
			`PUT /_emulator/faults/FailNext-1: script[0].error: "Rejected.Throtling" is not in the catalogue of errors; did you mean Rejected.Throttling?; write {code, status, message} for a code of your own`},
		{"a fault that is not there", func(kms *emulatortest.Emulator) { kms.DeleteFault("gone") }, `DELETE /_emulator/faults/gone: no rule has this name`},
		{"a quota that is not there", func(kms *emulatortest.Emulator) { kms.Quota("gone") }, `GET /_emulator/quotas/gone: no rule has this name`},
		{"a quota that is no limit", func(kms *emulatortest.Emulator) { kms.PutQuota(fixtures.Quota{Name: "q"}) },
			`rate or profile is missing: a rate like 5/s, or a profile like shared-gateway`},
		{"a quota of a misspelt operation", func(kms *emulatortest.Emulator) {
			kms.PutQuota(fixtures.Quota{Name: "q", Rate: fixtures.Rate{Calls: 1, Per: time.Hour}, Match: fixtures.Match{Operation: fixtures.AnyOf{"ListKeyz"}}})
		}, `PUT /_emulator/quotas/q: match.operation: "ListKeyz" is not an operation; did you mean ListKeys?`},
		{"a scenario with a key of no spec", func(kms *emulatortest.Emulator) {
			kms.PutScenario(fixtures.Scenario{Keys: []fixtures.Key{{KeyID: "key-a", KeyUsage: "SIGN/VERIFY"}}})
		}, `keys[0]: keySpec is missing: as in CreateKey, like RSA_2048`},
		{"a scenario with a rule about nothing", func(kms *emulatortest.Emulator) {
			kms.PutScenario(fixtures.Scenario{Faults: []fixtures.Fault{refuse("a", "AsymetricEncrypt", "InternalFailure")}})
		}, `faults[0].match.operation: "AsymetricEncrypt" is not an operation; did you mean AsymmetricEncrypt?`},
		{"a step back", func(kms *emulatortest.Emulator) { kms.Advance(-time.Second) },
			`by: -1s is not a duration: it is negative, over 100000d or has a part of a millisecond`},
		{"a part of a millisecond", func(kms *emulatortest.Emulator) { kms.Advance(time.Microsecond) },
			`by: 1µs is not a duration: it is negative, over 100000d or has a part of a millisecond`},
		{"a year of five digits", func(kms *emulatortest.Emulator) { kms.Freeze(time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)) },
			`now: is not a time: the year 12026`},
		{"calls of a misspelt operation", func(kms *emulatortest.Emulator) { kms.Calls(emulatortest.Where{Operation: "AsymetricEncrypt"}) },
			`GET /_emulator/requests?operation=AsymetricEncrypt: operation: "AsymetricEncrypt" is not an operation; did you mean AsymmetricEncrypt?`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := fatalOf(func(r testing.TB) {
				kms := emulatortest.Start(r)
				defer expect(t, kms, "Action=ListKeys", 200, "") // nothing was changed
				test.wrong(kms)
			})
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestWhyNamesTheCause(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Files(keysFile))
	kms.PutFault(refuse("other", "DescribeKey", "InternalFailure"))
	first := call(t, kms, encryptPayment)
	kms.FailNext("AsymmetricEncrypt", "Rejected.Throttling")
	call(t, kms, encryptPayment)
	for id, want := range map[string]string{
		first.RequestID: "\nno fault took it; the nearest of 2, fault FailNext-1: put after the call; it was answered 200\n  fault other: operation is AsymmetricEncrypt, not DescribeKey\n  fault FailNext-1: put after the call",
		"":              "429 Rejected.Throttling fault FailNext-1\nfault FailNext-1: took the call and acted: Rejected.Throttling; step 1 of its script, call 1 of the rule\n",
	} {
		if why := kms.Why(id); !strings.Contains(why, want) {
			t.Errorf("%s\nwant %s", why, want)
		}
	}
}
