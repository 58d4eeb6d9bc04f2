package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// repository is the root of alikms, seen from this package.
const repository = "../../.."

// binary is the alikms that is tested.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run takes the binary that scripts/conformance/run has built for all suites,
// or builds one.
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
	build.Dir = repository
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build alikms: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// process is a running alikms.
type process struct {
	endpoint string // host:port, as the SDKs want it
	secure   string // the same for HTTPS
	command  *exec.Cmd
	log      bytes.Buffer // to be read when the process has ended
	ended    chan error
}

// start runs alikms and gives its endpoint for plain HTTP.
func start(t *testing.T, flags ...string) (endpoint string) {
	t.Helper()
	return startProcess(t, flags...).endpoint
}

// startProcess runs an alikms that keeps nothing.
func startProcess(t *testing.T, flags ...string) *process {
	t.Helper()
	return startKeeping(t, append([]string{"--ephemeral"}, flags...)...)
}

// startKeeping runs alikms on free ports, with its built-in keys unless the
// flags name a fixture or a folder that has others. At the end of the test it has
// to stop on SIGTERM with exit code 0, without an internal failure in its log.
func startKeeping(t *testing.T, flags ...string) *process {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	flags = append([]string{"--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--ready-file", ready}, flags...)
	p := &process{command: exec.Command(binary, flags...), ended: make(chan error, 1)}
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
func (p *process) awaitReady(file string) error {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	limit := time.After(30 * time.Second)
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			var addresses struct{ HTTP, HTTPS string }
			err = json.Unmarshal(text, &addresses)
			p.endpoint, p.secure = addresses.HTTP, addresses.HTTPS
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

func (p *process) stop(t *testing.T) {
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

// operations asks the binary which operations it emulates.
func operations(t *testing.T) (names []string) {
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
