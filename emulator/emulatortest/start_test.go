package emulatortest_test

import (
	"net"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/emulatortest"
	"github.com/alikms/alikms/fixtures"
)

func TestStartIsReadyAndEmpty(t *testing.T) {
	kms := emulatortest.Start(t)
	if a := call(t, kms, "Action=ListKeys"); a.Status != 200 || a.TotalCount != 0 {
		t.Errorf("%+v", a)
	}
	if host, port, err := net.SplitHostPort(kms.Endpoint); err != nil || host != "127.0.0.1" || port == "0" {
		t.Errorf("the endpoint is %s", kms.Endpoint)
	}
	if kms.URL != "http://"+kms.Endpoint {
		t.Errorf("the URL is %s, the endpoint %s", kms.URL, kms.Endpoint)
	}
}

func TestAnEmulatorStopsWithItsTest(t *testing.T) {
	r := newRun()
	kms := emulatortest.Start(r)
	serving := 0
	r.Cleanup(func() { serving = call(t, kms, "Action=ListKeys").Status })
	r.end()
	if serving != 200 {
		t.Error("it had stopped before a clean-up that was asked for later")
	}
	if conn, err := net.Dial("tcp", kms.Endpoint); err == nil {
		conn.Close()
		t.Error("somebody still listens")
	}
	if r.log.Len() > 0 {
		t.Errorf("logged:\n%s", &r.log)
	}
}

// Were the call not dropped, the stop would wait for it and then cut it off,
// which it logs.
func TestTheEndOfATestDropsCallsThatHang(t *testing.T) {
	r := newRun()
	kms := emulatortest.Start(r)
	kms.PutFault(fixtures.Fault{Name: "hangs", Action: fixtures.Action{Delay: fixtures.Duration(time.Hour)}})
	failed := make(chan error)
	go func() {
		_, err := send(kms, "Action=ListKeys")
		failed <- err
	}()
	if err := untilHit(kms, "hangs"); err != nil {
		t.Error(err)
	}
	r.end()
	if err := <-failed; err == nil {
		t.Error("the call was answered")
	}
	if r.log.Len() > 0 {
		t.Errorf("logged:\n%s", &r.log)
	}
}

func TestOptionsAreJoined(t *testing.T) {
	pem := fixtures.Scenario{Keys: []fixtures.Key{{KeyID: "key-b", KeySpec: "RSA_2048", KeyUsage: "ENCRYPT/DECRYPT",
		Versions: []fixtures.Version{{KeyVersionID: "version-b", PrivateKeyFile: "../../fixtures/payments.pem"}}}}}
	named := fixtures.Scenario{Region: "cn-beijing", Faults: []fixtures.Fault{{Name: "down",
		Match: fixtures.Match{KeyID: fixtures.AnyOf{paymentsKey}}, Action: fixtures.Action{Error: fixtures.ErrorSpec{Code: "InternalFailure"}}}}}
	kms := emulatortest.Start(t, emulatortest.Scenario(pem), emulatortest.Files(keysFile), emulatortest.Scenario(named), emulatortest.Files())
	if a := call(t, kms, "Action=ListKeys"); a.TotalCount != 2 {
		t.Errorf("there are %d keys", a.TotalCount)
	}
	expect(t, kms, "Action=DescribeKey&KeyId=acs:kms:cn-beijing:1234567890123456:key/key-b", 200, "")
	expect(t, kms, describePayment, 500, "InternalFailure")
	kms.DeleteFault("down")
	public := func(key, version string) string {
		return call(t, kms, "Action=GetPublicKey&KeyId="+key+"&KeyVersionId="+version).PublicKey
	}
	if public("key-b", "version-b") == "" || public("key-b", "version-b") != public(paymentsKey, paymentsVersion) {
		t.Error("the private key in the file was not used for both keys")
	}
	if file := pem.Keys[0].Versions[0].PrivateKeyFile; file != "../../fixtures/payments.pem" {
		t.Errorf("the caller's scenario now has the file %s", file)
	}
}

func TestFilesTakesFolders(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Files(filepath.Join("testdata", "folder")))
	expect(t, kms, "Action=DescribeKey&KeyId=alias/first", 200, "")
	expect(t, kms, "Action=DescribeKey&KeyId=alias/second", 200, "")
}

