package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestOtherPeoplesVariablesArePassedOver(t *testing.T) {
	parser := newParser(io.Discard, io.Discard)
	for _, name := range []string{
		"ALIKMS_PORT", "ALIKMS_PORT_8080_TCP", "ALIKMS_PORT_8080_TCP_ADDR", "ALIKMS_SERVICE_HOST", "ALIKMS_SERVICE_PORT_HTTP", // Kubernetes, of a Service alikms
		"ALIKMS_TLS_PORT_8443_TCP", "ALIKMS_DATA_SERVICE_HOST", // of others beside it
		"ALIKMS_NAME", "ALIKMS_ENV_ALIKMS_LISTEN", // a link of Docker
		"ALIKMS_IMAGE", "ALIKMS_VERSION", "ALIKMS_TAG", "ALIKMS_ENDPOINT", "ALIKMS_URL", "ALIKMS_KEY", "ALIKMS_", // CI
		"KMS_LISTN", "ALIKMS_LISTEN",
	} {
		if err := misspeltSetting(parser, []string{name + "=tcp://10.0.0.1:8080"}); err != nil {
			t.Error(err)
		}
	}
}

func TestANearMissOfASettingIsRefused(t *testing.T) {
	parser := newParser(io.Discard, io.Discard)
	for name, meant := range map[string]string{
		"ALIKMS_LISTN":       "ALIKMS_LISTEN",
		"ALIKMS_LISTN_TLS":   "ALIKMS_LISTEN_TLS",
		"ALIKMS_FIXTURES":    "ALIKMS_FIXTURE",
		"ALIKMS_CREDENTIALS": "ALIKMS_CREDENTIAL",
		"ALIKMS_DATA_DIR":    "ALIKMS_DATA",
		"ALIKMS_EPHEMERL":    "ALIKMS_EPHEMERAL",
	} {
		err := misspeltSetting(parser, []string{"PATH=/bin", name + "=x"})
		if want := name + " is no setting; did you mean " + meant + "?"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// parsed is what serve makes of these arguments and the test's environment.
func parsed(t *testing.T, args ...string) (serve *serveCommand, err error) {
	t.Helper()
	parser := newParser(io.Discard, io.Discard)
	_, err = parser.Parse(args)
	return &parser.Model.Target.Addr().Interface().(*commands).Serve, err
}

func TestAFlagBeatsAnInheritedVariable(t *testing.T) {
	cases := []struct {
		name, variable, value string
		args                  []string
		holds                 func(*serveCommand) bool
	}{
		{"ephemeral", "ALIKMS_DATA", "/data", []string{"--ephemeral"}, func(s *serveCommand) bool { return s.Ephemeral && s.Data == "" }},
		{"data", "ALIKMS_EPHEMERAL", "true", []string{"--data", "x"}, func(s *serveCommand) bool { return !s.Ephemeral && s.Data == "x" }},
		{"not ephemeral", "ALIKMS_DATA", "/data", []string{"--ephemeral=false"}, func(s *serveCommand) bool { return !s.Ephemeral && s.Data == "/data" }},
		{"listen", "ALIKMS_LISTEN", ":8080", []string{"--listen", ":9090"}, func(s *serveCommand) bool { return s.Where.Listen == ":9090" }},
		{"no HTTPS", "ALIKMS_LISTEN_TLS", ":8443", []string{"--listen-tls="}, func(s *serveCommand) bool { return s.Where.ListenTLS == "" }},
		{"a list", "ALIKMS_CREDENTIAL", "a:b\nb:c", []string{"--credential", "a:d"}, func(s *serveCommand) bool { return len(s.Credential) == 1 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			if s, err := parsed(t, c.args...); err != nil || !c.holds(s) {
				t.Errorf("%+v %v", s, err)
			}
		})
	}
}

func TestTurningHTTPSOffForgetsAnInheritedCertificate(t *testing.T) {
	t.Setenv("ALIKMS_TLS_CERT", "a.pem")
	t.Setenv("ALIKMS_TLS_KEY", "b.pem")
	if s, err := parsed(t, "--listen-tls="); err != nil || s.TLSCert != "" || s.TLSKey != "" {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := parsed(t, "--listen-tls=", "--tls-cert=c.pem"); err == nil {
		t.Error("two flags that contradict each other are taken")
	}
}

func TestContradictingVariablesNameEachOther(t *testing.T) {
	t.Setenv("ALIKMS_DATA", "/data")
	t.Setenv("ALIKMS_EPHEMERAL", "true")
	if _, err := parsed(t); err == nil || !strings.Contains(err.Error(), "ALIKMS_DATA=") {
		t.Error(err)
	}
	os.Setenv("ALIKMS_DATA", "") // t.Setenv above puts it back
	if s, err := parsed(t); err != nil || !s.Ephemeral {
		t.Errorf("%+v %v", s, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, good := range []string{":8080", "127.0.0.1:0", "[::1]:65535", "[fe80::1%eth0]:80", "localhost:80", "my-host.example.com:80", "kms_1:80", ":" + "0"} {
		if !isAddress(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", "8080", "127.0.0.1", ":", ":65536", ":-1", ":+1", ":http", "::1:80", "http://127.0.0.1:80", "a b:80", "-a:80", "a/b:80", "[127.0.0.1:80", "ü:80", "a.:80", "[::1%\x00\x01]:1", "[fe80::1%a b]:1", "[fe80::1%a/b]:1"} {
		if isAddress(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{":8080", "[::1%lo]:1", "a:b:c", "\x00:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if isAddress(text) && strings.ContainsAny(text, " /\n\x00") {
			t.Errorf("%q is taken", text)
		}
	})
}

func TestHelpVersionAndMisspeltCommands(t *testing.T) {
	cases := []struct {
		args []string
		code int
		says string
	}{
		{[]string{"help"}, 0, "Usage: alikms <command>"},
		{[]string{"help", "help"}, 0, "Usage: alikms <command>"},
		{[]string{"my.yaml"}, 2, "alikms: there is no command \"my.yaml\"; a scenario file is for --fixture or for validate\n"},
		{[]string{"help", "serve"}, 0, "Usage: alikms serve [flags]"},
		{[]string{"export", "--help"}, 0, "private keys, the secret of each AccessKey, and each STS\ntoken"},
		{[]string{"--version"}, 0, versionText() + "\n"},
		{[]string{"version"}, 0, versionText() + "\n"},
		{[]string{"serv"}, 2, "alikms: there is no command \"serv\"; did you mean serve?\n"},
		{[]string{"help", "healht"}, 2, "alikms: there is no command \"healht\"; did you mean health?\n"},
		{[]string{"encrypt"}, 2, "alikms: there is no command \"encrypt\"; there are serve, validate, operations, errors, schema, health, wait, env, sample, why, tail, load, export, backup, check, version\n"},
	}
	for _, c := range cases {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			code, out, log := command(c.args...)
			if said := out + log; code != c.code || !strings.Contains(said, c.says) {
				t.Errorf("exit %d %s, want exit %d %s", code, said, c.code, c.says)
			}
		})
	}
}

func TestTheVersionIsTheChangelogs(t *testing.T) {
	text, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if newest := regexp.MustCompile(`(?m)^## \d+\.\d+\.\d+$`).FindString(string(text)); newest != "## "+release {
		t.Errorf("the newest version of CHANGELOG.md is %q, not %s", newest, release)
	}
	if said := versionText(); !strings.HasPrefix(said, "alikms "+release+" ") {
		t.Error(said)
	}
}

func TestTheVersionNamesItsBuild(t *testing.T) {
	defer func(v, r string) { version, revision = v, r }(version, revision)
	version, revision = "1.2.3", "abcdef"
	if said := versionText(); !strings.HasPrefix(said, "alikms 1.2.3 (abcdef) go1.") {
		t.Error(said)
	}
}
