package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/alikms/alikms/emulator/internal/bench/load"
)

// The tables of many keys.
const (
	manyKeys  = "10,000 keys beside 10"
	many, few = 10_000, 10
	ofFew     = "calls/s, of those with 10 keys"
	manyP50   = "p50, ms"

	encryptRow = "encrypt RSA_2048 among 10,000 keys"
	pageRow    = "ListKeys, a page of 10,000 keys"
	filterRow  = "ListKeys, 10,000 keys filtered by spec"

	rest      = "10,000 keys at rest"
	restRow   = "10,000 keys, existing folder"
	againRow  = restRow + ", and the scenario of them"
	restStart = "start to first answer, ms"
	restSize  = "resident memory, MiB"
)

// manyRow is a call to a server with so many keys.
type manyRow struct {
	name        string
	connections int
	params      func(keys []testKey) map[string]string
}

func always(pairs ...string) func([]testKey) map[string]string {
	return func([]testKey) map[string]string { return params(pairs...) }
}

var manyRows = []manyRow{
	{encryptRow, 16, func(keys []testKey) map[string]string {
		return params("Action", "AsymmetricEncrypt", "KeyId", keys[0].ID, "KeyVersionId", keys[0].VersionID, "Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", plaintext)
	}},
	{pageRow, 1, always("Action", "ListKeys")},
	{"ListKeys, the last page of 10,000 keys", 1, func(keys []testKey) map[string]string {
		return params("Action", "ListKeys", "PageNumber", strconv.Itoa(len(keys)/10))
	}},
	{"ListAliases, a page of 10,000 keys", 1, always("Action", "ListAliases")},
	{filterRow, 1, always("Action", "ListKeys", "Filters", `[{"Key":"KeySpec","Values":["RSA_2048"]}]`)},
}

// measureManyKeys compares a server of many keys with one of few. One key of each
// is of RSA_2048; the others, which nobody uses, are symmetric.
func (b *bench) measureManyKeys() error {
	rows := slices.DeleteFunc(slices.Clone(manyRows), func(r manyRow) bool { return !b.wants(r.name) })
	if len(rows) == 0 && !b.wants(againRow) {
		return nil
	}
	scenarios := map[int]string{}
	keys := map[int][]testKey{}
	for _, count := range []int{few, many} {
		var err error
		if keys[count], err = newRSAKeys(1); err != nil {
			return err
		}
		keys[count] = append(keys[count], newSymmetricKeys(count-1)...)
		scenarios[count] = filepath.Join(b.folder, fmt.Sprintf("keys-%d.yaml", count))
		if err := writeScenario(scenarios[count], keys[count]); err != nil {
			return err
		}
	}
	if err := b.compareMany(rows, scenarios, keys); err != nil {
		return err
	}
	return b.restMany(scenarios[many])
}

func (b *bench) compareMany(rows []manyRow, scenarios map[int]string, keys map[int][]testKey) error {
	servers := map[int]*process{}
	for count, scenario := range scenarios {
		p, err := b.startAlikms(fmt.Sprintf("keys-%d", count), "--fixture", scenario)
		if err != nil {
			return err
		}
		servers[count] = p
	}
	defer b.stopAll()
	for _, r := range rows {
		b.progress(r.name)
		if err := b.compareManyRow(r, servers, keys); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

func (b *bench) compareManyRow(r manyRow, servers map[int]*process, keys map[int][]testKey) error {
	takes := map[int]func() (sample, error){}
	for count, p := range servers {
		if err := p.settle(); err != nil {
			return err
		}
		connections, err := load.Dial(p.plain, false, r.connections)
		if err != nil {
			return err
		}
		defer connections.Close()
		c := cell{cipherCall{r.name, r.params(keys[count])}, r.connections, false}
		if takes[count], err = b.slicesOf(server{process: p}, c, connections); err != nil {
			return err
		}
	}
	taken, err := inTurns(b.rounds, takes[many], takes[few])
	if err != nil {
		return err
	}
	b.add(manyKeys, r.name, ofFew, ratios(rates(taken[0]), rates(taken[1])))
	p50 := func(s sample) float64 { return s.p50 }
	b.add(manyKeys, r.name, manyP50, each(taken[0], p50))
	b.add(manyKeys, r.name, "p50 with 10 keys, ms", each(taken[1], p50))
	return nil
}

// restMany starts servers on the folder that the comparison left, as the keys may
// have been created, and with the scenario that made them, and weighs them when they
// have come to rest.
func (b *bench) restMany(scenario string) error {
	args := b.alikmsArgs(fmt.Sprintf("keys-%d", many), "--key-pool", "0")
	if err := b.restOf(restRow, args); err != nil {
		return err
	}
	return b.restOf(againRow, append(args, "--fixture", scenario))
}

func (b *bench) restOf(row string, args []string) error {
	if !b.wants(row) {
		return nil
	}
	b.progress(row)
	taken, err := inTurns(min(b.rounds, 5), func() (started, error) { return b.firstAnswer(b.alikms, args...) })
	if err != nil {
		return err
	}
	p, err := b.start(b.alikms, args...)
	if err != nil {
		return err
	}
	defer b.stopAll()
	if err := p.rest(); err != nil {
		return err
	}
	size, err := p.memory("VmRSS")
	b.add(rest, row, restStart, each(taken[0], started.milliseconds))
	b.add(rest, row, "processor time, ms", each(taken[0], func(s started) float64 { return milliseconds(s.processor) }))
	b.add(rest, row, restSize, []float64{size})
	return err
}
