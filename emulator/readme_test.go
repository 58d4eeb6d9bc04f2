package emulator

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/alikms/alikms/fixtures"
)

// The addresses at which the READMEs say that alikms serves.
const (
	documentedPlain  = "127.0.0.1:8080"
	documentedSecure = "127.0.0.1:8443"
)

var readmes = []string{"../README.md", "README.md", "../fixtures/README.md", "../scripts/README.md"}

// The lines of each README can be pasted in order, into a shell beside a fresh
// `go run .`.
func TestTheCurlLinesOfTheReadmesWork(t *testing.T) {
	long(t)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the READMEs' lines call curl, which is not installed: ", err)
	}
	document, problems := fixtures.Default()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, file := range readmes {
		t.Run(filepath.Join("emulator", file), func(t *testing.T) {
			s := onPorts(t, func(o *Options) { o.Scenario = document })
			served := strings.NewReplacer(documentedPlain, s.plain, documentedSecure, s.secure)
			folder := t.TempDir()
			for _, line := range curlLines(t, file) {
				if !strings.HasPrefix(line, "curl -sS --fail-with-body ") || served.Replace(line) == line {
					t.Errorf("a line calls %s or %s by curl -sS --fail-with-body, so that a refusal is shown and fails; this one does not: %s", documentedPlain, documentedSecure, line)
					continue
				}
				pasteLine(t, folder, served.Replace(line))
			}
		})
	}
}

func pasteLine(t *testing.T, folder, line string) {
	t.Helper()
	shell := exec.Command("sh", "-c", line)
	shell.Dir = folder
	shell.Env = append(os.Environ(), "no_proxy=127.0.0.1")
	if output, err := shell.CombinedOutput(); err != nil {
		t.Errorf("%v: %s\n%s", err, line, output)
	}
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// curlLines are the lines of a README's shell blocks that call curl.
func curlLines(t *testing.T, file string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Each method of each control has a line that shows it.
func TestTheReadmeShowsEveryControl(t *testing.T) {
	s := newTestServer(t)
	lines := curlLines(t, "README.md")
	if len(lines) == 0 {
		t.Fatal("emulator/README.md has no curl lines")
	}
	for _, control := range controlsOf(t, s) {
		if !slices.ContainsFunc(lines, control.shownBy) {
			t.Errorf("no curl line of emulator/README.md shows %s %s", control.method, control.path)
		}
	}
}

type documentedControl struct{ method, path string }

// controlsOf asks the router for its paths, and each path for its methods.
func controlsOf(t *testing.T, s *testServer) (all []documentedControl) {
	t.Helper()
	err := s.router.(*mux.Router).Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil || !strings.HasPrefix(path, "/_emulator/") || path == "/_emulator/" || strings.HasPrefix(path, "/_emulator/ui") {
			return nil
		}
		for _, method := range strings.Split(methodsOf(t, s.url+path), ", ") {
			all = append(all, documentedControl{method, path})
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("found %d controls: %v", len(all), err)
	}
	return all
}

// methodsOf are those that a control has, which it says when it is called by
// another.
func methodsOf(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), "ABSENT", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	allowed := answer.Header.Get("Allow")
	if answer.StatusCode != http.StatusMethodNotAllowed || allowed == "" {
		t.Fatalf("%s has no methods: %s", url, answer.Status)
	}
	return allowed
}

var pathBlank = regexp.MustCompile(`\\\{[^}]*\}`)

// shownBy reports whether a curl line calls the control.
func (c documentedControl) shownBy(line string) bool {
	path := pathBlank.ReplaceAllString(regexp.QuoteMeta(c.path), `[^/?' ]+`)
	method := "GET"
	if _, after, said := strings.Cut(line, " -X "); said {
		method, _, _ = strings.Cut(after, " ")
	}
	return method == c.method && regexp.MustCompile(regexp.QuoteMeta(documentedPlain)+path+`(\?|'| |$)`).MatchString(line)
}
