package wiring

import (
	"embed"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"
	"text/template"
)

// Call is a call that a sample program makes.
type Call struct {
	Operation  string
	Parameters map[string]string // as on the wire, and right for the operation
	Endpoint   string            // host:port, or a host, for plain HTTP
	Region     string
}

// program is what a template is filled in with.
type program struct {
	Operation string
	Endpoint  string
	Host      string
	Port      string // "80" where the endpoint says none
	Region    string
	Wire      []argument
	// Typed says that the SDK has a request class with all that is given, or, where
	// Request is false, that the operation takes none. Else the SDK's generic call
	// is made.
	Typed, Request bool
	Arguments      []argument // of the request class
}

// language is an SDK that programs are written for. The template in samples
// tells what a program looks like, the rest how values are written there.
type language struct {
	sdk       string
	extension string
	// value is an argument of the request class in the language; nil where it has no
	// classes.
	value  func(p *program, a argument) string
	quote  func(text string) string
	format func(program string) (string, error) // nil: as the template has it
	refuse func(a argument) string              // why an argument cannot be written; nil: all can
}

var languages = []language{
	{sdk: "go", extension: ".go", value: goValue, quote: quoteGo, format: formatGo},
	{sdk: "go-classic", extension: ".go", value: goClassicValue, quote: quoteGo, format: formatGo},
	{sdk: "java", extension: ".java", value: javaValue, quote: quoteJava},
	{sdk: "java-classic", extension: ".java", value: javaClassicValue, quote: quoteJava},
	{sdk: "python", extension: ".py", value: pythonValue, quote: quotePython},
	{sdk: "python-classic", extension: ".py", value: pythonClassicValue, quote: quotePython},
	{sdk: "node", extension: ".mjs", value: nodeValue, quote: quoteJS},
	{sdk: "cli", extension: ".sh", quote: quoteShell, refuse: refuseForCLI},
	{sdk: "curl", extension: ".sh", quote: quoteShell},
}

//go:embed samples
var samples embed.FS

// SampleSDKs are the clients that Sample writes programs for.
func SampleSDKs() (names []string) {
	for _, l := range languages {
		names = append(names, l.sdk)
	}
	return names
}

// SampleFile is the name that the file of a program should have: Java wants it.
func SampleFile(sdk, operation string) string {
	for _, l := range languages {
		if l.sdk == sdk && l.extension == ".java" {
			return operation + "Sample.java"
		}
		if l.sdk == sdk {
			return operation + l.extension
		}
	}
	return ""
}

// Sample writes a whole program, or a command line, that makes a call and prints
// the answer. sdk is one of SampleSDKs. The error is about a value that the client
// cannot send.
func Sample(sdk string, c Call) (string, error) {
	i := slices.IndexFunc(languages, func(l language) bool { return l.sdk == sdk })
	if i < 0 {
		return "", fmt.Errorf("there are no samples for %q", sdk)
	}
	return languages[i].write(newProgram(sdk, c))
}

func newProgram(sdk string, c Call) *program {
	p := &program{Operation: c.Operation, Endpoint: c.Endpoint, Host: c.Endpoint, Port: "80", Region: c.Region, Wire: onWire(c.Parameters)}
	if host, port, err := net.SplitHostPort(c.Endpoint); err == nil && digits(port) {
		p.Host, p.Port = host, port
	}
	p.takeRegion(sdk)
	model, known := modelOf(sdk, c.Operation)
	if !known {
		return p
	}
	p.Request = !model.bare
	p.Arguments, p.Typed = model.arguments(p.Wire)
	return p
}

// takeRegion gives the client the region that is a parameter: the classic SDKs
// send that of the client, and no other.
func (p *program) takeRegion(sdk string) {
	i := slices.IndexFunc(p.Wire, func(a argument) bool { return a.Name == "RegionId" && isRegion(a.Text) })
	if i >= 0 && strings.HasSuffix(sdk, "-classic") {
		p.Region = p.Wire[i].Text
		p.Wire = slices.Delete(p.Wire, i, i+1)
	}
}

// isRegion reports whether a text can be a region, which stands in comments too.
func isRegion(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Service is the endpoint of the real service.
func (p *program) Service() string { return "kms." + p.Region + ".aliyuncs.com" }

// Has reports whether an argument is of one of the kinds.
func (p *program) Has(kinds ...string) bool {
	return p.Typed && slices.ContainsFunc(p.Arguments, func(a argument) bool { return slices.Contains(kinds, a.Kind) })
}

// Common reports whether the classic Go SDK's types of requests are needed.
func (p *program) Common() bool { return !p.Typed || p.Has("boolean", "integer", "long") }

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// write fills in the template.
func (l language) write(p *program) (string, error) {
	for _, a := range p.Wire {
		if l.refuse == nil {
			break
		}
		if why := l.refuse(a); why != "" {
			return "", fmt.Errorf("%s: %s", a.Name, why)
		}
	}
	functions := template.FuncMap{
		"quote": l.quote,
		"value": func(a argument) string { return l.value(p, a) },
		"form":  formPair,
		"snake": snake,
		"lower": initialLower,
	}
	file := path.Join("samples", l.sdk+".tmpl")
	t, err := template.New(path.Base(file)).Funcs(functions).ParseFS(samples, file)
	if err != nil {
		panic(err) // of this program's own file
	}
	var text strings.Builder
	if err := t.Execute(&text, p); err != nil {
		panic(err)
	}
	if l.format == nil {
		return text.String(), nil
	}
	return l.format(text.String())
}
