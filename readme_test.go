package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page that has the commands and the flags.
const commandsPage = "emulator/README.md"

func TestTheReadmeNamesEachCommandAndFlag(t *testing.T) {
	text, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range newParser(io.Discard, io.Discard).Model.Children {
		if command.Name != "serve" && !strings.Contains(string(text), "\n| `alikms "+command.Name) {
			t.Errorf("%s has no row for alikms %s", commandsPage, command.Name)
		}
		for _, flag := range command.Flags {
			if command.Name == "serve" && flag.Name != "help" && !regexp.MustCompile(`(?m)^\| [^|]*`+"`--"+flag.Name+"`").Match(text) {
				t.Errorf("%s has no row for --%s", commandsPage, flag.Name)
			}
		}
	}
}

// notProse is code, and what is generated.
var (
	notProse = regexp.MustCompile("(?s)```.*?```|<!-- [^\n]*? -->.*?<!-- end of [^\n]*? -->")
	blocks   = regexp.MustCompile(`\n\s*\n|\n[|#]|\n- |\|`)
	endings  = regexp.MustCompile(`[.;:] `)
)

// Who reads a sentence again wonders what is different this time; who changes one
// forgets the other.
func TestNoSentenceIsSaidInTwoPlaces(t *testing.T) {
	said := map[string]string{}
	all := pages(t)
	delete(all, "CHANGELOG.md") // it tells what has come to stand elsewhere
	for page, text := range all {
		for _, block := range blocks.Split(notProse.ReplaceAllString(text, "\n\n"), -1) {
			for _, sentence := range endings.Split(strings.Join(strings.Fields(block), " "), -1) {
				const tooShort = 6 // words, to be a sentence
				if len(strings.Fields(sentence)) < tooShort {
					continue
				}
				if before := said[sentence]; before != "" {
					t.Errorf("%s and %s both say: %s", before, page, sentence)
				}
				said[sentence] = page
			}
		}
	}
	if len(said) < 500 {
		t.Errorf("only %d sentences were found", len(said))
	}
}

// pages are the documents of the repository, by their paths.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "target"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	codeBlock    = regexp.MustCompile("(?s)```.*?```")
	link         = regexp.MustCompile(`\]\(([^()\s#]*)(?:#([^()\s]*))?\)`)
	heading      = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchors = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	all, found := pages(t), 0
	for page, text := range all {
		for _, to := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			if strings.Contains(to[1], "://") {
				continue
			}
			found++
			target := filepath.Join(filepath.Dir(page), to[1])
			if to[1] == "" {
				target = page
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", page, to[1])
			} else if to[2] != "" && !slices.Contains(anchors(all[target]), to[2]) {
				t.Errorf("%s: %s has no heading #%s", page, target, to[2])
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d links were found", found)
	}
}

// anchors are what a page's headings can be linked by.
func anchors(page string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		all = append(all, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return all
}

func TestTheReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, at most 150: longer documents are the READMEs of the folders they are about", lines)
	}
}
