// Command bench measures the built alikms beside servers that do less, in the
// same run and in turns: a figure is a ratio, or comes with what it is to be
// compared with. scripts/bench builds what it needs and starts it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// bench is one run.
type bench struct {
	ctx                context.Context
	alikms, bare, self string // programs
	folder             string // for what the run keeps
	long               bool
	only               []string
	rounds             int
	slice              time.Duration // of load

	log     io.Writer
	running []*process
	results
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	b := &bench{self: os.Args[0], log: os.Stderr}
	flags := flag.NewFlagSet("scripts/bench", flag.ExitOnError)
	flags.BoolVar(&b.long, "long", false, "measure every spec, at 1 and 16 connections, plain and TLS")
	flags.IntVar(&b.rounds, "rounds", 9, "rounds; the tables show the median and the middle half")
	flags.DurationVar(&b.slice, "slice", 80*time.Millisecond, "how long one server is under load before the next one is")
	flags.StringVar(&b.alikms, "alikms", "./alikms", "the built `program`")
	flags.StringVar(&b.bare, "bare", "./bare", "the built bare net/http `program`")
	only := flags.String("only", "", "measure only the rows whose names contain one of these `words`, separated by commas")
	jsonFile := flags.String("json", "", "write the figures to this `file` as well")
	floorKeys := flags.String("floor", "", "be the floor, with the keys of this `file`")
	gated := flags.Bool("gated", false, "be the floor with a gate")
	flags.Parse(args) // exits on an error
	if *floorKeys != "" {
		return serveFloor(*floorKeys, *gated)
	}
	if *only != "" {
		b.only = strings.Split(strings.ToLower(*only), ",")
	}
	return b.run(*jsonFile)
}

// run measures and reports.
func (b *bench) run(jsonFile string) (err error) {
	var stop context.CancelFunc
	b.ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if b.folder, err = os.MkdirTemp("", "alikms-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	if err := b.measure(); err != nil {
		return err
	}
	return b.report(os.Stdout, jsonFile)
}

// measure takes all that is asked for.
func (b *bench) measure() error {
	defer b.stopAll()
	for _, measure := range []func() error{b.measureCalls, b.measureStart, b.measureMemory, b.measureCreateKey, b.measureWrites, b.measureManyKeys, b.measureManySecrets} {
		if err := measure(); err != nil {
			return err
		}
	}
	if len(b.results) == 0 {
		return errors.New("no row has such a name; --long has more rows")
	}
	return nil
}

// wants reports whether a row is asked for.
func (b *bench) wants(row string) bool {
	for _, word := range b.only {
		if strings.Contains(strings.ToLower(row), strings.TrimSpace(word)) {
			return true
		}
	}
	return len(b.only) == 0
}

func (b *bench) progress(row string) { fmt.Fprintln(b.log, time.Now().Format(time.TimeOnly), row) }

// start starts a server that stopAll stops.
func (b *bench) start(name string, args ...string) (*process, error) {
	p, err := startProcess(b.ctx, name, args...)
	if err == nil {
		b.running = append(b.running, p)
	}
	return p, err
}

// startAlikms starts an alikms on a data folder of the run. It makes no keys
// ahead: nobody creates any, and to make them would disturb what is measured.
func (b *bench) startAlikms(data string, more ...string) (*process, error) {
	return b.start(b.alikms, b.alikmsArgs(data, append(more, "--key-pool", "0")...)...)
}

func (b *bench) alikmsArgs(data string, more ...string) []string {
	return append([]string{"--data", filepath.Join(b.folder, data), "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--log-level", "warn"}, more...)
}

func (b *bench) stopAll() {
	for _, p := range b.running {
		if err := p.stop(); err != nil {
			fmt.Fprintln(b.log, "bench: a server does not stop:", err)
		}
	}
	b.running = nil
}

// report prints the tables, and what must be true beside what is.
func (b *bench) report(out io.Writer, jsonFile string) error {
	fmt.Fprintf(out, "%s, %s\n\n", time.Now().Format(time.DateOnly), machine())
	fmt.Fprintf(out, "Medians of %d rounds in turns, of %v of load each; in brackets the middle half of the rounds.\n\n", b.rounds, b.slice)
	fmt.Fprint(out, b.markdown(), b.targetTable())
	if jsonFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{"time": time.Now(), "machine": machine(), "measures": b.results, "targets": b.met()}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonFile, append(text, '\n'), 0o644)
}

// machine tells the class of the machine, and how busy it is.
func machine() string {
	return fmt.Sprintf("%d processors (%s), %s/%s, %s, load %s", runtime.NumCPU(), procField("/proc/cpuinfo", "model name"), runtime.GOOS, runtime.GOARCH, runtime.Version(), loadAverage())
}

func procField(path, name string) string {
	text, _ := os.ReadFile(path) // not on every system
	for line := range strings.Lines(string(text)) {
		if field, value, _ := strings.Cut(line, ":"); strings.TrimSpace(field) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // not on every system
	load, _, _ := strings.Cut(string(text), " ")
	return load
}
