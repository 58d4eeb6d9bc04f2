package conformance

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// Sample programs are written from what each SDK's request classes have. It is
// kept in a file for each SDK, and read off the SDK's sources here: what differs
// fails, unless UPDATE_MODELS is set, which writes the file.

// models is the folder of these files.
const models = alikms.Repository + "/emulator/internal/wiring/models"

// typesOfModels are the SDKs' types, as the files call them.
var typesOfModels = map[string]string{
	"*string": "string", "*bool": "boolean", "*int32": "integer", "*int64": "long", "map[string]interface{}": "map", "[]*string": "strings",
	"string": "string", "requests.Boolean": "boolean", "requests.Integer": "integer", "*[]string": "strings",
}

func TestTheModelsOfTheSamplesAreThoseOfTheSDKs(t *testing.T) {
	for _, sdk := range []struct{ name, module, folder, tag, objects string }{
		{"go", "github.com/alibabacloud-go/kms-20160120/v3", "client", "json", "[]*%sRequest%s"},
		{"go-classic", "github.com/aliyun/alibaba-cloud-sdk-go", "services/kms", "name", "*[]%s%s"},
	} {
		t.Run(sdk.name, func(t *testing.T) {
			directory, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", sdk.module).Output()
			if err != nil {
				t.Fatal(err)
			}
			found := modelsIn(t, filepath.Join(strings.TrimSpace(string(directory)), sdk.folder), sdk.tag, sdk.objects)
			compareModels(t, filepath.Join(models, sdk.name+".txt"), found)
		})
	}
}

// modelsIn reads the request types of the sources in a folder: a line for each
// operation, with "-" where its function takes no request.
func modelsIn(t *testing.T, folder, tag, objects string) string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatal("no sources in", folder, err)
	}
	lines := map[string]string{}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.TypeSpec:
				if operation, ok := strings.CutSuffix(n.Name.Name, "Request"); ok {
					lines[operation] = operation + fieldsOfModel(n, operation, tag, objects)
				}
			case *ast.FuncDecl:
				if operation, ok := strings.CutSuffix(n.Name.Name, "WithOptions"); ok && len(n.Type.Params.List) == 1 {
					lines[operation] = operation + " -"
				}
			}
			return true
		})
	}
	for name := range lines { // what the SDK makes of a request before it sends it
		if strings.HasSuffix(name, "Shrink") {
			delete(lines, name)
		}
	}
	return strings.Join(slices.Sorted(maps.Values(lines)), "\n") + "\n"
}

// fieldsOfModel are the parameters of a request type, by name. What is of no type
// that the samples know is left out.
func fieldsOfModel(spec *ast.TypeSpec, operation, tag, objects string) (text string) {
	var all []string
	for _, field := range spec.Type.(*ast.StructType).Fields.List {
		if field.Tag == nil || len(field.Names) == 0 {
			continue
		}
		tags, _ := strconv.Unquote(field.Tag.Value)
		name, _, _ := strings.Cut(reflect.StructTag(tags).Get(tag), ",")
		kind := typesOfModels[types.ExprString(field.Type)]
		if types.ExprString(field.Type) == fmt.Sprintf(objects, operation, name) {
			kind = "objects"
		}
		if name != "" && kind != "" && field.Names[0].Name == name {
			all = append(all, " "+name+":"+kind)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

func compareModels(t *testing.T, path, found string) {
	t.Helper()
	if os.Getenv("UPDATE_MODELS") != "" {
		if err := os.WriteFile(path, []byte(found), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil || string(kept) != found {
		t.Errorf("%s is not what the SDK has (UPDATE_MODELS=1 writes it): %v", path, err)
	}
}
