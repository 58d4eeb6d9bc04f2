// Command alikms is a local double of Alibaba Cloud KMS, for developing and
// testing against it. It is not a place for real secrets.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the program: 0 when all went well, 1 when it did not, 2 when it was
// asked for something that is not to be had.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var c commands
	code := -1
	parser := kong.Must(&c,
		kong.Name("alikms"),
		kong.Description("A local double of Alibaba Cloud KMS. Each flag --some-name can be set as ALIKMS_SOME_NAME; lists have a line for each value there."),
		kong.DefaultEnvars("ALIKMS"),
		kong.Vars{"sdks": strings.Join(emulator.SDKs(), ",")},
		kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { code = c }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(output{stdout, stderr}),
	)
	if err := unknownSettings(parser, environ); err != nil {
		fmt.Fprintln(stderr, "alikms:", err)
		return 2
	}
	chosen, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err != nil {
		fmt.Fprintln(stderr, "alikms:", err)
		return 2
	}
	if err := chosen.Run(); err != nil {
		if problems, ok := errors.AsType[fixtures.Problems](err); ok {
			fmt.Fprintln(stderr, problems) // each line begins with its place, as editors want it
			return 1
		}
		fmt.Fprintln(stderr, "alikms:", err)
		if errors.As(err, new(usageError)) {
			return 2
		}
		return 1
	}
	return 0
}

// output is where the program writes: answers to out, the log to log.
type output struct{ out, log io.Writer }

// usageError is about what was asked for, not about what happened.
type usageError string

func (e usageError) Error() string { return string(e) }

// unknownSettings refuses ALIKMS_ variables that no flag has: a misspelt one
// would be passed over in silence.
func unknownSettings(parser *kong.Kong, environ []string) error {
	var known []string
	for _, command := range append(parser.Model.Children, parser.Model.Node) {
		for _, flag := range command.Flags {
			known = append(known, flag.Envs...)
		}
	}
	slices.Sort(known)
	for _, setting := range environ {
		name, _, _ := strings.Cut(setting, "=")
		if strings.HasPrefix(name, "ALIKMS_") && !slices.Contains(known, name) {
			return fmt.Errorf("no setting %s; known: %s", name, strings.Join(slices.Compact(known), ", "))
		}
	}
	return nil
}

