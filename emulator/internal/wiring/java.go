package wiring

import "fmt"

// javaValue writes a member of a class of the Tea SDK.
func javaValue(p *program, a argument) string {
	switch a.Kind {
	case "boolean", "integer":
		return a.Text
	case "long":
		return a.Text + "L"
	case "map":
		return "Map.ofEntries(" + each(a.Pairs, ", ", func(v pair) string { return "Map.entry(" + quoteJava(v.Name) + ", " + quoteJava(v.Text) + ")" }) + ")"
	case "strings":
		return "List.of(" + each(a.Texts, ", ", quoteJava) + ")"
	case "objects":
		class := fmt.Sprintf("%sRequest.%sRequest%s", p.Operation, p.Operation, a.Name)
		return "List.of(" + each(a.Lists, ", ", func(fields []pair) string {
			return "new " + class + "()" + each(fields, "", func(f pair) string { return ".set" + f.Name + "(" + quoteJava(f.Text) + ")" })
		}) + ")"
	}
	return quoteJava(a.Text)
}

// javaClassicValue writes the statements that set a member of a class of the
// classic SDK, whose lists are plural.
func javaClassicValue(p *program, a argument) string {
	set := "request.set" + a.Name
	switch a.Kind {
	case "strings":
		return set + "s(List.of(" + each(a.Texts, ", ", quoteJava) + "));"
	case "objects":
		class := p.Operation + "Request." + a.Name
		list := initialLower(a.Name) + "s"
		text := "List<" + class + "> " + list + " = new ArrayList<>();\n"
		for i, fields := range a.Lists {
			name := fmt.Sprint(initialLower(a.Name), i+1)
			text += fmt.Sprintf("        %s %s = new %s();\n", class, name, class)
			for _, f := range fields {
				text += fmt.Sprintf("        %s.set%s(%s);\n", name, f.Name, quoteJava(f.Text))
			}
			text += fmt.Sprintf("        %s.add(%s);\n", list, name)
		}
		return text + "        " + set + "s(" + list + ");"
	}
	return set + "(" + javaValue(p, a) + ");"
}
