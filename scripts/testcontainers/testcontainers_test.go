// Package testcontainers tries what emulator/README.md says of Testcontainers for Go. It
// needs a Docker engine that has the image alikms; scripts/container runs it.
package testcontainers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	imageName = "alikms"
	scenario  = "keys: [{keyId: key-hzz630494463ejqjx0001, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/mine]}]\n"
)

// start starts a container and gives its endpoint, host:port, as an SDK wants it.
func start(t *testing.T, with testcontainers.ContainerRequest) string {
	t.Helper()
	with.Image = imageName
	with.ExposedPorts = []string{"8080/tcp", "8443/tcp"}
	if with.WaitingFor == nil {
		with.WaitingFor = wait.ForHTTP("/healthz").WithPort("8080/tcp")
	}
	alikms, err := testcontainers.GenericContainer(t.Context(), testcontainers.GenericContainerRequest{ContainerRequest: with, Started: true})
	testcontainers.CleanupContainer(t, alikms)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := alikms.PortEndpoint(t.Context(), "8080/tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// describe is the key that the service answers to DescribeKey.
func describe(t *testing.T, endpoint, alias string) (key struct{ KeyId, KeySpec string }) {
	t.Helper()
	r, err := http.PostForm("http://"+endpoint, url.Values{"Action": {"DescribeKey"}, "KeyId": {alias}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		KeyMetadata struct{ KeyId, KeySpec string }
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r.Status, err)
	}
	return answer.KeyMetadata
}

func TestAContainerAnswersAtItsPublishedPort(t *testing.T) {
	endpoint := start(t, testcontainers.ContainerRequest{})
	if key := describe(t, endpoint, "alias/demo-rsa-2048"); key.KeySpec != "RSA_2048" {
		t.Errorf("%+v", key)
	}
}

func TestAContainerTakesAScenario(t *testing.T) {
	endpoint := start(t, testcontainers.ContainerRequest{
		Files: []testcontainers.ContainerFile{{Reader: strings.NewReader(scenario), ContainerFilePath: "/keys.yaml", FileMode: 0o444}},
		Env:   map[string]string{"ALIKMS_FIXTURE": "/keys.yaml"},
	})
	if key := describe(t, endpoint, "alias/mine"); key.KeyId != "key-hzz630494463ejqjx0001" {
		t.Errorf("%+v", key)
	}
}

// TestAContainerIsWaitedForByItsHealthCheck has flags go against the image's
// variables.
func TestAContainerIsWaitedForByItsHealthCheck(t *testing.T) {
	endpoint := start(t, testcontainers.ContainerRequest{Cmd: []string{"--ephemeral", "--log-level", "debug"}, WaitingFor: wait.ForHealthCheck()})
	if key := describe(t, endpoint, "alias/demo-sm2"); key.KeySpec != "EC_SM2" {
		t.Errorf("%+v", key)
	}
}

// TestMain keeps away the reaper, which is an image of its own: each test removes
// its container.
func TestMain(m *testing.M) {
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	os.Exit(m.Run())
}
