package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
)

// watcher loads scenario files again when one of them, a file that they name or
// the list of a folder has changed. It looks at them again and again: notifications
// of the system do not come through a bind mount from a Mac or Windows, nor over
// NFS, and they tell of names, where an editor replaces a file and a Kubernetes
// ConfigMap a link to the folder of it.
type watcher struct {
	paths  []string // as --fixture gives them
	server *emulator.Server
	log    *slog.Logger

	seen    map[string]fs.FileInfo // nil: it is not there
	changed bool                   // at the last look; they are loaded when they rest
}

// restBetweenLooks is also how long files have to rest: an editor may write one in
// parts.
const restBetweenLooks = 250 * time.Millisecond

// looksShare keeps looks at thousands of files to a part of the time.
const looksShare = 20

// newWatcher watches the files that a document was read from. They may have changed
// since then, so the first look that finds them at rest reads them.
func newWatcher(paths []string, document *fixtures.Document, server *emulator.Server, log *slog.Logger) *watcher {
	w := &watcher{paths: paths, server: server, log: log, seen: map[string]fs.FileInfo{}, changed: true}
	w.watch(fixtures.Files(paths...))
	w.watch(document.NamedFiles())
	return w
}

// run looks until ctx ends.
func (w *watcher) run(ctx context.Context) {
	rest := time.NewTimer(restBetweenLooks)
	defer rest.Stop()
	for {
		select {
		case <-rest.C:
			began := time.Now()
			w.look()
			rest.Reset(max(restBetweenLooks, looksShare*time.Since(began)))
		case <-ctx.Done():
			return
		}
	}
}

// look compares the files with those seen before, and loads them when they have
// changed and rest.
func (w *watcher) look() {
	switch {
	case w.sawChange():
		w.changed = true
	case w.changed:
		w.changed = false
		w.load()
	}
}

// sawChange reports whether any file is another than it was.
func (w *watcher) sawChange() (changed bool) {
	before := maps.Clone(w.seen)
	w.watch(fixtures.Files(w.paths...))
	for path := range w.seen {
		w.seen[path] = stat(path)
		was, known := before[path]
		changed = changed || !known || !sameFile(was, w.seen[path])
	}
	return changed
}

// watch adds files, as they are now. One that is watched already is not looked at.
func (w *watcher) watch(paths []string) {
	for _, path := range paths {
		if _, known := w.seen[path]; !known {
			w.seen[path] = stat(path)
		}
	}
}

// stat is what is at a path, or at the end of the links there; nil: nothing.
func stat(path string) fs.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}

func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// load puts the files in force, unless they say what is in force already. While they
// are wrong, what was in force stays so.
func (w *watcher) load() {
	document, problems := fixtures.Load(w.paths...)
	w.watch(document.NamedFiles()) // before they are read
	var err error
	switch {
	case len(problems) > 0:
		err = problems
	case w.server.Holds(document):
		return
	default:
		err = w.server.Load(document)
	}
	if err == nil {
		return
	}
	w.log.Error("the scenario files have changed and are wrong; the scenario before them stays in force")
	wrong := []string{err.Error()}
	if problems, ok := errors.AsType[fixtures.Problems](err); ok {
		wrong = strings.Split(problems.Error(), "\n")
	}
	for _, line := range wrong {
		w.log.Error("wrong in the scenario files", "problem", line)
	}
}
