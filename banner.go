package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alikms/alikms/emulator"
)

// announce says where alikms serves, what it has loaded and what time it is there,
// and gives a call to try.
func (s *serveCommand) announce(w io.Writer, server *emulator.Server, p emulator.Ports, data string) {
	address := p.HTTP.Addr().String()
	where := "http://" + address
	if p.HTTPS != nil {
		where += " and https://" + p.HTTPS.Addr().String()
	}
	fmt.Fprintf(w, "alikms serves %s, data: %s\n", where, data)
	if p.Control != nil {
		fmt.Fprintf(w, "controls: http://%s/_emulator/\n", p.Control.Addr())
	}
	if reachable(address) != address {
		fmt.Fprintln(w, "in a container: from outside, the port is the one that it is published at")
	}
	loaded := server.Loaded()
	fmt.Fprintf(w, "scenario: %s: %s\n", s.sources(), contents(loaded))
	fmt.Fprintln(w, "clock:", clockText(loaded))
	fmt.Fprintf(w, "page: http://%s/_emulator/ui/\n", reachable(controlAddress(p)))
	fmt.Fprintln(w, "try:", server.Example("http://"+reachable(address)))
}

// controlAddress is where the controls are, and the page.
func controlAddress(p emulator.Ports) string {
	if p.Control != nil {
		return p.Control.Addr().String()
	}
	return p.HTTP.Addr().String()
}

// sources are the files of the scenario.
func (s *serveCommand) sources() string {
	if len(s.Fixture) == 0 {
		return "built in"
	}
	return strings.Join(s.Fixture, ", ")
}

// contents counts what was loaded.
func contents(l emulator.Loaded) string {
	var said []string
	for _, c := range []struct {
		n         int
		one, many string
	}{
		{l.Keys, "key", "keys"},
		{l.Secrets, "secret", "secrets"},
		{l.Callers, "caller", "callers"},
		{l.Instances, "instance", "instances"},
		{l.Quotas, "quota", "quotas"},
		{l.Faults, "fault", "faults"},
	} {
		switch c.n {
		case 0:
		case 1:
			said = append(said, "1 "+c.one)
		default:
			said = append(said, fmt.Sprint(c.n, " ", c.many))
		}
	}
	if l.LeftOut {
		said = append(said, "its keys are left out, for the data folder has keys already")
	}
	if len(said) == 0 {
		return "nothing"
	}
	text := strings.Join(said, ", ")
	if l.Differ > 0 {
		text += fmt.Sprintf("; the data folder differs in %d of what it says (the log says how; --fresh or POST /_emulator/reset brings it back)", l.Differ)
	}
	return text
}

// clockText says how the clock differs from real time, and how that ends.
func clockText(l emulator.Loaded) string {
	const remedy = "; DELETE /_emulator/clock makes it real time"
	switch {
	case l.Frozen:
		return "frozen at " + l.Now.UTC().Format("2006-01-02T15:04:05.999Z07:00") + remedy
	case l.Ahead > 0:
		return l.Ahead.String() + " ahead of real time" + remedy
	}
	return "real time"
}
