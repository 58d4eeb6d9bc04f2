package emulator

import (
	"encoding/xml"
	"strconv"
	"testing"
)

// element is an element of XML as it was sent.
type element struct {
	XMLName  xml.Name
	Elements []element `xml:",any"`
	Text     string    `xml:",chardata"`
}

// objectOfXML says in JSON's words what an answer in XML says. XML does not tell
// a text from a number, nor a list of one from its element: want does.
func objectOfXML(t *testing.T, want any, text string) map[string]any {
	t.Helper()
	var root element
	if err := xml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	object, ok := valueOfXML(want, []element{root}).(map[string]any)
	if !ok {
		t.Fatalf("no object: %s", text)
	}
	return object
}

// valueOfXML is what the elements of one name say.
func valueOfXML(want any, all []element) any {
	if list, ok := want.([]any); ok {
		values := []any{}
		for i, e := range all {
			values = append(values, valueOfXML(list[min(i, len(list)-1)], []element{e}))
		}
		return values
	}
	if len(all) != 1 {
		return nil
	}
	switch w := want.(type) {
	case map[string]any:
		return fieldsOfXML(w, all[0].Elements)
	case float64:
		number, _ := strconv.ParseFloat(all[0].Text, 64)
		return number
	case bool:
		return all[0].Text == "true"
	}
	return all[0].Text
}

func fieldsOfXML(want map[string]any, all []element) map[string]any {
	named := map[string][]element{}
	for _, e := range all {
		named[e.XMLName.Local] = append(named[e.XMLName.Local], e)
	}
	object := map[string]any{}
	for name, elements := range named {
		object[name] = valueOfXML(want[name], elements)
	}
	for name, value := range want {
		if list, ok := value.([]any); ok && len(list) == 0 && len(named[name]) == 0 {
			object[name] = list // an empty list has no element
		}
	}
	return object
}
