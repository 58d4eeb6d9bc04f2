package auth

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var nonceTestTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestNonceIsRefusedWithinTheWindowOnly(t *testing.T) {
	cases := []struct {
		name              string
		accessKeyID, text string
		after             time.Duration
		want              bool
	}{
		{"at once", "app", "n", 0, false},
		{"just within the window", "app", "n", nonceWindow - time.Nanosecond, false},
		{"after the window", "app", "n", nonceWindow, true},
		{"long after the window", "app", "n", 100 * nonceWindow, true},
		{"with the clock set back", "app", "n", -time.Hour, false},
		{"another nonce", "app", "m", 0, true},
		{"another caller", "other", "n", 0, true},
		{"another caller, the same texts end to end", "ap", "pn", 0, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var m nonceMemory
			if !m.use("app", "n", nonceTestTime) {
				t.Fatal("the first use is refused")
			}
			if got := m.use(c.accessKeyID, c.text, nonceTestTime.Add(c.after)); got != c.want {
				t.Errorf("use = %v, want %v", got, c.want)
			}
		})
	}
}

// A generation may turn over between the two uses, and twice: wherever that
// falls, the window holds to the nanosecond.
func TestNonceWindowHoldsAcrossGenerations(t *testing.T) {
	for step := range 30 {
		var m nonceMemory
		m.use("app", "first", nonceTestTime)
		used := nonceTestTime.Add(time.Duration(step) * time.Minute)
		m.use("app", "n", used)
		for minute := range 15 {
			m.use("app", "between "+strconv.Itoa(minute), used.Add(time.Duration(minute)*time.Minute))
		}
		if m.use("app", "n", used.Add(nonceWindow-time.Nanosecond)) {
			t.Errorf("begun %d minutes before: accepted again within the window", step)
		}
		if !m.use("app", "n", used.Add(nonceWindow)) {
			t.Errorf("begun %d minutes before: refused after the window", step)
		}
	}
}

func TestRefusedNonceDoesNotLengthenTheWindow(t *testing.T) {
	var m nonceMemory
	m.use("app", "n", nonceTestTime)
	if m.use("app", "n", nonceTestTime.Add(10*time.Minute)) {
		t.Error("accepted within the window")
	}
	if !m.use("app", "n", nonceTestTime.Add(nonceWindow)) {
		t.Error("refused after the window")
	}
}

func TestNonceMemoryIsBounded(t *testing.T) {
	var m nonceMemory
	for i := range 3 * nonceGeneration {
		if !m.use("app", strconv.Itoa(i), nonceTestTime) {
			t.Fatalf("nonce %d is refused", i)
		}
		if kept := m.current.count + m.previous.count; kept > 2*nonceGeneration {
			t.Fatalf("%d nonces are kept", kept)
		}
	}
	for i := range nonceGeneration { // the stated limit: the latest 65,536 are always known
		if m.use("app", strconv.Itoa(2*nonceGeneration+i), nonceTestTime) {
			t.Fatalf("nonce %d of the latest is forgotten", i)
		}
	}
	if !m.use("app", "0", nonceTestTime) {
		t.Error("the oldest nonce is still known; the generations do not turn over")
	}
}

func TestNonceMemoryIsReleasedWithTime(t *testing.T) {
	var m nonceMemory
	for i := range 1000 {
		m.use("app", strconv.Itoa(i), nonceTestTime)
	}
	m.use("app", "later", nonceTestTime.Add(nonceWindow))
	m.use("app", "later still", nonceTestTime.Add(2*nonceWindow))
	if kept := m.current.count + m.previous.count; kept != 2 {
		t.Errorf("%d nonces are kept, want 2", kept)
	}
}

func TestNonceIsAcceptedOnceOfManyGoroutines(t *testing.T) {
	const goroutines, nonces = 16, 500
	var m nonceMemory
	var accepted atomic.Int64
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for i := range nonces {
				if m.use("app", strconv.Itoa(i), nonceTestTime) {
					accepted.Add(1)
				}
			}
		})
	}
	group.Wait()
	if got := accepted.Load(); got != nonces {
		t.Errorf("%d accepted, want %d", got, nonces)
	}
}
