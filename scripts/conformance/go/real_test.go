package conformance

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// TestTheRealService is off unless ../real sets these, and says what they are.
func TestTheRealService(t *testing.T) {
	endpoint := os.Getenv("REAL_KMS_ENDPOINT")
	if endpoint == "" {
		t.Skip("off unless scripts/conformance/real is asked for it")
	}
	budget, err := strconv.Atoi(os.Getenv("REAL_KMS_KEYS"))
	if err != nil || budget < 1 {
		t.Fatalf("REAL_KMS_KEYS is %q: write how many keys may be made, which are scheduled for deletion at the end", os.Getenv("REAL_KMS_KEYS"))
	}
	c := &openapi.Config{
		Endpoint: &endpoint, Protocol: new("HTTPS"), RegionId: new(os.Getenv("REAL_KMS_REGION")), ReadTimeout: new(60_000),
		AccessKeyId: new(os.Getenv("REAL_KMS_ACCESS_KEY_ID")), AccessKeySecret: new(os.Getenv("REAL_KMS_ACCESS_KEY_SECRET")),
	}
	if token := os.Getenv("REAL_KMS_SECURITY_TOKEN"); token != "" {
		c.SecurityToken = &token
	}
	report, err := os.OpenFile(os.Getenv("REAL_KMS_REPORT"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatalf("REAL_KMS_REPORT names the file for what differs: %v", err)
	}
	defer report.Close()
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	real, found := against(t, ctx, c, budget)
	if _, err := report.WriteString(reportOf(real, found)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows, %d of them differ: %s", len(real.rows), len(found), report.Name())
}

// against asks a service and an alikms for the same rows, cleans up, and finds
// what differs.
func against(t *testing.T, ctx context.Context, c *openapi.Config, budget int) (real *service, found []difference) {
	t.Helper()
	ours := ask(t, ctx, config(start(t), signingV3), budget)
	real = ask(t, ctx, c, budget)
	return real, compare(real, ours)
}

// ask asks for the rows. Whatever happens, it cleans up, and says what is left.
func ask(t *testing.T, ctx context.Context, c *openapi.Config, budget int) *service {
	t.Helper()
	s, err := serviceAt(ctx, c, budget, func(id string) {
		if id == "" {
			t.Error("a key may have been made whose id did not arrive: look for its description")
		}
		t.Logf("made %s at %s", id, *c.Endpoint)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, left := range s.clean() {
			t.Error("not cleaned up: ", left)
		}
	}()
	realRows(s)
	return s
}

// reportOf is a table of the rows that differ.
func reportOf(real *service, found []difference) string {
	var table strings.Builder
	fmt.Fprintf(&table, "%d rows asked, %d differ.\n\n| row | the service | alikms |\n| --- | --- | --- |\n", len(real.rows), len(found))
	for _, d := range found {
		for _, text := range []string{d.name, d.real, d.ours} {
			fmt.Fprintf(&table, "| %s ", strings.NewReplacer("|", `\|`, "\n", " ").Replace(text))
		}
		table.WriteString("|\n")
	}
	return table.String()
}

// The dry run has an alikms in the place of the service.

func TestTheRealRowsAgreeWithAlikmsItself(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	real, found := against(t, t.Context(), config(endpoint, signingV3), 100)
	for _, d := range found {
		t.Errorf("%s\nthe one   %s\nthe other %s", d.name, d.real, d.ours)
	}
	if len(real.rows) < 100 || len(real.keys) < 7 {
		t.Errorf("only %d rows and %d keys", len(real.rows), len(real.keys))
	}
	mustBeClean(t, endpoint, real)
	mustNameEachRowOnce(t, real)
	mustAskEachOperation(t, endpoint)
}

// mustBeClean finds what the rows have left behind.
func mustBeClean(t *testing.T, endpoint string, real *service) {
	t.Helper()
	c := connect(t, config(endpoint, signingV3)).converse(endpoint)
	for _, id := range real.keys {
		equal(t, "state of "+id, c.metadata(id).text("KeyState"), "PendingDeletion")
	}
	equal(t, "keys", len(c.call("ListKeys", parameters{"PageSize": 100}).at("Keys").list("Key")), len(builtInKeys)+len(real.keys))
	equal(t, "secrets", len(c.call("ListSecrets", nil).at("SecretList").list("Secret")), 0)
	equal(t, "aliases", len(c.call("ListAliases", parameters{"PageSize": 100}).at("Aliases").list("Alias")), len(builtInKeys))
}

func mustNameEachRowOnce(t *testing.T, real *service) {
	t.Helper()
	seen := map[string]bool{}
	for _, r := range real.rows {
		if seen[r.name] {
			t.Errorf("two rows are called %q", r.name)
		}
		seen[r.name] = true
	}
}

// notInRealRows depend on what an account has besides, or on an instance.
// The SDK has no BatchGetSecretValue, and passwords are different each time.
var notInRealRows = []string{"ListAliases", "ListSecrets", "DescribeRegions", "SetKeyPolicy", "SetSecretPolicy", "SetDeletionProtection", "BatchGetSecretValue", "GetRandomPassword"}

// mustAskEachOperation finds operations that no row asks for.
func mustAskEachOperation(t *testing.T, endpoint string) {
	t.Helper()
	journal := string(alikms.Control(t, endpoint, "GET", "requests", ""))
	for _, name := range alikms.Operations(t) {
		if !strings.Contains(journal, `"operation":"`+name+`"`) && !slices.Contains(notInRealRows, name) {
			t.Errorf("no row asks for %s", name)
		}
	}
}

// An alikms of the other generation is a service that differs.
func TestTheRealRowsFindWhatDiffers(t *testing.T) {
	endpoint := startScenario(t, `generation: "3.0"
faults: [{name: other, match: {operation: DescribeAccountKmsStatus}, error: Forbidden.InDebt}]
`)
	real, found := against(t, t.Context(), config(endpoint, signingV3), 100)
	report := reportOf(real, found)
	for _, want := range []string{
		`(?m)^\| ask for the account \| 403 Forbidden\.InDebt: .* \| 200; AccountStatus = Enabled \|$`,
		`(?m)^\| create an SM2 key to encrypt \| 400 UnsupportedOperation: .* \| 200; .*KeyMetadata\.KeySpec = EC_SM2.* \|$`,
		`(?m)^\| an SM2 key to encrypt: encrypt \| not reached \| .* \|$`,
	} {
		if !regexp.MustCompile(want).MatchString(report) {
			t.Errorf("the report lacks %s", want)
		}
	}
	if t.Failed() {
		t.Log(report)
	}
}

func TestTheRealRowsKeepToTheirBudgetAndStop(t *testing.T) {
	endpoint := start(t)
	s := ask(t, t.Context(), config(endpoint, signingV3), 2)
	equal(t, "keys made of a budget of 2", len(s.keys), 2)
	mustBeClean(t, endpoint, s)

	ctx, interrupt := context.WithCancel(t.Context())
	endpoint = start(t)
	s, err := serviceAt(ctx, config(endpoint, signingV3), 100, func(string) { interrupt() })
	if err != nil {
		t.Fatal(err)
	}
	realRows(s)
	equalLists(t, "what could not be cleaned up", s.clean(), nil)
	equal(t, "keys made until the interrupt", len(s.keys), 1)
	equal(t, "rows until the interrupt", len(s.rows), 1)
	mustBeClean(t, endpoint, s)
}
