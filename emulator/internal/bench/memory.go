package main

import (
	"fmt"
	"path/filepath"

	"github.com/alikms/alikms/emulator/internal/bench/load"
)

// The table of memory.
const (
	memory    = "resident memory, MiB"
	memoryRow = "memory after 200,000 calls"
	idle      = "idle"
	after     = "at rest after the calls"
)

// The calls that the memory is measured after, in portions that the client can
// hold.
const loadCalls, loadPortion = 200_000, 5_000

// measureMemory loads fresh servers with encryption by a symmetric key, which
// is the fastest call, from 16 connections. A short run does it once: what a
// process takes differs little.
func (b *bench) measureMemory() error {
	key := newSymmetricKeys(1)
	scenario := filepath.Join(b.folder, "memory.yaml")
	if err := writeScenario(scenario, key); err != nil {
		return err
	}
	rounds := 1
	if b.long {
		rounds = b.rounds
	}
	for _, scheme := range []string{"unsigned", signedV1, signedV3} {
		row := memoryRow + ", " + scheme
		if !b.wants(row) || scheme == signedV3 && !b.long {
			continue
		}
		b.progress(row)
		taken, err := inTurns(rounds, func() ([3]float64, error) { return b.loadFresh(scheme, scenario, key[0]) })
		if err != nil {
			return fmt.Errorf("%s: %w", row, err)
		}
		for i, column := range []string{idle, after, "at the peak"} {
			b.add(memory, row, column, each(taken[0], func(m [3]float64) float64 { return m[i] }))
		}
	}
	return nil
}

// loadFresh measures a new server idle, after the load, and at its peak.
func (b *bench) loadFresh(scheme, scenario string, key testKey) (taken [3]float64, err error) {
	caller := callerOf(scheme)
	args := []string{"--fixture", scenario}
	if caller.Scheme != "" {
		args = append(args, "--credential", accessKeyID+":"+accessKeySecret)
	}
	p, err := startProcess(b.ctx, b.alikms, b.alikmsArgs("memory-"+scheme, args...)...)
	if err != nil {
		return taken, err
	}
	defer p.stop()
	if err := p.rest(); err != nil {
		return taken, err
	}
	if taken[0], err = p.memory("VmRSS"); err != nil {
		return taken, err
	}
	encrypt := params("Action", "Encrypt", "KeyId", key.ID, "Plaintext", plaintext)
	if err := p.load(caller, encrypt, loadCalls); err != nil {
		return taken, err
	}
	if taken[2], err = p.memory("VmHWM"); err != nil {
		return taken, err
	}
	if err := p.rest(); err != nil {
		return taken, err
	}
	taken[1], err = p.memory("VmRSS")
	return taken, err
}

// load sends the same call again and again from 16 connections.
func (p *process) load(caller load.Caller, call map[string]string, calls int) error {
	connections, err := load.Dial(p.plain, false, 16)
	if err != nil {
		return err
	}
	defer connections.Close()
	for range calls / loadPortion {
		requests := make([][]byte, loadPortion)
		for i := range requests {
			requests[i] = caller.Request(p.plain, call)
		}
		if _, err := connections.Send(requests); err != nil {
			return err
		}
	}
	return nil
}
