package kms

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

// A request struct says with tags what its parameters have to be:
//
//	required:"true"   absent or empty is MissingParameter (judged after decoding)
//	required:"sent"   has to be sent, may be empty
//	min, max          bounds: of a number itself, of a text its characters
//	oneof:"A B"       the values allowed
//	default:"10"      the value of an absent or empty parameter
//	names:"alias arn" what a keyName may be besides a key id, and a secretName
//	                  besides a name
//	repeat:"true"     a list that comes as NAME.1, NAME.2 …, or, of structs, as
//	                  NAME.1.FIELD; max bounds its numbers
//	emulated:"no"     a value is NotEmulated; an empty one says nothing
//
// A field is spelt as its parameter. []byte is base64 on the wire; a slice
// without repeat is JSON text in one parameter; a type that is an
// encoding.TextUnmarshaler reads itself.
type parameter struct {
	name       string
	index      []int
	kind       reflect.Type
	required   string
	fallback   string
	names      string
	oneof      []string
	min, max   int
	elements   []parameter // of a list that repeats: what each has, ".FIELD", or "" itself
	unemulated bool
	readsText  bool // kind is an encoding.TextUnmarshaler
}

var (
	bytesType   = reflect.TypeFor[[]byte]()
	keyNameType = reflect.TypeFor[keyName]()
	blobType    = reflect.TypeFor[cipherBlob]()
	textType    = reflect.TypeFor[encoding.TextUnmarshaler]()

	secretNameType  = reflect.TypeFor[secretName]()
	newSecretType   = reflect.TypeFor[newSecretName]()
	secretsListType = reflect.TypeFor[[]askedSecret]()
	resourceType    = reflect.TypeFor[resourceID]()
)

// parametersOf reads the tags of a request struct, once at start. A tag that
// makes no sense is a mistake of ours and panics.
func parametersOf(request reflect.Type) []parameter {
	var all []parameter
	for _, f := range reflect.VisibleFields(request) {
		if f.Anonymous {
			continue
		}
		checkTags(f)
		p := parameter{
			name:     f.Name,
			index:    f.Index,
			kind:     f.Type,
			required: f.Tag.Get("required"),
			fallback: f.Tag.Get("default"),
			names:    f.Tag.Get("names"),
			oneof:    strings.Fields(f.Tag.Get("oneof")),
			min:      bound(f, "min", 0),
			max:      bound(f, "max", unbounded),

			unemulated: f.Tag.Get("emulated") == "no",
			readsText:  reflect.PointerTo(f.Type).Implements(textType),
		}
		if f.Tag.Get("repeat") == "true" {
			p.elements = elementsOf(f)
		}
		all = append(all, p)
	}
	return all
}

// unbounded is the max of a parameter that says none.
const unbounded = 1<<31 - 1

// elementsOf are the parameters of each element of a list that repeats.
func elementsOf(f reflect.StructField) []parameter {
	if f.Type.Kind() != reflect.Slice {
		panic(fmt.Sprintf("params.go: %s repeats, but is no list", f.Name))
	}
	if of := f.Type.Elem(); of.Kind() != reflect.Struct || of == keyNameType {
		return []parameter{{kind: of, names: f.Tag.Get("names"), max: unbounded}}
	}
	elements := parametersOf(f.Type.Elem())
	for i := range elements {
		elements[i].name = "." + elements[i].name
	}
	return elements
}

// namesKey reports whether the parameter tells the key of a call. Of a list it is
// the first.
func (p parameter) namesKey() bool {
	return p.kind == keyNameType || p.kind == resourceType || p.kind == blobType || slices.ContainsFunc(p.elements, parameter.namesKey)
}

// namesSecret reports whether the parameter tells the secret of a call. Of a list
// it is the first.
func (p parameter) namesSecret() bool {
	return p.kind == secretNameType || p.kind == resourceType || p.kind == newSecretType || p.kind == secretsListType ||
		slices.ContainsFunc(p.elements, parameter.namesSecret)
}

