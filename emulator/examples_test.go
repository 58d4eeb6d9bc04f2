package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alikms/alikms/fixtures"
)

// situation is an example of fixtures/ in force, with keys.yaml beside it. Real
// time stands until a test moves it on, so that no outcome depends on how fast
// the test runs.
type situation struct {
	*testServer
	document *fixtures.Document
	moved    *atomic.Int64 // by so many nanoseconds
}

const examplesFolder = "../fixtures"

// builtInExample is the scenario of a start without --fixture. It is given alone,
// and the transcripts are played with it.
const builtInExample = "default.yaml"

func newSituation(t *testing.T, name string) *situation {
	t.Helper()
	files := []string{filepath.Join(examplesFolder, name)}
	if name != "keys.yaml" && name != builtInExample {
		files = append([]string{filepath.Join(examplesFolder, "keys.yaml")}, files...)
	}
	document, problems := fixtures.Load(files...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := &situation{document: document, moved: new(atomic.Int64)}
	began := time.Now()
	s.testServer = newTestServer(t, func(o *Options) {
		o.Scenario = document
		o.Now = func() time.Time { return began.Add(time.Duration(s.moved.Load())) }
	})
	return s
}

// exampleFiles are the names of the examples.
func exampleFiles(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(examplesFolder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no examples: %v", err)
	}
	for _, file := range files {
		names = append(names, filepath.Base(file))
	}
	return names
}

// The calls of the examples. What is said last counts.

func encryptPayment(more ...string) url.Values {
	return form("AsymmetricEncrypt", append([]string{"KeyId", "alias/payments", "KeyVersionId", "2ab1a983-7072-4bbc-a582-584b5bd80001",
		"Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "SGVsbG8="}, more...)...)
}

func decryptPayment(ciphertext string) url.Values {
	return form("AsymmetricDecrypt", "KeyId", "alias/payments", "KeyVersionId", "2ab1a983-7072-4bbc-a582-584b5bd80001",
		"Algorithm", "RSAES_OAEP_SHA_256", "CiphertextBlob", ciphertext)
}

func createSM2Key(more ...string) url.Values {
	return form("CreateKey", append([]string{"KeySpec", "EC_SM2", "KeyUsage", "ENCRYPT/DECRYPT"}, more...)...)
}

var someDigest = base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))

// expect wants an answer of a status and code; 200 has none.
func (s *situation) expect(status int, code string, got testAnswer) testAnswer {
	s.t.Helper()
	if got.status != status || got.code() != code {
		s.t.Fatalf("got %d %s, want %d %s: %s", got.status, got.code(), status, code, got.body)
	}
	return got
}

// byHost sends a call to the host of a gateway.
func (s *situation) byHost(name string, params url.Values) testAnswer {
	s.t.Helper()
	a, err := s.attempt(params, toHost(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// lost sends a call that gets no answer.
func (s *situation) lost(params url.Values) {
	s.t.Helper()
	if a, err := s.attempt(params); err == nil {
		s.t.Fatalf("answered: %d %s", a.status, a.body)
	}
}

func (s *situation) advance(by string) {
	s.t.Helper()
	s.must("POST", "clock/advance", `{"by": "`+by+`"}`)
}

// requestsOf are the entries of the journal that a query finds.
func (s *situation) requestsOf(query string) []Call {
	s.t.Helper()
	var shown shownRequests
	if err := json.Unmarshal([]byte(s.must("GET", "requests?"+query, "").body), &shown); err != nil {
		s.t.Fatal(err)
	}
	if shown.Count != len(shown.Requests) || shown.Dropped != 0 {
		s.t.Fatalf("%s: count %d of %d requests, %d dropped", query, shown.Count, len(shown.Requests), shown.Dropped)
	}
	return shown.Requests
}

// expectCount wants how many requests of the journal a query finds.
func (s *situation) expectCount(query string, want int) {
	s.t.Helper()
	if got := len(s.requestsOf(query)); got != want {
		s.t.Errorf("requests?%s finds %d, want %d", query, got, want)
	}
}

// text is a text of an answer; "": there is none.
func (a testAnswer) text(path string) string {
	value, _ := a.field(path).(string)
	return value
}

var situations = map[string]func(*situation){
	"keys.yaml":                keysSituation,
	"sm2-versions.yaml":        sm2VersionsSituation,
	"first-throttled.yaml":     firstThrottledSituation,
	"every-third-fails.yaml":   everyThirdFailsSituation,
	"cold-start.yaml":          coldStartSituation,
	"slow-for-one-caller.yaml": slowForOneCallerSituation,
	"lost-answer.yaml":         lostAnswerSituation,
	"shared-gateway.yaml":      sharedGatewaySituation,
	"frozen-clock.yaml":        frozenClockSituation,
	"pending-deletion.yaml":    pendingDeletionSituation,
	"callers.yaml":             callersSituation,
	"instance.yaml":            instanceSituation,
	"parallel-suites.yaml":     parallelSuitesSituation,
	"flaky.yaml":               flakySituation,
	"outage.yaml":              outageSituation,
	"goes-down.yaml":           goesDownSituation,
	"cut-answers.yaml":         cutAnswersSituation,
	"own-error.yaml":           ownErrorSituation,
	"public-instance.yaml":     publicInstanceSituation,
	"imported-key.yaml":        importedKeySituation,
	"rotation.yaml":            rotationSituation,
	"other-account.yaml":       otherAccountSituation,
	"secrets-at-start.yaml":    secretsAtStartSituation,
	"secret-rotated.yaml":      secretRotatedSituation,
	"secret-deleted.yaml":      secretDeletedSituation,
	"secret-callers.yaml":      secretCallersSituation,
}

func TestExamplesAreAsTheySay(t *testing.T) {
	for _, name := range exampleFiles(t) {
		if name == builtInExample {
			continue
		}
		t.Run(name, func(t *testing.T) {
			show, ok := situations[name]
			if !ok {
				t.Fatal("no test runs this example: write its situation here")
			}
			show(newSituation(t, name))
		})
	}
	for name := range situations {
		if _, err := os.Stat(filepath.Join(examplesFolder, name)); err != nil {
			t.Errorf("a situation without its example: %v", err)
		}
	}
}

// What editors need stands first, then what people need.
func TestExamplesBeginWithSchemaAndComment(t *testing.T) {
	for _, name := range exampleFiles(t) {
		text, err := os.ReadFile(filepath.Join(examplesFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# yaml-language-server: $schema=schema.json\n# ") {
			t.Errorf("%s does not begin with the line of the schema and a comment", name)
		}
	}
}

func keysSituation(s *situation) {
	private := paymentsKey(s.t)
	ciphertext, _ := base64.StdEncoding.DecodeString(s.expect(200, "", s.call("", encryptPayment())).text("CiphertextBlob"))
	if plaintext, err := rsa.DecryptOAEP(sha256.New(), nil, private, ciphertext, nil); err != nil || string(plaintext) != "Hello" {
		s.t.Errorf("payments.pem opens %q, %v", plaintext, err)
	}
	ciphertext, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &private.PublicKey, []byte("Hello"), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	a := s.expect(200, "", s.call("", decryptPayment(base64.StdEncoding.EncodeToString(ciphertext))))
	if a.text("Plaintext") != "SGVsbG8=" || a.text("KeyId") != "key-hzz630494463ejqjx0001" {
		s.t.Errorf("answered %s", a.body)
	}
}

// paymentsKey reads payments.pem with Go's library alone.
func paymentsKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesFolder, "payments.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("payments.pem holds no PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func sm2VersionsSituation(s *situation) {
	const older, newer = "2ab1a983-7072-4bbc-a582-584b5bd80002", "2ab1a983-7072-4bbc-a582-584b5bd80003"
	listed, _ := s.mustDo("ListKeyVersions", "KeyId", "key-hzz630494463ejqjx0002").field("KeyVersions.KeyVersion").([]any)
	if len(listed) != 2 {
		s.t.Fatalf("versions %v, want two", listed)
	}
	oldest := testAnswer{object: listed[1].(map[string]any)}
	if past := s.clock.now().AddDate(0, 0, -30).UTC().Format(time.RFC3339); oldest.text("KeyVersionId") != older || oldest.text("CreationDate") != past {
		s.t.Errorf("the oldest is %v, want %s of %s", listed[1], older, past)
	}
	sm2 := func(action, version, name, value string) testAnswer {
		return s.do(action, "KeyId", "key-hzz630494463ejqjx0002", "KeyVersionId", version, "Algorithm", "SM2PKE", name, value)
	}
	ciphertext := s.expect(200, "", sm2("AsymmetricEncrypt", older, "Plaintext", "SGVsbG8=")).text("CiphertextBlob")
	s.expect(400, "InvalidParameter", sm2("AsymmetricDecrypt", newer, "CiphertextBlob", ciphertext))
	if a := s.expect(200, "", sm2("AsymmetricDecrypt", older, "CiphertextBlob", ciphertext)); a.text("Plaintext") != "SGVsbG8=" {
		s.t.Errorf("decrypted %s", a.body)
	}
}

func firstThrottledSituation(s *situation) {
	s.mustDo("ListKeys")
	refused := s.expect(429, "Rejected.Throttling", s.call("", encryptPayment()))
	if got := refused.header; got.Get("x-acs-retry-after") != "500" || got.Get("x-alikms-fault") != "first-throttled" {
		s.t.Errorf("headers %v", got)
	}
	s.expect(200, "", s.call("", encryptPayment()))
	s.expect(200, "", s.call("", encryptPayment()))
	calls := s.requestsOf("operation=AsymmetricEncrypt")
	if len(calls) != 3 || calls[0].Status != 429 || calls[0].Code != "Rejected.Throttling" || calls[1].Status != 200 {
		s.t.Errorf("journal %+v", calls)
	}
}

func everyThirdFailsSituation(s *situation) {
	ciphertext := s.expect(200, "", s.call("", encryptPayment())).text("CiphertextBlob")
	for i := range 9 {
		a := s.call("", decryptPayment(ciphertext))
		if i%3 == 2 {
			s.expect(500, "InternalFailure", a)
		} else if s.expect(200, "", a).text("Plaintext") != "SGVsbG8=" {
			s.t.Errorf("decrypted %s", a.body)
		}
	}
	s.expectStatus("faults/every-third", "calls=9", "hits=3", "spent=false")
}

func coldStartSituation(s *situation) {
	s.expect(503, "ServiceUnavailableTemporary", s.call("", encryptPayment()))
	s.advance("1s")
	s.expect(503, "ServiceUnavailableTemporary", s.do("DescribeRegions"))
	s.moved.Add(int64(time.Second)) // the clock runs: real time counts too
	s.expect(200, "", s.call("", encryptPayment()))
	s.expectCount("fault=cold-start", 2)
	s.expectCount("", 3)
}

func slowForOneCallerSituation(s *situation) {
	s.expect(200, "", s.call("", encryptPayment("AccessKeyId", "app-b")))
	s.expect(200, "", s.call("", encryptPayment()))
	s.mustDo("ListKeys", "AccessKeyId", "app-a")
	s.expect(200, "", s.call("", encryptPayment("AccessKeyId", "app-a")))
	slow := s.requestsOf("fault=slow-for-a")
	if len(slow) != 1 || slow[0].AccessKeyID != "app-a" || slow[0].Operation != "AsymmetricEncrypt" || slow[0].Milliseconds < 300 {
		s.t.Errorf("slow are %+v, want one of app-a, with 300 ms", slow)
	}
}

func lostAnswerSituation(s *situation) {
	s.lost(createSM2Key("AccessKeyId", "app", "SignatureNonce", "1"))
	s.lost(createSM2Key("AccessKeyId", "app", "SignatureNonce", "1")) // by a library below the SDK: the same call
	made := s.expect(200, "", s.call("", createSM2Key("AccessKeyId", "app", "SignatureNonce", "2")))
	s.mustDo("CreateAlias", "AliasName", "alias/made", "KeyId", made.text("KeyMetadata.KeyId"))
	if listed := s.mustDo("ListKeys"); listed.field("TotalCount") != 3.0 {
		s.t.Errorf("keys: %s, want that of keys.yaml, the one that was lost, and the retry's", listed.body)
	}
	calls := s.requestsOf("operation=CreateKey")
	if len(calls) != 3 || calls[0].Status != 0 || calls[0].Replaced == nil || *calls[0].Replaced != (Replaced{Status: 200}) || !calls[1].Resend || calls[2].Status != 200 {
		s.t.Errorf("journal %+v", calls)
	}
	s.expectCount("operation=CreateAlias", 1)
	s.expectStatus("faults/lost-answer", "calls=1", "hits=1", "spent=true")
}

func sharedGatewaySituation(s *situation) {
	for range 200 {
		s.expect(200, "", s.call("", encryptPayment()))
	}
	s.expectStatus("quotas/shared-gateway", "passed=200", "refused=0")
	refused := s.expect(429, "Rejected.Throttling", s.call("", encryptPayment()))
	if got := refused.header.Get("x-alikms-quota"); got != "shared-gateway" {
		s.t.Errorf("x-alikms-quota is %q", got)
	}
	s.mustDo("ListKeys")
	s.moved.Add(int64(time.Second))
	s.expect(200, "", s.call("", encryptPayment()))
	s.expectStatus("quotas/shared-gateway", "groups.asymmetric.passed=201", "groups.asymmetric.refused=1", "groups.read.passed=1")
}

func frozenClockSituation(s *situation) {
	for range 2 {
		for range 5 {
			s.expect(200, "", s.call("", encryptPayment()))
		}
		s.moved.Add(int64(time.Minute)) // the clock stands
		refused := s.expect(429, "Rejected.Throttling", s.call("", encryptPayment()))
		if refused.text("Message") != "QPS Limit Exceeded" {
			s.t.Errorf("answered %s", refused.body)
		}
		s.advance("1s")
	}
	s.expectCount("quota=encryptions", 2)
	s.expectStatus("quotas/encryptions", "passed=10", "refused=2")
}

func pendingDeletionSituation(s *situation) {
	const key = "key-hzz630494463ejqjx0003"
	if a := s.mustDo("DescribeKey", "KeyId", key); a.text("KeyMetadata.KeyState") != "PendingDeletion" {
		s.t.Errorf("described %s", a.body)
	}
	encryption := encryptPayment("KeyId", key, "KeyVersionId", fixtures.DerivedVersionID(key, 1), "Algorithm", "SM2PKE")
	s.expect(409, "Rejected.PendingDeletion", s.call("", encryption))
	s.advance("8d")
	s.expect(404, "Forbidden.KeyNotFound", s.do("DescribeKey", "KeyId", key))
	s.expect(200, "", s.call("", encryptPayment()))
}

func callersSituation(s *situation) {
	s.expect(200, "", s.call("app", encryptPayment()))
	s.expect(200, "", s.call("app", encryptPayment("KeyId", "key-hzz630494463ejqjx0001")))
	s.expect(403, "Forbidden.NoPermission", s.call("app", form("DescribeKey", "KeyId", "alias/payments")))
	s.expect(403, "Forbidden.NoPermission", s.call("app", createSM2Key()))
	s.expect(400, "DryRunOperationError", s.call("app", encryptPayment("DryRun", "true")))
	s.expect(400, "ValidationError", s.call("app", encryptPayment("DryRun", "true", "Algorithm", "RSA")))
	s.expect(403, "AccessDeniedError", s.call("intruder", encryptPayment("DryRun", "true")))
	s.expect(403, "Forbidden.NoPermission", s.call("intruder", encryptPayment()))
	s.expect(404, "InvalidAccessKeyId.NotFound", s.call("stranger", encryptPayment()))
	s.expect(400, "MissingAccessKeyId", s.call("", encryptPayment()))
}

func instanceSituation(s *situation) {
	const instance, key = "kst-hzz65f176a0ogplgq0001", "key-hzz630494463ejqjx0004"
	call := func(action string, more ...string) url.Values {
		return form(action, append(more, "KeyId", key, "KeyVersionId", fixtures.DerivedVersionID(key, 1), "Algorithm", "RSA_PSS_SHA_256", "Digest", someDigest)...)
	}
	signature := s.expect(200, "", s.byHost(instance+".localhost", call("AsymmetricSign"))).text("Value")
	for range 199 {
		a := s.expect(200, "", s.byHost(instance+".localhost", call("AsymmetricVerify", "Value", signature)))
		if a.field("Value") != true {
			s.t.Fatalf("verified: %s", a.body)
		}
	}
	s.expect(429, "Rejected.Throttling", s.byHost(instance+".localhost", call("AsymmetricSign")))
	s.expectStatus("quotas/instance-1000", "passed=200", "refused=1")
	s.moved.Add(int64(time.Second))
	s.expect(404, "Forbidden.KeyNotFound", s.byHost(instance+".localhost", encryptPayment())) // a key of no instance
	s.expect(400, "UnsupportedOperation", s.call("", call("AsymmetricSign")))
	if a := s.mustDo("DescribeKey", "KeyId", key); a.text("KeyMetadata.DKMSInstanceId") != instance {
		s.t.Errorf("described %s", a.body)
	}
	s.expectCount("gateway="+instance, 202)
	s.expectCount("gateway=shared", 2)
}

func parallelSuitesSituation(s *situation) {
	s.expect(503, "ServiceUnavailableTemporary", s.call("", encryptPayment("AccessKeyId", "suite-a")))
	s.expect(200, "", s.call("", encryptPayment("AccessKeyId", "suite-c")))
	slow := make(chan error, 1)
	go func() {
		_, err := s.attempt(encryptPayment("AccessKeyId", "suite-b"))
		slow <- err
	}()
	until(s.t, "the call of suite-b meets its rule", func() bool { return s.must("GET", "faults/b-slow", "").field("status.hits") == 1.0 })
	s.must("DELETE", "faults/b-slow", "") // ends the delay
	if err := <-slow; err != nil {
		s.t.Error(err)
	}
	if calls := s.requestsOf("accessKeyId=suite-b"); len(calls) != 1 || calls[0].Status != 200 || calls[0].Fault != "b-slow" {
		s.t.Errorf("journal of suite-b %+v", calls)
	}
	s.must("PUT", "faults/c-reset", `{match: {accessKeyId: suite-c, operation: CreateKey}, script: [{connection: reset}]}`)
	s.lost(createSM2Key("AccessKeyId", "suite-c"))
	s.expectCount("accessKeyId=suite-c&fault=c-reset", 1)
	if removed := s.must("DELETE", "faults/c-reset", ""); removed.text("name") != "c-reset" {
		s.t.Errorf("removed %s", removed.body)
	}
	s.expect(200, "", s.call("", createSM2Key("AccessKeyId", "suite-c")))
}
