package wire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

// The content types of the dialect. The Tea SDKs read an XML error only if the
// type is exactly this, and Java classic fails without one.
const (
	ContentTypeJSON = "application/json;charset=utf-8"
	contentTypeXML  = "text/xml;charset=utf-8"
)

// The same as values of a header, which nobody changes. Names of headers are
// written here as net/http spells them, which saves spelling them anew.
var typeJSON, typeXML = []string{ContentTypeJSON}, []string{contentTypeXML}

// Answer is a whole answer, as yet unsent.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Code   string // of an error
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

// NewAnswer writes the response of an operation, or its error, as JSON or XML.
func NewAnswer(req *Request, requestID string, response any, refused *kmserr.Error) Answer {
	a := Answer{Status: http.StatusOK, Header: make(http.Header, 4)}
	root := req.Action + "Response"
	if refused != nil {
		a.Status, a.Code, root = refused.Status, refused.Code, "Error"
		a.Body = Encode(errorBody{requestID, req.HTTP.Host, refused.Code, refused.Message, "", refused.Status})
	} else {
		a.Body = WithField(Encode(response), "RequestId", strconv.AppendQuote(nil, requestID))
	}
	a.Header["Content-Type"] = typeJSON
	if req.XML {
		a.Header["Content-Type"] = typeXML
		a.Body = xmlOf(root, a.Body)
	}
	a.Header["X-Acs-Request-Id"] = []string{requestID}
	a.Header["Content-Length"] = []string{strconv.Itoa(len(a.Body))}
	return a
}

// usualAnswer is longer than most answers, request id included.
const usualAnswer = 640

// Encode writes a response struct of ours, which JSON can always hold.
func Encode(v any) []byte {
	text := bytes.NewBuffer(make([]byte, 0, usualAnswer))
	e := json.NewEncoder(text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// WithField adds a field to a JSON object, as the last.
func WithField(object []byte, name string, value []byte) []byte {
	object = object[:len(object)-1]
	if len(object) > 1 {
		object = append(object, ',')
	}
	object = append(append(append(object, '"'), name...), `":`...)
	return append(append(object, value...), '}')
}

// xmlOf says the same as a JSON object: a field becomes an element, an array
// repeats the element of its field.
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

// Write sends the answer.
func (a Answer) Write(w http.ResponseWriter) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	w.Write(a.Body)
}

// WriteHalf announces the answer whole, sends half of it, and closes the
// connection, by a panic that net/http takes for that.
func (a Answer) WriteHalf(w http.ResponseWriter) {
	a.Body = a.Half()
	a.Write(w)
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Half is the half of the body that is sent of an answer that is cut.
func (a Answer) Half() []byte { return a.Body[:len(a.Body)/2] }

// WriteJSON answers outside the dialect: health and controls.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", ContentTypeJSON)
	w.WriteHeader(status)
	w.Write(Encode(v))
}
