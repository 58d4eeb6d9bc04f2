package wiring

import (
	"strings"
	"unicode"
)

// initialLower makes the name of an operation or a parameter that of a method or a
// member.
func initialLower(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// snake makes CreateKey create_key.
func snake(name string) string {
	var all strings.Builder
	for i, char := range name {
		if i > 0 && unicode.IsUpper(char) {
			all.WriteByte('_')
		}
		all.WriteRune(unicode.ToLower(char))
	}
	return all.String()
}

// pythonBoolean spells a truth value.
func pythonBoolean(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// pythonValue writes a member of a class of the Tea SDK.
func pythonValue(p *program, a argument) string {
	if a.Kind == "objects" {
		class := "models." + p.Operation + "Request" + a.Name
		return "[" + each(a.Lists, ", ", func(fields []pair) string {
			return class + "(" + each(fields, ", ", func(f pair) string { return snake(f.Name) + "=" + quotePython(f.Text) }) + ")"
		}) + "]"
	}
	return pythonClassicValue(p, a)
}

// pythonClassicValue writes what a setter of the classic SDK takes.
func pythonClassicValue(_ *program, a argument) string {
	dictionary := func(pairs []pair) string {
		return "{" + each(pairs, ", ", func(v pair) string { return quotePython(v.Name) + ": " + quotePython(v.Text) }) + "}"
	}
	switch a.Kind {
	case "boolean":
		return pythonBoolean(a.Text)
	case "long":
		return a.Text
	case "map":
		return dictionary(a.Pairs)
	case "strings":
		return "[" + each(a.Texts, ", ", quotePython) + "]"
	case "objects":
		return "[" + each(a.Lists, ", ", dictionary) + "]"
	}
	return quotePython(a.Text)
}

// nodeValue writes a member of a class of the SDK for Node, which has no lists.
func nodeValue(_ *program, a argument) string {
	switch a.Kind {
	case "boolean", "long":
		return a.Text
	}
	return quoteJS(a.Text)
}
