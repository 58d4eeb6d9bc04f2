package emulator

import (
	"strings"

	"github.com/alikms/alikms/store"
)

// instance is a dedicated gateway of the scenario: it has keys of its own, and
// calls come in by it under its host name.
type instance struct {
	scope  store.Scope
	public bool // its keys answer on the shared gateway too
}

// sharedGateway is how rules and the journal call the gateway that is no
// instance's.
const sharedGateway = "shared"

// enterBy finds the gateway a call comes in by: the instance whose id is the
// first label of the host, as in kst-….cryptoservice.kms.aliyuncs.com.
func (c *call) enterBy(host string) error {
	label, _, _ := strings.Cut(hostName(host), ".")
	if !strings.HasPrefix(label, "kst-") {
		return nil
	}
	found, ok := c.server.instances[label]
	if !ok {
		return errInstanceNotFound.of()
	}
	c.gateway = label
	c.scope.Region = found.scope.Region
	return nil
}

func (c *call) gatewayName() string {
	if c.gateway == "" {
		return sharedGateway
	}
	return c.gateway
}

// reaches says whether a key is to be found by the call's gateway: an instance
// has its own keys only.
func (c *call) reaches(key store.Key) bool {
	return c.gateway == "" || c.gateway == key.InstanceID
}

// public says whether a key does cryptography on the call's gateway. On the
// shared gateway an instance's keys do where the instance has public access;
// without it the service answers UnsupportedOperation.
func (c *call) public(key store.Key) bool {
	return c.gateway != "" || key.InstanceID == "" || c.server.instances[key.InstanceID].public
}

// hasInstance says whether an account has an instance in a region.
func (s *Server) hasInstance(scope store.Scope, id string) bool {
	found, ok := s.instances[id]
	return ok && found.scope == scope
}
