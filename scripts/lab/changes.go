package main

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// change is a call of a writer that changes something. Its operation is that of
// its row in the table.
type change struct {
	operation string
	params    []string // names and values in turn
	// apply does to a world what the call does to alikms; where the answer was
	// lost, it is the zero one. Nil: nothing.
	apply func(world, answer)
	// secrets does it to those; nil: it changes none.
	secrets func(secretWorld)
	// after is done when the call was answered.
	after func(*alikms, answer) error
}

// make does the change to worlds.
func (c *change) make(keys world, secrets secretWorld, a answer) {
	if c.apply != nil {
		c.apply(keys, a)
	}
	if c.secrets != nil {
		c.secrets(secrets)
	}
}

// changes makes a change of each writing operation; nil where no key allows it
// just now. How often one is tried is its weight.
var changes = map[string]struct {
	weight int
	make   func(*writer) *change
}{
	"CreateKey":              {6, createKey},
	"CreateKeyVersion":       {4, createKeyVersion},
	"UpdateKeyDescription":   {4, updateKeyDescription},
	"SetDeletionProtection":  {4, setDeletionProtection},
	"EnableKey":              {4, setState("Enabled")},
	"DisableKey":             {2, setState("Disabled")},
	"ScheduleKeyDeletion":    {4, scheduleKeyDeletion},
	"CancelKeyDeletion":      {3, cancelKeyDeletion},
	"GetParametersForImport": {1, getParametersForImport},
	"ImportKeyMaterial":      {4, importKeyMaterial},
	"DeleteKeyMaterial":      {3, deleteKeyMaterial},
	"UpdateRotationPolicy":   {4, updateRotationPolicy},
	"SetKeyPolicy":           {4, setKeyPolicy},
	"CreateAlias":            {6, createAlias},
	"UpdateAlias":            {4, updateAlias},
	"DeleteAlias":            {3, deleteAlias},
	"TagResource":            {4, tagResource},
	"UntagResource":          {3, untagResource},
	"TagResources":           {4, tagResources},
	"UntagResources":         {3, untagResources},

	"CreateSecret":             {5, createSecret},
	"PutSecretValue":           {6, putSecretValue},
	"UpdateSecretVersionStage": {4, updateSecretVersionStage},
	"UpdateSecret":             {3, updateSecret},
	"DeleteSecret":             {2, deleteSecret},
	"RestoreSecret":            {2, restoreSecret},
	"SetSecretPolicy":          {2, setSecretPolicy},
}

// reads are the operations that change nothing.
var reads = strings.Fields(`DescribeKey ListKeys DescribeKeyVersion ListKeyVersions Encrypt Decrypt GenerateDataKey
	GenerateDataKeyWithoutPlaintext GenerateAndExportDataKey ExportDataKey ReEncrypt GetPublicKey AsymmetricEncrypt
	AsymmetricDecrypt AsymmetricSign AsymmetricVerify GetKeyPolicy ListAliases ListAliasesByKeyId ListResourceTags
	ListTagResources DescribeRegions DescribeAccountKmsStatus DescribeSecret ListSecrets GetSecretValue BatchGetSecretValue
	ListSecretVersionIds GetSecretPolicy GetRandomPassword`)

// lottery has the name of each change as often as it weighs.
var lottery = func() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		names = append(names, slices.Repeat([]string{name}, changes[name].weight)...)
	}
	return names
}()

// next makes a change that can be done.
func (w *writer) next() *change {
	for {
		name := lottery[w.chance.IntN(len(lottery))]
		if made := changes[name].make(w); made != nil {
			made.operation = name
			return made
		}
	}
}

// pick takes a key that fits.
func (w *writer) pick(fits func(keyState) bool) (id string, ok bool) {
	var fitting []string
	for _, id := range slices.Sorted(maps.Keys(w.world)) {
		if fits(w.world[id]) {
			fitting = append(fitting, id)
		}
	}
	if len(fitting) == 0 {
		return "", false
	}
	return fitting[w.chance.IntN(len(fitting))], true
}

// ofKey makes a change of one key.
func (w *writer) ofKey(fits func(keyState) bool, apply func(*keyState), params ...string) *change {
	id, ok := w.pick(fits)
	if !ok {
		return nil
	}
	return &change{
		params: append([]string{"KeyId", id}, params...),
		apply:  func(in world, _ answer) { in.change(id, apply) },
	}
}

