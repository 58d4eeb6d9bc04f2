package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/alikms/alikms/fixtures"
)

// What the container does is tested without an engine: in a root of its own
// that holds what the image holds, with the environment of the Dockerfile.

// container is such a root.
type container struct {
	root    string
	uid     uint32
	environ []string
}

func newContainer(t *testing.T, uid uint32) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can enter another root as another user")
	}
	c := &container{root: t.TempDir(), uid: uid, environ: environOfImage(t)}
	if err := os.Chmod(filepath.Dir(c.root), 0o755); err != nil { // of the test's folder, for uid to pass
		t.Fatal(err)
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(c.root, "data")
	err = errors.Join(
		os.WriteFile(filepath.Join(c.root, "alikms"), program, 0o755),
		os.Mkdir(data, 0o700),
		os.Chmod(data, 0o777|fs.ModeSticky), // as the Dockerfile does
		os.Chmod(c.root, 0o555),
	)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// command runs the image's entry point. Later settings win.
func (c *container) command(settings []string, args ...string) *exec.Cmd {
	cmd := exec.Command("/alikms", args...)
	cmd.Dir = "/"
	cmd.Env = append(slices.Clone(c.environ), settings...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: c.uid, Gid: c.uid}}
	return cmd
}

// environOfImage is what the Dockerfile sets.
func environOfImage(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, image, _ := strings.Cut(string(text), "\nFROM scratch\n")
	found := regexp.MustCompile(`(?m)^ENV (.*)$`).FindStringSubmatch(image)
	if found == nil {
		t.Fatal("the Dockerfile sets no ALIKMS_…")
	}
	return strings.Fields(found[1])
}

func TestTheImageWorksForAnyUser(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for _, uid := range []uint32{65532, 1234, 0} {
		t.Run(fmt.Sprint(uid), func(t *testing.T) {
			c := newContainer(t, uid)
			free := []string{"ALIKMS_LISTEN=127.0.0.1:0", "ALIKMS_LISTEN_TLS=127.0.0.1:0"}
			first := startCommand(t, c.command(free))
			_, body, err := first.call("CreateKey", "KeySpec", "EC_SM2")
			if err != nil || body["KeyMetadata"] == nil {
				t.Fatal(body, err)
			}
			id := body["KeyMetadata"].(map[string]any)["KeyId"].(string)
			trusted := trusting(t, first)
			answersOverHTTPS(t, trusted, first)

			if out, err := c.command(nil, "health").CombinedOutput(); err != nil || string(out) != "healthy\n" {
				t.Errorf("health: %v %s", err, out)
			}
			if out, err := c.command(nil, "wait").CombinedOutput(); err != nil || string(out) != "healthy\n" {
				t.Errorf("wait: %v %s", err, out)
			}
			first.stop()
			if out, err := c.command(nil, "health").CombinedOutput(); err == nil || strings.Count(string(out), "\n") != 1 {
				t.Errorf("health when stopped: %v %s", err, out)
			}

			second := startCommand(t, c.command(free))
			if status, body, err := second.call("DescribeKey", "KeyId", id); status != 200 {
				t.Errorf("the key is lost: %v %v", body, err)
			}
			answersOverHTTPS(t, trusted, second) // the CA is the same
			second.stop()
		})
	}
}

