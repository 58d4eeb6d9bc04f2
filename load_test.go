package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// loads runs "alikms load" in a folder with files, for a running alikms.
func (p *process) loads(files map[string]string, paths ...string) (out string, code int) {
	p.t.Helper()
	folder := p.t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	cmd := exec.Command(binary, append([]string{"load", "--listen", p.address()}, paths...)...)
	cmd.Dir = folder
	text, _ := cmd.CombinedOutput()
	return string(text), cmd.ProcessState.ExitCode()
}

func TestLoadSendsFilesWithTheirKeyFiles(t *testing.T) {
	pem, err := os.ReadFile("fixtures/payments.pem")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "--ephemeral", "--credential", "flag:secret")
	files := map[string]string{
		"keys.yaml":   "keys: [{keyId: key-a, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT, aliases: [alias/a], versions: [{privateKeyFile: a.pem}, {}]}]\n",
		"faults.yaml": "faults: [{name: f, match: {keyId: alias/a}, error: Rejected.Throttling}]\n",
		"a.pem":       string(pem),
	}
	if out, code := p.loads(files, "keys.yaml", "faults.yaml"); code != 0 || out != "loaded: 1 keys, 2 versions, 1 aliases, 0 secrets, 0 instances, 0 credentials, 0 quotas, 1 faults\n" {
		t.Fatalf("%d %s", code, out)
	}
	scenario := p.get("/_emulator/scenario")
	if !strings.Contains(scenario, "-----BEGIN PRIVATE KEY-----\\n") || strings.Contains(scenario, "a.pem") {
		t.Errorf("the key file was not sent: %s", scenario)
	}
	if keys := p.get("/_emulator/keys"); !strings.Contains(keys, `"count":1`) {
		t.Errorf("there are %s", keys)
	}
	p.stop()
}

func (p *process) get(path string) string {
	p.t.Helper()
	r, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func TestLoadPointsAtTheFiles(t *testing.T) {
	p := start(t, "--ephemeral", "--credential", "flag:secret")
	before := p.get("/_emulator/scenario")
	const key = "keys:\n  - {keyId: key-a, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT"
	for _, c := range []struct{ name, a, b, want string }{
		{"spelling", key + ", keyStat: Enabled}\n", "", `a.yaml:2:66: keys[0]: no field "keyStat"; did you mean keyState?`},
		{"no such key file", key + ", versions: [{privateKeyFile: no.pem}]}\n", "",
			"a.yaml:2:94: keys[0].versions[0].privateKeyFile: open no.pem: no such file or directory; write the path of a PEM file, relative to this file\n"},
		{"a key file that is none", key + ", versions: [{privateKeyFile: a.yaml}]}\n", "", "a.yaml:2:94: keys[0].versions[0].privateKeyFile: "},
		{"what alikms alone knows", key + "}\n", "credentials:\n  - {accessKeyId: flag, accessKeySecret: x}\n",
			`b.yaml:2:19: credentials[0].accessKeyId: "flag" is given by --credential too`},
		{"two files", key + ", aliases: [alias/a]}\n", "keys:\n  - {keyId: key-b, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, aliases: [alias/b, alias/a]}\n",
			"b.yaml:2:79: keys[0].aliases[1]: alias \"alias/a\" is already used at a.yaml:2:76"},
	} {
		files := map[string]string{"a.yaml": c.a, "b.yaml": c.b}
		paths := []string{"a.yaml"}
		if c.b != "" {
			paths = append(paths, "b.yaml")
		}
		if out, code := p.loads(files, paths...); code != 1 || !strings.HasPrefix(out, c.want) {
			t.Errorf("%s: %d\n%swant\n%s", c.name, code, out, c.want)
		}
	}
	if after := p.get("/_emulator/scenario"); after != before {
		t.Errorf("a load that was refused changed something: %s", after)
	}
	p.stop()
	if out, code := p.loads(map[string]string{"a.yaml": "{}"}, "a.yaml"); code != 1 || !strings.HasPrefix(out, "alikms: cannot load: ") {
		t.Errorf("nobody serves: %d %s", code, out)
	}
}

func TestARestartReturnsToItsFixture(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data", data)
	if out, code := p.loads(map[string]string{"a.yaml": scenarioWith("key-a")}, "a.yaml"); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	p.stop()
	again := start(t, "--data", data)
	if keys := again.get("/_emulator/keys"); strings.Contains(keys, "key-a") || !strings.Contains(keys, "alias/demo-rsa-2048") {
		t.Errorf("after the restart there are %s", keys)
	}
	again.stop()
}

func TestAFreshStartDropsWhatTheDataFolderHolds(t *testing.T) {
	data := t.TempDir()
	first := start(t, "--data", data)
	if status, body, err := first.call("CreateKey"); status != http.StatusOK {
		t.Fatal(status, body, err)
	}
	first.mustCall("DisableKey", "KeyId", "key-hzz630494463ejqjx0001")
	first.stop()
	kept := start(t, "--data", data)
	before := strings.Count(kept.get("/_emulator/keys"), `"keyId"`)
	kept.stop()
	fresh := start(t, "--data", data, "--fresh")
	keys := fresh.get("/_emulator/keys")
	if n := strings.Count(keys, `"keyId"`); n != before-1 || strings.Contains(keys, `"Disabled","description"`) {
		t.Errorf("%d keys before, %d after a fresh start: %s", before, n, keys)
	}
	fresh.stop()
}
