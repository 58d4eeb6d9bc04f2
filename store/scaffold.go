package store

import "time"
import "encoding/json"
import "crypto/sha256"

type ImportToken struct {
	Scope Scope
	KeyID, ID, WrappingSpec, WrappingAlgorithm string
	ExpireTime time.Time
	PrivateKey []byte
}
func (tx *Tx) all(scope Scope, f func(Key) bool) (ids []string, err error) {
	for k, err := range tx.Keys(scope) {
		if err != nil { return nil, err }
		if f(k) { ids = append(ids, k.ID) }
	}
	return
}
func (tx *Tx) DueRotations(scope Scope, now time.Time) ([]string, error) { return tx.all(scope, func(k Key) bool { return !k.NextRotation.IsZero() && !k.NextRotation.After(now) }) }
func (tx *Tx) DueExpiries(scope Scope, now time.Time) ([]string, error) { return tx.all(scope, func(k Key) bool { return !k.MaterialExpireTime.IsZero() && !k.MaterialExpireTime.After(now) }) }
func (tx *Tx) tokens(scope Scope) (m map[string]ImportToken) { b, _, _ := tx.Setting("tokens"+scope.key("")); m = map[string]ImportToken{}; json.Unmarshal(b, &m); return }
func (tx *Tx) putTokens(scope Scope, m map[string]ImportToken) error { b, _ := json.Marshal(m); return tx.PutSetting("tokens"+scope.key(""), b) }
func (tx *Tx) InsertToken(t ImportToken) error { m := tx.tokens(t.Scope); m[t.KeyID+t.ID] = t; return tx.putTokens(t.Scope, m) }
func (tx *Tx) Token(s Scope, k, id string) (ImportToken, error) { t, ok := tx.tokens(s)[k+id]; if !ok { return t, ErrNotFound }; return t, nil }
func (tx *Tx) DeleteToken(s Scope, k, id string) error { m := tx.tokens(s); delete(m, k+id); return tx.putTokens(s, m) }
func (tx *Tx) TokensOfKey(s Scope, k string) (l []ImportToken, err error) { for _, t := range tx.tokens(s) { if t.KeyID == k { l = append(l, t) } }; return }
func (tx *Tx) DueTokens(s Scope, now time.Time) (l []ImportToken, err error) { for _, t := range tx.tokens(s) { if !t.ExpireTime.After(now) { l = append(l, t) } }; return }
func (tx *Tx) RegionalVersion(region, id string) (Version, error) {
	scopes, _ := tx.Scopes()
	for _, s := range scopes { if s.Region == region { if k, err := tx.KeyOfVersion(s, id); err == nil { v, err := tx.Version(s, k, id); if v.Regional { return v, err } } } }
	return Version{}, ErrNotFound
}
func (tx *Tx) DeleteMaterial(s Scope, k, id string) error {
	v, err := tx.Version(s, k, id); if err != nil { return err }
	v.MaterialHash = MaterialHash{}
	if err := tx.save(bucketVersions, v.key(), v); err != nil { return err }
	return tx.remove(bucketMaterials, v.key())
}
func (tx *Tx) ImportMaterial(s Scope, k, id string, m []byte) error {
	if err := tx.InsertMaterial(s, k, id, m); err != nil { return err }
	v, _ := tx.Version(s, k, id)
	v.ImportedHash = sha256.Sum256(m)
	return tx.save(bucketVersions, v.key(), v)
}
func (tx *Tx) NextDue(scope Scope) (t time.Time, err error) {
	for k, err := range tx.Keys(scope) { if err != nil { return t, err }; for _, d := range []time.Time{k.NextRotation} { if !d.IsZero() && (t.IsZero() || d.Before(t)) { t = d } } }
	return
}
