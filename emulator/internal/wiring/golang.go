package wiring

import (
	"fmt"
	"go/format"
	"math"
	"strconv"
	"strings"
)

func formatGo(program string) (string, error) {
	text, err := format.Source([]byte(program))
	return string(text), err
}

// each joins what is made of the elements of a list.
func each[T any](all []T, separator string, write func(T) string) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = write(one)
	}
	return strings.Join(texts, separator)
}

// goValue writes a member of a class of the Tea SDK, where all are pointers.
func goValue(p *program, a argument) string {
	text := func(s string) string { return "tea.String(" + quoteGo(s) + ")" }
	switch a.Kind {
	case "boolean":
		return "tea.Bool(" + a.Text + ")"
	case "integer":
		return "tea.Int32(" + a.Text + ")"
	case "long":
		return "tea.Int64(" + a.Text + ")"
	case "map":
		return "map[string]any{" + each(a.Pairs, ", ", func(v pair) string { return quoteGo(v.Name) + ": " + quoteGo(v.Text) }) + "}"
	case "strings":
		return "[]*string{" + each(a.Texts, ", ", text) + "}"
	case "objects":
		return fmt.Sprintf("[]*kms.%sRequest%s{", p.Operation, a.Name) + each(a.Lists, ", ", func(fields []pair) string {
			return "{" + each(fields, ", ", func(f pair) string { return f.Name + ": " + text(f.Text) }) + "}"
		}) + "}"
	}
	return text(a.Text)
}

// goClassicValue writes a member of a class of the classic SDK.
func goClassicValue(p *program, a argument) string {
	switch a.Kind {
	case "boolean":
		return "requests.NewBoolean(" + a.Text + ")"
	case "integer", "long":
		if n, _ := strconv.ParseInt(a.Text, 10, 64); n > math.MaxInt32 {
			return "requests.NewInteger64(" + a.Text + ")"
		}
		return "requests.NewInteger(" + a.Text + ")"
	case "strings":
		return "&[]string{" + each(a.Texts, ", ", quoteGo) + "}"
	case "objects":
		return fmt.Sprintf("&[]kms.%s%s{", p.Operation, a.Name) + each(a.Lists, ", ", func(fields []pair) string {
			return "{" + each(fields, ", ", func(f pair) string { return f.Name + ": " + quoteGo(f.Text) }) + "}"
		}) + "}"
	}
	return quoteGo(a.Text)
}
