package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// watched is a folder with a scenario that is watched, without the time between
// looks.
type watched struct {
	*watcher
	t      *testing.T
	folder string
	logged strings.Builder
}

func watch(t *testing.T, files map[string]string, paths ...string) *watched {
	t.Helper()
	w := &watched{t: t, folder: t.TempDir()}
	for name, text := range files {
		w.write(name, text)
	}
	for i := range paths {
		paths[i] = filepath.Join(w.folder, paths[i])
	}
	document, problems := fixtures.Load(paths...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	st, err := store.Open(filepath.Join(t.TempDir(), dataFile), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	log := slog.New(slog.NewTextHandler(&w.logged, nil))
	server, err := emulator.New(emulator.Options{Store: st, Scenario: document, Region: "cn-hangzhou", Account: "1234567890123456", Journal: 10, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w.watcher = newWatcher(paths, document, server, log)
	return w
}

// write writes a file, or makes a link where the text is an arrow and where to.
func (w *watched) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.folder, name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if to, link := strings.CutPrefix(text, "-> "); link && err == nil {
		err = os.Symlink(to, path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(filepath.Join(w.folder, from), filepath.Join(w.folder, to)); err != nil {
		w.t.Fatal(err)
	}
}

// settle looks until all that has changed is loaded.
func (w *watched) settle() {
	for range 3 {
		w.look()
	}
}

// keys are the ids in the scenario in force, and in the store.
func (w *watched) keys() string {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://localhost/_emulator/keys", nil)
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r)
	var ids []string
	for _, part := range strings.Split(answer.Body.String(), `"keyId":"`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

func (w *watched) expect(keys string) {
	w.t.Helper()
	w.settle()
	if got := w.keys(); got != keys {
		w.t.Errorf("there are the keys %q, want %q; log:\n%s", got, keys, w.logged.String())
	}
}

// scenarioWith is a scenario with keys of these ids.
func scenarioWith(ids ...string) string {
	text := "keys:\n"
	for _, id := range ids {
		text += fmt.Sprintf("  - {keyId: %s, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}\n", id)
	}
	return text
}

// The files are watched when alikms serves, and were read before.
func TestAFileThatChangesWhileAlikmsStartsIsLoaded(t *testing.T) {
	w := watch(t, map[string]string{"a.yaml": scenarioWith("key-a")}, "a.yaml")
	read, problems := fixtures.Load(w.paths...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w.write("a.yaml", scenarioWith("key-b"))
	w.watcher = newWatcher(w.paths, read, w.server, w.log)
	w.expect("key-b")
}

func TestAFileThatChangesIsLoaded(t *testing.T) {
	w := watch(t, map[string]string{"a.yaml": scenarioWith("key-a")}, "a.yaml")
	w.expect("key-a")
	w.write("a.yaml", scenarioWith("key-a", "key-b")) // as some editors
	w.expect("key-a key-b")
	w.write("a.yaml.tmp", scenarioWith("key-c")) // as others
	w.rename("a.yaml.tmp", "a.yaml")
	w.expect("key-c")
	w.rename("a.yaml", "a.yaml~") // as vi
	w.settle()
	w.write("a.yaml", scenarioWith("key-d"))
	w.expect("key-d")
}

func TestAFileIsLoadedWhenItRests(t *testing.T) {
	w := watch(t, map[string]string{"a.yaml": scenarioWith("key-a")}, "a.yaml")
	w.write("a.yaml", "keys:\n  - {keyId: key-b, keySp")
	w.look()
	w.write("a.yaml", scenarioWith("key-b"))
	w.look()
	w.look()
	if got := w.keys(); got != "key-b" || strings.Contains(w.logged.String(), "wrong") {
		t.Errorf("keys %q, log:\n%s", got, w.logged.String())
	}
}

func TestAFolderThatChangesIsLoaded(t *testing.T) {
	w := watch(t, map[string]string{"in/a.yaml": scenarioWith("key-a")}, "in")
	w.write("in/b.yaml", scenarioWith("key-b"))
	w.expect("key-a key-b")
	w.write("in/notes.txt", "no scenario")
	w.expect("key-a key-b")
	w.rename("in/a.yaml", "in/.a.yaml")
	w.expect("key-b")
}

// A kubelet puts the files of a ConfigMap into a new folder, and renames a link to
// it over the one before.
func TestAConfigMapThatChangesIsLoaded(t *testing.T) {
	for _, given := range []string{"map", "map/a.yaml"} {
		w := watch(t, map[string]string{"map/..1/a.yaml": scenarioWith("key-a"), "map/..data": "-> ..1", "map/a.yaml": "-> ..data/a.yaml"}, given)
		w.expect("key-a")
		w.write("map/..2/a.yaml", scenarioWith("key-b"))
		w.write("map/..tmp", "-> ..2")
		w.rename("map/..tmp", "map/..data")
		os.RemoveAll(filepath.Join(w.folder, "map/..1"))
		w.expect("key-b")
	}
}

func TestAKeyFileThatChangesIsLoaded(t *testing.T) {
	const scenario = "keys: [{keyId: key-a, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT, versions: [{keyVersionId: v1, privateKeyFile: a.pem}]}]"
	var pems []string
	document, _ := fixtures.Default()
	for _, i := range []int{0, 3} { // of RSA_2048
		pems = append(pems, document.Keys[i].Versions[0].PrivateKey)
	}
	w := watch(t, map[string]string{"a.yaml": scenario, "a.pem": pems[0]}, "a.yaml")
	before := w.publicKey()
	w.settle()
	if w.publicKey() != before {
		t.Fatal("the key changed by itself")
	}
	w.write("new.pem", pems[1])
	w.rename("new.pem", "a.pem")
	w.settle()
	if w.publicKey() == before {
		t.Errorf("the key file was not loaded again; log:\n%s", w.logged.String())
	}
	w.rename("a.pem", "b.pem")
	w.settle()
	if !strings.Contains(w.logged.String(), "keys[0].versions[0].privateKeyFile: open") || w.publicKey() == "" {
		t.Errorf("a key file that goes: %s", w.logged.String())
	}
}

func TestAFileOfASecretThatChangesIsLoaded(t *testing.T) {
	w := watch(t, map[string]string{"a.yaml": "secrets: [{secretName: s, versions: [{versionId: v1, secretDataFile: s.txt}]}]", "s.txt": "before"}, "a.yaml")
	w.write("s.txt", "after it")
	w.settle()
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost/?Action=GetSecretValue&SecretName=s", nil))
	if !strings.Contains(answer.Body.String(), `"SecretData":"after it"`) {
		t.Errorf("%s; log:\n%s", answer.Body, w.logged.String())
	}
}

func (w *watched) publicKey() string {
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost/?Action=GetPublicKey&KeyId=key-a&KeyVersionId=v1", nil))
	_, key, _ := strings.Cut(answer.Body.String(), `"PublicKey":"`)
	key, _, _ = strings.Cut(key, `"`)
	return key
}

func TestWhileAFileIsWrongTheScenarioBeforeStays(t *testing.T) {
	w := watch(t, map[string]string{"a.yaml": scenarioWith("key-a")}, "a.yaml")
	w.write("a.yaml", "keys:\n  - {keyId: key-b, spec: EC_SM2, keyUsage: SIGN/VERIFY}\n")
	w.expect("key-a")
	w.expect("key-a")
	const wrong = `a.yaml:2:20: keys[0]: no field \"spec\"; did you mean keySpec?`
	if n := strings.Count(w.logged.String(), wrong); n != 1 {
		t.Errorf("the log says %d times %s:\n%s", n, wrong, w.logged.String())
	}
	w.write("a.yaml", "faults: [{name: f, match: {keyId: key-x}, error: InternalFailure}]\n") // wrong in its meaning
	w.expect("key-a")
	if !strings.Contains(w.logged.String(), `a.yaml:1:35: faults[0].match.keyId: \"key-x\" is no key here`) {
		t.Errorf("the log does not say so:\n%s", w.logged.String())
	}
	w.write("a.yaml", scenarioWith("key-c"))
	w.expect("key-c")
}

func TestAFileThatSaysTheSameIsNoChange(t *testing.T) {
	w := watch(t, map[string]string{"a.yaml": scenarioWith("key-a")}, "a.yaml")
	w.write("a.yaml", "# the same\n"+scenarioWith("key-a"))
	w.expect("key-a")
	if strings.Contains(w.logged.String(), "another scenario is in force") {
		t.Errorf("it was loaded:\n%s", w.logged.String())
	}
}

func TestAServingAlikmsWatches(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(file, []byte(scenarioWith("key-a")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--ephemeral", "--watch", "--fixture", file)
	if err := os.WriteFile(file, []byte(scenarioWith("key-b")), 0o600); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; {
		status, _, err := p.call("DescribeKey", "KeyId", "key-b")
		if err != nil {
			t.Fatal(err)
		}
		if status == http.StatusOK {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("the changed file was not loaded: %s", p.stderr.String())
		}
	}
	p.stop()
}
