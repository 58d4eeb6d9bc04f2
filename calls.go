package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/alikms/alikms/emulator"
)

// The commands in this file, and a serving alikms on a terminal, tell what calls
// became.

type whyCommand struct {
	Target    target `embed:""`
	RequestID string `arg:"" optional:"" name:"requestid" help:"Of the answer, or of the journal; left out: the latest call."`
}

// Help is what "why --help" says.
func (*whyCommand) Help() string {
	return "It answers why a fault did not fire: what became of the call, and what each fault and quota made of it, those that are gone since by their names then."
}

// Run prints what the control says.
func (c *whyCommand) Run(ctx context.Context, o output) error {
	var body bytes.Buffer
	if err := c.Target.copyTo(ctx, "/_emulator/requests/"+url.PathEscape(cmp.Or(c.RequestID, "latest")), &body); err != nil {
		return fmt.Errorf("cannot say why: %w", err)
	}
	var why emulator.Explained
	if err := json.Unmarshal(body.Bytes(), &why); err != nil {
		return fmt.Errorf("cannot say why: the answer is none of alikms's: %w", err)
	}
	_, err := fmt.Fprintln(o.out, why.String())
	return err
}

type tailCommand struct {
	Target target  `embed:""`
	Where  filters `embed:""`
	Limit  count   `env:"-" default:"10" most:"1000000" help:"Calls of the journal to begin with."`
}

// filters choose calls, as a query of the journal does.
type filters struct {
	Operation   string `env:"-" placeholder:"NAME" help:"Only calls of this operation."`
	KeyID       string `env:"-" name:"key-id" placeholder:"KEY" help:"Only calls of this key: its id, alias or ARN."`
	SecretName  string `env:"-" placeholder:"SECRET" help:"Only calls about this secret: its name or ARN."`
	AccessKeyID string `env:"-" name:"access-key-id" placeholder:"ID" help:"Only calls of this caller."`
	Gateway     string `env:"-" placeholder:"NAME" help:"Only calls by this gateway: shared, or an instanceId."`
	Fault       string `env:"-" placeholder:"NAME" help:"Only calls that this fault acted on."`
	Quota       string `env:"-" placeholder:"NAME" help:"Only calls that this quota refused."`
	Status      string `env:"-" placeholder:"NUMBER" help:"Only calls of this status; 0: nothing was answered."`
	Code        string `env:"-" placeholder:"CODE" help:"Only calls of this error code."`
	RequestID   string `env:"-" name:"request-id" placeholder:"ID" help:"Only this call."`
	Since       string `env:"-" placeholder:"TIME" help:"Only calls from this time on: 2026-01-01T00:00:00Z, or -5m from now."`
	Until       string `env:"-" placeholder:"TIME" help:"Only calls before this time."`
}

func (f filters) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"operation": f.Operation, "keyId": f.KeyID, "secretName": f.SecretName, "accessKeyId": f.AccessKeyID, "gateway": f.Gateway, "fault": f.Fault,
		"quota": f.Quota, "status": f.Status, "code": f.Code, "requestId": f.RequestID, "since": f.Since, "until": f.Until,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// Help is what "tail --help" says.
func (*tailCommand) Help() string {
	return "A line a call: the time by alikms's clock (UTC), caller, operation, key, status and code, and what acted. It ends with alikms, or by Ctrl-C."
}

// Run prints calls as they are answered.
func (c *tailCommand) Run(ctx context.Context, o output) error {
	query := c.Where.query()
	if c.Limit > 0 {
		query.Set("limit", fmt.Sprint(c.Limit))
	}
	r, err := c.Target.ask(ctx, "/_emulator/requests/stream?"+query.Encode())
	if err != nil {
		return fmt.Errorf("cannot tail: %w", err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("cannot tail: %w", refusal(r))
	}
	lines := callLines{w: o.out, colour: coloured(o.out)}
	if err := readEvents(r.Body, lines.event); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the calls ended early: %w", err)
	}
	return nil
}

// readEvents reads server-sent events until they end.
func readEvents(stream io.Reader, tell func(name, data string) error) error {
	text, name := bufio.NewReader(stream), ""
	for {
		line, err := text.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		if said, ok := strings.CutPrefix(line, "event: "); ok {
			name = said
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := tell(name, data); err != nil {
				return err
			}
		}
	}
}

// callLines writes a line a call.
type callLines struct {
	w      io.Writer
	colour bool
}

// event takes an event of the stream.
func (l callLines) event(name, data string) error {
	switch name {
	case "request":
		var call emulator.Call
		if err := json.Unmarshal([]byte(data), &call); err != nil {
			return err
		}
		return l.tell([]emulator.Call{call}, 0)
	case "dropped":
		lost, err := strconv.Atoi(data)
		if err != nil {
			return err
		}
		return l.tell(nil, lost)
	}
	return nil
}

// tell takes calls, and how many were lost after them.
func (l callLines) tell(calls []emulator.Call, lost int) error {
	var text bytes.Buffer
	for i := range calls {
		text.WriteString(calls[i].Line(l.colour))
		text.WriteByte('\n')
	}
	if lost > 0 {
		fmt.Fprintf(&text, "... %d calls are missing here: they came faster than they were written\n", lost)
	}
	_, err := text.WriteTo(l.w)
	return err
}

// farewell is how long a terminal has to take the last lines.
const farewell = 100 * time.Millisecond

// tellCalls writes calls to the log's terminal as they are answered, if it is
// one; elsewhere the journal tells them. end ends it.
func (s *serveCommand) tellCalls(o output, server *emulator.Server) (end func()) {
	if !isTerminal(o.log) || s.LogLevel == "warn" || s.LogLevel == "error" {
		return func() {}
	}
	ctx, stop := context.WithCancel(context.Background()) // the last calls are answered when all else is to stop
	lines := callLines{w: o.log, colour: coloured(o.log)}
	ended := server.Follow(ctx, lines.tell)
	return func() {
		stop()
		select {
		case <-ended: // its error is the terminal's
		case <-time.After(farewell): // somebody has stopped the terminal
		}
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// coloured reports whether what is written there may have colours
// (https://no-color.org).
func coloured(w io.Writer) bool {
	name := os.Getenv("TERM")
	able := name != "dumb" && (name != "" || runtime.GOOS == "windows")
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && able
}