// trusting is a client that trusts the CA of a running alikms, as an application
// does that fetches it.
func trusting(t testing.TB, p *process) *http.Client {
	t.Helper()
	r, err := http.Get(p.url + "/_emulator/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	pem, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate: %s", pem)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func answersOverHTTPS(t testing.TB, client *http.Client, p *process) {
	t.Helper()
	r, err := client.PostForm(p.secure, url.Values{"Action": {"ListKeys"}})
	if err != nil {
		t.Error(err)
		return
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Error(r.Status)
	}
}

// TestTheImageTakesFlags: the variables of the image are for a start without
// any; its health check has to find what the flags say.
func TestTheImageTakesFlags(t *testing.T) {
	c := newContainer(t, 1234)
	p := startCommand(t, c.command(nil, "--ephemeral", "--listen", "127.0.0.1:0", "--listen-tls="))
	if !strings.HasSuffix(p.stdout[0], "data: nothing kept") {
		t.Error(p.stdout[0])
	}
	if out, err := c.command(nil, "health").CombinedOutput(); err != nil || string(out) != "healthy\n" {
		t.Errorf("health: %v %s", err, out)
	}
	p.stop()
	if left, err := os.ReadDir(filepath.Join(c.root, "data")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestTheImageCanBeEphemeralByVariables(t *testing.T) {
	c := newContainer(t, 65532)
	p := startCommand(t, c.command([]string{"ALIKMS_DATA=", "ALIKMS_EPHEMERAL=true", "ALIKMS_LISTEN=127.0.0.1:0", "ALIKMS_LISTEN_TLS="}))
	p.stop()
}

// TestADataFolderOfAnotherIsOneLine that says who, whose and what to do.
func TestADataFolderOfAnotherIsOneLine(t *testing.T) {
	c := newContainer(t, 65532)
	if err := os.Chmod(filepath.Join(c.root, "data"), 0o555); err != nil {
		t.Fatal(err)
	}
	out, err := c.command([]string{"ALIKMS_LISTEN=127.0.0.1:0", "ALIKMS_LISTEN_TLS=127.0.0.1:0"}).CombinedOutput()
	for _, part := range []string{"alikms runs as uid 65532, and /data belongs to uid 0 with mode 0555", "chown -R 65532 /data", "--user 0"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%s\nhas not %s", out, part)
		}
	}
	if err == nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v %s", err, out)
	}
	out, err = c.command(nil, "--ephemeral").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "set TMPDIR to a folder that uid 65532 may write to") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v %s", err, out)
	}
}

func TestTheImageIsSmallAndBuiltAsTested(t *testing.T) {
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= 20_000_000 {
		t.Errorf("%d bytes: the image has to stay under 20 MB", info.Size())
	}
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `go build -trimpath -ldflags="-s -w -X main.version=$VERSION -X main.revision=$REVISION" -o /image/alikms .`) || !strings.Contains(string(text), "CGO_ENABLED=0") {
		t.Error("the image is built otherwise than what is tested here")
	}
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	// The image of an older Go refuses the module, and fetches no newer Go.
	if version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module); !strings.Contains(string(text), "golang:"+string(version[1])+" ") {
		t.Errorf("go.mod is for Go %s, the Dockerfile is not", version[1])
	}
}

