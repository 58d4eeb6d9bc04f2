package main

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alikms/alikms/emulator/internal/bench/load"
)

// The tables of calls, and the columns that the targets ask for.
const (
	throughput = "calls, as parts of the floor's"
	latency    = "calls, one by one"

	unsigned   = "alikms"
	signedV1   = "V1"
	signedV3   = "V3"
	withRules  = "10 rules and a quota"
	p99Ungated = "p99, of the ungated floor's"
)

// cell is one call under one load.
type cell struct {
	call        cipherCall
	connections int
	tls         bool
}

// row is the name of a cell in the tables.
func (c cell) row() string {
	name := fmt.Sprintf("%s, %d connections", c.call.name, c.connections)
	if c.connections == 1 {
		name = c.call.name + ", 1 connection"
	}
	if c.tls {
		name += ", TLS"
	}
	return name
}

// shortCells are the rows of a run that is not --long.
var shortCells = map[string]bool{
	"encrypt RSA_2048, 16 connections": true, "encrypt RSA_2048, 1 connection": true, "encrypt RSA_2048, 16 connections, TLS": true,
	"decrypt RSA_2048, 16 connections": true, "decrypt RSA_2048, 1 connection": true,
	"sign RSA_2048, 16 connections": true, "verify RSA_2048, 16 connections": true,
	"encrypt EC_SM2, 16 connections": true, "sign EC_P256, 16 connections": true,
	"Encrypt Aliyun_AES_256, 16 connections": true, "Encrypt Aliyun_AES_256, 1 connection": true,
	"Decrypt Aliyun_AES_256, 16 connections": true, "GenerateDataKey Aliyun_AES_256, 16 connections": true,
	getSecret16: true,
}

func (b *bench) cells(ring keyring, keys []testKey) (cells []cell, err error) {
	for _, k := range keys {
		calls, err := ring.callsOf(k)
		if err != nil {
			return nil, err
		}
		for _, call := range calls {
			for _, tls := range []bool{false, true} {
				for _, connections := range []int{16, 1} {
					if c := (cell{call, connections, tls}); b.wants(c.row()) && (b.long || shortCells[c.row()]) {
						cells = append(cells, c)
					}
				}
			}
		}
	}
	return cells, nil
}

// measureCalls compares alikms with servers that do less, and with the
// cryptography alone.
func (b *bench) measureCalls() error {
	keys, err := newKeys()
	if err != nil {
		return err
	}
	ring, err := parseKeys(keys)
	if err != nil {
		return err
	}
	cells, err := b.cells(ring, keys)
	if err != nil || len(cells) == 0 {
		return err
	}
	servers, err := b.startServers(keys)
	if err != nil {
		return err
	}
	defer b.stopAll()
	return b.compareAll(cells, ring, servers)
}

func (b *bench) compareAll(cells []cell, ring keyring, servers []server) error {
	for _, s := range servers {
		if err := s.settle(); err != nil {
			return err
		}
	}
	for _, c := range cells {
		b.progress(c.row())
		if err := b.compare(c, ring, servers); err != nil {
			return fmt.Errorf("%s: %w", c.row(), err)
		}
	}
	return nil
}

// server is a contender: a process, and how it is called.
type server struct {
	name string
	*process
	caller load.Caller
}

// The names of the contenders that are not alikms.
const (
	gatedFloor   = "floor"
	ungatedFloor = "ungated floor"
	bareHTTP     = "bare net/http"
	cryptoLoop   = "crypto loop"
)

const accessKeyID, accessKeySecret = "bench", "bench-secret"

