package emulator

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/alikms/alikms/emulator/internal/kms"
	"github.com/alikms/alikms/store"
)

// difference is a key or a secret of the data folder that is not as the scenario
// says: calls have changed it since, or somebody the scenario. A start leaves it as
// it is.
type difference struct {
	of   string   // "key key-a"
	what []string // "keyState is Disabled, not Enabled"
}

// mostDifferences are told one by one.
const mostDifferences = 20

// tellDifferences says one by one what differs, and what helps.
func tellDifferences(log *slog.Logger, all []difference) {
	for _, d := range all[:min(len(all), mostDifferences)] {
		log.Warn("what the data folder holds is not as the scenario says, and stays so", "of", d.of, "difference", strings.Join(d.what, "; "))
	}
	if len(all) > 0 {
		log.Warn("what the scenario says comes back by --fresh at a start, or by POST /_emulator/reset now: either also drops what calls made", "differ", len(all))
	}
}

// differing says in what a key of the store is not as seeded. Its dates are left
// out: relative ones are others at each start.
func differing(existing, seeded store.Key) (what []string) {
	for _, a := range []struct{ name, has, said string }{
		{"keyState", existing.State, seeded.State},
		{"description", existing.Description, seeded.Description},
		{"tags", tagText(existing.Tags), tagText(seeded.Tags)},
		{"deletionProtection", enabled(existing.DeletionProtection), enabled(seeded.DeletionProtection)},
		{"deletionProtectionDescription", existing.DeletionProtectionDescription, seeded.DeletionProtectionDescription},
		{"rotationInterval", rotationText(existing), rotationText(seeded)},
		{"dkmsInstanceId", existing.InstanceID, seeded.InstanceID},
	} {
		if a.has != a.said {
			what = append(what, fmt.Sprintf("%s is %s, not %s", a.name, shownValue(a.has), shownValue(a.said)))
		}
	}
	if existing.Policy != seeded.Policy {
		what = append(what, "policy is another")
	}
	return what
}

// differingRecords says which versions and aliases a key has that the scenario
// does not give it, and which aliases are another key's. A key that rotates gets
// versions by itself.
func differingRecords(tx *store.Tx, k seedKey) (what []string, err error) {
	key, err := tx.Key(k.key.Scope, k.key.ID)
	if err != nil {
		return nil, err
	}
	if key.Versions > len(k.versions) && key.RotationInterval == 0 {
		what = append(what, fmt.Sprintf("it has %d versions, not %d", key.Versions, len(k.versions)))
	}
	aliases, err := tx.AliasesOfKeyPage(key.Scope, key.ID, 0, math.MaxInt)
	for _, a := range aliases {
		if !slices.ContainsFunc(k.aliases, func(said store.Alias) bool { return said.Name == a.Name }) {
			what = append(what, "it has "+a.Name+" too")
		}
	}
	return what, err
}

func enabled(is bool) string {
	if is {
		return "Enabled"
	}
	return "Disabled"
}

func rotationText(key store.Key) string {
	if key.RotationInterval == 0 {
		return ""
	}
	return kms.Interval(key.RotationInterval)
}

func tagText(tags map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, name+"="+tags[name])
	}
	return strings.Join(all, ",")
}

// shownValue keeps a value to a line: descriptions have thousands of characters.
func shownValue(text string) string {
	switch {
	case text == "":
		return "none"
	case len(text) > 60 || strings.ContainsAny(text, " \n\t\""):
		return fmt.Sprintf("%.60q", text)
	}
	return text
}
