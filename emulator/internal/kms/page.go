package kms

import "github.com/alikms/alikms/store"

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
func (p pageRequest) skip() int { return (p.PageNumber - 1) * p.PageSize }

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

func (tx *transaction) pageOfFilteredKeys(in pageRequest, filters map[string][]string) ([]store.Key, page, error) {
	var keys []store.Key
	total := 0
	for key, err := range tx.store.Keys(tx.Scope) {
		if err != nil {
			return nil, page{}, err
		}
		ok, err := tx.passes(key, filters)
		if err != nil {
			return nil, page{}, err
		}
		if !ok || Gone(key, tx.Now) {
			continue
		}
		if total >= in.skip() && len(keys) < in.PageSize {
			keys = append(keys, key)
		}
		total++
	}
	return keys, in.of(total), nil
}