// errors are those that follow from what a parameter has to be.
func (p parameter) errors() (all []*kmserr.Error) {
	if p.unemulated {
		return []*kmserr.Error{p.notEmulated()}
	}
	if p.required != "" {
		all = append(all, kmserr.MissingParameter(p.name))
	}
	if p.kind == blobType || slices.Contains(judged, p.kind.Kind()) || len(p.oneof) > 0 {
		all = append(all, kmserr.InvalidParameter(p.name))
	}
	for _, element := range p.elements {
		all = append(all, element.errors()...)
	}
	switch {
	case p.kind == secretNameType:
		return append(all, kmserr.SecretNotFound.Classic)
	case p.kind == resourceType:
		return append(all, kmserr.KeyNotFound, kmserr.AliasNotAllowed, kmserr.SecretNotFound.Classic)
	case p.kind != keyNameType:
		return all
	case strings.Contains(p.names, "alias"):
		return append(all, kmserr.KeyNotFound, kmserr.AliasNotFound)
	}
	return append(all, kmserr.KeyNotFound, kmserr.AliasNotAllowed)
}

// judged are the kinds of which not every text is one.
var judged = []reflect.Kind{reflect.Int, reflect.Bool, reflect.Slice}

func (p *parameter) notEmulated() *kmserr.Error { return kmserr.NotEmulated("the parameter " + p.name) }

// checkTags refuses a tag that nobody reads, like a misspelt one.
func checkTags(f reflect.StructField) {
	left := string(f.Tag)
	for _, name := range []string{"required", "min", "max", "oneof", "default", "names", "repeat", "emulated"} {
		if value, ok := f.Tag.Lookup(name); ok {
			left = strings.Replace(left, name+":"+strconv.Quote(value), "", 1)
		}
	}
	if strings.TrimSpace(left) != "" {
		panic(fmt.Sprintf("params.go: %s has the unknown tag %s", f.Name, left))
	}
	for name, only := range map[string]string{"repeat": "true", "emulated": "no"} {
		if value, ok := f.Tag.Lookup(name); ok && value != only {
			panic(fmt.Sprintf("params.go: %s of %s is %q", name, f.Name, value))
		}
	}
	if f.Tag.Get("required") != "" && f.Tag.Get("default") != "" {
		panic(fmt.Sprintf("params.go: %s is required and has a default", f.Name))
	}
}

func bound(f reflect.StructField, tag string, otherwise int) int {
	text, ok := f.Tag.Lookup(tag)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("params.go: %s of %s is %q", tag, f.Name, text))
	}
	return n
}

// fill reads the parameters of a call into its request struct and checks them
// in the order of the struct. Parameters it does not know are ignored, as the
// service does.
func fill(request reflect.Value, parameters []parameter, sent map[string]string) error {
	for i := range parameters {
		field := request
		if index := parameters[i].index; index != nil {
			field = request.FieldByIndex(index)
		}
		if err := parameters[i].fill(field, sent); err != nil {
			return err
		}
	}
	return nil
}

// fill is fill for one parameter.
func (p *parameter) fill(field reflect.Value, sent map[string]string) error {
	text, ok := sent[p.name]
	switch {
	case p.elements != nil && text == "":
		return p.setList(field, sent)
	case p.elements != nil:
		return kmserr.InvalidParameter(p.name) // it has to be numbered
	case p.unemulated && text != "":
		return p.notEmulated()
	case text != "":
		return p.set(field, text)
	case p.required == "true" || p.required == "sent" && !ok:
		return kmserr.MissingParameter(p.name)
	case p.fallback != "":
		return p.set(field, p.fallback)
	}
	return nil
}

