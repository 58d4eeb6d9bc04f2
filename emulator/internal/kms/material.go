package kms

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// versionRef is a version with what is needed to use it outside a transaction.
type versionRef struct {
	key     store.Key
	spec    *keyspec.Spec
	version store.Version
	parsed  keyspec.Key // nil: not yet
	// material is as keyspec marshals it; nil where it is yet to be made, or the
	// key is parsed.
	material []byte
}

func (v versionRef) ringName() ringName { return ringName{v.spec.Name, v.version.MaterialHash} }

// newMaterial is key material that nobody else has, as keyspec marshals it.
type newMaterial []byte

func generate(spec *keyspec.Spec) (newMaterial, error) {
	key, err := spec.Generate()
	if err != nil {
		return nil, err
	}
	return key.Marshal()
}

// keyPool holds key pairs made ahead, for RSA keys take tenths of seconds to
// make. It is filled in the background, by one goroutine: calls need the other
// processors.
type keyPool struct {
	ready map[string]chan newMaterial // by name of spec
	taken chan struct{}               // there is room again
	slow  *semaphore.Weighted         // the gate of making keys
	stop  context.CancelFunc
}

// poolAfter is when the pool begins: the first second belongs to those who wait for
// the start.
const poolAfter = time.Second

// newKeyPool keeps size pairs ready of each spec that is slow to generate.
// Size 0 keeps none.
func newKeyPool(size int, slow *semaphore.Weighted) *keyPool {
	ctx, stop := context.WithCancel(context.Background())
	p := &keyPool{ready: map[string]chan newMaterial{}, taken: make(chan struct{}, 1), slow: slow, stop: stop}
	var specs []*keyspec.Spec
	for _, name := range keyspec.Names() {
		if spec, _ := keyspec.Lookup(name); spec.Slow() && size > 0 {
			p.ready[name] = make(chan newMaterial, size)
			specs = append(specs, spec)
		}
	}
	go p.fill(ctx, specs)
	return p
}

func (p *keyPool) fill(ctx context.Context, specs []*keyspec.Spec) {
	select {
	case <-time.After(poolAfter):
	case <-ctx.Done():
	}
	for ctx.Err() == nil {
		next := slices.IndexFunc(specs, func(s *keyspec.Spec) bool { return len(p.ready[s.Name]) < cap(p.ready[s.Name]) })
		if next < 0 {
			select {
			case <-p.taken:
			case <-ctx.Done():
			}
			continue
		}
		material, err := p.generate(ctx, specs[next])
		if err != nil {
			return // take will meet it, and say it
		}
		p.ready[specs[next].Name] <- material // nobody else fills it
	}
}

// generate makes new material when the gate lets it, if it is slow to make.
func (p *keyPool) generate(ctx context.Context, spec *keyspec.Spec) (newMaterial, error) {
	if spec.Slow() {
		if err := p.slow.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		defer p.slow.Release(1)
	}
	return generate(spec)
}

// take gives material that nobody else gets: made ahead, or new. Its error is
// that of ctx where the caller left before its turn.
func (p *keyPool) take(ctx context.Context, spec *keyspec.Spec) (newMaterial, error) {
	select {
	case material := <-p.ready[spec.Name]:
		select {
		case p.taken <- struct{}{}:
		default:
		}
		return material, nil
	default:
		return p.generate(ctx, spec)
	}
}

// close does not wait for the pair being made, which can take a second and is
// dropped.
func (p *keyPool) close() { p.stop() }

// ringName tells parsed keys apart: the same bytes are keys of several specs, such
// as AES and SM4.
type ringName struct {
	spec string
	hash store.MaterialHash
}

// keyring holds parsed keys by their material. Parsing a private key
// costs more than four RSA encryptions and happens on first use. Of two
// generations of keyringSize keys the older goes when the newer is full.
type keyring struct {
	mu       sync.Mutex
	new, old map[ringName]keyspec.Key
}

const keyringSize = 4096

// get finds a key that has been parsed.
func (r *keyring) get(name ringName) (keyspec.Key, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if key, ok := r.new[name]; ok {
		return key, true
	}
	key, ok := r.old[name]
	if ok {
		r.add(name, key)
	}
	return key, ok
}

func (r *keyring) put(name ringName, key keyspec.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(name, key)
}

func (r *keyring) add(name ringName, key keyspec.Key) {
	if len(r.new) >= keyringSize || r.new == nil {
		r.old, r.new = r.new, map[ringName]keyspec.Key{}
	}
	r.new[name] = key
}

