package terraform

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// keyArguments are the arguments of alicloud_kms_key, by the parameters that
// CreateKey has for them.
var keyArguments = map[string]string{
	"Description": "description", "KeyUsage": "key_usage", "Origin": "origin", "ProtectionLevel": "protection_level",
	"RotationInterval": "rotation_interval", "KeySpec": "key_spec", "Policy": "policy", "DKMSInstanceId": "dkms_instance_id",
}

// createKey is the creation of an alicloud_kms_key, and what is read then.
func (p *provider) createKey(configured values) (state values) {
	in := values{}
	for parameter, argument := range keyArguments {
		if value, said := configured[argument]; said {
			in[parameter] = value
		}
	}
	if rotation, said := configured["automatic_rotation"]; said {
		in["EnableAutomaticRotation"] = rotation == "Enabled"
	}
	if tags, said := configured["tags"]; said {
		in["Tags"] = tagsText(tags.(values))
	}
	id := p.call("CreateKey", in)["KeyMetadata"].(values)["KeyId"].(string)
	p.protect(id, values{}, configured)
	return p.readKey(id)
}

func tagsText(tags values) string {
	var list []map[string]string
	for key, value := range tags {
		list = append(list, map[string]string{"TagKey": key, "TagValue": fmt.Sprint(value)})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // they are texts
	}
	return string(text)
}

// changed reports whether an argument is another one than before.
func changed(name string, before, after values) bool {
	return !reflect.DeepEqual(before[name], after[name])
}

func (p *provider) protect(id string, before, after values) {
	if !changed("deletion_protection", before, after) && !changed("deletion_protection_description", before, after) {
		return
	}
	in := values{"KeyId": id, "EnableDeletionProtection": after["deletion_protection"] == "Enabled"}
	if why, said := after["deletion_protection_description"]; said {
		in["DeletionProtectionDescription"] = why
	}
	p.call("SetDeletionProtection", in)
}

// readKey is the state of an alicloud_kms_key; nil of one that is gone.
func (p *provider) readKey(id string) (state values) {
	p.t.Helper()
	out, err := p.request("DescribeKey", values{"KeyId": id})
	if err != nil {
		if code(err) != "Forbidden.KeyNotFound" && code(err) != "Forbidden.AliasNotFound" {
			p.t.Fatal(err)
		}
		return nil
	}
	key := out["KeyMetadata"].(values)
	if key["KeyState"] == "PendingDeletion" {
		return nil
	}
	state = values{"id": id, "automatic_rotation": key["AutomaticRotation"], "deletion_protection": key["DeletionProtection"],
		"status": key["KeyState"], "deletion_protection_description": key["DeletionProtectionDescription"]}
	for parameter, argument := range keyArguments {
		state[argument] = key[parameter]
	}
	if instance, _ := key["DKMSInstanceId"].(string); instance != "" {
		state["policy"] = p.call("GetKeyPolicy", values{"KeyId": id})["Policy"]
	}
	state["tags"] = p.tagsOf(id)
	return state
}

func (p *provider) tagsOf(id string) values {
	p.t.Helper()
	tags := values{}
	in := values{"RegionId": region, "ResourceType": "key", "ResourceId.1": id}
	for {
		out := p.call("ListTagResources", in)
		for _, row := range out["TagResources"].(values)["TagResource"].([]any) {
			tag := row.(values)
			tags[tag["TagKey"].(string)] = tag["TagValue"]
		}
		next, _ := out["NextToken"].(string)
		if next == "" {
			return tags
		}
		in["NextToken"] = next
	}
}

// updateKey is the update of an alicloud_kms_key, and what is read then.
func (p *provider) updateKey(id string, before, after values) (state values) {
	p.t.Helper()
	if changed("status", before, after) {
		p.setStatus(id, after["status"].(string))
	}
	if changed("description", before, after) {
		p.call("UpdateKeyDescription", values{"KeyId": id, "Description": after["description"]})
	}
	if changed("automatic_rotation", before, after) || changed("rotation_interval", before, after) {
		in := values{"KeyId": id, "EnableAutomaticRotation": after["automatic_rotation"] == "Enabled"}
		if interval, said := after["rotation_interval"]; said {
			in["RotationInterval"] = interval
		}
		p.call("UpdateRotationPolicy", in)
	}
	p.protect(id, before, after)
	if changed("policy", before, after) {
		p.call("SetKeyPolicy", values{"KeyId": id, "Policy": after["policy"]})
	}
	p.retag(id, before, after)
	return p.readKey(id)
}

// setStatus describes a key, changes it, and describes it until it is so.
func (p *provider) setStatus(id, status string) {
	p.t.Helper()
	describe := func() any { return p.call("DescribeKey", values{"KeyId": id})["KeyMetadata"].(values)["KeyState"] }
	if describe() == status {
		return
	}
	p.call(map[string]string{"Enabled": "EnableKey", "Disabled": "DisableKey"}[status], values{"KeyId": id})
	if got := describe(); got != status {
		p.t.Errorf("KeyState %v, want %s", got, status)
	}
}

