package emulator

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// The law of the round trip: whatever was answered 200 can be exported, validated
// and loaded into an empty emulator, which then answers the same, and goes on to.
// Random sequences of all that changes something are held to it.

const tripScenario = `
generation: %q
credentials:
  - {accessKeyId: app, accessKeySecret: app-secret}
  - {accessKeyId: other, accessKeySecret: other-secret, account: "2222222222222222"}
instances:
  - {instanceId: kst-open, publicAccess: true}
  - {instanceId: kst-shut, account: "2222222222222222", region: cn-beijing}
keys:
  - {keyId: key-sm2, keySpec: EC_SM2, keyUsage: ENCRYPT/DECRYPT, creationDate: 2026-01-01T00:00:00Z, aliases: [alias/a, {aliasName: alias/b, creationDate: -1d}],
     versions: [{}, {creationDate: 2026-02-01T00:00:00.123456789Z}], deletionProtection: Enabled, deletionProtectionDescription: in use}
  - {keyId: key-turning, keySpec: Aliyun_AES_128, keyUsage: ENCRYPT/DECRYPT, creationDate: 2026-04-01T00:00:00Z, automaticRotation: Enabled, rotationInterval: 20d, aliases: [alias/c]}
  - {keyId: key-given, keySpec: Aliyun_AES_128, keyUsage: ENCRYPT/DECRYPT, origin: EXTERNAL, materialExpireTime: +20d, versions: [{keyMaterial: MTExMTExMTExMTExMTExMQ==}]}
  - {keyId: key-empty, keySpec: Aliyun_SM4, keyUsage: ENCRYPT/DECRYPT, origin: EXTERNAL}
  - {keyId: key-going, keySpec: EC_P256, keyUsage: SIGN/VERIFY, keyState: PendingDeletion, deleteDate: +8d, aliases: [alias/d]}
  - {keyId: key-open, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, dkmsInstanceId: kst-open,
     policy: {Version: "1", Statement: [{Effect: Allow, Principal: {RAM: "acs:ram::2222222222222222:*"}, Action: kms:*, Resource: "*"}]}}
  - {keyId: key-shut, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, account: "2222222222222222", region: cn-beijing, dkmsInstanceId: kst-shut, aliases: [alias/a]}
quotas: [{name: written, match: {operation: DescribeRegions, accessKeyId: other}, rate: 2/h}]
faults:
  - {name: written, match: {operation: DescribeKeyVersion, keyId: alias/a}, from: -1d, until: +9d, script: [{pass: 1}, {error: Rejected.Throttling, retryAfter: 5ms}], repeat: all}
`

// The rules match these operations alone, and nothing else calls them before the
// rules are compared: an export has rules that begin anew.
const probed = "[DescribeRegions, DescribeKeyVersion]"

// tripKey is a key that there is, or was, with a caller of its account.
type tripKey struct{ caller, host, id, spec string }

type tripCall struct {
	caller, host string
	params       url.Values
}

type roundTrip struct {
	t      testing.TB
	choose func(n int) int // a number below n
	real   *realTime
	server *Server
	keys   []tripKey
	opens  []tripCall      // what opens, or verifies, what was encrypted or signed
	done   map[string]bool // operations that were answered 200
	past   []string        // what was done, for the message of a failure
	turned bool            // the scenario is an export
	exact  bool            // no date of a record is ever in the future
}

const (
	hangzhou = "kms.cn-hangzhou.aliyuncs.com"
	beijing  = "kms.cn-beijing.aliyuncs.com"
)

func newRoundTrip(t testing.TB, choose func(int) int) *roundTrip {
	r := &roundTrip{t: t, choose: choose, real: standingAt(dayOf(1)), done: map[string]bool{}, exact: choose(4) > 0}
	generation := []string{"classic", "classic", "3.0"}[choose(3)]
	r.note("generation %s, exact %t", generation, r.exact)
	r.server = r.start(newTripStore(t), scenarioOf(t, fmt.Sprintf(tripScenario, generation)+tripSecrets), "cn-hangzhou", "1234567890123456")
	for _, k := range r.server.inForce.Load().doc.Keys {
		r.keys = append(r.keys, tripKey{"app", hangzhou, k.KeyID, k.KeySpec})
	}
	r.keys[len(r.keys)-1].caller, r.keys[len(r.keys)-1].host = "other", beijing
	return r
}

