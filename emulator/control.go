package emulator

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/wire"
	"github.com/alikms/alikms/fixtures"
)

// control is a call below /_emulator/: it takes the request and its body, and
// gives what is answered as JSON. Controls ignore credentials.
type control func(r *http.Request, body []byte) (any, error)

// errUnknownRule is answered as 404.
var errUnknownRule = errors.New("no rule has this name")

// These likewise.
var (
	errUnknownRequest = errors.New("the journal has no request of this id: it keeps the latest, since the start or the last reset")
	errNoRequest      = errors.New("the journal is empty: nothing was called since the start or the last reset")
)

// controls adds the controls to the router.
func (s *Server) controls(r *mux.Router) {
	sub := r.PathPrefix("/_emulator/").Subrouter()
	methods := map[string]map[string]http.Handler{} // by path
	route := func(method, path string, do http.Handler) {
		if methods[path] == nil {
			methods[path] = map[string]http.Handler{}
			sub.Handle(path, s.ours(byMethod(methods[path])))
		}
		methods[path][method] = do
	}
	handle := func(method, path string, do control) { route(method, path, s.serveControl(do)) }
	ruleControls(s, handle, "faults", s.rules.Faults(), s.readFault, s.readFaults)
	ruleControls(s, handle, "quotas", s.rules.Quotas(), s.readQuota, s.readQuotas)
	handle(http.MethodGet, "/clock", s.showClock)
	handle(http.MethodPut, "/clock", s.setClock)
	handle(http.MethodDelete, "/clock", s.resetClock)
	handle(http.MethodPost, "/clock/advance", s.advanceClock)
	handle(http.MethodGet, "/requests", s.findRequests)
	handle(http.MethodDelete, "/requests", s.removeRequests)
	route(http.MethodGet, "/requests/stream", http.HandlerFunc(s.streamRequests))
	handle(http.MethodGet, "/requests/{requestId}", s.explainRequest)
	handle(http.MethodGet, "/keys", s.showKeys)
	handle(http.MethodPost, "/reset", s.reset)
	handle(http.MethodGet, "/scenario", s.showScenario)
	route(http.MethodPut, "/scenario", s.serveBody(s.putScenario, maxScenarioBody))
	handle(http.MethodGet, "/secrets", s.showSecrets)
	handle(http.MethodGet, "/operations", s.listOperations)
	handle(http.MethodPost, "/try", s.tryCall)
	handle(http.MethodGet, "/errors", s.listErrors)
	route(http.MethodGet, "/schema.json", http.HandlerFunc(s.serveSchema))
	route(http.MethodGet, "/sample", http.HandlerFunc(s.serveSample))
	route(http.MethodGet, "/export", http.HandlerFunc(s.serveExport))
	route(http.MethodGet, "/backup", http.HandlerFunc(s.serveBackup))
	route(http.MethodGet, "/ca.pem", http.HandlerFunc(s.serveCA))
	s.page(sub)
	sub.NotFoundHandler = s.ours(controlError(http.StatusNotFound, "there is no such control; see emulator/README.md for those there are"))
}

// byMethod chooses among what a path has for each method. The router's own
// choice ends in its "not found" where only the method is wrong.
func byMethod(methods map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		do, ok := methods[r.Method]
		if !ok {
			known := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
			w.Header().Set("Allow", known)
			do = controlError(http.StatusMethodNotAllowed, "this control has the methods "+known)
		}
		do.ServeHTTP(w, r)
	})
}

// controlErrors is the body of a refused control.
type controlErrors struct {
	Errors fixtures.Problems `json:"errors"`
}

func controlError(status int, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		wire.WriteJSON(w, status, controlErrors{fixtures.Problems{{Message: message}}})
	})
}

// maxControlBody holds thousands of rules. The YAML parser takes long over a
// large text that is nonsense.
const maxControlBody = 1 << 20

// maxScenarioBody is what a scenario file may have.
const maxScenarioBody = 64 << 20

// scenarioPath is that of the scenario in force.
const scenarioPath = "/_emulator/scenario"

func (s *Server) serveControl(do control) http.Handler { return s.serveBody(do, maxControlBody) }

