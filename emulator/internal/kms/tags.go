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
)

var tagOperations = []Operation{
	write("TagResource", "Gives a key or a secret tags, or new values to those it has.", tagResource),
	write("UntagResource", "Takes tags from a key or a secret.", untagResource),
	read("ListResourceTags", "Lists the tags of a key.", listResourceTags).quota(groupTagsOfKey),
	write("TagResources", "Gives tags to several keys or secrets: to all of them or to none.", tagResources),
	write("UntagResources", "Takes tags from several keys or secrets: from all of them or from none.", untagResources),
	read("ListTagResources", "Lists the tags of several keys or secrets, or those that have tags.", listTagResources).resource("key", "secret"),
}

// taggedRequest is embedded by the requests that tell what has the tags. A call
// names one of the three.
type taggedRequest struct {
	SecretName    secretName
	CertificateId string `emulated:"no"`
	KeyId         keyName
}

// resource is what has the tags.
func (in *taggedRequest) resource() (resource, error) {
	switch {
	case in.SecretName.name == "" && in.KeyId == (keyName{}):
		return resource{}, kmserr.MissingParameter("KeyId")
	case in.SecretName.name == "":
		return resource{key: in.KeyId}, nil
	case in.KeyId == (keyName{}):
		return resource{secret: in.SecretName}, nil
	}
	return resource{}, kmserr.InvalidParameter("SecretName")
}

type tagResourceRequest struct {
	taggedRequest
	Tags []tag `required:"true" max:"20"`
}

func tagResource(tx *transaction, in *tagResourceRequest) (*struct{}, error) {
	of, err := in.resource()
	if err != nil {
		return nil, err
	}
	return tx.addTags([]resource{of}, in.Tags, "Tags")
}

// addTags gives keys or secrets tags, which came in a parameter.
func (tx *transaction) addTags(resources []resource, tags []tag, parameter string) (*struct{}, error) {
	if !validTags(tags) {
		return nil, kmserr.InvalidParameter(parameter)
	}
	return tx.changeTags(resources, func(of map[string]string) error {
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
	of, err := in.resource()
	if err != nil {
		return nil, err
	}
	return tx.removeTags([]resource{of}, in.TagKeys)
}

// removeTags takes tags from keys or secrets. Those that one has not got are
// passed over.
func (tx *transaction) removeTags(resources []resource, tagKeys []string) (*struct{}, error) {
	return tx.changeTags(resources, func(of map[string]string) error {
		for _, tagKey := range tagKeys {
			delete(of, tagKey)
		}
		return nil
	})
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

// requestTag is a tag as the plural requests spell it.
type requestTag struct {
	Key   string `required:"true"`
	Value string
}

type tagResourcesRequest struct {
	resourcesRequest
	ResourceId []resourceID `repeat:"true" required:"true" max:"50"`
	Tag        []requestTag `repeat:"true" required:"true" max:"20"`
}

func tagResources(tx *transaction, in *tagResourcesRequest) (*struct{}, error) {
	resources, err := in.resources(in.ResourceId)
	if err != nil {
		return nil, err
	}
	tags := make([]tag, len(in.Tag))
	for i, t := range in.Tag {
		tags[i] = tag{t.Key, t.Value}
	}
	return tx.addTags(resources, tags, "Tag")
}

type untagResourcesRequest struct {
	resourcesRequest
	ResourceId []resourceID `repeat:"true" required:"true" max:"50"`
	TagKey     []string     `repeat:"true" max:"20"`
	All        bool
}

// untagResources minds All only where no tag is named.
func untagResources(tx *transaction, in *untagResourcesRequest) (*struct{}, error) {
	resources, err := in.resources(in.ResourceId)
	switch {
	case err != nil:
		return nil, err
	case len(in.TagKey) > 0:
		return tx.removeTags(resources, in.TagKey)
	case in.All:
		return tx.changeTags(resources, func(of map[string]string) error { clear(of); return nil })
	}
	return nil, kmserr.MissingParameter("TagKey.1")
}

type listTagResourcesRequest struct {
	resourcesRequest
	ResourceId []resourceID `repeat:"true" max:"50"`
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

// listTagResources lists by key or secret and tag, so that a page goes on where
// the last one ended, whatever has become of its resources.
func listTagResources(tx *transaction, in *listTagResourcesRequest) (*listTagResourcesResponse, error) {
	resources, err := in.resources(in.ResourceId)
	if err != nil {
		return nil, err
	}
	all, err := tx.resourcesToList(in.ResourceType, resources)
	out := &listTagResourcesResponse{}
	rows := in.rows(all)
	if len(rows) > tagRows {
		rows = rows[:tagRows]
		last := rows[tagRows-1]
		out.NextToken = tagPosition{last.ResourceId, last.TagKey}.token()
	}
	out.TagResources.TagResource = rows
	return out, err
}

// rows are those of a page, and one more where there is one.
func (in *listTagResourcesRequest) rows(all []tagged) []taggedResource {
	rows := []taggedResource{}
	for _, r := range all {
		for _, tagKey := range wantedTags(r.tags, in.Tag) {
			if !in.NextToken.before(tagPosition{r.id, tagKey}) {
				continue
			}
			rows = append(rows, taggedResource{r.id, in.ResourceType, tagKey, r.tags[tagKey]})
			if len(rows) > tagRows {
				return rows
			}
		}
	}
	return rows
}

// wantedTags are the tags asked for, by their keys, of what has all of them; all its tags, where none is asked for. A value left out is any.
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
type tagPosition struct{ resourceID, tagKey string }

func (p tagPosition) before(q tagPosition) bool {
	return cmp.Or(strings.Compare(p.resourceID, q.resourceID), strings.Compare(p.tagKey, q.tagKey)) < 0
}

// token writes a position as a NextToken, with a checksum: a text that somebody
// made up is none.
func (p tagPosition) token() string {
	text := p.resourceID + "\n" + p.tagKey
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
	p.resourceID, p.tagKey, _ = strings.Cut(string(decoded[tokenSum:]), "\n")
	if p.token() != string(token) {
		return errors.New("a NextToken that nobody was given")
	}
	return nil
}
