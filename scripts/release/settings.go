package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// settings are the fields of .goreleaser.yaml that are in use here, spelt as
// GoReleaser 2.15 reads them. Any other is refused, for nobody has tried it.
type settings struct {
	Version     int
	ProjectName string `yaml:"project_name"`
	Builds      []struct {
		Env          []string
		Goos         []string
		Goarch       []string
		Flags        []string
		Ldflags      []string
		ModTimestamp string `yaml:"mod_timestamp"`
	}
	Archives []struct {
		Formats         []string
		FormatOverrides []struct {
			Goos    string
			Formats []string
		} `yaml:"format_overrides"`
		Files []string
	}
	Checksum struct {
		NameTemplate string `yaml:"name_template"`
	}
	DockersV2 []struct {
		Images    []string
		Tags      []string
		Platforms []string
		BuildArgs map[string]string `yaml:"build_args"`
	} `yaml:"dockers_v2"`
	Changelog struct{ Disable bool }
	Release   struct{ Header string }
}

// target is what one binary is built for, and how.
type target struct {
	os, arch, ldflags string
	env, flags        []string
}

func readSettings(path string) (*settings, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := &settings{}
	if err := yaml.UnmarshalWithOptions(text, read, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(read.Builds) == 0 || len(read.DockersV2) == 0 {
		return nil, fmt.Errorf("%s has no builds or no dockers_v2", path)
	}
	return read, read.images()
}

// images reports an image of a platform that no binary is built for.
func (s *settings) images() error {
	var built []string
	for _, t := range s.targets() {
		built = append(built, t.os+"/"+t.arch)
	}
	for _, image := range s.DockersV2 {
		for _, platform := range image.Platforms {
			if !slices.Contains(built, platform) {
				return fmt.Errorf("an image is for %s, and no binary is", platform)
			}
		}
	}
	return nil
}

func (s *settings) targets() (all []target) {
	for _, b := range s.Builds {
		for _, goos := range b.Goos {
			for _, goarch := range b.Goarch {
				all = append(all, target{goos, goarch, strings.Join(b.Ldflags, " "), b.Env, b.Flags})
			}
		}
	}
	return all
}

// changelogVersion is the newest version that the changelog has.
func changelogVersion(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	heading := regexp.MustCompile(`(?m)^## (\d+\.\d+\.\d+)$`).FindSubmatch(text)
	if heading == nil {
		return "", fmt.Errorf("%s has no heading like ## 0.1.0", path)
	}
	return string(heading[1]), nil
}
