package rules

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestAWindowRefusesExactlyWhatWouldExceedTheLimit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for range 200 {
		w := window{limit: 1 + random.IntN(6), unit: time.Second}
		now := time.Unix(1e9, 0)
		var passed []time.Time
		for range 200 {
			now = now.Add(time.Duration(random.IntN(4)) * 100 * time.Millisecond)
			if random.IntN(50) == 0 {
				now = now.Add(-time.Minute)
				passed = nil
			}
			within := 0
			for _, at := range passed {
				if now.Sub(at) < time.Second {
					within++
				}
			}
			if used := w.used(now); used != within {
				t.Fatalf("%d passed within the last second, %d are used", within, used)
			}
			room := w.hasRoom(now)
			if room != (within < w.limit) {
				t.Fatalf("limit %d: %d passed within the last second, room is %v", w.limit, within, room)
			}
			if room && random.IntN(5) > 0 {
				w.pass(now)
				passed = append(passed, now)
			}
		}
	}
}
