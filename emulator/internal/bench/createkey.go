package main

import (
	"fmt"
	"time"
)

// The table of new keys. The pool keeps two pairs of a spec; ephemeral servers
// may keep none.
const (
	creations    = "CreateKey RSA_3072, p50, ms"
	createKeyRow = "CreateKey RSA_3072"
	poolWarm     = "pool warm"
	poolPairs    = 2
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
	args := b.alikmsArgs("createkey")
	if ephemeral {
		args = append([]string{"--ephemeral"}, args[2:]...) // instead of --data
	}
	p, err := b.start(b.alikms, args...)
	if err != nil {
		return err
	}
	taken, err := inTurns(b.rounds, func() ([2 * poolPairs]float64, error) { return p.createAll() })
	if err != nil {
		return err
	}
	var warm, drained []float64
	for _, took := range taken[0] {
		warm = append(warm, took[:poolPairs]...)
		drained = append(drained, took[poolPairs:]...)
	}
	b.add(creations, row, poolWarm, warm)
	b.add(creations, row, "pool drained", drained)
	return nil
}

// createAll times calls that find the pool filled, and then calls that do not.
func (p *process) createAll() (took [2 * poolPairs]float64, err error) {
	if err := p.settle(); err != nil {
		return took, err
	}
	for i := range took {
		began := time.Now()
		if _, err := p.call(params("Action", "CreateKey", "KeySpec", "RSA_3072", "KeyUsage", "ENCRYPT/DECRYPT")); err != nil {
			return took, err
		}
		took[i] = milliseconds(time.Since(began))
	}
	return took, nil
}
