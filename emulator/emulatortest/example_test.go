package emulatortest_test

import (
	"fmt"
	"time"

	"github.com/alikms/alikms/emulator/emulatortest"
	"github.com/alikms/alikms/fixtures"
)

// The clock stands, so a quota of five a second lets exactly five calls pass,
// however long they take; and five more when the second is over.
func ExampleEmulator_Advance() {
	t := newRun() // in a test: its *testing.T
	defer t.end()

	kms := emulatortest.Start(t,
		emulatortest.Files("../../fixtures/keys.yaml"),
		emulatortest.Scenario(fixtures.Scenario{
			Clock:  fixtures.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
			Quotas: []fixtures.Quota{{Name: "encryptions", Rate: fixtures.Rate{Calls: 5, Per: time.Second}}},
		}))

	encryptTimes(kms, 6)
	fmt.Println(kms.Quota("encryptions"))
	kms.Advance(time.Second)
	encryptTimes(kms, 6)
	fmt.Println(kms.Quota("encryptions"))
	// Output:
	// 5 1
	// 10 2
}

func encryptTimes(kms *emulatortest.Emulator, n int) {
	for range n {
		if _, err := send(kms, encryptPayment); err != nil {
			fmt.Println(err)
		}
	}
}

// The key is made, but its answer is lost: code that just tries again leaves a
// key behind that nobody knows.
func ExampleEmulator_PutFault() {
	t := newRun() // in a test: its *testing.T
	defer t.end()

	kms := emulatortest.Start(t)
	kms.PutFault(fixtures.Fault{
		Name:   "lost-answer",
		Match:  fixtures.Match{Operation: fixtures.AnyOf{"CreateKey"}},
		Script: []fixtures.Step{{Action: fixtures.Action{Connection: "reset", Phase: "after"}}},
	})

	_, err := send(kms, createSM2Key)
	fmt.Println("the first answer is lost:", err != nil)
	again, err := send(kms, createSM2Key)
	fmt.Println("the second:", again.Status, err)
	keys, err := send(kms, "Action=ListKeys")
	fmt.Println("keys:", keys.TotalCount, err)

	lost := kms.Calls(emulatortest.Where{Fault: "lost-answer"})[0]
	fmt.Println("sent:", lost.Status, "lost:", lost.Replaced.Status)
	// Output:
	// the first answer is lost: true
	// the second: 200 <nil>
	// keys: 2 <nil>
	// sent: 0 lost: 200
}

// A service that hangs, until the test says otherwise: no time passes in vain.
func ExampleEmulator_DeleteFault() {
	t := newRun() // in a test: its *testing.T
	defer t.end()

	kms := emulatortest.Start(t, emulatortest.Files("../../fixtures/keys.yaml"))
	kms.PutFault(fixtures.Fault{Name: "hangs", Action: fixtures.Action{Delay: fixtures.Duration(time.Hour)}})

	done := make(chan string)
	go func() {
		a, err := send(kms, encryptPayment)
		done <- fmt.Sprint(a.Status, err)
	}()
	if err := untilHit(kms, "hangs"); err != nil {
		fmt.Println(err)
	}
	fmt.Println("answered:", len(kms.Calls(emulatortest.Where{})))
	kms.DeleteFault("hangs")
	fmt.Println(<-done)
	fmt.Println("answered:", len(kms.Calls(emulatortest.Where{})))
	// Output:
	// answered: 0
	// 200 <nil>
	// answered: 1
}

// A key whose deletion is pending is gone eight days later.
func ExampleScenario() {
	t := newRun() // in a test: its *testing.T
	defer t.end()

	kms := emulatortest.Start(t, emulatortest.Scenario(fixtures.Scenario{Keys: []fixtures.Key{{
		KeyID:      "key-hzz630494463ejqjx0003",
		KeySpec:    "EC_SM2",
		KeyUsage:   "ENCRYPT/DECRYPT",
		KeyState:   "PendingDeletion",
		DeleteDate: fixtures.In(7 * 24 * time.Hour),
	}}}))

	describe := "Action=DescribeKey&KeyId=key-hzz630494463ejqjx0003"
	a, err := send(kms, describe)
	fmt.Printf("%d %q %v\n", a.Status, a.Code, err)
	kms.Advance(8 * 24 * time.Hour)
	a, err = send(kms, describe)
	fmt.Printf("%d %q %v\n", a.Status, a.Code, err)
	// Output:
	// 200 "" <nil>
	// 404 "Forbidden.KeyNotFound" <nil>
}
