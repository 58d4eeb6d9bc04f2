package main

import (
	"os"
	"strings"
	"testing"
)

func TestErrorsListsTheCatalogue(t *testing.T) {
	code, out, _ := command("errors")
	if want := "Rejected.Throttling                429 QPS Limit Exceeded\n"; code != 0 || !strings.Contains(out, want) {
		t.Errorf("exit %d, no %q in\n%s", code, want, out)
	}
}

func TestSchemaPrintsWhatEditorsUseHere(t *testing.T) {
	want, err := os.ReadFile("fixtures/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ := command("schema"); code != 0 || out != string(want) {
		t.Errorf("exit %d, not fixtures/schema.json", code)
	}
}