// startServers starts what is compared. The keys are the same everywhere.
func (b *bench) startServers(keys []testKey) (servers []server, err error) {
	scenario, keysFile, rules := filepath.Join(b.folder, "scenario.yaml"), filepath.Join(b.folder, "keys.json"), filepath.Join(b.folder, "rules.json")
	secrets := filepath.Join(b.folder, "secrets.json")
	if err := cmp.Or(writeScenario(scenario, keys), writeSecrets(secrets, keys, 1), writeJSON(keysFile, keys), writeJSON(rules, tenRules(keys))); err != nil {
		return nil, err
	}
	add := func(p *process, failed error, names ...string) {
		err = cmp.Or(err, failed)
		for _, name := range names {
			servers = append(servers, server{name, p, callerOf(name)})
		}
	}
	p, failed := b.startAlikms("calls", "--fixture", scenario, "--fixture", secrets)
	add(p, failed, unsigned)
	p, failed = b.startAlikms("calls-verified", "--fixture", scenario, "--fixture", secrets, "--credential", accessKeyID+":"+accessKeySecret)
	add(p, failed, signedV1, signedV3)
	p, failed = b.startAlikms("calls-rules", "--fixture", scenario, "--fixture", secrets, "--fixture", rules)
	add(p, failed, withRules)
	p, failed = b.start(b.self, "-floor", keysFile, "-gated")
	add(p, failed, gatedFloor)
	p, failed = b.start(b.self, "-floor", keysFile)
	add(p, failed, ungatedFloor)
	p, failed = b.start(b.bare)
	add(p, failed, bareHTTP)
	return servers, err
}

// callerOf signs the calls of a contender that verifies them.
func callerOf(name string) load.Caller {
	if name != signedV1 && name != signedV3 {
		return load.Caller{}
	}
	return load.Caller{Scheme: name, AccessKeyID: accessKeyID, AccessKeySecret: accessKeySecret}
}

// tenRules match other calls than the measured ones, by every property a rule can
// match by; the quota counts the measured ones and refuses none.
func tenRules(keys []testKey) map[string]any {
	type object = map[string]any
	var faults []object
	for i, match := range []object{
		{"operation": "CreateKey"}, {"operation": []string{"ListKeys", "ListAliases"}}, {"accessKeyId": "other"}, {"algorithm": "RSAES_OAEP_SHA_1"},
		{"keyId": keys[1].ID}, {"keyId": keys[2].ID, "operation": "Encrypt"}, {"accessKeyId": "another", "operation": "AsymmetricEncrypt"},
		{"operation": "DescribeKey"}, {"algorithm": "SM2DSA"}, {"operation": "CreateAlias", "accessKeyId": "third"},
	} {
		faults = append(faults, object{"name": fmt.Sprint("rule-", i), "match": match, "error": "InternalFailure"})
	}
	return object{"faults": faults, "quotas": []object{{"name": "all", "rate": "1000000/s"}}}
}

// sample is what one slice of load gave.
type sample struct {
	perSecond float64
	p50, p99  float64 // in milliseconds
	processor float64 // of the server, in microseconds a call
}

// contender takes one slice of load.
type contender struct {
	name string
	take func() (sample, error)
}

func (b *bench) compare(c cell, ring keyring, servers []server) error {
	var contenders []contender
	for _, s := range servers {
		if s.name == withRules && c.call.name != "encrypt RSA_2048" {
			continue
		}
		connections, err := load.Dial(s.address(c.tls), c.tls, c.connections)
		if err != nil {
			return err
		}
		defer connections.Close()
		take, err := b.slicesOf(s, c, connections)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		contenders = append(contenders, contender{s.name, take})
	}
	loop, err := b.loopOf(c, ring)
	if err != nil {
		return err
	}
	contenders = append(contenders, contender{cryptoLoop, loop})
	return b.takeCell(c, contenders)
}

func (b *bench) takeCell(c cell, contenders []contender) error {
	var take []func() (sample, error)
	for _, each := range contenders {
		take = append(take, each.take)
	}
	taken, err := inTurns(b.rounds, take...)
	if err != nil {
		return err
	}
	samples := map[string][]sample{}
	for i, each := range contenders {
		samples[each.name] = taken[i]
	}
	b.addThroughput(c, samples)
	b.addLatency(c, samples)
	return nil
}

// leastCalls is how many calls a slice has at least, however slow they are: by
// many callers so many that their slowest hundredth is not one call.
func leastCalls(connections int) int {
	if connections == 1 {
		return 8
	}
	return 200
}

