package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// inForce is the scenario that calls are answered under. It is replaced as a
// whole: a call that finds, before anything came of it, that it was replaced begins
// anew, so that no call is answered under two.
type inForce struct {
	doc      *fixtures.Document
	scope    store.Scope // where a request does not say
	settings *kms.Settings
	put      bool // by a control
	leftOut  bool // its keys, for the store had others
	differ   int  // so many keys and secrets of the store from it
}

// loading is how a scenario comes to be in force.
type loading struct {
	doc   *fixtures.Document // nil: that in force, by a reset
	clear bool               // the store is to hold the scenario and nothing else
	put   bool               // by a control: a start does not return to it
}

// clock is where the emulator's clock stands after the loading.
func (l loading) clock(before clockState) clockState {
	switch {
	case l.doc.Clock != nil:
		at := l.doc.Clock.Resolve(time.Time{})
		return clockState{Frozen: &at}
	case l.clear:
		return clockState{}
	}
	return before
}

func (l loading) inForce(otherwise store.Scope, loaded *scenario) *inForce {
	doc := l.doc
	if l.put {
		doc = doc.Bare() // nobody has the body any more that its positions are of
	}
	return &inForce{
		doc:      doc,
		scope:    store.Scope{Account: cmp.Or(l.doc.Account, otherwise.Account), Region: cmp.Or(l.doc.Region, otherwise.Region)},
		settings: &kms.Settings{Instances: loaded.instances, Generation: kms.Generation(l.doc.Generation)},
		put:      l.put,
		leftOut:  loaded.leftOut,
		differ:   len(loaded.differences),
	}
}

// start loads the scenario of the settings. What is kept of one that was put by a
// control goes: a start returns to that of the settings.
func (s *Server) start(doc *fixtures.Document, fresh bool) error {
	s.inForce.Store(&inForce{doc: doc, scope: s.scope, settings: &kms.Settings{}})
	put := false
	err := s.kms.Store.View(func(tx *store.Tx) (err error) {
		put, err = wasPut(tx)
		return err
	})
	if err != nil {
		return err
	}
	if put && !fresh {
		s.log.Warn("the data folder holds a scenario that was put while alikms ran; this start begins with its own scenario alone")
	}
	return s.load(loading{doc: doc, clear: fresh || put})
}

// Load puts another scenario in force, as a reset to it, to which later resets
// return. To calls it is one moment; after an error nothing is changed. Its error
// is fixtures.Problems where the scenario is wrong.
func (s *Server) Load(doc *fixtures.Document) error { return s.replace(loading{doc: doc, clear: true}) }

// Holds reports whether the scenario in force is this one, as they are written.
func (s *Server) Holds(doc *fixtures.Document) bool {
	var texts [2][]byte
	for i, d := range []*fixtures.Document{s.inForce.Load().doc, doc} {
		scenario, problems := d.Inline()
		if len(problems) > 0 {
			return false
		}
		var err error
		if texts[i], err = json.Marshal(scenario); err != nil {
			return false
		}
	}
	return bytes.Equal(texts[0], texts[1])
}

func (s *Server) replace(l loading) error {
	if err := s.load(l); err != nil {
		return err
	}
	s.log.Info("another scenario is in force", "keys", len(l.doc.Keys), "credentials", len(l.doc.Credentials), "quotas", len(l.doc.Quotas), "faults", len(l.doc.Faults))
	return nil
}

// showScenario answers the scenario in force as it was written: of several files
// it is what they are together, with key files in their places, so that the answer
// can be put.
func (s *Server) showScenario(*http.Request, []byte) (any, error) {
	written, problems := s.inForce.Load().doc.Inline()
	return written, refused(problems)
}

func (s *Server) putScenario(r *http.Request, body []byte) (any, error) {
	s.puts.Lock()
	defer s.puts.Unlock()
	doc, problems := fixtures.ParseScenario(body)
	if err := refused(problems); err != nil {
		return nil, err
	}
	if err := s.replace(loading{doc: doc, clear: true, put: true}); err != nil {
		return nil, err
	}
	return s.showScenario(r, nil)
}

// awaitLoading waits until a loading that has begun to change things is through.
func (s *Server) awaitLoading() {
	s.clock.changing.Lock()
	defer s.clock.changing.Unlock()
}

// putSetting is the store's name for whether its scenario was put by a control.
const putSetting = "scenario-put"

func wasPut(tx *store.Tx) (put bool, err error) {
	text, ok, err := tx.Setting(putSetting)
	if err == nil && ok {
		err = json.Unmarshal(text, &put)
	}
	return put, err
}

// noteOrigin keeps whether the scenario was put by a control.
func noteOrigin(tx *store.Tx, put bool) error {
	before, err := wasPut(tx)
	if err != nil || before == put {
		return err
	}
	text, err := json.Marshal(put)
	if err != nil {
		return err
	}
	return tx.PutSetting(putSetting, text)
}