// setList decodes a list that repeats. Its order is that of the numbers, of which
// some may be left out.
func (p *parameter) setList(list reflect.Value, sent map[string]string) error {
	numbers, err := p.numbers(sent)
	if err != nil {
		return err
	}
	if len(numbers) == 0 && p.required == "true" {
		return kmserr.MissingParameter(p.name + ".1")
	}
	for _, n := range numbers {
		element := reflect.New(p.kind.Elem()).Elem()
		if err := fill(element, p.numbered(n), sent); err != nil {
			return err
		}
		list.Set(reflect.Append(list, element))
	}
	return nil
}

// numbers are those of the elements that something is sent of, in their order.
// What no element has is passed over, as any parameter is that nobody knows.
func (p *parameter) numbers(sent map[string]string) (all []int, err error) {
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		rest, mine := strings.CutPrefix(name, p.name+".")
		number, _, _ := strings.Cut(rest, ".")
		known := func(element parameter) bool { return element.name == rest[len(number):] }
		if !mine || sent[name] == "" || !slices.ContainsFunc(p.elements, known) {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > p.max || strconv.Itoa(n) != number { // 01 would double 1
			return nil, kmserr.InvalidParameter(name)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// numbered are the parameters of one element.
func (p *parameter) numbered(n int) []parameter {
	elements := slices.Clone(p.elements)
	for i := range elements {
		elements[i].name = p.name + "." + strconv.Itoa(n) + elements[i].name
	}
	return elements
}

// set decodes one parameter into its field.
func (p *parameter) set(field reflect.Value, text string) error {
	if len(p.oneof) > 0 && !slices.Contains(p.oneof, text) {
		return kmserr.InvalidParameter(p.name)
	}
	switch {
	case p.kind == bytesType:
		return p.setBytes(field, text)
	case p.readsText:
		return p.setText(field, text)
	case p.kind == keyNameType:
		return p.setKeyName(field, text)
	case p.kind == secretNameType:
		field.Set(reflect.ValueOf(parseSecretName(text, strings.Contains(p.names, "arn"))))
	case p.kind.Kind() == reflect.String:
		if n := utf8.RuneCountInString(text); n < p.min || n > p.max {
			return kmserr.InvalidParameter(p.name)
		}
		field.SetString(text)
	case p.kind.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil || n < p.min || n > p.max {
			return kmserr.InvalidParameter(p.name)
		}
		field.SetInt(int64(n))
	case p.kind.Kind() == reflect.Bool:
		truth := strings.ToLower(text) // the classic Python SDK sends True
		if truth != "true" && truth != "false" {
			return kmserr.InvalidParameter(p.name)
		}
		field.SetBool(truth == "true")
	case p.kind.Kind() == reflect.Slice:
		if json.Unmarshal([]byte(text), field.Addr().Interface()) != nil || field.Len() > p.max {
			return kmserr.InvalidParameter(p.name)
		}
		if field.Len() == 0 && p.required == "true" {
			return kmserr.MissingParameter(p.name)
		}
	default:
		panic("params.go: no parameter is a " + p.kind.String())
	}
	return nil
}

// setBytes decodes base64: the standard alphabet with padding, as in every
// sample of the manual. Line breaks are passed over.
func (p *parameter) setBytes(field reflect.Value, text string) error {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return kmserr.InvalidParameter(p.name)
	}
	if len(decoded) == 0 && p.required == "true" {
		return kmserr.MissingParameter(p.name)
	}
	field.SetBytes(decoded)
	return nil
}

// setText lets a field read itself. An error of its own that is not one of
// kmserr means that the parameter is not valid.
func (p *parameter) setText(field reflect.Value, text string) error {
	err := field.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	if err == nil || errors.As(err, new(*kmserr.Error)) {
		return err
	}
	return kmserr.InvalidParameter(p.name)
}

func (p *parameter) setKeyName(field reflect.Value, text string) error {
	name := parseKeyName(text)
	if name.alias != "" && !strings.Contains(p.names, "alias") {
		return kmserr.AliasNotAllowed
	}
	if name.arn && !strings.Contains(p.names, "arn") {
		name = keyName{id: text} // no key has such an id
	}
	field.Set(reflect.ValueOf(name))
	return nil
}
