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
	var warm, drained []float64
	for range b.rounds {
		if err := p.settle(); err != nil {
			return err
		}
		for i := range 2 * poolPairs {
			began := time.Now()
			if _, err := p.call(params("Action", "CreateKey", "KeySpec", "RSA_3072", "KeyUsage", "ENCRYPT/DECRYPT")); err != nil {
				return err
			}
			took := milliseconds(time.Since(began))
			if i < poolPairs {
				warm = append(warm, took)
			} else {
				drained = append(drained, took)
			}
		}
	}
	b.add(creations, row, poolWarm, warm)
	b.add(creations, row, "pool drained", drained)
	return nil
}
