package main

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tapeSource goes into a copy of bbolt, so that alikms, built with it, records
// what it writes to its data file and when that was synced.
//
//go:embed testdata/tape.go.txt
var tapeSource []byte

const boltModule = "go.etcd.io/bbolt"

// recordingAlikms builds alikms with such a bbolt.
func (l *lab) recordingAlikms() (binary string, err error) {
	folder := filepath.Join(l.work, "recording")
	bolt := filepath.Join(folder, "bbolt")
	source, err := exec.CommandContext(l.ctx, "go", "list", "-m", "-f", "{{.Dir}}", boltModule).Output()
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(bolt, os.DirFS(strings.TrimSpace(string(source)))); err != nil {
		return "", err
	}
	if err := instrument(bolt); err != nil {
		return "", err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	module := filepath.Join(folder, "go.mod")
	binary = filepath.Join(folder, "alikms")
	return binary, errors.Join(
		l.command("go", "mod", "edit", "-replace", boltModule+"="+bolt, module),
		l.command("go", "build", "-modfile", module, "-o", binary, "."))
}

// instrument leads everything that bbolt does to its file over the tape.
func instrument(bolt string) error {
	path := filepath.Join(bolt, "db.go")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	source := string(text)
	for before, after := range map[string]string{
		"= db.file.WriteAt\n":    "= recordedWriteAt(db.file)\n",
		"db.file.Truncate(":      "recordedTruncate(db.file, ",
		"err := db.file.Sync();": "err := recordedSync(db.file.Sync);",
	} {
		if strings.Count(source, before) != 1 {
			return fmt.Errorf("bbolt has changed: %q is not in db.go once", before)
		}
		source = strings.Replace(source, before, after, 1)
	}
	return errors.Join(os.WriteFile(path, []byte(source), 0o600), os.WriteFile(filepath.Join(bolt, "bolt_linux.go"), tapeSource, 0o600))
}

// entry is what was done to the file: a write, a truncation or a sync.
type entry struct {
	kind   byte // 'W', 'T' or 'S'
	offset int64
	data   []byte
	end    int // where the entry ends on the tape
}

func parseTape(tape []byte) (entries []entry, err error) {
	at := 0
	for at < len(tape) {
		if len(tape)-at < 13 {
			return nil, errors.New("the tape is cut off")
		}
		head, size := tape[at:], int(binary.LittleEndian.Uint32(tape[at+9:]))
		if len(head) < 13+size {
			return nil, errors.New("the tape is cut off")
		}
		at += 13 + size
		entries = append(entries, entry{head[0], int64(binary.LittleEndian.Uint64(head[1:])), head[13 : 13+size], at})
	}
	return entries, nil
}

// disk is the content of a file.
type disk []byte

// sectorSize is what a disk writes whole or not at all.
const sectorSize = 512

func (d *disk) apply(e entry) {
	switch e.kind {
	case 'T':
		d.resize(int(e.offset))
	case 'W':
		d.write(e.offset, e.data)
	}
}

func (d *disk) resize(size int) {
	if size <= len(*d) {
		*d = (*d)[:size]
		return
	}
	*d = append(*d, make([]byte, size-len(*d))...)
}

func (d *disk) write(offset int64, data []byte) {
	if end := int(offset) + len(data); end > len(*d) {
		d.resize(end)
	}
	copy((*d)[offset:], data)
}

// play gives what is on the disk after some entries, and what of them was not
// synced yet.
func play(entries []entry) (synced disk, pending []entry) {
	for _, e := range entries {
		if e.kind != 'S' {
			pending = append(pending, e)
			continue
		}
		for _, p := range pending {
			synced.apply(p)
		}
		pending = nil
	}
	return synced, pending
}

// losses are the ways in which a power loss treats a write that was not synced:
// which sectors of it are on the disk.
var losses = []func(chance *rand.Rand, sectors int) (kept func(sector int) bool){
	func(*rand.Rand, int) func(int) bool { return func(int) bool { return false } },
	func(*rand.Rand, int) func(int) bool { return func(int) bool { return true } },
	func(chance *rand.Rand, _ int) func(int) bool { return func(int) bool { return chance.IntN(2) == 0 } },
	func(chance *rand.Rand, sectors int) func(int) bool { // torn
		cut := chance.IntN(sectors + 1)
		return func(sector int) bool { return sector < cut }
	},
}

// lose is the disk after a power loss.
func lose(entries []entry, chance *rand.Rand) disk {
	d, pending := play(entries)
	same := chance.IntN(2 * len(losses)) // half of the losses treat all writes alike
	for _, e := range pending {
		way := same
		if way >= len(losses) {
			way = chance.IntN(len(losses))
		}
		sectors := (len(e.data) + sectorSize - 1) / sectorSize
		kept := losses[way](chance, sectors)
		if e.kind == 'T' {
			if kept(0) {
				d.apply(e)
			}
			continue
		}
		for s := range sectors {
			if kept(s) {
				d.write(e.offset+int64(s*sectorSize), e.data[s*sectorSize:min(len(e.data), (s+1)*sectorSize)])
			}
		}
	}
	return d
}
