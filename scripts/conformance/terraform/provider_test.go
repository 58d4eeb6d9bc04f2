// Package terraform makes the calls of Terraform's provider for Alibaba Cloud,
// by the SDK it makes them with and in its order. The provider itself,
// github.com/aliyun/terraform-provider-alicloud, is not here: Terraform fetches it
// as a program from a registry of its own, which a test cannot reach, and as a Go
// module it brings some hundred others.
package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	rpc "github.com/alibabacloud-go/tea-rpc/client"
	util "github.com/alibabacloud-go/tea-utils/service"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

func TestMain(m *testing.M) { alikms.Main(m) }

// core is the SDK that the provider makes its calls with.
const core = alikms.Client("github.com/alibabacloud-go/tea-rpc")

const region = "cn-hangzhou"

// values are the arguments and attributes of a resource, and the parameters and
// the answer of a call.
type values = map[string]any

// provider makes calls.
type provider struct {
	t        *testing.T
	endpoint string
	client   *rpc.Client
}

// configure is a provider block with protocol HTTP and an endpoint for kms.
func configure(t *testing.T, scenario ...string) *provider {
	t.Helper()
	p := alikms.Start(t, append(scenario, "--credential", "testid:testsecret")...)
	client, err := rpc.NewClient(&rpc.Config{
		AccessKeyId: new("testid"), AccessKeySecret: new("testsecret"), RegionId: new(region),
		Protocol: new("HTTP"), Endpoint: new(p.Endpoint), ReadTimeout: new(60_000), UserAgent: new("Terraform/1.13 Provider/1.250"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &provider{t, p.Endpoint, client}
}

// request is a call whose parameters go in a form, beside a query that has none.
func (p *provider) request(action string, in values) (values, error) {
	runtime := (&util.RuntimeOptions{}).SetAutoretry(true)
	return p.client.DoRequest(&action, nil, new("POST"), new("2016-01-20"), new("AK"), nil, in, runtime)
}

// call is a request that has to succeed.
func (p *provider) call(action string, in values) values {
	p.t.Helper()
	out, err := p.request(action, in)
	if err != nil {
		p.t.Fatalf("%s: %v", action, err)
	}
	core.Answered(action)
	return out
}

// code is that of an error of the service.
func code(err error) string {
	var refused *tea.SDKError
	if !errors.As(err, &refused) {
		return fmt.Sprint(err)
	}
	core.Refused(tea.StringValue(refused.Code))
	return tea.StringValue(refused.Code)
}

// mustHaveCalled compares the calls since the last time with those wanted.
func (p *provider) mustHaveCalled(what string, want ...string) {
	p.t.Helper()
	var journal struct {
		Requests []struct{ Operation string }
	}
	if err := json.Unmarshal(alikms.Control(p.t, p.endpoint, "DELETE", "requests", ""), &journal); err != nil {
		p.t.Fatal(err)
	}
	var got []string
	for _, r := range journal.Requests {
		got = append(got, r.Operation)
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

// mustPlanNothing compares what a configuration says with the state: where they
// are the same, Terraform plans no change.
func (p *provider) mustPlanNothing(configured, state values) {
	p.t.Helper()
	for name, want := range configured {
		if got := state[name]; fmt.Sprint(got) != fmt.Sprint(want) {
			p.t.Errorf("%s: the state has %v, the configuration %v", name, got, want)
		}
	}
}
