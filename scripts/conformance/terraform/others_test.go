package terraform

import (
	"encoding/json"
	"fmt"
	"testing"
)

// findAlias is how the provider reads an alicloud_kms_alias: page by page.
func (p *provider) findAlias(name string) (keyID any) {
	p.t.Helper()
	in := values{"RegionId": region, "PageNumber": 1, "PageSize": 20}
	for {
		page := p.call("ListAliases", in)["Aliases"].(values)["Alias"].([]any)
		for _, row := range page {
			if alias := row.(values); alias["AliasName"] == name {
				return alias["KeyId"]
			}
		}
		if len(page) < 20 {
			return nil
		}
		in["PageNumber"] = in["PageNumber"].(int) + 1
	}
}

func TestAnAliasIsFoundOnWhateverPage(t *testing.T) {
	p := configure(t)
	first, second := p.createKey(nil)["id"], p.createKey(nil)["id"]
	for n := range 40 {
		p.call("CreateAlias", values{"AliasName": fmt.Sprintf("alias/other-%02d", n), "KeyId": first})
	}
	alias := values{"AliasName": "alias/terraform", "KeyId": first}
	p.call("CreateAlias", alias)
	p.mustPlanNothing(values{"key_id": first}, values{"key_id": p.findAlias("alias/terraform")})
	p.call("UpdateAlias", values{"AliasName": "alias/terraform", "KeyId": second})
	p.mustPlanNothing(values{"key_id": second}, values{"key_id": p.findAlias("alias/terraform")})
	p.call("DeleteAlias", values{"AliasName": "alias/terraform"})
	if got := p.findAlias("alias/terraform"); got != nil {
		t.Errorf("the deleted alias is of %v", got)
	}
}

func TestAKeyVersionIsCreatedAndRead(t *testing.T) {
	p := configure(t)
	id := p.createKey(values{"key_spec": "RSA_2048"})["id"]
	made := p.call("CreateKeyVersion", values{"KeyId": id})["KeyVersion"].(values)
	read := p.call("DescribeKeyVersion", values{"RegionId": region, "KeyId": id, "KeyVersionId": made["KeyVersionId"]})["KeyVersion"].(values)
	p.mustPlanNothing(made, read)
}

// TestCiphertextAndPlaintext: alicloud_kms_ciphertext encrypts, the data source
// alicloud_kms_plaintext decrypts. Both send a context always, {} where none is
// configured.
func TestCiphertextAndPlaintext(t *testing.T) {
	p := configure(t)
	id := p.createKey(nil)["id"]
	for _, context := range []map[string]string{{}, {"stage": "test", "用途": "测试消息"}} {
		text, err := json.Marshal(context)
		if err != nil {
			t.Fatal(err)
		}
		with := func(more values) values {
			more["RegionId"], more["EncryptionContext"] = region, string(text)
			return more
		}
		blob := p.call("Encrypt", with(values{"Plaintext": "测试消息", "KeyId": id}))["CiphertextBlob"]
		read := p.call("Decrypt", with(values{"CiphertextBlob": blob}))
		p.mustPlanNothing(values{"Plaintext": "测试消息", "KeyId": id}, read)
	}
}

// TestWhatTheProviderTakesForGone: it matches codes.
func TestWhatTheProviderTakesForGone(t *testing.T) {
	p := configure(t)
	for name, want := range map[string]string{"key-hzz000000000000000000": "Forbidden.KeyNotFound", "alias/unknown": "Forbidden.AliasNotFound"} {
		if _, err := p.request("DescribeKey", values{"KeyId": name}); code(err) != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}
