package kms

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// Service is what the operations work on.
type Service struct {
	Store *store.Store

	pool   *keyPool
	keys   keyring
	making singleflight.Group // of key material that the scenario leaves out
	// The gates let in who came first. That of cryptography is as wide as the
	// processors, and one more where the runtime has more. Those of slow work are narrower, so that it cannot starve the
	// rest, and two, for parsing a key takes milliseconds: it is not to wait
	// behind hundreds of keys being made.
	crypto, slow, parsing *semaphore.Weighted

	changed chan struct{} // a write may have changed what falls due
}

// NewService makes a service on a store. poolSize is how many key pairs are made
// ahead of each spec that is slow to generate. Close ends that.
func NewService(st *store.Store, poolSize int) *Service {
	// The runtime may have been given more processors than there are.
	processors := min(runtime.GOMAXPROCS(0), runtime.NumCPU()+1)
	narrow := max(1, min(processors, runtime.NumCPU())/2)
	s := &Service{
		Store:   st,
		crypto:  semaphore.NewWeighted(int64(processors)),
		slow:    semaphore.NewWeighted(int64(narrow)),
		parsing: semaphore.NewWeighted(int64(narrow)),
		changed: make(chan struct{}, 1),
	}
	s.pool = newKeyPool(poolSize, s.slow)
	return s
}

// Close ends the work in the background.
func (s *Service) Close() { s.pool.close() }

// Changed tells of writes, one or several: what falls due next may have changed.
func (s *Service) Changed() <-chan struct{} { return s.changed }

// NextRotation is when the next rotation falls due, of whatever key; zero: none.
func (s *Service) NextRotation() (next time.Time, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		scopes, err := tx.Scopes()
		for _, scope := range scopes {
			date, err := tx.NextRotation(scope)
			if err != nil {
				return err
			}
			if !date.IsZero() && (next.IsZero() || date.Before(next)) {
				next = date
			}
		}
		return err
	})
	return next, err
}

func (s *Service) noteChange() {
	select {
	case s.changed <- struct{}{}:
	default: // it is told already
	}
}

// FindKeyOf notes in a call the key that its parameters name, if they name one:
// by its id, alias or ARN, or by a ciphertext that it made; of a list it is the
// first. An alias is resolved; whether there is such a key is not asked.
func (s *Service) FindKeyOf(c *Call, op *Operation, sent map[string]string) error {
	resource := sent["ResourceId.1"]
	if sent["ResourceType"] != resourceKey {
		resource = ""
	}
	name := cmp.Or(sent["KeyId"], sent["ProtectedResourceArn"], sent["SourceKeyId"], resource)
	var blob cipherBlob
	if name == "" && (!op.Takes("CiphertextBlob") || blob.UnmarshalText([]byte(sent["CiphertextBlob"])) != nil) {
		return nil
	}
	if key := parseKeyName(name); name != "" && key.alias == "" {
		scope, id, _ := (&transaction{Call: c}).resolve(key) // an id is not looked up
		c.setKey(scope, id)
		return nil
	}
	c.service = s
	err := c.view(func(tx *transaction) error {
		scope, id, err := tx.named(name, blob)
		if err == nil {
			tx.setKey(scope, id)
		}
		return err
	})
	if errors.As(err, new(*kmserr.Error)) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// named finds the key of a name, or, where there is none, of a ciphertext.
func (tx *transaction) named(name string, blob cipherBlob) (store.Scope, string, error) {
	if name != "" {
		return tx.resolve(parseKeyName(name))
	}
	version, err := tx.store.RegionalVersion(tx.Scope.Region, blob.versionID)
	return version.Scope, version.KeyID, err
}

// FindKey finds the ARN of a key by its id, an alias or its ARN. An alias is one
// of the scope given, an id may be of any account and region.
func (s *Service) FindKey(here store.Scope, now time.Time, text string) (arn string, ok bool) {
	err := s.Store.View(func(st *store.Tx) error {
		name := parseKeyName(text)
		tx := &transaction{Call: &Call{Scope: here, Now: now}, store: st}
		scope, id, err := tx.resolve(name)
		if err != nil {
			return err
		}
		candidates := []store.Scope{scope}
		if name.alias == "" && !name.arn {
			others, err := st.Scopes()
			if err != nil {
				return err
			}
			candidates = append(candidates, others...)
		}
		for _, scope := range candidates {
			if key, err := st.Key(scope, id); err == nil && !Gone(key, now) {
				arn = KeyARN(scope, id)
				return nil
			}
		}
		return kmserr.KeyNotFound
	})
	return arn, err == nil
}

// KeyOfVersion finds the ARN of the key that has a version, in whatever account
// and region.
func (s *Service) KeyOfVersion(id string) (arn string, ok bool) {
	err := s.Store.View(func(tx *store.Tx) error {
		scopes, err := tx.Scopes()
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			if keyID, err := tx.KeyOfVersion(scope, id); err == nil {
				arn = KeyARN(scope, keyID)
				return nil
			}
		}
		return kmserr.KeyVersionNotFound
	})
	return arn, err == nil
}

// EachKey visits the keys of every account and region.
func EachKey(tx *store.Tx, visit func(store.Key) error) error {
	scopes, err := tx.Scopes()
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		for key, err := range tx.Keys(scope) {
			if err == nil {
				err = visit(key)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// EachSecret visits the secrets of every account and region.
func EachSecret(tx *store.Tx, visit func(store.Secret) error) error {
	scopes, err := tx.Scopes()
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		for secret, err := range tx.Secrets(scope) {
			if err == nil {
				err = visit(secret)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Algorithms are all that keys here can do, sorted.
func Algorithms() (all []string) {
	for _, name := range keyspec.Names() {
		spec, _ := keyspec.Lookup(name)
		for _, usage := range spec.Usages() {
			all = append(all, spec.Algorithms(usage)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
