package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// said finds the line of the banner that begins so.
func (p *process) said(begin string) string {
	i := slices.IndexFunc(p.stdout, func(line string) bool { return strings.HasPrefix(line, begin) })
	if i < 0 {
		return ""
	}
	return p.stdout[i]
}

func (p *process) expectSaid(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		begin, _, _ := strings.Cut(want, " ")
		if got := p.said(begin + " "); got != want {
			p.t.Errorf("the banner says %q, not %q", got, want)
		}
	}
}

func TestTheBannerSaysWhatWasLoadedAndWhatTimeItIs(t *testing.T) {
	p := start(t, "--ephemeral")
	if line := p.said("scenario: "); !strings.HasPrefix(line, "scenario: built in: ") || !strings.HasSuffix(line, " keys") {
		t.Errorf("the banner says %q", line)
	}
	p.expectSaid("clock: real time")
	folder := t.TempDir()
	rules, callers := filepath.Join(folder, "rules.yaml"), filepath.Join(folder, "callers.yaml")
	for path, text := range map[string]string{
		rules:   "clock: 2026-01-01T00:00:00Z\nfaults: [{name: a, error: InternalFailure}]\nquotas: [{name: q, rate: 5/s}, {profile: shared-gateway}]\n",
		callers: "keys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}]\nsecrets: [{secretName: s, versions: [{versionId: v, secretData: x}]}]\ncredentials: [{accessKeyId: app, accessKeySecret: s}]\ninstances: [{instanceId: kst-one}]\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, "--ephemeral", "--fixture", rules, "--fixture", callers, "--credential", "more:s").expectSaid(
		"scenario: "+rules+", "+callers+": 1 key, 1 secret, 2 callers, 1 instance, 2 quotas, 1 fault",
		"clock: frozen at 2026-01-01T00:00:00Z; DELETE /_emulator/clock makes it real time")
	if err := os.WriteFile(rules, []byte("region: cn-beijing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, "--ephemeral", "--fixture", rules).expectSaid("scenario: " + rules + ": nothing")
}

func TestTheBannerSaysThatTheDataFolderDiffers(t *testing.T) {
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(file, []byte(scenarioWith("key-a", "key-b")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--data", data, "--fixture", file)
	p.mustCall("DisableKey", "KeyId", "key-a")
	p.stop()
	again := start(t, "--data", data, "--fixture", file)
	again.expectSaid("scenario: " + file + ": 2 keys; the data folder differs in 1 of what it says (the log says how; --fresh or POST /_emulator/reset brings it back)")
	again.stop()
	if log := again.stderr.String(); !strings.Contains(log, `of="key key-a" difference="keyState is Disabled, not Enabled"`) {
		t.Errorf("the log says %s", log)
	}
}

func TestTheBannerSaysWhatADataFolderKept(t *testing.T) {
	data := t.TempDir()
	p := start(t, "--data", data)
	answer, err := http.Post(p.url+"/_emulator/clock/advance", "", strings.NewReader("{by: 8d}"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	p.stop()
	start(t, "--data", data).expectSaid(
		"scenario: built in: its keys are left out, for the data folder has keys already",
		"clock: 8d ahead of real time; DELETE /_emulator/clock makes it real time")
}