func writable(k keyState) bool  { return !k.Deleting }
func enabled(k keyState) bool   { return k.State == "Enabled" }
func external(k keyState) bool  { return k.Origin == "EXTERNAL" && !k.Deleting }
func symmetric(k keyState) bool { return strings.HasPrefix(k.Spec, "Aliyun_") }

// name is one that was never given before, and tells whose it is.
func (w *writer) name() string {
	w.named++
	return fmt.Sprintf("%s%d", w.prefix(), w.named)
}

func (w *writer) prefix() string { return fmt.Sprintf("w%02d-", w.number) }

// maxKeys is how many keys a writer has at most.
const maxKeys = 6

// specs are those of keys, the slow ones rarely.
var specs = strings.Fields(strings.Repeat("Aliyun_AES_256 Aliyun_AES_192 Aliyun_AES_128 Aliyun_SM4 EC_P256 EC_P256K EC_SM2 ", 6) + "RSA_2048 RSA_2048 RSA_3072 RSA_4096")

// The instance, and a key in it, for secrets that have a policy.
const (
	instance    = "kst-torture0000000001"
	instanceKey = "key-of-the-instance"
)

// createKey makes keys of each spec, with all that they can have from the start.
func createKey(w *writer) *change {
	if len(w.world) >= maxKeys {
		return nil
	}
	k, params := w.newKey()
	return &change{
		params: params,
		apply: func(in world, a answer) {
			id := cmp.Or(a.text("KeyMetadata", "KeyId"), unknown)
			in.change(id, func(made *keyState) { *made = world{id: k}.clone()[id] }) // its lists are not to be shared
		},
		after: func(p *alikms, a answer) error { return w.look(p, a.text("KeyMetadata", "KeyId")) },
	}
}

// newKey is a key to make, and what to send for it.
func (w *writer) newKey() (k keyState, params []string) {
	k = keyState{
		Spec: specs[w.chance.IntN(len(specs))], Usage: "SIGN/VERIFY", Origin: "Aliyun_KMS", State: "Enabled", Description: w.name(),
		Protection: "Disabled", Tags: w.tags(), Versions: []string{unknown},
	}
	if symmetric(k) {
		k.Usage = "ENCRYPT/DECRYPT"
		switch w.chance.IntN(3) {
		case 0:
			k.Origin, k.State = "EXTERNAL", "PendingImport"
		case 1:
			k.Interval = w.interval()
			params = append(params, "EnableAutomaticRotation", "true", "RotationInterval", k.Interval)
		}
	}
	if w.chance.IntN(4) == 0 {
		k.Instance, k.Policy = instance, w.policy()
		params = append(params, "DKMSInstanceId", k.Instance, "Policy", k.Policy)
	}
	return k, append(params, "KeySpec", k.Spec, "KeyUsage", k.Usage, "Origin", k.Origin, "Description", k.Description, "Tags", tagList(k.Tags))
}

// interval is too long to fall due while a trial moves the clock on.
func (w *writer) interval() string { return fmt.Sprintf("%ds", (365+w.chance.IntN(365))*24*3600) }

func (w *writer) policy() string {
	return `{"Version":"1","Statement":[{"Sid":"` + w.name() + `","Effect":"Allow","Principal":{"RAM":["acs:ram::1234567890123456:*"]},"Action":["kms:*"],"Resource":["*"]}]}`
}

func (w *writer) tags() map[string]string {
	tags := map[string]string{}
	for range 1 + w.chance.IntN(3) {
		tags["t"+strconv.Itoa(w.chance.IntN(6))] = w.name()
	}
	return tags
}

func tagList(tags map[string]string) string {
	type tag struct{ TagKey, TagValue string }
	list := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	text, _ := json.Marshal(list)
	return string(text)
}

func createKeyVersion(w *writer) *change {
	id, ok := w.pick(func(k keyState) bool { return enabled(k) && !symmetric(k) && len(k.Versions) < 8 })
	if !ok {
		return nil
	}
	return &change{
		params: []string{"KeyId", id},
		apply: func(in world, a answer) {
			version := cmp.Or(a.text("KeyVersion", "KeyVersionId"), unknown)
			in.change(id, func(k *keyState) { k.Versions = append(k.Versions, version) })
		},
		after: func(p *alikms, _ answer) error { return w.look(p, id) },
	}
}

