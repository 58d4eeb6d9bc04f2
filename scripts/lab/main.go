// Command lab does to alikms what disks, kernels and clients do on a bad day, and
// says what became of it. Run it by scripts/torture.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// trial is one way to torture alikms.
type trial struct {
	name string
	run  func(*lab) outcome
}

var trials = []trial{
	{"kill", kills},
	{"powerloss", powerLosses},
	{"fulldisk", fullDisks},
	{"damage", damages},
	{"connections", connections},
	{"requests", requests},
}

// outcome is what became of a trial.
type outcome struct {
	done    string   // in numbers
	wrong   []string // what must not be
	skipped string   // why nothing was done
}

// fail is the outcome of a trial that could not be held.
func fail(err error) outcome { return outcome{done: "not held", wrong: []string{err.Error()}} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

func run(ctx context.Context) int {
	l := &lab{ctx: ctx}
	flag.BoolVar(&l.short, "short", false, "a short form of each trial, a minute together")
	flag.Uint64Var(&l.seed, "seed", uint64(time.Now().UnixNano()), "what chance depends on, as an earlier run printed it")
	flag.Usage = usage
	flag.Parse()
	chosen, err := choose(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if err := l.prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(l.work)
	return l.hold(chosen)
}

func usage() {
	var names []string
	for _, t := range trials {
		names = append(names, t.name)
	}
	fmt.Fprintf(os.Stderr, "usage: scripts/torture [flags] [%s]...\n", strings.Join(names, "|"))
	flag.PrintDefaults()
}

// choose finds the trials of these names; all where there are none.
func choose(names []string) ([]trial, error) {
	if len(names) == 0 {
		return trials, nil
	}
	var chosen []trial
	for _, name := range names {
		i := slices.IndexFunc(trials, func(t trial) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no trial %q", name)
		}
		chosen = append(chosen, trials[i])
	}
	return chosen, nil
}

// prepare builds the program as users have it.
func (l *lab) prepare() (err error) {
	if l.work, err = os.MkdirTemp("", "alikms-torture-"); err != nil {
		return err
	}
	l.binary = filepath.Join(l.work, "alikms")
	return l.command("go", "build", "-o", l.binary, ".")
}

// command runs a program to its end.
func (l *lab) command(name string, args ...string) error {
	if out, err := exec.CommandContext(l.ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// hold holds the trials one after the other and prints the table. What is wrong
// comes below it.
func (l *lab) hold(chosen []trial) (code int) {
	fmt.Printf("seed %d\n\n| trial | done | wrong | seconds |\n| --- | --- | --- | --- |\n", l.seed)
	var details []string
	for _, t := range chosen {
		began := time.Now()
		o := t.run(l)
		if l.ctx.Err() != nil {
			return 1
		}
		if o.skipped != "" {
			fmt.Printf("| %s | skipped: %s | | |\n", t.name, o.skipped)
			continue
		}
		fmt.Printf("| %s | %s | %d | %.0f |\n", t.name, o.done, len(o.wrong), time.Since(began).Seconds())
		for _, w := range o.wrong {
			details = append(details, t.name+": "+w)
		}
	}
	for _, line := range details {
		fmt.Println("\n" + line)
	}
	return min(len(details), 1)
}
