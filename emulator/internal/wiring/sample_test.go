package wiring

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sampleOf writes a program that has to be possible.
func sampleOf(t *testing.T, sdk, operation string, more ...string) string {
	t.Helper()
	parameters := map[string]string{}
	for i := 0; i < len(more); i += 2 {
		parameters[more[i]] = more[i+1]
	}
	text, err := Sample(sdk, Call{Operation: operation, Parameters: parameters, Endpoint: "127.0.0.1:18080", Region: "cn-beijing"})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestASampleHasTheTypesOfItsSDK(t *testing.T) {
	for sdk, want := range map[string][]string{
		"go":             {`PageSize: tea.Int32(7),`},
		"go-classic":     {`request.PageSize = requests.NewInteger(7)`, `/sdk/requests"`},
		"java":           {`.setPageSize(7)`},
		"java-classic":   {`request.setPageSize(7);`},
		"python":         {`page_size=7,`},
		"python-classic": {`request.set_PageSize(7)`},
		"node":           {`pageSize: 7,`},
		"cli":            {`--PageSize='7'`, "aliyun kms ListKeys "},
		"curl":           {`--data-urlencode 'PageSize=7'`, `'Action=ListKeys'`},
	} {
		text := sampleOf(t, sdk, "ListKeys", "PageSize", "7")
		for _, want := range append(want, "127.0.0.1", "18080", "kms.cn-beijing.aliyuncs.com") {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", sdk, want, text)
			}
		}
		if strings.Contains(text, "generic") || strings.Contains(text, "CommonRequest") {
			t.Errorf("%s has a class for ListKeys:\n%s", sdk, text)
		}
	}
}

func TestASampleWritesMapsAndListsAsItsSDKWantsThem(t *testing.T) {
	context := []string{"KeyId", "key-a", "Plaintext", "YQ==", "EncryptionContext", `{"b": "2", "a\"": "1"}`}
	tags := []string{"RegionId", "cn-shanghai", "ResourceType", "key", "Tag.2.Key", "c", "Tag.1.Key", "a", "Tag.1.Value", "b", "ResourceId.1", "key-a"}
	for sdk, want := range map[string][]string{
		"go": {`map[string]any{"a\"": "1", "b": "2"}`, `[]*kms.TagResourcesRequestTag{{Key: tea.String("a"), Value: tea.String("b")}, {Key: tea.String("c")}}`,
			`[]*string{tea.String("key-a")}`, `RegionId:     tea.String("cn-shanghai")`},
		"go-classic":     {`"{\"b\": \"2\", \"a\\\"\": \"1\"}"`, `&[]kms.TagResourcesTag{{Key: "a", Value: "b"}, {Key: "c"}}`, `&[]string{"key-a"}`, `("cn-shanghai"`},
		"java":           {`Map.ofEntries(Map.entry("a\"", "1"), Map.entry("b", "2"))`, `new TagResourcesRequest.TagResourcesRequestTag().setKey("a").setValue("b")`},
		"java-classic":   {`request.setEncryptionContext("{\"b\"`, "tag1.setValue(\"b\");", "tag2.setKey(\"c\");", "request.setTags(tags);", `setResourceIds(List.of("key-a"))`},
		"python":         {`{"a\"": "1", "b": "2"}`, `[models.TagResourcesRequestTag(key="a", value="b"), models.TagResourcesRequestTag(key="c")]`},
		"python-classic": {`"{\"b\"`, `request.set_Tags([{"Key": "a", "Value": "b"}, {"Key": "c"}])`, `request.set_ResourceIds(["key-a"])`},
		"node":           {`'EncryptionContext': '{"b": "2"`, `'Tag.2.Key': 'c'`},
		"cli":            {`--EncryptionContext='{"b"`, `--Tag.1.Value='b'`},
		"curl":           {`'EncryptionContext={"b"`, `'Tag.1.Value=b'`},
	} {
		text := sampleOf(t, sdk, "Encrypt", context...) + sampleOf(t, sdk, "TagResources", tags...)
		for _, want := range want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", sdk, want, text)
			}
		}
	}
}