func updateKeyDescription(w *writer) *change {
	text := w.name() + strings.Repeat(" longer", w.chance.IntN(200))
	return w.ofKey(writable, func(k *keyState) { k.Description = text }, "Description", text)
}

func setDeletionProtection(w *writer) *change {
	if w.chance.IntN(2) == 0 {
		return w.ofKey(writable, func(k *keyState) { k.Protection, k.ProtectionDescription = "Disabled", "" }, "EnableDeletionProtection", "false")
	}
	text := w.name()
	return w.ofKey(writable, func(k *keyState) { k.Protection, k.ProtectionDescription = "Enabled", text },
		"EnableDeletionProtection", "true", "DeletionProtectionDescription", text)
}

func setState(state string) func(*writer) *change {
	return func(w *writer) *change {
		return w.ofKey(func(k keyState) bool { return k.State == "Enabled" || k.State == "Disabled" }, func(k *keyState) { k.State = state })
	}
}

// scheduleKeyDeletion keeps in mind whether the key has material: one whose
// deletion is pending does not tell.
func scheduleKeyDeletion(w *writer) *change {
	id, ok := w.pick(func(k keyState) bool { return !k.Deleting && k.Protection == "Disabled" })
	if !ok {
		return nil
	}
	w.lacking[id] = w.world[id].State == "PendingImport"
	return &change{
		params: []string{"KeyId", id, "PendingWindowInDays", "7"},
		apply: func(in world, _ answer) {
			in.change(id, func(k *keyState) { k.State, k.Deleting = "PendingDeletion", true })
		},
	}
}

func cancelKeyDeletion(w *writer) *change {
	id, ok := w.pick(func(k keyState) bool { return k.Deleting })
	if !ok {
		return nil
	}
	state := "Enabled"
	if w.lacking[id] {
		state = "PendingImport"
	}
	return &change{
		params: []string{"KeyId", id},
		apply:  func(in world, _ answer) { in.change(id, func(k *keyState) { k.State, k.Deleting = state, false }) },
	}
}

// token is what material is imported with.
type token struct {
	id     string
	public *rsa.PublicKey
}

const wrappingAlgorithm = "RSAES_OAEP_SHA_256"

func getParametersForImport(w *writer) *change {
	id, ok := w.pick(external)
	if !ok {
		return nil
	}
	return &change{
		params: []string{"KeyId", id, "WrappingAlgorithm", wrappingAlgorithm, "WrappingKeySpec", "RSA_2048"},
		apply:  func(world, answer) {},
		after: func(_ *alikms, a answer) (err error) {
			w.tokens[id], err = tokenOf(a)
			return err
		},
	}
}

func tokenOf(a answer) (token, error) {
	der, err := base64.StdEncoding.DecodeString(a.text("PublicKey"))
	if err != nil {
		return token{}, misanswer("PublicKey: " + err.Error())
	}
	key, err := x509.ParsePKIXPublicKey(der)
	public, ok := key.(*rsa.PublicKey)
	if err != nil || !ok {
		return token{}, misanswer(fmt.Sprintf("PublicKey is a %T: %v", key, err))
	}
	return token{a.text("ImportToken"), public}, nil
}

// material is that of a key, always the same: alikms takes no other twice.
func material(id string, k keyState) []byte {
	size := map[string]int{"Aliyun_AES_256": 32, "Aliyun_AES_192": 24, "Aliyun_AES_128": 16, "Aliyun_SM4": 16}[k.Spec]
	sum := sha256.Sum256([]byte(id))
	return sum[:size]
}

func importKeyMaterial(w *writer) *change {
	id, ok := w.pick(external)
	if !ok || w.tokens[id].id == "" {
		return nil
	}
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, w.tokens[id].public, material(id, w.world[id]), nil)
	if err != nil {
		panic(err) // the material is shorter than the key by far
	}
	params := []string{"KeyId", id, "ImportToken", w.tokens[id].id, "EncryptedKeyMaterial", base64.StdEncoding.EncodeToString(wrapped)}
	expires := ""
	if w.chance.IntN(2) == 0 {
		at := time.Date(2050, 1, 1, 0, 0, w.chance.IntN(1000), 0, time.UTC)
		expires = at.Format("2006-01-02T15:04:05Z")
		params = append(params, "KeyMaterialExpireUnix", strconv.FormatInt(at.Unix(), 10))
	}
	return &change{params: params, apply: func(in world, _ answer) {
		in.change(id, func(k *keyState) {
			k.Expires = expires
			if k.State == "PendingImport" {
				k.State = "Enabled"
			}
		})
	}}
}

