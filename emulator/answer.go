package emulator

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
)

// The content types of the dialect. The Tea SDKs read an XML error only if the
// type is exactly this, and Java classic fails without one (wire-protocol.md 4.5).
const (
	contentTypeJSON = "application/json;charset=utf-8"
	contentTypeXML  = "text/xml;charset=utf-8"
)

// answer is a whole answer, as yet unsent.
type answer struct {
	status int
	header http.Header
	body   []byte
	code   string // of an error
}

// errorBody has the fields any client reads. The classic Go SDK panics where
// one of them is not a string; HttpStatus it does not read.
type errorBody struct {
	RequestId  string
	HostId     string
	Code       string
	Message    string
	Recommend  string
	HttpStatus int
}

// newAnswer writes the response of an operation, or its error, as JSON or XML.
func newAnswer(req *request, requestID string, response any, refused *apiError) answer {
	a := answer{status: http.StatusOK, header: http.Header{}}
	root := req.action + "Response"
	if refused != nil {
		a.status, a.code, root = refused.Status, refused.Code, "Error"
		a.body = encode(errorBody{requestID, req.http.Host, refused.Code, refused.Message, "", refused.Status})
	} else {
		a.body = withField(encode(response), "RequestId", encode(requestID))
	}
	a.header.Set("Content-Type", contentTypeJSON)
	if req.xml {
		a.header.Set("Content-Type", contentTypeXML)
		a.body = xmlOf(root, a.body)
	}
	a.header.Set("x-acs-request-id", requestID)
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	return a
}

// encode writes a response struct of ours, which JSON can always hold.
func encode(v any) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// withField adds a field to a JSON object, as the last.
func withField(object []byte, name string, value []byte) []byte {
	object = object[:len(object)-1]
	if len(object) > 1 {
		object = append(object, ',')
	}
	return fmt.Appendf(object, "%q:%s}", name, value)
}

// xmlOf says the same as a JSON object: a field becomes an element, an array
// repeats the element of its field (wire-protocol.md 4.2).
func xmlOf(root string, object []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var out bytes.Buffer
	out.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	writeXML(&out, root, d)
	return out.Bytes()
}

// writeXML writes the next value of d as an element, or as several. d holds
// what encode wrote, so that it has no errors.
func writeXML(out *bytes.Buffer, name string, d *json.Decoder) {
	token, _ := d.Token()
	switch token {
	case json.Delim('['):
		for d.More() {
			writeXML(out, name, d)
		}
		d.Token()
	case json.Delim('{'):
		out.WriteString("<" + name + ">")
		for d.More() {
			field, _ := d.Token()
			writeXML(out, field.(string), d)
		}
		d.Token()
		out.WriteString("</" + name + ">")
	default:
		out.WriteString("<" + name + ">")
		xml.EscapeText(out, scalarText(token))
		out.WriteString("</" + name + ">")
	}
}

func scalarText(token json.Token) []byte {
	switch v := token.(type) {
	case string:
		return []byte(v)
	case json.Number:
		return []byte(v)
	case bool:
		return strconv.AppendBool(nil, v)
	}
	return nil
}

// write sends the answer.
func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}
