package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/alikms/alikms/fixtures"
)

type loadCommand struct {
	Target target   `embed:""`
	Files  []string `arg:"" name:"file" help:"Scenario file or folder."`
}

// Help is what "load --help" says.
func (*loadCommand) Help() string {
	return "The files are joined as those of --fixture, and the files that they name, of keys and secrets, are sent in them. It is a reset: keys that calls made go, and later resets return to this scenario. The next start begins with its own --fixture again."
}

// Run sends the files as one scenario. What is wrong is told at the places of the
// files, also where only the running alikms can know it.
func (l *loadCommand) Run(ctx context.Context, o output) error {
	document, problems := fixtures.Load(l.Files...)
	scenario, unread := document.Inline()
	if problems = append(problems, unread...); len(problems) > 0 {
		problems.Sort()
		return problems
	}
	text, err := scenario.YAML()
	if err != nil {
		return fmt.Errorf("cannot load: %w", err)
	}
	refused, err := l.Target.put(ctx, "/_emulator/scenario", text)
	if err != nil {
		return fmt.Errorf("cannot load: %w", err)
	}
	if len(refused) > 0 {
		return document.Locate(refused, text)
	}
	_, err = fmt.Fprintf(o.out, "loaded: %s\n", counted(document))
	return err
}

// put puts a body to a running alikms, which may refuse it for what is in it.
func (t target) put(ctx context.Context, path string, body []byte) (refused fixtures.Problems, err error) {
	r, err := t.request(ctx, http.MethodPut, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusBadRequest {
		return nil, answered(r)
	}
	var said struct{ Errors fixtures.Problems }
	err = json.NewDecoder(r.Body).Decode(&said)
	return said.Errors, err
}

// answered is the error of an answer that is none, else nil when it was read to its
// end.
func answered(r *http.Response) error {
	if r.StatusCode != http.StatusOK {
		return refusal(r)
	}
	_, err := io.Copy(io.Discard, r.Body)
	return err
}
