package emulator

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// readsOf counts what a loading parses of a scenario, and what it leaves to the
// store.
func readsOf(t *testing.T, s *Server, doc *fixtures.Document) (parsed, known int) {
	t.Helper()
	r := newReader(doc, s.scope, s.clock.now())
	if err := s.kms.Store.View(func(tx *store.Tx) error { return r.knownSources(tx, doc) }); err != nil {
		t.Fatal(err)
	}
	for _, versions := range r.readMaterial(doc) {
		for _, read := range versions {
			switch {
			case read.material != nil:
				parsed++
			case read.parse != nil:
				known++
			}
		}
	}
	return parsed, known
}

func TestARestartParsesNoPEMThatTheStoreHas(t *testing.T) {
	doc, problems := fixtures.Default()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	asymmetric := 0
	for _, k := range doc.Keys {
		if !kms.Symmetric(k.KeySpec) {
			asymmetric++
		}
	}
	now := time.Now()
	s := bareServer(t, func(o *Options) { o.Scenario, o.Now = doc, func() time.Time { return now } })
	if parsed, known := readsOf(t, s, doc); known != asymmetric || parsed != len(doc.Keys)-asymmetric {
		t.Errorf("%d parsed, %d known; want %d and %d", parsed, known, len(doc.Keys)-asymmetric, asymmetric)
	}
	before := exported(t, s)
	for _, l := range []loading{{}, {clear: true}, {}} {
		if err := s.load(l); err != nil {
			t.Fatal(err)
		}
		if after := exported(t, s); after != before {
			t.Errorf("loaded again it holds\n%s\nwant\n%s", after, before)
		}
	}
}

// exported is all that a server holds.
func exported(t *testing.T, s *Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/_emulator/export", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// A version that went, or was given other material, after the scenario was read
// for what is known of it is seeded all the same.
func TestWhatIsKnownNoMoreIsParsed(t *testing.T) {
	doc, problems := fixtures.Default()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, change := range map[string]func(*store.Tx, store.Version) error{
		"the key went": func(tx *store.Tx, v store.Version) error { return tx.DeleteKey(v.Scope, v.KeyID) },
		"of an older alikms": func(tx *store.Tx, v store.Version) error {
			return tx.SetSource(v.Scope, v.KeyID, v.ID, store.MaterialHash{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := bareServer(t, func(o *Options) { o.Scenario = doc })
			r := newReader(doc, s.scope, s.clock.now())
			if err := s.kms.Store.View(func(tx *store.Tx) error { return r.knownSources(tx, doc) }); err != nil {
				t.Fatal(err)
			}
			loaded, problems := r.interpret(doc, nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			err := s.kms.Store.Update(func(tx *store.Tx) error {
				for _, k := range loaded.keys {
					if err := change(tx, k.versions[0].version); err != nil {
						return err
					}
				}
				return s.seed(tx, &scenario{keys: loaded.keys}, false, time.Time{})
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, known := readsOf(t, s, doc); known == 0 {
				t.Error("nothing is known afterwards")
			}
			expectMaterialOf(t, s, doc)
		})
	}
}

// expectMaterialOf fails unless every key of a scenario has its material.
func expectMaterialOf(t *testing.T, s *Server, doc *fixtures.Document) {
	t.Helper()
	err := s.kms.Store.View(func(tx *store.Tx) error {
		for _, k := range doc.Keys {
			spec, _ := keyspec.Lookup(k.KeySpec)
			material, err := tx.Material(s.scope, k.KeyID, versionID(k.KeyID, k.Versions[0], 0))
			if err != nil {
				return err
			}
			if _, err := spec.Parse(material); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The same PEM under another spec is read, and refused.
func TestAKnownPEMIsNoKeyOfAnotherSpec(t *testing.T) {
	doc, _ := fixtures.Default()
	s := bareServer(t, func(o *Options) { o.Scenario = doc })
	for i := range doc.Keys {
		if doc.Keys[i].KeySpec == "RSA_2048" {
			doc.Keys[i].KeySpec = "RSA_3072"
		}
	}
	var problems fixtures.Problems
	if err := s.load(loading{}); !errors.As(err, &problems) || !strings.Contains(err.Error(), "an RSA key of 2048 bits where RSA_3072 needs") {
		t.Errorf("got %v", err)
	}
}
