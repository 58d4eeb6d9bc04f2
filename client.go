package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/internal/ownfile"
	"github.com/alikms/alikms/store"
)

// The commands in this file ask a running alikms, at the address that it was
// told to listen at.

// askLimit is how long alikms may take for an answer to a health check.
const askLimit = 3 * time.Second

// reachable is where a client on this machine finds what listens at an address:
// a wildcard is no destination. What listens at [::] takes IPv4 too, which every
// container has.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// target is a running alikms: where it was told to listen, or where it says that
// it does.
type target struct {
	Where     addresses `embed:""`
	ReadyFile string    `placeholder:"FILE" help:"File in which alikms says where it serves (its --ready-file); an address given as a flag counts more."`
}

// Validate is called by kong.
func (t *target) Validate(kctx *kong.Context) error {
	if beats(kctx, "listen", "ready-file") || beats(kctx, "control-listen", "ready-file") {
		t.ReadyFile = ""
	}
	return nil
}

// address is where controls and health are asked.
func (t target) address() (string, error) {
	if t.ReadyFile != "" {
		return readReady(t.ReadyFile)
	}
	flag, address := "--listen", t.Where.Listen
	if t.Where.ControlListen != "" {
		flag, address = "--control-listen", t.Where.ControlListen
	}
	if strings.HasSuffix(address, ":0") {
		return "", usageError(flag + " has port 0, which stands for any free one: give the port that alikms took (it says so at its start, and in --ready-file)")
	}
	return reachable(address), nil
}

// readReady finds the address in what a serving alikms wrote.
func readReady(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("nobody serves yet: %w", err)
	}
	if err != nil {
		return "", err
	}
	var ready map[string]string
	if err := json.Unmarshal(text, &ready); err != nil || ready["http"] == "" {
		return "", fmt.Errorf("%s is no ready file of alikms", path)
	}
	return reachable(cmp.Or(ready["control"], ready["http"])), nil
}

// ask gets a page of a running alikms.
func (t target) ask(ctx context.Context, path string) (*http.Response, error) {
	return t.request(ctx, http.MethodGet, path, nil)
}

// request goes by no proxy: health is asked on this machine, or in this network.
func (t target) request(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	address, err := t.address()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, body)
	if err != nil {
		return nil, err
	}
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}

// copyTo writes what a running alikms answers for a page.
func (t target) copyTo(ctx context.Context, path string, w io.Writer) error {
	r, err := t.ask(ctx, path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return refusal(r)
	}
	_, err = io.Copy(w, r.Body)
	return err
}

// refusal is what a running alikms says instead of an answer.
func refusal(r *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(r.Body, 10_000))
	var said struct{ Errors fixtures.Problems }
	if err := json.Unmarshal(text, &said); err == nil && len(said.Errors) > 0 {
		return errors.New(said.Errors.Error())
	}
	return fmt.Errorf("%s answers %s: %s", r.Request.URL.Host, r.Status, bytes.TrimSpace(text))
}

// healthy says why a running alikms is not healthy, or nil.
func (t target) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	r, err := t.ask(ctx, "/healthz")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", r.Request.URL.Host, r.Status)
	}
	return nil
}

type healthCommand struct {
	Target target `embed:""`
}

// Run is a container's health check.
func (h *healthCommand) Run(ctx context.Context, o output) error {
	if err := h.Target.healthy(ctx); err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	fmt.Fprintln(o.out, "healthy")
	return nil
}

type waitCommand struct {
	Target  target   `embed:""`
	Timeout patience `default:"30s" help:"When to give up."`
}

// Run asks again and again.
func (w *waitCommand) Run(ctx context.Context, o output) error {
	limit, cancel := context.WithTimeout(ctx, time.Duration(w.Timeout))
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	var reason error // of the last look that had its time
	for {
		err := w.Target.healthy(limit)
		if reason == nil || limit.Err() == nil {
			reason = err
		}
		if err == nil {
			fmt.Fprintln(o.out, "healthy")
			return nil
		}
		if errors.As(err, new(usageError)) {
			return err
		}
		select {
		case <-limit.Done():
			return fmt.Errorf("not healthy within %s: %w", time.Duration(w.Timeout), reason)
		case <-look.C:
		}
	}
}

