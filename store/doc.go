// Package store keeps keys, with their versions, material, import tokens and
// aliases, and secrets, with their versions and values, in one bbolt file. It knows no HTTP, no wire names, no cryptography
// and no rules of the service: it keeps what it is given, in order, whole or not
// at all. Reading only reads.
//
// # On disk
//
// A bucket for each kind of record, and a bucket for each order in which
// records are asked for:
//
//	schema           version                                   -> 3
//	keys             account/region/key                        -> Key as JSON
//	versions         account/region/key/version                -> Version as JSON
//	materials        account/region/key/version                -> PKCS#8 DER, or the bytes of a symmetric key
//	tokens           account/region/key/token                  -> ImportToken as JSON
//	aliases          account/region/alias                      -> Alias as JSON
//	secrets          account/region/secret                     -> Secret as JSON
//	secret-versions  account/region/secret/version             -> SecretVersion as JSON
//	secret-values    account/region/secret/version             -> bytes
//	settings         name                                      -> bytes
//	counts           account/region                            -> tally as JSON
//	keys-by-date     account/region/created/key                -> outline of the key
//	aliases-by-date  account/region/created/alias              -> key
//	aliases-by-key   account/region/key/created/alias          -> key
//	versions-by-age  account/region/key/countdown/version      -> key
//	versions-by-id   region/version/account                    -> key
//	deletions        account/region/deleteDate/key             -> key
//	rotations        account/region/nextRotation/key           -> key
//	expiries         account/region/materialExpireTime/key     -> key
//	tokens-by-date   account/region/expireTime/key/token       -> key
//	secrets-by-date  account/region/created/secret             -> secret
//	secret-versions-by-age  account/region/secret/countdown/version -> secret
//	secret-deletions account/region/deleteDate/secret          -> secret
//
// The parts of a record's key are percent-encoded, but for the last, so a slash
// in an id does no harm. Dates are in UTC, always with nine digits of a second:
// they sort as text. The countdown sorts the newest version first. The entries
// of an index name the key or the secret they belong to as their value, but for
// keys-by-date: outline.go says what its values are.
//
// Each value, those of the indexes included, is followed by four bytes: a
// CRC-32C of bucket, key and value. It is checked on every read.
//
// A file of an older schema is migrated when it is opened, in one transaction.
// Code that is older than a file refuses it.
//
// # Writing
//
// Those who write at the same time share a commit, without waiting for one another
// (group.go). Each function sees what those before it in the commit left; what one
// changed that fails is taken back, record by record.
//
// # Damage
//
// Open believes nothing. Before bbolt writes to an existing file, boltcheck has
// walked its pages, bbolt has checked it, and verify has seen that records,
// indexes and counts agree. So what has been damaged is refused in one line, and
// left as it is. A file that was torn in the very first write to it holds nothing
// yet, and is begun anew.
//
// The file may be removed, replaced or cut while it is open. Each Update looks at
// it, before anything is changed and after all is on disk, and fails with
// ErrLost; so does a View of a file that was cut.
package store
