package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alikms/alikms/emulator"
)

// requests calls all operations, sensibly and senselessly, while faults fail,
// delay, reset and cut calls. Nothing wrong may be answered, and descriptors,
// goroutines and memory may not grow.
func requests(l *lab) outcome {
	fresh, err := l.goroutinesAlone()
	if err != nil {
		return fail(err)
	}
	f, err := l.newFlood()
	if err != nil {
		return fail(err)
	}
	defer f.p.kill()
	total := l.amount(20_000, 1_000_000)
	before, err := f.p.consumed()
	if errors.Is(err, errors.ErrUnsupported) {
		return outcome{skipped: "memory and descriptors are read from /proc, which is not here"}
	}
	f.run(l, total/5) // fills the journal and the caches
	warm, _ := f.p.settled(before.descriptors)
	most := f.watch(func() { f.run(l, total-total/5) })
	after, err := f.p.settled(before.descriptors)
	f.note(err)
	left, err := f.p.goroutines()
	f.note(err)
	f.judge(before, warm, after, fresh, left)
	f.done = fmt.Sprintf("%d requests, %d by faults without an answer, %d refused; memory %d MiB after a fifth, %d at most, %d at the end; descriptors %d, %d at most, %d; goroutines %d, %d",
		f.sent.Load(), f.unanswered.Load(), f.refused.Load(), warm.resident>>10, most.resident>>10, after.resident>>10,
		before.descriptors, most.descriptors, after.descriptors, fresh, left)
	return f.outcome
}

// goroutinesAlone is how many an alikms has that was asked for its health.
func (l *lab) goroutinesAlone() (int, error) {
	p, err := l.start(filepath.Join(l.work, "alone"))
	if err != nil {
		return 0, err
	}
	defer p.kill()
	if _, err := p.control("GET", "/healthz", ""); err != nil {
		return 0, err
	}
	c, err := p.consumed()
	if err == nil {
		_, err = p.settled(c.descriptors - 1)
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return 0, err
	}
	return p.goroutines()
}

// flood is clients that call whatever there is.
type flood struct {
	outcome
	p                         *alikms
	mu                        sync.Mutex
	round                     int
	sent, unanswered, refused atomic.Int64
}

// faulty has a rule for each kind of fault: the first that matches a call decides
// it. None answers InternalFailure: that is left for failures of alikms's own.
const faulty = `
keys:
  - {keyId: key-symmetric, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}
  - {keyId: key-sm2, keySpec: EC_SM2, keyUsage: SIGN/VERIFY, versions: [{keyVersionId: version-sm2}]}
  - {keyId: key-p256, keySpec: EC_P256, keyUsage: SIGN/VERIFY, versions: [{keyVersionId: version-p256}]}
  - {keyId: key-rsa, keySpec: RSA_2048, keyUsage: ENCRYPT/DECRYPT, versions: [{keyVersionId: version-rsa}]}
faults:
  - {name: busy, match: {operation: [AsymmetricEncrypt, DescribeKey, TagResource]}, error: Rejected.Throttling, retryAfter: 1s, chance: 0.1, seed: 1}
  - {name: lost, match: {operation: [Encrypt, AsymmetricVerify, ListKeys]}, connection: reset, chance: 0.05, seed: 2}
  - {name: late, match: {operation: [Decrypt, GetPublicKey]}, delay: 5ms, chance: 0.1, seed: 3}
  - {name: cut, match: {operation: [AsymmetricSign, ListAliases, UpdateKeyDescription]}, connection: truncate, phase: after, chance: 0.05, seed: 4}
  - {name: unheard, match: {operation: [CreateAlias, DeleteAlias, AsymmetricDecrypt]}, connection: reset, phase: after, chance: 0.05, seed: 5}
`

func (l *lab) newFlood() (*flood, error) {
	fixture := filepath.Join(l.work, "requests.yaml")
	if err := os.WriteFile(fixture, []byte(faulty), 0o600); err != nil {
		return nil, err
	}
	p, err := l.start(filepath.Join(l.work, "requests"), "--fixture", fixture)
	return &flood{p: p}, err
}

// note adds what must not be, the first hundred times.
func (f *flood) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.wrong) < 100 {
		f.outcome.note(err)
	}
}

// run sends so many requests, by 16 clients.
func (f *flood) run(l *lab, total int) {
	end := f.sent.Load() + int64(total)
	var ran sync.WaitGroup
	for i := range 16 {
		chance := l.chance("requests", f.round*16+i)
		c := &client{f, chance, i}
		ran.Go(func() {
			for f.sent.Load() < end && l.ctx.Err() == nil {
				f.note(c.act())
			}
		})
	}
	f.round++
	ran.Wait()
}

// watch is what was consumed at most while fn ran.
func (f *flood) watch(fn func()) (most consumption) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn()
	}()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ended:
			return most
		case <-look.C:
		}
		c, err := f.p.consumed()
		f.note(err)
		most.resident, most.descriptors = max(most.resident, c.resident), max(most.descriptors, c.descriptors)
	}
}

// mostGrowth is what the memory may differ by, in KiB: Go gives memory back late.
const mostGrowth = 64 << 10

func (f *flood) judge(before, warm, after consumption, fresh, left int) {
	if after.descriptors > before.descriptors {
		f.note(fmt.Errorf("%d descriptors are open, %d were before", after.descriptors, before.descriptors))
	}
	if after.resident > warm.resident+mostGrowth {
		f.note(fmt.Errorf("memory grew from %d to %d KiB", warm.resident, after.resident))
	}
	if left > fresh {
		f.note(fmt.Errorf("%d goroutines are left, %d is what an alikms has", left, fresh))
	}
	f.note(f.p.failed())
	if f.unanswered.Load() == 0 {
		f.note(errors.New("no fault kept an answer back"))
	}
}

// client is one that calls.
type client struct {
	*flood
	chance *rand.Rand
	number int
}

// call is a call that faults may keep from being answered; ok is false then.
func (c *client) call(operation string, params ...string) (a answer, ok bool, err error) {
	c.sent.Add(1)
	a, err = c.p.call(operation, params...)
	switch {
	case err != nil:
		c.unanswered.Add(1)
		return a, false, nil
	case a.code == "InternalFailure" || a.status >= 500:
		return a, false, fmt.Errorf("%s %q answers %v", operation, params, a)
	case a.status != http.StatusOK:
		c.refused.Add(1)
		return a, false, nil
	}
	return a, true, nil
}

// act does one of the things that clients do.
func (c *client) act() error {
	acts := []func() error{c.encrypt, c.encrypt, c.sign, c.sign, c.encryptPublicly, c.change, c.wander, c.wander, c.babble, c.inspect}
	return acts[c.chance.IntN(len(acts))]()
}

// wander calls any operation with parameters that fit none or some.
func (c *client) wander() error {
	all := emulator.Operations()
	op := all[c.chance.IntN(len(all))]
	switch op.Name {
	case "CreateKey", "CreateKeyVersion", "GetParametersForImport", "ScheduleKeyDeletion", "DisableKey":
		return nil // more and more keys are no leak
	}
	var params []string
	for _, name := range op.Parameters {
		if c.chance.IntN(4) > 0 {
			params = append(params, name, c.value())
		}
	}
	_, _, err := c.call(op.Name, params...)
	return err
}
