package emulator

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

func TestRestGivesBackWhatIsNoLongerUsed(t *testing.T) {
	var r rest
	r.begin()
	defer r.end()
	done := make(chan bool)
	go func() { // nothing of it is left on the stack of this test
		runtime.KeepAlive(make([]byte, 64<<20))
		close(done)
	}()
	<-done
	before := unreturned()
	r.look()
	if after := unreturned(); before-after < 32<<20 {
		t.Errorf("%d bytes are kept of %d", after, before)
	}
}

// unreturned is how much memory the heap has from the system.
func unreturned() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	total := int64(0)
	for _, s := range samples {
		total += int64(s.Value.Uint64())
	}
	return total
}

func TestRestEndsWithTheServer(t *testing.T) {
	s := bareServer(t)
	s.Close()
	for range 2 * restCalls {
		s.rest.noteCall() // a call that ends late
	}
	if s.rest.timer != nil {
		t.Error("the timer still runs")
	}
}
