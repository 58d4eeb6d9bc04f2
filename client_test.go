package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alikms/alikms/fixtures"
)

// command runs alikms in this process, with nothing set in its environment.
func command(args ...string) (code int, stdout, stderr string) {
	var out, log bytes.Buffer
	code = run(context.Background(), args, nil, &out, &log)
	return code, out.String(), log.String()
}

// answering is the address of a server that answers so.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func healthy(w http.ResponseWriter, _ *http.Request)   { w.WriteHeader(http.StatusOK) }
func unhealthy(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

func TestHealthIsItsExitCode(t *testing.T) {
	cases := []struct {
		name, address string
		code          int
		says          string
	}{
		{"healthy", answering(t, healthy), 0, "healthy"},
		{"unhealthy", answering(t, unhealthy), 1, "alikms: not healthy: "},
		{"nobody", closedPort(t), 1, "alikms: not healthy: "},
		{"any free port", "127.0.0.1:0", 2, "alikms: not healthy: --listen has port 0"},
		{"where HTTPS would be", "127.0.0.1:8443", 1, "alikms: not healthy: "},
		{"no address", "8080", 2, `alikms: health: --listen is "8080": write host:port`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, out, log := command("health", "--listen", c.address)
			said := out + log
			if code != c.code || !strings.HasPrefix(said, c.says) || strings.Count(said, "\n") != 1 {
				t.Errorf("exit %d %q, want exit %d %q in one line", code, said, c.code, c.says)
			}
		})
	}
}

func TestHealthOfAWildcardIsAskedOnLoopback(t *testing.T) {
	for listen, want := range map[string]string{
		":8080":          "127.0.0.1:8080",
		"0.0.0.0:8080":   "127.0.0.1:8080",
		"[::]:8080":      "127.0.0.1:8080",
		"127.0.0.2:8080": "127.0.0.2:8080",
		"alikms:80":      "alikms:80",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("%s is asked at %s, want %s", listen, got, want)
		}
	}
}

// TestHealthIsAskedWhereTheReadyFileSays, unless a flag says otherwise.
func TestHealthIsAskedWhereTheReadyFileSays(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready.json")
	up, down := answering(t, healthy), closedPort(t)
	cases := []struct {
		name, text string
		args       []string
		code       int
		says       string
	}{
		{"before the start", "", nil, 1, "alikms: not healthy: nobody serves yet: open " + ready},
		{"serving", `{"http": "` + up + `"}`, nil, 0, "healthy"},
		{"controls apart", `{"http": "` + down + `", "control": "` + up + `"}`, nil, 0, "healthy"},
		{"gone", `{"http": "` + down + `"}`, nil, 1, "alikms: not healthy: dial"},
		{"a flag", `{"http": "` + down + `"}`, []string{"--listen", up}, 0, "healthy"},
		{"a flag for the controls", `{"http": "` + down + `"}`, []string{"--control-listen", up}, 0, "healthy"},
		{"both flags", `{"http": "` + up + `"}`, []string{"--listen", down, "--ready-file", ready}, 0, "healthy"},
		{"something else", `[]`, nil, 1, "alikms: not healthy: " + ready + " is no ready file of alikms"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("ALIKMS_READY_FILE", ready)
			os.Remove(ready)
			if c.text != "" {
				if err := os.WriteFile(ready, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, out, log := command(append([]string{"health"}, c.args...)...)
			if said := out + log; code != c.code || !strings.HasPrefix(said, c.says) || strings.Count(said, "\n") != 1 {
				t.Errorf("exit %d %q, want exit %d %q in one line", code, said, c.code, c.says)
			}
		})
	}
}

func TestWaitEndsWhenHealthy(t *testing.T) {
	var asked atomic.Int32
	address := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 4 {
			unhealthy(w, r)
		}
	})
	code, out, log := command("wait", "--listen", address)
	if code != 0 || out != "healthy\n" || log != "" || asked.Load() != 4 {
		t.Errorf("exit %d %q %q after %d questions", code, out, log, asked.Load())
	}
}

func TestWaitGivesUp(t *testing.T) {
	cases := []struct {
		name, address, timeout string
		code                   int
		says                   string
	}{
		{"unhealthy", answering(t, unhealthy), "50ms", 1, "alikms: not healthy within 50ms: "},
		{"nobody", closedPort(t), "50ms", 1, "alikms: not healthy within 50ms: "},
		{"silent", silentPort(t), "50ms", 1, "alikms: not healthy within 50ms: "},
		{"any free port", "127.0.0.1:0", "1h", 2, "alikms: --listen has port 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, out, log := command("wait", "--listen", c.address, "--timeout", c.timeout)
			if code != c.code || out != "" || !strings.HasPrefix(log, c.says) || strings.Count(log, "\n") != 1 {
				t.Errorf("exit %d %q %q, want exit %d %q in one line", code, out, log, c.code, c.says)
			}
		})
	}
}

