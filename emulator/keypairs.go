package emulator

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/store"
)

// keyPair is new key material: PKCS#8 DER.
type keyPair struct {
	material []byte
}

func newKeyPair(spec *keyspec.Spec) (*keyPair, error) {
	key, err := spec.Generate()
	if err != nil {
		return nil, err
	}
	material, err := key.Marshal()
	return &keyPair{material}, err
}

// keyPool holds key pairs made ahead, for RSA keys take tenths of seconds to
// make. It is filled in the background, by one goroutine: calls need the other
// processors.
type keyPool struct {
	ready  map[string]chan *keyPair // by name of spec
	taken  chan struct{}            // there is room again
	stop   context.CancelFunc
	filled sync.WaitGroup
}

// newKeyPool keeps size pairs ready of each spec that is slow to generate.
// Size 0 keeps none.
func newKeyPool(size int) *keyPool {
	ctx, stop := context.WithCancel(context.Background())
	p := &keyPool{ready: map[string]chan *keyPair{}, taken: make(chan struct{}, 1), stop: stop}
	var slow []*keyspec.Spec
	for _, name := range keyspec.Names() {
		if spec, _ := keyspec.Lookup(name); spec.Slow() && size > 0 {
			p.ready[name] = make(chan *keyPair, size)
			slow = append(slow, spec)
		}
	}
	p.filled.Go(func() { p.fill(ctx, slow) })
	return p
}

func (p *keyPool) fill(ctx context.Context, slow []*keyspec.Spec) {
	for ctx.Err() == nil {
		next := slices.IndexFunc(slow, func(s *keyspec.Spec) bool { return len(p.ready[s.Name]) < cap(p.ready[s.Name]) })
		if next < 0 {
			select {
			case <-p.taken:
			case <-ctx.Done():
			}
			continue
		}
		pair, err := newKeyPair(slow[next])
		if err != nil {
			return // take will meet it, and say it
		}
		p.ready[slow[next].Name] <- pair // nobody else fills it
	}
}

// take gives a pair that nobody else gets: one made ahead, or a new one.
func (p *keyPool) take(spec *keyspec.Spec) (*keyPair, error) {
	select {
	case pair := <-p.ready[spec.Name]:
		select {
		case p.taken <- struct{}{}:
		default:
		}
		return pair, nil
	default:
		return newKeyPair(spec)
	}
}

// close waits for the pair being made.
func (p *keyPool) close() {
	p.stop()
	p.filled.Wait()
}

// keyring holds parsed private keys by the hash of their material. Parsing one
// costs more than four RSA encryptions and happens on first use. Of two
// generations of keyringSize keys the older goes when the newer is full.
type keyring struct {
	mu       sync.Mutex
	new, old map[store.MaterialHash]parsedKey
}

const keyringSize = 4096

type parsedKey func() (keyspec.PrivateKey, error)

// key parses the material once, however many calls ask for it at a time.
func (r *keyring) key(spec *keyspec.Spec, hash store.MaterialHash, material []byte) (keyspec.PrivateKey, error) {
	return r.entry(hash, func() (keyspec.PrivateKey, error) { return parsePrivateKey(spec, material) })()
}

func parsePrivateKey(spec *keyspec.Spec, material []byte) (keyspec.PrivateKey, error) {
	key, err := spec.Parse(material)
	if err != nil {
		return nil, err
	}
	private, ok := key.(keyspec.PrivateKey)
	if !ok {
		return nil, errors.New("a key of " + spec.Name + " is no private key")
	}
	return private, nil
}

func (r *keyring) entry(hash store.MaterialHash, parse parsedKey) parsedKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	if entry, ok := r.new[hash]; ok {
		return entry
	}
	entry, ok := r.old[hash]
	if !ok {
		entry = sync.OnceValues(parse)
	}
	if len(r.new) >= keyringSize || r.new == nil {
		r.old, r.new = r.new, map[store.MaterialHash]parsedKey{}
	}
	r.new[hash] = entry
	return entry
}

// privateKey is the parsed key of a version. A version whose material a scenario
// left out is given it now: it is committed before anybody sees its public key.
func (s *Server) privateKey(found keyPart) (keyspec.PrivateKey, error) {
	if found.material == nil {
		var err error
		if found, err = s.makeMaterial(found); err != nil {
			return nil, err
		}
	}
	return s.keys.key(found.spec, found.version.MaterialHash, found.material)
}

// generatedSetting is the store's name for the material generated for a version
// of the scenario. It outlives the version, for a start or a reset brings that
// back; as one of another spec, it may be.
func generatedSetting(spec string, v store.Version) string {
	return "generated:" + spec + ":" + keyARN(v.Scope, v.KeyID) + "/" + v.ID
}

// makeMaterial makes the material of a version once, however many calls wait
// for it. No transaction is open while it is generated.
func (s *Server) makeMaterial(found keyPart) (keyPart, error) {
	v := found.version
	made, err, _ := s.making.Do(generatedSetting(found.spec.Name, v), func() (any, error) {
		pair, err := s.pool.take(found.spec)
		if err != nil {
			return nil, err
		}
		err = s.store.Update(func(tx *store.Tx) error {
			err := tx.InsertMaterial(v.Scope, v.KeyID, v.ID, pair.material)
			if errors.Is(err, store.ErrExists) { // made since this call looked
				pair.material, err = tx.Material(v.Scope, v.KeyID, v.ID)
			} else if err == nil {
				err = tx.PutSetting(generatedSetting(found.spec.Name, v), pair.material)
			}
			return err
		})
		return pair.material, err
	})
	if errors.Is(err, store.ErrNotFound) {
		return found, errKeyVersionNotFound.of() // deleted meanwhile
	}
	if err != nil {
		return found, err
	}
	found.material = made.([]byte)
	found.version.MaterialHash = store.MaterialHash(sha256.Sum256(found.material))
	return found, nil
}
