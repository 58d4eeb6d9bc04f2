package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alikms/alikms/emulator/internal/bench/load"
)

// The table of starts.
const (
	starts   = "start to first answer"
	overBare = "over bare net/http, ms"
)

func startRow(keys int, existing bool) string {
	folder := "new"
	if existing {
		folder = "existing"
	}
	return fmt.Sprintf("start with %d RSA_2048 keys, %s folder", keys, folder)
}

// measureStart times a start until the first answer, beside that of a bare
// net/http server.
func (b *bench) measureStart() error {
	for _, count := range []int{0, 30, 1000} {
		if !b.wants(startRow(count, false)) && !b.wants(startRow(count, true)) {
			continue
		}
		keys, err := newRSAKeys(count)
		if err != nil {
			return err
		}
		scenario := filepath.Join(b.folder, fmt.Sprintf("start-%d.yaml", count))
		if err := writeScenario(scenario, keys); err != nil {
			return err
		}
		for _, existing := range []bool{false, true} {
			if err := b.compareStart(startRow(count, existing), scenario, existing); err != nil {
				return fmt.Errorf("%s: %w", startRow(count, existing), err)
			}
		}
	}
	return nil
}

func (b *bench) compareStart(row, scenario string, existing bool) error {
	if !b.wants(row) {
		return nil
	}
	b.progress(row)
	const data = "start"
	args := b.alikmsArgs(data, "--fixture", scenario)
	alikms := func() (started, error) {
		if !existing {
			if err := os.RemoveAll(filepath.Join(b.folder, data)); err != nil {
				return started{}, err
			}
		}
		return b.firstAnswer(b.alikms, args...)
	}
	if _, err := alikms(); err != nil { // fills the folder that exists, and the caches of the system
		return err
	}
	taken, err := inTurns(b.rounds, alikms, func() (started, error) { return b.firstAnswer(b.bare) })
	if err != nil {
		return err
	}
	took, bare := each(taken[0], started.milliseconds), each(taken[1], started.milliseconds)
	b.add(starts, row, "alikms, ms", took)
	b.add(starts, row, "bare net/http, ms", bare)
	b.add(starts, row, overBare, differences(took, bare))
	b.add(starts, row, "processor time of alikms, ms", each(taken[0], func(s started) float64 { return milliseconds(s.processor) }))
	return os.RemoveAll(filepath.Join(b.folder, data))
}

// started is what a start took.
type started struct{ took, processor time.Duration }

func (s started) milliseconds() float64 { return milliseconds(s.took) }

// firstAnswer times a server from the moment its program is started until it has
// answered one request, and stops it.
func (b *bench) firstAnswer(name string, args ...string) (s started, err error) {
	began := time.Now()
	p, err := startProcess(b.ctx, name, args...)
	if err != nil {
		return s, err
	}
	if _, err := p.call(params("Action", "ListKeys")); err != nil {
		return s, errors.Join(err, p.stop())
	}
	s.took = time.Since(began)
	s.processor, err = p.processorTime()
	return s, errors.Join(err, p.stop())
}

// call sends one unsigned request on a connection of its own.
func (p *process) call(parameters map[string]string) ([]byte, error) {
	connections, err := load.Dial(p.plain, false, 1)
	if err != nil {
		return nil, err
	}
	defer connections.Close()
	return connections.Call(load.Caller{}.Request(p.plain, parameters))
}
