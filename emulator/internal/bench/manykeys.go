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
	ofFew     = "calls/s, of those with 10"
	manyP50   = "p50, ms"

	encryptRow = "encrypt RSA_2048 among 10,000 keys"
	pageRow    = "ListKeys, a page of 10,000 keys"
	filterRow  = "ListKeys, 10,000 keys filtered by spec"

	rest      = "10,000 at rest"
	restRow   = "10,000 keys, existing folder"
	withThem  = ", and the scenario of them"
	againRow  = restRow + withThem
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

// crowd is many of something, beside few.
type crowd struct {
	data, group string         // of the data folders, of the measures
	rest        string         // the row of a start
	scenarios   map[int]string // by how many
	keys        map[int][]testKey
}

// measureManyKeys compares a server of many keys with one of few. One key of each
// is of RSA_2048; the others, which nobody uses, are symmetric.
func (b *bench) measureManyKeys() error {
	rows := b.wanted(manyRows)
	if len(rows) == 0 && !b.wants(againRow) {
		return nil
	}
	c := crowd{"keys", manyKeys, restRow, map[int]string{}, map[int][]testKey{}}
	for _, count := range []int{few, many} {
		var err error
		if c.keys[count], err = newRSAKeys(1); err != nil {
			return err
		}
		c.keys[count] = append(c.keys[count], newSymmetricKeys(count-1)...)
		c.scenarios[count] = filepath.Join(b.folder, fmt.Sprintf("keys-%d.yaml", count))
		if err := writeScenario(c.scenarios[count], c.keys[count]); err != nil {
			return err
		}
	}
	return b.measureMany(rows, c)
}

func (b *bench) wanted(rows []manyRow) []manyRow {
	return slices.DeleteFunc(slices.Clone(rows), func(r manyRow) bool { return !b.wants(r.name) })
}

func (b *bench) measureMany(rows []manyRow, c crowd) error {
	if err := b.compareMany(rows, c); err != nil {
		return err
	}
	return b.restMany(c)
}

func (b *bench) compareMany(rows []manyRow, c crowd) error {
	servers := map[int]*process{}
	for count, scenario := range c.scenarios {
		p, err := b.startAlikms(fmt.Sprint(c.data, "-", count), "--fixture", scenario)
		if err != nil {
			return err
		}
		servers[count] = p
	}
	defer b.stopAll()
	for _, r := range rows {
		b.progress(r.name)
		if err := b.compareManyRow(r, c, servers); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

func (b *bench) compareManyRow(r manyRow, of crowd, servers map[int]*process) error {
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
		c := cell{cipherCall{r.name, r.params(of.keys[count])}, r.connections, false}
		if takes[count], err = b.slicesOf(server{process: p}, c, connections); err != nil {
			return err
		}
	}
	taken, err := inTurns(b.rounds, takes[many], takes[few])
	if err != nil {
		return err
	}
	b.add(of.group, r.name, ofFew, ratios(rates(taken[0]), rates(taken[1])))
	p50 := func(s sample) float64 { return s.p50 }
	b.add(of.group, r.name, manyP50, each(taken[0], p50))
	b.add(of.group, r.name, "p50 with 10, ms", each(taken[1], p50))
	return nil
}

// restMany starts servers on the folder that the comparison left, as what is in it
// may have been created, and with the scenario that made it, and weighs them when
// they have come to rest.
func (b *bench) restMany(c crowd) error {
	args := b.alikmsArgs(fmt.Sprint(c.data, "-", many), "--key-pool", "0")
	if err := b.restOf(c.rest, args); err != nil {
		return err
	}
	return b.restOf(c.rest+withThem, append(args, "--fixture", c.scenarios[many]))
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
