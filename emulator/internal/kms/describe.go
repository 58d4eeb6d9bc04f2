package kms

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alikms/alikms/fixtures"
)

// Parameter describes a parameter of an operation to who makes a call of it.
type Parameter struct {
	Name     string   `json:"name"` // as on the wire; of an element of a list its field, or ""
	Type     string   `json:"type"` // one of the Type constants
	Required bool     `json:"required,omitempty"`
	Empty    bool     `json:"empty,omitempty"` // it is required, and may be an empty text
	Min      *int     `json:"min,omitempty"`   // of an integer itself; of a string its characters
	Max      *int     `json:"max,omitempty"`   // likewise; of a list, which may be JSON, its elements
	OneOf    []string `json:"oneOf,omitempty"`
	Default  string   `json:"default,omitempty"` // what is taken where nothing is sent
	Names    []string `json:"names,omitempty"`   // of what tells a key: id, and where allowed alias, arn
	// Elements has what each element of a list has: a nameless parameter, sent as
	// NAME.1, or named ones, sent as NAME.1.FIELD.
	Elements    []Parameter `json:"elements,omitempty"`
	NotEmulated bool        `json:"notEmulated,omitempty"` // any value is refused
}

// The types of parameters. All are text on the wire.
const (
	TypeString  = "string"
	TypeInteger = "integer"
	TypeBoolean = "boolean" // true or false
	TypeBytes   = "bytes"   // base64
	TypeJSON    = "json"    // an object or a list
	TypeList    = "list"    // one parameter for each element, or for each of its fields
)

// Describe describes the operation's own parameters, in the order of its request.
func (op *Operation) Describe() []Parameter { return describeAll(op.parameters) }

func describeAll(parameters []parameter) []Parameter {
	all := make([]Parameter, 0, len(parameters))
	for _, p := range parameters {
		all = append(all, p.describe())
	}
	return all
}

func (p parameter) describe() Parameter {
	d := Parameter{
		Name:        strings.TrimPrefix(p.name, "."),
		Type:        p.typeName(),
		Required:    p.required != "",
		Empty:       p.required == "sent",
		OneOf:       p.oneof,
		Default:     p.fallback,
		NotEmulated: p.unemulated,
	}
	if p.kind == keyNameType {
		d.Names = append([]string{"id"}, strings.Fields(p.names)...)
	}
	if p.elements != nil {
		d.Elements = describeAll(p.elements)
	}
	if d.Type == TypeInteger || p.min > 0 {
		d.Min = &p.min
	}
	if p.max != unbounded {
		d.Max = &p.max
	}
	return d
}

// typeName is the type of what a client writes, whatever reads it here.
func (p parameter) typeName() string {
	switch kind := p.kind.Kind(); {
	case p.elements != nil:
		return TypeList
	case p.kind == bytesType, p.kind == blobType:
		return TypeBytes
	case kind == reflect.Int:
		return TypeInteger
	case kind == reflect.Bool:
		return TypeBoolean
	case kind == reflect.Slice, kind == reflect.Map, p.kind == reflect.TypeFor[keyPolicy]():
		return TypeJSON
	}
	return TypeString
}

// Judge says what is wrong with the parameters of a call before it is made, in
// words for who writes them: names that the operation has not, what is missing,
// values of the wrong type or out of bounds. It knows no keys: a call that it finds
// right may be refused.
func (op *Operation) Judge(sent map[string]string) (problems fixtures.Problems) {
	known := map[string]bool{}
	for _, p := range op.Describe() {
		problems = append(problems, p.judgeIn(sent, known)...)
	}
	for name := range sent {
		if !known[name] {
			problems = append(problems, problem(name, "%s has no such parameter%s", op.Name, op.suggest(name)))
		}
	}
	slices.SortFunc(problems, func(a, b fixtures.Problem) int { return strings.Compare(a.Path, b.Path) })
	return problems
}

// suggest names what a parameter may have been meant for, or else all there are.
func (op *Operation) suggest(name string) string {
	var known []string
	for _, p := range op.Describe() {
		known = append(known, p.first()...)
	}
	if near := fixtures.Suggestion(name, known); near != "" {
		return near
	}
	if len(known) == 0 {
		return ": it has none"
	}
	return "; known: " + strings.Join(known, ", ")
}

func problem(path, format string, args ...any) fixtures.Problem {
	return fixtures.Problem{Place: fixtures.Place{Path: path}, Message: fmt.Sprintf(format, args...)}
}

