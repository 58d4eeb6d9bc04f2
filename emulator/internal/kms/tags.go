package kms

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var tagOperations = []Operation{
	write("TagResource", "Gives a key tags, or new values to those it has.", tagResource),
	write("UntagResource", "Takes tags from a key.", untagResource),
	read("ListResourceTags", "Lists the tags of a key.", listResourceTags).quota(groupTagsOfKey),
	write("TagResources", "Gives tags to several keys: to all of them or to none.", tagResources),
	write("UntagResources", "Takes tags from several keys: from all of them or from none.", untagResources),
	read("ListTagResources", "Lists the tags of several keys, or the keys that have tags.", listTagResources).resource("key"),
}

// taggedRequest is embedded by the requests that tell what has the tags. A call
// names one of the three.
type taggedRequest struct {
	SecretName    string  `emulated:"no"`
	CertificateId string  `emulated:"no"`
	KeyId         keyName `required:"true"`
}

type tagResourceRequest struct {
	taggedRequest
	Tags []tag `required:"true" max:"20"`
}

func tagResource(tx *transaction, in *tagResourceRequest) (*struct{}, error) {
	return tx.addTags([]keyName{in.KeyId}, in.Tags, "Tags")
}

// addTags gives keys tags, which came in a parameter.
func (tx *transaction) addTags(keys []keyName, tags []tag, parameter string) (*struct{}, error) {
	if !validTags(tags) {
		return nil, kmserr.InvalidParameter(parameter)
	}
	return tx.changeTags(keys, func(of map[string]string) error {
		for _, t := range tags {
			of[t.TagKey] = t.TagValue
		}
		if len(of) > fixtures.MaxTags {
			return kmserr.LimitExceeded // our choice: the error is not documented
		}
		return nil
	})
}

type untagResourceRequest struct {
	taggedRequest
	TagKeys []string `required:"true" max:"20"`
}

func untagResource(tx *transaction, in *untagResourceRequest) (*struct{}, error) {
	return tx.removeTags([]keyName{in.KeyId}, in.TagKeys)
}

// removeTags takes tags from keys. Those that a key has not got are passed over.
func (tx *transaction) removeTags(keys []keyName, tagKeys []string) (*struct{}, error) {
	return tx.changeTags(keys, func(of map[string]string) error {
		for _, tagKey := range tagKeys {
			delete(of, tagKey)
		}
		return nil
	})
}

// changeTags changes the tags of keys. The page "Impact of CMK status on API
// operations" has the states for TagResource and UntagResource; for their
// plurals they are our choice.
func (tx *transaction) changeTags(keys []keyName, change func(of map[string]string) error) (*struct{}, error) {
	for _, name := range keys {
		key, err := tx.writableKey(name, kmserr.PendingDeletion)
		if err != nil {
			return nil, err
		}
		if key.Tags == nil {
			key.Tags = map[string]string{}
		}
		if err := change(key.Tags); err != nil {
			return nil, err
		}
		if err := tx.store.UpdateKey(key); err != nil {
			return nil, err
		}
	}
	tx.setKey(tx.Scope, keys[0].id)
	return &struct{}{}, nil
}

type tagOfKey struct{ KeyId, TagKey, TagValue string }

type listResourceTagsResponse struct {
	Tags struct{ Tag []tagOfKey }
}

// listResourceTags lists by the tags' keys; the order is not documented.
func listResourceTags(tx *transaction, in *keyRequest) (*listResourceTagsResponse, error) {
	key, err := tx.key(in.KeyId)
	out := &listResourceTagsResponse{}
	out.Tags.Tag = make([]tagOfKey, 0, len(key.Tags))
	for _, tagKey := range slices.Sorted(maps.Keys(key.Tags)) {
		out.Tags.Tag = append(out.Tags.Tag, tagOfKey{key.ID, tagKey, key.Tags[tagKey]})
	}
	return out, err
}

// resourcesRequest is embedded by the plural requests. RegionId has to be sent;
// as for every operation it is the host that tells the region.
type resourcesRequest struct {
	RegionId     string `required:"true"`
	ResourceType string `required:"true" oneof:"key secret"`
}

// keysOnly refuses the other resources that KMS has.
func (in *resourcesRequest) keysOnly() error {
	if in.ResourceType != "key" {
		return kmserr.NotEmulated("ResourceType " + in.ResourceType)
	}
	return nil
}

// requestTag is a tag as the plural requests spell it.
type requestTag struct {
	Key   string `required:"true"`
	Value string
}

type tagResourcesRequest struct {
	resourcesRequest
	ResourceId []keyName    `repeat:"true" required:"true" max:"50"`
	Tag        []requestTag `repeat:"true" required:"true" max:"20"`
}

func tagResources(tx *transaction, in *tagResourcesRequest) (*struct{}, error) {
	if err := in.keysOnly(); err != nil {
		return nil, err
	}
	tags := make([]tag, len(in.Tag))
	for i, t := range in.Tag {
		tags[i] = tag{t.Key, t.Value}
	}
	return tx.addTags(in.ResourceId, tags, "Tag")
}

