package conformance

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

// resources are the parameters of the plural operations on tags.
func resources(ids ...string) parameters {
	return parameters{"RegionId": region, "ResourceType": "key", "ResourceId": ids}
}

func pairs(keysAndValues ...string) (tags []parameters) {
	for i := 0; i < len(keysAndValues); i += 2 {
		tags = append(tags, parameters{"Key": keysAndValues[i], "Value": keysAndValues[i+1]})
	}
	return tags
}

func tags(c *conversation) {
	first, second := c.newKey(parameters{"Tags": `[{"TagKey":"made","TagValue":"with-it"},{"TagKey":"team","TagValue":"none"}]`}), c.newKey(nil)
	c.call("TagResource", parameters{"KeyId": first, "Tags": `[{"TagKey":"team","TagValue":"a"},{"TagKey":"x/y\\_-.+=:@","TagValue":""}]`})
	equalTags(c, first, map[string]string{"made": "with-it", "team": "a", `x/y\_-.+=:@`: ""})
	c.call("UntagResource", parameters{"KeyId": first, "TagKeys": `["made","x/y\\_-.+=:@","never there"]`})
	equalTags(c, first, map[string]string{"team": "a"})

	c.call("TagResources", resources(first, second).and(parameters{"Tag": pairs("stage", "test", "team", "b")}))
	equalTags(c, first, map[string]string{"team": "b", "stage": "test"})
	equalTags(c, second, map[string]string{"team": "b", "stage": "test"})
	c.call("UntagResources", resources(second).and(parameters{"TagKey": []string{"team"}}))
	tagged := c.call("ListTagResources", resources().and(parameters{"Tag": pairs("team", "b")})).at("TagResources").list("TagResource")
	equal(c.t, "resources with the tag", len(tagged), 1)
	equal(c.t, "ResourceId", tagged[0].text("ResourceId"), first)
	equal(c.t, "ResourceType", tagged[0].text("ResourceType"), "key")
	c.call("UntagResources", resources(first, second).and(parameters{"All": true}))
	equalTags(c, first, map[string]string{})
	filteredKeys(c)
}

// equalTags asks both ways.
func equalTags(c *conversation, id string, want map[string]string) {
	c.t.Helper()
	one, several := map[string]string{}, map[string]string{}
	for _, tag := range c.call("ListResourceTags", parameters{"KeyId": id}).at("Tags").list("Tag") {
		equal(c.t, "the tag's KeyId", tag.text("KeyId"), id)
		one[tag.text("TagKey")] = tag.text("TagValue")
	}
	for _, tag := range c.call("ListTagResources", resources(id)).at("TagResources").list("TagResource") {
		equal(c.t, "the tag's ResourceId", tag.text("ResourceId"), id)
		several[tag.text("TagKey")] = tag.text("TagValue")
	}
	if !maps.Equal(one, want) || !maps.Equal(several, want) {
		c.t.Errorf("tags: ListResourceTags %v, ListTagResources %v, want %v", one, several, want)
	}
}

// filteredKeys lists keys by what they are called and tagged.
func filteredKeys(c *conversation) {
	c.call("TagResources", resources(sm2Key.id).and(parameters{"Tag": pairs("stage", "test")}))
	for filters, want := range map[string]int{
		`[{"Key":"AliasName","Values":["alias/demo-sm2"]}]`:                              1,
		`[{"Key":"TagKey","Values":["stage"]}]`:                                          1,
		`[{"Key":"TagValue","Values":["test"]},{"Key":"KeySpec","Values":["RSA_2048"]}]`: 0,
	} {
		equal(c.t, filters, c.call("ListKeys", parameters{"Filters": filters})["TotalCount"], any(float64(want)))
	}
}

// tagTexts are lists of tags that are refused, as JSON.
func tagTexts() map[string]string {
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf(`{"TagKey":"k%d","TagValue":"v"}`, i)
	}
	return map[string]string{
		"no JSON":           `[{"TagKey"`,
		"a key of acs:":     `[{"TagKey":"acs:x","TagValue":"v"}]`,
		"a key of aliyun":   `[{"TagKey":"aliyun-x","TagValue":"v"}]`,
		"a long key":        `[{"TagKey":"` + strings.Repeat("k", 129) + `","TagValue":"v"}]`,
		"a long value":      `[{"TagKey":"k","TagValue":"` + strings.Repeat("v", 129) + `"}]`,
		"another character": `[{"TagKey":"k!","TagValue":"v"}]`,
		"21 tags":           "[" + strings.Join(many, ",") + "]",
	}
}

