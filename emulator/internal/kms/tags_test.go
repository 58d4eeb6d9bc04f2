package kms

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

var (
	tagScope = store.Scope{Account: "1234567890123456", Region: "cn-hangzhou"}
	tagTime  = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
)

// taggedKeys are a service with as many keys, each with as many tags.
func taggedKeys(t testing.TB, keys, tags int) *Service {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	of := map[string]string{}
	for i := range tags {
		of[fmt.Sprintf("tag-%02d", i)] = "v"
	}
	err = st.Update(func(tx *store.Tx) error {
		for i := range keys {
			key := store.Key{Scope: tagScope, ID: fmt.Sprintf("key-%03d", i), Spec: "EC_SM2", State: StateEnabled, CreationDate: tagTime, Tags: of}
			if err := tx.InsertKey(key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := NewService(st, 0)
	t.Cleanup(s.Close)
	return s
}

func answer(s *Service, action string, sent map[string]string) (any, error) {
	op, _ := Lookup(action)
	return op.Answer(s, &Call{Context: context.Background(), Settings: &Settings{}, Scope: tagScope, Now: tagTime}, sent)
}

// resources are the parameters of a plural operation, for some of the keys.
func resources(more map[string]string, keys ...int) map[string]string {
	sent := map[string]string{"RegionId": "cn-hangzhou", "ResourceType": "key"}
	for i, n := range keys {
		sent[fmt.Sprintf("ResourceId.%d", i+1)] = fmt.Sprintf("key-%03d", n)
	}
	maps.Copy(sent, more)
	return sent
}

// listing follows the pages of ListTagResources to their end.
func listing(t *testing.T, s *Service, sent map[string]string, between func(last taggedResource)) (pages []int, rows []taggedResource) {
	t.Helper()
	for {
		out, err := answer(s, "ListTagResources", sent)
		if err != nil {
			t.Fatal(err)
		}
		page := out.(*listTagResourcesResponse)
		pages = append(pages, len(page.TagResources.TagResource))
		rows = append(rows, page.TagResources.TagResource...)
		if page.NextToken == "" {
			return pages, rows
		}
		sent["NextToken"] = page.NextToken
		between(rows[len(rows)-1])
	}
}

func TestAListingOfTagsHasPagesOfTwoHundredRows(t *testing.T) {
	for keys, want := range map[int][]int{0: {0}, 10: {200}, 11: {200, 20}, 20: {200, 200}, 25: {200, 200, 100}} {
		pages, rows := listing(t, taggedKeys(t, keys, 20), resources(nil), func(taggedResource) {})
		if !reflect.DeepEqual(pages, want) {
			t.Errorf("%d keys: pages of %v rows, want %v", keys, pages, want)
		}
		for i, row := range rows {
			if want := (taggedResource{fmt.Sprintf("key-%03d", i/20), "key", fmt.Sprintf("tag-%02d", i%20), "v"}); row != want {
				t.Fatalf("%d keys: row %d is %v, want %v", keys, i, row, want)
			}
		}
	}
}

// A token tells a place, not a number of rows: what goes or comes before it
// neither repeats a row nor leaves one out.
func TestAListingOfTagsGoesOnWhereItStoppedWhateverChanges(t *testing.T) {
	s := taggedKeys(t, 30, 20)
	_, rows := listing(t, s, resources(nil), func(last taggedResource) {
		if _, err := answer(s, "UntagResource", map[string]string{"KeyId": last.ResourceId, "TagKeys": `["` + last.TagKey + `"]`}); err != nil {
			t.Fatal(err)
		}
		if _, err := answer(s, "TagResource", map[string]string{"KeyId": last.ResourceId, "Tags": `[{"TagKey":"a"}]`}); err != nil {
			t.Fatal(err)
		}
	})
	seen := map[taggedResource]bool{}
	for _, row := range rows {
		if seen[row] {
			t.Errorf("%v is listed twice", row)
		}
		seen[row] = true
	}
	if len(rows) != 600 {
		t.Errorf("%d rows, want 600", len(rows))
	}
}

func TestPluralsChangeAllKeysOrNone(t *testing.T) {
	s := taggedKeys(t, 3, 19)
	before, err := answer(s, "ListTagResources", resources(nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := answer(s, "TagResource", map[string]string{"KeyId": "key-002", "Tags": `[{"TagKey":"twentieth"}]`}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action string
		sent   map[string]string
		err    error
	}{
		{"TagResources", resources(map[string]string{"Tag.1.Key": "one-more"}, 0, 1, 2), kmserr.LimitExceeded},
		{"TagResources", resources(map[string]string{"Tag.1.Key": "one-more"}, 0, 1, 3), kmserr.KeyNotFound},
		{"UntagResources", resources(map[string]string{"TagKey.1": "tag-00"}, 0, 1, 3), kmserr.KeyNotFound},
		{"UntagResources", resources(map[string]string{"All": "true"}, 0, 1, 3), kmserr.KeyNotFound},
	} {
		if _, err := answer(s, c.action, c.sent); err != c.err {
			t.Errorf("%s: %v, want %v", c.action, err, c.err)
		}
		if _, err := answer(s, "UntagResource", map[string]string{"KeyId": "key-002", "TagKeys": `["absent"]`}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := answer(s, "UntagResource", map[string]string{"KeyId": "key-002", "TagKeys": `["twentieth"]`}); err != nil {
		t.Fatal(err)
	}
	after, err := answer(s, "ListTagResources", resources(nil))
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("%v: refused calls have changed %v to %v", err, before, after)
	}
}

// RAM is asked for each key of a list, in its order, and for the key container
// where there is no list.
func TestPermissionIsAskedForEachKeyOfAList(t *testing.T) {
	s := taggedKeys(t, 4, 1)
	for _, action := range []string{"TagResources", "UntagResources", "ListTagResources"} {
		op, _ := Lookup(action)
		var asked []string
		sent := resources(map[string]string{"Tag.1.Key": "tag-00", "TagKey.1": "absent"}, 2, 0, 3)
		c := &Call{Context: context.Background(), Settings: &Settings{}, Scope: tagScope, Now: tagTime, Allowed: func(action, arn string) bool {
			asked = append(asked, action+" "+arn)
			return len(asked) < 3
		}}
		_, err := op.Answer(s, c, sent)
		var want []string
		for _, id := range []string{"key-002", "key-000", "key-003"} {
			want = append(want, "kms:"+action+" "+KeyARN(tagScope, id))
		}
		if !reflect.DeepEqual(asked, want) || !reflect.DeepEqual(err, kmserr.NoPermission(KeyARN(tagScope, "key-003"))) {
			t.Errorf("%s: %v, asked %v, want %v", action, err, asked, want)
		}
	}
}

func TestTheKeyOfACallWithSeveralIsTheFirst(t *testing.T) {
	s := taggedKeys(t, 3, 1)
	for _, action := range []string{"TagResources", "UntagResources", "ListTagResources"} {
		op, _ := Lookup(action)
		sent := resources(map[string]string{"Tag.1.Key": "tag-00", "TagKey.1": "absent"}, 2, 0, 1)
		for what, note := range map[string]func(*Call) error{
			"before": func(c *Call) error { return s.FindKeyOf(c, op, sent) },
			"after":  func(c *Call) error { _, err := op.Answer(s, c, sent); return err },
		} {
			c := &Call{Context: context.Background(), Settings: &Settings{}, Scope: tagScope, Now: tagTime}
			if err := note(c); err != nil || c.KeyID != "key-002" {
				t.Errorf("%s, %s: %v %q", action, what, err, c.KeyID)
			}
		}
	}
}

func TestANextTokenIsReadAsItWasWritten(t *testing.T) {
	for _, p := range []tagPosition{{"key-1", "a"}, {"key-1", ""}, {"", ""}, {"a", `/\_-.+=:@`}} {
		var again tagPosition
		if err := again.UnmarshalText([]byte(p.token())); err != nil || again != p {
			t.Errorf("%v %v, want %v", err, again, p)
		}
	}
}

func FuzzNextToken(f *testing.F) {
	f.Add(tagPosition{"key-hzz630494463ejqjx0001", "team"}.token())
	f.Add("caeba0bbb2be03f84eb48b699f0a4883")
	f.Add("AAAAAAAAAAA")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		var p tagPosition
		if p.UnmarshalText([]byte(token)) == nil && p.token() != token {
			t.Fatalf("%q is taken for %q", token, p.token())
		}
	})
}
