package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"
)

// kills ends alikms by SIGKILL under 16 writers of all writing operations, and a
// few times while it starts. What was acknowledged has to be there afterwards,
// and what was not is there as a whole or not at all.
func kills(l *lab) outcome {
	o, err := l.newOrdeal("kill", 16, filepath.Join(l.work, "kill"))
	if err != nil {
		return fail(err)
	}
	rounds := l.amount(6, 200)
	for round := range rounds {
		if err := o.killOnce(round); err != nil || l.ctx.Err() != nil {
			o.report(err)
			break
		}
	}
	o.report(o.last())
	return outcome{
		done:  fmt.Sprintf("%d SIGKILLs under 16 writers, %d changes acknowledged, of %d operations, %d keys at the end", rounds, o.acknowledged.Load(), len(o.made), o.keys()),
		wrong: o.wrong,
	}
}

// killOnce is one life of alikms.
func (o *ordeal) killOnce(round int) error {
	chance := o.lab.chance("kill", round)
	if round%5 == 4 {
		o.killAtStart(time.Duration(chance.IntN(40)) * time.Millisecond)
	}
	p, err := o.start()
	if err != nil {
		return err
	}
	defer p.kill()
	if o.review(p); len(o.wrong) > 0 {
		return nil
	}
	if round%10 == 9 {
		o.pass(p)
	}
	o.writeAndKill(p, 20+chance.IntN(400), chance)
	return p.crashed()
}

// writeAndKill kills alikms some moment after so many answers: else it would
// always be as an answer comes.
func (o *ordeal) writeAndKill(p *alikms, changes int, chance *rand.Rand) {
	late := time.Duration(chance.IntN(3000)) * time.Microsecond
	o.write(p, changes, func() {
		time.Sleep(late)
		p.kill()
	})
}

// killAtStart kills alikms some time into its start.
func (o *ordeal) killAtStart(after time.Duration) {
	cmd := o.lab.serving(o.lab.binary, o.folder, "--fixture", o.fixture)
	if err := cmd.Start(); err != nil {
		o.report(err)
		return
	}
	time.Sleep(after)
	cmd.Process.Kill()
	cmd.Wait()
}

// last is the review after the last life.
func (o *ordeal) last() error {
	p, err := o.start()
	if err != nil {
		return err
	}
	o.review(p)
	_, err = p.stop()
	return err
}
