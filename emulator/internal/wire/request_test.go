package wire

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

func TestReadSaysWhyABodyIsRefused(t *testing.T) {
	for _, c := range []struct {
		met  error
		told *kmserr.Error
	}{
		{io.ErrUnexpectedEOF, kmserr.ParseRequest},
		{kmserr.RequestTimeout, kmserr.RequestTimeout},
		{kmserr.ServiceUnavailableTemporary, kmserr.ServiceUnavailableTemporary},
	} {
		r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("Action="), iotest.ErrReader(c.met)))
		if _, err := Read(httptest.NewRecorder(), r); err != c.told {
			t.Errorf("%v: %v, want %v", c.met, err, c.told)
		}
	}
}