func deleteKeyMaterial(w *writer) *change {
	return w.ofKey(external, func(k *keyState) { k.State, k.Expires = "PendingImport", "" })
}

func updateRotationPolicy(w *writer) *change {
	rotates := func(k keyState) bool { return enabled(k) && symmetric(k) && k.Origin == "Aliyun_KMS" }
	if w.chance.IntN(2) == 0 {
		return w.ofKey(rotates, func(k *keyState) { k.Interval = "" }, "EnableAutomaticRotation", "false")
	}
	interval := w.interval()
	return w.ofKey(rotates, func(k *keyState) { k.Interval = interval }, "EnableAutomaticRotation", "true", "RotationInterval", interval)
}

func setKeyPolicy(w *writer) *change {
	policy := w.policy()
	return w.ofKey(func(k keyState) bool { return k.Instance != "" && !k.Deleting }, func(k *keyState) { k.Policy = policy }, "Policy", policy)
}

func createAlias(w *writer) *change {
	alias := "alias/" + w.name()
	return w.ofKey(func(k keyState) bool { return !k.Deleting && len(k.Aliases) < 5 },
		func(k *keyState) { k.Aliases = append(k.Aliases, alias) }, "AliasName", alias)
}

// anAlias takes one that there is.
func (w *writer) anAlias() (alias, of string, ok bool) {
	of, ok = w.pick(func(k keyState) bool { return len(k.Aliases) > 0 })
	if !ok {
		return "", "", false
	}
	aliases := w.world[of].Aliases
	return aliases[w.chance.IntN(len(aliases))], of, true
}

func without(aliases []string, alias string) []string {
	left := slices.DeleteFunc(slices.Clone(aliases), func(a string) bool { return a == alias })
	if len(left) == 0 {
		return nil
	}
	return left
}

// updateAlias changes two keys, or none.
func updateAlias(w *writer) *change {
	alias, from, ok := w.anAlias()
	to, free := w.pick(writable)
	if !ok || !free {
		return nil
	}
	return &change{
		params: []string{"KeyId", to, "AliasName", alias},
		apply: func(in world, _ answer) {
			in.change(from, func(k *keyState) { k.Aliases = without(k.Aliases, alias) })
			in.change(to, func(k *keyState) { k.Aliases = append(k.Aliases, alias) })
		},
	}
}

func deleteAlias(w *writer) *change {
	alias, of, ok := w.anAlias()
	if !ok {
		return nil
	}
	return &change{
		params: []string{"AliasName", alias},
		apply: func(in world, _ answer) {
			in.change(of, func(k *keyState) { k.Aliases = without(k.Aliases, alias) })
		},
	}
}

func tagResource(w *writer) *change {
	tags := w.tags()
	return w.ofKey(writable, func(k *keyState) { maps.Copy(k.Tags, tags) }, "Tags", tagList(tags))
}

func untagResource(w *writer) *change {
	tag := "t" + strconv.Itoa(w.chance.IntN(6))
	return w.ofKey(writable, func(k *keyState) { delete(k.Tags, tag) }, "TagKeys", `["`+tag+`"]`)
}

// ofTwo makes a change of two keys at once.
func (w *writer) ofTwo(apply func(*keyState), params ...string) *change {
	first, ok := w.pick(writable)
	second, _ := w.pick(writable)
	if !ok {
		return nil
	}
	return &change{
		params: append(params, "RegionId", "cn-hangzhou", "ResourceType", "key", "ResourceId.1", first, "ResourceId.2", second),
		apply: func(in world, _ answer) {
			in.change(first, apply)
			in.change(second, apply)
		},
	}
}

func tagResources(w *writer) *change {
	tag, value := "t"+strconv.Itoa(w.chance.IntN(6)), w.name()
	return w.ofTwo(func(k *keyState) { k.Tags[tag] = value }, "Tag.1.Key", tag, "Tag.1.Value", value)
}

func untagResources(w *writer) *change {
	tag := "t" + strconv.Itoa(w.chance.IntN(6))
	return w.ofTwo(func(k *keyState) { delete(k.Tags, tag) }, "TagKey.1", tag)
}
