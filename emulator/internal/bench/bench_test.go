package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alikms/alikms/emulator/internal/bench/load"
	"github.com/alikms/alikms/emulator/internal/keyspec"
)

// TestMain is the floor when it is started as that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-floor" {
		if err := run(os.Args[1:]); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestFloorAnswersEveryCall(t *testing.T) {
	keys, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := parseKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, gated := range []bool{true, false} {
		web := httptest.NewServer(floor(ring, gated))
		defer web.Close()
		address := strings.TrimPrefix(web.URL, "http://")
		connections, err := load.Dial(address, false, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer connections.Close()
		for _, k := range keys {
			calls, err := ring.callsOf(k)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range calls {
				body, err := connections.Call(load.Caller{}.Request(address, call.params))
				if err != nil {
					t.Fatalf("%s: %v", call.name, err)
				}
				checkAnswer(t, ring, k, call, body)
			}
		}
	}
}

// checkAnswer fails where an answer is not of the cryptography that was asked for.
func checkAnswer(t *testing.T, ring keyring, k testKey, call cipherCall, body []byte) {
	t.Helper()
	var a map[string]any
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatal(err)
	}
	if a["KeyId"] != k.ID || a["KeyVersionId"] != k.VersionID || a["RequestId"] == "" {
		t.Errorf("%s: %s", call.name, body)
	}
	switch call.params["Action"] {
	case "Encrypt", "GenerateDataKey", "AsymmetricEncrypt":
		open := params("Action", "Decrypt", "CiphertextBlob", a["CiphertextBlob"].(string))
		if call.params["Action"] == "AsymmetricEncrypt" {
			open = params("Action", "AsymmetricDecrypt", "KeyId", k.ID, "Algorithm", call.params["Algorithm"], "CiphertextBlob", a["CiphertextBlob"].(string))
		}
		if _, err := ring.perform(open); err != nil {
			t.Errorf("%s: what it made does not decrypt: %v", call.name, err)
		}
	case "Decrypt", "AsymmetricDecrypt":
		if a["Plaintext"] != plaintext {
			t.Errorf("%s: decrypted to %v", call.name, a["Plaintext"])
		}
	case "AsymmetricVerify":
		if a["Value"] != true {
			t.Errorf("%s: %s", call.name, body)
		}
	}
}

func TestFloorRefusesWhatItDoesNotKnow(t *testing.T) {
	ring, err := parseKeys(newSymmetricKeys(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []map[string]string{
		params("Action", "Encrypt", "KeyId", "no-key"),
		params("Action", "ListKeys", "KeyId", newSymmetricKeys(1)[0].ID),
		params("Action", "Decrypt", "CiphertextBlob", "no base64"),
	} {
		if _, err := ring.perform(call); err == nil {
			t.Errorf("%v is answered", call)
		}
	}
}

func TestManyRSAKeysDiffer(t *testing.T) {
	keys, err := newRSAKeys(7)
	if err != nil || len(keys) != 7 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	seen := map[string]bool{}
	spec, _ := keyspec.Lookup("RSA_2048")
	for _, k := range keys {
		if _, err := spec.Parse(k.Material); err != nil {
			t.Error(err)
		}
		seen[string(k.Material)] = true
	}
	if len(seen) != len(keys) {
		t.Errorf("%d different keys of %d", len(seen), len(keys))
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
		text   string
	}{
		{[]float64{3}, spread{3, 3, 3}, "3.00"},
		{[]float64{5, 1, 4, 2, 3}, spread{3, 2, 4}, "3.00 (2.00–4.00)"},
		{[]float64{10, 20}, spread{15, 12.5, 17.5}, "15.0 (12.5–17.5)"},
		{[]float64{120, 160, 180}, spread{160, 140, 170}, "160 (140–170)"},
	} {
		if got := spreadOf(c.values); got != c.want || got.String() != c.text {
			t.Errorf("%v: %v %s, want %v %s", c.values, got, got, c.want, c.text)
		}
	}
}

func TestInTurns(t *testing.T) {
	var order []string
	take := func(name string) func() (int, error) {
		return func() (int, error) {
			order = append(order, name)
			return len(order), nil
		}
	}
	taken, err := inTurns(3, take("a"), take("b"))
	if err != nil || !slices.Equal(order, []string{"a", "b", "b", "a", "a", "b"}) || !reflect.DeepEqual(taken, [][]int{{1, 4, 5}, {2, 3, 6}}) {
		t.Errorf("%v %v %v", order, taken, err)
	}
}

func TestMarkdown(t *testing.T) {
	var r results
	r.add("g", "row 1", "x", []float64{1})
	r.add("g", "row 2", "y", []float64{2})
	r.add("h", "row 3", "z", []float64{3})
	const want = "| g | x | y |\n| --- | --- | --- |\n| row 1 | 1.00 |  |\n| row 2 |  | 2.00 |\n\n| h | z |\n| --- | --- |\n| row 3 | 3.00 |\n\n"
	if got := r.markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTargetsAreCompared(t *testing.T) {
	var b bench
	b.add(throughput, encrypt16, unsigned, []float64{0.89})
	b.add(throughput, encrypt16, signedV1, []float64{0.80})
	b.add(latency, decrypt16, p99Ungated, []float64{0.46})
	b.add(creations, createKeyRow, poolWarm, []float64{4})
	got := map[string]string{}
	for _, o := range b.met() {
		got[o.What] = o.Met
	}
	for what, want := range map[string]string{targets[0].what: "no", targets[1].what: "yes", targets[2].what: "not measured", targets[5].what: "no", targets[13].what: "yes"} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}

// One round of a moment each finds out whether the bench works, not how fast
// anything is.
func TestRunMeasuresWhatTargetsAskFor(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	b := newTestBench(t)
	rows := []string{encrypt16, startRow(30, true), writesRow}
	for _, row := range rows {
		b.only = append(b.only, strings.ToLower(row))
	}
	if err := b.measure(); err != nil {
		t.Fatal(err)
	}
	for i, o := range b.met() {
		if asked := slices.Contains(rows, targets[i].row); asked != (o.Met != "not measured") {
			t.Errorf("%s: %s", o.What, o.Met)
		}
	}
	b.checkReport(t)
}

type testBench struct{ *bench }

// newTestBench builds what a run needs.
func newTestBench(t *testing.T) testBench {
	t.Helper()
	programs := t.TempDir()
	build := exec.Command("go", "build", "-o", programs+string(filepath.Separator), "github.com/alikms/alikms", "./bare")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return testBench{&bench{ctx: t.Context(), alikms: filepath.Join(programs, "alikms"), bare: filepath.Join(programs, "bare"), self: self,
		folder: t.TempDir(), rounds: 1, slice: 1, log: t.Output()}}
}

// checkReport fails unless the report and its file say what was measured.
func (b testBench) checkReport(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "figures.json")
	var out bytes.Buffer
	if err := b.report(&out, file); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), b.markdown()) || !strings.Contains(out.String(), b.targetTable()) {
		t.Errorf("the report lacks a table: %s", out.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var figures struct{ Measures []measure }
	if err := json.Unmarshal(text, &figures); err != nil || !reflect.DeepEqual(figures.Measures, []measure(b.results)) {
		t.Errorf("the file has other measures: %s, %v", text, err)
	}
}

func TestNoRowOfSuchAName(t *testing.T) {
	b := testBench{&bench{only: []string{"nothing"}, folder: t.TempDir(), log: t.Output()}}
	if err := b.measure(); err == nil || !strings.Contains(err.Error(), "no row") {
		t.Errorf("%v", err)
	}
}
