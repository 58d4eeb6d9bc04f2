package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func (p *process) address() string { return strings.TrimPrefix(p.url, "http://") }

// put uses a control.
func (p *process) put(path, body string) {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodPut, p.url+"/_emulator/"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		p.t.Fatalf("%s: %s %s", path, answer.Status, text)
	}
}

func TestWhySaysHowACallWasDecided(t *testing.T) {
	p := start(t, "--ephemeral")
	ask := func(args ...string) (code int, stdout, stderr string) {
		return command(append([]string{"why", "--listen", p.address()}, args...)...)
	}
	if code, _, log := ask(); code != 1 || log != "alikms: cannot say why: the journal is empty: nothing was called since the start or the last reset\n" {
		t.Errorf("before any call: exit %d %q", code, log)
	}
	p.put("faults/first", "{match: {operation: ListKeys}, script: [{error: Rejected.Throttling}]}")
	_, first, err := p.call("ListKeys")
	if err != nil {
		t.Fatal(err)
	}
	p.call("ListKeys")
	code, out, log := ask()
	lines := strings.Split(out, "\n")
	if code != 0 || log != "" || len(lines) != 4 || !strings.HasSuffix(lines[0], " 200") ||
		lines[1] != "no fault took it; fault first: spent: its script had ended before the call; it was answered 200" ||
		lines[2] != "  fault first: spent: its script had ended before the call" {
		t.Errorf("exit %d %q\n%s", code, log, out)
	}
	code, out, _ = ask(first["RequestId"].(string))
	if code != 0 || !strings.Contains(out, "429 Rejected.Throttling fault first\nfault first: took the call and acted: Rejected.Throttling; step 1 of its script, call 1 of the rule\n") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, _, log := ask("none"); code != 1 || !strings.Contains(log, "the journal has no request of this id") {
		t.Errorf("an unknown id: exit %d %q", code, log)
	}
}

// tailing runs tail beside the test.
func tailing(t *testing.T, args ...string) (lines *bufio.Reader, ended chan int) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended = make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"tail"}, args...), nil, writer, io.Discard)
		writer.Close()
	}()
	t.Cleanup(func() { stop(); reader.Close() })
	return bufio.NewReader(reader), ended
}

func TestTailPrintsCallsUntilAlikmsStops(t *testing.T) {
	p := start(t, "--ephemeral")
	p.call("ListKeys")
	p.call("ListAliases")
	lines, ended := tailing(t, "--listen", p.address(), "--operation", "ListKeys")
	expect := func(want string) {
		t.Helper()
		if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, want) || strings.Contains(line, "\x1b") {
			t.Errorf("the line is %q, %v; want %s", line, err, want)
		}
	}
	expect("ListKeys") // of the journal
	p.put("faults/f", "{error: ServiceUnavailableTemporary}")
	p.call("ListAliases")
	p.call("ListKeys")
	expect("503 ServiceUnavailableTemporary fault f")
	p.stop()
	if rest, _ := io.ReadAll(lines); len(rest) > 0 {
		t.Errorf("the rest is %q", rest)
	}
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestTailSaysWhatIsWrong(t *testing.T) {
	p := start(t, "--ephemeral")
	for _, c := range []struct{ flag, value, want string }{
		{"--fault", "none", `alikms: cannot tail: fault: no fault has the name "none", nor had one at any request of the journal`},
		{"--status", "x", `alikms: cannot tail: status: "x" is not allowed: write a whole number, at least 0`},
		{"--operation", "ListKyes", `alikms: cannot tail: operation: "ListKyes" is not an operation; did you mean ListKeys?`},
	} {
		if code, _, log := command("tail", "--listen", p.address(), c.flag, c.value); code != 1 || log != c.want+"\n" {
			t.Errorf("%s: exit %d %q", c.flag, code, log)
		}
	}
	if code, _, log := command("tail", "--listen", closedPort(t)); code != 1 || !strings.Contains(log, "connection refused") {
		t.Errorf("exit %d %q", code, log)
	}
}

func TestTailSaysHowManyCallsAreMissing(t *testing.T) {
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "event: request\ndata: {\"operation\": \"ListKeys\", \"status\": 200}\n\nevent: dropped\ndata: 17\n\nevent: later\ndata: x\n\n")
	}))
	defer served.Close()
	code, out, _ := command("tail", "--listen", served.Listener.Addr().String())
	if code != 0 || !strings.HasSuffix(out, " 200\n... 17 calls are missing here: they came faster than they were written\n") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// The journal tells what a log in a file would.
func TestALogThatIsNoTerminalHasNoLineACall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(binary, "--ephemeral", "--listen", "127.0.0.1:0", "--listen-tls", "")
	cmd.Stderr = file
	p := startCommand(t, cmd)
	p.call("ListKeys")
	p.stop()
	if text, err := os.ReadFile(path); err != nil || len(text) > 0 {
		t.Errorf("the log has %q, %v", text, err)
	}
}