type commands struct {
	Serve      serveCommand      `cmd:"" default:"withargs" help:"Serve (what alikms does when no command is given)."`
	Validate   validateCommand   `cmd:"" help:"Say what is wrong with scenario files, or count what they hold."`
	Operations operationsCommand `cmd:"" help:"List the emulated operations."`
	Health     healthCommand     `cmd:"" help:"Say whether a running alikms is healthy (a container's health check)."`
	Wait       waitCommand       `cmd:"" help:"Wait until a running alikms is healthy."`
	Env        envCommand        `cmd:"" help:"Print what to set so that a client finds a running alikms."`
	Export     exportCommand     `cmd:"" help:"Print what a running alikms holds as a scenario, private keys included."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// addresses are where alikms listens, for serve and for what asks it.
type addresses struct {
	Listen    string `default:"127.0.0.1:8080" help:"Address for plain HTTP; port 0 takes a free one."`
	ListenTLS string `name:"listen-tls" default:"127.0.0.1:8443" help:"Address for HTTPS; empty turns it off."`
}

// Validate is called by kong.
func (a addresses) Validate() error {
	if _, _, err := net.SplitHostPort(a.Listen); err != nil {
		return fmt.Errorf("--listen is %q: write host:port, like 127.0.0.1:8080 or :8080", a.Listen)
	}
	if _, _, err := net.SplitHostPort(a.ListenTLS); err != nil && a.ListenTLS != "" {
		return fmt.Errorf("--listen-tls is %q: write host:port, like 127.0.0.1:8443 or :8443, or nothing to turn HTTPS off", a.ListenTLS)
	}
	return nil
}

// scope is where what does not say otherwise belongs.
type scope struct {
	Region  string `default:"cn-hangzhou" help:"Region where a request or scenario does not say."`
	Account string `default:"1234567890123456" help:"Account, 16 digits, where a scenario does not say."`
}

// Validate is called by kong.
func (s scope) Validate() error {
	if !regexp.MustCompile(`^[0-9]{16}$`).MatchString(s.Account) {
		return fmt.Errorf("--account is %q: write 16 digits", s.Account)
	}
	if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(s.Region) {
		return fmt.Errorf("--region is %q: write a region id, like cn-hangzhou", s.Region)
	}
	return nil
}

type serveCommand struct {
	Where      addresses `embed:""`
	TLSCert    string    `name:"tls-cert" placeholder:"FILE" help:"Certificate chain, PEM, instead of certificates of alikms's own CA."`
	TLSKey     string    `name:"tls-key" placeholder:"FILE" help:"Private key of --tls-cert, PEM."`
	TLSName    lines     `name:"tls-name" sep:"none" placeholder:"NAME" help:"Further name to have certificates for, with all below it; may be repeated."`
	Data       string    `help:"Folder of the data file and the CA (default: alikms-data)."`
	Ephemeral  bool      `help:"Keep nothing: a temporary folder, removed at exit."`
	Fixture    lines     `sep:"none" placeholder:"FILE" help:"Scenario file or folder; may be repeated (default: keys for trying out, in an empty store)."`
	Scope      scope     `embed:""`
	Credential lines     `sep:"none" placeholder:"ID:SECRET" help:"AccessKey that may call; may be repeated. With any, every call is verified."`
	Journal    int       `default:"1000" help:"Requests kept for /_emulator/requests."`
	KeyPool    *int      `help:"Key pairs made ahead per RSA spec (default: 2, or 0 with --ephemeral)."`
	ReadyFile  string    `placeholder:"FILE" help:"Written when serving: the addresses as JSON."`
	LogLevel   string    `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
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

// Validate is called by kong.
func (s *serveCommand) Validate() error {
	if s.Ephemeral && s.Data != "" {
		return errors.New("--ephemeral keeps nothing and --data says where: give one of them")
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both or neither")
	}
	if err := emulator.CheckTLSNames(s.TLSName); err != nil {
		return err
	}
	if s.TLSCert != "" && s.Where.ListenTLS == "" {
		return errors.New("--tls-cert is for HTTPS, and --listen-tls turns it off: give an address there")
	}
	if s.KeyPool != nil && (*s.KeyPool < 0 || *s.KeyPool > 100) {
		return fmt.Errorf("--key-pool is %d: write a number from 0 to 100", *s.KeyPool)
	}
	ids := map[string]bool{}
	for _, pair := range s.Credential {
		id, secret, _ := strings.Cut(pair, ":")
		if id == "" || secret == "" {
			return errors.New("--credential has no id or no secret: write id:secret")
		}
		if ids[id] {
			return fmt.Errorf("--credential has %s twice: give it once", id)
		}
		ids[id] = true
	}
	return nil
}

// Run serves until it is told to stop.
func (s *serveCommand) Run(ctx context.Context, o output) (err error) {
	scenario, err := s.scenario()
	if err != nil {
		return err
	}
	folder, remove, err := s.folder()
	if err != nil {
		return err
	}
	defer remove()
	st, err := store.Open(filepath.Join(folder, "alikms.db"), store.Options{Ephemeral: s.Ephemeral})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	own, ca, err := s.certificates(o, folder)
	if err != nil {
		return err
	}
	server, err := emulator.New(emulator.Options{
		Store:         st,
		Scenario:      scenario,
		SeedOnlyEmpty: len(s.Fixture) == 0,
		Region:        s.Scope.Region,
		Account:       s.Scope.Account,
		Credentials:   s.credentials(),
		Journal:       s.Journal,
		KeyPool:       s.keyPool(),
		CA:            ca,
		Log:           s.log(o),
	})
	if err != nil {
		return err
	}
	defer server.Close()
	ports, err := s.listen(own)
	if err != nil {
		return err
	}
	if err := s.announce(o, server, ports, folder); err != nil {
		return err
	}
	return server.Serve(ctx, ports)
}

func (s *serveCommand) log(o output) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		panic(err) // kong has checked it
	}
	return slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: level}))
}