// parsedKey is the parsed key of a version. A version whose material a scenario
// left out is given it now: it is committed before anybody sees its public key.
func (s *Service) parsedKey(ctx context.Context, found versionRef) (keyspec.Key, error) {
	if found.parsed != nil {
		return found.parsed, nil
	}
	if found.material == nil {
		var err error
		if found, err = s.makeMaterial(ctx, found); err != nil {
			return nil, err
		}
	}
	if key, ok := s.keys.get(found.ringName()); ok {
		return key, nil
	}
	return s.parse(ctx, found)
}

// parse reads the key of a version when the gate of parsing lets the call pass.
// Of calls that wait there for the same key the first parses it.
func (s *Service) parse(ctx context.Context, found versionRef) (keyspec.Key, error) {
	if found.spec.Slow() {
		if err := s.parsing.Acquire(ctx, 1); err != nil {
			return nil, err // the client hung up
		}
		defer s.parsing.Release(1)
		if key, ok := s.keys.get(found.ringName()); ok {
			return key, nil
		}
	}
	key, err := found.spec.Parse(found.material)
	if err != nil {
		return nil, err
	}
	s.keys.put(found.ringName(), key)
	return key, nil
}

// GeneratedSetting is the store's name for the material generated for a version
// of the scenario. It outlives the version, for a start or a reset brings that
// back; as one of another spec, it may be.
func GeneratedSetting(spec string, v store.Version) string {
	return "generated:" + spec + ":" + KeyARN(v.Scope, v.KeyID) + "/" + v.ID
}

// makeMaterial makes the material of a version once, however many calls wait
// for it. No transaction is open while it is generated. It is made even when the
// caller that came first leaves, for others may wait for it.
func (s *Service) makeMaterial(ctx context.Context, found versionRef) (versionRef, error) {
	making := s.making.DoChan(GeneratedSetting(found.spec.Name, found.version), func() (any, error) {
		material, err := s.pool.take(context.WithoutCancel(ctx), found.spec)
		if err != nil {
			return nil, err
		}
		return s.keepMaterial(found, material)
	})
	select {
	case made := <-making:
		if errors.Is(made.Err, store.ErrNotFound) {
			return found, kmserr.KeyVersionNotFound // deleted meanwhile
		}
		if made.Err != nil {
			return found, made.Err
		}
		found.material = made.Val.(newMaterial)
	case <-ctx.Done():
		return found, ctx.Err()
	}
	found.version.MaterialHash = store.MaterialHash(sha256.Sum256(found.material))
	return found, nil
}

// keepMaterial gives a version its material, unless it has some by now, and
// returns what it has.
func (s *Service) keepMaterial(found versionRef, material newMaterial) (newMaterial, error) {
	v := found.version
	err := s.Store.Update(func(tx *store.Tx) error {
		key, err := tx.Key(v.Scope, v.KeyID)
		if err == nil && key.Spec != found.spec.Name { // of another scenario by now
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		err = tx.InsertMaterial(v.Scope, v.KeyID, v.ID, material)
		if errors.Is(err, store.ErrExists) { // made since this call looked
			material, err = tx.Material(v.Scope, v.KeyID, v.ID)
		} else if err == nil {
			err = tx.PutSetting(GeneratedSetting(found.spec.Name, v), material)
		}
		return err
	})
	return material, err
}

// MakeAllMaterial makes the key material that a scenario left out and no call
// has needed yet. It ends early, with the error of ctx, when that is done.
func (s *Service) MakeAllMaterial(ctx context.Context) error {
	missing, err := s.withoutMaterial()
	for _, found := range missing {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := s.makeMaterial(ctx, found); err != nil && !errors.As(err, new(*kmserr.Error)) {
			return err
		}
	}
	return err
}

// withoutMaterial finds the versions that have no material yet.
func (s *Service) withoutMaterial() (missing []versionRef, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		return EachKey(tx, func(key store.Key) error {
			versions, err := versionsWithoutMaterial(tx, key)
			missing = append(missing, versions...)
			return err
		})
	})
	return missing, err
}

func versionsWithoutMaterial(tx *store.Tx, key store.Key) (missing []versionRef, err error) {
	spec, err := specOf(key)
	if err != nil || key.Origin == OriginExternal {
		return nil, err
	}
	versions, err := tx.VersionsPage(key.Scope, key.ID, 0, math.MaxInt)
	for _, v := range versions {
		if v.MaterialHash == (store.MaterialHash{}) {
			missing = append(missing, versionRef{key: key, spec: spec, version: v})
		}
	}
	return missing, err
}
