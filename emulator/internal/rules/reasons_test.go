package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alikms/alikms/fixtures"
)

// randomFault is a fault of few values, so that faults often meet the same calls.
func randomFault(random *rand.Rand, name string) fixtures.Fault {
	anyOf := func(values ...string) (chosen fixtures.AnyOf) {
		for _, v := range values {
			if random.IntN(3) == 0 {
				chosen = append(chosen, v)
			}
		}
		return chosen
	}
	f := fixtures.Fault{Name: name, Match: fixtures.Match{Operation: anyOf("ListKeys", "CreateKey"), AccessKeyID: anyOf("a", "b"), Gateway: anyOf(SharedGateway)}}
	if random.IntN(3) == 0 {
		f.From = fixtures.In(time.Duration(random.IntN(8)-2) * time.Second)
	}
	if random.IntN(3) == 0 {
		f.Until = fixtures.In(time.Duration(random.IntN(8)+7) * time.Second)
	}
	act := fixtures.Action{Error: fixtures.ErrorSpec{Code: "InternalFailure"}}
	seed := random.Uint64()
	switch random.IntN(3) {
	case 0:
		f.Script = []fixtures.Step{{Pass: 1 + random.IntN(2)}, {Action: act, Times: random.IntN(3)}}
		f.Repeat = []string{"", "all", "last"}[random.IntN(3)]
	case 1:
		f.Action, f.Chance, f.Seed = act, 0.5, &seed
	default:
		f.Action = act
	}
	return f
}

// Whatever the rules and calls are: the reasons say what was decided, and no call
// comes to a fault that is shadowed.
func TestReasonsAndShadowsAgreeWithWhatIsDecided(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		now := began
		r := New(func() time.Time { return now }, time.Now)
		reader := Reader{Report: &fixtures.Report{}, Now: now, Names: Names{
			Caller: func(string) bool { return true }, Instance: func(string) bool { return true }}}
		var faults []*Fault
		for i := range 5 {
			faults = append(faults, reader.Fault("", randomFault(random, fmt.Sprint("f", i))))
		}
		if len(reader.Problems) > 0 {
			t.Fatal(reader.Problems)
		}
		shadows := Shadows(faults, now)
		r.Restart(nil, slices.Clone(faults), func() {})
		var calls []Past
		var verdicts []Verdict
		for range 60 {
			now = now.Add(time.Duration(random.IntN(500)) * time.Millisecond)
			request := Request{
				Operation:   []string{"ListKeys", "CreateKey", "ListAliases"}[random.IntN(3)],
				AccessKeyID: []string{"a", "b", "c"}[random.IntN(3)],
				Gateway:     []string{SharedGateway, "kst-x"}[random.IntN(2)],
			}
			v, _ := r.Decide(request, func() bool { return true })
			calls, verdicts = append(calls, Past{Request: request, Time: v.Now, Trace: v.Trace}), append(verdicts, v)
		}
		for i, p := range calls {
			expectReasons(t, r.Explain(p), verdicts[i])
		}
		for _, f := range faults {
			if by, shadowed := shadows[f.Name]; shadowed && f.calls > 0 {
				t.Errorf("seed %d: %s has decided %d calls, though %s shadows it", seed, f.Name, f.calls, by)
			}
		}
		if t.Failed() {
			return
		}
	}
}

func expectReasons(t *testing.T, reasons []Reason, v Verdict) {
	t.Helper()
	decided := v.Trace.fault
	reached := true
	for _, reason := range reasons {
		var want []Outcome
		switch {
		case decided != nil && reason.Rule == decided.Name:
			reached = false
			if want = []Outcome{Passed}; v.Fault != "" {
				want = []Outcome{Acted}
			}
		case reached:
			want = []Outcome{Differs, Spent, NotInForce}
		default:
			want = []Outcome{NotReached}
		}
		if !slices.Contains(want, reason.Outcome) || reason.Why == "" || (reason.Outcome == Differs || reason.Outcome == NotInForce) && len(reason.Differs) == 0 {
			t.Errorf("%+v, want %v", reason, want)
		}
	}
}
