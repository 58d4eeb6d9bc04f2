package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/alikms/alikms/emulator/internal/auth"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

func quotaOf(a testAnswer) string { return a.header.Get("x-alikms-quota") }

// passing counts which of some calls no quota refuses.
func passing(s http.Handler, calls int, params url.Values, change ...func(*http.Request)) (passed int) {
	for range calls {
		if serve(s, params, change...).status != http.StatusTooManyRequests {
			passed++
		}
	}
	return passed
}

func TestWithTheClockFrozenExactlyTheRatePassesAndAsMuchAfterTheWindow(t *testing.T) {
	for rate, window := range map[string]string{"5/s": "1s", "3/m": "1m", "7/h": "1h"} {
		s := newTestServer(t)
		s.must("PUT", "quotas/q", "{rate: "+rate+"}")
		want := int(rate[0] - '0')
		for round := range 3 {
			if got := passing(s, want+5, form("DescribeRegions")); got != want {
				t.Errorf("%s, round %d: %d pass", rate, round, got)
			}
			s.must("POST", "clock/advance", "{by: "+window+"}")
		}
	}
}

func TestACallPassesAsSoonAsTheWindowHasRoomAndNotBefore(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas/q", "{rate: 3/s}")
	for _, c := range []struct {
		by   string
		want int
	}{
		{"0s", 2}, {"600ms", 1}, {"399ms", 0}, {"1ms", 2}, {"599ms", 0}, {"1ms", 1}, {"399ms", 0}, {"1ms", 2}, {"10s", 3},
	} {
		s.must("POST", "clock/advance", "{by: "+c.by+"}")
		calls := c.want
		if c.by != "0s" {
			calls = 5
		}
		if got := passing(s, calls, form("DescribeRegions")); got != c.want {
			t.Errorf("after another %s: %d pass, want %d", c.by, got, c.want)
		}
	}
}

// Against all times that have passed: no window of a unit has more than the
// limit, wherever it begins, and nothing is refused that would have kept to it.
func TestACallOverQuotaIsAnsweredAsTheServiceDoesButForTheMark(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas/busy", "{rate: 1/h, match: {operation: DescribeKey}}")
	s.do("DescribeKey")
	a := s.do("DescribeKey") // its parameter is missing, which a quota does not mind
	if a.status != 429 || a.code() != "Rejected.Throttling" || a.object["Message"] != "QPS Limit Exceeded" || quotaOf(a) != "busy" || faultOf(a) != "" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	if a.object["RequestId"] != a.header.Get("x-acs-request-id") || a.header.Get("x-acs-retry-after") != "" {
		t.Errorf("%s %v", a.body, a.header)
	}
	if entry := s.entry(a); entry["quota"] != "busy" || entry["fault"] != "" || entry["status"] != 429.0 {
		t.Errorf("the journal has %v", entry)
	}
	if a := s.do("DescribeKey", "Format", "XML"); !strings.HasPrefix(a.body, `<?xml version="1.0" encoding="UTF-8"?><Error>`) || quotaOf(a) != "busy" {
		t.Errorf("%s %v", a.body, a.header)
	}
}

