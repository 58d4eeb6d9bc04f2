package rules

import (
	_ "embed"
	"maps"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/alikms/alikms/fixtures"
)

// The profiles of quotas that are more than their numbers.
const (
	sharedGatewayProfile = "shared-gateway" // for calls by the shared gateway
	recordsProfile       = "resources"      // counts records, not calls
)

// profileGroup is what a profile counts together.
type profileGroup struct {
	Rate fixtures.Rate `yaml:"rate"`
	Of   []string      `yaml:"of"` // kinds of operation
}

//go:embed profiles.yaml
var profilesText []byte

// profiles are the groups of each profile, by name, as documented. They are read
// when a quota has one.
var profiles = sync.OnceValue(func() (read map[string]map[string]profileGroup) {
	if err := yaml.UnmarshalWithOptions(profilesText, &read, yaml.Strict()); err != nil {
		panic(err)
	}
	return read
})

// Profiles are the names of the profiles that a quota may have, sorted.
func Profiles() []string {
	all := append(slices.Collect(maps.Keys(profiles())), recordsProfile)
	slices.Sort(all)
	return all
}
