package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// The sample programs that alikms writes, one of every operation for each client
// of Go and of the shell: they have to compile, and each is to be answered as
// ../samples/calls.json says. What arrives is what was asked for, to the byte.

// sampleCall is the call of a sample program.
type sampleCall struct {
	operation  string
	parameters map[string]string
	status     int
}

// sampleFlags start an alikms that the calls fit.
var sampleFlags = []string{"--fixture", "../../../fixtures/default.yaml", "--fixture", "../samples/scenario.yaml"}

// described is a parameter as alikms describes it.
type described struct {
	Name, Type string
	Required   bool
	OneOf      []string
	// NotEmulated is set where any value is refused.
	NotEmulated bool
	Elements    []struct{ Name string }
}

// operation is one as alikms describes it.
type operation struct {
	Name    string
	Details []described
}

func operations(t *testing.T, endpoint string) []operation {
	t.Helper()
	var found struct{ Operations []operation }
	if err := json.Unmarshal(alikms.Control(t, endpoint, "GET", "operations", ""), &found); err != nil {
		t.Fatal(err)
	}
	return found.Operations
}

// sampleTable is what the calls are given: parameters by their names, or only of
// one operation, as ListKeys.PageSize; and which are to be refused.
type sampleTable struct {
	Parameters map[string]string
	Refused    map[string]int
}

