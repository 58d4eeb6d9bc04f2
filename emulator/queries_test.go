package emulator

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestTheJournalIsFilteredByTimeAndNumber(t *testing.T) {
	s := newTestServer(t) // its clock stands at 2026-06-01T00:00:00Z
	var ids []string
	for range 5 {
		ids = append(ids, s.do("ListKeys").header.Get("x-acs-request-id"))
		s.must("POST", "clock/advance", "{by: 1s}")
	}
	for query, want := range map[string][]string{
		"?limit=2":                    ids[3:],
		"?limit=9":                    ids,
		"?since=2026-06-01T00:00:02Z": ids[2:],
		"?until=2026-06-01T00:00:02Z": ids[:2],
		"?since=2026-06-01T00:00:01Z&until=2026-06-01T00:00:04Z": ids[1:4],
		"?since=-2s":                       ids[3:],
		"?until=%2B1s":                     ids,
		"?until=+1s":                       ids, // a plus sign that nobody escaped
		"?since=2026-06-01T08:00:03+08:00": ids[3:],
		"?since=-4s&limit=1&until=2026-06-01T00:00:03Z&status=200": ids[2:3],
	} {
		if got := s.ids(query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	s.must("DELETE", "requests?limit=2", "")
	if got := s.ids(""); !slices.Equal(got, ids[:3]) {
		t.Errorf("without the latest two there are %v, want %v", got, ids[:3])
	}
}

func TestAQueryThatCannotBeMeantIsRefused(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/lost-answer", "{error: InternalFailure}")
	s.must("PUT", "quotas/writes", "{rate: 5/s}")
	for query, message := range map[string]string{
		"fault=lost-anser":   `no fault has the name \"lost-anser\", nor had one at any request of the journal; did you mean lost-answer?`,
		"quota=write":        `no quota has the name \"write\", nor had one at any request of the journal; did you mean writes?`,
		"quota=lost-answer":  `no quota has the name`,
		"operation=ListKyes": `\"ListKyes\" is not an operation; did you mean ListKeys?`,
		"limit=0":            `\"0\" is not allowed: write a whole number, at least 1`,
		"limit=all":          `\"all\" is not allowed`,
		"status=Throttling":  `\"Throttling\" is not allowed: write a whole number, at least 0`,
		"since=yesterday":    `\"yesterday\" is not a time`,
		"until=10":           `\"10\" is not a time`,
		"state=200":          "a query has operation, keyId, secretName, accessKeyId, gateway, fault, quota, status, code, requestId, since, until, limit",
		"limit=x&fault=none": `"path":"fault"`,
		"%zz":                "the query cannot be read",
	} {
		for _, method := range []string{"GET", "DELETE"} {
			if a := s.control(method, "requests?"+query, ""); a.status != 400 || !strings.Contains(a.body, message) {
				t.Errorf("%s %s: %d %s, want %s", method, query, a.status, a.body, message)
			}
		}
	}
}

// What a test asks after it has cleaned up its rules.
func TestAQueryMayNameARuleThatIsGone(t *testing.T) {
	s := newTestServer(t)
	s.must("PUT", "faults/f", "{error: InternalFailure}")
	s.do("ListKeys")
	s.must("DELETE", "faults/f", "")
	if found := s.must("GET", "requests?fault=f", "").object; found["count"] != 1.0 {
		t.Errorf("%v", found)
	}
}

func FuzzQuery(f *testing.F) {
	for _, query := range []string{"", "operation=ListKeys&limit=2", "since=-2s&until=%2B1d", "status=200&keyId=alias/demo-sm2", "fault=f&quota=", "limit=-1&limit=2", "%zz;=", "since=9999-12-31T23:59:59Z"} {
		f.Add(query)
	}
	s := bareServer(f, func(o *Options) { o.Journal = 10 })
	for _, action := range []string{"ListKeys", "NoSuchThing", "DescribeKey"} {
		serve(s, form(action))
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "http://localhost/_emulator/requests", nil)
		r.URL.RawQuery = query
		a := served(s, r)
		count, counted := a.object["count"].(float64)
		_, refused := a.object["errors"].([]any)
		switch {
		case a.status == 200 && counted && count <= 3:
		case a.status == 400 && refused:
		default:
			t.Errorf("%q: %d %s", query, a.status, a.body)
		}
	})
}
