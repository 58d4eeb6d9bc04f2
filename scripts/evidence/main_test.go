package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const emptyPage = `# Page
<!-- operations by client: -->
<!-- end of operations by client -->
<!-- errors by client: -->
<!-- end of errors by client -->
| another | table |
`

// notes has what every client needs, and more lines.
func notes(more ...string) []byte {
	var all strings.Builder
	for _, c := range clients {
		fmt.Fprintf(&all, `{"client": %q, "version": "1.0", "operation": "CreateKey"}`+"\n", c.id)
	}
	return []byte(all.String() + strings.Join(more, "\n"))
}

const oneMore = `{"client": "@alicloud/pop-core", "version": "1.0", "error": "Rejected.Throttling"}`

func TestTheTablesSayWhatIsProvenAndNothingElse(t *testing.T) {
	e, err := read(notes(oneMore))
	if err != nil {
		t.Fatal(err)
	}
	page, err := e.writeInto([]byte(emptyPage), time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Count(string(page), " proven |"), len(clients)+1; got != want {
		t.Errorf("%d cells are proven, want %d", got, want)
	}
	for line := range strings.Lines(string(page)) {
		if proven := strings.Count(line, " proven |"); strings.HasPrefix(line, "| `Rejected.Throttling` |") && proven != 1 {
			t.Errorf("Rejected.Throttling is proven %d times", proven)
		}
	}
	if !strings.Contains(string(page), "| Node `@alicloud/pop-core` 1.0, 2026-11-24 |") {
		t.Error("the column does not say version and date")
	}
	if err := e.backs(page); err != nil {
		t.Error(err)
	}
	less, err := read(notes())
	if err != nil {
		t.Fatal(err)
	}
	if err := less.backs(page); err == nil || !strings.HasSuffix(err.Error(), "\nRejected.Throttling of @alicloud/pop-core") {
		t.Errorf("evidence that lacks an error backs the page: %v", err)
	}
}

func TestNotesAreWhole(t *testing.T) {
	for _, broken := range []string{
		"{", `{"client": "another", "version": "1.0", "operation": "CreateKey"}`, `{"client": "@alicloud/pop-core", "version": "2.0", "operation": "CreateKey"}`,
	} {
		if _, err := read(notes(broken)); err == nil {
			t.Errorf("accepted: %s", broken)
		}
	}
	if _, err := read([]byte(oneMore)); err == nil {
		t.Error("accepted without notes of most clients")
	}
}
