// Command release builds the binaries of .goreleaser.yaml as GoReleaser does, and
// installs the module as users do. It fails when a binary is larger than a
// release may be, is not stripped, or does not know its version.
//
//	go run ./scripts/release           # every target
//	go run ./scripts/release --short   # those of Linux
package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// mostBytes is how large a binary may be.
const mostBytes = 17_000_000

func main() {
	short := flag.Bool("short", false, "build for Linux only")
	flag.Parse()
	if err := run(*short); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(short bool) error {
	settings, err := readSettings(".goreleaser.yaml")
	if err != nil {
		return err
	}
	version, err := changelogVersion("CHANGELOG.md")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "alikms-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var wrong error
	for _, target := range settings.targets() {
		if short && target.os != "linux" {
			continue
		}
		wrong = errors.Join(wrong, build(folder, target, version))
	}
	return errors.Join(wrong, install(folder, version))
}

// build makes the binary of a target and looks at it.
func build(folder string, t target, version string) error {
	path := filepath.Join(folder, "alikms_"+t.os+"_"+t.arch)
	commit := "0123456789abcdef0123456789abcdef01234567"
	ldflags := strings.NewReplacer("{{.Version}}", version, "{{.FullCommit}}", commit).Replace(t.ldflags)
	args := append([]string{"build", "-o", path, "-ldflags=" + ldflags}, t.flags...)
	if err := command(append(t.env, "GOOS="+t.os, "GOARCH="+t.arch), "go", append(args, ".")...); err != nil {
		return fmt.Errorf("%s/%s: %w", t.os, t.arch, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Printf("%s/%s: %d bytes\n", t.os, t.arch, info.Size())
	if info.Size() > mostBytes {
		err = fmt.Errorf("%s/%s: %d bytes are too many: at most %d", t.os, t.arch, info.Size(), mostBytes)
	}
	if t.os == "linux" {
		err = errors.Join(err, stripped(path))
	}
	if t.os == runtime.GOOS && t.arch == runtime.GOARCH {
		err = errors.Join(err, says(path, fmt.Sprintf("alikms %s (%s) ", version, commit)))
	}
	return err
}

// stripped finds what -s and -w leave out.
func stripped(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, section := range file.Sections {
		if section.Name == ".symtab" || strings.HasPrefix(section.Name, ".debug_") {
			return fmt.Errorf("%s is not stripped: it has %s", filepath.Base(path), section.Name)
		}
	}
	return nil
}

// says compares how the version of a binary begins.
func says(path, want string) error {
	out, err := exec.Command(path, "version").Output()
	if err == nil && !strings.HasPrefix(string(out), want) {
		err = fmt.Errorf("%s version says %q, which does not begin with %q", filepath.Base(path), out, want)
	}
	return err
}

func command(environ []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
