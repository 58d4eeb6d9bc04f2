// The program that made schema2.db.gz. It was run at commit c5f3c6e, whose store
// wrote schema 2:
//
//	go run ./store/testdata/schema2 schema2.db && gzip -9n schema2.db
//
// What stands for key material is text: no key is in there.
package main

import (
	"cmp"
	"crypto/sha256"
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

// fill adds keys of every kind to two scopes.
func fill(tx *store.Tx) error {
	err := tx.PutSetting("clock", []byte(`{"offset":1}`))
	for _, scope := range []store.Scope{here, other} {
		for i := range 9 {
			err = cmp.Or(err, insert(tx, scope, i))
		}
	}
	return err
}

func insert(tx *store.Tx, scope store.Scope, i int) error {
	id, created := fmt.Sprintf("key/%02d", i), start.Add(time.Duration(i%5)*time.Hour)
	key := store.Key{
		Scope: scope, ID: id, Spec: "Aliyun_AES_256", Usage: "ENCRYPT/DECRYPT", State: "Enabled", Origin: "Aliyun_KMS",
		CreationDate: created, Tags: map[string]string{"n": fmt.Sprint(i)},
	}
	version := store.Version{Scope: scope, KeyID: id, ID: "version/" + scope.Account + fmt.Sprintf("/%02d", i), CreationDate: created, Regional: true}
	switch i % 3 {
	case 1:
		key.RotationInterval, key.NextRotation = 7*24*time.Hour, created.AddDate(0, 0, 7)
	case 2:
		key.Origin, key.State, key.Policy = "EXTERNAL", "PendingImport", `{"Version":"1","Statement":[]}`
	}
	err := cmp.Or(tx.InsertKey(key), tx.InsertVersion(version, nil))
	key.PrimaryVersion = version.ID
	err = cmp.Or(err, tx.UpdateKey(key), tx.InsertAlias(store.Alias{Scope: scope, Name: "alias/" + id, KeyID: id, CreationDate: created}))
	if key.Origin == "EXTERNAL" {
		token := store.ImportToken{Scope: scope, KeyID: id, ID: "token", ExpireTime: start.AddDate(0, 0, 1)}
		return cmp.Or(err, tx.FixMaterial(scope, id, version.ID, sha256.Sum256([]byte("imported"))), tx.InsertToken(token))
	}
	return cmp.Or(err, tx.InsertMaterial(scope, id, version.ID, []byte("TEST KEY "+scope.Account+" "+id)))
}

// change makes some pages free.
func change(tx *store.Tx) error {
	return cmp.Or(tx.DeleteKey(here, "key/03"), tx.DeleteAlias(other, "alias/key/04"))
}
