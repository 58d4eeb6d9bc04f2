package emulator

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/kms"
)

// clockAlone is a scenario of nothing but the time.
const clockAlone = "clock: 2026-06-01T00:00:00Z\n"

// newKey makes a key, of Aliyun_AES_256 unless told, and gives its id.
func (s *testServer) newKey(more ...string) string {
	s.t.Helper()
	return s.mustDo("CreateKey", more...).field("KeyMetadata.KeyId").(string)
}

// seal encrypts with a symmetric key.
func (s *testServer) seal(key, text string) (blob string) {
	s.t.Helper()
	return s.mustDo("Encrypt", "KeyId", key, "Plaintext", text).field("CiphertextBlob").(string)
}

// expectOpens decrypts.
func (s *testServer) expectOpens(blob, text string) {
	s.t.Helper()
	if a := s.do("Decrypt", "CiphertextBlob", blob); a.field("Plaintext") != text {
		s.t.Errorf("a ciphertext of %q: %d %s", text, a.status, a.body)
	}
}

// expectCode makes a call that has to answer this code; "": that has to succeed.
func (s *testServer) expectCode(code, action string, more ...string) {
	s.t.Helper()
	if a := s.do(action, more...); a.code() != code || (a.status == 200) != (code == "") {
		s.t.Errorf("%s %q: %d %s, want %q", action, more, a.status, a.body, code)
	}
}

// metadata is a field of KeyMetadata.
func (s *testServer) metadata(key, field string) any {
	s.t.Helper()
	return s.mustDo("DescribeKey", "KeyId", key).field("KeyMetadata." + field)
}

// versionDates are the days on which the versions of a key began, oldest first.
func (s *testServer) versionDates(key string) (dates []string) {
	s.t.Helper()
	for _, v := range s.mustDo("ListKeyVersions", "KeyId", key, "PageSize", "100").field("KeyVersions.KeyVersion").([]any) {
		dates = append(dates, v.(map[string]any)["CreationDate"].(string)[:10])
	}
	slices.Reverse(dates)
	return dates
}

func (s *testServer) expectVersions(key string, dates ...string) {
	s.t.Helper()
	if got := s.versionDates(key); !slices.Equal(got, dates) {
		s.t.Errorf("versions of %v, want %v", got, dates)
	}
}

func TestAYearBringsAVersionForEachIntervalThatHasPassed(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	often := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "100d")
	seldom := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "365d")
	never := s.newKey()
	blobs := []string{s.seal(often, "often"), s.seal(seldom, "seldom")}
	s.must("POST", "clock/advance", "{by: 365d}")
	s.expectVersions(often, "2026-06-01", "2026-09-09", "2026-12-18", "2027-03-28")
	s.expectVersions(seldom, "2026-06-01", "2027-06-01")
	s.expectVersions(never, "2026-06-01")
	s.expectOpens(blobs[0], "often")
	s.expectOpens(blobs[1], "seldom")
	a := s.mustDo("Encrypt", "KeyId", often, "Plaintext", "new")
	if a.field("KeyVersionId") != s.metadata(often, "PrimaryKeyVersion") {
		t.Errorf("%s is not by the primary version", a.body)
	}
	s.expectOpens(a.field("CiphertextBlob").(string), "new")
	if got := s.metadata(often, "NextRotationDate"); got != "2027-07-06T00:00:00Z" {
		t.Errorf("the next is due %v", got)
	}
}

func TestAClockThatIsSetRotatesAsOneThatIsAdvanced(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	key := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	s.must("PUT", "clock", "{now: 2026-06-16T00:00:00Z}")
	s.must("PUT", "clock", "{now: 2026-06-01T00:00:00Z}")
	s.must("PUT", "clock", "{now: 2026-06-21T00:00:00Z}")
	s.expectVersions(key, "2026-06-01", "2026-06-08", "2026-06-15")
}

func TestRotationEndsAtFiftyVersions(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	key := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	blob := s.seal(key, "first")
	for range 2 {
		s.must("POST", "clock/advance", "{by: 3650d}")
		if n := len(s.versionDates(key)); n != 50 {
			t.Errorf("%d versions, want 50", n)
		}
	}
	s.expectOpens(blob, "first")
	s.expectOpens(s.seal(key, "last"), "last")
}

