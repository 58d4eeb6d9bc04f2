package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server under measurement, in a process of its own.
type process struct {
	command *exec.Cmd
	plain   string // address
	secure  string
	exited  chan error
}

var serves = regexp.MustCompile(`serves http://(\S+) and https://([^\s,]+)`)

// startProcess starts a server and waits until it says where it serves.
func startProcess(ctx context.Context, name string, args ...string) (*process, error) {
	p := &process{command: exec.CommandContext(ctx, name, args...), exited: make(chan error, 1)}
	p.command.Stderr = os.Stderr
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	go func() { // what it prints later would fill the pipe
		io.Copy(io.Discard, lines)
		p.exited <- p.command.Wait()
	}()
	where := serves.FindStringSubmatch(line)
	if where == nil {
		return nil, errors.Join(fmt.Errorf("%s does not say where it serves, but %q", filepath.Base(name), line), err, p.stop())
	}
	p.plain, p.secure = where[1], where[2]
	return p, nil
}

// address is where a process serves.
func (p *process) address(overTLS bool) string {
	if overTLS {
		return p.secure
	}
	return p.plain
}

// stop ends a server as a user does.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.exited
	return nil
}

// processorTime is what the threads of a process have used. /proc/PID/stat tells
// it in hundredths of a second only.
func (p *process) processorTime() (total time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.command.Process.Pid))
	if err == nil && len(threads) == 0 {
		err = errors.New("the bench needs Linux: it reads /proc/PID/task")
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			return 0, err
		}
		used, _, _ := strings.Cut(string(text), " ")
		nanoseconds, err := strconv.ParseInt(used, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(nanoseconds)
	}
	return total, err
}

// memory is what a process has resident, now (VmRSS) or at its peak (VmHWM), in
// MiB.
func (p *process) memory(field string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kibibytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kibibytes / 1024, err
		}
	}
	return 0, errors.New("/proc/PID/status has no " + field)
}

// rest waits until a server has given back the memory that it does not need any
// more, some seconds after its work.
func (p *process) rest() error {
	if err := p.settle(); err != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	return p.settle()
}

// settle waits until a server does nothing: no key is made ahead any more.
func (p *process) settle() error {
	const every, patience = 50 * time.Millisecond, 2 * time.Minute
	idle := 0
	before, err := p.processorTime()
	for began := time.Now(); err == nil && idle < 4; {
		if time.Since(began) > patience {
			return errors.New("alikms does not come to rest")
		}
		time.Sleep(every)
		var now time.Duration
		now, err = p.processorTime()
		idle++
		if now-before > every/50 {
			idle = 0
		}
		before = now
	}
	return err
}
