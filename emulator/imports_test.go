package emulator

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms are the packages of this module and what of it each may import. Imports
// run one way, down this list.
var rooms = []struct {
	folder  string
	imports string
}{
	{"", "emulator fixtures store internal/ownfile internal/pattern"},
	{"scripts/lab", "emulator store"},
	{"scripts/evidence", "emulator internal/readme"},
	{"emulator/emulatortest", "emulator fixtures store"},
	{"emulator", "emulator/internal/rules emulator/internal/auth emulator/internal/wire emulator/internal/wiring emulator/internal/kms emulator/internal/kmserr emulator/internal/keyspec store fixtures internal/ownfile internal/pattern"},
	{"emulator/internal/bench", "emulator/internal/bench/formjson emulator/internal/bench/load emulator/internal/keyspec"},
	{"emulator/internal/bench/bare", "emulator/internal/bench/formjson"},
	{"emulator/internal/bench/formjson", ""},
	{"emulator/internal/bench/load", "emulator/internal/auth"},
	{"emulator/internal/rules", "emulator/internal/kms emulator/internal/kmserr store fixtures"},
	{"emulator/internal/auth", "emulator/internal/wire emulator/internal/kmserr emulator/internal/keyspec fixtures internal/pattern"},
	{"emulator/internal/wire", "emulator/internal/kmserr"},
	{"emulator/internal/wiring", ""},
	{"emulator/internal/kms", "emulator/internal/kmserr emulator/internal/keyspec store fixtures"},
	{"emulator/internal/kmserr", ""},
	{"emulator/internal/keyspec", ""},
	{"store", "store/internal/boltcheck"},
	{"store/internal/boltcheck", ""},
	{"fixtures", "internal/pattern"},
	{"internal/ownfile", ""},
	{"internal/pattern", ""},
	{"internal/readme", ""},
	{"scripts/smoke", ""},
	{"scripts/release", ""},
}

const module = "github.com/alikms/alikms"

func TestPackagesImportOneWay(t *testing.T) {
	for folder, imports := range importsByFolder(t) {
		i := slices.IndexFunc(rooms, func(r struct{ folder, imports string }) bool { return r.folder == folder })
		if i < 0 {
			t.Errorf("package %q has no place in the order of imports: give it one", folder)
			continue
		}
		for _, path := range imports {
			if !slices.Contains(strings.Fields(rooms[i].imports), path) {
				t.Errorf("%q imports %q; it may import %q", folder, path, rooms[i].imports)
			}
		}
	}
	for i, room := range rooms {
		for _, path := range strings.Fields(room.imports) {
			if slices.IndexFunc(rooms, func(r struct{ folder, imports string }) bool { return r.folder == path }) <= i {
				t.Errorf("the list lets %q import %q, which is not below it", room.folder, path)
			}
		}
	}
}

// importsByFolder are the packages of this module that each of its folders
// imports, tests left out.
func importsByFolder(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "testdata" || name == "node_modules" || name == "conformance" || len(name) > 2 && name[0] == '.'):
			return filepath.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		folder, _ := filepath.Rel("..", filepath.Dir(path))
		folder = strings.TrimPrefix(filepath.ToSlash(folder), ".")
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		all[folder] = append(all[folder], []string{}...)
		for _, spec := range file.Imports {
			full, _ := strconv.Unquote(spec.Path.Value)
			if own, ok := strings.CutPrefix(full, module+"/"); ok {
				all[folder] = append(all[folder], own)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The operations know no HTTP, whatever of ours or of others they import.
func TestTheOperationsKnowNoHTTP(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", "./internal/kms").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	if slices.Contains(strings.Fields(string(list)), "net/http") {
		t.Error("kms depends on net/http")
	}
}
