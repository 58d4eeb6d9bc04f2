package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// Options say what a Server is made of.
type Options struct {
	Store    *store.Store       // required; the caller closes it after the Server
	Scenario *fixtures.Document // nil: nothing is seeded
	// SeedOnlyEmpty leaves the keys of the scenario out where the store has any.
	SeedOnlyEmpty bool
	Region        string           // where a request or a scenario does not say; as cn-hangzhou
	Account       string           // likewise; 16 digits
	Credentials   []Credential     // besides those of the scenario; any of both turns verification on
	Journal       int              // requests kept
	KeyPool       int              // pairs made ahead per spec that is slow to generate; 0: none
	CA            *CA              // for HTTPS; nil: there is none to trust
	Log           *slog.Logger     // nil: nothing is logged
	Now           func() time.Time // real time; nil: time.Now
}

// Credential is an AccessKey that may call. Its calls belong to the account of
// the settings, and it may do all.
type Credential struct {
	AccessKeyID     string
	AccessKeySecret string
}

// Server is the emulator as an http.Handler: the API at "/", its controls
// below "/_emulator/". Close ends what it does in the background.
type Server struct {
	store         *store.Store
	doc           *fixtures.Document
	seedOnlyEmpty bool
	more          []Credential // besides those of the scenario
	scope         store.Scope  // where a request does not say
	clock         *clock
	callers       *callers
	instances     map[string]instance // by id
	rules         rules
	journal       journal
	pool          *keyPool
	making        singleflight.Group // of key material that the scenario leaves out
	keys          keyring
	gate          *semaphore.Weighted // as wide as the processors; first come, first served
	ca            *CA
	log           *slog.Logger
	router        http.Handler

	stopping   chan struct{} // closed by Stop
	stopOnce   sync.Once
	background sync.WaitGroup
}

// New makes a Server and seeds its store. Its error is fixtures.Problems where
// the scenario is wrong.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scenario == nil {
		o.Scenario = &fixtures.Document{}
	}
	clock, err := newClock(o.Store, o.Now)
	if err != nil {
		return nil, err
	}
	s := &Server{
		store:         o.Store,
		scope:         store.Scope{Account: o.Account, Region: o.Region},
		doc:           o.Scenario,
		seedOnlyEmpty: o.SeedOnlyEmpty,
		more:          o.Credentials,
		clock:         clock,
		journal:       journal{size: o.Journal},
		gate:          semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		ca:            o.CA,
		log:           o.Log,
		stopping:      make(chan struct{}),
	}
	loaded, err := s.load(false)
	if err != nil {
		return nil, err
	}
	s.scope = store.Scope{Account: cmp.Or(s.doc.Account, o.Account), Region: cmp.Or(s.doc.Region, o.Region)}
	s.instances = loaded.instances
	s.callers = &callers{known: loaded.credentials, real: o.Now, resent: func(who caller) bool { return s.rules.resent(who, o.Now()) }}
	s.pool = newKeyPool(o.KeyPool)
	s.router = s.routes()
	s.background.Go(s.makeMissingMaterial)
	return s, nil
}

// Stop drops the calls that a fault delays, so that a shutdown need not wait for
// them.
func (s *Server) Stop() { s.stopOnce.Do(func() { close(s.stopping) }) }

// Close ends the work in the background. Requests are to be ended before.
func (s *Server) Close() {
	s.Stop()
	s.pool.close()
	s.background.Wait()
}

// makeMissingMaterial makes, after the start, what calls would otherwise wait
// for: the key material that the scenario leaves out.
func (s *Server) makeMissingMaterial() {
	if err := s.makeAllMaterial(); err != nil && !errors.Is(err, errStopped) {
		s.log.Error("key material could not be made", "error", err)
	}
}

var errStopped = errors.New("the server is stopping")

func (s *Server) stopped() error {
	select {
	case <-s.stopping:
		return errStopped
	default:
		return nil
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.clock.now().UTC().Format(http.TimeFormat))
	s.router.ServeHTTP(w, r)
}

