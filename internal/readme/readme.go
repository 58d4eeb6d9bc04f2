// Package readme keeps the generated parts of this repository's READMEs as fresh
// as what they are made from. A part stands between two comments that name it:
//
//	<!-- errors: written by go generate ./... -->
//	<!-- end of errors -->
package readme

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// Replace returns a text with other content in the named part.
func Replace(text []byte, name, content string) ([]byte, error) {
	begin, end := "<!-- "+name+":", "<!-- end of "+name+" -->"
	before, rest, begins := bytes.Cut(text, []byte(begin))
	remark, rest, closed := bytes.Cut(rest, []byte("\n"))
	_, after, ends := bytes.Cut(rest, []byte(end))
	if !begins || !closed || !ends {
		return nil, fmt.Errorf("there is no place for %s: a line %s … -->, and below it %s", name, begin, end)
	}
	return fmt.Appendf(nil, "%s%s%s\n%s%s%s", before, begin, remark, content, end, after), nil
}

// Part compares a part of a file with its content, or writes it.
func Part(t testing.TB, file, name, content string, write bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := Replace(text, name, content)
	switch {
	case err != nil:
		t.Fatalf("%s: %v", file, err)
	case bytes.Equal(fresh, text):
	case !write:
		t.Errorf("%s: the part %q is stale: run go generate ./...", file, name)
	default:
		if err := os.WriteFile(file, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
