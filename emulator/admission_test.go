package emulator

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

// queue are calls that make keys slowly, until their clients leave.
type queue struct {
	leave          context.CancelFunc
	calls          sync.WaitGroup
	answered, made atomic.Int64
}

// makeKeysSlowly lets that many clients make RSA keys at once. It returns when
// all have come.
func makeKeysSlowly(s *Server, clients int) *queue {
	q := &queue{}
	var ctx context.Context
	ctx, q.leave = context.WithCancel(context.Background())
	come := arrivals(s) + uint64(clients)
	for range clients {
		q.calls.Go(func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(form("CreateKey", "KeySpec", "RSA_3072").Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			atLocalhost(r)
			if served(s, r).status == http.StatusOK {
				q.made.Add(1)
			}
			q.answered.Add(1)
		})
	}
	for arrivals(s) < come {
		runtime.Gosched()
	}
	return q
}

func atLocalhost(r *http.Request) { r.Host = "localhost" }

func arrivals(s *Server) uint64 {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return s.journal.arrivals
}

func keysIn(t *testing.T, s *Server) (n int64) {
	t.Helper()
	err := s.kms.Store.View(func(tx *store.Tx) error {
		return kms.EachKey(tx, func(store.Key) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNothingStarvesBehindKeysBeingMade(t *testing.T) {
	s := bareServer(t)
	before := keysIn(t, s)
	const clients = 300
	q := makeKeysSlowly(s, clients)
	for range 50 {
		for _, params := range []map[string][]string{form("DescribeKey", "KeyId", rsaKey), encryption()} {
			if a := serve(s, params, atLocalhost); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
	}
	if n := q.answered.Load(); n == clients {
		t.Error("the calls came to their turn after 300 keys were made")
	}
	q.leave()
	q.calls.Wait()
	if made := keysIn(t, s) - before; made != q.made.Load() || made == clients {
		t.Errorf("%d keys are made and %d were answered, of %d clients that left", made, q.made.Load(), clients)
	}
}