// scenario reads the scenario files; without any it is the built-in one, which
// is for an empty store only.
func (s *serveCommand) scenario() (*fixtures.Document, error) {
	document, problems := fixtures.Default()
	if len(s.Fixture) > 0 {
		document, problems = fixtures.Load(s.Fixture...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return document, nil
}

func (s *serveCommand) folder() (path string, remove func(), err error) {
	if s.Ephemeral {
		path, err = os.MkdirTemp("", "alikms-")
		return path, func() { os.RemoveAll(path) }, err
	}
	if s.Data == "" {
		s.Data = "alikms-data"
	}
	return s.Data, func() {}, nil
}

func (s *serveCommand) credentials() (all []emulator.Credential) {
	for _, pair := range s.Credential {
		id, secret, _ := strings.Cut(pair, ":")
		all = append(all, emulator.Credential{AccessKeyID: id, AccessKeySecret: secret})
	}
	return all
}

func (s *serveCommand) keyPool() int {
	switch {
	case s.KeyPool != nil:
		return *s.KeyPool
	case s.Ephemeral:
		return 0
	}
	return 2
}

// certificates are what HTTPS shows: the user's own one, or those of the CA that
// the data folder keeps.
func (s *serveCommand) certificates(o output, folder string) (own *tls.Certificate, ca *emulator.CA, err error) {
	switch {
	case s.Where.ListenTLS == "":
		return nil, nil, nil
	case s.TLSCert == "":
		ca, err = emulator.OpenCA(folder, emulator.CAOptions{Names: s.TLSName, Log: s.log(o)})
		return nil, ca, err
	}
	pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot use --tls-cert %s with --tls-key %s: %w", s.TLSCert, s.TLSKey, err)
	}
	return &pair, nil, nil
}

func (s *serveCommand) listen(own *tls.Certificate) (p emulator.Ports, err error) {
	p.Certificate = own
	if p.HTTP, err = net.Listen("tcp", s.Where.Listen); err != nil {
		return p, fmt.Errorf("cannot listen: %w; choose another --listen address", err)
	}
	if s.Where.ListenTLS == "" {
		return p, nil
	}
	if p.HTTPS, err = net.Listen("tcp", s.Where.ListenTLS); err != nil {
		return p, fmt.Errorf("cannot listen for HTTPS: %w; choose another --listen-tls address, or none", err)
	}
	return p, nil
}

// announce says where alikms serves, and gives a call to try. Clients may come
// from now on: the ports are open.
func (s *serveCommand) announce(o output, server *emulator.Server, p emulator.Ports, folder string) error {
	ready := map[string]string{"http": p.HTTP.Addr().String()}
	where := "http://" + ready["http"]
	if p.HTTPS != nil {
		ready["https"] = p.HTTPS.Addr().String()
		where += " and https://" + ready["https"]
	}
	if s.ReadyFile != "" {
		text, err := json.Marshal(ready)
		if err != nil {
			return err
		}
		if err := writeWhole(s.ReadyFile, append(text, '\n')); err != nil {
			return err
		}
	}
	if s.Ephemeral {
		folder = "nothing kept"
	}
	fmt.Fprintf(o.out, "alikms serves %s, data: %s\ntry: %s\n", where, folder, server.Example("http://"+reachable(ready["http"])))
	return nil
}

// writeWhole lets a reader find the file whole or not at all.
func writeWhole(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

type validateCommand struct {
	Scope scope    `embed:""`
	Files []string `arg:"" name:"file" help:"Scenario file or folder."`
}

// Run judges the files as a start with all of them would.
func (v *validateCommand) Run(o output) error {
	document, problems := fixtures.Load(v.Files...)
	problems = append(problems, emulator.Check(document, v.Scope.Account, v.Scope.Region, time.Now())...)
	if len(problems) > 0 {
		problems.Sort()
		return problems
	}
	versions, aliases := 0, 0
	for _, k := range document.Keys {
		versions += max(1, len(k.Versions))
		aliases += len(k.Aliases)
	}
	fmt.Fprintf(o.out, "valid: %d keys, %d versions, %d aliases, %d instances, %d credentials, %d quotas, %d faults\n", len(document.Keys),
		versions, aliases, len(document.Instances), len(document.Credentials), len(document.Quotas), len(document.Faults))
	return nil
}

type operationsCommand struct{}

// Run prints a line for each operation.
func (operationsCommand) Run(o output) error {
	for _, op := range emulator.Operations() {
		fmt.Fprintf(o.out, "%-22s %s\n", op.Name, op.Summary)
	}
	return nil
}

type versionCommand struct{}

// Run prints the version that the Go toolchain put into the binary.
func (versionCommand) Run(o output) error {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	fmt.Fprintln(o.out, "alikms", version)
	return nil
}
