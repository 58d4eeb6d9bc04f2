package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// keyState is what a client can see of a key, but for its material.
type keyState struct {
	Spec, Usage, Origin, State, Description string
	Instance, Policy                        string
	Protection, ProtectionDescription       string
	Rotation, Interval                      string
	Deleting                                bool
	Expires                                 string
	Tags                                    map[string]string
	Aliases                                 []string // sorted
	Versions                                []string // oldest first
}

// world is the keys of a writer by their ids.
type world map[string]keyState

// unknown stands for an id in an answer that was lost.
const unknown = "?"

func (w world) clone() world {
	copied := world{}
	for id, k := range w {
		k.Tags, k.Aliases, k.Versions = maps.Clone(k.Tags), slices.Clone(k.Aliases), slices.Clone(k.Versions)
		copied[id] = k
	}
	return copied
}

// change changes a key.
func (w world) change(id string, do func(*keyState)) {
	k := w[id]
	do(&k)
	switch {
	case k.Interval == "":
		k.Rotation = "Disabled"
	case k.State == "Enabled":
		k.Rotation = "Enabled"
	default:
		k.Rotation = "Suspended"
	}
	slices.Sort(k.Aliases)
	w[id] = k
}

// learn puts the ids that were found in the place of unknown ones.
func (w world) learn(found world) {
	for id, k := range found {
		if _, known := w[id]; !known && w[unknown].Description == k.Description {
			w[id] = w[unknown]
			delete(w, unknown)
		}
		mine := w[id]
		if len(mine.Versions) != len(k.Versions) {
			continue
		}
		for i, version := range mine.Versions {
			if version == unknown {
				mine.Versions[i] = k.Versions[i]
			}
		}
	}
}

// differences are what is not as it has to be.
func (w world) differences(found world) (all []string) {
	for id, want := range w {
		got, there := found[id]
		switch {
		case !there:
			all = append(all, fmt.Sprintf("key %s is lost", id))
		case !reflect.DeepEqual(got, want):
			all = append(all, fmt.Sprintf("key %s is\n  %s\nand has to be\n  %s", id, shown(got), shown(want)))
		}
	}
	for id := range found {
		if _, wanted := w[id]; !wanted {
			all = append(all, fmt.Sprintf("key %s was never made, or deleted", id))
		}
	}
	return all
}

func shown(k keyState) string {
	text, _ := json.Marshal(k)
	return string(text)
}

// look reads keys; those that are not there are left out.
func (a *alikms) look(ids []string) (world, error) {
	found := world{}
	for _, id := range ids {
		metadata, err := a.call("DescribeKey", "KeyId", id)
		switch {
		case err != nil:
			return nil, err
		case metadata.code == "Forbidden.KeyNotFound":
			continue
		case metadata.status != 200:
			return nil, fmt.Errorf("DescribeKey answers %v", metadata)
		}
		if found[id], err = a.lookAt(id, metadata); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lookAt reads a key that DescribeKey has described.
func (a *alikms) lookAt(id string, metadata answer) (keyState, error) {
	of := func(name string) string { return metadata.text("KeyMetadata", name) }
	k := keyState{
		Spec: of("KeySpec"), Usage: of("KeyUsage"), Origin: of("Origin"), State: of("KeyState"), Description: of("Description"),
		Instance: of("DKMSInstanceId"), Protection: of("DeletionProtection"), ProtectionDescription: of("DeletionProtectionDescription"),
		Rotation: of("AutomaticRotation"), Interval: of("RotationInterval"), Deleting: of("DeleteDate") != "", Expires: of("MaterialExpireTime"),
		Tags: map[string]string{},
	}
	var err error
	for _, more := range []func(string, *keyState) error{a.lookAtVersions, a.lookAtAliases, a.lookAtTags, a.lookAtPolicy} {
		err = errors.Join(err, more(id, &k))
	}
	return k, err
}

func (a *alikms) lookAtVersions(id string, k *keyState) (err error) {
	k.Versions, err = a.versions(id)
	return err
}

func (a *alikms) lookAtAliases(id string, k *keyState) error {
	aliases, err := a.ask("ListAliasesByKeyId", "KeyId", id, "PageSize", "100")
	for _, alias := range aliases.list("Aliases", "Alias") {
		k.Aliases = append(k.Aliases, alias.text("AliasName"))
	}
	slices.Sort(k.Aliases)
	return err
}

func (a *alikms) lookAtTags(id string, k *keyState) error {
	tags, err := a.ask("ListResourceTags", "KeyId", id)
	for _, tag := range tags.list("Tags", "Tag") {
		k.Tags[tag.text("TagKey")] = tag.text("TagValue")
	}
	return err
}

func (a *alikms) lookAtPolicy(id string, k *keyState) error {
	if k.Instance == "" {
		return nil
	}
	policy, err := a.ask("GetKeyPolicy", "KeyId", id)
	k.Policy = policy.text("Policy")
	return err
}

// versions are the ids of a key's versions, oldest first.
func (a *alikms) versions(id string) (all []string, err error) {
	listed, err := a.ask("ListKeyVersions", "KeyId", id, "PageSize", "100")
	for _, version := range listed.list("KeyVersions", "KeyVersion") {
		all = append(all, version.text("KeyVersionId"))
	}
	slices.Reverse(all)
	return all, err
}

// allKeys are the ids of all keys.
func (a *alikms) allKeys() (all []string, err error) {
	for page := 1; ; page++ {
		listed, err := a.ask("ListKeys", "PageSize", "100", "PageNumber", strconv.Itoa(page))
		if err != nil {
			return nil, err
		}
		keys := listed.list("Keys", "Key")
		for _, key := range keys {
			all = append(all, key.text("KeyId"))
		}
		if len(keys) < 100 {
			return all, nil
		}
	}
}
