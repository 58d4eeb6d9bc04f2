package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the program as users have it, built once for all tests.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	folder, err := os.MkdirTemp("", "alikms-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "alikms")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, ".") // as the Dockerfile does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// process is a running alikms.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	url    string
	secure string // as https://…; "" where HTTPS is off
	stdout []string
	stderr bytes.Buffer
}

// start runs the binary on free ports and returns when it serves.
func start(t testing.TB, flags ...string) *process {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"}, flags...)...)
	cmd.Dir = t.TempDir()
	return startCommand(t, cmd)
}

// startCommand runs alikms as a command says.
func startCommand(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd}
	if p.cmd.Stderr == nil {
		p.cmd.Stderr = &p.stderr
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.stdout = append(p.stdout, lines.Text())
		if strings.HasPrefix(lines.Text(), "try: ") {
			urls := regexp.MustCompile(`https?://[^ ,]+`).FindAllString(p.stdout[0], 2)
			p.url = urls[0]
			if len(urls) > 1 {
				p.secure = urls[1]
			}
			go io.Copy(io.Discard, out)
			return p
		}
	}
	p.cmd.Wait()
	t.Fatalf("alikms did not start:\n%s%s", strings.Join(p.stdout, "\n"), p.stderr.String())
	return nil
}

func (p *process) call(action string, params ...string) (status int, body map[string]any, err error) {
	form := url.Values{"Action": {action}}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	r, err := http.PostForm(p.url, form)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	return r.StatusCode, body, json.NewDecoder(r.Body).Decode(&body)
}

// stop ends the process as docker stop does, and checks that it ends well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.terminate(); err != nil {
		p.t.Fatal(err)
	}
	p.ended()
}

func (p *process) terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

func (p *process) ended() {
	p.t.Helper()
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("stopped with %v:\n%s", err, p.stderr.String())
	}
}

func TestKeysAreThereAfterARestart(t *testing.T) {
	data := t.TempDir()
	first := start(t, "--data", data)
	_, body, err := first.call("CreateKey", "KeySpec", "EC_SM2")
	if err != nil {
		t.Fatal(err)
	}
	id := body["KeyMetadata"].(map[string]any)["KeyId"].(string)
	first.stop()
	second := start(t, "--data", data)
	if status, body, err := second.call("DescribeKey", "KeyId", id); status != 200 {
		t.Fatalf("after the restart: %v %v %v", status, body, err)
	}
	second.stop()
}

func TestTheCallToTryWorksWhenPasted(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	p := start(t, "--ephemeral")
	command := strings.TrimPrefix(p.stdout[len(p.stdout)-1], "try: ")
	out, err := exec.Command("sh", "-c", command).Output()
	if err != nil || !strings.Contains(string(out), `"CiphertextBlob":"`) {
		t.Fatalf("%s\nanswers %s %v", command, out, err)
	}
}

func TestReadyFileHasTheAddresses(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready.json")
	p := start(t, "--ephemeral", "--ready-file", ready)
	text, err := os.ReadFile(ready)
	var addresses map[string]string
	if err != nil || json.Unmarshal(text, &addresses) != nil || "http://"+addresses["http"] != p.url || "https://"+addresses["https"] != p.secure {
		t.Fatalf("the ready file is %q (%v), alikms serves %s", text, err, p.url)
	}
}