// compose is what docker-compose.yml says, as far as this repository has to keep
// it true.
type compose struct {
	Services map[string]struct {
		Image       string
		Profiles    []string
		Build       any
		ReadOnly    bool `yaml:"read_only"`
		Environment map[string]string
		SecurityOpt []string `yaml:"security_opt"`
		Volumes     []string
		Ports       []string
		Networks    map[string]struct{ Aliases []string }
		Healthcheck struct{ Test []string }
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
	Volumes map[string]any
}

func readCompose(t *testing.T) (c compose) {
	t.Helper()
	text, err := os.ReadFile("docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComposeConfiguresAlikms(t *testing.T) {
	c := readCompose(t)
	service := c.Services["alikms"]
	known := append(knownSettings(newParser(io.Discard, io.Discard)), "TMPDIR")
	environ := slices.Collect(maps.Keys(service.Environment))
	for _, setting := range environOfImage(t) {
		name, _, _ := strings.Cut(setting, "=")
		environ = append(environ, name)
	}
	for _, name := range environ {
		if !slices.Contains(known, name) {
			t.Errorf("%s is no setting", name)
		}
	}
	for _, port := range []string{service.Environment["ALIKMS_LISTEN"], service.Environment["ALIKMS_LISTEN_TLS"]} {
		if !slices.ContainsFunc(service.Ports, func(published string) bool {
			return strings.HasPrefix(published, "127.0.0.1:${KMS_") && strings.HasSuffix(published, "}"+port)
		}) {
			t.Errorf("port %s is not published on loopback: %v", port, service.Ports)
		}
	}
	if service.Environment["ALIKMS_LISTEN"] != ":80" || service.Environment["ALIKMS_LISTEN_TLS"] != ":443" {
		t.Error("an unmodified application looks for KMS at 80 and 443")
	}
	if !slices.Equal(service.SecurityOpt, []string{"no-new-privileges:true"}) {
		t.Errorf("security_opt %v", service.SecurityOpt)
	}
	if !service.ReadOnly || !slices.Equal(service.Healthcheck.Test, []string{"CMD", "/alikms", "health"}) {
		t.Errorf("read_only %v, healthcheck %v", service.ReadOnly, service.Healthcheck.Test)
	}
}

func TestComposeMountsAValidScenario(t *testing.T) {
	c := readCompose(t)
	service := c.Services["alikms"]
	mounts := map[string]string{} // in the container -> here
	for _, volume := range service.Volumes {
		source, target, _ := strings.Cut(volume, ":")
		if strings.HasPrefix(source, ".") {
			path, readOnly := strings.CutSuffix(target, ":ro")
			if !readOnly {
				t.Errorf("%s is mounted to be written", source)
			}
			mounts[path] = source
		} else if _, declared := c.Volumes[source]; !declared || target != "/data" {
			t.Errorf("volume %s at %s", source, target)
		}
	}
	source := mounts[service.Environment["ALIKMS_FIXTURE"]]
	if code, _, log := command("validate", source); code != 0 {
		t.Errorf("%q: %s", source, log)
	}
	document, problems := fixtures.Load(source)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, instance := range document.Instances {
		if host := instance.InstanceID + ".cryptoservice.kms.aliyuncs.com"; !slices.Contains(service.Networks["default"].Aliases, host) {
			t.Errorf("%s is no alias", host)
		}
	}
}

func TestComposeAliasesHaveCertificates(t *testing.T) {
	names := append(readCompose(t).Services["alikms"].Networks["default"].Aliases, "alikms")
	if !slices.Contains(names, "kms.cn-hangzhou.aliyuncs.com") {
		t.Error("the region's host is no alias")
	}
	p := start(t, "--ephemeral")
	client := trusting(t, p)
	for _, name := range names {
		config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
		config.ServerName = name
		conn, err := tls.Dial("tcp", strings.TrimPrefix(p.secure, "https://"), config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
}

func TestComposeSmokeIsGated(t *testing.T) {
	c := readCompose(t)
	smoke := c.Services["smoke"]
	if !slices.Equal(smoke.Profiles, []string{"smoke"}) || smoke.DependsOn["alikms"].Condition != "service_healthy" {
		t.Errorf("profiles %v, depends on %v", smoke.Profiles, smoke.DependsOn)
	}
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	target, _ := smoke.Build.(map[string]any)["target"].(string)
	if !strings.Contains(string(text), "FROM scratch AS "+target+"\n") {
		t.Errorf("the Dockerfile has no stage %q", target)
	}
}

// TestTheBuildIsGivenWhatItNeedsAndNoKeys is about .dockerignore.
func TestTheBuildIsGivenWhatItNeedsAndNoKeys(t *testing.T) {
	ignored := readDockerignore(t)
	out, err := exec.Command("go", "list", "-deps", "-f",
		`{{$p := .}}{{if not .Standard}}{{if .Module.Main}}{{range .GoFiles}}{{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`,
		".", "./scripts/smoke").Output()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(strings.Fields(string(out)), "go.mod", "go.sum") {
		if path = strings.TrimPrefix(path, here+"/"); ignored(path) {
			t.Errorf("%s is needed and left out", path)
		}
	}
	for _, path := range []string{".git/config", ".env", "alikms-data/alikms.db", "alikms-data/ca-key.pem", "ca-key.pem", "scenario.yaml", "export.json",
		"emulator/export.yaml", "store/alikms-data/ca-key.pem", "fixtures/payments.pem", "fixtures/testdata/rsa.pem", "scripts/smoke/scenario.yaml",
		"main_test.go", "scripts/conformance/go/go.mod", "alikms", "id_rsa.key"} {
		if !ignored(path) {
			t.Errorf("%s is let in", path)
		}
	}
}

// readDockerignore says of a path whether the build is not given it: the last
// line decides that matches it or a folder above.
func readDockerignore(t *testing.T) (ignored func(path string) bool) {
	t.Helper()
	text, err := os.ReadFile(".dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	wildcards := strings.NewReplacer(`\*\*/`, `(.*/)?`, `\*`, `[^/]*`)
	return func(path string) (out bool) {
		for line := range strings.Lines(string(text)) {
			pattern, let := strings.CutPrefix(strings.TrimSpace(line), "!")
			if pattern == "" || strings.HasPrefix(pattern, "#") {
				continue
			}
			if regexp.MustCompile("^" + wildcards.Replace(regexp.QuoteMeta(pattern)) + "(/|$)").MatchString(path) {
				out = !let
			}
		}
		return out
	}
}
