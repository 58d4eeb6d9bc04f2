package emulator

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/alikms/alikms/emulator/internal/kms"
)

func TestTheCatalogueOfErrorsIsServed(t *testing.T) {
	s := newTestServer(t)
	var served struct{ Errors []CatalogueError }
	if err := json.Unmarshal([]byte(s.must("GET", "errors", "").body), &served); err != nil {
		t.Fatal(err)
	}
	found := map[string]CatalogueError{}
	for _, e := range served.Errors {
		found[e.Code] = e
	}
	want := CatalogueError{"Rejected.Throttling", http.StatusTooManyRequests, "QPS Limit Exceeded"}
	if found[want.Code] != want || len(found) != len(served.Errors) {
		t.Errorf("%d errors of %d codes: %v, want %v", len(served.Errors), len(found), found[want.Code], want)
	}
}

func TestTheSchemaIsServed(t *testing.T) {
	want, err := os.ReadFile("../fixtures/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	a := newTestServer(t).must("GET", "schema.json", "")
	if a.body != string(want) || a.header.Get("Content-Type") != "application/schema+json" {
		t.Errorf("%s %v", a.body, a.header)
	}
}

// What the emulator has is what editors offer, and what they do not call wrong.
func TestTheSchemaNamesEveryOperation(t *testing.T) {
	var schema struct {
		Defs map[string]struct{ Enum []string } `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	if got := schema.Defs["operation"].Enum; len(got) != len(kms.Operations) || got[0] != kms.Operations[0].Name {
		t.Errorf("%d operations %v, want %d", len(got), got, len(kms.Operations))
	}
}
