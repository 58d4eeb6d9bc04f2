package emulator

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/alikms/alikms/internal/readme"
)

var update = flag.Bool("update", false, "write generated text instead of comparing it")

//go:generate go test -run "^Test(ReadmesAre|SchemaIs)Fresh$" . -update

func TestSchemaIsFresh(t *testing.T) {
	compareWithFile(t, "../fixtures/schema.json", string(Schema()))
}

func TestReadmesAreFresh(t *testing.T) {
	readme.Part(t, "README.md", "operations", operationsTable(), *update)
	readme.Part(t, "../fixtures/README.md", "errors", errorsTable(), *update)
}

func operationsTable() string {
	var table strings.Builder
	table.WriteString("| operation | what it does |\n| --- | --- |\n")
	for _, op := range Operations() {
		fmt.Fprintf(&table, "| `%s` | %s |\n", op.Name, op.Summary)
	}
	return table.String()
}

func errorsTable() string {
	var table strings.Builder
	table.WriteString("| code | status | message |\n| --- | --- | --- |\n")
	for _, e := range Errors() {
		fmt.Fprintf(&table, "| `%s` | %d | %s |\n", e.Code, e.Status, strings.ReplaceAll(e.Message, "|", `\|`))
	}
	return table.String()
}
