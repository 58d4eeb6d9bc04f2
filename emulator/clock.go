package emulator

import (
	"encoding/json"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/alikms/alikms/store"
)

// clock is the emulator's clock: it rules all that KMS dates or counts. It runs
// with real time, at a distance from it, or stands still. Moved or frozen, it
// is kept in the store and survives a restart.
type clock struct {
	real  func() time.Time
	store *store.Store
	// settle does what falls due up to a time, in one transaction with the change
	// of the clock that brings it.
	settle func(tx *store.Tx, now time.Time) error
	// changing is held by who changes the state, from looking at the old one
	// until the new one is both in the store and here; and by who loads a scenario,
	// or puts rules that name what it has.
	changing sync.Mutex
	changed  chan struct{} // the state was changed, once or several times
	mu       sync.Mutex    // guards state
	state    clockState
}

type clockState struct {
	Offset time.Duration `json:"offset,omitempty"` // from real time, while running
	Frozen *time.Time    `json:"frozen,omitempty"` // stands here
}

// clockSetting is the store's name for the state.
const clockSetting = "clock"

// errClockRange keeps all dates that may follow, up to a deletion window later,
// within what can be written.
var errClockRange = errors.New("the clock stays between the years 1 and 9000")

// errClockAhead is what a time.Duration can hold.
var errClockAhead = errors.New("a running clock is at most 292 years ahead of real time; freeze it to go further")

func newClock(st *store.Store, real func() time.Time, settle func(*store.Tx, time.Time) error) (*clock, error) {
	c := &clock{real: real, store: st, settle: settle, changed: make(chan struct{}, 1)}
	err := st.View(func(tx *store.Tx) error {
		text, ok, err := tx.Setting(clockSetting)
		if err != nil || !ok {
			return err
		}
		return json.Unmarshal(text, &c.state)
	})
	return c, err
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.at(c.real())
}

func (s clockState) at(real time.Time) time.Time {
	if s.Frozen != nil {
		return *s.Frozen
	}
	return real.Add(s.Offset)
}

// show gives the time and whether it stands.
func (c *clock) show() (now time.Time, frozen bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.at(c.real()), c.state.Frozen != nil
}

func (c *clock) current() clockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// set changes the state by a function of it, does what falls due by then, and
// keeps it in the store.
func (c *clock) set(change func(clockState) (clockState, error)) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	state, err := change(c.current())
	if err != nil {
		return err
	}
	now := state.at(c.real())
	if year := now.UTC().Year(); year < 1 || year > 9000 {
		return errClockRange
	}
	err = c.store.Update(func(tx *store.Tx) error {
		if err := c.settle(tx, now); err != nil {
			return err
		}
		return state.put(tx)
	})
	if err != nil {
		return err
	}
	c.assume(state)
	return nil
}

// put keeps the state in the store.
func (s clockState) put(tx *store.Tx) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return tx.PutSetting(clockSetting, text)
}

// assume takes on a state that is in the store already; changing is held.
func (c *clock) assume(state clockState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// freeze lets the clock stand at a time.
func (c *clock) freeze(at time.Time) error {
	return c.set(func(clockState) (clockState, error) { return clockState{Frozen: &at}, nil })
}

// advance moves the clock on, standing or running.
func (c *clock) advance(by time.Duration) error {
	return c.set(func(s clockState) (clockState, error) {
		if s.Frozen != nil {
			at := s.Frozen.Add(by)
			return clockState{Frozen: &at}, nil
		}
		if s.Offset > math.MaxInt64-by {
			return s, errClockAhead
		}
		return clockState{Offset: s.Offset + by}, nil
	})
}

// unfreeze goes back to real time, running.
func (c *clock) unfreeze() error {
	return c.set(func(clockState) (clockState, error) { return clockState{}, nil })
}
