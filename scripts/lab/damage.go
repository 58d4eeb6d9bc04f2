package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// damages changes a data file behind alikms's back. Either it is refused, in one
// line and left as it is, or nothing of what it answers has changed.
func damages(l *lab) outcome {
	content, want, err := l.goodFile()
	if err != nil {
		return fail(err)
	}
	o, refused := outcome{}, 0
	files := l.amount(60, 1000)
	for n := range files {
		if l.ctx.Err() != nil {
			break
		}
		damaged, how := damage(bytes.Clone(content), l.chance("damage", n))
		harmless, err := l.judge(damaged, want)
		if err != nil {
			o.wrong = append(o.wrong, fmt.Sprintf("file %d, %s: %v", n, how, err))
		}
		if !harmless {
			refused++
		}
	}
	o.done = fmt.Sprintf("%d damaged files of %d KiB, %d refused, %d the same for all that reads them", files, len(content)>>10, refused, files-refused)
	return o
}

// goodFile is a data file with keys, and what it says.
func (l *lab) goodFile() (content []byte, says string, err error) {
	o, err := l.newOrdeal("damage", 16, filepath.Join(l.work, "damage"))
	if err != nil {
		return nil, "", err
	}
	p, err := o.start()
	if err != nil {
		return nil, "", err
	}
	defer p.kill()
	o.write(p, 300, p.kill)
	if len(o.wrong) > 0 {
		return nil, "", fmt.Errorf("writing: %v", o.wrong)
	}
	path := filepath.Join(o.folder, "alikms.db")
	if says, err = dump(path); err != nil {
		return nil, "", err
	}
	content, err = os.ReadFile(path)
	return content, says, err
}

const pageSize = 4096

// damage changes some of a file, and says how.
func damage(content []byte, chance *rand.Rand) (damaged []byte, how string) {
	at := chance.IntN(len(content))
	switch chance.IntN(6) {
	case 0:
		page := at / pageSize * pageSize
		clear(content[page:min(len(content), page+pageSize)])
		return content, fmt.Sprintf("page %d zeroed", page/pageSize)
	case 1:
		at = max(1, at)
		return content[:at], fmt.Sprintf("cut to %d bytes", at)
	case 2: // where pages say what they are
		at = at/pageSize*pageSize + chance.IntN(80)
	case 3: // where bbolt finds all the rest
		at = chance.IntN(2)*pageSize + chance.IntN(80)
	}
	bit := chance.IntN(8)
	content[at] ^= 1 << bit
	return content, fmt.Sprintf("bit %d of byte %d flipped", bit, at)
}

// judge lets alikms check a file, and reads it if it is found whole. A crash is
// the end of a process of its own.
func (l *lab) judge(damaged []byte, want string) (whole bool, err error) {
	folder := filepath.Join(l.work, "damaged")
	path := filepath.Join(folder, "alikms.db")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return false, err
	}
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		return false, err
	}
	whole, err = l.check(folder)
	if err != nil {
		return whole, err
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
		return whole, fmt.Errorf("the check changed the file: %v", err)
	}
	if !whole {
		return false, l.refuses(folder)
	}
	says, err := dump(path)
	if err == nil && says != want {
		err = fmt.Errorf("it is found whole, and says something else")
	}
	return true, err
}

// check runs alikms check.
func (l *lab) check(folder string) (whole bool, err error) {
	return l.judgement(exec.CommandContext(l.ctx, l.binary, "check", "--data", folder))
}

// refuses starts alikms on a file that was found damaged.
func (l *lab) refuses(folder string) error {
	path := filepath.Join(folder, "alikms.db")
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if whole, err := l.judgement(l.serving(l.binary, folder)); whole || err != nil {
		return fmt.Errorf("alikms served it: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		return fmt.Errorf("the refused file changed: %v", err)
	}
	return nil
}

// judgement runs a command to its end: exit 0, or 1 and one line. One that goes
// on and on, as serving a file does, is killed.
func (l *lab) judgement(cmd *exec.Cmd) (whole bool, err error) {
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return false, err
	}
	defer time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }).Stop()
	err = cmd.Wait()
	switch {
	case err == nil && said.Len() == 0:
		return true, nil
	case cmd.ProcessState.ExitCode() != 1 || strings.Count(said.String(), "\n") != 1:
		return false, fmt.Errorf("%v: %q", err, said.String())
	}
	return false, nil
}
