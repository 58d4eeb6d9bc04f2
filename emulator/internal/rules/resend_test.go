package rules

import (
	"fmt"
	"testing"
	"time"

	"github.com/alikms/alikms/fixtures"
)

func TestTheMemoryOfResendsForgets(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	tell := func() time.Time { return now }
	r := New(tell, tell)
	reader := Reader{Report: &fixtures.Report{}, Now: now}
	fault := func() *Fault {
		return reader.Fault("", fixtures.Fault{Name: "f", Action: fixtures.Action{Connection: ConnectionReset}})
	}
	r.Restart(nil, []*Fault{fault()}, func() {})
	for i := range 15 {
		if i%5 == 0 {
			now = now.Add(resendWindow)
		}
		r.Decide(Request{AccessKeyID: "app", Nonce: fmt.Sprint(i), Fingerprint: func() string { return "" }}, func() bool { return true })
	}
	if n := len(r.resends); n != 5 {
		t.Errorf("%d resends are remembered, want those of the last window, 5", n)
	}
	r.Restart(nil, []*Fault{fault()}, func() {})
	if len(r.resends) != 0 {
		t.Error("a reset remembers resends")
	}
}