func (p *provider) retag(id string, before, after values) {
	if !changed("tags", before, after) {
		return
	}
	of := func(v values) values { tags, _ := v["tags"].(values); return tags }
	resource := values{"RegionId": region, "ResourceType": "key", "ResourceId.1": id}
	gone, added := maps.Clone(resource), maps.Clone(resource)
	for _, key := range slices.Sorted(maps.Keys(of(before))) {
		if fmt.Sprint(of(after)[key]) != fmt.Sprint(of(before)[key]) {
			gone[fmt.Sprintf("TagKey.%d", len(gone)-len(resource)+1)] = key
		}
	}
	for n, key := range slices.Sorted(maps.Keys(of(after))) {
		added[fmt.Sprintf("Tag.%d.Key", n+1)] = key
		added[fmt.Sprintf("Tag.%d.Value", n+1)] = of(after)[key]
	}
	if len(gone) > len(resource) {
		p.call("UntagResources", gone)
	}
	if len(added) > len(resource) {
		p.call("TagResources", added)
	}
}

func TestAKeyIsAppliedThenNothingIsLeftToDo(t *testing.T) {
	for name, configured := range map[string]values{
		"of the defaults": {"protection_level": "SOFTWARE", "status": "Enabled"},
		"all said": {
			"protection_level": "SOFTWARE", "description": "密钥 of Terraform", "key_spec": "Aliyun_AES_256", "key_usage": "ENCRYPT/DECRYPT",
			"origin": "Aliyun_KMS", "automatic_rotation": "Enabled", "rotation_interval": "2592000s", "tags": values{"team": "a", "stage": "test"},
		},
		"asymmetric": {"protection_level": "SOFTWARE", "key_spec": "RSA_2048", "key_usage": "SIGN/VERIFY"},
		"imported":   {"protection_level": "SOFTWARE", "origin": "EXTERNAL"},
	} {
		t.Run(name, func(t *testing.T) {
			p := configure(t)
			state := p.createKey(configured)
			p.mustHaveCalled("apply", "CreateKey", "DescribeKey", "ListTagResources")
			p.mustPlanNothing(configured, state)
			refreshed := p.readKey(state["id"].(string))
			p.mustHaveCalled("plan", "DescribeKey", "ListTagResources")
			p.mustPlanNothing(state, refreshed)
			p.mustPlanNothing(configured, refreshed)
		})
	}
}

func TestAKeyIsChangedStepByStepAndDestroyed(t *testing.T) {
	p := configure(t)
	steps := []struct {
		change values
		calls  []string
	}{
		{values{"deletion_protection": "Enabled", "deletion_protection_description": "in use"}, []string{"CreateKey", "SetDeletionProtection"}},
		{values{"description": "second"}, []string{"UpdateKeyDescription"}},
		{values{"automatic_rotation": "Enabled", "rotation_interval": "31536000s"}, []string{"UpdateRotationPolicy"}},
		{values{"tags": values{"team": "a", "stage": "test"}}, []string{"TagResources"}},
		{values{"tags": values{"team": "b"}}, []string{"UntagResources", "TagResources"}},
		{values{"tags": values{}}, []string{"UntagResources"}},
		{values{"status": "Disabled"}, []string{"DescribeKey", "DisableKey", "DescribeKey"}},
		{values{"status": "Enabled"}, []string{"DescribeKey", "EnableKey", "DescribeKey"}},
		{values{"automatic_rotation": "Disabled", "rotation_interval": nil}, []string{"UpdateRotationPolicy"}},
		{values{"deletion_protection": "Disabled", "deletion_protection_description": nil}, []string{"SetDeletionProtection"}},
	}
	before, id := values{"protection_level": "SOFTWARE", "description": "first"}, ""
	for n, step := range steps {
		after := maps.Clone(before)
		maps.Copy(after, step.change)
		maps.DeleteFunc(after, func(_ string, value any) bool { return value == nil })
		var state values
		if n == 0 {
			state = p.createKey(after)
			id = state["id"].(string)
		} else {
			state = p.updateKey(id, before, after)
		}
		want := after
		if after["status"] == "Disabled" && after["automatic_rotation"] == "Enabled" {
			want = maps.Clone(after) // the state of rotation is computed
			want["automatic_rotation"] = "Suspended"
		}
		p.mustHaveCalled(fmt.Sprint(step.change), append(step.calls, "DescribeKey", "ListTagResources")...)
		p.mustPlanNothing(want, state)
		before = after
	}
	p.call("ScheduleKeyDeletion", values{"KeyId": id, "PendingWindowInDays": 7})
	if state := p.readKey(id); state != nil {
		t.Errorf("the destroyed key is read as %v", state)
	}
}

const instance = "kst-hzz65f176a0ogplgq0001"

// TestAKeyOfAnInstanceIsReadWithItsPolicy: the provider reads the policy of each
// key that is in an instance.
func TestAKeyOfAnInstanceIsReadWithItsPolicy(t *testing.T) {
	scenario := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(scenario, []byte("instances: [{instanceId: "+instance+", publicAccess: true}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := configure(t, "--fixture", scenario)
	policy := `{"Version":"1","Statement":[{"Sid":"all","Effect":"Allow","Principal":{"RAM":["acs:ram::1234567890123456:*"]},"Action":["kms:*"],"Resource":["*"]}]}`
	configured := values{"protection_level": "SOFTWARE", "dkms_instance_id": instance, "policy": policy}
	state := p.createKey(configured)
	p.mustHaveCalled("apply", "CreateKey", "DescribeKey", "GetKeyPolicy", "ListTagResources")
	p.mustPlanNothing(configured, state)
	other := maps.Clone(configured)
	other["policy"] = `{"Version":"1","Statement":[]}`
	state = p.updateKey(state["id"].(string), configured, other)
	p.mustHaveCalled("update", "SetKeyPolicy", "DescribeKey", "GetKeyPolicy", "ListTagResources")
	p.mustPlanNothing(other, state)
}
