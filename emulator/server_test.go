package emulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

const contentTypeJSON = "application/json;charset=utf-8"

// testServer is an emulator with the RSA and SM2 keys of the default scenario, over loopback HTTP. Its
// clock stands at 2026-06-01T00:00:00Z, its keys are from the first of January.
type testServer struct {
	*Server
	t       *testing.T
	url     string
	secrets map[string]string // of the callers
}

// adjust changes the settings in force, which a scenario would.
func (s *testServer) adjust(change func(*kms.Settings)) {
	in := s.inForce.Load()
	settings := &kms.Settings{Instances: in.settings.Instances, Generation: in.settings.Generation}
	change(settings)
	s.inForce.Store(&inForce{doc: in.doc, scope: in.scope, settings: settings})
}

func newTestServer(t *testing.T, change ...func(*Options)) *testServer {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	document, problems := fixtures.Default()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	document.Keys = document.Keys[:6] // listings in transcripts do not change with every spec
	for i := range document.Keys {
		document.Keys[i].CreationDate = fixtures.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	document.Clock = fixtures.At(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	o := Options{Store: st, Scenario: document, Region: "cn-hangzhou", Account: "1234567890123456", Journal: 1000}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	secrets := map[string]string{}
	for _, c := range o.Scenario.Credentials {
		secrets[c.AccessKeyID] = c.AccessKeySecret
	}
	for _, c := range o.Credentials {
		secrets[c.AccessKeyID] = c.AccessKeySecret
	}
	return &testServer{s, t, web.URL, secrets}
}

// requireSignatures knows app, who may do all, and nobody, who may do nothing.
func (s *testServer) requireSignatures() {
	s.know(map[string]auth.Credential{
		"app":    {Secret: "app-secret"},
		"nobody": {Secret: "nobody-secret", Policy: &auth.Policy{}},
	})
}

// know lets these callers call, and nobody else; none: everybody.
func (s *testServer) know(callers map[string]auth.Credential) {
	s.callers.Set(callers)
	s.secrets = map[string]string{}
	for id, c := range callers {
		s.secrets[id] = c.Secret
	}
}

// call sends a request as a form, signed (V1) where a caller is named.
func (s *testServer) call(caller string, params url.Values) testAnswer {
	s.t.Helper()
	if caller != "" {
		params = signedForm(caller, s.secrets[caller], params)
	}
	r, err := http.PostForm(s.url, params)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.read(r)
}

func signedForm(id, secret string, params url.Values) url.Values {
	return signedFormAt(time.Now(), id, secret, params)
}

func signedFormAt(at time.Time, id, secret string, params url.Values) url.Values {
	params.Set("AccessKeyId", id)
	params.Set("SignatureMethod", "HMAC-SHA1")
	params.Set("SignatureVersion", "1.0")
	params.Set("SignatureNonce", uuid.NewString())
	params.Set("Timestamp", at.UTC().Format("2006-01-02T15:04:05Z"))
	flat := map[string]string{}
	for name := range params {
		flat[name] = params.Get(name)
	}
	newHash, _ := auth.V1Hash(flat)
	_, signature := auth.SignV1(newHash, secret, "POST", flat)
	params.Set("Signature", signature)
	return params
}

func (s *testServer) read(r *http.Response) testAnswer {
	s.t.Helper()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := testAnswer{status: r.StatusCode, header: r.Header, body: string(body)}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &a.object); err != nil {
			s.t.Fatalf("the body is not JSON: %v: %s", err, body)
		}
	}
	return a
}