func tagRefusals(c *conversation) []refusedCall {
	id, pending := c.newKey(nil), c.newKey(nil)
	c.call("ScheduleKeyDeletion", parameters{"KeyId": pending, "PendingWindowInDays": 7})
	one := `[{"TagKey":"k","TagValue":"v"}]`
	all := []refusedCall{
		{"TagResource without a key", missing("KeyId"), "TagResource", parameters{"Tags": one}},
		{"TagResource without Tags", missing("Tags"), "TagResource", parameters{"KeyId": id}},
		{"TagResource of an unknown key", keyNotFound, "TagResource", parameters{"KeyId": "unknown", "Tags": one}},
		{"TagResource of a key PendingDeletion", pendingDeletion, "TagResource", parameters{"KeyId": pending, "Tags": one}},
		{"TagResource of an unknown secret", secretNotFound, "TagResource", parameters{"SecretName": "s", "Tags": one}},
		{"TagResource of a certificate", notEmulated("the parameter CertificateId"), "TagResource", parameters{"CertificateId": "c", "Tags": one}},
		{"UntagResource without TagKeys", missing("TagKeys"), "UntagResource", parameters{"KeyId": id}},
		{"UntagResource with TagKeys that are no JSON", invalid("TagKeys"), "UntagResource", parameters{"KeyId": id, "TagKeys": "k"}},
		{"UntagResource of an unknown key", keyNotFound, "UntagResource", parameters{"KeyId": "unknown", "TagKeys": `["k"]`}},
		{"UntagResource of a key PendingDeletion", pendingDeletion, "UntagResource", parameters{"KeyId": pending, "TagKeys": `["k"]`}},
		{"ListResourceTags without KeyId", missing("KeyId"), "ListResourceTags", nil},
		{"ListResourceTags of an unknown key", keyNotFound, "ListResourceTags", parameters{"KeyId": "unknown"}},
		{"ListResourceTags by an alias", aliasNotAllowed, "ListResourceTags", parameters{"KeyId": sm2Key.alias}},
		{"TagResources without Tag", missing("Tag.1"), "TagResources", resources(id)},
		{"TagResources with a key of acs:", invalid("Tag"), "TagResources", resources(id).and(parameters{"Tag": pairs("acs:x", "v")})},
		{"UntagResources without TagKey", missing("TagKey.1"), "UntagResources", resources(id)},
		{"ListTagResources with a NextToken that nobody was given", invalid("NextToken"), "ListTagResources", resources(id).and(parameters{"NextToken": "SGVsbG8="})},
	}
	for what, text := range tagTexts() {
		all = append(all, refusedCall{"TagResource with " + what, invalid("Tags"), "TagResource", parameters{"KeyId": id, "Tags": text}})
	}
	all = append(all, resourceRefusals("TagResources", id, pending, parameters{"Tag": pairs("k", "v")})...)
	all = append(all, resourceRefusals("UntagResources", id, pending, parameters{"TagKey": []string{"k"}})...)
	return append(all, listTagRefusals(id)...)
}

// resourceRefusals are about what the plural operations change.
func resourceRefusals(action, id, pending string, more parameters) []refusedCall {
	return []refusedCall{
		{action + " without ResourceType", missing("ResourceType"), action, resources(id).and(more).and(parameters{"ResourceType": ""})},
		{action + " without ResourceId", missing("ResourceId.1"), action, resources().and(more)},
		{action + " of another ResourceType", invalid("ResourceType"), action, resources(id).and(more).and(parameters{"ResourceType": "instance"})},
		{action + " of unknown secrets", secretNotFound, action, resources(id).and(more).and(parameters{"ResourceType": "secret"})},
		{action + " of an unknown key", keyNotFound, action, resources(id, "unknown").and(more)},
		{action + " of a key PendingDeletion", pendingDeletion, action, resources(id, pending).and(more)},
		{action + " of 51 keys", invalid("ResourceId.51"), action, resources(strings.Split(strings.Repeat(id+" ", 50)+id, " ")...).and(more)},
	}
}

func listTagRefusals(id string) []refusedCall {
	return []refusedCall{
		{"ListTagResources without ResourceType", missing("ResourceType"), "ListTagResources", resources(id).and(parameters{"ResourceType": ""})},
		{"ListTagResources of an unknown secret", secretNotFound, "ListTagResources", resources(id).and(parameters{"ResourceType": "secret"})},
		{"ListTagResources of an unknown key", keyNotFound, "ListTagResources", resources("unknown")},
	}
}

// TestManyTagsAreListedInPages: a page has 200 rows, a key at most 20 tags.
func TestManyTagsAreListedInPages(t *testing.T) {
	endpoint := start(t, "--credential", credential)
	for _, by := range signings {
		t.Run(by.name, func(t *testing.T) {
			c := connect(t, config(endpoint, by)).converse(endpoint)
			var some []string
			for i := range 20 {
				some = append(some, fmt.Sprintf("k%02d", i), "v")
			}
			var ids []string
			for range 11 {
				ids = append(ids, c.newKey(nil))
			}
			c.call("TagResources", resources(ids...).and(parameters{"Tag": pairs(some...)}))
			c.refuse(refusal{400, "Rejected.LimitExceeded", "The request was rejected because user create resource limit was exceeded."},
				"TagResources", resources(ids...).and(parameters{"Tag": pairs("one-more", "v")}))
			pages, rows := pagesOfTags(c, resources(ids...))
			equal(t, "pages", pages, 2)
			equal(t, "different rows", rows, 220)
		})
	}
}

// pagesOfTags follows NextToken to its end, and counts pages and different rows.
func pagesOfTags(c *conversation, in parameters) (pages, rows int) {
	c.t.Helper()
	seen := map[string]bool{}
	for pages = 1; ; pages++ {
		out := c.call("ListTagResources", in)
		for _, row := range out.at("TagResources").list("TagResource") {
			seen[row.text("ResourceId")+" "+row.text("TagKey")] = true
		}
		if in["NextToken"] = out.text("NextToken"); in["NextToken"] == "" {
			return pages, len(seen)
		}
	}
}
