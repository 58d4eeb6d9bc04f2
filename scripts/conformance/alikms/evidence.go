package alikms

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Client is an SDK under test, by the path of its module. It notes what it has
// read, a line of JSON each, in the file that CONFORMANCE_EVIDENCE names:
// scripts/conformance/run makes a table of it when all suites have passed.
type Client string

// Answered notes that the client has read the answer of an operation.
func (c Client) Answered(operation string) { c.note("operation", operation) }

// Refused notes that the client has told an error by its code.
func (c Client) Refused(code string) { c.note("error", code) }

var (
	noting   sync.Mutex
	noted    = map[string]bool{}
	versions = map[Client]string{}
)

func (c Client) note(kind, name string) {
	file := os.Getenv("CONFORMANCE_EVIDENCE")
	noting.Lock()
	defer noting.Unlock()
	id := strings.Join([]string{string(c), kind, name}, " ")
	if file == "" || noted[id] {
		return
	}
	noted[id] = true
	line, err := json.Marshal(map[string]string{"client": string(c), "version": c.version(), kind: name})
	if err == nil {
		err = appendLine(file, line)
	}
	if err != nil {
		panic(fmt.Sprint("cannot note the evidence: ", err))
	}
}

// version is the one that go.mod chooses: the build information of a test has
// none.
func (c Client) version() string {
	if versions[c] == "" {
		listed, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", string(c)).Output()
		if err != nil {
			panic(fmt.Sprintf("cannot tell the version of %s: %v", c, err))
		}
		versions[c] = strings.TrimSpace(string(listed))
	}
	return versions[c]
}

// appendLine writes a line at once, for other suites may write too.
func appendLine(path string, line []byte) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// Journal notes what an alikms has answered so far, where all of it was to the
// client and the client shows none of its answers.
func (c Client) Journal(journal []byte) error {
	var all struct {
		Requests []struct {
			Operation string
			Status    int
			Fault     string // that may have kept the answer from the client
		}
	}
	if err := json.Unmarshal(journal, &all); err != nil {
		return err
	}
	for _, r := range all.Requests {
		if r.Status == 200 && r.Fault == "" {
			c.Answered(r.Operation)
		}
	}
	return nil
}