func TestRotationIsSuspendedWhileAKeyIsNotEnabledAndCaughtUpThen(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	for _, c := range []struct{ suspend, resume []string }{
		{[]string{"DisableKey"}, []string{"EnableKey"}},
		{[]string{"ScheduleKeyDeletion", "PendingWindowInDays", "366"}, []string{"CancelKeyDeletion"}},
	} {
		s.must("PUT", "clock", "{now: 2026-06-01T00:00:00Z}")
		key := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "30d")
		s.mustDo(c.suspend[0], append(c.suspend[1:], "KeyId", key)...)
		s.must("POST", "clock/advance", "{by: 70d}")
		s.expectVersions(key, "2026-06-01")
		if got := s.metadata(key, "AutomaticRotation"); got != "Suspended" {
			t.Errorf("after %s it is %v", c.suspend[0], got)
		}
		s.mustDo(c.resume[0], "KeyId", key)
		s.expectVersions(key, "2026-06-01", "2026-07-01", "2026-07-31")
		if got := s.metadata(key, "AutomaticRotation"); got != "Enabled" {
			t.Errorf("after %s it is %v", c.resume[0], got)
		}
	}
}

func TestRotationSurvivesARestart(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone))
	key := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "30d")
	blobs := []string{s.seal(key, "first")}
	s.must("POST", "clock/advance", "{by: 30d}")
	blobs = append(blobs, s.seal(key, "second"))
	before := s.mustDo("DescribeKey", "KeyId", key).object["KeyMetadata"]
	s = s.restart(clockAlone)
	if after := s.mustDo("DescribeKey", "KeyId", key).object["KeyMetadata"]; fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("after the restart\n%v\nbefore\n%v", after, before)
	}
	s.must("PUT", "clock", "{now: 2026-07-31T00:00:00Z}")
	s.expectVersions(key, "2026-06-01", "2026-07-01", "2026-07-31")
	s.expectOpens(blobs[0], "first")
	s.expectOpens(blobs[1], "second")
}

func TestAStartRotatesWhatFellDueMeanwhile(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, holding(t, runningScenario), at(real))
	key := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	s.Close()
	real.add(15 * 24 * time.Hour)
	s = s.restart(runningScenario, at(real))
	s.expectVersions(key, "2026-06-01", "2026-06-08", "2026-06-15")
}

// The scenario's keys rotate as those of calls do, and their versions have the
// same ids each time.
func TestAKeyOfTheScenarioRotatesToTheSameIdsAgain(t *testing.T) {
	const scenario = clockAlone + `
keys:
  - {keyId: key-a, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, creationDate: 2026-05-20T00:00:00Z, automaticRotation: Enabled, rotationInterval: 30d}
`
	ids := func(s *testServer) []any {
		s.must("POST", "clock/advance", "{by: 50d}")
		return s.mustDo("ListKeyVersions", "KeyId", "key-a").field("KeyVersions.KeyVersion").([]any)
	}
	s := newTestServer(t, holding(t, scenario))
	first := ids(s)
	s.expectVersions("key-a", "2026-05-20", "2026-06-19", "2026-07-19")
	blob := s.seal("key-a", "rotated")
	s.expectOpens(blob, "rotated")
	s.must("POST", "reset", "")
	s.expectVersions("key-a", "2026-05-20")
	if again := ids(s); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("after a reset %v, before %v", again, first)
	}
	if again := ids(newTestServer(t, holding(t, scenario))); fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("on another server %v, want %v", again, first)
	}
}

// The timer is real; what it does is read off the key.
func TestARunningClockRotatesInTime(t *testing.T) {
	real := standingAt(dayOf(1))
	s := newTestServer(t, holding(t, runningScenario), at(real))
	key := s.newKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	s.must("POST", "clock/advance", "{by: 604799s}")
	s.expectVersions(key, "2026-06-01")
	s.must("POST", "clock/advance", "{by: 999ms}") // a millisecond of real time is left
	real.add(time.Millisecond)
	for deadline := time.Now().Add(10 * time.Second); len(s.versionDates(key)) < 2 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	s.expectVersions(key, "2026-06-01", "2026-06-08")
}

const generation3 = clockAlone + `
generation: "3.0"
instances: [{instanceId: kst-one, publicAccess: true}]
keys:
  - {keyId: key-sm2, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, versions: [{keyVersionId: version-1}]}
`

