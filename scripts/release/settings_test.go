package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettingsThatNobodyTriedAreRefused(t *testing.T) {
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "goreleaser.yaml")
	for name, c := range map[string]struct{ old, new, want string }{
		"as it is":        {"", "", ""},
		"unknown field":   {"checksum:", "checksums:", `unknown field "checksums"`},
		"unbuilt image":   {"linux/arm64]", "linux/riscv64]", "an image is for linux/riscv64, and no binary is"},
		"nothing to make": {"builds:", "archives:\nbuilds: []\nunused:", ""},
	} {
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readSettings(path)
		if wrong := name != "as it is"; (err != nil) != wrong || wrong && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesOfOtherModulesAreNotPublished(t *testing.T) {
	t.Chdir("../..")
	for folder, want := range map[string]bool{".": false, "emulator/internal/kms": false, "scripts/testcontainers": true, "scripts/conformance/go": true} {
		if nested(folder) != want {
			t.Errorf("%s is of another module: %t", folder, !want)
		}
	}
}
