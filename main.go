// Command alikms is a local double of Alibaba Cloud KMS, for developing and
// testing against it. It is not a place for real secrets.
package main

import (
	"cmp"
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
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/alikms/alikms/emulator"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/internal/ownfile"
	"github.com/alikms/alikms/store"
)

func main() {
	tune()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the program: 0 when all went well, 1 when it did not, 2 when it was
// asked for something that is not to be had.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	code := -1
	parser := newParser(stdout, stderr, kong.Exit(func(c int) { code = c }), kong.BindTo(ctx, (*context.Context)(nil)))
	args = helpAsFlag(args)
	if err := cmp.Or(misspeltSetting(parser, environ), unknownCommand(parser, args)); err != nil {
		fmt.Fprintln(stderr, "alikms:", err)
		return 2
	}
	chosen, err := parser.Parse(args)
	if code >= 0 {
		return code // --help, --version
	}
	if err != nil {
		fmt.Fprintln(stderr, "alikms:", err)
		return 2
	}
	return report(chosen.Run(), stderr)
}

func newParser(stdout, stderr io.Writer, more ...kong.Option) *kong.Kong {
	return kong.Must(&commands{}, append(more,
		kong.Name("alikms"),
		kong.Description("A local double of Alibaba Cloud KMS. Each flag --some-name can be set as ALIKMS_SOME_NAME; lists have a line for each value there."),
		kong.DefaultEnvars(strings.TrimSuffix(prefix, "_")),
		kong.Vars{"sdks": strings.Join(emulator.SDKs(), ","), "samples": strings.Join(emulator.SampleSDKs(), ","), "version": versionText()},
		kong.Writers(stdout, stderr),
		kong.Bind(output{stdout, stderr}),
	)...)
}

// helpAsFlag makes "help serve" what "serve --help" is.
func helpAsFlag(args []string) []string {
	if len(args) == 0 || args[0] != "help" {
		return args
	}
	return append(slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "help" }), "--help")
}

// unknownCommand refuses a misspelt command. Without it kong would take the word
// for an argument of serve.
func unknownCommand(parser *kong.Kong, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return nil
	}
	var known []string
	for _, command := range parser.Model.Children {
		known = append(known, command.Name)
	}
	if slices.Contains(known, args[0]) {
		return nil
	}
	said := fmt.Sprintf("there is no command %q; ", args[0])
	if slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(args[0])) {
		return usageError(said + "a scenario file is for --fixture or for validate")
	}
	if meant := fixtures.Nearest(args[0], known); meant != "" {
		return usageError(said + fmt.Sprintf("did you mean %s?", meant))
	}
	return usageError(said + "there are " + strings.Join(known, ", "))
}

// report says how a command ended, and gives the exit code.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
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

// output is where the program writes: answers to out, the log to log.
type output struct{ out, log io.Writer }

// usageError is about what was asked for, not about what happened.
type usageError string

func (e usageError) Error() string { return string(e) }

type commands struct {
	Serve      serveCommand      `cmd:"" default:"withargs" help:"Serve (what alikms does when no command is given)."`
	Validate   validateCommand   `cmd:"" help:"Say what is wrong with scenario files, or count what they hold."`
	Operations operationsCommand `cmd:"" help:"List the emulated operations."`
	Errors     errorsCommand     `cmd:"" help:"List the catalogue of errors: code, status, message."`
	Schema     schemaCommand     `cmd:"" help:"Print the JSON Schema of scenario files, for editors."`
	Health     healthCommand     `cmd:"" help:"Say whether a running alikms is healthy (a container's health check)."`
	Wait       waitCommand       `cmd:"" help:"Wait until a running alikms is healthy."`
	Env        envCommand        `cmd:"" help:"Print what to set so that a client finds a running alikms."`
	Sample     sampleCommand     `cmd:"" help:"Print a program that makes a call, for an SDK."`
	Why        whyCommand        `cmd:"" help:"Say how a call was decided: why a fault did not fire."`
	Tail       tailCommand       `cmd:"" help:"Print what calls came to, as they are answered."`
	Load       loadCommand       `cmd:"" help:"Put scenario files in force in a running alikms, as a reset to them."`
	Export     exportCommand     `cmd:"" help:"Print what a running alikms holds as a scenario: private keys, AccessKey secrets and STS tokens included."`
	Backup     backupCommand     `cmd:"" help:"Copy the data file of a running alikms: private keys included."`
	Check      checkCommand      `cmd:"" help:"Say whether the data file of an alikms that does not run is whole."`
	Version    versionCommand    `cmd:"" help:"Print the version."`

	ShowVersion kong.VersionFlag `name:"version" env:"-" help:"Print the version."`
}

// Run serves until it is told to stop.
func (s *serveCommand) Run(ctx context.Context, o output) error {
	var verified func() error // the data file, while the scenario is read
	if !s.Ephemeral {
		verified = store.Verifying(filepath.Join(cmp.Or(s.Data, dataFolder), dataFile))
		defer verified()
	}
	scenario, err := s.scenario()
	if err != nil {
		return err
	}
	folder, remove, err := s.folder()
	if err != nil {
		return err
	}
	defer remove()
	return s.runIn(ctx, o, folder, scenario, verified)
}

