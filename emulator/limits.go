package emulator

import "time"

// limits bound what clients may take of a server's time and memory.
type limits struct {
	request time.Duration // for a TLS handshake, and for the header of a request
	idle    time.Duration // of a connection between requests
	stall   time.Duration // while not a byte of a body arrives, or of an answer is taken
	body    time.Duration // for a whole body
	bodies  int64         // bytes of all bodies in flight
	puts    int64         // bytes of all scenarios in flight, which have a room of their own
	headers int64         // bytes of all large headers in flight
	room    time.Duration // that a request waits for others to end
	arrival time.Duration // that a stop gives to requests that have not arrived
	stop    time.Duration // that a stop gives to calls under way
}

// usualLimits end the stop before container engines kill, after ten seconds. A
// slow client may trickle: 4 MiB within the limit for a body are 14 KiB a second.
var usualLimits = limits{
	request: 30 * time.Second,
	idle:    5 * time.Minute,
	stall:   30 * time.Second,
	body:    5 * time.Minute,
	bodies:  64 << 20,
	puts:    maxScenarioBody,
	headers: 64 << 20,
	room:    500 * time.Millisecond,
	arrival: 250 * time.Millisecond,
	stop:    4 * time.Second,
}

// earlier is the first of two deadlines, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
