package emulator

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/rules"
	"github.com/alikms/alikms/emulator/internal/wire"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// Options say what a Server is made of.
type Options struct {
	Store    *store.Store       // required; the caller closes it after the Server
	Scenario *fixtures.Document // nil: nothing is seeded
	// SeedOnlyEmpty leaves the keys of the scenario out where the store has any.
	SeedOnlyEmpty bool
	Fresh         bool              // the store is to hold the scenario and nothing else
	Region        string            // where a request or a scenario does not say; as cn-hangzhou
	Account       string            // likewise; 16 digits
	Credentials   []Credential      // besides those of the scenario; any of both turns verification on
	Journal       int               // requests kept
	JournalBytes  int               // what they may take; 0: 64 MiB
	KeyPool       int               // pairs made ahead per spec that is slow to generate; 0: none
	CA            *CA               // for HTTPS; nil: there is none to trust
	AllowHosts    []string          // further Hosts to answer, as CheckAllowHosts takes them
	Certificate   *x509.Certificate // of HTTPS, where it is not of the CA; its names are answered
	Log           *slog.Logger      // nil: nothing is logged
	Now           func() time.Time  // real time; nil: time.Now
}

// Credential is an AccessKey that may call. Its calls belong to the account of
// the settings, and it may do all.
type Credential struct {
	AccessKeyID     string
	AccessKeySecret string
}

// Server is the emulator as an http.Handler: the API at "/", its controls
// below "/_emulator/". Close ends what it does in the background. It is the only
// one that knows every room of the emulator.
type Server struct {
	kms           *kms.Service
	callers       *auth.Callers
	rules         *rules.Rules
	inForce       atomic.Pointer[inForce]
	seedOnlyEmpty bool
	more          []Credential // besides those of the scenario
	scope         store.Scope  // where a scenario does not say
	clock         *clock
	journal       journal
	ca            *CA
	hosts         hosts
	lastHost      atomic.Pointer[string] // the one answered last, for clients say the same again and again
	limits        limits
	log           *slog.Logger
	router        http.Handler
	front         http.Handler  // the page, at "/"
	puts          sync.Mutex    // of scenarios: what reading one takes is taken once at a time
	unmade        chan struct{} // a loading may have left key material out
	dates         dates
	rest          rest

	running    context.Context // until Stop
	stop       context.CancelFunc
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
	answered, err := newHosts(o.AllowHosts, o.Certificate)
	if err != nil {
		return nil, err
	}
	clock, err := newClock(o.Store, o.Now, kms.RotateAll)
	if err != nil {
		return nil, err
	}
	s := &Server{
		kms:           kms.NewService(o.Store, o.KeyPool),
		callers:       auth.NewCallers(o.Now),
		rules:         rules.New(clock.now, o.Now),
		scope:         store.Scope{Account: o.Account, Region: o.Region},
		seedOnlyEmpty: o.SeedOnlyEmpty,
		more:          o.Credentials,
		clock:         clock,
		journal:       journal{size: o.Journal, bytes: cmp.Or(o.JournalBytes, 64<<20)},
		ca:            o.CA,
		hosts:         answered,
		limits:        usualLimits,
		log:           o.Log,
		unmade:        make(chan struct{}, 1),
	}
	s.running, s.stop = context.WithCancel(context.Background())
	s.rest.begin()
	if err := s.start(o.Scenario, o.Fresh); err != nil {
		s.Close()
		return nil, err
	}
	s.router = s.routes()
	s.background.Go(s.makeMissingMaterial)
	s.background.Go(s.rotateInTime)
	return s, nil
}

// Stop drops the calls that a fault delays, so that a shutdown need not wait for
// them.
func (s *Server) Stop() { s.stop() }

// Close ends the work in the background. Requests are to be ended before.
func (s *Server) Close() {
	s.Stop()
	s.rest.end()
	s.kms.Close()
	s.background.Wait()
}

// makeMissingMaterial makes, after each loading, what calls would otherwise wait
// for: the key material that the scenario leaves out.
func (s *Server) makeMissingMaterial() {
	for {
		select {
		case <-s.unmade:
		case <-s.running.Done():
			return
		}
		if err := s.kms.MakeAllMaterial(s.running); err != nil && !errors.Is(err, context.Canceled) {
			s.log.Error("key material could not be made", "error", err)
		}
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = s.dates.header(s.clock.now())
	switch {
	case r.URL.Path != "/":
		s.router.ServeHTTP(w, r)
	case asksForPage(r):
		s.front.ServeHTTP(w, r)
	default:
		s.serveAPI(w, r) // the one path that has to be fast
	}
}

// routes are those beside the API. Cleaning of paths is off, for a redirect is no
// answer to an SDK.
func (s *Server) routes() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	r.HandleFunc("/healthz", s.serveHealth).Methods(http.MethodGet, http.MethodHead)
	s.controls(r)
	nowhere := http.HandlerFunc(s.serveNowhere)
	r.NotFoundHandler, r.MethodNotAllowedHandler = nowhere, nowhere
	return r
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	if err := s.kms.Store.Healthy(); err != nil {
		wire.WriteJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "unhealthy", "reason": err.Error()})
		return
	}
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// serveNowhere answers what comes to no path of KMS's.
func (s *Server) serveNowhere(w http.ResponseWriter, r *http.Request) {
	refused := kmserr.InvalidAction
	if !s.hosts.answers(r.Host) {
		refused = kmserr.HostNotAllowed(shortened(r.Host))
	}
	wire.NewAnswer(&wire.Request{HTTP: r}, uuid.NewString(), nil, refused).Write(w)
}

