package emulator

import (
	"embed"
	"net/http"
	"path"
	"strings"

	"github.com/gorilla/mux"
)

// pageFiles are what a browser is shown: plain HTML, CSS and JavaScript, which
// ask nothing of any other place.
//
//go:embed ui
var pageFiles embed.FS

// pagePath is where the page is.
const pagePath = "/_emulator/ui/"

// pageTypes are the kinds of its files. What the machine takes an ending for is
// not asked: on some, JavaScript is plain text.
var pageTypes = map[string]string{
	".html": "text/html;charset=utf-8",
	".css":  "text/css;charset=utf-8",
	".js":   "text/javascript;charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain;charset=utf-8",
}

// pageHeaders keep the page to itself: nothing of any other place runs in it,
// no text becomes markup, and no other page has it in a frame.
var pageHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store", // the page of this alikms, not of one before it
}

// page adds the page to the controls.
func (s *Server) page(sub *mux.Router) {
	get := map[string]http.Handler{http.MethodGet: http.HandlerFunc(servePage), http.MethodHead: http.HandlerFunc(servePage)}
	sub.PathPrefix("/ui/").Handler(s.ours(byMethod(get)))
	sub.Handle("/ui", s.ours(http.RedirectHandler(pagePath, http.StatusFound)))
	s.front = s.ours(http.HandlerFunc(servePage))
}

// servePage answers a file of the page. At "/", where a browser comes first, it
// is the page itself.
func servePage(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, pagePath)
	if name == "" || name == "/" {
		name = "index.html"
	}
	text, err := pageFiles.ReadFile("ui/" + name)
	if err != nil {
		controlError(http.StatusNotFound, "the page has no such file; it is at "+pagePath).ServeHTTP(w, r)
		return
	}
	for header, value := range pageHeaders {
		w.Header().Set(header, value)
	}
	w.Header().Set("Content-Type", pageTypes[path.Ext(name)])
	w.Write(text)
}

// asksForPage reports whether a request to "/" is of a browser that was given
// the address. A call of the API says what it asks for in its query, its body or
// its headers.
func asksForPage(r *http.Request) bool {
	if r.Method != http.MethodGet || r.URL.RawQuery != "" || r.ContentLength != 0 || !acceptsHTML(r.Header) {
		return false
	}
	for name := range r.Header {
		if name == "Authorization" || strings.HasPrefix(name, "X-Acs-") {
			return false
		}
	}
	return true
}

func acceptsHTML(h http.Header) bool {
	for _, accepted := range h["Accept"] {
		if strings.Contains(strings.ToLower(accepted), "text/html") {
			return true
		}
	}
	return false
}
