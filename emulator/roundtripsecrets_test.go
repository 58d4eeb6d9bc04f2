package emulator

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// The secrets of the round trip: see roundtrip_test.go.

const tripSecrets = `
secrets:
  - {secretName: app/own, versions: [{versionId: v1, secretData: one, creationDate: 2026-02-01T00:00:00Z}, {versionId: v2, secretData: " - 'two'\n", secretDataType: binary}], tags: {a.b: "1"}}
  - {secretName: app/turning, encryptionKeyId: alias/c, description: d, versions: [{versionId: v1, secretData: one, versionStages: []}, {versionId: v2, secretData: two}, {versionId: v3, secretData: three, versionStages: [mine]}]}
  - {secretName: app/given, encryptionKeyId: key-given, plannedDeleteTime: +9d, versions: [{versionId: v1, secretData: one}]}
  - {secretName: app/open, encryptionKeyId: key-open, dkmsInstanceId: kst-open, versions: [{versionId: v1, secretData: one}],
     policy: {Version: "1", Statement: [{Effect: Allow, Principal: {RAM: "acs:ram::2222222222222222:*"}, Action: "kms:*", Resource: "*"}]}}
  - {secretName: app/own, account: "2222222222222222", region: cn-beijing, versions: [{versionId: v1, secretData: theirs}]}
`

// tripSecret is a secret that there is, or was, or may come, with a caller of its
// account.
type tripSecret struct{ caller, host, name string }

func tripSecretNames() (all []tripSecret) {
	for _, name := range []string{"app/own", "app/turning", "app/given", "app/open", "new", "alias/x"} {
		all = append(all, tripSecret{"app", hangzhou, name})
	}
	return append(all, tripSecret{"other", beijing, "app/own"}, tripSecret{"other", beijing, "new"})
}

// tripSecretCalls are all operations that change secrets, with their parameters
// besides the name.
var tripSecretCalls = map[string]func(*roundTrip, tripSecret) []string{
	"CreateSecret": func(r *roundTrip, s tripSecret) []string {
		key := pick(r, "", "", "alias/c", "key-given", "key-empty", "key-open")
		if len(r.keys) > 0 && r.choose(3) == 0 {
			key = r.keys[r.choose(len(r.keys))].id
		}
		return []string{"VersionId", pick(r, "v1", "v 1", "é/1"), "SecretData", pick(r, tripTexts...), "SecretDataType", pick(r, "text", "binary"), "Description", pick(r, tripTexts...),
			"Tags", pick(r, tripTags...), "EncryptionKeyId", key, "DKMSInstanceId", pick(r, "", "", "", "kst-open"), "Policy", pick(r, "", "", tripPolicies[1])}
	},
	"PutSecretValue": func(r *roundTrip, _ tripSecret) []string {
		return []string{"VersionId", "v" + strconv.Itoa(r.choose(14)), "SecretData", pick(r, tripTexts...), "VersionStages", pick(r, "", "", `["mine"]`, `["ACSPrevious","a b"]`, `["ACSCurrent","mine"]`)}
	},
	"UpdateSecretVersionStage": func(r *roundTrip, _ tripSecret) []string {
		return []string{"VersionStage", pick(r, "ACSCurrent", "ACSPrevious", "mine", "a b"), "MoveToVersion", pick(r, "", "v1", "v2", "v3"), "RemoveFromVersion", pick(r, "", "", "v1", "v2")}
	},
	"UpdateSecret": func(r *roundTrip, _ tripSecret) []string { return []string{"Description", pick(r, "later", "x: y")} },
	"DeleteSecret": func(r *roundTrip, _ tripSecret) []string {
		return []string{"ForceDeleteWithoutRecovery", pick(r, "true", "false", "false"), "RecoveryWindowInDays", "7"}
	},
	"RestoreSecret":   nil,
	"SetSecretPolicy": func(r *roundTrip, _ tripSecret) []string { return []string{"Policy", pick(r, tripPolicies...)} },
	"TagResource":     func(r *roundTrip, _ tripSecret) []string { return []string{"Tags", pick(r, tripTags...)} },
	"UntagResource":   func(r *roundTrip, _ tripSecret) []string { return []string{"TagKeys", `["y","a.b"]`} },
}

var tripSecretActions = slices.Sorted(maps.Keys(tripSecretCalls))

func (r *roundTrip) askAbout(server *Server, s tripSecret, action string, more ...string) testAnswer {
	return r.ask(server, tripCall{s.caller, s.host, form(action, append([]string{"SecretName", s.name}, more...)...)})
}

// callSecret makes a call about a secret, at random.
func (r *roundTrip) callSecret() {
	s, action := pick(r, tripSecretNames()...), pick(r, tripSecretActions...)
	var more []string
	if parameters := tripSecretCalls[action]; parameters != nil {
		more = given(parameters(r, s))
	}
	a := r.askAbout(r.server, s, action, more...)
	r.note("%s %s %s %.100q: %d %s", s.caller, action, s.name, more, a.status, a.code())
	if a.status == http.StatusOK {
		r.done[action] = true
	}
}

// secretCalls are those that tell all of the secrets.
func (r *roundTrip) secretCalls() (all []tripCall) {
	for _, caller := range []string{"app", "other"} {
		for _, host := range []string{hangzhou, beijing} {
			all = append(all, tripCall{caller, host, form("ListSecrets", "PageSize", "100", "FetchTags", "true")})
		}
	}
	about := func(s tripSecret, action string, more ...string) {
		all = append(all, tripCall{s.caller, s.host, form(action, append([]string{"SecretName", s.name}, more...)...)})
	}
	for _, s := range tripSecretNames() {
		about(s, "DescribeSecret", "FetchTags", "true")
		about(s, "ListSecretVersionIds", "IncludeDeprecated", "true")
		about(s, "GetSecretPolicy")
		for _, stage := range []string{"ACSCurrent", "ACSPrevious", "mine", "a b"} {
			about(s, "GetSecretValue", "VersionStage", stage)
		}
		for _, id := range []string{"v1", "v 1", "é/1", "v2", "v3", "v7"} {
			about(s, "GetSecretValue", "VersionId", id)
		}
	}
	return append(all, tripCall{"other", hangzhou, url.Values{"Action": {"GetSecretValue"}, "SecretName": {"acs:kms:cn-hangzhou:1234567890123456:secret/app/open"}}})
}

// secretsGoOn restores, puts and reads: what happens next is the same.
func (r *roundTrip) secretsGoOn(server *Server) (codes []string) {
	for _, s := range tripSecretNames() {
		for _, call := range [][]string{{"RestoreSecret"}, {"PutSecretValue", "VersionId", "later", "SecretData", "later"}, {"GetSecretValue"}, {"ListSecretVersionIds", "PageSize", "1"}} {
			a := r.askAbout(server, s, call[0], call[1:]...)
			codes = append(codes, fmt.Sprint(s.name, " ", call[0], " ", a.status, a.code(), a.field("TotalCount")))
		}
	}
	return codes
}