// What a request class cannot hold goes by the SDK's generic call.
func TestASampleGoesByTheGenericCallWhereTheClassIsTooSmall(t *testing.T) {
	for _, c := range [][]string{
		{"NewOperation", "KeyId", "key-a"},
		{"ListKeys", "PageSize", "99999999999999999999"},
		{"ListKeys", "PageSize", ""},
		{"ListKeys", "Unknown", "x"},
		{"Encrypt", "EncryptionContext", `{"a": {"b": "c"}}`, "DryRun", "x", "New", "y"},
		{"TagResources", "Tag.2.Key", "a"},
		{"TagResources", "ResourceId.2", "a"},
		{"TagResources", "Tag", "a"},
		{"DescribeRegions", "Some", "x"},
	} {
		for _, sdk := range []string{"go", "go-classic", "java", "java-classic", "python", "python-classic", "node"} {
			text := sampleOf(t, sdk, c[0], c[1:]...)
			said := strings.Contains(strings.SplitN(text, "\n", 2)[0], "for its classes lack the operation or a parameter")
			if !said || !strings.Contains(text, c[1]) || !strings.Contains(text, strconv.Quote(c[2])) && !strings.Contains(text, "'"+c[2]+"'") {
				t.Errorf("%s of %q:\n%s", sdk, c, text)
			}
		}
	}
}

// TestAValueSurvivesInGoPrograms parses them, and finds the value among their
// literals.
func TestAValueSurvivesInGoPrograms(t *testing.T) {
	value := "a \"quote\" 'and' $HOME %d\n\\ 密钥 🔑 `x`"
	for _, sdk := range []string{"go", "go-classic"} {
		for _, operation := range []string{"CreateKey", "NewOperation"} {
			file, err := parser.ParseFile(token.NewFileSet(), sdk, sampleOf(t, sdk, operation, "Description", value), 0)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			ast.Inspect(file, func(node ast.Node) bool {
				if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, _ := strconv.Unquote(literal.Value)
					found = found || text == value
				}
				return true
			})
			if !found {
				t.Errorf("%s: %s lost the value", sdk, operation)
			}
		}
	}
}

func TestAClientThatCannotSendAValueSaysSo(t *testing.T) {
	for value, why := range map[string]string{"": "sends no empty value", "a\x00b": "NUL"} {
		_, err := Sample("cli", Call{Operation: "UpdateKeyDescription", Parameters: map[string]string{"Description": value}, Endpoint: "a:1", Region: "r"})
		if err == nil || !strings.Contains(err.Error(), why) || !strings.HasPrefix(err.Error(), "Description: ") {
			t.Errorf("%q: %v", value, err)
		}
	}
	if _, err := Sample("cobol", Call{}); err == nil {
		t.Error("there are samples for cobol")
	}
}

// An endpoint is the Host of a request, which may be anything.
func TestAnEndpointIsQuotedLikeAnyValue(t *testing.T) {
	for _, endpoint := range []string{"localhost", "[::1]:8080", `a"b'c:8080`, "a:b:c", "a:80x"} {
		for _, sdk := range SampleSDKs() {
			text, err := Sample(sdk, Call{Operation: "ListKeys", Endpoint: endpoint, Region: "cn-hangzhou"})
			if err != nil || strings.Contains(text, `a"b'c`) && sdk != "node" {
				t.Errorf("%s %s: %v\n%s", sdk, endpoint, err, text)
			}
		}
	}
	if text := sampleOf(t, "python-classic", "ListKeys"); !strings.Contains(text, "port=18080,") || !strings.Contains(text, `set_endpoint("127.0.0.1")`) {
		t.Error(text)
	}
}

func TestEachSDKHasAFileName(t *testing.T) {
	names := []string{"A.go", "A.go", "ASample.java", "ASample.java", "A.py", "A.py", "A.mjs", "A.sh", "A.sh"}
	var got []string
	for _, sdk := range SampleSDKs() {
		got = append(got, SampleFile(sdk, "A"))
	}
	if !slices.Equal(got, names) || SampleFile("cobol", "A") != "" {
		t.Error(got)
	}
}
