package conformance

import (
	"testing"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

func TestMain(m *testing.M) { alikms.Main(m) }

// start runs alikms and gives its endpoint for plain HTTP.
func start(t *testing.T, flags ...string) (endpoint string) {
	t.Helper()
	return alikms.Start(t, flags...).Endpoint
}