// protection knows the headers by which browsers tell of other sites.
var protection = http.NewCrossOriginProtection()

// checkSite refuses what a web page of another site makes a browser send: it
// must not read keys off a developer's machine. GET is refused like the rest,
// for it may change things here.
func checkSite(r *http.Request) error {
	if r.Header["Sec-Fetch-Site"] == nil && r.Header["Origin"] == nil {
		return nil // no browser sends neither
	}
	asUnsafe := *r
	asUnsafe.Method = http.MethodPost
	if protection.Check(&asUnsafe) != nil {
		return kmserr.CrossSite
	}
	return nil
}

// answersTo reports whether alikms stands in for the Host of a call.
func (s *Server) answersTo(host string) bool {
	if last := s.lastHost.Load(); last != nil && *last == host {
		return true
	}
	answered := s.hosts.answers(host)
	if answered {
		s.lastHost.Store(&host)
	}
	return answered
}

// ours lets through what comes to a Host that alikms stands in for, and is of no
// other site.
func (s *Server) ours(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.hosts.answers(r.Host):
			controlError(http.StatusForbidden, "HostNotAllowed: "+kmserr.HostNotAllowed(r.Host).Message).ServeHTTP(w, r)
		case checkSite(r) != nil:
			controlError(http.StatusForbidden, kmserr.CrossSite.Message).ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// newCall finds account, region and gateway that a request came to, under a
// scenario.
func (s *Server) newCall(in *inForce, req *wire.Request, who auth.Caller) (*kms.Call, error) {
	c := &kms.Call{
		Context:  req.HTTP.Context(),
		Settings: in.settings,
		Scope: store.Scope{
			Account: cmp.Or(who.Account, in.scope.Account),
			Region:  regionOf(req.HTTP.Host, in.scope.Region),
		},
		Now: s.clock.now(), // until the rules decide
	}
	if who.Known { // else nobody is asked
		c.Allowed = who.Policy.Allows
		c.AllowedByKey = func(policy, action string) bool { return auth.KeyPolicyAllows(policy, c.Scope.Account, action) }
	}
	return c, enterBy(req.HTTP.Host, c)
}

// ruleRequest is what the rules ask of a call. Its key is looked up only when a
// rule asks for one.
func (s *Server) ruleRequest(c *kms.Call, req *wire.Request, op *kms.Operation, who auth.Caller) (_ rules.Request, err error) {
	if s.rules.AskForKeys() {
		err = s.findKey(c, req)
	}
	kms.FindSecretOf(c, op, req.Params)
	return rules.Request{
		Operation:    op.Name,
		KeyARN:       c.KeyARN,
		KeyVersionID: req.Params["KeyVersionId"],
		Algorithm:    req.Params["Algorithm"],
		SecretARN:    c.SecretARN,
		AccessKeyID:  who.AccessKeyID,
		Gateway:      gatewayName(c),
		Group:        op.Group,
		Scope:        c.Scope,
		Nonce:        who.Nonce,
		Fingerprint:  req.Fingerprint,
	}, err
}

// findKey finds the key that a call names, where the operation has not, or not
// yet, come to it. Its error is ErrSettingsOver, or nil.
func (s *Server) findKey(c *kms.Call, req *wire.Request) error {
	op, ok := kms.Lookup(req.Action)
	if c.KeyID != "" || !ok {
		return nil
	}
	err := s.kms.FindKeyOf(c, op, req.Params)
	if err != nil && !errors.Is(err, kms.ErrSettingsOver) {
		s.log.Error("the key of a call could not be looked up", "error", err)
		return nil
	}
	return err
}

// Example is a call to try, for a shell: it encrypts with the first key of the
// scenario that is Enabled and can. url is where the server is reached.
func (s *Server) Example(url string) string {
	if s.callers.Any() {
		return "alikms operations (calls have to be signed by a configured AccessKey)"
	}
	for _, k := range s.inForce.Load().doc.Keys {
		spec, _ := keyspec.Lookup(k.KeySpec) // the scenario is right
		if k.KeyUsage != keyspec.EncryptDecrypt || k.KeyState != "" || k.Origin == kms.OriginExternal {
			continue
		}
		if spec.Symmetric() {
			return fmt.Sprintf("curl -s %s -d Action=Encrypt -d KeyId=%s -d Plaintext=SGVsbG8=", url, k.KeyID)
		}
		version := fixtures.DerivedVersionID(k.KeyID, 1)
		if len(k.Versions) > 0 {
			version = cmp.Or(k.Versions[0].KeyVersionID, version)
		}
		algorithms := spec.Algorithms(k.KeyUsage)
		return fmt.Sprintf("curl -s %s -d Action=AsymmetricEncrypt -d KeyId=%s -d KeyVersionId=%s -d Algorithm=%s -d Plaintext=SGVsbG8=",
			url, k.KeyID, version, algorithms[len(algorithms)-1])
	}
	return "curl -s " + url + " -d Action=ListKeys"
}
