package emulator

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write generated text instead of comparing it")

//go:generate go test -run ^TestTheReadmeListsTheOperations$ . -update

const readme = "../README.md"

var tableInReadme = regexp.MustCompile(`(?s)(<!-- operations:[^\n]*-->\n).*?(<!-- end of operations -->)`)

func TestTheReadmeListsTheOperations(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	if !tableInReadme.Match(text) {
		t.Fatal("the README has no place for the operations: <!-- operations: … --> and <!-- end of operations -->")
	}
	fresh := tableInReadme.ReplaceAll(text, []byte("${1}"+operationsTable()+"${2}"))
	switch {
	case string(fresh) == string(text):
	case *update:
		if err := os.WriteFile(readme, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the README's table of operations is stale: run go generate ./...")
	}
}

func operationsTable() string {
	var table strings.Builder
	table.WriteString("| operation | what it does |\n| --- | --- |\n")
	for _, op := range Operations() {
		fmt.Fprintf(&table, "| `%s` | %s |\n", op.Name, op.Summary)
	}
	return table.String()
}
