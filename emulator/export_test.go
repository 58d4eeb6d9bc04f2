package emulator

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/alikms/alikms/fixtures"
)

// again starts an empty emulator from the export of this one.
func (s *testServer) again(change ...func(*Options)) *testServer {
	s.t.Helper()
	return newTestServer(s.t, append([]func(*Options){holding(s.t, s.must("GET", "export", "").body)}, change...)...)
}

func TestAnExportKeepsTheOrderOfAliases(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	for _, name := range []string{"alias/z", "alias/y", "alias/x"} {
		s.must("POST", "clock/advance", "{by: 1h}")
		s.mustDo("CreateAlias", "AliasName", name, "KeyId", "key-b")
	}
	s.mustDo("UpdateAlias", "AliasName", "alias/z", "KeyId", "key-a")
	again := s.again()
	for _, call := range [][]string{{"ListAliases"}, {"ListAliasesByKeyId", "KeyId", "key-a"}} {
		got, want := again.mustDo(call[0], call[1:]...).object["Aliases"], s.mustDo(call[0], call[1:]...).object["Aliases"]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v, want %v", call, got, want)
		}
	}
}

func TestAnExportKeepsWhyAKeyIsProtected(t *testing.T) {
	s := newTestServer(t, holding(t, ruleScenario))
	s.mustDo("SetDeletionProtection", "KeyId", "key-a", "EnableDeletionProtection", "true", "DeletionProtectionDescription", "in use: #1")
	a := s.again().mustDo("DescribeKey", "KeyId", "key-a")
	if a.field("KeyMetadata.DeletionProtectionDescription") != "in use: #1" || a.field("KeyMetadata.DeletionProtection") != "Enabled" {
		t.Errorf("%s", a.body)
	}
}

func TestAnExportKeepsTheSpellingOfAKeyPolicy(t *testing.T) {
	const policy = "{ \"Statement\": [],\n\t\"Version\": \"1\" }"
	s := newTestServer(t, holding(t, "instances: [{instanceId: kst-a}]\nkeys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, dkmsInstanceId: kst-a}]"))
	s.mustDo("SetKeyPolicy", "KeyId", "key-a", "Policy", policy)
	if a := s.again().mustDo("GetKeyPolicy", "KeyId", "key-a"); a.field("Policy") != policy {
		t.Errorf("%s", a.body)
	}
}

// The key is in the data folder; the scenario of this start does not know its
// instance any more.
func TestAnExportLoadsWhenTheScenarioLacksAnInstance(t *testing.T) {
	first := newTestServer(t, holding(t, "instances: [{instanceId: kst-a}]\nkeys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, dkmsInstanceId: kst-a}]"))
	second := first.restart("region: cn-beijing")
	again := second.again()
	if a := serve(again, form("DescribeKey", "KeyId", "key-a"), toHost(hangzhou)); a.field("KeyMetadata.DKMSInstanceId") != "kst-a" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A running clock ahead of real time sets dates off, to before the years that can
// be written.
func TestAnExportLoadsWhenItsDatesAreOld(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, at(real), holding(t, `
keys: [{keyId: key-a, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, creationDate: 0000-01-01T00:00:00Z, aliases: [{aliasName: alias/a, creationDate: 0000-06-01T00:00:00Z}]}]
faults:
  - {name: past, from: 0000-01-01T00:00:00Z, until: 0001-06-01T00:00:00Z, error: InternalFailure}
  - {name: since, from: 0001-06-01T00:00:00Z, match: {operation: DescribeRegions}, error: InternalFailure}
`))
	s.must("POST", "clock/advance", "{by: 1000d}")
	again := s.again(at(real))
	if got := again.names("faults"); !reflect.DeepEqual(got, []string{"since"}) {
		t.Errorf("the faults are %v", got)
	}
	if a := again.do("DescribeRegions"); faultOf(a) != "since" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A rotation that fell due before the scenario's clock is done at the loading, and
// by each reset to the same versions.
func TestRotationBeforeTheClockIsTheSameEachTime(t *testing.T) {
	s := newTestServer(t, holding(t, `
clock: 2026-06-01T00:00:00Z
keys: [{keyId: key-a, keySpec: Aliyun_AES_128, keyUsage: ENCRYPT/DECRYPT, creationDate: 2026-05-01T00:00:00Z, automaticRotation: Enabled, rotationInterval: 14d}]
`))
	listed := func(s *testServer) string {
		return fmt.Sprint(s.mustDo("ListKeyVersions", "KeyId", "key-a").object["KeyVersions"])
	}
	before, cipher := listed(s), s.mustDo("Encrypt", "KeyId", "key-a", "Plaintext", "c2VjcmV0").field("CiphertextBlob").(string)
	for _, id := range []string{fixtures.DerivedVersionID("key-a", 1), fixtures.DerivedVersionID("key-a", 3)} {
		if !strings.Contains(before, id) {
			t.Errorf("%s is not among %s", id, before)
		}
	}
	s.must("POST", "clock/advance", "{by: 30d}")
	for range 2 {
		s.must("POST", "reset", "")
		if after := listed(s); after != before {
			t.Errorf("a reset has the versions\n%s\nnot\n%s", after, before)
		}
		s.mustDo("Decrypt", "CiphertextBlob", cipher)
	}
}
