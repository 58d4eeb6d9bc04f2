package emulator

import "testing"

// long leaves a test out of go test -short, which is for seconds.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

// rounds is how often a test does something; with -short it is less often.
func rounds(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}
