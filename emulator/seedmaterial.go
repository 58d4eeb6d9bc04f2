package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/alikms/alikms/emulator/internal/keyspec"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

// materialRead is the key material of a version, as far as it could be read.
type materialRead struct {
	material []byte                 // as keyspec marshals it
	source   store.MaterialHash     // of the PEM that it is read from; zero: of none
	parse    func() ([]byte, error) // reads it yet; nil: it was read
	field    string                 // that is wrong, for a reason
	wrong    string
}

// readMaterial reads the material of all keys that have any, each in its turn on
// all processors: to parse private keys takes long.
func (r *reader) readMaterial(doc *fixtures.Document) [][]materialRead {
	read := make([][]materialRead, len(doc.Keys))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, k := range doc.Keys {
		read[i] = make([]materialRead, max(len(k.Versions), 1))
		spec, ok := keyspec.Lookup(k.KeySpec)
		if !ok {
			continue
		}
		work.Go(func() error {
			for j, v := range k.Versions {
				known := r.known[versionName{r.scopeOf(k.Account, k.Region), k.KeyID, versionID(k.KeyID, v, j)}]
				read[i][j] = readVersionMaterial(spec, v, known, func() ([]byte, error) { return doc.ReadPrivateKeyFile(i, j) })
			}
			return nil
		})
	}
	work.Wait()
	return read
}

// readVersionMaterial reads the material that a version says, if it says any. That
// of a PEM whose hash is known is in the store. readFile reads its privateKeyFile.
func readVersionMaterial(spec *keyspec.Spec, v fixtures.Version, known store.MaterialHash, readFile func() ([]byte, error)) materialRead {
	switch {
	case spec.Symmetric() && (v.PrivateKey != "" || v.PrivateKeyFile != ""):
		field := "privateKey"
		if v.PrivateKeyFile != "" {
			field = "privateKeyFile"
		}
		return materialRead{field: field, wrong: fmt.Sprintf("%s is symmetric: write keyMaterial, base64 of %d bytes", spec.Name, spec.Size())}
	case !spec.Symmetric() && v.KeyMaterial != "":
		return materialRead{field: "keyMaterial", wrong: fmt.Sprintf("%s is asymmetric: write privateKey or privateKeyFile, a PEM", spec.Name)}
	case v.KeyMaterial != "":
		return readKeyMaterial(spec, v.KeyMaterial)
	case v.PrivateKeyFile != "":
		return readPrivateKeyFile(spec, known, readFile)
	case v.PrivateKey != "":
		return readPrivateKey(spec, known, "privateKey", []byte(v.PrivateKey))
	}
	return materialRead{}
}

func readKeyMaterial(spec *keyspec.Spec, text string) materialRead {
	material, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(material) == spec.Size() {
		return materialRead{material: material}
	}
	wrong := fmt.Sprintf("is not base64; write base64 of %d bytes, the key of %s", spec.Size(), spec.Name)
	if err == nil {
		wrong = fmt.Sprintf("has %d bytes; %s takes %d", len(material), spec.Name, spec.Size())
	}
	return materialRead{field: "keyMaterial", wrong: wrong}
}

func readPrivateKeyFile(spec *keyspec.Spec, known store.MaterialHash, readFile func() ([]byte, error)) materialRead {
	const field = "privateKeyFile"
	text, err := readFile()
	if err != nil {
		return materialRead{field: field, wrong: fmt.Sprintf("%s; write the path of a PEM file, relative to this file", err)}
	}
	return readPrivateKey(spec, known, field, text)
}

func readPrivateKey(spec *keyspec.Spec, known store.MaterialHash, field string, text []byte) materialRead {
	read := materialRead{source: sourceHash(spec, text)}
	parse := func() ([]byte, error) { return parsePEM(spec, text) }
	if read.source == known {
		read.parse = parse
		return read
	}
	der, err := parse()
	if err != nil {
		return materialRead{field: field, wrong: fmt.Sprintf("%s; write a private key of %s as PEM", err, spec.Name)}
	}
	read.material = der
	return read
}

func parsePEM(spec *keyspec.Spec, text []byte) ([]byte, error) {
	key, err := spec.ParsePEM(text)
	if err != nil {
		return nil, err
	}
	return key.Marshal()
}

// sourceHash names a PEM, and the spec that it was found to be a key of.
func sourceHash(spec *keyspec.Spec, text []byte) store.MaterialHash {
	h := sha256.New()
	h.Write([]byte(spec.Name + "\n"))
	h.Write(text)
	return store.MaterialHash(h.Sum(nil))
}

// versionName is where a version is.
type versionName struct {
	scope     store.Scope
	keyID, id string
}

// knownSources are those of the versions of a scenario that the store has the
// material of: a restart need not parse what it has.
func (r *reader) knownSources(tx *store.Tx, doc *fixtures.Document) error {
	r.known = map[versionName]store.MaterialHash{}
	for _, k := range doc.Keys {
		for i, v := range k.Versions {
			if v.PrivateKey == "" && v.PrivateKeyFile == "" {
				continue
			}
			name := versionName{r.scopeOf(k.Account, k.Region), k.KeyID, versionID(k.KeyID, v, i)}
			existing, err := tx.Version(name.scope, name.keyID, name.id)
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil:
				return err
			case existing.MaterialHash != (store.MaterialHash{}):
				r.known[name] = existing.SourceHash
			}
		}
	}
	return nil
}

// takeKnown makes good that material was not parsed: the store may have changed
// since, and a reset takes from it what it has.
func takeKnown(tx *store.Tx, keys []seedKey, clear bool) error {
	for _, k := range keys {
		for i := range k.versions {
			if err := k.versions[i].takeKnown(tx, clear); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *seedVersion) takeKnown(tx *store.Tx, clear bool) error {
	if v.parse == nil {
		return nil
	}
	existing, err := tx.Version(v.version.Scope, v.version.KeyID, v.version.ID)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	case err != nil || existing.SourceHash != v.version.SourceHash || existing.MaterialHash == (store.MaterialHash{}):
		v.material, err = v.parse()
		return err
	case clear:
		v.material, err = tx.Material(v.version.Scope, v.version.KeyID, v.version.ID)
		return err
	}
	return nil
}
