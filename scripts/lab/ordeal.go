package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// ordeal is writers that change the keys of one data folder, over many lives of
// alikms.
type ordeal struct {
	lab     *lab
	folder  string // data
	fixture string
	writers []*writer

	acknowledged, refused atomic.Int64

	mu    sync.Mutex
	wrong []string
	made  map[string]int // changes that were acknowledged, by operation
}

// scenario has an instance, for keys and secrets with policies, and a key in it. Its
// material is given: alikms would make it while the first changes are recorded.
const scenario = "instances: [{instanceId: " + instance + "}]\n" +
	"keys: [{keyId: " + instanceKey + ", keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT, dkmsInstanceId: " + instance +
	", versions: [{keyVersionId: 2ab1a983-7072-4bbc-a582-584b5bd8f001, keyMaterial: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}] # a test key\n"

func (l *lab) newOrdeal(name string, writers int, folder string) (*ordeal, error) {
	o := &ordeal{lab: l, folder: folder, fixture: filepath.Join(l.work, name+".yaml"), made: map[string]int{}}
	for i := range writers {
		o.writers = append(o.writers, newWriter(i, l.chance(name+" writer", i)))
	}
	return o, os.WriteFile(o.fixture, []byte(scenario), 0o600)
}

func (o *ordeal) start() (*alikms, error) { return o.lab.start(o.folder, "--fixture", o.fixture) }

// report notes what must not be.
func (o *ordeal) report(err error) {
	if err == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wrong = append(o.wrong, err.Error())
}

// write lets all writers write until so many changes were acknowledged or
// refused, and calls end then, which ends alikms.
func (o *ordeal) write(p *alikms, changes int, end func()) {
	left := atomic.Int64{}
	left.Store(int64(changes))
	enough := sync.OnceFunc(end)
	var wrote sync.WaitGroup
	for _, w := range o.writers {
		wrote.Go(func() {
			for o.step(p, w) {
				if left.Add(-1) <= 0 {
					enough()
				}
			}
			enough()
		})
	}
	wrote.Wait()
}

// step reports whether the writer can go on.
func (o *ordeal) step(p *alikms, w *writer) bool {
	operation, verdict, err := w.step(p)
	o.report(err)
	switch {
	case err != nil || verdict == gone:
		return false
	case verdict == refused:
		o.refused.Add(1)
	default:
		o.acknowledged.Add(1)
		o.mu.Lock()
		o.made[operation]++
		o.mu.Unlock()
	}
	return true
}

// review compares all that is there with all that was acknowledged.
func (o *ordeal) review(p *alikms) {
	strangers, err := o.strangers(p)
	if err != nil {
		o.report(err)
		return
	}
	var reviewed sync.WaitGroup
	for _, w := range o.writers {
		mine := w.mine(strangers)
		for _, id := range mine {
			delete(strangers, id)
		}
		reviewed.Go(func() { o.report(w.review(p, mine)) })
	}
	reviewed.Wait()
	for id := range strangers {
		o.report(fmt.Errorf("key %s is nobody's", id))
	}
	o.report(o.leftovers())
}

// strangers are the keys that no writer knows, with their descriptions. The
// account's own for secrets is none, but there is one at most.
func (o *ordeal) strangers(p *alikms) (map[string]string, error) {
	ids, err := p.allKeys()
	known, forSecrets := map[string]bool{instanceKey: true}, 0
	for _, w := range o.writers {
		for id := range w.world {
			known[id] = true
		}
	}
	strangers := map[string]string{}
	for _, id := range ids {
		if known[id] {
			continue
		}
		found, askErr := p.ask("DescribeKey", "KeyId", id)
		err = errors.Join(err, askErr)
		if found.text("KeyMetadata", "Creator") == "SecretsManager" && forSecrets == 0 {
			forSecrets++
			continue
		}
		strangers[id] = found.text("KeyMetadata", "Description")
	}
	return strangers, err
}

// leftovers finds what is in the data folder and does not belong there.
func (o *ordeal) leftovers() error {
	entries, err := os.ReadDir(o.folder)
	for _, entry := range entries {
		if entry.Name() != "alikms.db" {
			err = errors.Join(err, fmt.Errorf("%s is left behind", entry.Name()))
		}
	}
	return err
}

// pass moves the clock on, so that keys go.
func (o *ordeal) pass(p *alikms) {
	if _, err := p.control("POST", "/_emulator/clock/advance", `{"by": "8d"}`); err != nil {
		o.report(err)
		return
	}
	for _, w := range o.writers {
		w.pass()
	}
}

// keys is how many there are.
func (o *ordeal) keys() int {
	all := world{}
	for _, w := range o.writers {
		maps.Copy(all, w.world)
	}
	return len(all)
}