func readSampleTable(t *testing.T) (table sampleTable) {
	t.Helper()
	text, err := os.ReadFile("../samples/calls.json")
	if err == nil {
		err = json.Unmarshal(text, &table)
	}
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// sampleCalls are the calls of all operations that an alikms has.
func sampleCalls(t *testing.T, endpoint string) (calls []sampleCall) {
	t.Helper()
	table := readSampleTable(t)
	for _, op := range operations(t, endpoint) {
		status, ok := table.Refused[op.Name]
		if !ok {
			status = 200
		}
		calls = append(calls, sampleCall{op.Name, table.parametersOf(op), status})
	}
	return calls
}

// parametersOf are what an operation requires, and what the table has for it.
func (table sampleTable) parametersOf(op operation) map[string]string {
	all := map[string]string{}
	for _, p := range op.Details {
		for _, name := range p.names() {
			value, ok := table.Parameters[op.Name+"."+name]
			if !ok && p.Required {
				value, ok = table.Parameters[name]
			}
			if !ok && p.Required && len(p.OneOf) > 0 {
				value, ok = p.OneOf[0], true
			}
			if ok {
				all[name] = value
			}
		}
	}
	return all
}

// completely has a value for every parameter of the operation: one that compiles.
func (c sampleCall) completely(op operation) sampleCall {
	all := maps.Clone(c.parameters)
	values := map[string]string{"integer": "7", "boolean": "true", "json": `{"a": "b"}`, "bytes": "YQ==", "string": "a", "list": "a"}
	for _, p := range op.Details {
		for _, name := range p.names() {
			if _, ok := all[name]; !ok && !p.NotEmulated {
				all[name] = strings.Join(p.OneOf[:min(1, len(p.OneOf))], "")
				if all[name] == "" {
					all[name] = values[p.Type]
				}
			}
		}
	}
	return sampleCall{c.operation, all, 0}
}

// names are those of a parameter on the wire; of a list, of its first element.
func (p described) names() (all []string) {
	if p.Type != "list" {
		return []string{p.Name}
	}
	for _, element := range p.Elements {
		all = append(all, strings.TrimSuffix(p.Name+".1."+element.Name, "."))
	}
	return all
}

// sample asks for the program of a call.
func (c sampleCall) sample(t *testing.T, endpoint, sdk string) string {
	t.Helper()
	query := url.Values{"sdk": {sdk}, "operation": {c.operation}}
	for name, value := range c.parameters {
		query.Set(name, value)
	}
	return string(alikms.Control(t, endpoint, "GET", "sample?"+query.Encode(), ""))
}

// expect runs a program, which has to end as the call's status says, and compares
// what arrived.
func (c sampleCall) expect(t *testing.T, endpoint string, program *exec.Cmd) {
	t.Helper()
	output, err := program.CombinedOutput()
	if refused := err != nil; refused != (c.status != 200) || !strings.Contains(string(output), "RequestId") && !strings.Contains(string(output), "request id") {
		t.Errorf("%s: %v, want status %d\n%s", c.operation, err, c.status, output)
	}
	var journal struct {
		Requests []struct {
			Status     int
			Parameters map[string]string
		}
	}
	if err := json.Unmarshal(alikms.Control(t, endpoint, "DELETE", "requests", ""), &journal); err != nil || len(journal.Requests) != 1 || journal.Requests[0].Status != c.status {
		t.Fatalf("%s: %v %+v, want one call of status %d", c.operation, err, journal, c.status)
	}
	for name, want := range c.parameters {
		if got := journal.Requests[0].Parameters[name]; !sameParameter(got, want) {
			t.Errorf("%s: %s arrived as %q, want %q", c.operation, name, got, want)
		}
	}
}

// sameParameter compares what the journal has, which is a size where that is
// secret or long. SDKs write the same JSON in other ways.
func sameParameter(got, want string) bool {
	var gotValue, wantValue any
	if json.Unmarshal([]byte(got), &gotValue) == nil && json.Unmarshal([]byte(want), &wantValue) == nil {
		return reflect.DeepEqual(gotValue, wantValue)
	}
	return got == want || got == sizeOfParameter(want)
}

// sizeOfParameter is how the journal tells the size of a value, that of what it is
// the base64 of.
func sizeOfParameter(value string) string {
	size := len(value)
	if decoded, err := base64.StdEncoding.DecodeString(value); err == nil {
		size = len(decoded)
	}
	return fmt.Sprintf("(%d bytes)", size)
}

func TestEveryGoSampleCompilesAndIsAnswered(t *testing.T) {
	endpoints, programs := map[string]string{}, map[string]string{}
	for _, sdk := range []string{"go", "go-classic"} {
		endpoint := start(t, append([]string{"--credential", credential}, sampleFlags...)...)
		endpoints[sdk] = endpoint
		all := operations(t, endpoint)
		for i, call := range sampleCalls(t, endpoint) {
			programs[call.program(sdk)] = call.sample(t, endpoint, sdk)
			programs[call.program(sdk)+"/completely"] = call.completely(all[i]).sample(t, endpoint, sdk)
		}
	}
	binary := buildSamples(t, programs)
	for sdk, endpoint := range endpoints {
		t.Run(sdk, func(t *testing.T) {
			for _, call := range sampleCalls(t, endpoint) {
				call.expect(t, endpoint, exec.Command(binary, call.program(sdk)))
			}
		})
	}
}

// program is what the call's program is called among all.
func (c sampleCall) program(sdk string) string { return sdk + "/" + strings.ToLower(c.operation) }

// buildSamples compiles all programs as packages of this module, which they are
// laid over, and links them into one that runs the one it is told.
func buildSamples(t *testing.T, programs map[string]string) (binary string) {
	t.Helper()
	here, err := filepath.Abs("samples")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	overlay := map[string]map[string]string{"Replace": {}}
	add := func(path, text string) {
		file := filepath.Join(folder, fmt.Sprint(len(overlay["Replace"]), ".go"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][filepath.Join(here, path)] = file
	}
	imports, choices := "", ""
	for name, text := range programs {
		text = strings.Replace(text, "\npackage main\n", "\npackage sample\n", 1)
		add(name+"/main.go", strings.Replace(text, "\nfunc main() {\n", "\nfunc Main() {\n", 1))
		id := strings.NewReplacer("/", "_", "-", "_").Replace(name)
		imports += fmt.Sprintf("import %s %q\n", id, "github.com/alikms/alikms/scripts/conformance/go/samples/"+name)
		choices += fmt.Sprintf("%q: %s.Main,\n", name, id)
	}
	add("main.go", "package main\n\nimport \"os\"\n"+imports+"\nfunc main() { map[string]func(){\n"+choices+"}[os.Args[1]]() }\n")
	text, _ := json.Marshal(overlay)
	if err := os.WriteFile(filepath.Join(folder, "overlay.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(folder, "samples")
	if output, err := exec.Command("go", "build", "-overlay", filepath.Join(folder, "overlay.json"), "-o", binary, "./samples").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return binary
}

func TestEveryCurlSampleIsAnswered(t *testing.T) {
	endpoint := start(t, sampleFlags...)
	for _, call := range sampleCalls(t, endpoint) {
		call.expect(t, endpoint, exec.Command("sh", "-c", call.sample(t, endpoint, "curl")))
	}
}

// TestEveryCLISampleIsACommand: the aliyun CLI is to be had from no package
// manager. A function in its place says what it is given, as the shell reads it.
func TestEveryCLISampleIsACommand(t *testing.T) {
	endpoint := start(t, sampleFlags...)
	for _, call := range sampleCalls(t, endpoint) {
		script := `aliyun() { printf '%s\0' "$@"; }` + "\n" + call.sample(t, endpoint, "cli")
		output, err := exec.Command("sh", "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", call.operation, err, output)
		}
		given := strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00")
		fixed := []string{"kms", call.operation, "--region", region, "--endpoint", endpoint, "--insecure"}
		equalLists(t, "arguments", given[:len(fixed)], fixed)
		equal(t, "number of parameters of "+call.operation, len(given)-len(fixed), len(call.parameters))
		for _, argument := range given[len(fixed):] {
			name, value, _ := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
			equal(t, call.operation+" "+name, value, call.parameters[name])
		}
	}
}
