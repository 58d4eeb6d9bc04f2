package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// fullDisks lets a small file system run full under writers, and kills alikms
// there. It has to start on the full disk, with all that was acknowledged and
// nothing of what was refused.
func fullDisks(l *lab) outcome {
	disk := filepath.Join(l.work, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		return fail(err)
	}
	unmount, err := mountSmall(disk, diskSize)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		return outcome{skipped: "a small file system cannot be mounted here (" + err.Error() + ")"}
	}
	if err != nil {
		return fail(err)
	}
	defer unmount()
	o, err := l.newOrdeal("fulldisk", 16, filepath.Join(disk, "data"))
	if err != nil {
		return fail(err)
	}
	rounds := l.amount(6, 60)
	for round := range rounds {
		if err := o.fillOnce(disk, l.chance("fulldisk", round), round%3 == 0); err != nil || len(o.wrong) > 0 || l.ctx.Err() != nil {
			o.report(err)
			break
		}
	}
	o.report(o.last())
	if o.refused.Load() == 0 {
		o.report(errors.New("the disk was never full"))
	}
	return outcome{
		done:  fmt.Sprintf("%d SIGKILLs on a file system of %d KiB, %d changes acknowledged, %d refused", rounds, diskSize>>10, o.acknowledged.Load(), o.refused.Load()),
		wrong: o.wrong,
	}
}

const diskSize = 2 << 20

// fillOnce is one life of alikms on a disk that is short of room from the
// beginning, or gets so while it is written to.
func (o *ordeal) fillOnce(disk string, chance *rand.Rand, fromStart bool) error {
	ballast := filepath.Join(disk, "ballast")
	if err := os.RemoveAll(ballast); err != nil {
		return err
	}
	if fromStart {
		if err := fill(ballast, 0); err != nil {
			return err
		}
	}
	p, err := o.start()
	if fromStart && o.acknowledged.Load() == 0 {
		return noRoomToBegin(p, err)
	}
	if err != nil {
		return err
	}
	defer p.kill()
	if o.review(p); len(o.wrong) > 0 {
		return nil
	}
	if !fromStart {
		if err := fill(ballast, chance.IntN(128<<10)); err != nil {
			return err
		}
	}
	o.writeAndKill(p, 50+chance.IntN(400), chance)
	return p.crashed()
}

// noRoomToBegin is for a first start on a full disk, which has to be refused.
func noRoomToBegin(p *alikms, err error) error {
	if err == nil {
		p.kill()
		return errors.New("alikms started where there is no room at all")
	}
	if !strings.Contains(err.Error(), "the disk is full") && !strings.Contains(err.Error(), "no space left") {
		return err
	}
	return nil
}

// fill takes all the room there is, but for so much.
func fill(path string, leave int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	size, block := int64(0), make([]byte, 4096)
	for {
		n, err := file.Write(block)
		size += int64(n)
		if err != nil {
			return file.Truncate(max(0, size-int64(leave)))
		}
	}
}
