// Package alikms runs the alikms that the Go suites test, as a process.
package alikms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Repository is the root of alikms, seen from a suite.
const Repository = "../../.."

// binary is the alikms that is tested.
var binary string

// Main runs the tests of a suite with the binary that scripts/conformance/run has
// built for all suites, or builds one.
func Main(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if binary = os.Getenv("ALIKMS_BINARY"); binary != "" {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "alikms-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "alikms")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = Repository
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build alikms: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// Process is a running alikms.
type Process struct {
	Endpoint string // host:port, as the SDKs want it
	Secure   string // the same for HTTPS
	command  *exec.Cmd
	log      bytes.Buffer // to be read when the process has ended
	ended    chan error
}

// Start runs an alikms that keeps nothing.
func Start(t *testing.T, flags ...string) *Process {
	t.Helper()
	return StartKeeping(t, append([]string{"--ephemeral"}, flags...)...)
}

// StartKeeping runs alikms on free ports, with its built-in keys unless the flags
// name a fixture or a folder that has others. At the end of the test it has to
// stop on SIGTERM with exit code 0, without an internal failure in its log.
func StartKeeping(t *testing.T, flags ...string) *Process {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	flags = append([]string{"--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--ready-file", ready}, flags...)
	p := &Process{command: exec.Command(binary, flags...), ended: make(chan error, 1)}
	p.command.Env = withoutSettings(os.Environ())
	p.command.Stderr = &p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.command.Wait() }()
	if err := p.awaitReady(ready); err != nil {
		p.command.Process.Kill()
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	return p
}

// withoutSettings leaves out the environment's own settings of alikms, and
// ALIKMS_BINARY, which alikms refuses as a setting it does not know.
func withoutSettings(environ []string) []string {
	return slices.DeleteFunc(environ, func(setting string) bool { return strings.HasPrefix(setting, "ALIKMS_") })
}

// awaitReady waits for the ready file, which appears whole or not at all.
func (p *Process) awaitReady(file string) error {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	limit := time.After(30 * time.Second)
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			var addresses struct{ HTTP, HTTPS string }
			err = json.Unmarshal(text, &addresses)
			p.Endpoint, p.Secure = addresses.HTTP, addresses.HTTPS
			return err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case err := <-p.ended:
			return fmt.Errorf("alikms ended before it was ready: %v\n%s", err, &p.log)
		case <-limit:
			return errors.New("alikms was not ready within 30 s")
		case <-look.C:
		}
	}
}

func (p *Process) stop(t *testing.T) {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("cannot stop alikms: %v", err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("alikms did not stop with exit code 0: %v", err)
		}
	case <-time.After(30 * time.Second):
		p.command.Process.Kill()
		t.Error("alikms did not stop within 30 s of SIGTERM")
		<-p.ended
	}
	if strings.Contains(p.log.String(), "level=ERROR") {
		t.Error("alikms logged an internal failure")
	}
	if t.Failed() {
		t.Logf("log of alikms:\n%s", &p.log)
	}
}

// Control asks one of the controls below /_emulator/ at an endpoint, which has to
// succeed, and returns what it answers.
func Control(t *testing.T, endpoint, method, path, body string) []byte {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+endpoint+"/_emulator/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s %v", method, path, response.Status, text, err)
	}
	return text
}

// Operations asks the binary which operations it emulates.
func Operations(t *testing.T) (names []string) {
	t.Helper()
	list := exec.Command(binary, "operations")
	list.Env = withoutSettings(os.Environ())
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return names
}