// runIn serves what a folder holds.
func (s *serveCommand) runIn(ctx context.Context, o output, folder string, scenario *fixtures.Document, verified func() error) (err error) {
	st, err := store.Open(filepath.Join(folder, dataFile), store.Options{Ephemeral: s.Ephemeral, Verified: verified})
	if err != nil {
		return explain(folder, err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	// What a process left that was killed:
	if err := cmp.Or(s.removeReady(), explain(folder, clearLeftovers(folder))); err != nil {
		return err
	}
	log := s.log(o)
	own, ca, err := s.certificates(folder, log)
	if err != nil {
		return err
	}
	server, err := emulator.New(s.options(st, scenario, own, ca, log))
	if err != nil {
		return err
	}
	defer server.Close()
	ports, err := s.listen(own)
	if err != nil {
		return err
	}
	s.warn(log, ports, scenario)
	defer s.watch(ctx, server, scenario, log)()
	return s.serve(ctx, o, server, ports, folder)
}

// warn tells of settings that are taken, and may not be meant.
func (s *serveCommand) warn(log *slog.Logger, p emulator.Ports, scenario *fixtures.Document) {
	if !emulator.IsRegion(s.Scope.Region) {
		log.Warn("--region is no known region of the service; it is taken all the same", "region", s.Scope.Region)
	}
	warnOfOthers(log, p, len(s.Credential)+len(scenario.Credentials) > 0)
}

func (s *serveCommand) options(st *store.Store, scenario *fixtures.Document, own *tls.Certificate, ca *emulator.CA, log *slog.Logger) emulator.Options {
	o := emulator.Options{
		Store:         st,
		Scenario:      scenario,
		SeedOnlyEmpty: len(s.Fixture) == 0,
		Fresh:         s.Fresh,
		Region:        s.Scope.Region,
		Account:       s.Scope.Account,
		Credentials:   s.credentials(),
		Journal:       int(s.Journal),
		JournalBytes:  int(s.JournalBytes),
		AllowHosts:    s.answeredHosts(),
		KeyPool:       s.keyPool(),
		CA:            ca,
		Log:           log,
	}
	if own != nil {
		o.Certificate = own.Leaf
	}
	return o
}

// answeredHosts are the names of --allow-host, and those of --tls-name with all
// below them.
func (s *serveCommand) answeredHosts() []string {
	names := slices.Clone(s.AllowHost)
	for _, name := range s.TLSName {
		names = append(names, name, "."+name)
	}
	return names
}

// serve says that it serves, and does so until ctx ends. Clients may come from
// the first word on: the ports are open.
func (s *serveCommand) serve(ctx context.Context, o output, server *emulator.Server, ports emulator.Ports, folder string) error {
	if s.ReadyFile != "" {
		if err := writeReady(s.ReadyFile, ports); err != nil {
			return fmt.Errorf("cannot write --ready-file: %w", err)
		}
		defer s.removeReady()
	}
	if s.Ephemeral {
		folder = "nothing kept"
	}
	defer s.tellCalls(o, server)()
	s.announce(o.out, server, ports, folder)
	return server.Serve(ctx, ports)
}

// watch begins to load changed files again, if it is asked for. The function ends
// it.
func (s *serveCommand) watch(ctx context.Context, server *emulator.Server, scenario *fixtures.Document, log *slog.Logger) (end func()) {
	if !s.Watch {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { newWatcher(s.Fixture, scenario, server, log).run(ctx) })
	return func() {
		stop()
		watching.Wait()
	}
}

// removeReady takes back that alikms is ready.
func (s *serveCommand) removeReady() error {
	if s.ReadyFile == "" {
		return nil
	}
	if err := removePlain(s.ReadyFile); err != nil {
		return fmt.Errorf("cannot write --ready-file: %w", err)
	}
	return nil
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
		if path, err = os.MkdirTemp("", "alikms-"); err != nil {
			err = fmt.Errorf("cannot keep what is ephemeral: %w; set TMPDIR to a folder that uid %d may write to", err, os.Getuid())
		}
		return path, func() { os.RemoveAll(path) }, err
	}
	return cmp.Or(s.Data, dataFolder), func() {}, nil
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
		return int(*s.KeyPool)
	case s.Ephemeral:
		return 1 // for tests, which end soon
	}
	return 2
}

// certificates are what HTTPS shows: the user's own one, or those of the CA that
// the data folder keeps.
func (s *serveCommand) certificates(folder string, log *slog.Logger) (own *tls.Certificate, ca *emulator.CA, err error) {
	switch {
	case s.Where.ListenTLS == "":
		return nil, nil, nil
	case s.TLSCert == "":
		ca, err = emulator.OpenCA(folder, emulator.CAOptions{Names: s.TLSName, Log: log})
		return nil, ca, explain(folder, err)
	}
	pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot use --tls-cert %s with --tls-key %s: %w", s.TLSCert, s.TLSKey, err)
	}
	return &pair, nil, nil
}

