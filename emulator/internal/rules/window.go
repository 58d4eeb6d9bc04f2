package rules

import "time"

// window lets at most limit calls pass in any stretch of unit, wherever it
// begins: it remembers the times of the last limit that passed.
type window struct {
	limit  int
	unit   time.Duration
	times  []time.Time // a ring once it is full
	oldest int
}

// hasRoom reports whether a call may pass now. A clock that was set back empties
// the window: what passed then is yet to come.
func (w *window) hasRoom(now time.Time) bool {
	if len(w.times) > 0 && now.Before(w.newest()) {
		w.times, w.oldest = nil, 0
	}
	return len(w.times) < w.limit || now.Sub(w.times[w.oldest]) >= w.unit
}

// used is how many calls passed in the unit that ends now.
func (w *window) used(now time.Time) (n int) {
	for _, at := range w.times {
		if !now.Before(at) && now.Sub(at) < w.unit {
			n++
		}
	}
	return n
}

func (w *window) newest() time.Time {
	return w.times[(w.oldest+len(w.times)-1)%len(w.times)]
}

// pass counts a call.
func (w *window) pass(now time.Time) {
	if len(w.times) < w.limit {
		w.times = append(w.times, now)
		return
	}
	w.times[w.oldest] = now
	w.oldest = (w.oldest + 1) % w.limit
}
