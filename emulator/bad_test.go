package emulator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/fixtures"
)

// What is wrong with the meaning of a scenario, and not with its spelling:
// package fixtures has bad files of its own for that.
func TestBadScenariosGiveTheirMessages(t *testing.T) {
	t.Chdir(filepath.Join("testdata", "bad")) // so that messages show the names alone
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			document, problems := fixtures.Load(file)
			if len(problems) > 0 {
				t.Fatalf("found by fixtures already: %v", problems)
			}
			problems = checkAtStart(document)
			if len(problems) == 0 {
				t.Fatal("the scenario is accepted")
			}
			compareWithFile(t, strings.TrimSuffix(file, ".yaml")+".want", problems.Error()+"\n")
		})
	}
}

// checkAtStart is what alikms finds when it starts on 2026-06-01, with its usual
// settings.
func checkAtStart(document *fixtures.Document) fixtures.Problems {
	return Check(document, "1234567890123456", "cn-hangzhou", time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
}

// What reading has refused has no meaning to be wrong about.
func TestWhatIsRefusedIsNotRefusedAgain(t *testing.T) {
	for text, want := range map[string]string{
		"quotas: [{name: a, rate: 5}]\n": `quotas[0].rate: "5" is not a rate: write calls per s, m or h, like 5/s`,
		"quotas: [{name: a}]\n":          "quotas[0]: rate or profile is missing: a rate like 5/s, or a profile like shared-gateway",
		"faults: [{name: a, error: {code: Own, status: 400, message: boom: it broke}}]\n": "faults[0].error.message: a text with a colon and a space behind it needs quotes",
		"faults: [{name: a, match: {operation: [[ListKeys]]}, delay: 1s}]\n":              "faults[0].match.operation[0]: a text is expected here, not a list",
		"credentials: [{accessKeyId: a, accessKeySecret: b, policy: {Version: \"1\", Statement: [{Effect: Allow, Action: [kms:Encrypt], Resource: [acs:kms]}]}}]\n": "credentials[0].policy.Statement[0].Action[0]: a text is expected here, not a map: a value with a colon inside [ ] needs quotes\n" +
			"credentials[0].policy.Statement[0].Resource[0]: a text is expected here, not a map: a value with a colon inside [ ] needs quotes",
	} {
		document, problems := fixtures.Parse("", []byte(text))
		var said []string
		for _, p := range append(problems, checkAtStart(document)...) {
			said = append(said, p.Path+": "+p.Message)
		}
		if got := strings.Join(said, "\n"); got != want {
			t.Errorf("%sgives\n%s\nwant\n%s", text, got, want)
		}
	}
}

func compareWithFile(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Messages about meaning that users rely on, letter by letter.
func TestMessagesOfTheFormatAboutMeaning(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"keys:\n  - {keyId: key-a, keySpec: RSA_2047, keyUsage: SIGN/VERIFY}\n",
			`a.yaml:2:29: keys[0].keySpec: "RSA_2047" is not allowed here; one of Aliyun_AES_256, Aliyun_AES_192, Aliyun_AES_128, Aliyun_SM4, RSA_2048, RSA_3072, RSA_4096, EC_P256, EC_P256K, EC_SM2`},
		{"faults:\n  - {name: a, match: {operation: AsymetricEncrypt}, delay: 1s}\n",
			`a.yaml:2:34: faults[0].match.operation: "AsymetricEncrypt" is not an operation; did you mean AsymmetricEncrypt?`},
		{"faults:\n  - {name: a, match: {operation: ListKeys, keyId: x}, delay: 1s}\nkeys:\n  - {keyId: x, keySpec: EC_SM2, keyUsage: SIGN/VERIFY}\n",
			"a.yaml:2:51: faults[0].match.keyId: can never match: ListKeys has no such parameter"},
	} {
		document, problems := fixtures.Parse("a.yaml", []byte(c.text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := checkAtStart(document).Error(); got != c.want {
			t.Errorf("%s\ngives\n%s\nwant\n%s", c.text, got, c.want)
		}
	}
}
