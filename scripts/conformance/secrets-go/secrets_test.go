// Package secrets has the vendor's cache client for secrets, unmodified, read and
// refresh them from alikms, and meet what the service does when it is not well.
package secrets

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/cache"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/models"
	"github.com/aliyun/aliyun-secretsmanager-client-go/sdk/service"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

func TestMain(m *testing.M) { alikms.Main(m) }

const cacheClient = alikms.Client("github.com/aliyun/aliyun-secretsmanager-client-go")

const (
	name     = "app/db"
	first    = "p@ss & <wörd>; 测试消息"
	scenario = `
credentials: [{accessKeyId: testid, accessKeySecret: testsecret}]
`
)

// running is an alikms with the secret, and a file cache of clients.
type running struct {
	*alikms.Process
	t     *testing.T
	cache string
}

func start(t *testing.T) running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	r := running{alikms.Start(t, "--fixture", file), t, t.TempDir()}
	t.Cleanup(func() {
		if err := cacheClient.Journal(r.control("GET", "requests", "")); err != nil {
			t.Error(err)
		}
	})
	r.change("CreateSecret", "v1", first)
	return r
}

func (r running) control(method, path, body string) []byte {
	r.t.Helper()
	return alikms.Control(r.t, r.Endpoint, method, path, body)
}

// connect makes a client as an application does, with a file cache that it reads
// when it starts. Waits between attempts are of milliseconds. The client speaks
// HTTPS, whose certificate it does not check.
func (r running) connect() *sdk.SecretManagerCacheClient {
	r.t.Helper()
	return r.connectWith(cache.NewFileCacheSecretStoreStrategy(r.cache, true, "salt"), time.Hour)
}

func (r running) connectWith(store cache.SecretCacheStoreStrategy, ttl time.Duration) *sdk.SecretManagerCacheClient {
	r.t.Helper()
	kms := service.NewDefaultSecretManagerClientBuilder().Standard().
		WithAccessKey("testid", "testsecret").
		AddRegionInfo(models.NewRegionInfoWithEndpoint("cn-hangzhou", r.Secure)).
		WithBackoffStrategy(service.NewFullJitterBackoffStrategy(3, 1, 10)).
		Build()
	builder := sdk.NewSecretCacheClientBuilder(kms).WithLogger(silent{}).WithCacheSecretStrategy(store)
	if ttl < time.Hour { // which is the client's own; one that is said makes it read at once
		builder = builder.WithSecretTTL(name, ttl.Milliseconds())
	}
	client, err := builder.Build()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { client.Close() })
	return client
}

func (r running) mustRead(client *sdk.SecretManagerCacheClient, version, value string) {
	r.t.Helper()
	got, err := client.GetSecretInfo(name)
	if err != nil {
		r.t.Fatal(err)
	}
	if got.VersionId != version || got.SecretValue != value || got.SecretDataType != "text" {
		r.t.Errorf("got %+v, want %s of %s", got, value, version)
	}
}

// codes are those of the calls so far, which have to be signed rightly; "" is an
// answer.
func (r running) codes() (codes []string) {
	r.t.Helper()
	var journal struct {
		Requests []struct {
			Operation, Code string
			Verified        bool
		}
	}
	if err := json.Unmarshal(r.control("GET", "requests", ""), &journal); err != nil {
		r.t.Fatal(err)
	}
	for _, request := range journal.Requests {
		if request.Operation != "GetSecretValue" || !request.Verified {
			r.t.Errorf("%+v", request)
		}
		codes = append(codes, request.Code)
	}
	return codes
}

func (r running) mustHaveCodes(want ...string) {
	r.t.Helper()
	if got := r.codes(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		r.t.Errorf("codes of the calls: %q, want %q", got, want)
	}
}