// slicesOf finds out how many calls fill a slice of time.
func (b *bench) slicesOf(s server, c cell, connections load.Connections) (func() (sample, error), error) {
	requests := func(count int) [][]byte {
		all := make([][]byte, count)
		for i := range all {
			if i == 0 || s.caller.Scheme != "" { // what is unsigned can be sent again
				all[i] = s.caller.Request(s.address(c.tls), c.call.params)
			} else {
				all[i] = all[0]
			}
		}
		return all
	}
	if _, err := connections.Send(requests(c.connections)); err != nil { // handshakes, keys parsed
		return nil, err
	}
	first, err := connections.Send(requests(4 * c.connections))
	if err != nil {
		return nil, err
	}
	count := max(leastCalls(c.connections), int(first.PerSecond()*b.slice.Seconds()))
	return func() (sample, error) { return s.take(connections, requests(count)) }, nil
}

func (s server) take(connections load.Connections, requests [][]byte) (sample, error) {
	before, err := s.processorTime()
	if err != nil {
		return sample{}, err
	}
	result, err := connections.Send(requests)
	if err != nil {
		return sample{}, err
	}
	after, err := s.processorTime()
	return sample{
		perSecond: result.PerSecond(),
		p50:       milliseconds(result.Quantile(0.50)),
		p99:       milliseconds(result.Quantile(0.99)),
		processor: float64((after - before).Nanoseconds()) / 1000 / float64(result.Calls),
	}, err
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// loopOf is the cryptography of a call by as many goroutines as there would be
// connections, in this process.
func (b *bench) loopOf(c cell, ring keyring) (func() (sample, error), error) {
	form := formOf(c.call.params)
	began := time.Now()
	for range 8 {
		if _, err := ring.perform(c.call.params); err != nil {
			return nil, err
		}
	}
	count := max(leastCalls(c.connections), int(8*b.slice.Seconds()/time.Since(began).Seconds()))
	return func() (sample, error) {
		took, err := loop(ring, form, c.connections, count)
		return sample{perSecond: float64(count) / took.Seconds()}, err
	}, nil
}

func loop(ring keyring, form url.Values, workers, count int) (time.Duration, error) {
	var next atomic.Int64
	var group errgroup.Group
	began := time.Now()
	for range workers {
		work, err := ring.work(form)
		if err != nil {
			return 0, err
		}
		group.Go(func() error {
			for int(next.Add(1)) <= count {
				if _, err := work(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return time.Since(began), err
}

func rates(samples []sample) []float64 {
	return each(samples, func(s sample) float64 { return s.perSecond })
}

func (b *bench) addThroughput(c cell, samples map[string][]sample) {
	floor := rates(samples[gatedFloor])
	b.add(throughput, c.row(), "floor, calls/s", floor)
	for _, name := range []string{unsigned, signedV1, signedV3, ungatedFloor, bareHTTP, cryptoLoop} {
		b.add(throughput, c.row(), name, ratios(rates(samples[name]), floor))
	}
	if ruled, ok := samples[withRules]; ok {
		b.add(throughput, c.row(), withRules+", of without", ratios(rates(ruled), rates(samples[unsigned])))
	}
}

func (b *bench) addLatency(c cell, samples map[string][]sample) {
	p50 := func(s sample) float64 { return s.p50 }
	p99 := func(s sample) float64 { return s.p99 }
	processor := func(s sample) float64 { return s.processor }
	b.add(latency, c.row(), "p50, ms", each(samples[unsigned], p50))
	b.add(latency, c.row(), "the floor's", each(samples[gatedFloor], p50))
	b.add(latency, c.row(), "p99, ms", each(samples[unsigned], p99))
	b.add(latency, c.row(), p99Ungated, ratios(each(samples[unsigned], p99), each(samples[ungatedFloor], p99)))
	b.add(latency, c.row(), "processor time, of the floor's", ratios(each(samples[unsigned], processor), each(samples[gatedFloor], processor)))
	b.add(latency, c.row(), "processor, µs a call", each(samples[unsigned], processor))
	for _, name := range []string{signedV1, signedV3, gatedFloor, bareHTTP} {
		b.add(latency, c.row(), "processor, "+name, each(samples[name], processor))
	}
}