func newTripStore(t testing.TB) *store.Store {
	st, err := store.Open(filepath.Join(t.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func (r *roundTrip) start(st *store.Store, doc *fixtures.Document, region, account string) *Server {
	s, err := New(Options{Store: st, Scenario: doc, Region: region, Account: account, Now: r.real.now})
	if err != nil {
		r.fatal("the start: %v", err)
	}
	r.t.Cleanup(s.Close)
	return s
}

func (r *roundTrip) note(format string, args ...any) {
	r.past = append(r.past, fmt.Sprintf(format, args...))
}

func (r *roundTrip) fatal(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf(format+"\nafter\n"+strings.Join(r.past, "\n"), args...)
}

// ask makes a call of a server, and gives its answer.
func (r *roundTrip) ask(s *Server, c tripCall) testAnswer {
	params := signedFormAt(r.real.now(), c.caller, c.caller+"-secret", maps.Clone(c.params))
	return serve(s, params, toHost(c.host))
}

func (r *roundTrip) askOf(s *Server, k tripKey, action string, more ...string) testAnswer {
	return r.ask(s, tripCall{k.caller, k.host, form(action, append([]string{"KeyId", k.id}, more...)...)})
}

func (r *roundTrip) control(s *Server, method, path, body string) testAnswer {
	return served(s, httptest.NewRequest(method, "/_emulator/"+path, strings.NewReader(body)))
}

func (r *roundTrip) export(s *Server) string {
	a := r.control(s, "GET", "export", "")
	if a.status != http.StatusOK {
		r.fatal("the export: %d %s", a.status, a.body)
	}
	return a.body
}

func pick[T any](r *roundTrip, of ...T) T { return of[r.choose(len(of))] }

// step does one thing at random, mostly a call.
func (r *roundTrip) step() {
	switch n := r.choose(100); {
	case n < 10:
		r.advance()
	case n < 14:
		r.setClock()
	case n < 17:
		r.restart()
	case n < 25:
		r.putRule()
	case n < 45:
		r.callSecret()
	default:
		r.call()
	}
}

func (r *roundTrip) advance() {
	by := time.Duration(r.choose(12*24)) * time.Hour
	r.note("advance %s", by)
	if r.choose(2) == 0 {
		r.real.add(by) // a running clock follows
		return
	}
	r.control(r.server, "POST", "clock/advance", fmt.Sprintf("{by: %dh}", int(by.Hours())))
}

// setClock freezes the clock here or earlier, or lets it run.
func (r *roundTrip) setClock() {
	to := r.server.clock.now().Add(-time.Duration(r.choose(3)*r.choose(10)) * time.Hour)
	method, body := "PUT", "{now: "+to.Format(time.RFC3339)+"}"
	if r.choose(2) == 0 {
		to, method, body = r.real.now(), "DELETE", ""
	}
	if r.exact && to.Before(r.newest()) {
		return
	}
	r.note("%s clock %s", method, body)
	r.control(r.server, method, "clock", body)
}

// newest is the latest date of what there is.
func (r *roundTrip) newest() (latest time.Time) {
	note := func(dates ...time.Time) {
		for _, date := range dates {
			if date.After(latest) {
				latest = date
			}
		}
	}
	err := r.server.kms.Store.View(func(tx *store.Tx) error {
		err := kms.EachSecret(tx, func(s store.Secret) error {
			note(s.CreationDate, s.UpdateDate)
			return nil
		})
		return cmp.Or(err, kms.EachKey(tx, func(k store.Key) error {
			note(k.CreationDate, k.LastVersionDate)
			aliases, err := tx.AliasesOfKeyPage(k.Scope, k.ID, 0, 1000)
			for _, alias := range aliases {
				note(alias.CreationDate)
			}
			return err
		}))
	})
	if err != nil {
		r.fatal("the store: %v", err)
	}
	return latest
}

// restart is left out with an exported scenario: it may set the clock back, and
// have dates to come that are past by now.
func (r *roundTrip) restart() {
	if r.turned {
		return
	}
	r.note("restart")
	r.server.Close()
	r.server = r.start(r.server.kms.Store, r.server.inForce.Load().doc, "cn-hangzhou", "1234567890123456")
}

// putRule puts a rule by a control. Some are refused, as they name what is gone.
func (r *roundTrip) putRule() {
	k := r.keys[r.choose(len(r.keys))]
	match := pick(r, "{operation: "+probed+"}", "{operation: DescribeRegions, accessKeyId: "+k.caller+"}",
		"{operation: DescribeKeyVersion, keyId: "+pick(r, k.id, "alias/a", "alias/c", r.arn(k))+"}",
		"{operation: DescribeKeyVersion, keyVersionId: "+r.version(k)+"}")
	times := pick(r, "", "from: +1d, ", "until: +5d, ", "from: -1d, until: +3d, ", "until: 2027-01-01T00:00:00Z, ")
	name, rule := "faults/", pick(r, "error: ServiceUnavailableTemporary", "script: [{pass: 2}, {error: {code: Mine, status: 418, message: \"a: b\"}, times: 2}], repeat: last",
		"chance: 0.5, seed: 7, error: Rejected.Throttling", "error: InternalFailure, phase: after")
	if r.choose(3) == 0 {
		name, times, rule = "quotas/", "", pick(r, "rate: 1/s", "rate: 3/h")
	}
	name += pick(r, "written", "a", "b", "c")
	body := "{match: " + match + ", " + times + rule + "}"
	r.note("PUT %s %s: %d", name, body, r.control(r.server, "PUT", name, body).status)
}

func (r *roundTrip) arn(k tripKey) string {
	arn, _ := r.askOf(r.server, k, "DescribeKey").field("KeyMetadata.Arn").(string)
	return strconv.Quote(arn)
}

// version is one of the versions of a key, or none.
func (r *roundTrip) version(k tripKey) string {
	versions, _ := r.askOf(r.server, k, "ListKeyVersions").field("KeyVersions.KeyVersion").([]any)
	if len(versions) == 0 {
		return "none"
	}
	return versions[r.choose(len(versions))].(map[string]any)["KeyVersionId"].(string)
}

var tripTexts = []string{"", "plain", " - 'no' \"yes\": {a}\n\n  b\x7f\u2028\u00a0🔑\r\n\\", strings.Repeat("[{", 150), "null", "2026-01-01", "\x00\t", strings.Repeat("é", 8192)}

var tripPolicies = []string{
	`{"Version":"1","Statement":[]}`,
	"{ \"Statement\": [],\n\t\"Version\": \"1\" }",
	`{"Version":"1","Statement":[{"Sid":"<a> \u00e9","Effect":"Allow","Principal":{"RAM":["acs:ram::2222222222222222:*"]},"Action":["kms:*"],"Resource":["*"]}]}`,
}

var tripTags = []string{`[]`, `[{"TagKey":"y","TagValue":""}]`, `[{"TagKey":"a.b","TagValue":"1"},{"TagKey":"-","TagValue":"=x"}]`, `[{"TagKey":"null","TagValue":"="}]`}

// tripCalls are all operations that change something, and those that make what
// can be opened later, with the parameters of a call.
var tripCalls = map[string]func(*roundTrip, tripKey) []string{
	"CreateKey": func(r *roundTrip, _ tripKey) []string {
		return []string{"KeySpec", pick(r, "EC_SM2", "EC_P256", "Aliyun_AES_256", "Aliyun_AES_256", "Aliyun_SM4"), "KeyUsage", pick(r, "ENCRYPT/DECRYPT", "ENCRYPT/DECRYPT", "SIGN/VERIFY"),
			"Origin", pick(r, "Aliyun_KMS", "Aliyun_KMS", "EXTERNAL"), "EnableAutomaticRotation", pick(r, "false", "false", "true"), "RotationInterval", pick(r, "7d", "365d"),
			"Description", pick(r, tripTexts...), "Tags", pick(r, tripTags...), "DKMSInstanceId", pick(r, "", "", "kst-open", "kst-shut")}
	},
	"UpdateKeyDescription":  func(r *roundTrip, _ tripKey) []string { return []string{"Description", pick(r, tripTexts...)} },
	"SetDeletionProtection": aProtection,
	"EnableKey":             nil,
	"DisableKey":            nil,
	"ScheduleKeyDeletion":   func(r *roundTrip, _ tripKey) []string { return []string{"PendingWindowInDays", pick(r, "7", "30")} },
	"CancelKeyDeletion":     nil,
	"CreateKeyVersion":      nil,
	"DeleteKeyMaterial":     nil,
	"UpdateRotationPolicy": func(r *roundTrip, _ tripKey) []string {
		return []string{"EnableAutomaticRotation", pick(r, "true", "true", "false"), "RotationInterval", pick(r, "7d", "604801s", "365d")}
	},
	"SetKeyPolicy":  func(r *roundTrip, _ tripKey) []string { return []string{"Policy", pick(r, tripPolicies...)} },
	"CreateAlias":   anAlias,
	"UpdateAlias":   anAlias,
	"DeleteAlias":   anAlias,
	"TagResource":   func(r *roundTrip, _ tripKey) []string { return []string{"Tags", pick(r, tripTags...)} },
	"UntagResource": func(r *roundTrip, _ tripKey) []string { return []string{"TagKeys", pick(r, `["y"]`, `["a.b","null"]`)} },
	"TagResources": func(r *roundTrip, k tripKey) []string {
		return resources(k, "Tag.1.Key", "y", "Tag.1.Value", pick(r, "", "2"))
	},
	"UntagResources": func(r *roundTrip, k tripKey) []string { return resources(k, "All", "true") },

	"GetParametersForImport": func(*roundTrip, tripKey) []string {
		return []string{"WrappingAlgorithm", "SM2PKE", "WrappingKeySpec", "EC_SM2"}
	},
	"ImportKeyMaterial": nil, // see importMaterial

	"Encrypt": func(*roundTrip, tripKey) []string {
		return []string{"Plaintext", "c2VjcmV0", "EncryptionContext", `{"a":"b"}`}
	},
	"AsymmetricEncrypt": func(r *roundTrip, k tripKey) []string {
		return []string{"KeyVersionId", r.version(k), "Algorithm", "SM2PKE", "Plaintext", "c2VjcmV0"}
	},
	"AsymmetricSign": func(r *roundTrip, k tripKey) []string {
		return []string{"KeyVersionId", r.version(k), "Algorithm", pick(r, "ECDSA_SHA_256", "SM2DSA"), "Digest", base64.StdEncoding.EncodeToString(make([]byte, 32))}
	},
}

func aProtection(r *roundTrip, k tripKey) []string {
	name := "ProtectedResourceArn"
	arn, _ := strconv.Unquote(r.arn(k))
	return []string{name, arn, "EnableDeletionProtection", pick(r, "true", "false"), "DeletionProtectionDescription", pick(r, tripTexts...)}
}

func anAlias(r *roundTrip, _ tripKey) []string {
	return []string{"AliasName", pick(r, "alias/a", "alias/b", "alias/c", "alias/d", "alias/e/-_", "alias/f")}
}

func resources(k tripKey, more ...string) []string {
	return append([]string{"RegionId", "cn-hangzhou", "ResourceType", "key", "ResourceId.1", k.id}, more...)
}

var tripNames = slices.Sorted(maps.Keys(tripCalls))

// call makes one at random; the key is sometimes named by an alias.
func (r *roundTrip) call() {
	k, action := r.keys[r.choose(len(r.keys))], tripNames[r.choose(len(tripNames))]
	if action == "ImportKeyMaterial" {
		r.importSomething(k)
		return
	}
	var more []string
	if parameters := tripCalls[action]; parameters != nil {
		more = parameters(r, k)
	}
	if action == "CreateKey" {
		more = append(more, "Policy", pick(r, "", tripPolicies[2]))
		if slices.Contains(more, "") {
			more = given(more)
		}
	}
	a := r.askOf(r.server, k, action, more...)
	r.note("%s %s %s %.100q: %d %s", k.caller, action, k.id, more, a.status, a.code())
	if a.status == http.StatusOK {
		r.done[action] = true
		r.remember(k, action, more, a)
	}
}

// given leaves out the parameters that are empty.
func given(parameters []string) (left []string) {
	for pair := range slices.Chunk(parameters, 2) {
		if pair[1] != "" {
			left = append(left, pair...)
		}
	}
	return left
}

// remember keeps what a call made, to be asked for later.
func (r *roundTrip) remember(k tripKey, action string, sent []string, a testAnswer) {
	opening := tripCall{caller: k.caller, host: k.host}
	switch action {
	case "CreateKey":
		r.keys = append(r.keys, tripKey{k.caller, k.host, a.field("KeyMetadata.KeyId").(string), a.field("KeyMetadata.KeySpec").(string)})
		return
	case "Encrypt":
		opening.params = form("Decrypt", "CiphertextBlob", a.field("CiphertextBlob").(string), "EncryptionContext", `{"a":"b"}`)
	case "AsymmetricEncrypt":
		opening.params = form("AsymmetricDecrypt", append(sent, "KeyId", k.id, "CiphertextBlob", a.field("CiphertextBlob").(string))...)
	case "AsymmetricSign":
		opening.params = form("AsymmetricVerify", append(sent, "KeyId", k.id, "Value", a.field("Value").(string))...)
	default:
		return
	}
	r.opens = append(r.opens, opening)
}

// importSomething imports one of two materials, some of which expire.
func (r *roundTrip) importSomething(k tripKey) {
	expires := ""
	if r.choose(2) == 0 {
		expires = strconv.FormatInt(r.server.clock.now().Add(time.Duration(1+r.choose(20*24))*time.Hour).Unix(), 10)
	}
	digit := pick(r, "1", "2")
	code := r.importMaterial(r.server, k, digit, expires)
	r.note("%s imports %s into %s until %q: %s", k.caller, digit, k.id, expires, code)
}

// importMaterial imports a material of one digit, and gives the code answered.
func (r *roundTrip) importMaterial(s *Server, k tripKey, digit, expires string) string {
	a := r.askOf(s, k, "GetParametersForImport", "WrappingAlgorithm", "SM2PKE", "WrappingKeySpec", "EC_SM2")
	if a.status != http.StatusOK {
		return a.code()
	}
	der, err := base64.StdEncoding.DecodeString(a.field("PublicKey").(string))
	if err != nil {
		r.fatal("%s", a.body)
	}
	public, err := keyspec.ParseWrappingKey("EC_SM2", der)
	if err != nil {
		r.fatal("%v", err)
	}
	spec, _ := keyspec.Lookup(k.spec)
	wrapped, err := public.Encrypt("SM2PKE", bytes.Repeat([]byte(digit), spec.Size()))
	if err != nil {
		r.fatal("%v", err)
	}
	more := given([]string{"KeyMaterialExpireUnix", expires, "ImportToken", a.field("ImportToken").(string), "EncryptedKeyMaterial", base64.StdEncoding.EncodeToString(wrapped)})
	a = r.askOf(s, k, "ImportKeyMaterial", more...)
	if a.status == http.StatusOK {
		r.done["ImportKeyMaterial"] = true
	}
	return a.code()
}

// turn exports, loads what was exported, and compares. The walk goes on with what
// was loaded.
func (r *roundTrip) turn() {
	offset := r.server.clock.current().Offset
	text := r.export(r.server)
	document, problems := fixtures.Parse("export.yaml", []byte(text))
	if problems = append(problems, Check(document, "3333333333333333", "cn-shanghai", r.real.now())...); len(problems) > 0 {
		r.fatal("the export is refused: %s", problems)
	}
	second := r.start(newTripStore(r.t), document, "cn-shanghai", "3333333333333333")
	if again := r.export(second); again != text {
		r.fatal("exported again it is\n%s\nfirst\n%s", again, text)
	}
	if r.exact {
		r.compare("once loaded", r.answers(r.server, offset), r.answers(second, 0))
		r.compare("by its rules", r.probe(r.server), r.probe(second))
		r.compare("going on", r.goOn(r.server), r.goOn(second))
		r.compare("later", r.answers(r.server, offset), r.answers(second, 0))
	}
	r.note("turn")
	r.server.Close()
	r.server, r.turned = second, true
}

// compare holds answers against each other, in order of the calls.
func (r *roundTrip) compare(when string, first, second []string) {
	r.t.Helper()
	for i := range first {
		if first[i] != second[i] {
			r.fatal("%s it answers\n%s\nthe first\n%s", when, second[i], first[i])
		}
	}
	if len(first) != len(second) {
		r.fatal("%s there are %d answers, the first has %d", when, len(second), len(first))
	}
}

// answers are those of all calls that tell of keys, and of those that open what
// was made before. A clock that ran ahead by offset is set off.
func (r *roundTrip) answers(s *Server, offset time.Duration) (all []string) {
	note := func(c tripCall) { all = append(all, c.params.Encode()+"\n"+plain(r.ask(s, c), offset)) }
	for _, caller := range []string{"app", "other"} {
		for _, host := range []string{hangzhou, beijing} {
			for _, action := range []string{"ListKeys", "ListAliases"} {
				note(tripCall{caller, host, form(action, "PageSize", "100")})
			}
		}
	}
	for _, k := range r.keys {
		for _, action := range []string{"DescribeKey", "ListResourceTags", "GetKeyPolicy"} {
			note(tripCall{k.caller, k.host, form(action, "KeyId", k.id)})
		}
		for _, action := range []string{"ListKeyVersions", "ListAliasesByKeyId"} {
			note(tripCall{k.caller, k.host, form(action, "KeyId", k.id, "PageSize", "100")})
		}
	}
	for _, call := range append(slices.Clone(r.opens), r.secretCalls()...) {
		note(call)
	}
	return all
}

var tripTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// plain is an answer without what differs from one call to the next.
func plain(a testAnswer, offset time.Duration) string {
	delete(a.object, "RequestId")
	delete(a.object, "Recommend") // an address with the request id
	text, _ := json.Marshal(a.object)
	return strconv.Itoa(a.status) + " " + tripTime.ReplaceAllStringFunc(string(text), func(date string) string {
		at, _ := time.Parse(time.RFC3339, date)
		return at.Add(-offset).Format(time.RFC3339)
	})
}

// probe meets the rules, with keys that are there: what is gone an export does not
// name. Then it removes them.
func (r *roundTrip) probe(s *Server) (all []string) {
	for range 3 {
		for _, caller := range []string{"app", "other"} {
			a := r.ask(s, tripCall{caller, hangzhou, form("DescribeRegions")})
			all = append(all, fmt.Sprint(caller, " DescribeRegions ", a.status, a.code(), faultOf(a), quotaOf(a)))
		}
		for _, k := range r.keys {
			listed, _ := r.askOf(s, k, "ListKeyVersions", "PageSize", "1").field("KeyVersions.KeyVersion").([]any)
			for _, v := range listed {
				a := r.askOf(s, k, "DescribeKeyVersion", "KeyVersionId", v.(map[string]any)["KeyVersionId"].(string))
				all = append(all, fmt.Sprint(k.id, " DescribeKeyVersion ", a.status, a.code(), faultOf(a), quotaOf(a)))
			}
		}
	}
	r.control(s, "DELETE", "faults", "")
	r.control(s, "DELETE", "quotas", "")
	return all
}

// goOn does the same with both: what an emulator has not shown yet shows.
func (r *roundTrip) goOn(s *Server) (codes []string) {
	for _, k := range r.keys {
		codes = append(codes, k.id+" CancelKeyDeletion "+r.askOf(s, k, "CancelKeyDeletion").code())
		for _, digit := range []string{"1", "2"} {
			codes = append(codes, k.id+" import of "+digit+" "+r.importMaterial(s, k, digit, ""))
		}
		codes = append(codes, k.id+" EnableKey "+r.askOf(s, k, "EnableKey").code())
	}
	codes = append(codes, r.secretsGoOn(s)...)
	r.control(s, "POST", "clock/advance", "{by: 40d}")
	for _, k := range r.keys {
		codes = append(codes, k.id+" UpdateKeyDescription "+r.askOf(s, k, "UpdateKeyDescription", "Description", "later").code())
	}
	return codes
}

func TestWhateverWasAnswered200ComesThroughAnExport(t *testing.T) {
	const turns, steps = 3, 40
	sequences := rounds(30, 3)
	done := map[string]bool{}
	for seed := range uint64(sequences) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := newRoundTrip(t, rand.New(rand.NewPCG(seed, 0)).IntN)
			for range turns {
				for range steps {
					r.step()
				}
				r.turn()
			}
			maps.Copy(done, r.done)
		})
	}
	if testing.Short() {
		return // few sequences do not come by every operation
	}
	for i := range kms.Operations {
		op := &kms.Operations[i]
		changes := op.Group == "write" || op.Group == "createKey" || op.Group == "createSecret" || tripSecretCalls[op.Name] != nil
		if changes && !done[op.Name] {
			t.Errorf("%s is never answered 200", op.Name)
		}
	}
}

