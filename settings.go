package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/internal/pattern"
)

// prefix is that of every setting's environment variable.
const prefix = "ALIKMS_"

// injected are the variables that Kubernetes sets beside a Service, and Docker
// beside a link, whose name is alikms or begins so.
var injected = pattern.Lazy(`^ALIKMS(_\w+)?_(PORT|SERVICE)(_|$)|^ALIKMS_(ENV|NAME)(_|$)`)

// knownSettings are the variables that a flag has.
func knownSettings(parser *kong.Kong) (known []string) {
	for _, command := range append(parser.Model.Children, parser.Model.Node) {
		for _, flag := range command.Flags {
			known = append(known, flag.Envs...)
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// misspeltSetting refuses a variable that is nearly a setting: it would be passed
// over in silence. Other names under the prefix are somebody else's.
func misspeltSetting(parser *kong.Kong, environ []string) error {
	known := knownSettings(parser)
	for _, setting := range environ {
		name, _, _ := strings.Cut(setting, "=")
		if !strings.HasPrefix(name, prefix) || slices.Contains(known, name) || injected().MatchString(name) {
			continue
		}
		if meant := nearestSetting(name, known); meant != "" {
			return fmt.Errorf("%s is no setting; did you mean %s?", name, meant)
		}
	}
	return nil
}

// nearestSetting compares without the prefix, which would make short names
// alike. A name that is a word of a setting (KEY, of TLS_KEY) is not its
// misspelling.
func nearestSetting(name string, known []string) string {
	word := strings.TrimPrefix(name, prefix)
	var others []string
	for _, setting := range known {
		setting = strings.TrimPrefix(setting, prefix)
		if !strings.Contains("_"+setting+"_", "_"+word+"_") {
			others = append(others, setting)
		}
	}
	if meant := fixtures.Nearest(word, others); meant != "" {
		return prefix + meant
	}
	return ""
}

// given reports whether a flag is on the command line, and not only in the
// environment.
func given(kctx *kong.Context, name string) bool {
	return slices.ContainsFunc(kctx.Path, func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == name })
}

// beats reports whether a flag is given and the other, which goes against it, is
// at most inherited.
func beats(kctx *kong.Context, flag, other string) bool {
	return given(kctx, flag) && !given(kctx, other)
}

// addresses are where alikms listens, for serve and for what asks it.
type addresses struct {
	Listen        string `default:"127.0.0.1:8080" help:"Address for plain HTTP; port 0 takes a free one."`
	ListenTLS     string `name:"listen-tls" default:"127.0.0.1:8443" help:"Address for HTTPS; empty turns it off."`
	ControlListen string `placeholder:"ADDRESS" help:"Address for the controls below /_emulator/ alone; the others do not serve them then."`
}

// Validate is called by kong.
func (a addresses) Validate() error {
	switch {
	case !isAddress(a.Listen):
		return fmt.Errorf("--listen is %q: write host:port, like 127.0.0.1:8080 or :8080, with a port up to 65535", a.Listen)
	case a.ListenTLS != "" && !isAddress(a.ListenTLS):
		return fmt.Errorf("--listen-tls is %q: write host:port, like 127.0.0.1:8443 or :8443, with a port up to 65535, or nothing to turn HTTPS off", a.ListenTLS)
	case a.ControlListen != "" && !isAddress(a.ControlListen):
		return fmt.Errorf("--control-listen is %q: write host:port, like 127.0.0.1:8081, with a port up to 65535", a.ControlListen)
	}
	return nil
}

// differ says that no two are one: only one can listen there.
func (a addresses) differ() error {
	return cmp.Or(
		different("--listen", a.Listen, "--listen-tls", a.ListenTLS),
		different("--listen", a.Listen, "--control-listen", a.ControlListen),
		different("--listen-tls", a.ListenTLS, "--control-listen", a.ControlListen),
	)
}

// hostNames are what a name may be made of; whether there is such a host is
// found out by listening.
var hostNames = pattern.Lazy(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$`)

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == "" || hostNames().MatchString(ip.Zone()) // netip takes any text as a zone
	}
	return host == "" || hostNames().MatchString(host)
}

func different(flag, address, other, otherAddress string) error {
	if address != otherAddress || address == "" || strings.HasSuffix(address, ":0") {
		return nil
	}
	return fmt.Errorf("%s and %s are both %s: give each an address of its own", flag, other, address)
}

// scope is where what does not say otherwise belongs.
type scope struct {
	Region  string `default:"cn-hangzhou" help:"Region where a request or scenario does not say."`
	Account string `default:"1234567890123456" help:"Account, 16 digits, where a scenario does not say."`
}

// Validate is called by kong. Both are what scenarios allow.
func (s scope) Validate() error {
	if !fixtures.ValidAccount(s.Account) {
		return fmt.Errorf("--account is %q: write 16 digits", s.Account)
	}
	if !fixtures.ValidRegion(s.Region) {
		return fmt.Errorf("--region is %q: write a region id of lower-case letters, digits and -, like cn-hangzhou", s.Region)
	}
	return nil
}

// lines is a flag that may be repeated; in its environment variable each line
// is a value.
type lines []string

// Decode adds the next value of the command line or of the variable.
func (l *lines) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("text", &text); err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			*l = append(*l, line)
		}
	}
	return nil
}

// count is a whole number from 0 to what the tag "most" says.
type count int

// Decode is called by kong.
func (c *count) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("number", &text); err != nil {
		return err
	}
	most, err := strconv.Atoi(ctx.Value.Tag.Get("most"))
	if err != nil {
		panic(err) // of this program's own tag
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return fmt.Errorf("%q is not allowed: write a whole number from 0 to %d", text, most)
	}
	*c = count(n)
	return nil
}

// patience is how long to wait for something.
type patience time.Duration

// mostPatience is a day: who writes more has mistaken the unit.
const mostPatience = 24 * time.Hour

// Decode is called by kong.
func (p *patience) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > mostPatience {
		return fmt.Errorf("%q is not allowed: write a duration up to 24h, like 30s or 2m", text)
	}
	*p = patience(d)
	return nil
}

// size is a number of bytes, like 64MiB.
type size int

var (
	sizeSyntax = pattern.Lazy(`^([0-9]{1,9})(KiB|MiB|GiB)?$`)
	sizeUnits  = map[string]int{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
)

// mostBytes is what a size may be: who writes more has mistaken the unit.
const mostBytes = 16 << 30

// Decode is called by kong.
func (s *size) Decode(ctx *kong.DecodeContext) error {
	var text string
	if err := ctx.Scan.PopValueInto("bytes", &text); err != nil {
		return err
	}
	parts := sizeSyntax().FindStringSubmatch(text)
	if parts == nil {
		return fmt.Errorf("%q is not allowed: write bytes, like 64MiB, at most 16GiB", text)
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n == 0 || n > mostBytes/sizeUnits[parts[2]] {
		return fmt.Errorf("%q is not allowed: write bytes, like 64MiB, at most 16GiB", text)
	}
	*s = size(n * sizeUnits[parts[2]])
	return nil
}

type serveCommand struct {
	Where        addresses `embed:""`
	TLSCert      string    `name:"tls-cert" placeholder:"FILE" help:"Certificate chain, PEM, instead of certificates of alikms's own CA."`
	TLSKey       string    `name:"tls-key" placeholder:"FILE" help:"Private key of --tls-cert, PEM."`
	TLSName      lines     `name:"tls-name" sep:"none" placeholder:"NAME" help:"Further name to have certificates for, with all below it; may be repeated."`
	AllowHost    lines     `sep:"none" placeholder:"NAME" help:"Further Host to answer, .example.com for all below it, * for every; may be repeated."`
	Data         string    `placeholder:"FOLDER" help:"Folder of the data file and the CA (default: alikms-data)."`
	Ephemeral    bool      `help:"Keep nothing: a temporary folder, removed at exit."`
	Fixture      lines     `sep:"none" placeholder:"FILE" help:"Scenario file or folder; may be repeated (default: keys for trying out, in an empty store)."`
	Fresh        bool      `help:"Start from the scenario alone: what else the data folder holds goes."`
	Watch        bool      `help:"Load the --fixture files again when they change, as by a reset to them."`
	Scope        scope     `embed:""`
	Credential   lines     `sep:"none" placeholder:"ID:SECRET" help:"AccessKey that may call; may be repeated. With any, every call is verified."`
	Journal      count     `default:"1000" most:"1000000" help:"Requests kept for /_emulator/requests."`
	JournalBytes size      `default:"64MiB" help:"What they may take in memory, at the most."`
	KeyPool      *count    `most:"100" placeholder:"COUNT" help:"Key pairs made ahead per RSA spec (default: 2, or 1 with --ephemeral)."`
	ReadyFile    string    `placeholder:"FILE" help:"Written when serving, removed at exit: the addresses as JSON."`
	LogLevel     string    `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
}

// Validate is called by kong.
func (s *serveCommand) Validate(kctx *kong.Context) error {
	s.dropInherited(kctx)
	return cmp.Or(s.Where.differ(), s.checkData(kctx), s.checkTLS(), s.checkCredentials(), s.checkWatch(),
		emulator.CheckTLSNames(s.TLSName), emulator.CheckAllowHosts(s.AllowHost))
}

// dropInherited forgets variables that a flag goes against: an image or a shell
// sets them for every start.
func (s *serveCommand) dropInherited(kctx *kong.Context) {
	if s.Ephemeral && beats(kctx, "ephemeral", "data") {
		s.Data = ""
	}
	if s.Data != "" && beats(kctx, "data", "ephemeral") {
		s.Ephemeral = false
	}
	if s.Where.ListenTLS == "" && beats(kctx, "listen-tls", "tls-cert") && beats(kctx, "listen-tls", "tls-key") {
		s.TLSCert, s.TLSKey = "", ""
	}
}

func (s *serveCommand) checkData(kctx *kong.Context) error {
	switch {
	case !s.Ephemeral || s.Data == "":
		return nil
	case given(kctx, "data"):
		return errors.New("--ephemeral keeps nothing and --data says where: give one of them")
	}
	return errors.New("ALIKMS_EPHEMERAL keeps nothing and ALIKMS_DATA says where: set one of them, and the other to nothing (ALIKMS_DATA=)")
}

func (s *serveCommand) checkWatch() error {
	if s.Watch && len(s.Fixture) == 0 {
		return errors.New("--watch loads the files of --fixture again when they change: give --fixture")
	}
	return nil
}

func (s *serveCommand) checkTLS() error {
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both or neither")
	}
	if s.TLSCert != "" && s.Where.ListenTLS == "" {
		return errors.New("--tls-cert is for HTTPS, and --listen-tls turns it off: give an address there")
	}
	return nil
}

// accessKeyIDs are those that scenarios allow.
var accessKeyIDs = pattern.Lazy(`^[A-Za-z0-9._@-]{1,128}$`)

func (s *serveCommand) checkCredentials() error {
	ids := map[string]bool{}
	for _, pair := range s.Credential {
		id, secret, _ := strings.Cut(pair, ":")
		if id == "" || secret == "" {
			return errors.New("--credential has no id or no secret: write id:secret")
		}
		if !accessKeyIDs().MatchString(id) { // not shown: it may be the secret
			return errors.New("--credential has an id that is none: write id:secret, the id of letters, digits, . _ - @, at most 128")
		}
		if ids[id] {
			return fmt.Errorf("--credential has %s twice: give it once", id)
		}
		ids[id] = true
	}
	return nil
}