func TestAScenarioFindsItsFilesInTheFolderOfTheTest(t *testing.T) {
	kms := emulatortest.Start(t, emulatortest.Scenario(fixtures.Scenario{Keys: []fixtures.Key{{KeyID: "key-b", KeySpec: "RSA_2048",
		KeyUsage: "ENCRYPT/DECRYPT", Versions: []fixtures.Version{{PrivateKeyFile: "../../fixtures/payments.pem"}}}}}))
	version := fixtures.DerivedVersionID("key-b", 1)
	expect(t, kms, "Action=GetPublicKey&KeyId=key-b&KeyVersionId="+version, 200, "")
}

var (
	temporary = regexp.MustCompile(`[^ "]*/emulatortest-\d+`)
	keysPlace = regexp.MustCompile(regexp.QuoteMeta(keysFile) + `:\d+:\d+`)
)

func TestAWrongOptionEndsTheTest(t *testing.T) {
	misspelt := fixtures.Scenario{Faults: []fixtures.Fault{{Name: "down", Match: fixtures.Match{Operation: fixtures.AnyOf{"AsymetricEncrypt"}},
		Action: fixtures.Action{Error: fixtures.ErrorSpec{Code: "InternalFailure"}}}}}
	const isMisspelt = `faults[0].match.operation: "AsymetricEncrypt" is not an operation; did you mean AsymmetricEncrypt?`
	notWritable := fixtures.Scenario{Faults: []fixtures.Fault{{Name: "slow", Action: fixtures.Action{Delay: fixtures.Duration(time.Microsecond)}}}}
	const isNotWritable = `faults[0].delay: 1µs is not a duration: it is negative, over 100000d or has a part of a millisecond`
	again := fixtures.Scenario{Keys: []fixtures.Key{{KeyID: paymentsKey, KeySpec: "EC_SM2", KeyUsage: "SIGN/VERIFY"}}}
	for _, test := range []struct {
		name    string
		options []emulatortest.Option
		want    string // TEMP stands for a temporary folder, LINE for a place in keysFile
	}{
		{"a file that is not there", []emulatortest.Option{emulatortest.Files("missing.yaml")}, "missing.yaml: cannot be read: no such file or directory"},
		{"a file twice", []emulatortest.Option{emulatortest.Files(keysFile), emulatortest.Files(keysFile)}, keysFile + ": is given twice"},
		{"a misspelt name", []emulatortest.Option{emulatortest.Scenario(misspelt)}, isMisspelt},
		{"a misspelt name beside a file", []emulatortest.Option{emulatortest.Files(keysFile), emulatortest.Scenario(misspelt)}, "TEMP/scenario.yaml:4:18: " + isMisspelt},
		{"a value that cannot be written", []emulatortest.Option{emulatortest.Scenario(notWritable)}, isNotWritable},
		{"a value that cannot be written, beside a file", []emulatortest.Option{emulatortest.Scenario(notWritable), emulatortest.Files(keysFile)}, isNotWritable},
		{"a key twice", []emulatortest.Option{emulatortest.Files(keysFile), emulatortest.Scenario(again)},
			`TEMP/scenario.yaml:2:12: keys[0].keyId: keyId "` + paymentsKey + `" is already used at ` + keysFile + `:LINE`},
		{"two regions", []emulatortest.Option{emulatortest.Scenario(fixtures.Scenario{Region: "cn-beijing"}), emulatortest.Scenario(fixtures.Scenario{Region: "cn-hongkong"})},
			`TEMP/scenario.yaml:1:9: region: "cn-hongkong" differs from "cn-beijing" at TEMP/scenario.yaml:1:9: say it once`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := string(fatalOf(func(t testing.TB) { emulatortest.Start(t, test.options...) }))
			got = temporary.ReplaceAllString(got, "TEMP")
			if got = keysPlace.ReplaceAllString(got, keysFile+":LINE"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for _, scenario := range []struct {
		name    string
		options []emulatortest.Option
	}{
		{"empty", nil},
		{"keys", []emulatortest.Option{emulatortest.Files(keysFile)}},
		{"keys and a value", []emulatortest.Option{emulatortest.Files(keysFile), emulatortest.Scenario(fixtures.Scenario{Region: "cn-beijing"})}},
	} {
		b.Run(scenario.name, func(b *testing.B) {
			for b.Loop() {
				r := newRun()
				emulatortest.Start(r, scenario.options...)
				r.end()
			}
		})
	}
}
