package store

import (
	"slices"
	"strings"
)

// entry is one entry of an index: where it is, and its value, which is the id of
// the key it belongs to, or that key's outline. Which entries a record has follows from the record alone: see the methods
// named index.
type entry struct {
	bucket     bucket
	key, value string
}

func (tx *Tx) putEntries(entries []entry) error {
	for _, e := range entries {
		if err := tx.put(e.bucket, e.key, []byte(e.value)); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) removeEntries(entries []entry) error {
	for _, e := range entries {
		if err := tx.remove(e.bucket, e.key); err != nil {
			return err
		}
	}
	return nil
}

// replaceEntries is for a record that changed.
func (tx *Tx) replaceEntries(before, after []entry) error {
	if slices.Equal(before, after) {
		return nil
	}
	if err := tx.removeEntries(before); err != nil {
		return err
	}
	return tx.putEntries(after)
}

// page walks an index below a prefix and returns the last part of the keys of
// its entries: limit of them after the first skip. The entries of hidden keys
// are passed over and not counted. Only what is returned is read.
func (tx *Tx) page(b bucket, prefix string, skip, limit int, hidden map[string]bool) ([]string, error) {
	var names []string
	for key, sealed := range tx.scan(b, prefix) {
		if len(names) >= limit {
			break
		}
		_, name, _ := strings.Cut(string(key[len(prefix):]), "/")
		if owner := sealed[:max(0, len(sealed)-checksumSize)]; hidden[string(owner)] || b == keysByDate && hidden[name] {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if _, err := unseal(b, key, sealed); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