// serveBody is serveControl for bodies of at most so many bytes.
func (s *Server) serveBody(do control, most int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
		if err != nil {
			unreadBody(err).ServeHTTP(w, r)
			return
		}
		answer, err := do(r, body)
		if err != nil {
			s.refuseControl(w, r, err)
			return
		}
		wire.WriteJSON(w, http.StatusOK, answer)
	})
}

// refuseControl answers the error of a control.
func (s *Server) refuseControl(w http.ResponseWriter, r *http.Request, err error) {
	problems, wrong := errors.AsType[fixtures.Problems](err)
	switch {
	case wrong:
		wire.WriteJSON(w, http.StatusBadRequest, controlErrors{problems})
	case errors.Is(err, errClockRange), errors.Is(err, errClockAhead):
		controlError(http.StatusBadRequest, err.Error()).ServeHTTP(w, r)
	case errors.Is(err, errUnknownRule), errors.Is(err, errUnknownRequest), errors.Is(err, errNoRequest):
		controlError(http.StatusNotFound, err.Error()).ServeHTTP(w, r)
	case errors.Is(err, errListeners):
		controlError(http.StatusServiceUnavailable, err.Error()).ServeHTTP(w, r)
	default:
		s.log.Error("control failed", "path", r.URL.Path, "error", err)
		controlError(http.StatusInternalServerError, err.Error()).ServeHTTP(w, r)
	}
}

// unreadBody is the answer to a body that could not be read.
func unreadBody(err error) http.Handler {
	if refused, ok := errors.AsType[*kmserr.Error](err); ok {
		return controlError(refused.Status, refused.Message)
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return controlError(http.StatusBadRequest, fmt.Sprintf("the body is too large: more than %d MiB", large.Limit>>20))
	}
	return controlError(http.StatusBadRequest, "the body cannot be read: "+err.Error())
}

// refused makes problems an error, if there are any.
func refused(problems fixtures.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// The clock.

type shownClock struct {
	Now    time.Time `json:"now"`
	Frozen bool      `json:"frozen"`
}

func (s *Server) showClock(*http.Request, []byte) (any, error) {
	now, frozen := s.clock.show()
	return shownClock{now.UTC(), frozen}, nil
}

func (s *Server) setClock(_ *http.Request, text []byte) (any, error) {
	body, problems := fixtures.ParseClockSetting(text)
	if err := refused(problems); err != nil {
		return nil, err
	}
	return s.changeClock(func() error { return s.clock.freeze(body.Value.Now.Resolve(s.clock.now())) })
}

func (s *Server) advanceClock(_ *http.Request, text []byte) (any, error) {
	body, problems := fixtures.ParseClockAdvance(text)
	if err := refused(problems); err != nil {
		return nil, err
	}
	return s.changeClock(func() error { return s.clock.advance(time.Duration(body.Value.By)) })
}

func (s *Server) resetClock(*http.Request, []byte) (any, error) {
	return s.changeClock(s.clock.unfreeze)
}

// changeClock empties the windows of the quotas when the clock was set back.
func (s *Server) changeClock(change func() error) (any, error) {
	before := s.clock.now()
	if err := change(); err != nil {
		return nil, err
	}
	if s.clock.now().Before(before) {
		s.rules.EmptyWindows()
	}
	return s.showClock(nil, nil)
}

func (s *Server) reset(*http.Request, []byte) (any, error) {
	return struct{}{}, s.load(loading{clear: true})
}

func (s *Server) listOperations(*http.Request, []byte) (any, error) {
	return map[string][]Operation{"operations": Operations()}, nil
}

func (s *Server) listErrors(*http.Request, []byte) (any, error) {
	return map[string][]CatalogueError{"errors": Errors()}, nil
}

func (s *Server) serveSchema(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/schema+json")
	w.Write(Schema())
}

func (s *Server) serveCA(w http.ResponseWriter, r *http.Request) {
	if s.ca == nil {
		controlError(http.StatusNotFound, "there is no CA: HTTPS is off, or shows a certificate of your own (--tls-cert)").ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Write(s.ca.PEM())
}
