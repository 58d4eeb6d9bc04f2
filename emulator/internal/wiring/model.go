package wiring

import (
	"embed"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// argument is what a call is given for a parameter.
type argument struct {
	Name   string // as on the wire
	Text   string // of a single value, as on the wire
	Member string // of the request class; "": its name
	Kind   string // of the member, as in the files of models
	Texts  []string
	Pairs  []pair   // of a map, by name
	Lists  [][]pair // of a list of objects: the fields of each
}

type pair struct{ Name, Text string }

// onWire sorts parameters by name; the tenth of a list comes behind the ninth.
func onWire(parameters map[string]string) (all []argument) {
	for name, text := range parameters {
		all = append(all, argument{Name: name, Text: text})
	}
	slices.SortFunc(all, func(a, b argument) int { return slices.CompareFunc(split(a.Name), split(b.Name), compareParts) })
	return all
}

func split(name string) []string { return strings.Split(name, ".") }

func compareParts(a, b string) int {
	if digits(a) && digits(b) && len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// models says for each SDK which operations it has, and what their request
// classes take, a line each:
//
//	CreateKey Description=description:string EnableAutomaticRotation:boolean …
//
// A parameter has its name on the wire, its member's where that differs, and its
// type: string, boolean, integer, long, map (of text), strings or objects (lists).
// A line that ends in - has no request class. The suites below scripts/conformance
// read the files off the SDKs, and fail where they differ.
//
//go:embed models
var models embed.FS

// model is the request class of an operation.
type model struct {
	bare    bool // there is none
	members map[string]argument
}

// modelOf finds the request class that an SDK has for an operation.
func modelOf(sdk, operation string) (model, bool) {
	text, err := models.ReadFile("models/" + sdk + ".txt")
	if err != nil {
		return model{}, false // a client without classes
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] == operation {
			return readModel(fields[1:]), true
		}
	}
	return model{}, false
}

func readModel(fields []string) model {
	m := model{bare: slices.Equal(fields, []string{"-"}), members: map[string]argument{}}
	for _, field := range fields {
		name, kind, _ := strings.Cut(field, ":")
		name, member, _ := strings.Cut(name, "=")
		if member == "" {
			member = name
		}
		m.members[name] = argument{Name: name, Member: member, Kind: kind}
	}
	return m
}

// arguments are what the class is given for a call. ok is false where the class
// has no place for something of it.
func (m model) arguments(wire []argument) (all []argument, ok bool) {
	taken := map[string]*argument{}
	for _, sent := range wire {
		parts := split(sent.Name)
		member, known := m.members[parts[0]]
		if !known {
			return nil, false
		}
		if taken[parts[0]] == nil {
			taken[parts[0]] = &member
		}
		if !taken[parts[0]].take(parts[1:], sent.Text) {
			return nil, false
		}
	}
	for _, name := range slices.Sorted(maps.Keys(taken)) {
		all = append(all, *taken[name])
	}
	return all, true
}

// take adds what was sent for a member: its value, or an element of a list.
func (a *argument) take(rest []string, text string) bool {
	switch {
	case a.Kind == "map" && len(rest) == 0:
		return a.takeMap(text)
	case a.Kind == "strings" && len(rest) == 1:
		a.Texts = append(a.Texts, text)
		return rest[0] == strconv.Itoa(len(a.Texts))
	case a.Kind == "objects" && len(rest) == 2:
		if rest[0] != strconv.Itoa(len(a.Lists)) {
			a.Lists = append(a.Lists, nil)
		}
		last := len(a.Lists) - 1
		a.Lists[last] = append(a.Lists[last], pair{rest[1], text})
		return rest[0] == strconv.Itoa(len(a.Lists)) // classes number without gaps
	case len(rest) > 0, a.Kind == "strings", a.Kind == "objects":
		return false
	}
	a.Text = text
	return a.fits()
}

// fits reports whether the text is one of the member's type; a class can hold no
// other.
func (a *argument) fits() bool {
	switch a.Kind {
	case "integer":
		n, err := strconv.ParseInt(a.Text, 10, 32)
		a.Text = strconv.FormatInt(n, 10)
		return err == nil
	case "long":
		n, err := strconv.ParseInt(a.Text, 10, 64)
		a.Text = strconv.FormatInt(n, 10)
		return err == nil && n > -1<<53 && n < 1<<53 // and in JavaScript
	case "boolean":
		return a.Text == "true" || a.Text == "false"
	}
	return true
}

// takeMap reads an object whose values are texts.
func (a *argument) takeMap(text string) bool {
	var values map[string]string
	if json.Unmarshal([]byte(text), &values) != nil || values == nil {
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		a.Pairs = append(a.Pairs, pair{name, values[name]})
	}
	return true
}
