// The program that made schema1.db.gz. It was run at commit fda3093, the last
// one whose store wrote schema 1:
//
//	go run ./store/testdata/schema1 schema1.db && gzip -9n schema1.db
//
// What stands for key material is text: no key is in there.
package main

import (
	"cmp"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/alikms/alikms/store"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	here  = store.Scope{Account: "1234567890123456", Region: "cn-hangzhou"}
	other = store.Scope{Account: "2234567890123456", Region: "cn-hangzhou"}
	there = store.Scope{Account: "1234567890123456", Region: "cn-beijing"}
)

func main() {
	st, err := store.Open(os.Args[1], store.Options{})
	if err == nil {
		err = cmp.Or(st.Update(fill), st.Update(change), st.Close())
	}
	if err != nil {
		log.Fatal(err)
	}
}

// fill adds keys to three scopes. Their ids, and those of their versions, are
// the same in each, for they were unique in a scope only.
func fill(tx *store.Tx) error {
	err := cmp.Or(tx.PutSetting("clock", []byte(`{"offset":1}`)), tx.PutSetting("other", nil))
	for _, scope := range []store.Scope{here, other, there} {
		for i := range 12 {
			err = cmp.Or(err, insert(tx, scope, i))
		}
	}
	return err
}

func insert(tx *store.Tx, scope store.Scope, i int) error {
	id, created := fmt.Sprintf("key/%02d", i), start.Add(time.Duration(i%5)*time.Hour)
	key := store.Key{
		Scope: scope, ID: id, Spec: "RSA_2048", Usage: "ENCRYPT/DECRYPT", State: "Enabled", CreationDate: created,
		Description: fmt.Sprintf("key %d", i), DeletionProtection: i%3 == 0, Tags: map[string]string{"n": fmt.Sprint(i)},
	}
	if i%4 == 1 {
		key.State, key.DeleteDate = "PendingDeletion", start.AddDate(0, 0, 7+i)
	}
	version := store.Version{Scope: scope, KeyID: id, ID: fmt.Sprintf("version/%02d", i), CreationDate: created}
	later := store.Version{Scope: scope, KeyID: id, ID: version.ID + "-later", CreationDate: created.Add(time.Minute)}
	return cmp.Or(
		tx.InsertKey(key),
		tx.InsertVersion(version, []byte("TEST KEY "+scope.Region+" "+id)),
		tx.InsertVersion(later, nil),
		tx.InsertAlias(store.Alias{Scope: scope, Name: "alias/" + id, KeyID: id, CreationDate: created}),
	)
}

// change makes some pages free.
func change(tx *store.Tx) error {
	return cmp.Or(
		tx.DeleteKey(here, "key/03"),
		tx.UpdateAlias(store.Alias{Scope: here, Name: "alias/key/05", KeyID: "key/06"}),
		tx.DeleteAlias(here, "alias/key/07"),
	)
}