// silentPort is an address at which connections are taken and nothing is said.
func silentPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestWhatIsExportedIsValid(t *testing.T) {
	p := start(t, "--ephemeral")
	code, out, log := command("export", "--listen", strings.TrimPrefix(p.url, "http://"))
	if code != 0 || log != "" {
		t.Fatalf("exit %d %q", code, log)
	}
	file := filepath.Join(t.TempDir(), "export.yaml")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	document, _ := fixtures.Default()
	n := len(document.Keys)
	want := fmt.Sprintf("valid: %d keys, %d versions, %d aliases, 0 secrets, 0 instances, 0 credentials, 0 quotas, 0 faults\n", n, n, n)
	code, out, log = command("validate", file)
	if code != 0 || log != "" || out != want {
		t.Errorf("exit %d %q %q", code, out, log)
	}
}

func TestExportSaysWhatWentWrong(t *testing.T) {
	refusing := answering(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such thing", http.StatusNotFound) })
	for address, says := range map[string]string{refusing: "404 Not Found: no such thing", closedPort(t): "connection refused"} {
		code, out, log := command("export", "--listen", address)
		if code != 1 || out != "" || !strings.HasPrefix(log, "alikms: cannot export: ") || !strings.Contains(log, says) {
			t.Errorf("exit %d %q %q, want %q", code, out, log, says)
		}
	}
}

func TestValidateSaysEverythingInOrder(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := write("a.yaml", "faults:\n  - {name: f, delay: 1s, match: {operation: AsymetricEncrypt}}\n  - {name: g, delay: 300}\n")
	second := write("b.yaml", "keys:\n  - {keyId: k, keySpec: RSA_2047, keyUsage: ENCRYPT/DECRYPT}\n")
	code, out, log := command("validate", first, second)
	want := []string{ // the second is about spelling, the others about meaning
		first + `:2:`, `"AsymetricEncrypt" is not an operation; did you mean AsymmetricEncrypt?`,
		first + `:3:`, `is not a duration`,
		second + `:2:`, `"RSA_2047" is not allowed here`,
	}
	rest := log
	for _, part := range want {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("%q is missing, or out of order, in\n%s", part, log)
		}
		rest = after
	}
	if code != 1 || out != "" || strings.Count(log, "\n") != 3 {
		t.Errorf("exit %d %q\n%s", code, out, log)
	}
}

func TestValidateWantsAFile(t *testing.T) {
	if code, _, log := command("validate"); code != 2 || strings.Count(log, "\n") != 1 {
		t.Errorf("exit %d %q", code, log)
	}
}

func TestEnvPrintsWhatToSet(t *testing.T) {
	code, out, log := command("env", "--sdk", "go", "--listen", ":80", "--listen-tls", "[::]:443")
	if code != 0 || log != "" || !strings.Contains(out, `tea.String("127.0.0.1:80")`) || !strings.Contains(out, `tea.String("127.0.0.1:443")`) {
		t.Errorf("exit %d %q %q", code, out, log)
	}
	if _, out, _ = command("env", "--sdk", "go", "--listen-tls="); strings.Contains(out, "ca.pem") {
		t.Errorf("HTTPS is off, and yet: %s", out)
	}
	if code, _, log = command("env", "--sdk", "cobol"); code != 2 || !strings.Contains(log, `"go-classic"`) {
		t.Errorf("exit %d %q", code, log)
	}
}

func TestAFailingOutputIsAnError(t *testing.T) {
	p := start(t, "--ephemeral")
	var log bytes.Buffer
	closed, w := io.Pipe()
	closed.Close()
	if code := run(context.Background(), []string{"export", "--listen", strings.TrimPrefix(p.url, "http://")}, nil, w, &log); code != 1 {
		t.Errorf("exit %d %q", code, &log)
	}
}

func TestSamplePrintsAProgram(t *testing.T) {
	code, out, log := command("sample", "--sdk", "go", "--listen", ":18080", "UpdateKeyDescription", "KeyId=key-a", "Description=a=b, \"c\"\n")
	if code != 0 || log != "" || !strings.Contains(out, `tea.String("127.0.0.1:18080")`) || !strings.Contains(out, `tea.String("a=b, \"c\"\n")`) {
		t.Errorf("exit %d, %s%s", code, log, out)
	}
	for args, want := range map[string]string{
		"ListKeys":                                "missing flags: --sdk",
		"--sdk cobol ListKeys":                    `"go-classic"`,
		"--sdk go":                                "<operation>",
		"--sdk go ListKyes":                       `operation: "ListKyes" is not an operation; did you mean ListKeys?`,
		"--sdk go ListKeys PageSize":              `"PageSize" is no parameter: write NAME=VALUE`,
		"--sdk go ListKeys =1":                    "write NAME=VALUE",
		"--sdk go ListKeys PageSize=1 PageSize=2": "PageSize is given twice",
		"--sdk go ListKeys PageSize=0 PageNum=1":  "PageNum: ListKeys has no such parameter; did you mean PageNumber?\nPageSize: \"0\" is not allowed: a whole number from 1 to 100",
		"--sdk go DescribeKey":                    "KeyId: is missing: of a key its id or alias or arn",
		"--sdk go --listen :0 ListKeys":           "--listen has port 0",
	} {
		code, out, log := command(append([]string{"sample"}, strings.Fields(args)...)...)
		if code != 2 || out != "" || !strings.HasPrefix(log, "alikms: ") || !strings.Contains(log, want) {
			t.Errorf("%s: exit %d, %s%s", args, code, out, log)
		}
	}
}
