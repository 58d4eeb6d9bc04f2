package kms

import (
	"math"
	"slices"

	"github.com/alikms/alikms/store"
)

// pageRequest is embedded by the requests of listings. The manual says 0 to
// 101 for the size of some; clients of the service use 1 to 100, and so do we.
type pageRequest struct {
	PageNumber int `default:"1" min:"1"`
	PageSize   int `default:"10" min:"1" max:"100"`
}

// page is embedded by the responses of listings.
type page struct {
	PageNumber int
	PageSize   int
	TotalCount int
}

func (p pageRequest) of(total int) page { return page{p.PageNumber, p.PageSize, total} }

// skip is the number of records before the page.
func (p pageRequest) skip() int {
	if p.PageNumber-1 > math.MaxInt/p.PageSize {
		return math.MaxInt
	}
	return (p.PageNumber - 1) * p.PageSize
}

// pageOfKeys is a page of the keys that pass the filters. Without filters it
// reads the keys of the page only.
func (tx *transaction) pageOfKeys(in pageRequest, filters []keyFilter) ([]store.Key, page, error) {
	if len(filters) > 0 {
		return tx.pageOfFilteredKeys(in, merged(filters))
	}
	due, err := tx.due()
	if err != nil {
		return nil, page{}, err
	}
	counts, err := tx.counts()
	if err != nil {
		return nil, page{}, err
	}
	keys, err := tx.store.KeysPage(tx.Scope, in.skip(), in.PageSize, due)
	return keys, in.of(counts.Keys), err
}

// pageOfFilteredKeys goes by the outlines of keys, and reads the keys of the page
// and those whose material has expired: the store may yet have to be told.
func (tx *transaction) pageOfFilteredKeys(in pageRequest, filters map[string][]string) (keys []store.Key, _ page, err error) {
	meets, err := tx.condition(filters)
	if err != nil {
		return nil, page{}, err
	}
	gone, err := tx.due()
	if err != nil {
		return nil, page{}, err
	}
	expired, err := tx.store.DueExpiries(tx.Scope, tx.Now)
	if err != nil {
		return nil, page{}, err
	}
	var ids []string
	for key, err := range tx.store.KeyOutlines(tx.Scope) {
		if err == nil && slices.Contains(expired, key.ID) {
			key, err = tx.store.Key(tx.Scope, key.ID)
		}
		if err != nil {
			return nil, page{}, err
		}
		if !gone[key.ID] && meets(Settled(key, tx.Now)) {
			ids = append(ids, key.ID)
		}
	}
	total := len(ids)
	ids = ids[min(in.skip(), total):]
	for _, id := range ids[:min(in.PageSize, len(ids))] {
		key, err := tx.store.Key(tx.Scope, id)
		if err != nil {
			return nil, page{}, err
		}
		keys = append(keys, key)
	}
	return keys, in.of(total), nil
}
