package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alikms/alikms/emulator"
)

// newLab is a lab that goes with the test.
func newLab(t *testing.T) *lab {
	t.Helper()
	t.Chdir("../..")
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	l := &lab{ctx: ctx, seed: 1, short: true, work: t.TempDir()}
	l.binary = filepath.Join(l.work, "alikms")
	if err := l.command("go", "build", "-o", l.binary, "."); err != nil {
		t.Fatal(err)
	}
	return l
}

// An operation that is added has to be tortured, if it writes.
func TestEveryOperationIsWrittenOrRead(t *testing.T) {
	known := slices.Clone(reads)
	for name := range changes {
		if slices.Contains(reads, name) {
			t.Errorf("%s cannot both write and read", name)
		}
		known = append(known, name)
	}
	for _, op := range emulator.Operations() {
		i := slices.Index(known, op.Name)
		if i < 0 {
			t.Errorf("%s is missing: add it to changes, or to reads if it changes nothing", op.Name)
			continue
		}
		known = slices.Delete(known, i, i+1)
	}
	if len(known) > 0 {
		t.Errorf("there are no such operations: %v", known)
	}
}

// A short ordeal, so that go test alone kills alikms as it writes.
func TestKilledWhileWriting(t *testing.T) {
	l := newLab(t)
	o, err := l.newOrdeal("test", 8, filepath.Join(l.work, "data"))
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		if err := o.killOnce(round); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.last(); err != nil {
		t.Error(err)
	}
	for _, wrong := range o.wrong {
		t.Error(wrong)
	}
	if o.acknowledged.Load() < 60 {
		t.Errorf("only %d changes were acknowledged", o.acknowledged.Load())
	}
}

// worldOfTwo is a writer with two keys, and what alikms has of them.
func worldOfTwo() (*writer, world) {
	w := newWriter(0, (&lab{}).chance("test", 0))
	w.world = world{
		"a": {Spec: "EC_SM2", State: "Enabled", Rotation: "Disabled", Tags: map[string]string{}, Aliases: []string{"alias/x"}, Versions: []string{"1"}},
		"b": {Spec: "EC_SM2", State: "Enabled", Rotation: "Disabled", Tags: map[string]string{}, Versions: []string{"2"}},
	}
	return w, w.world.clone()
}

func TestWhatIsLostOrTooMuchIsFound(t *testing.T) {
	for name, harm := range map[string]func(world){
		"a key is lost":        func(found world) { delete(found, "a") },
		"a key comes back":     func(found world) { found["c"] = found["a"] },
		"a version is lost":    func(found world) { found.change("a", func(k *keyState) { k.Versions = nil }) },
		"a version is another": func(found world) { found.change("a", func(k *keyState) { k.Versions[0] = "3" }) },
		"an alias is lost":     func(found world) { found.change("a", func(k *keyState) { k.Aliases = nil }) },
		"an old state":         func(found world) { found.change("b", func(k *keyState) { k.State = "Disabled" }) },
		"a tag too many":       func(found world) { found.change("b", func(k *keyState) { k.Tags["t"] = "v" }) },
	} {
		w, found := worldOfTwo()
		harm(found)
		if wrong := w.settle(found, secretWorld{}); len(wrong) == 0 {
			t.Errorf("%s: nothing is said", name)
		}
	}
	w, found := worldOfTwo()
	if wrong := w.settle(found, secretWorld{}); len(wrong) > 0 {
		t.Errorf("nothing is wrong: %v", wrong)
	}
}

func TestWhatIsLostOrTooMuchOfSecretsIsFound(t *testing.T) {
	secrets := func() secretWorld {
		return secretWorld{"a": {Description: "d", Tags: map[string]string{}, Versions: []secretVersion{{"v0", "one", []string{"ACSPrevious"}}, {"v1", "two", []string{"ACSCurrent"}}}},
			"b": {Deleting: true, Tags: map[string]string{}}}
	}
	for name, c := range map[string]struct {
		harm func(secretWorld)
		ok   bool
	}{
		"nothing":               {func(secretWorld) {}, true},
		"a secret is lost":      {func(found secretWorld) { delete(found, "a") }, false},
		"a secret comes back":   {func(found secretWorld) { found["c"] = found["a"] }, false},
		"a value is another":    {func(found secretWorld) { found.change("a", func(s *secretState) { s.Versions[0].Value = "x" }) }, false},
		"a version is lost":     {func(found secretWorld) { found.change("a", func(s *secretState) { s.Versions = s.Versions[1:] }) }, false},
		"a stage is elsewhere":  {func(found secretWorld) { found.change("a", func(s *secretState) { s.mark("ACSCurrent", "v0") }) }, false},
		"a deletion is undone":  {func(found secretWorld) { found.change("b", func(s *secretState) { s.Deleting = false }) }, false},
		"the lost change is in": {func(found secretWorld) { found.change("a", func(s *secretState) { s.Description = "later" }) }, true},
	} {
		w, keys := worldOfTwo()
		w.secrets = secrets()
		w.lost = &change{secrets: func(in secretWorld) { in.change("a", func(s *secretState) { s.Description = "later" }) }}
		found := secrets()
		c.harm(found)
		if wrong := w.settle(keys, found); (len(wrong) == 0) != c.ok {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

// A change whose answer was lost is there or not; half of it is found.
func TestALostAnswerAllowsBothStatesAndNothingBetween(t *testing.T) {
	tag := func(found world, ids ...string) {
		for _, id := range ids {
			found.change(id, func(k *keyState) { k.Tags["t"] = "v" })
		}
	}
	for _, c := range []struct {
		tagged []string
		ok     bool
	}{{nil, true}, {[]string{"a", "b"}, true}, {[]string{"a"}, false}, {[]string{"b"}, false}} {
		w, found := worldOfTwo()
		w.lost = &change{operation: "TagResources", apply: func(in world, _ answer) { tag(in, "a", "b") }}
		tag(found, c.tagged...)
		if wrong := w.settle(found, secretWorld{}); (len(wrong) == 0) != c.ok {
			t.Errorf("tagged %v: %v", c.tagged, wrong)
		}
	}
}

// The id of a key, and of a version, that came with a lost answer is learnt.
func TestLostIdsAreLearnt(t *testing.T) {
	w, found := worldOfTwo()
	made := keyState{Spec: "EC_SM2", Description: "w00-1", Rotation: "Disabled", Tags: map[string]string{}, Versions: []string{"9"}}
	found["new"] = made
	w.lost = &change{apply: func(in world, _ answer) {
		in.change(unknown, func(k *keyState) { *k = world{"": made}.clone()[""]; k.Versions = []string{unknown} })
	}}
	if wrong := w.settle(found, secretWorld{}); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if got := w.world["new"].Versions; !slices.Equal(got, []string{"9"}) {
		t.Errorf("its versions are %v", got)
	}
}

func TestDamageChangesTheFile(t *testing.T) {
	content := []byte(strings.Repeat("0123456789abcdef", 1024))
	for n := range 200 {
		damaged, how := damage(slices.Clone(content), (&lab{seed: 1}).chance("test", n))
		if string(damaged) == string(content) {
			t.Errorf("%s: nothing changed", how)
		}
	}
}

func TestAnUnknownTrialIsRefused(t *testing.T) {
	if _, err := choose([]string{"kill", "flood"}); err == nil {
		t.Error("there is no trial flood")
	}
	if all, err := choose(nil); err != nil || len(all) != len(trials) {
		t.Errorf("%d trials, %v", len(all), err)
	}
}
