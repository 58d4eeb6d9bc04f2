package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// consumption is what a process takes of the machine.
type consumption struct {
	resident    int // KiB
	descriptors int
}

// consumed reads it of a running alikms; ErrUnsupported where there is no /proc.
func (a *alikms) consumed() (c consumption, err error) {
	folder := filepath.Join("/proc", strconv.Itoa(a.cmd.Process.Pid))
	file, err := os.Open(filepath.Join(folder, "status"))
	if err != nil {
		return c, errors.ErrUnsupported
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			c.resident, err = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	open, readErr := os.ReadDir(filepath.Join(folder, "fd"))
	c.descriptors = len(open)
	return c, errors.Join(err, readErr)
}

// settled waits until no more descriptors are open than at the beginning.
func (a *alikms) settled(most int) (c consumption, err error) {
	a.client.CloseIdleConnections()
	for until := time.Now().Add(10 * time.Second); ; {
		c, err = a.consumed()
		if err != nil || c.descriptors <= most || time.Now().After(until) {
			return c, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// goroutines ends the process by SIGQUIT, to which Go answers with the stacks of
// all goroutines, and counts them.
func (a *alikms) goroutines() (int, error) {
	a.client.CloseIdleConnections()
	if err := a.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		return 0, err
	}
	a.cmd.Wait()
	log := a.log.String()
	count := strings.Count(log, "\ngoroutine ")
	if !strings.Contains(log, "SIGQUIT: quit") || count == 0 {
		return 0, fmt.Errorf("alikms did not end by SIGQUIT: %s", log)
	}
	return count, nil
}