type untagResourcesRequest struct {
	resourcesRequest
	ResourceId []keyName `repeat:"true" required:"true" max:"50"`
	TagKey     []string  `repeat:"true" max:"20"`
	All        bool
}

// untagResources minds All only where no tag is named.
func untagResources(tx *transaction, in *untagResourcesRequest) (*struct{}, error) {
	if err := in.keysOnly(); err != nil {
		return nil, err
	}
	switch {
	case len(in.TagKey) > 0:
		return tx.removeTags(in.ResourceId, in.TagKey)
	case in.All:
		return tx.changeTags(in.ResourceId, func(of map[string]string) error { clear(of); return nil })
	}
	return nil, kmserr.MissingParameter("TagKey.1")
}

type listTagResourcesRequest struct {
	resourcesRequest
	ResourceId []keyName    `repeat:"true" max:"50"`
	Tag        []requestTag `repeat:"true" max:"20"`
	NextToken  tagPosition
}

type taggedResource struct{ ResourceId, ResourceType, TagKey, TagValue string }

type listTagResourcesResponse struct {
	TagResources struct{ TagResource []taggedResource }
	NextToken    string `json:",omitempty"`
}

// tagRows is the size of a page of ListTagResources (the vendor's page of that
// name).
const tagRows = 200

// listTagResources lists by key and tag, so that a page goes on where the last
// one ended, whatever has become of its keys.
func listTagResources(tx *transaction, in *listTagResourcesRequest) (*listTagResourcesResponse, error) {
	if err := in.keysOnly(); err != nil {
		return nil, err
	}
	keys, err := tx.keysToList(in.ResourceId)
	out := &listTagResourcesResponse{}
	rows := in.rows(keys)
	if len(rows) > tagRows {
		rows = rows[:tagRows]
		last := rows[tagRows-1]
		out.NextToken = tagPosition{last.ResourceId, last.TagKey}.token()
	}
	out.TagResources.TagResource = rows
	return out, err
}

// rows are those of a page, and one more where there is one.
func (in *listTagResourcesRequest) rows(keys []store.Key) []taggedResource {
	rows := []taggedResource{}
	for _, key := range keys {
		for _, tagKey := range wantedTags(key.Tags, in.Tag) {
			if !in.NextToken.before(tagPosition{key.ID, tagKey}) {
				continue
			}
			rows = append(rows, taggedResource{key.ID, "key", tagKey, key.Tags[tagKey]})
			if len(rows) > tagRows {
				return rows
			}
		}
	}
	return rows
}

// keysToList are the keys of a list, each once, by their ids; of an empty one all
// that the account has in the region, for which RAM is asked as in ListKeys.
func (tx *transaction) keysToList(names []keyName) (keys []store.Key, err error) {
	if len(names) == 0 {
		keys, err = tx.allKeys()
	}
	for _, name := range names {
		key, err := tx.key(name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(names) > 0 {
		tx.setKey(tx.Scope, names[0].id)
	}
	slices.SortFunc(keys, func(a, b store.Key) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(keys, func(a, b store.Key) bool { return a.ID == b.ID }), err
}

func (tx *transaction) allKeys() (keys []store.Key, err error) {
	if err := tx.permit(ARN(tx.Scope, "key")); err != nil {
		return nil, err
	}
	for key, err := range tx.store.Keys(tx.Scope) {
		if err != nil {
			return nil, err
		}
		if !Gone(key, tx.Now) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// wantedTags are the tags asked for, by their keys, of a key that has all of
// them; all its tags, where none is asked for. A value left out is any.
func wantedTags(has map[string]string, wanted []requestTag) (tagKeys []string) {
	if len(wanted) == 0 {
		return slices.Sorted(maps.Keys(has))
	}
	for _, t := range wanted {
		value, ok := has[t.Key]
		if !ok || t.Value != "" && t.Value != value {
			return nil
		}
		tagKeys = append(tagKeys, t.Key)
	}
	slices.Sort(tagKeys)
	return slices.Compact(tagKeys)
}

// tagPosition is a row of a listing of tags. Its zero value is before all rows.
type tagPosition struct{ keyID, tagKey string }

func (p tagPosition) before(q tagPosition) bool {
	return cmp.Or(strings.Compare(p.keyID, q.keyID), strings.Compare(p.tagKey, q.tagKey)) < 0
}

// token writes a position as a NextToken, with a checksum: a text that somebody
// made up is none.
func (p tagPosition) token() string {
	text := p.keyID + "\n" + p.tagKey
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(append(sum[:tokenSum], text...))
}

// tokenSum is the size of the checksum of a NextToken.
const tokenSum = 8

// UnmarshalText reads a NextToken.
func (p *tagPosition) UnmarshalText(token []byte) error {
	decoded, err := base64.RawURLEncoding.DecodeString(string(token))
	if err != nil || len(decoded) < tokenSum {
		return errors.New("no NextToken")
	}
	p.keyID, p.tagKey, _ = strings.Cut(string(decoded[tokenSum:]), "\n")
	if p.token() != string(token) {
		return errors.New("a NextToken that nobody was given")
	}
	return nil
}
