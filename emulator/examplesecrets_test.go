package emulator

import (
	"fmt"
	"sync"
)

// secretsAtStartSituation: which of the calls are refused depends on chance; how
// many does not.
func secretsAtStartSituation(s *situation) {
	type read struct{ caller, name string }
	var left []read
	for caller := range 20 {
		for n := range 50 {
			left = append(left, read{fmt.Sprintf("service-%02d", caller+1), fmt.Sprintf("app/secret-%02d", n+1)})
		}
	}
	for _, want := range []int{450, 450, 100} {
		answers := make([]testAnswer, len(left))
		var callers sync.WaitGroup
		for i, r := range left {
			callers.Go(func() {
				answers[i] = serve(s, form("GetSecretValue", "SecretName", r.name, "VersionStage", "ACSCurrent", "FetchExtendedConfig", "true", "AccessKeyId", r.caller))
			})
		}
		callers.Wait()
		var refused []read
		for i, a := range answers {
			switch {
			case a.code() == "Rejected.Throttling":
				refused = append(refused, left[i])
			case a.status != 200 || a.text("SecretData") != "TEST-SECRET-"+left[i].name[len("app/secret-"):]:
				s.t.Errorf("%v: %d %s", left[i], a.status, a.body)
			}
		}
		if passed := len(left) - len(refused); passed != want {
			s.t.Fatalf("%d of %d pass, want %d", passed, len(left), want)
		}
		left = refused
		s.must("POST", "clock/advance", "{by: 1s}")
	}
	s.expectStatus("quotas/shared-gateway", "groups.getSecretValue.passed=1000", "groups.getSecretValue.refused=650")
}

const rotatedSecret = "app/db-password"

func readSecret(s *situation, want string, more ...string) {
	s.t.Helper()
	a := s.mustDo("GetSecretValue", append(more, "SecretName", rotatedSecret)...)
	if a.text("SecretData") != want {
		s.t.Errorf("%q reads %s, want %s", more, a.body, want)
	}
}

func secretRotatedSituation(s *situation) {
	readSecret(s, "TEST-PASSWORD-1")
	readSecret(s, "TEST-PASSWORD-2", "VersionStage", "pending")
	s.mustDo("UpdateSecretVersionStage", "SecretName", rotatedSecret, "VersionStage", "ACSCurrent", "MoveToVersion", "v2")
	readSecret(s, "TEST-PASSWORD-2")
	readSecret(s, "TEST-PASSWORD-1", "VersionStage", "ACSPrevious")
	s.expectCount("operation=GetSecretValue&secretName="+rotatedSecret, 4)
}

func secretDeletedSituation(s *situation) {
	get := form("GetSecretValue", "SecretName", rotatedSecret)
	s.expect(409, "Rejected.ResourceInDeleteWindow", s.call("", get))
	if a := s.mustDo("DescribeSecret", "SecretName", rotatedSecret); a.text("PlannedDeleteTime") == "" {
		s.t.Errorf("described %s", a.body)
	}
	s.mustDo("RestoreSecret", "SecretName", rotatedSecret)
	readSecret(s, "TEST-PASSWORD-1")
	s.must("POST", "reset", "")
	s.must("POST", "clock/advance", "{by: 7d}")
	s.expect(404, "Forbidden.ResourceNotFound", s.call("", get))
}

func secretCallersSituation(s *situation) {
	get := func(caller, name string) testAnswer {
		return s.call(caller, form("GetSecretValue", "SecretName", name))
	}
	if a := s.expect(200, "", get("app", "app/payments")); a.text("SecretData") != "TEST-SECRET-1" {
		s.t.Errorf("read %s", a.body)
	}
	for _, c := range []struct{ caller, name, named string }{
		{"half", "app/payments", "key-hzz630494463ejqjx0021"},
		{"half", "app/orders", "acs:kms:cn-hangzhou:1234567890123456:secret/app/orders"},
		{"app", "app/orders", "acs:kms:cn-hangzhou:1234567890123456:secret/app/orders"},
	} {
		a := s.expect(403, "Forbidden.NoPermission", get(c.caller, c.name))
		if want := "This operation for " + c.named + " is forbidden by permission system."; a.text("Message") != want {
			s.t.Errorf("%s of %s: %s, want %s", c.name, c.caller, a.text("Message"), want)
		}
	}
	s.expect(403, "Forbidden.NoPermission", s.call("app", form("PutSecretValue", "SecretName", "app/payments", "VersionId", "v2", "SecretData", "x")))
}