func TestGeneration3AllowsAKeyWithoutAnInstanceToBeADefaultKeyOnly(t *testing.T) {
	s := newTestServer(t, holding(t, generation3))
	s.expectCode("", "CreateKey")
	s.expectCode("", "CreateKey", "KeySpec", "Aliyun_AES_256", "Origin", "EXTERNAL")
	for _, spec := range []string{"Aliyun_AES_128", "Aliyun_SM4", "RSA_2048", "EC_P256", "EC_SM2"} {
		s.expectCode("UnsupportedOperation", "CreateKey", "KeySpec", spec)
		s.expectCode("", "CreateKey", "KeySpec", spec, "DKMSInstanceId", "kst-one")
	}
	s.expectCode("NotEmulated", "CreateKey", "ProtectionLevel", "HSM")
	s.expectCode("", "CreateKey", "ProtectionLevel", "HSM", "DKMSInstanceId", "kst-one")
	// What the scenario holds stays as it is.
	s.expectCode("", "AsymmetricEncrypt", "KeyId", "key-sm2", "KeyVersionId", "version-1", "Algorithm", "SM2PKE", "Plaintext", "SGVsbG8=")
}

func TestGeneration3RotatesADefaultKeyYearlyAndOneOfAnInstanceUpToAYear(t *testing.T) {
	s := newTestServer(t, holding(t, generation3))
	ours, instances := s.newKey(), s.newKey("DKMSInstanceId", "kst-one")
	for _, c := range []struct{ interval, ours, instances string }{
		{"365d", "", ""}, {"8760h", "", ""}, {"364d", "InvalidParameter", ""}, {"7d", "InvalidParameter", ""}, {"366d", "InvalidParameter", "InvalidParameter"},
	} {
		policy := []string{"EnableAutomaticRotation", "true", "RotationInterval", c.interval}
		s.expectCode(c.ours, "CreateKey", policy...)
		s.expectCode(c.instances, "CreateKey", append(policy, "DKMSInstanceId", "kst-one")...)
		s.expectCode(c.ours, "UpdateRotationPolicy", append(policy, "KeyId", ours)...)
		s.expectCode(c.instances, "UpdateRotationPolicy", append(policy, "KeyId", instances)...)
	}
}

func TestGeneration3MakesVersionsOfSymmetricKeysOfInstances(t *testing.T) {
	s := newTestServer(t, holding(t, generation3))
	key := s.newKey("DKMSInstanceId", "kst-one")
	blob := s.seal(key, "old")
	made := s.mustDo("CreateKeyVersion", "KeyId", key).field("KeyVersion.KeyVersionId")
	if got := s.metadata(key, "PrimaryKeyVersion"); got != made {
		t.Errorf("the primary version is %v, want %v", got, made)
	}
	s.expectOpens(blob, "old")
	s.expectOpens(s.seal(key, "new"), "new")
	for _, refused := range []string{s.newKey(), s.newKey("KeySpec", "EC_SM2", "DKMSInstanceId", "kst-one"), "key-sm2"} {
		s.expectCode("Rejected.UnsupportedOperation", "CreateKeyVersion", "KeyId", refused)
	}
	s.adjust(func(settings *kms.Settings) { settings.Generation = kms.Classic })
	s.expectCode("Rejected.UnsupportedOperation", "CreateKeyVersion", "KeyId", key)
	s.expectCode("", "CreateKeyVersion", "KeyId", "key-sm2")
}

func TestTheResourcesProfileAllowsAVersionInSevenDaysAndFiftyAKey(t *testing.T) {
	s := newTestServer(t, holding(t, clockAlone+"quotas: [{profile: resources}]"))
	key := s.newKey("KeySpec", "EC_SM2")
	s.expectCode("Rejected.UnsupportedOperation", "CreateKeyVersion", "KeyId", key)
	s.must("POST", "clock/advance", "{by: 604799s}")
	a := s.do("CreateKeyVersion", "KeyId", key)
	if a.code() != "Rejected.UnsupportedOperation" || quotaOf(a) != "resources" {
		t.Errorf("a second before: %d %s, by %q", a.status, a.body, quotaOf(a))
	}
	s.must("POST", "clock/advance", "{by: 1s}")
	s.expectCode("", "CreateKeyVersion", "KeyId", key)
	for range 48 {
		s.must("POST", "clock/advance", "{by: 7d}")
		s.mustDo("CreateKeyVersion", "KeyId", key)
	}
	s.must("POST", "clock/advance", "{by: 7d}")
	s.expectCode("Rejected.UnsupportedOperation", "CreateKeyVersion", "KeyId", key)
	s.must("DELETE", "quotas", "")
	s.expectCode("", "CreateKeyVersion", "KeyId", key)
}
