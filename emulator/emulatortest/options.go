package emulatortest

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/alikms/alikms/fixtures"
)

// Option says what is in an emulator when it starts: [Files] or [Scenario].
// Options may be mixed and repeated. They are joined in their order as scenario
// files are: lists are joined; account, region and clock may be said twice only
// alike; what is to be unique is unique in all of them.
type Option struct {
	files    []string
	scenario *fixtures.Scenario
}

// Files are scenario files, or folders of them, as after --fixture.
func Files(paths ...string) Option { return Option{files: paths} }

// Scenario is a scenario as a Go value. A relative PrivateKeyFile or
// SecretDataFile is looked for in the folder of the test. Messages about a Scenario name its paths; where it
// is not the only option, those about its meaning also name a temporary file
// that it was written to.
func Scenario(s fixtures.Scenario) Option { return Option{scenario: &s} }

// documentOf joins what the options say. Values are joined with others as files
// in temporary folders, so that there is one way of joining.
func documentOf(tempDir func() string, options []Option) (*fixtures.Document, error) {
	if len(options) == 1 && options[0].scenario != nil {
		return checked(fixtures.Of(*options[0].scenario))
	}
	var paths []string
	for _, o := range options {
		paths = append(paths, o.files...)
		if o.scenario == nil {
			continue
		}
		path := filepath.Join(tempDir(), "scenario.yaml")
		if err := writeScenario(path, *o.scenario); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return checked(fixtures.Load(paths...))
}

func checked(document *fixtures.Document, problems fixtures.Problems) (*fixtures.Document, error) {
	if len(problems) > 0 {
		return nil, problems
	}
	return document, nil
}

// writeScenario writes a value that can be written.
func writeScenario(path string, s fixtures.Scenario) error {
	if _, err := checked(fixtures.Of(s)); err != nil {
		return err
	}
	s, err := withAbsolutePaths(s)
	if err != nil {
		return err
	}
	text, err := s.YAML()
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// withAbsolutePaths is a copy that means the same from any folder.
func withAbsolutePaths(s fixtures.Scenario) (fixtures.Scenario, error) {
	s.Keys = slices.Clone(s.Keys)
	for i := range s.Keys {
		key := &s.Keys[i]
		key.Versions = slices.Clone(key.Versions)
		for n := range key.Versions {
			if err := makeAbsolute(&key.Versions[n].PrivateKeyFile); err != nil {
				return s, err
			}
		}
	}
	s.Secrets = slices.Clone(s.Secrets)
	for i := range s.Secrets {
		secret := &s.Secrets[i]
		secret.Versions = slices.Clone(secret.Versions)
		for n := range secret.Versions {
			if err := makeAbsolute(&secret.Versions[n].SecretDataFile); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// makeAbsolute makes a path, unless it is empty, one that means the same from any
// folder.
func makeAbsolute(path *string) (err error) {
	if *path != "" {
		*path, err = filepath.Abs(*path)
	}
	return err
}
