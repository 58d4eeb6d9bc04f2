package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// lab is what all trials share.
type lab struct {
	ctx    context.Context
	binary string // alikms
	work   string // a folder that goes with the lab
	seed   uint64
	short  bool
}

// amount is how much of something a trial does.
func (l *lab) amount(short, long int) int {
	if l.short {
		return short
	}
	return long
}

// chance is a source of chance of its own for each use, so that one trial alone
// does what it does among the others.
func (l *lab) chance(use string, n int) *rand.Rand {
	stream := uint64(n)
	for _, c := range []byte(use) {
		stream = stream*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(l.seed, stream))
}

// alikms is a running alikms.
type alikms struct {
	cmd    *exec.Cmd
	url    string
	log    logged
	client *http.Client
}

// logged is what a process says, which is read while it speaks.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the text.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that was said.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serving is the command that serves a data folder.
func (l *lab) serving(binary, data string, flags ...string) *exec.Cmd {
	flags = append([]string{"--listen", "127.0.0.1:0", "--listen-tls=", "--data", data, "--key-pool", "0"}, flags...)
	return exec.CommandContext(l.ctx, binary, flags...)
}

// start starts alikms, and returns when it serves.
func (l *lab) start(data string, flags ...string) (*alikms, error) {
	return begin(l.serving(l.binary, data, flags...))
}

var plainURL = regexp.MustCompile(`http://[^ ,]+`)

// begin runs a command of serving.
func begin(cmd *exec.Cmd) (*alikms, error) {
	a := &alikms{cmd: cmd, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	cmd.Stderr = &a.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if a.url == "" {
			a.url = plainURL.FindString(lines.Text())
		}
		if strings.HasPrefix(lines.Text(), "try: ") {
			go io.Copy(io.Discard, out)
			return a, nil
		}
	}
	return nil, fmt.Errorf("alikms did not start: %w: %s", cmd.Wait(), a.log.String())
}

// kill ends the process at once.
func (a *alikms) kill() {
	a.cmd.Process.Kill()
	a.cmd.Wait()
	a.client.CloseIdleConnections()
}

// stop ends the process as container engines do, and says how long that took.
func (a *alikms) stop() (time.Duration, error) {
	a.client.CloseIdleConnections()
	began := time.Now()
	err := a.cmd.Process.Signal(syscall.SIGTERM)
	if err == nil {
		err = a.cmd.Wait()
	}
	if err != nil {
		err = fmt.Errorf("stopping: %w: %s", err, a.log.String())
	}
	return time.Since(began), errors.Join(err, a.crashed())
}

// crashed finds in the log what Go writes of panics and crashes.
func (a *alikms) crashed() error {
	log := a.log.String()
	for _, word := range []string{"panic", "fatal error", "SIGSEGV", "SIGBUS"} {
		if i := strings.Index(log, word); i >= 0 {
			return fmt.Errorf("alikms crashed: %s", log[i:min(len(log), i+2000)])
		}
	}
	return nil
}

// answer is what alikms answers to a call.
type answer struct {
	status int
	code   string // of an error
	body   map[string]any
}

func (a answer) String() string { return fmt.Sprint(a.status, " ", a.body) }

// text finds a text in the body.
func (a answer) text(path ...string) string {
	var found any = a.body
	for _, name := range path {
		inner, _ := found.(map[string]any)
		found = inner[name]
	}
	text, _ := found.(string)
	return text
}

// list finds a list of objects in the body.
func (a answer) list(path ...string) (all []answer) {
	var found any = a.body
	for _, name := range path {
		inner, _ := found.(map[string]any)
		found = inner[name]
	}
	items, _ := found.([]any)
	for _, item := range items {
		inner, _ := item.(map[string]any)
		all = append(all, answer{body: inner})
	}
	return all
}

// texts finds a list of texts in the body; it is not nil.
func (a answer) texts(path ...string) []string {
	var found any = a.body
	for _, name := range path {
		inner, _ := found.(map[string]any)
		found = inner[name]
	}
	items, _ := found.([]any)
	all := make([]string, len(items))
	for i, item := range items {
		all[i], _ = item.(string)
	}
	return all
}

// call calls an operation; params are names and values in turn.
func (a *alikms) call(operation string, params ...string) (answer, error) {
	form := url.Values{"Action": {operation}}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	r, err := a.client.PostForm(a.url, form)
	if err != nil {
		return answer{}, err
	}
	return read(r)
}

func read(r *http.Response) (answer, error) {
	defer r.Body.Close()
	found := answer{status: r.StatusCode}
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &found.body)
	}
	found.code = found.text("Code")
	return found, err
}

// misanswer is an answer that must not be, as opposed to none.
type misanswer string

func (m misanswer) Error() string { return string(m) }

// ask is a call that has to succeed.
func (a *alikms) ask(operation string, params ...string) (answer, error) {
	found, err := a.call(operation, params...)
	if err == nil && found.status != http.StatusOK {
		err = misanswer(fmt.Sprintf("%s %q answers %v", operation, params, found))
	}
	return found, err
}

// control calls a control.
func (a *alikms) control(method, path, body string) (answer, error) {
	r, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	response, err := a.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	found, err := read(response)
	if err == nil && found.status != http.StatusOK {
		err = misanswer(fmt.Sprintf("%s %s answers %v", method, path, found))
	}
	return found, err
}

// failed finds in the log failures of alikms's own.
func (a *alikms) failed() error {
	log := a.log.String()
	if i := strings.Index(log, "level=ERROR"); i >= 0 {
		return fmt.Errorf("alikms says %s", log[i:min(len(log), i+1000)])
	}
	return nil
}
