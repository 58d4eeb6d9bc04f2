package store

import (
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// schemaVersion is raised when older code could misread a file.
//
//	1   the first one
//	2   keys have an origin; versions are found by their id in a region, not in
//	    a scope; rotations, expiries and import tokens
//	3   secrets; keys-by-date has outlines of the keys
const schemaVersion = 3

// schemaKey is the key of the one record in bucketSchema.
const schemaKey = "version"

// scopedVersionIDs is an index of schema 1: account/region/version -> key.
const scopedVersionIDs bucket = "version-ids"

// bucketsOf returns what has to be in a file of a schema.
func bucketsOf(version int) []bucket {
	all := slices.Clone(buckets)
	if version < 3 {
		all = without(all, bucketSecrets, bucketSecretVersions, bucketSecretValues, secretsByDate, secretVersionsByAge, secretDeletions)
	}
	if version < 2 {
		all = append(without(all, bucketTokens, versionsByID, rotations, expiries, tokensByDate), scopedVersionIDs)
	}
	return all
}

func without(all []bucket, later ...bucket) []bucket {
	return slices.DeleteFunc(all, func(b bucket) bool { return slices.Contains(later, b) })
}

// schema returns the schema of a file that has the bucket for it.
func (tx *Tx) schema() (int, error) {
	var version int
	if err := tx.load(bucketSchema, schemaKey, &version); err != nil {
		return 0, missing(bucketSchema, schemaKey, err)
	}
	if version < 1 {
		return 0, damaged(bucketSchema, schemaKey, fmt.Errorf("there never was a schema %d", version))
	}
	return version, nil
}

// verifySchema tells the files of this code, whose schema it returns, from those
// of other programs and of a newer alikms.
func verifySchema(tx *Tx) (int, error) {
	if tx.bucket(bucketSchema) == nil {
		return 0, withoutSchema(tx)
	}
	version, err := tx.schema()
	if err != nil {
		return 0, err
	}
	if version > schemaVersion {
		return 0, fmt.Errorf("%w (schema %d, this one knows %d)", ErrNewer, version, schemaVersion)
	}
	return version, tx.missingBucket(bucketsOf(version))
}

// withoutSchema says what a file is in which no bucket has the schema.
func withoutSchema(tx *Tx) error {
	if slices.ContainsFunc(buckets, func(b bucket) bool { return tx.bucket(b) != nil }) {
		return tx.missingBucket(buckets)
	}
	return ErrForeign
}

func (tx *Tx) missingBucket(names []bucket) error {
	for _, b := range names {
		if tx.bucket(b) == nil {
			return fmt.Errorf("bucket %s is missing", b)
		}
	}
	return nil
}

// initialise makes the buckets of a new file. It writes nothing to any other:
// with bbolt, an Update that changes nothing is a commit as well.
func initialise(db *bbolt.DB) error {
	begun := false
	err := db.View(func(tx *bbolt.Tx) error {
		begun = tx.Bucket([]byte(bucketSchema)) != nil
		return nil
	})
	if err != nil || begun {
		return err
	}
	return db.Update(func(bolt *bbolt.Tx) error {
		tx := newTx(bolt, nil)
		if err := tx.createBuckets(buckets); err != nil {
			return err
		}
		return tx.save(bucketSchema, schemaKey, schemaVersion)
	})
}

func (tx *Tx) createBuckets(names []bucket) error {
	for _, b := range names {
		if _, err := tx.bolt.CreateBucketIfNotExists([]byte(b)); err != nil {
			return err
		}
	}
	return nil
}

// migrate brings a file of an older schema to this one, all of it or nothing,
// and writes nothing to any other. It tells damage, found before the commit, from
// what the disk said.
func migrate(db *bbolt.DB) (damage, err error) {
	version := 0
	err = db.View(func(tx *bbolt.Tx) (err error) {
		version, err = newTx(tx, nil).schema()
		return err
	})
	if err != nil || version == schemaVersion {
		return err, nil
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		damage = migrateFrom(newTx(tx, nil), version)
		return damage
	})
	return damage, err
}

// migrations are what has to be done to a file of each schema, besides making the
// buckets that it lacks.
var migrations = map[int][]func(*Tx) error{1: {setOrigins, moveVersionIDs}, 2: {outlineKeys}}

// migrateFrom migrates an older schema. Each record that it changes is read, with
// its checksum, and verifyRecords compares the outcome: damage done to the old
// file does not get into the new one.
func migrateFrom(tx *Tx, version int) error {
	if err := tx.createBuckets(buckets); err != nil {
		return err
	}
	for ; version < schemaVersion; version++ {
		for _, step := range migrations[version] {
			if err := step(tx); err != nil {
				return err
			}
		}
	}
	if err := tx.save(bucketSchema, schemaKey, schemaVersion); err != nil {
		return err
	}
	return verifyRecords(tx)
}

// migrateKeys calls a step of a migration for every key.
func (tx *Tx) migrateKeys(step func(k Key) error) error {
	keys, err := tx.recordKeys(bucketKeys, 3)
	if err != nil {
		return err
	}
	for _, names := range keys {
		k, err := tx.Key(Scope{names[0], names[1]}, names[2])
		if err != nil {
			return missing(bucketKeys, k.key(), err)
		}
		if err := step(k); err != nil {
			return err
		}
	}
	return nil
}

// setOrigins writes down what was true of every key of schema 1.
func setOrigins(tx *Tx) error {
	return tx.migrateKeys(func(k Key) error {
		k.Origin = "Aliyun_KMS"
		return tx.saveKey(k)
	})
}

// moveVersionIDs makes versions-by-id of the index before it.
func moveVersionIDs(tx *Tx) error {
	keys, err := tx.recordKeys(scopedVersionIDs, 3)
	if err != nil {
		return err
	}
	for _, names := range keys {
		scope, id := Scope{names[0], names[1]}, names[2]
		owner, err := tx.get(scopedVersionIDs, scope.key(id))
		if err != nil {
			return missing(scopedVersionIDs, scope.key(id), err)
		}
		if err := tx.put(versionsByID, versionIDKey(scope, id), owner); err != nil {
			return err
		}
	}
	return tx.bolt.DeleteBucket([]byte(scopedVersionIDs))
}

// recordKeys returns the parts of all keys of a bucket, which may be written to
// afterwards.
func (tx *Tx) recordKeys(b bucket, parts int) (keys [][]string, err error) {
	for key := range tx.scan(b, "") {
		names, err := splitKey(string(key), parts)
		if err != nil {
			return nil, damaged(b, string(key), err)
		}
		keys = append(keys, names)
	}
	return keys, nil
}