type exportCommand struct {
	Target target `embed:""`
}

// Help is what "export --help" says.
func (*exportCommand) Help() string {
	return "The scenario holds all private keys, the secret of each AccessKey, and each STS token. Whoever reads it can do what they can: keep it as you keep them."
}

// Run copies what the control answers.
func (e *exportCommand) Run(ctx context.Context, o output) error {
	if err := e.Target.copyTo(ctx, "/_emulator/export", o.out); err != nil {
		return fmt.Errorf("cannot export: %w", err)
	}
	return nil
}

type backupCommand struct {
	Target target `embed:""`
	File   string `arg:"" help:"Where the copy goes; what is there is replaced."`
}

// Help is what "backup --help" says.
func (*backupCommand) Help() string {
	return "The copy is the file alikms.db of a data folder, at one moment, and holds all private keys: keep it as you keep them. To restore it, put it into the folder under that name while no alikms runs there."
}

// Run puts the copy into its place when it is whole.
func (b *backupCommand) Run(ctx context.Context, o output) error {
	if err := replaceable(b.File); err != nil {
		return fmt.Errorf("cannot back up: %w", err)
	}
	err := ownfile.Write(b.File, func(file *os.File) error {
		err := b.Target.copyTo(ctx, "/_emulator/backup", file)
		if err == nil {
			err = file.Sync()
		}
		if err == nil {
			err = store.Check(file.Name())
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot back up: %w", err)
	}
	_, err = fmt.Fprintln(o.out, "backed up to", b.File)
	return err
}

// replaceable refuses to put a copy in the place of a data file that is in use,
// or of what is no file.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !plain(info):
		return notPlain(path)
	case !info.Mode().IsRegular(): // a link, which is replaced, not followed
		return nil
	}
	if err := store.Check(path); errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%s %w; name another file", path, store.ErrLocked)
	}
	return nil
}

type envCommand struct {
	Where addresses `embed:""`
	SDK   string    `name:"sdk" required:"" enum:"${sdks}" help:"One of ${sdks}."`
}

// Run prints what to set.
func (e *envCommand) Run(o output) error {
	secure := ""
	if e.Where.ListenTLS != "" {
		secure = reachable(e.Where.ListenTLS)
	}
	_, err := io.WriteString(o.out, emulator.Wiring(e.SDK, reachable(e.Where.Listen), secure))
	return err
}

type sampleCommand struct {
	Where      addresses `embed:""`
	SDK        string    `name:"sdk" required:"" enum:"${samples}" help:"One of ${samples}."`
	Operation  string    `arg:"" help:"Operation, as ListKeys."`
	Parameters []string  `arg:"" optional:"" name:"name=value" sep:"none" help:"Parameters as on the wire, as PageSize=10, or ResourceId.1=key-a of a list."`
}

// Help is what "sample --help" says.
func (*sampleCommand) Help() string {
	return "The program makes the call at an alikms that listens at --listen, prints the answer, and fails where it is refused. A comment in it says what to exchange for the real service. alikms need not run."
}

// Run prints the program.
func (s *sampleCommand) Run(o output) error {
	if strings.HasSuffix(s.Where.Listen, ":0") {
		return usageError("--listen has port 0, which stands for any free one: give the port that alikms took")
	}
	sample := emulator.Sample{SDK: s.SDK, Operation: s.Operation, Parameters: map[string]string{}, Endpoint: reachable(s.Where.Listen), Region: "cn-hangzhou"}
	for _, parameter := range s.Parameters {
		name, value, ok := strings.Cut(parameter, "=")
		if !ok || name == "" {
			return usageError(fmt.Sprintf("%q is no parameter: write NAME=VALUE", parameter))
		}
		if _, twice := sample.Parameters[name]; twice {
			return usageError(name + " is given twice")
		}
		sample.Parameters[name] = value
	}
	text, err := sample.Program()
	if problems, wrong := errors.AsType[fixtures.Problems](err); wrong {
		return usageError(problems.Error())
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(o.out, text)
	return err
}