func TestARefusedCallCountsInNoQuota(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas", `{quotas: [
		{name: wide, rate: 4/s},
		{name: narrow, rate: 2/s, match: {operation: DescribeRegions}},
		{name: other, rate: 1/s, match: {operation: CreateKey}}]}`)
	if got := passing(s, 10, form("DescribeRegions")); got != 2 {
		t.Errorf("%d calls pass, want 2", got)
	}
	s.expectStatus("quotas/wide", "passed=2", "refused=0")
	s.expectStatus("quotas/narrow", "passed=2", "refused=8")
	s.expectStatus("quotas/other", "passed=0", "refused=0")
	if got := passing(s, 10, form("ListKeys")); got != 2 { // what wide has left
		t.Errorf("%d other calls pass, want 2", got)
	}
	if a := serve(s, form("DescribeRegions")); quotaOf(a) != "wide" {
		t.Errorf("refused by %q, want the first in order that has no room", quotaOf(a))
	}
	s.expectStatus("quotas/wide", "passed=4", "refused=9")
	s.expectStatus("quotas/narrow", "passed=2", "refused=8")
}

// What a window has taken is told as it is now: it empties by the clock.
func TestAQuotaTellsHowMuchOfItIsUsed(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas", "{quotas: [{name: few, rate: 3/s, match: {operation: DescribeRegions}}, {profile: shared-gateway}, {profile: resources}]}")
	passing(s, 2, form("DescribeRegions"))
	s.must("POST", "clock/advance", `{"by": "600ms"}`)
	passing(s, 2, form("DescribeRegions"))
	s.expectStatus("quotas/few", "used=3", "passed=3", "refused=1")
	s.expectStatus("quotas/shared-gateway", "groups.read.used=3", "groups.write.used=0", "used=<nil>")
	s.expectStatus("quotas/resources", "used=<nil>")
	s.must("POST", "clock/advance", `{"by": "400ms"}`)
	s.expectStatus("quotas/few", "used=1", "passed=3")
	s.must("PUT", "clock", `{"now": "-1h"}`)
	s.expectStatus("quotas/few", "used=0", "passed=3")
}

func TestAQuotaCountsOnlyCallsThatFitItsMatch(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.must("PUT", "quotas/q", "{rate: 1/h, match: {keyId: alias/a, accessKeyId: app-a}}")
	call := func(keyID, caller string) testAnswer {
		return serve(s, form("DescribeKey", "KeyId", keyID, "AccessKeyId", caller))
	}
	for _, c := range []struct {
		keyID, caller string
		refused       bool
	}{
		{"key-a", "app-b", false}, {"key-b", "app-a", false}, {"key-a", "app-a", false},
		{"alias/a2", "app-a", true}, {"key-a", "app-b", false}, {arnPrefix + "key/key-a", "app-a", true},
	} {
		if a := call(c.keyID, c.caller); (quotaOf(a) == "q") != c.refused {
			t.Errorf("%v: %d %s", c, a.status, a.body)
		}
	}
}

// operationsOf are those that count in a group.
func operationsOf(group string) (names []string) {
	for _, op := range kms.Operations {
		if op.Group == group {
			names = append(names, op.Name)
		}
	}
	return names
}

// The documented numbers, which the data file has to agree with.
func TestTheProfilesHoldTheDocumentedGroups(t *testing.T) {
	documented := map[string]struct {
		limit int
		of    []string // groups of operations
	}{
		"createKey":  {10, []string{"createKey"}},
		"symmetric":  {1000, []string{"symmetric"}},
		"asymmetric": {200, []string{"asymmetric"}},
		"read":       {50, []string{"read", "publicKey"}},
		"write":      {30, []string{"write"}},
		"tagsOfKey":  {300, []string{"tagsOfKey"}},
		"account":    {1, []string{"account"}},

		"createSecret":   {10, []string{"createSecret"}},
		"getSecretValue": {450, []string{"getSecretValue"}},
		"secrets":        {40, []string{"secrets"}},
	}
	s := newTestServer(t)
	s.must("PUT", "quotas/p", "{profile: shared-gateway}")
	covered := 0
	for name, group := range documented {
		var operations []string
		for _, of := range group.of {
			operations = append(operations, operationsOf(of)...)
		}
		passed := 0
		for i := range group.limit + 20 {
			passed += passing(s, 1, form(operations[i%len(operations)]))
		}
		covered += len(operations)
		if passed != group.limit {
			t.Errorf("%s: %d pass, want %d", name, passed, group.limit)
		}
		rate := fmt.Sprintf("groups.%s.rate=%d/s", name, group.limit)
		s.expectStatus("quotas/p", rate, fmt.Sprintf("groups.%s.passed=%d", name, group.limit), fmt.Sprintf("groups.%s.refused=20", name))
	}
	if covered != len(kms.Operations) {
		t.Errorf("%d operations are in groups, want all %d", covered, len(kms.Operations))
	}
	s.expectStatus("quotas/p", "passed=2091", "refused=200")
	s.must("POST", "clock/advance", "{by: 1s}")
	if got := passing(s, 20, form("CreateKey")); got != 10 {
		t.Errorf("%d CreateKey pass in the second after, want 10", got)
	}
}

func TestAnInstancesProfileCountsWhatComesInByIt(t *testing.T) {
	long(t)
	for profile, asymmetric := range map[string]int{
		"instance-1000": 200, "instance-2000": 300, "instance-4000": 500, "instance-10000": 1300, "instance-20000": 2500,
	} {
		s := newTestServer(t, holding(t, ruleScenario))
		s.must("PUT", "quotas/p", "{profile: "+profile+", match: {gateway: kst-one}}")
		for _, c := range []struct {
			operation, host string
			want            int
		}{
			{"AsymmetricSign", instanceHost, asymmetric},
			{"GetPublicKey", instanceHost, asymmetric + 10}, // a wider pool of its own
			{"AsymmetricSign", sharedHost, asymmetric + 10},
			{"AsymmetricSign", "kst-two.localhost", asymmetric + 10},
		} {
			if got := passing(s, asymmetric+10, form(c.operation), toHost(c.host)); got != c.want {
				t.Errorf("%s, %s by %s: %d pass, want %d", profile, c.operation, c.host, got, c.want)
			}
		}
		s.expectStatus("quotas/p", "refused=10", "groups.publicKey.rate="+strings.TrimPrefix(profile, "instance-")+"/s")
	}
}

func TestTheSharedGatewaysProfileLeavesInstancesAlone(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.must("PUT", "quotas/p", "{profile: shared-gateway}")
	if got := passing(s, 60, form("GetPublicKey"), toHost(instanceHost)); got != 60 {
		t.Errorf("%d pass by the instance, want all", got)
	}
	s.expectStatus("quotas/p", "passed=0", "refused=0")
}

func TestEachAccountAndRegionHasAWindowOfItsOwn(t *testing.T) {
	s := newTestServer(t)
	s.know(map[string]auth.Credential{
		"a": {Secret: "s"}, "b": {Secret: "s", Account: "2222222222222222"},
	})
	s.must("PUT", "quotas/q", "{rate: 2/s}")
	for _, host := range []string{"kms.cn-hangzhou.aliyuncs.com", "kms.cn-beijing.aliyuncs.com"} {
		for _, id := range []string{"a", "b"} {
			passed := 0
			for range 5 {
				passed += passing(s, 1, signedForm(id, "s", form("DescribeRegions")), toHost(host))
			}
			if passed != 2 {
				t.Errorf("%s in %s: %d pass, want 2", id, host, passed)
			}
		}
	}
	if got := passing(s, 1, signedForm("a", "s", form("DescribeRegions")), toHost("kms-vpc.cn-beijing.aliyuncs.com")); got != 0 {
		t.Error("the VPC endpoint of a region has a window of its own")
	}
	s.expectStatus("quotas/q", "passed=8", "refused=13")
}

func TestAClockSetBackEmptiesTheWindows(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas/q", "{rate: 3/h}")
	passing(s, 5, form("DescribeRegions"))
	s.must("PUT", "clock", "{now: 2026-05-31T23:59:59Z}")
	if got := passing(s, 5, form("DescribeRegions")); got != 3 {
		t.Errorf("%d pass, want 3", got)
	}
	s.must("POST", "clock/advance", "{by: 1s}")
	if got := passing(s, 5, form("DescribeRegions")); got != 0 {
		t.Errorf("%d pass a second later, want none", got)
	}
}

func TestAClockSetBackAndOnAgainEmptiesTheWindows(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas/q", "{rate: 3/h}")
	passing(s, 5, form("DescribeRegions"))
	s.must("PUT", "clock", "{now: 2026-05-31T00:00:00Z}")
	s.must("PUT", "clock", "{now: 2026-06-01T00:00:00Z}")
	if got := passing(s, 5, form("DescribeRegions")); got != 3 {
		t.Errorf("%d pass, want 3: the clock was set back in between", got)
	}
}

func TestAReplacedQuotaAndAResetBeginWithEmptyWindows(t *testing.T) {
	s := newTestServer(t, holding(t, "clock: 2026-06-01T00:00:00Z\nquotas: [{name: q, rate: 2/h}]"))
	for _, again := range [][3]string{
		{"PUT", "quotas/q", "{rate: 2/h}"}, {"PUT", "quotas", "{quotas: [{name: q, rate: 2/h}]}"}, {"POST", "reset", ""},
	} {
		if got := passing(s, 4, form("DescribeRegions")); got != 2 {
			t.Errorf("before %v: %d pass, want 2", again, got)
		}
		s.must(again[0], again[1], again[2])
		s.expectStatus("quotas/q", "passed=0", "refused=0")
	}
}

func TestParallelCallersPassExactlyTheRate(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "quotas", "{quotas: [{name: a, rate: 100/s}, {name: b, rate: 70/s, match: {operation: DescribeRegions}}]}")
	var callers sync.WaitGroup
	passed := make([]int, 16)
	for i := range passed {
		callers.Go(func() { passed[i] = passing(s, 20, form("DescribeRegions")) })
	}
	callers.Wait()
	sum := 0
	for _, n := range passed {
		sum += n
	}
	if sum != 70 {
		t.Errorf("%d pass, want 70", sum)
	}
	s.expectStatus("quotas/a", "passed=70", "refused=0")
	s.expectStatus("quotas/b", "passed=70", "refused=250")
}

// fill adds records below the API, where thousands take no time. The versions
// are a week old: then a key may have another one.
func (s *testServer) fill(keys, versionsOfLast, aliasesOfFirst int) {
	s.t.Helper()
	err := s.kms.Store.Update(func(tx *store.Tx) error {
		for i := range keys {
			key := store.Key{Scope: s.scope, ID: fmt.Sprintf("filler-%03d", i), Spec: "EC_SM2", Usage: "SIGN/VERIFY", State: kms.StateEnabled, CreationDate: s.clock.now()}
			if err := tx.InsertKey(key); err != nil {
				return err
			}
		}
		for i := range versionsOfLast {
			v := store.Version{Scope: s.scope, KeyID: fmt.Sprintf("filler-%03d", keys-1), ID: fmt.Sprint("version-", i), CreationDate: s.clock.now().AddDate(0, 0, -7)}
			if err := tx.InsertVersion(v, nil); err != nil {
				return err
			}
		}
		for i := range aliasesOfFirst {
			a := store.Alias{Scope: s.scope, Name: fmt.Sprint("alias/filler-", i), KeyID: "filler-000", CreationDate: s.clock.now()}
			if err := tx.InsertAlias(a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestTheResourcesProfileLimitsRecords(t *testing.T) {
	long(t)
	createKey := form("CreateKey", "KeySpec", "EC_SM2")
	version := func(key string) url.Values { return form("CreateKeyVersion", "KeyId", key) }
	alias := func(name string) url.Values { return form("CreateAlias", "KeyId", "filler-000", "AliasName", name) }
	for _, c := range []struct {
		name                    string
		keys, versions, aliases int // one fewer than the limit
		last, more              url.Values
	}{
		{"keys", 199, 0, 0, createKey, createKey},
		{"versions by a version", 3, 9_999, 0, version("filler-000"), version("filler-001")},
		{"versions by a key", 1, 9_999, 0, createKey, createKey},
		{"aliases", 1, 0, 299, alias("alias/last"), alias("alias/more")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTestServer(t, holding(t, "clock: 2026-06-01T00:00:00Z\nquotas: [{profile: resources}]"))
			s.fill(c.keys, c.versions, c.aliases)
			if a := s.call("", c.last); a.status != http.StatusOK {
				t.Fatalf("the last that has room: %d %s", a.status, a.body)
			}
			a := s.call("", c.more)
			if a.status != 400 || a.code() != "Rejected.LimitExceeded" || quotaOf(a) != "resources" {
				t.Errorf("one more: %d %s %v", a.status, a.body, a.header)
			}
			if a.object["Message"] != "The request was rejected because user create resource limit was exceeded." {
				t.Errorf("message %q", a.object["Message"])
			}
			if entry := s.entry(a); entry["quota"] != "resources" {
				t.Errorf("the journal has %v", entry)
			}
			s.must("DELETE", "quotas", "")
			if a := s.call("", c.more); a.status != http.StatusOK {
				t.Errorf("without the quota: %d %s", a.status, a.body)
			}
		})
	}
}

func TestEveryRecordThatPassesTheResourcesProfileCountsOnce(t *testing.T) {
	s := newTestServer(t, holding(t, "clock: 2026-06-01T00:00:00Z\nquotas: [{profile: resources}]"))
	s.fill(1, 1, 0)
	s.mustDo("CreateAlias", "KeyId", "filler-000", "AliasName", "alias/one")
	s.expectStatus("quotas/resources", "passed=1", "refused=0")
	s.mustDo("CreateKey", "KeySpec", "EC_SM2")
	s.expectStatus("quotas/resources", "passed=2", "refused=0")
	s.mustDo("CreateKeyVersion", "KeyId", "filler-000")
	s.expectStatus("quotas/resources", "passed=3", "refused=0")
	s.mustDo("ListKeys")
	s.expectStatus("quotas/resources", "passed=3", "refused=0")
	s.must("PUT", "quotas/resources", "{profile: resources}")
	for range 200 {
		s.do("CreateKey", "KeySpec", "EC_SM2")
	}
	s.expectStatus("quotas/resources", "passed=198", "refused=2")
}

func TestDeletedKeysLeaveRoomAtOnce(t *testing.T) {
	s := newTestServer(t, holding(t, "clock: 2026-06-01T00:00:00Z\nquotas: [{profile: resources}]"))
	s.fill(200, 1, 300)
	s.mustDo("ScheduleKeyDeletion", "KeyId", "filler-000", "PendingWindowInDays", "7")
	full := func(params url.Values) bool { return s.call("", params).code() == "Rejected.LimitExceeded" }
	if !full(form("CreateKey", "KeySpec", "EC_SM2")) {
		t.Error("a key that is pending deletion counts no more")
	}
	s.must("POST", "clock/advance", "{by: 7d}")
	if full(form("CreateKey", "KeySpec", "EC_SM2")) || !full(form("CreateKey", "KeySpec", "EC_SM2")) {
		t.Error("the key that is gone leaves room for exactly one")
	}
	if full(form("CreateAlias", "KeyId", "filler-001", "AliasName", "alias/new")) {
		t.Error("its aliases leave no room")
	}
}

func TestTheResourcesOfAnAccountAndRegionAreItsOwn(t *testing.T) {
	s := newTestServer(t, holding(t, "clock: 2026-06-01T00:00:00Z\nquotas: [{profile: resources}]"))
	s.fill(200, 1, 0)
	if a := serve(s, form("CreateKey", "KeySpec", "EC_SM2"), toHost("kms.cn-beijing.aliyuncs.com")); a.status != http.StatusOK {
		t.Errorf("in another region: %d %s", a.status, a.body)
	}
}

func TestOfParallelCreationsExactlyAsManyPassAsThereIsRoom(t *testing.T) {
	s := newTestServer(t, holding(t, "clock: 2026-06-01T00:00:00Z\nquotas: [{profile: resources}]"))
	s.fill(190, 1, 0)
	var callers sync.WaitGroup
	made := make([]bool, 32)
	for i := range made {
		callers.Go(func() { made[i] = serve(s, form("CreateKey", "KeySpec", "EC_SM2")).status == http.StatusOK })
	}
	callers.Wait()
	n := 0
	for _, ok := range made {
		if ok {
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d keys were made, want 10", n)
	}
	s.expectStatus("quotas/resources", "refused=22")
}
