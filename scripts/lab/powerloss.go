package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
)

// recording is the tape of an alikms, and what was acknowledged when.
type recording struct {
	entries []entry
	marks   []int    // how long the tape was when alikms served, and after each change
	states  []string // what the data file says at each mark
}

// powerLosses replays what alikms wrote up to some moment, as a disk without
// power leaves it. The file has to open, with all that was acknowledged by then,
// and with the change under way as a whole or not at all.
func powerLosses(l *lab) outcome {
	if runtime.GOOS != "linux" {
		return outcome{skipped: "what is synced is recorded on Linux only"}
	}
	r, err := l.record(l.amount(40, 400))
	if err != nil {
		return fail(err)
	}
	count := l.amount(60, 4000)
	o := outcome{done: fmt.Sprintf("%d power losses in %d changes of %d writes and syncs", count, len(r.marks)-1, len(r.entries))}
	for n := range count {
		if l.ctx.Err() != nil {
			break
		}
		if err := r.loseOnce(l, l.chance("powerloss", n)); err != nil {
			o.wrong = append(o.wrong, fmt.Sprintf("loss %d: %v", n, err))
		}
	}
	return o
}

// record lets 16 writers change keys in turn.
func (l *lab) record(changes int) (*recording, error) {
	o, err := l.newOrdeal("powerloss", 16, filepath.Join(l.work, "powerloss"))
	if err != nil {
		return nil, err
	}
	binary, err := l.recordingAlikms()
	if err != nil {
		return nil, err
	}
	tape := filepath.Join(l.work, "tape")
	cmd := l.serving(binary, o.folder, "--fixture", o.fixture)
	cmd.Env = append(os.Environ(), "BBOLT_TAPE="+tape)
	p, err := begin(cmd)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	r := &recording{}
	if r.marks, err = o.writeInTurn(p, changes, tape); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(tape)
	if err != nil {
		return nil, err
	}
	if r.entries, err = parseTape(content); err != nil {
		return nil, err
	}
	return r, r.readStates(l)
}

// writeInTurn makes one change after the other, and notes how long the tape was
// before the first and after each.
func (o *ordeal) writeInTurn(p *alikms, changes int, tape string) (marks []int, err error) {
	for n := range changes + 1 {
		switch {
		case n == 0:
		case n%50 == 0:
			o.pass(p)
		case !o.step(p, o.writers[n%len(o.writers)]):
			return nil, fmt.Errorf("change %d: alikms does not answer: %v", n, o.wrong)
		}
		info, err := os.Stat(tape)
		if err != nil {
			return nil, err
		}
		marks = append(marks, int(info.Size()))
	}
	return marks, nil
}

// readStates reads what was kept at each mark, from what was synced by then: what
// was acknowledged has to be.
func (r *recording) readStates(l *lab) error {
	for i, mark := range r.marks {
		var done []entry
		for _, e := range r.entries {
			if e.end <= mark {
				done = append(done, e)
			}
		}
		synced, pending := play(done)
		state, err := l.dumpDisk(synced)
		if err != nil {
			return err
		}
		if len(pending) > 0 {
			return fmt.Errorf("change %d was acknowledged, and %d writes of it were not synced", i, len(pending))
		}
		r.states = append(r.states, state)
	}
	return nil
}

// dumpDisk opens what is on a disk.
func (l *lab) dumpDisk(d disk) (string, error) {
	path := filepath.Join(l.work, "lost.db")
	if err := os.WriteFile(path, d, 0o600); err != nil {
		return "", err
	}
	return dump(path)
}

// loseOnce takes the power away at some moment.
func (r *recording) loseOnce(l *lab, chance *rand.Rand) error {
	until := 1 + chance.IntN(len(r.entries))
	if chance.IntN(20) == 0 { // the beginning of a file is special
		until = 1 + chance.IntN(min(12, len(r.entries)))
	}
	return r.loseAfter(l, until, chance)
}

// loseAfter takes the power away after so many entries.
func (r *recording) loseAfter(l *lab, until int, chance *rand.Rand) error {
	state, err := l.dumpDisk(lose(r.entries[:until], chance))
	if err != nil {
		return fmt.Errorf("after entry %d: %w", until, err)
	}
	if !r.allows(r.entries[until-1].end, state) {
		return fmt.Errorf("after entry %d: what was acknowledged is not there, or more is", until)
	}
	return nil
}

// allows reports whether a state may be found after a power loss when the tape
// was so long.
func (r *recording) allows(length int, state string) bool {
	acknowledged := -1
	for i, mark := range r.marks {
		if mark <= length {
			acknowledged = i
		}
	}
	switch {
	case acknowledged < 0:
		return true // alikms did not serve yet: that the file opens is all
	case state == r.states[acknowledged]:
		return true
	}
	return length > r.marks[acknowledged] && acknowledged+1 < len(r.states) && state == r.states[acknowledged+1]
}