// judgeIn judges a parameter among those that are sent, and notes the names that
// it has there.
func (d Parameter) judgeIn(sent map[string]string, known map[string]bool) (problems fixtures.Problems) {
	if d.Type == TypeList {
		return d.judgeList(sent, known)
	}
	value, ok := sent[d.Name]
	known[d.Name] = true
	switch {
	case d.Required && (!ok || value == "" && !d.Empty):
		return fixtures.Problems{problem(d.Name, "is missing: %s", d.allowed())}
	case value == "":
		return nil
	}
	if wrong := d.judge(value); wrong != "" {
		problems = append(problems, problem(d.Name, "%s", wrong))
	}
	return problems
}

// judgeList judges the elements of a list. Some numbers may be left out.
func (d Parameter) judgeList(sent map[string]string, known map[string]bool) (problems fixtures.Problems) {
	numbers := map[string]bool{}
	for name, value := range sent {
		number, element, ok := d.elementOf(name)
		if !ok {
			continue
		}
		numbers[number], known[name] = true, true
		if wrong := element.judge(value); value != "" && wrong != "" {
			problems = append(problems, problem(name, "%s", wrong))
		}
	}
	for number := range numbers {
		for _, element := range d.Elements {
			if name := d.Name + "." + number + "." + element.Name; element.Required && sent[name] == "" {
				problems = append(problems, problem(name, "is missing: %s", element.allowed()))
			}
		}
	}
	if d.Required && len(numbers) == 0 {
		problems = append(problems, problem(d.Name, "is missing: a list of at most %d, whose first element is %s", *d.Max, d.first()[0]))
	}
	return problems
}

// elementOf finds what of a list a name on the wire stands for.
func (d Parameter) elementOf(name string) (number string, element Parameter, ok bool) {
	rest, mine := strings.CutPrefix(name, d.Name+".")
	number, field, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	i := slices.IndexFunc(d.Elements, func(element Parameter) bool { return element.Name == field })
	if !mine || err != nil || n < 1 || n > *d.Max || strconv.Itoa(n) != number || i < 0 {
		return "", Parameter{}, false
	}
	return number, d.Elements[i], true
}

// first are the names by which the first element of a list is sent, or the one
// name of what is no list.
func (d Parameter) first() (names []string) {
	if d.Type != TypeList {
		return []string{d.Name}
	}
	for _, element := range d.Elements {
		names = append(names, strings.TrimSuffix(d.Name+".1."+element.Name, "."))
	}
	return names
}

// judge says what is wrong with a value, or "".
func (d Parameter) judge(value string) string {
	wrong := false
	switch characters := utf8.RuneCountInString(value); {
	case d.NotEmulated:
		return "alikms does not emulate this parameter: leave it out"
	case len(d.OneOf) > 0:
		if slices.Contains(d.OneOf, value) {
			return ""
		}
		return shown(value) + "is not allowed: " + d.allowed() + fixtures.Suggestion(value, d.OneOf)
	case d.Type == TypeInteger:
		n, err := strconv.Atoi(value)
		wrong = err != nil || n < *d.Min || d.Max != nil && n > *d.Max
	case d.Type == TypeBoolean:
		wrong = value != "true" && value != "false"
	case d.Type == TypeBytes:
		_, err := base64.StdEncoding.DecodeString(value)
		wrong = err != nil
	case d.Type == TypeJSON:
		wrong = !isObjectOrList(value)
	case d.Min != nil && characters < *d.Min, d.Max != nil && characters > *d.Max:
		return fmt.Sprintf("has %d characters: %s", characters, d.allowed())
	}
	if wrong {
		return shown(value) + "is not allowed: " + d.allowed()
	}
	return ""
}

// shown is a value in a message, with a blank behind it; a long one is left out.
func shown(value string) string {
	if len(value) > 100 {
		return ""
	}
	return strconv.Quote(value) + " "
}

func isObjectOrList(text string) bool {
	text = strings.TrimSpace(text)
	return json.Valid([]byte(text)) && text != "" && (text[0] == '{' || text[0] == '[')
}

// allowed says what a value may be.
func (d Parameter) allowed() string {
	switch {
	case len(d.OneOf) > 0:
		return "one of " + strings.Join(d.OneOf, ", ")
	case d.Type == TypeInteger && d.Max != nil:
		return fmt.Sprintf("a whole number from %d to %d", *d.Min, *d.Max)
	case d.Type == TypeInteger:
		return fmt.Sprintf("a whole number, at least %d", *d.Min)
	case d.Type == TypeBoolean:
		return "true or false"
	case d.Type == TypeBytes:
		return "base64, in the standard alphabet with padding"
	case d.Type == TypeJSON:
		return "JSON, an object or a list"
	case len(d.Names) > 0:
		return "of a key its " + strings.Join(d.Names, " or ")
	case d.Min != nil && d.Max != nil:
		return fmt.Sprintf("a text of %d to %d characters", *d.Min, *d.Max)
	case d.Max != nil:
		return fmt.Sprintf("a text of at most %d characters", *d.Max)
	}
	return "a text"
}