// FuzzRoundTrip takes each choice of a random sequence from a byte.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{1, 0, 50, 3, 1, 200, 60, 2, 4, 1})
	f.Add([]byte("the quick brown fox jumps over the lazy dog, and over the lazier cat"))
	f.Fuzz(func(t *testing.T, choices []byte) {
		choices = choices[:min(len(choices), 400)]
		r := newRoundTrip(t, func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			choice := int(choices[0]) % n
			choices = choices[1:]
			return choice
		})
		for len(choices) > 0 {
			r.step()
		}
		r.turn()
	})
}

// A reset leaves the scenario and nothing else, whatever was done before: what was
// exported at the start is exported again.
func TestAResetExportsAsTheStartDid(t *testing.T) {
	for seed := range uint64(8) {
		r := newRoundTrip(t, rand.New(rand.NewPCG(seed, 1)).IntN)
		start, began := r.real.now(), r.export(r.server)
		for range 60 {
			r.step()
		}
		r.real.add(start.Sub(r.real.now())) // relative dates are counted anew
		r.note("reset")
		if a := r.control(r.server, "POST", "reset", ""); a.status != http.StatusOK {
			r.fatal("%d %s", a.status, a.body)
		}
		if text := r.export(r.server); text != began {
			r.fatal("the reset exports\n%s\nthe start did\n%s", text, began)
		}
		r.expectNoTokens()
		r.server.Close()
	}
}

func (r *roundTrip) expectNoTokens() {
	err := r.server.kms.Store.View(func(tx *store.Tx) error {
		for _, scope := range []store.Scope{{Account: "1234567890123456", Region: "cn-hangzhou"}, {Account: "2222222222222222", Region: "cn-beijing"}} {
			if counts, err := tx.Counts(scope); err != nil || counts.Tokens > 0 {
				r.fatal("%d import tokens are left: %v", counts.Tokens, err)
			}
		}
		return nil
	})
	if err != nil {
		r.fatal("%v", err)
	}
}
