package main

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/alikms/alikms/emulator/internal/bench/load"
)

// The table of writes.
const (
	writes       = "writes by 16 callers"
	writesRow    = "CreateAlias, 16 callers"
	ofBareBolt   = "of bare bbolt's"
	writers      = 16
	writesARound = 10 * writers
)

// measureWrites compares a small write with the least that a database asks for:
// an update of one record, each in a commit of its own.
func (b *bench) measureWrites() error {
	if !b.wants(writesRow) {
		return nil
	}
	b.progress(writesRow)
	key := newSymmetricKeys(1)
	scenario := filepath.Join(b.folder, "writes.yaml")
	if err := writeScenario(scenario, key); err != nil {
		return err
	}
	p, err := b.startAlikms("writes", "--fixture", scenario)
	if err != nil {
		return err
	}
	connections, err := load.Dial(p.plain, false, writers)
	if err != nil {
		return err
	}
	defer connections.Close()
	db, err := bbolt.Open(filepath.Join(b.folder, "bare.db"), 0o600, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := p.settle(); err != nil {
		return err
	}
	return b.compareWrites(createAliases(p, connections, key[0]), updates(db))
}

func (b *bench) compareWrites(alikms, bolt func() (float64, error)) error {
	taken, err := inTurns(b.rounds, alikms, bolt)
	if err != nil {
		return err
	}
	b.add(writes, writesRow, "alikms, a second", taken[0])
	b.add(writes, writesRow, "bare bbolt, a second", taken[1])
	b.add(writes, writesRow, ofBareBolt, ratios(taken[0], taken[1]))
	return nil
}

// createAliases gives a key more names, and returns how many in a second.
func createAliases(p *process, connections load.Connections, key testKey) func() (float64, error) {
	made := 0
	return func() (float64, error) {
		requests := make([][]byte, writesARound)
		for i := range requests {
			made++
			requests[i] = load.Caller{}.Request(p.plain, params("Action", "CreateAlias", "KeyId", key.ID, "AliasName", fmt.Sprintf("alias/bench-%06d", made)))
		}
		result, err := connections.Send(requests)
		return result.PerSecond(), err
	}
}

// updates puts records of the size of an alias, and returns how many in a second.
func updates(db *bbolt.DB) func() (float64, error) {
	var made atomic.Int64
	value := make([]byte, 100)
	put := func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("aliases"))
		if err != nil {
			return err
		}
		return bucket.Put(fmt.Appendf(nil, "1234567890123456/cn-hangzhou/alias/bench-%06d", made.Add(1)), value)
	}
	return func() (float64, error) {
		var group errgroup.Group
		began := time.Now()
		for range writers {
			group.Go(func() error {
				for range writesARound / writers {
					if err := db.Update(put); err != nil {
						return err
					}
				}
				return nil
			})
		}
		err := group.Wait()
		return writesARound / time.Since(began).Seconds(), err
	}
}