func (s *serveCommand) listen(own *tls.Certificate) (p emulator.Ports, err error) {
	p.Certificate = own
	if p.HTTP, err = listenAt("--listen", s.Where.Listen); err != nil {
		return p, err
	}
	if p.HTTPS, err = listenAt("--listen-tls", s.Where.ListenTLS); err != nil {
		return p, err
	}
	p.Control, err = listenAt("--control-listen", s.Where.ControlListen)
	return p, err
}

// listenAt gives nil for the address of a port that is off.
func listenAt(flag, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w; choose another %s address", err, flag)
	}
	return l, nil
}

// warnOfOthers says once what it means that others than this machine's users can
// come in.
func warnOfOthers(log *slog.Logger, p emulator.Ports, verified bool) {
	open := beyondLoopback(p.HTTP) || beyondLoopback(p.HTTPS)
	controlsOpen := beyondLoopback(p.Control) || open && p.Control == nil
	switch {
	case controlsOpen:
		log.Warn("other machines can reach the controls, which ask for no signature: /_emulator/export gives them private keys, AccessKey secrets and STS tokens; --control-listen 127.0.0.1:8081 keeps the controls on this machine")
	case open && !verified:
		log.Warn("other machines can use every key: without --credential no call is verified")
	}
}

func beyondLoopback(l net.Listener) bool {
	if l == nil {
		return false
	}
	address, ok := l.Addr().(*net.TCPAddr)
	return ok && !address.IP.IsLoopback()
}

// writeReady writes where alikms serves.
func writeReady(path string, p emulator.Ports) error {
	ready := map[string]string{"http": p.HTTP.Addr().String()}
	if p.HTTPS != nil {
		ready["https"] = p.HTTPS.Addr().String()
	}
	if p.Control != nil {
		ready["control"] = p.Control.Addr().String()
	}
	text, err := json.Marshal(ready)
	if err != nil {
		return err
	}
	return ownfile.Write(path, func(file *os.File) error {
		_, err := file.Write(append(text, '\n'))
		return err
	})
}

type validateCommand struct {
	Scope scope    `embed:""`
	Files []string `arg:"" name:"file" help:"Scenario file or folder."`
}

// Run judges the files as a start with all of them would.
func (v *validateCommand) Run(o output) error {
	document, problems := fixtures.Load(v.Files...)
	now := time.Now()
	problems = append(problems, emulator.Check(document, v.Scope.Account, v.Scope.Region, now)...)
	if len(problems) > 0 {
		problems.Sort()
		return problems
	}
	for _, note := range emulator.Notes(document, v.Scope.Account, v.Scope.Region, now) {
		fmt.Fprintln(o.out, "note:", note.Error())
	}
	fmt.Fprintf(o.out, "valid: %s\n", counted(document))
	return nil
}

// counted counts what a scenario holds.
func counted(document *fixtures.Document) string {
	versions, aliases := 0, 0
	for _, k := range document.Keys {
		versions += max(1, len(k.Versions))
		aliases += len(k.Aliases)
	}
	return fmt.Sprintf("%d keys, %d versions, %d aliases, %d secrets, %d instances, %d credentials, %d quotas, %d faults", len(document.Keys),
		versions, aliases, len(document.Secrets), len(document.Instances), len(document.Credentials), len(document.Quotas), len(document.Faults))
}

// Where the data is, unless --data says otherwise.
const (
	dataFolder = "alikms-data"
	dataFile   = "alikms.db"
)

type checkCommand struct {
	Data string `placeholder:"FOLDER" help:"Folder of the data file (default: alikms-data)."`
}

// Run reads all of the data file, and changes nothing.
func (c *checkCommand) Run(o output) error {
	path := filepath.Join(cmp.Or(c.Data, dataFolder), dataFile)
	if err := store.Check(path); err != nil {
		return err
	}
	_, err := fmt.Fprintln(o.out, path, "is whole")
	return err
}

type versionCommand struct{}

// Run prints what is known of how the program was built.
func (versionCommand) Run(o output) error {
	fmt.Fprintln(o.out, versionText())
	return nil
}

// release is the version that this is, or becomes: the newest of CHANGELOG.md.
const release = "0.1.0"

// version and revision are set by builds that see no repository (-ldflags -X), as
// that of the image.
var version, revision string

// versionText is the version, the commit where it is known, and for what it was
// built.
func versionText() string {
	info, _ := debug.ReadBuildInfo() // nil without modules
	said := "alikms " + cmp.Or(version, release)
	if commit := cmp.Or(revision, vcsRevision(info)); commit != "" {
		said += " (" + commit + ")"
	}
	return said + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

func vcsRevision(info *debug.BuildInfo) string {
	if info == nil {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