// change does what an operator does; the client only reads.
func (r running) change(operation, version, value string) {
	r.t.Helper()
	body, _ := json.Marshal(map[string]any{"operation": operation, "accessKeyId": "testid",
		"parameters": map[string]string{"SecretName": name, "VersionId": version, "SecretData": value}})
	var answer struct{ Status int }
	if err := json.Unmarshal(r.control("POST", "try", string(body)), &answer); err != nil || answer.Status != 200 {
		r.t.Fatal(answer, err)
	}
	r.control("DELETE", "requests?operation="+operation, "")
}

func TestItReadsOnceAndThenFromItsCache(t *testing.T) {
	r := start(t)
	client := r.connect()
	for range 3 {
		r.mustRead(client, "v1", first)
	}
	r.mustHaveCodes("")
}

func TestItRefreshesWhenToldTo(t *testing.T) {
	r := start(t)
	client := r.connect()
	r.mustRead(client, "v1", first)
	r.change("PutSecretValue", "v2", "second")
	r.mustRead(client, "v1", first)
	if ok, err := client.RefreshNow(name); !ok || err != nil {
		t.Fatal(ok, err)
	}
	r.mustRead(client, "v2", "second")
	r.mustHaveCodes("", "")
}

// In memory: two refreshes at once would remove each other's file.
func TestItRefreshesByItself(t *testing.T) {
	r := start(t)
	client := r.connectWith(cache.NewMemoryCacheSecretStoreStrategy(), 20*time.Millisecond)
	r.change("PutSecretValue", "v2", "second")
	for limit := time.Now().Add(30 * time.Second); ; {
		got, err := client.GetSecretInfo(name)
		if err != nil {
			t.Fatal(err)
		}
		if got.VersionId == "v2" {
			return
		}
		if time.Now().After(limit) {
			t.Fatal("it still has the first version")
		}
	}
}

func TestItSurvivesWhatTheServiceDoes(t *testing.T) {
	for what, c := range map[string]struct {
		script string
		codes  []string
	}{
		"a throttle": {"[{error: Rejected.Throttling, times: 2}]", []string{"Rejected.Throttling", "Rejected.Throttling", ""}},
		"an outage":  {"[{error: ServiceUnavailableTemporary}, {error: InternalFailure}]", []string{"ServiceUnavailableTemporary", "InternalFailure", ""}},
	} {
		t.Run(what, func(t *testing.T) {
			r := start(t)
			r.control("PUT", "faults/unwell", "{match: {operation: GetSecretValue}, script: "+c.script+"}")
			r.mustRead(r.connect(), "v1", first)
			r.mustHaveCodes(c.codes...)
		})
	}
}

// The client makes no second attempt after a reset connection: it keeps what it has
// until the next refresh.
func TestItKeepsItsValueOverAResetConnection(t *testing.T) {
	r := start(t)
	client := r.connect()
	r.mustRead(client, "v1", first)
	r.change("PutSecretValue", "v2", "second")
	r.control("PUT", "faults/reset", "{match: {operation: GetSecretValue}, script: [{connection: reset, times: 2}]}")
	for range 2 {
		if ok, err := client.RefreshNow(name); ok || err == nil {
			t.Fatal("it refreshed over a reset connection")
		}
		r.mustRead(client, "v1", first)
	}
	if ok, err := client.RefreshNow(name); !ok || err != nil {
		t.Fatal(ok, err)
	}
	r.mustRead(client, "v2", "second")
}

func TestItFallsBackToItsFileWhenTheServiceIsOut(t *testing.T) {
	r := start(t)
	r.mustRead(r.connect(), "v1", first)
	r.control("PUT", "faults/out", "{match: {operation: GetSecretValue}, error: ServiceUnavailableTemporary}")
	r.change("PutSecretValue", "v2", "second")
	r.mustRead(r.connect(), "v1", first) // a new process of the application
	r.mustHaveCodes("")
	other := r
	other.cache = t.TempDir()
	if got, err := other.connect().GetSecretInfo(name); err == nil {
		t.Errorf("without a file it got %+v", got)
	}
}

// silent is a log that nobody reads.
type silent struct{}

func (silent) Tracef(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Flush()                {}
