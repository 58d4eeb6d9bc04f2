package main

import (
	"fmt"
	"time"
)

// The table of new keys.
const (
	creations    = "CreateKey RSA_3072, p50, ms"
	createKeyRow = "CreateKey RSA_3072"
	poolWarm     = "pool warm"
)

func (b *bench) measureCreateKey() error {
	for _, ephemeral := range []bool{false, true} {
		row := createKeyRow
		if ephemeral {
			row += ", --ephemeral"
		}
		if !b.wants(row) {
			continue
		}
		b.progress(row)
		if err := b.createKeys(row, ephemeral); err != nil {
			return fmt.Errorf("%s: %w", row, err)
		}
	}
	return nil
}

// createKeys creates as many keys as the pool has pairs, and as many again when
// it has none, each round after the pool has been filled.
func (b *bench) createKeys(row string, ephemeral bool) error {
	args, pairs := b.alikmsArgs("createkey"), 2 // of a spec, that the pool keeps
	if ephemeral {
		pairs = 1
		args = append([]string{"--ephemeral"}, args[2:]...) // instead of --data
	}
	p, err := b.start(b.alikms, args...)
	if err != nil {
		return err
	}
	time.Sleep(1500 * time.Millisecond) // the pool begins when a second is over
	taken, err := inTurns(b.rounds, func() ([]float64, error) { return p.createAll(2 * pairs) })
	if err != nil {
		return err
	}
	var warm, drained []float64
	for _, took := range taken[0] {
		warm = append(warm, took[:pairs]...)
		drained = append(drained, took[pairs:]...)
	}
	b.add(creations, row, poolWarm, warm)
	b.add(creations, row, "pool drained", drained)
	return nil
}

// createAll times calls that find the pool filled, and then calls that do not.
func (p *process) createAll(count int) (took []float64, err error) {
	if err := p.settle(); err != nil {
		return nil, err
	}
	for range count {
		began := time.Now()
		if _, err := p.call(params("Action", "CreateKey", "KeySpec", "RSA_3072", "KeyUsage", "ENCRYPT/DECRYPT")); err != nil {
			return nil, err
		}
		took = append(took, milliseconds(time.Since(began)))
	}
	return took, nil
}
