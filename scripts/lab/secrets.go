package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// secretState is what a client can see of a secret, values included.
type secretState struct {
	Description, Instance, Policy string
	Deleting                      bool
	Tags                          map[string]string
	Versions                      []secretVersion // oldest first
}

type secretVersion struct {
	ID, Value string
	Stages    []string // sorted
}

// secretWorld is the secrets of a writer by their names.
type secretWorld map[string]secretState

func (s secretState) clone() secretState {
	s.Tags, s.Versions = maps.Clone(s.Tags), slices.Clone(s.Versions)
	for i := range s.Versions {
		s.Versions[i].Stages = slices.Clone(s.Versions[i].Stages)
	}
	return s
}

func (w secretWorld) clone() secretWorld {
	copied := secretWorld{}
	for name, s := range w {
		copied[name] = s.clone()
	}
	return copied
}

func (w secretWorld) change(name string, do func(*secretState)) {
	s := w[name].clone()
	do(&s)
	w[name] = s
}

// seen is a secret as a client sees it: in its recovery window it hides what is in
// it.
func (s secretState) seen() secretState {
	if s.Deleting {
		s.Policy, s.Versions = "", nil
	}
	return s
}

// differences are what is not as it has to be.
func (w secretWorld) differences(found secretWorld) (all []string) {
	for name, want := range w {
		got, there := found[name]
		switch {
		case !there:
			all = append(all, fmt.Sprintf("secret %s is lost", name))
		case !reflect.DeepEqual(got, want.seen()):
			all = append(all, fmt.Sprintf("secret %s is\n  %s\nand has to be\n  %s", name, shownSecret(got), shownSecret(want.seen())))
		}
	}
	for name := range found {
		if _, wanted := w[name]; !wanted {
			all = append(all, fmt.Sprintf("secret %s was never made, or deleted", name))
		}
	}
	return all
}

func shownSecret(s secretState) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// secretNames are those of a writer: few, so that they are made again.
func (w *writer) secretNames() (all []string) {
	for n := range 3 {
		all = append(all, w.prefix()+"secret/"+strconv.Itoa(n))
	}
	return all
}

