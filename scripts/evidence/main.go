// Command evidence makes the tables of scripts/README.md that say which client has
// read the answer of which operation, and told which error by its code. It is
// given what the conformance suites have noted, a line of JSON each, and is run by
// scripts/conformance/run when all of them have passed:
//
//	evidence FILE          compares: the tables must claim no more than FILE proves
//	evidence -write FILE   writes the tables
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/internal/readme"
)

func main() {
	write := flag.Bool("write", false, "write the tables instead of comparing them")
	file := flag.String("readme", filepath.Join("scripts", "README.md"), "where they are")
	flag.Parse()
	if err := run(*file, flag.Arg(0), *write); err != nil {
		fmt.Fprintln(os.Stderr, "evidence:", err)
		os.Exit(1)
	}
}

func run(page, notes string, write bool) error {
	text, err := os.ReadFile(notes)
	if err != nil {
		return err
	}
	found, err := read(text)
	if err != nil {
		return fmt.Errorf("%s: %w", notes, err)
	}
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	if !write {
		return found.backs(old)
	}
	fresh, err := found.writeInto(old, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, fresh, 0o644)
}

// clients are the columns: the client as the suites name it, and as readers do.
var clients = []struct{ id, label string }{
	{"github.com/alibabacloud-go/kms-20160120/v3", "Go `kms-20160120/v3`"},
	{"github.com/aliyun/alibaba-cloud-sdk-go", "Go `alibaba-cloud-sdk-go`"},
	{"com.aliyun:kms20160120", "Java `kms20160120`"},
	{"com.aliyun:aliyun-java-sdk-kms", "Java `aliyun-java-sdk-kms`"},
	{"alibabacloud_kms20160120", "Python `alibabacloud_kms20160120`"},
	{"aliyun-python-sdk-kms", "Python `aliyun-python-sdk-kms`"},
	{"@alicloud/kms20160120", "Node `@alicloud/kms20160120`"},
	{"@alicloud/openapi-core", "Node `@alicloud/openapi-core`"},
	{"@alicloud/pop-core", "Node `@alicloud/pop-core`"},
	{"github.com/alibabacloud-go/tea-rpc", "Terraform's `tea-rpc`"},
	{"github.com/hashicorp/go-kms-wrapping/wrappers/alicloudkms/v2", "Vault's `alicloudkms`"},
	{"bestv-aliyun-encryption-sdk", "Python `bestv-aliyun-encryption-sdk`"},
	{"github.com/aliyun/aliyun-secretsmanager-client-go", "Go `aliyun-secretsmanager-client-go`"},
	{"aliyun-secret-manager-client", "Python `aliyun-secret-manager-client`"},
	{"com.aliyun:alibabacloud-secretsmanager-client", "Java `alibabacloud-secretsmanager-client`"},
}

// note is a line of the suites: an operation or an error.
type note struct{ Client, Version, Operation, Error string }

// evidence is what clients have done.
type evidence struct {
	versions map[string]string // by client
	proven   map[string]bool   // "client name", of operations and codes
}

func read(text []byte) (*evidence, error) {
	e := &evidence{map[string]string{}, map[string]bool{}}
	for line := range bytes.Lines(text) {
		var n note
		if err := json.Unmarshal(line, &n); err != nil {
			return nil, err
		}
		if !hasColumn(n.Client) {
			return nil, fmt.Errorf("%s has no column: give it one", n.Client)
		}
		if other := e.versions[n.Client]; other != "" && other != n.Version {
			return nil, fmt.Errorf("%s is of two versions, %s and %s", n.Client, other, n.Version)
		}
		e.versions[n.Client] = n.Version
		e.proven[n.Client+" "+n.Operation+n.Error] = true
	}
	for _, c := range clients {
		if e.versions[c.id] == "" {
			return nil, fmt.Errorf("nothing is noted of %s", c.id)
		}
	}
	return e, nil
}

func hasColumn(client string) bool {
	return slices.ContainsFunc(clients, func(c struct{ id, label string }) bool { return c.id == client })
}

func operations() (names []string) {
	for _, op := range emulator.Operations() {
		names = append(names, op.Name)
	}
	return names
}

func codes() (names []string) {
	for _, e := range emulator.Errors() {
		names = append(names, e.Code)
	}
	return names
}

// writeInto gives the page with tables of this evidence.
func (e *evidence) writeInto(page []byte, now time.Time) ([]byte, error) {
	page, err := readme.Replace(page, "operations by client", e.table("operation", operations(), now))
	if err != nil {
		return nil, err
	}
	return readme.Replace(page, "errors by client", e.table("error", codes(), now))
}

func (e *evidence) table(what string, names []string, now time.Time) string {
	var table strings.Builder
	fmt.Fprintf(&table, "| %s |", what)
	for _, c := range clients {
		fmt.Fprintf(&table, " %s %s, %s |", c.label, e.versions[c.id], now.UTC().Format(time.DateOnly))
	}
	fmt.Fprintf(&table, "\n|%s\n", strings.Repeat(" --- |", len(clients)+1))
	for _, name := range names {
		fmt.Fprintf(&table, "| `%s` |", name)
		for _, c := range clients {
			cell := "not tried"
			if e.proven[c.id+" "+name] {
				cell = "proven"
			}
			fmt.Fprintf(&table, " %s |", cell)
		}
		table.WriteString("\n")
	}
	return table.String()
}

// claim is a cell that says proven.
type claim struct{ client, name string }

// claimsOf are those of the tables in a page.
func claimsOf(page []byte) (all []claim) {
	var columns []string // of the table that the line is in
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		switch {
		case len(cells) != len(clients)+3: // an empty one at each end
			columns = nil
		case columns == nil:
			columns = columnsOf(cells)
		default:
			for i, cell := range cells {
				if strings.TrimSpace(cell) == "proven" {
					all = append(all, claim{columns[i], strings.Trim(cells[1], " `")})
				}
			}
		}
	}
	return all
}

// backs says which claims of a page this evidence does not back. What it proves
// besides is no reason to fail: the page says less then.
func (e *evidence) backs(page []byte) error {
	var unfounded []error
	claims := claimsOf(page)
	for _, c := range claims {
		if !e.proven[c.client+" "+c.name] {
			unfounded = append(unfounded, fmt.Errorf("%s of %s", c.name, c.client))
		}
	}
	if unfounded != nil {
		return fmt.Errorf("scripts/README.md says proven, and this run has not proved it (scripts/conformance/run --table writes what is so):\n%w", errors.Join(unfounded...))
	}
	fmt.Printf("evidence: scripts/README.md claims %d, this run has proved %d; scripts/conformance/run --table writes them\n", len(claims), len(e.proven))
	return nil
}

// columnsOf are the clients that the cells of a table's head are about.
func columnsOf(head []string) []string {
	columns := make([]string, len(head))
	for i, cell := range head {
		for _, c := range clients {
			if strings.HasPrefix(strings.TrimSpace(cell), c.label+" ") {
				columns[i] = c.id
			}
		}
	}
	return columns
}