// routes has no route per action: actions are looked up in a map. Cleaning of
// paths is off, for a redirect is no answer to an SDK.
func (s *Server) routes() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	r.HandleFunc("/healthz", s.serveHealth).Methods(http.MethodGet, http.MethodHead)
	s.controls(r)
	r.HandleFunc("/", s.serveAPI)
	nowhere := s.refuse(errInvalidAction.of())
	r.NotFoundHandler, r.MethodNotAllowedHandler = nowhere, nowhere
	return r
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", contentTypeJSON)
	w.Write([]byte(`{"status":"ok"}`))
}

// refuse answers every request with one error.
func (s *Server) refuse(refused *apiError) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newAnswer(&request{http: r}, uuid.NewString(), nil, refused).write(w)
	})
}

// protection knows the headers by which browsers tell of other sites.
var protection = http.NewCrossOriginProtection()

// checkSite refuses what a web page of another site makes a browser send: it
// must not read keys off a developer's machine. GET is refused like the rest,
// for it may change things here.
func checkSite(r *http.Request) error {
	asUnsafe := *r
	asUnsafe.Method = http.MethodPost
	if protection.Check(&asUnsafe) != nil {
		return errCrossSite.of()
	}
	return nil
}

// sameSite lets through what checkSite does.
func sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if checkSite(r) != nil {
			controlError(http.StatusForbidden, errCrossSite.message).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// newCall finds account, region and gateway that a request came to.
func (s *Server) newCall(req *request, who caller) (*call, error) {
	c := &call{
		ctx:    req.http.Context(),
		server: s,
		action: req.action,
		caller: who,
		scope:  store.Scope{Account: s.scope.Account, Region: regionOf(req.http.Host, s.scope.Region)},
		now:    s.clock.now(), // until the rules decide
	}
	if who.account != "" {
		c.scope.Account = who.account
	}
	return c, c.enterBy(req.http.Host)
}

// factsOf is what the rules ask of a call. Its key is looked up only when a
// rule asks for one.
func (s *Server) factsOf(c *call, req *request) facts {
	if s.rules.askForKeys() {
		s.findKey(c, req)
	}
	return facts{
		operation:    req.action,
		keyARN:       c.keyARN,
		keyVersionID: req.params["KeyVersionId"],
		algorithm:    req.params["Algorithm"],
		accessKeyID:  c.caller.accessKeyID,
		gateway:      c.gatewayName(),
	}
}

// findKey finds the key that a call names, where the operation has not, or not
// yet, come to it.
func (s *Server) findKey(c *call, req *request) {
	name := cmp.Or(req.params["KeyId"], req.params["ProtectedResourceArn"])
	if name == "" || c.keyID != "" {
		return
	}
	err := c.view(func() error {
		scope, id, err := c.resolve(parseKeyName(name))
		if err == nil {
			c.cameTo(scope, id)
		}
		return err
	})
	if _, unknown := errors.AsType[*apiError](err); err != nil && !unknown {
		s.log.Error("the key of a call could not be looked up", "key", name, "error", err)
	}
}

// Example is a call to try, for a shell: it encrypts with the first key of the
// scenario that can. url is where the server is reached.
func (s *Server) Example(url string) string {
	if len(s.callers.known) > 0 {
		return "alikms operations (calls have to be signed by a configured AccessKey)"
	}
	for _, k := range s.doc.Keys {
		if k.KeyUsage != keyspec.EncryptDecrypt || len(k.Versions) == 0 {
			continue
		}
		spec, _ := keyspec.Lookup(k.KeySpec)
		algorithms := spec.Algorithms(k.KeyUsage)
		return fmt.Sprintf("curl -s %s -d Action=AsymmetricEncrypt -d KeyId=%s -d KeyVersionId=%s -d Algorithm=%s -d Plaintext=SGVsbG8=",
			url, k.KeyID, k.Versions[0].KeyVersionID, algorithms[len(algorithms)-1])
	}
	return "curl -s " + url + " -d Action=ListKeys"
}
