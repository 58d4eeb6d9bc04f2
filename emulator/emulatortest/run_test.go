package emulatortest_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// run is a testing.TB that ends when it is told to. It stands for a test in
// examples, and shows what becomes of a test that goes wrong.
type run struct {
	testing.TB // nil: what is not below is not used
	cleanups   []func()
	log        bytes.Buffer
}

func newRun() *run { return &run{} }

// end does what is done when a test ends.
func (r *run) end() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}

func (r *run) Helper() {}

func (r *run) Output() io.Writer { return &r.log }

func (r *run) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *run) TempDir() string {
	folder, err := os.MkdirTemp("", "emulatortest-")
	if err != nil {
		panic(err)
	}
	r.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// fatal is what a test was ended with.
type fatal string

func (r *run) Fatal(args ...any) { panic(fatal(strings.TrimSuffix(fmt.Sprintln(args...), "\n"))) }

func (r *run) Fatalf(format string, args ...any) { panic(fatal(fmt.Sprintf(format, args...))) }

func (r *run) Error(args ...any) { panic(fmt.Sprintln(args...)) }

// fatalOf is what a test is ended with; "": it is not.
func fatalOf(test func(t testing.TB)) (message fatal) {
	r := newRun()
	defer r.end()
	defer func() {
		if reason := recover(); reason != nil {
			message = reason.(fatal)
		}
	}()
	test(r)
	return ""
}