// lookAtSecrets reads the secrets of a writer.
func (w *writer) lookAtSecrets(p *alikms) (secretWorld, error) {
	found := secretWorld{}
	for _, name := range w.secretNames() {
		described, err := p.call("DescribeSecret", "SecretName", name, "FetchTags", "true")
		switch {
		case err != nil:
			return nil, err
		case described.code == "Forbidden.ResourceNotFound":
			continue
		case described.status != 200:
			return nil, fmt.Errorf("DescribeSecret answers %v", described)
		}
		if found[name], err = p.lookAtSecret(name, described); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (a *alikms) lookAtSecret(name string, described answer) (secretState, error) {
	s := secretState{Description: described.text("Description"), Instance: described.text("DKMSInstanceId"), Deleting: described.text("PlannedDeleteTime") != "", Tags: map[string]string{}}
	for _, tag := range described.list("Tags", "Tag") {
		s.Tags[tag.text("TagKey")] = tag.text("TagValue")
	}
	if s.Deleting {
		return s, nil
	}
	if s.Instance != "" {
		policy, err := a.ask("GetSecretPolicy", "SecretName", name)
		if err != nil {
			return s, err
		}
		s.Policy = policy.text("Policy")
	}
	listed, err := a.ask("ListSecretVersionIds", "SecretName", name, "IncludeDeprecated", "true")
	if err != nil {
		return s, err
	}
	for _, version := range slices.Backward(listed.list("VersionIds", "VersionId")) {
		value, err := a.ask("GetSecretValue", "SecretName", name, "VersionId", version.text("VersionId"))
		if err != nil {
			return s, err
		}
		s.Versions = append(s.Versions, secretVersion{version.text("VersionId"), value.text("SecretData"), value.texts("VersionStages", "VersionStage")})
	}
	return s, nil
}

// pickSecret takes a secret that fits.
func (w *writer) pickSecret(fits func(secretState) bool) (name string, ok bool) {
	var fitting []string
	for _, name := range slices.Sorted(maps.Keys(w.secrets)) {
		if fits(w.secrets[name]) {
			fitting = append(fitting, name)
		}
	}
	if len(fitting) == 0 {
		return "", false
	}
	return fitting[w.chance.IntN(len(fitting))], true
}

// ofSecret makes a change of one secret.
func (w *writer) ofSecret(fits func(secretState) bool, apply func(*secretState), params ...string) *change {
	name, ok := w.pickSecret(fits)
	if !ok {
		return nil
	}
	return &change{
		params:  append([]string{"SecretName", name}, params...),
		secrets: func(in secretWorld) { in.change(name, apply) },
	}
}

func live(s secretState) bool { return !s.Deleting }

// createSecret makes secrets of the account's key, and of one in the instance.
func createSecret(w *writer) *change {
	free := slices.DeleteFunc(w.secretNames(), func(name string) bool { _, taken := w.secrets[name]; return taken })
	if len(free) == 0 {
		return nil
	}
	name := free[w.chance.IntN(len(free))]
	s := secretState{Description: w.name(), Tags: w.tags(), Versions: []secretVersion{{"v0", w.name(), []string{"ACSCurrent"}}}}
	params := []string{"SecretName", name, "VersionId", "v0", "SecretData", s.Versions[0].Value, "Description", s.Description, "Tags", tagList(s.Tags)}
	if w.chance.IntN(2) == 0 {
		s.Instance, s.Policy = instance, w.policy()
		params = append(params, "DKMSInstanceId", s.Instance, "EncryptionKeyId", instanceKey, "Policy", s.Policy)
	}
	return &change{params: params, secrets: func(in secretWorld) { in[name] = s.clone() }}
}

// mark moves a stage to a version; what was current is the previous one then.
func (s *secretState) mark(stage, id string) {
	before := s.unmark(stage)
	if stage == "ACSCurrent" && before != "" && before != id {
		s.mark("ACSPrevious", before)
	}
	i := slices.IndexFunc(s.Versions, func(v secretVersion) bool { return v.ID == id })
	s.Versions[i].Stages = append(s.Versions[i].Stages, stage)
	slices.Sort(s.Versions[i].Stages)
}

// unmark takes a stage away, and tells from which version.
func (s *secretState) unmark(stage string) (from string) {
	for i := range s.Versions {
		v := &s.Versions[i]
		if slices.Contains(v.Stages, stage) {
			from = v.ID
			v.Stages = slices.DeleteFunc(v.Stages, func(has string) bool { return has == stage })
		}
	}
	return from
}

// putSecretValue adds a version; of more than ten the oldest without a stage goes.
func putSecretValue(w *writer) *change {
	id, value := w.name(), w.name()
	return w.ofSecret(live, func(s *secretState) {
		s.Versions = append(s.Versions, secretVersion{id, value, []string{}})
		s.mark("ACSCurrent", id)
		if len(s.Versions) > 10 {
			oldest := slices.IndexFunc(s.Versions, func(v secretVersion) bool { return len(v.Stages) == 0 })
			s.Versions = slices.Delete(s.Versions, oldest, oldest+1)
		}
	}, "VersionId", id, "SecretData", value)
}

func updateSecretVersionStage(w *writer) *change {
	name, ok := w.pickSecret(live)
	if !ok {
		return nil
	}
	versions := w.secrets[name].Versions
	to, stage := versions[w.chance.IntN(len(versions))].ID, []string{"ACSCurrent", "ACSPrevious", "mine"}[w.chance.IntN(3)]
	return &change{
		params:  []string{"SecretName", name, "VersionStage", stage, "MoveToVersion", to},
		secrets: func(in secretWorld) { in.change(name, func(s *secretState) { s.mark(stage, to) }) },
	}
}

func updateSecret(w *writer) *change {
	text := w.name()
	return w.ofSecret(live, func(s *secretState) { s.Description = text }, "Description", text)
}

func deleteSecret(w *writer) *change {
	if w.chance.IntN(2) == 0 {
		return w.ofSecret(live, func(s *secretState) { s.Deleting = true }, "RecoveryWindowInDays", "7")
	}
	name, ok := w.pickSecret(func(secretState) bool { return true })
	if !ok {
		return nil
	}
	return &change{
		params:  []string{"SecretName", name, "ForceDeleteWithoutRecovery", "true"},
		secrets: func(in secretWorld) { delete(in, name) },
	}
}

func restoreSecret(w *writer) *change {
	return w.ofSecret(func(s secretState) bool { return s.Deleting }, func(s *secretState) { s.Deleting = false })
}

func setSecretPolicy(w *writer) *change {
	policy := w.policy()
	return w.ofSecret(func(s secretState) bool { return s.Instance != "" && !s.Deleting }, func(s *secretState) { s.Policy = policy }, "Policy", policy)
}
