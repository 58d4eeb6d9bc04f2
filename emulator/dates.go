package emulator

import (
	"net/http"
	"sync/atomic"
	"time"
)

// dates writes the Date header, once for each second that the clock shows.
type dates struct{ last atomic.Pointer[writtenDate] }

type writtenDate struct {
	second int64
	header []string
}

func (d *dates) header(now time.Time) []string {
	second := now.Unix()
	if last := d.last.Load(); last != nil && last.second == second {
		return last.header
	}
	written := &writtenDate{second, []string{now.UTC().Format(http.TimeFormat)}}
	d.last.Store(written)
	return written.header
}
