package emulator

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/rules"
)

// enterBy finds the gateway a call comes in by: the instance whose id is the
// first label of the host, as in kst-….cryptoservice.kms.aliyuncs.com.
func enterBy(host string, c *kms.Call) error {
	label, _, _ := strings.Cut(hostName(host), ".")
	if !strings.HasPrefix(label, "kst-") {
		return nil
	}
	found, ok := c.Settings.Instances[label]
	if !ok {
		return kmserr.InstanceNotFound
	}
	c.Gateway = label
	c.Scope.Region = found.Scope.Region
	return nil
}

// gatewayName is how rules and the journal call the gateway of a call.
func gatewayName(c *kms.Call) string { return cmp.Or(c.Gateway, rules.SharedGateway) }

// regionOf reads the region off a host name of the service. By any other name
// the emulator is in the region of its settings.
func regionOf(host, otherwise string) string {
	if region, ok := regionOfKMSHost(hostName(host)); ok {
		return region
	}
	return otherwise
}

// hostName is a Host header without its port, in lower case.
func hostName(host string) string {
	u := url.URL{Host: host}
	return strings.ToLower(u.Hostname())
}
