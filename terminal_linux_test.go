package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal gives both ends of a terminal: what a program writes to the one
// can be read at the other.
func pseudoTerminal(t *testing.T) (program *os.File, seen *bufio.Reader) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudo terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return program, bufio.NewReader(master)
}

// onTerminal starts alikms with its log on a terminal.
func onTerminal(t *testing.T, environ []string, flags ...string) (*process, *bufio.Reader) {
	t.Helper()
	terminal, seen := pseudoTerminal(t)
	cmd := exec.Command(binary, append([]string{"--ephemeral", "--listen", "127.0.0.1:0", "--listen-tls", ""}, flags...)...)
	cmd.Env = append(append(os.Environ(), "TERM=xterm-256color", "NO_COLOR="), environ...)
	cmd.Stderr = terminal
	return startCommand(t, cmd), seen
}

func TestOnATerminalEachCallIsALine(t *testing.T) {
	for _, c := range []struct {
		name    string
		environ []string
		colour  bool
	}{
		{"in colour", nil, true},
		{"NO_COLOR", []string{"NO_COLOR=1"}, false},
		{"a terminal without colours", []string{"TERM=dumb"}, false},
		{"no word of the terminal", []string{"TERM="}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, seen := onTerminal(t, c.environ)
			for _, action := range []string{"ListKeys", "NoSuchThing"} {
				if _, _, err := p.call(action); err != nil {
					t.Fatal(err)
				}
				line, err := seen.ReadString('\n')
				if err != nil || !strings.Contains(line, action) || strings.Contains(line, "\x1b") != c.colour {
					t.Errorf("%s is the line %q, %v", action, line, err)
				}
			}
			p.stop()
		})
	}
}

// What is between two other lines is missing.
func TestOnATerminalThatWantsWarningsOnlyNoCallIsALine(t *testing.T) {
	p, seen := onTerminal(t, nil, "--log-level", "warn", "--region", "nowhere-1")
	if _, _, err := p.call("ListKeys"); err != nil {
		t.Fatal(err)
	}
	p.stop()
	line, err := seen.ReadString('\n')
	if err != nil || !strings.Contains(line, "nowhere-1") || seen.Buffered() > 0 {
		t.Errorf("the terminal has %q and %d bytes more, %v", line, seen.Buffered(), err)
	}
}
