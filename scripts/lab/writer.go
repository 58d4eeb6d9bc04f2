package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// writer is a client that changes keys of its own, and knows what was
// acknowledged.
type writer struct {
	number  int
	chance  *rand.Rand
	named   int
	world   world
	secrets secretWorld
	tokens  map[string]token           // by key
	lacking map[string]bool            // keys whose deletion was scheduled without material
	proofs  map[string]map[string]text // by key, by version
	// lost is the change whose answer did not come; nil: there is none.
	lost *change
}

// text is what a version answered once, and has to answer for ever.
type text struct {
	public string // PEM
	cipher string
	plain  string
}

func newWriter(number int, chance *rand.Rand) *writer {
	return &writer{number: number, chance: chance, world: world{}, secrets: secretWorld{}, tokens: map[string]token{}, lacking: map[string]bool{}, proofs: map[string]map[string]text{}}
}

// The ways in which a step of a writer ends.
type verdict int

const (
	acknowledged verdict = iota
	refused              // for want of room; nothing was changed
	gone                 // alikms does not answer any more
)

// step does one change. An error is an answer that must not be.
func (w *writer) step(p *alikms) (operation string, became verdict, err error) {
	c := w.next()
	w.lost = c
	a, err := p.call(c.operation, c.params...)
	if err != nil {
		return c.operation, gone, nil
	}
	w.lost = nil
	switch {
	case a.status == http.StatusInternalServerError && strings.Contains(a.text("Message"), "disk of its data folder is full"):
		return c.operation, refused, nil
	case a.status != http.StatusOK:
		return c.operation, acknowledged, misanswer(fmt.Sprintf("%s %q answers %v", c.operation, c.params, a))
	}
	c.make(w.world, w.secrets, a)
	if c.after == nil {
		return c.operation, acknowledged, nil
	}
	err = c.after(p, a)
	if _, wrong := errors.AsType[misanswer](err); err != nil && !wrong {
		return c.operation, gone, nil // what was to be read is read after the restart
	}
	return c.operation, acknowledged, err
}

// look learns what answers do not tell, and what a key's material does.
func (w *writer) look(p *alikms, id string) error {
	versions, err := p.versions(id)
	if err != nil {
		return err
	}
	k := w.world[id]
	k.Versions = versions
	w.world.learn(world{id: k})
	return w.prove(p, id)
}

// review compares what is there with what was acknowledged. The change whose
// answer was lost may have been made, as a whole, or not.
func (w *writer) review(p *alikms, strangers []string) error {
	var ids []string
	for id := range w.world {
		ids = append(ids, id)
	}
	found, err := p.look(append(ids, strangers...))
	if err != nil {
		return err
	}
	secrets, err := w.lookAtSecrets(p)
	if err != nil {
		return err
	}
	if wrong := w.settle(found, secrets); wrong != nil {
		return fmt.Errorf("writer %d: %s", w.number, strings.Join(wrong, "\n"))
	}
	for id := range w.world {
		if err := w.prove(p, id); err != nil {
			return err
		}
	}
	return nil
}

// settle takes one of the worlds that may be.
func (w *writer) settle(found world, secrets secretWorld) (wrong []string) {
	type both struct {
		world   world
		secrets secretWorld
	}
	possible := []both{{w.world, w.secrets}}
	if w.lost != nil {
		made := both{w.world.clone(), w.secrets.clone()}
		w.lost.make(made.world, made.secrets, answer{})
		possible = append(possible, made)
	}
	for i, each := range possible {
		each.world.learn(found)
		differences := append(each.world.differences(found), each.secrets.differences(secrets)...)
		if len(differences) == 0 {
			w.world, w.secrets, w.lost = each.world, each.secrets, nil
			return nil
		}
		if i > 0 {
			wrong = append(wrong, fmt.Sprintf("or, with %s %q:", w.lost.operation, w.lost.params))
		}
		wrong = append(wrong, differences...)
	}
	return wrong
}

// prove lets each version of a key answer as it did before. An instance's keys
// do no cryptography here.
func (w *writer) prove(p *alikms, id string) error {
	k := w.world[id]
	switch {
	case k.Instance != "":
		return nil
	case symmetric(k):
		return w.proveSymmetric(p, id, k)
	}
	for _, version := range k.Versions {
		a, err := p.ask("GetPublicKey", "KeyId", id, "KeyVersionId", version)
		if err != nil {
			return err
		}
		if before, known := w.proof(id)[version]; known && before.public != a.text("PublicKey") {
			return misanswer("version " + version + " of key " + id + " is another key")
		}
		w.proof(id)[version] = text{public: a.text("PublicKey")}
	}
	return nil
}

func (w *writer) proof(id string) map[string]text {
	if w.proofs[id] == nil {
		w.proofs[id] = map[string]text{}
	}
	return w.proofs[id]
}

func (w *writer) proveSymmetric(p *alikms, id string, k keyState) error {
	if !enabled(k) {
		return nil
	}
	for version, before := range w.proof(id) {
		a, err := p.ask("Decrypt", "CiphertextBlob", before.cipher)
		if err != nil {
			return err
		}
		if a.text("Plaintext") != before.plain {
			return misanswer("version " + version + " of key " + id + " decrypts to something else")
		}
	}
	if len(w.proof(id)) > 0 {
		return nil
	}
	plain := base64.StdEncoding.EncodeToString([]byte(w.name()))
	a, err := p.ask("Encrypt", "KeyId", id, "Plaintext", plain)
	if err == nil {
		w.proof(id)[a.text("KeyVersionId")] = text{cipher: a.text("CiphertextBlob"), plain: plain}
	}
	return err
}

// pass is what eight days do: keys and secrets whose deletion was pending are gone,
// and no token imports any more.
func (w *writer) pass() {
	for id, k := range w.world {
		if k.Deleting {
			delete(w.world, id)
		}
	}
	maps.DeleteFunc(w.secrets, func(_ string, s secretState) bool { return s.Deleting })
	w.tokens = map[string]token{}
}

// mine are the keys, of these that nobody knows, that this writer made.
func (w *writer) mine(strangers map[string]string) (ids []string) {
	for id, description := range strangers {
		if strings.HasPrefix(description, w.prefix()) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
