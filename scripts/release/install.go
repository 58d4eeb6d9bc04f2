package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/alikms/alikms"

// install does what go install …@latest does, with a module proxy in a folder
// that has this working tree as the version.
func install(folder, version string) error {
	files, err := moduleFiles()
	if err != nil {
		return err
	}
	proxy, tag := filepath.Join(folder, "proxy"), "v"+version
	if err := publish(filepath.Join(proxy, module, "@v"), tag, files); err != nil {
		return err
	}
	known, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return err
	}
	cache, upstream, _ := strings.Cut(strings.TrimSpace(string(known)), "\n")
	environ := []string{
		"GOPROXY=file://" + proxy + ",file://" + filepath.Join(cache, "cache", "download") + "," + upstream,
		"GOMODCACHE=" + filepath.Join(folder, "modules"), "GOFLAGS=-modcacherw -trimpath",
		"GOBIN=" + filepath.Join(folder, "bin"), "GONOSUMDB=" + module, "GOWORK=off",
	}
	cmd := exec.Command("go", "install", module+"@latest")
	cmd.Env, cmd.Dir = append(os.Environ(), environ...), folder // outside of the module
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go install %s@latest: %w\n%s", module, err, out)
	}
	fmt.Printf("go install %s@latest: %d files\n", module, len(files))
	return says(filepath.Join(folder, "bin", "alikms"), "alikms "+version+" ")
}

// moduleFiles are the files that a module proxy serves: those of the repository,
// without the modules below it.
func moduleFiles() (files []string, err error) {
	listed, err := exec.Command("git", "ls-files", "-co", "--exclude-standard").Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	for file := range strings.Lines(string(listed)) {
		file = strings.TrimSuffix(file, "\n")
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() && !nested(filepath.Dir(file)) {
			files = append(files, file)
		}
	}
	return files, nil
}

// nested reports whether a folder is of another module.
func nested(folder string) bool {
	for ; folder != "."; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// publish writes a version as a module proxy serves it.
func publish(folder, tag string, files []string) error {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	err = os.MkdirAll(folder, 0o755)
	for name, text := range map[string]string{
		"list":        tag + "\n",
		tag + ".info": fmt.Sprintf(`{"Version": %q, "Time": "2026-01-01T00:00:00Z"}`, tag),
		tag + ".mod":  string(mod),
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	if err != nil {
		return err
	}
	archive, err := os.Create(filepath.Join(folder, tag+".zip"))
	if err != nil {
		return err
	}
	defer archive.Close()
	return pack(zip.NewWriter(archive), module+"@"+tag+"/", files)
}

func pack(w *zip.Writer, prefix string, files []string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		entry, err := w.Create(prefix + filepath.ToSlash(file))
		if err != nil {
			return err
		}
		if _, err := entry.Write(text); err != nil {
			return err
		}
	}
	return w.Close()
}