func TestTheReadyFileIsThereWhileServing(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(ready, []byte(`{"http": "127.0.0.1:1"}`), 0o644); err != nil { // of a process that was killed
		t.Fatal(err)
	}
	p := start(t, "--ephemeral", "--ready-file", ready)
	info, err := os.Stat(ready)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if code, _, log := command("health", "--ready-file", ready); code != 0 {
		t.Error(log)
	}
	p.stop()
	if _, err := os.Stat(ready); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// get is the status that alikms answers to a GET.
func get(t *testing.T, url string) int {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.StatusCode
}

func TestControlsHaveAnAddressOfTheirOwn(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready.json")
	p := start(t, "--ephemeral", "--control-listen", "127.0.0.1:0", "--ready-file", ready)
	text, err := os.ReadFile(ready)
	var addresses map[string]string
	if err != nil || json.Unmarshal(text, &addresses) != nil || addresses["control"] == "" {
		t.Fatalf("the ready file is %q (%v)", text, err)
	}
	control := "http://" + addresses["control"]
	if want := "controls: " + control + "/_emulator/"; p.stdout[1] != want {
		t.Errorf("alikms says %q, not %q", p.stdout[1], want)
	}
	for path, want := range map[string][2]int{ // at --listen, at --control-listen
		"/healthz":             {200, 200},
		"/_emulator/ca.pem":    {200, 200},
		"/_emulator/export":    {404, 200},
		"/%5Femulator/export":  {404, 200},
		"/_emulator/nothing":   {404, 404},
		"/_emulator/ui/":       {404, 200},
		"/?Action=ListKeys":    {200, 404},
		"/nowhere":             {404, 404},
		"//_emulator/requests": {404, 404},
	} {
		if got := [2]int{get(t, p.url+path), get(t, control+path)}; got != want {
			t.Errorf("%s answers %v, want %v", path, got, want)
		}
	}
	r, err := trusting(t, p).Get(p.secure + "/_emulator/export")
	if err != nil || r.StatusCode != 404 {
		t.Errorf("over HTTPS: %v %v", r, err)
	}
	for _, args := range [][]string{{"health"}, {"wait"}, {"export"}} {
		if code, _, log := command(append(args, "--control-listen", addresses["control"])...); code != 0 {
			t.Errorf("%v: %s", args, log)
		}
	}
	p.stop()
}

func TestListeningBeyondLoopbackIsWarnedOfOnce(t *testing.T) {
	const controls, keys = "other machines can reach the controls", "other machines can use every key"
	cases := []struct {
		name  string
		flags []string
		warns string
	}{
		{"loopback", nil, ""},
		{"every address", []string{"--listen", ":0"}, controls},
		{"HTTPS on every address", []string{"--listen-tls", ":0", "--credential", "a:b"}, controls},
		{"controls on every address", []string{"--control-listen", ":0"}, controls},
		{"controls at home", []string{"--listen", ":0", "--control-listen", "127.0.0.1:0"}, keys},
		{"controls at home, calls verified", []string{"--listen", ":0", "--control-listen", "127.0.0.1:0", "--credential", "a:b"}, ""},
		{"HTTPS off", []string{"--listen-tls", ""}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, append(c.flags, "--ephemeral")...)
			p.stop()
			said := p.stderr.String()
			if strings.Count(said, "level=WARN") != min(1, len(c.warns)) || !strings.Contains(said, c.warns) {
				t.Errorf("%q is not %q", said, c.warns)
			}
		})
	}
}

func TestTheCallToTryIsForThisMachine(t *testing.T) {
	p := start(t, "--ephemeral", "--listen", ":0")
	if got := p.stdout[len(p.stdout)-1]; !strings.HasPrefix(got, "try: curl -s http://127.0.0.1:") {
		t.Error(got)
	}
	if !strings.Contains(p.stdout[1], "published") {
		t.Errorf("nothing is said of published ports: %q", p.stdout)
	}
}

func TestAnUnknownRegionIsTakenWithAWord(t *testing.T) {
	p := start(t, "--ephemeral", "--region", "mars")
	if status, body, err := p.call("ListKeys"); status != 200 {
		t.Errorf("%v %v", body, err)
	}
	p.stop()
	if said := p.stderr.String(); !strings.Contains(said, "no known region") || !strings.Contains(said, "region=mars") {
		t.Error(said)
	}
}

func TestEphemeralLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p := start(t, "--ephemeral")
	p.stop()
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v %v", left, err)
	}
}

// refused runs the program until it ends of itself, and gives its one line.
func refused(t *testing.T, environ []string, args ...string) (code int, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), environ...)
	cmd.Dir = t.TempDir()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Run()
	return cmd.ProcessState.ExitCode(), strings.TrimSuffix(stderr.String(), "\n")
}

func TestBadSettingsStopTheStartWithOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cases := []struct {
		name    string
		environ []string
		args    []string
		code    int
		line    string
	}{
		{"unknown flag", nil, []string{"--lisen", ":1"}, 2, "alikms: unknown flag --lisen, did you mean \"--listen\"?"},
		{"level", nil, []string{"--log-level", "loud"}, 2, `alikms: --log-level must be one of "debug","info","warn","error" but got "loud"`},
		{"both", nil, []string{"--ephemeral", "--data", "x"}, 2, "alikms: serve: --ephemeral keeps nothing and --data says where: give one of them"},
		{"account", nil, []string{"--account", "12"}, 2, `alikms: serve: --account is "12": write 16 digits`},
		{"credential", nil, []string{"--credential", "id"}, 2, "alikms: serve: --credential has no id or no secret: write id:secret"},
		{"credential id", nil, []string{"--credential", "s3cr+t/:id"}, 2, "alikms: serve: --credential has an id that is none: write id:secret, the id of letters, digits, . _ - @, at most 128"},
		{"credential twice", nil, []string{"--credential", "a:b", "--credential", "a:c"}, 2, "alikms: serve: --credential has a twice: give it once"},
		{"region", nil, []string{"--region", "Mars!"}, 2, `alikms: serve: --region is "Mars!": write a region id of lower-case letters, digits and -, like cn-hangzhou`},
		{"pool", []string{"ALIKMS_KEY_POOL=-1"}, nil, 2, `alikms: --key-pool: "-1" is not allowed: write a whole number from 0 to 100 (from envar ALIKMS_KEY_POOL="-1")`},
		{"pool flag", nil, []string{"--key-pool=101"}, 2, `alikms: --key-pool: "101" is not allowed: write a whole number from 0 to 100`},
		{"journal", nil, []string{"--journal=-1"}, 2, `alikms: --journal: "-1" is not allowed: write a whole number from 0 to 1000000`},
		{"huge journal", nil, []string{"--journal=99999999999999999999"}, 2, `alikms: --journal: "99999999999999999999" is not allowed: write a whole number from 0 to 1000000`},
		{"patience", nil, []string{"wait", "--timeout", "30"}, 2, `alikms: --timeout: "30" is not allowed: write a duration up to 24h, like 30s or 2m`},
		{"no patience", nil, []string{"wait", "--timeout=-1s"}, 2, `alikms: --timeout: "-1s" is not allowed: write a duration up to 24h, like 30s or 2m`},
		{"variable", []string{"ALIKMS_LISTN=:1"}, nil, 2, "alikms: ALIKMS_LISTN is no setting; did you mean ALIKMS_LISTEN?"},
		{"command", nil, []string{"serv"}, 2, `alikms: there is no command "serv"; did you mean serve?`},
		{"port", nil, []string{"--listen", ":65536"}, 2, `alikms: serve: --listen is ":65536": write host:port, like 127.0.0.1:8080 or :8080, with a port up to 65535`},
		{"control address", nil, []string{"--control-listen", "8081"}, 2, `alikms: serve: --control-listen is "8081": write host:port, like 127.0.0.1:8081, with a port up to 65535`},
		{"one address twice", nil, []string{"--control-listen", "127.0.0.1:8443"}, 2, "alikms: serve: --listen-tls and --control-listen are both 127.0.0.1:8443: give each an address of its own"},
		{"ready file", nil, []string{"--ephemeral", "--listen", "127.0.0.1:0", "--listen-tls=", "--ready-file", "missing/ready.json"}, 1, ""},
		{"address", nil, []string{"--listen", "nowhere"}, 2, `alikms: serve: --listen is "nowhere": write host:port, like 127.0.0.1:8080 or :8080, with a port up to 65535`},
		{"no address", []string{"ALIKMS_LISTEN="}, nil, 2, `alikms: serve: --listen is "": write host:port, like 127.0.0.1:8080 or :8080, with a port up to 65535`},
		{"TLS address", nil, []string{"--listen-tls", "8443"}, 2, `alikms: serve: --listen-tls is "8443": write host:port, like 127.0.0.1:8443 or :8443, with a port up to 65535, or nothing to turn HTTPS off`},
		{"certificate without key", nil, []string{"--tls-cert", "a.pem"}, 2, "alikms: serve: --tls-cert and --tls-key belong together: give both or neither"},
		{"certificate without HTTPS", []string{"ALIKMS_LISTEN_TLS="}, []string{"--tls-cert", "a.pem", "--tls-key", "b.pem"}, 2, "alikms: serve: --tls-cert is for HTTPS, and --listen-tls turns it off: give an address there"},
		{"no certificate", nil, []string{"--ephemeral", "--tls-cert", "a.pem", "--tls-key", "b.pem"}, 1, "alikms: cannot use --tls-cert a.pem with --tls-key b.pem: open a.pem: no such file or directory"},
		{"address of another machine", nil, []string{"--ephemeral", "--listen", "192.0.2.1:1"}, 1, ""},
		{"port in use", nil, []string{"--ephemeral", "--listen", "127.0.0.1:0", "--listen-tls", taken.Addr().String()}, 1, ""},
		{"fixture", nil, []string{"--ephemeral", "--fixture", "missing.yaml"}, 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, line := refused(t, c.environ, c.args...)
			if code != c.code || line == "" || strings.Contains(line, "\n") || c.line != "" && line != c.line {
				t.Errorf("exit %d %q, want exit %d %q", code, line, c.code, c.line)
			}
		})
	}
}

func TestALockedDataFileIsAnErrorAtOnce(t *testing.T) {
	data := t.TempDir()
	start(t, "--data", data)
	code, line := refused(t, nil, "--data", data)
	if code != 1 || !strings.Contains(line, "in use by another") || strings.Contains(line, "\n") {
		t.Errorf("exit %d %q", code, line)
	}
}
