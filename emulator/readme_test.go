package emulator

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/alikms/alikms/fixtures"
)

// documentedAddress is where the README says alikms serves.
const documentedAddress = "127.0.0.1:8080"

// The lines can be pasted in order, into a shell beside a fresh `go run .`.
func TestTheControlsOfTheReadmeWork(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the README's lines call curl, which is not installed: ", err)
	}
	document, problems := fixtures.Default()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := newTestServer(t, func(o *Options) { o.Scenario = document })
	folder := t.TempDir()
	for _, line := range controlLines(t) {
		if !strings.HasPrefix(line, "curl -sf ") || !strings.Contains(line, documentedAddress) {
			t.Errorf("a line calls %s by curl -sf, so that a refusal fails; this one does not: %s", documentedAddress, line)
			continue
		}
		shell := exec.Command("sh", "-c", strings.ReplaceAll(line, documentedAddress, strings.TrimPrefix(s.url, "http://")))
		shell.Dir = folder
		shell.Env = append(os.Environ(), "no_proxy=127.0.0.1")
		if output, err := shell.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s(without -f curl shows the answer)", err, line, output)
		}
	}
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// controlLines are the commands of the section Controls.
func controlLines(t *testing.T) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Controls\n")
	if !found {
		t.Fatal("the README has no section ## Controls")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, block := range shellBlock.FindAllStringSubmatch(section, -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				lines = append(lines, line)
			}
		}
	}
	if len(lines) == 0 {
		t.Fatal("the README's section ## Controls has no lines to try: write them into a block ```sh")
	}
	return lines
}
