// Command alikms is a local double of Alibaba Cloud KMS, for developing and
// testing against it. It is not a place for real secrets.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
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
	Operations operationsCommand `cmd:"" help:"List the emulated operations."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

type serveCommand struct {
	Listen     string `default:"127.0.0.1:8080" help:"Address for plain HTTP; port 0 takes a free one."`
	Data       string `help:"Folder of the data file (default: alikms-data)."`
	Ephemeral  bool   `help:"Keep nothing: a temporary folder, removed at exit."`
	Fixture    lines  `sep:"none" placeholder:"FILE" help:"Scenario file or folder; may be repeated (default: keys for trying out, in an empty store)."`
	Region     string `default:"cn-hangzhou" help:"Region where a request or scenario does not say."`
	Account    string `default:"1234567890123456" help:"Account, 16 digits, where a scenario does not say."`
	Credential lines  `sep:"none" placeholder:"ID:SECRET" help:"AccessKey that may call; may be repeated. With any, every call is verified."`
	Journal    int    `default:"1000" help:"Requests kept for /_emulator/requests."`
	KeyPool    *int   `help:"Key pairs made ahead per RSA spec (default: 2, or 0 with --ephemeral)."`
	ReadyFile  string `placeholder:"FILE" help:"Written when serving: the addresses as JSON."`
	LogLevel   string `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
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
	if !regexp.MustCompile(`^[0-9]{16}$`).MatchString(s.Account) {
		return fmt.Errorf("--account is %q: write 16 digits", s.Account)
	}
	if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(s.Region) {
		return fmt.Errorf("--region is %q: write a region id, like cn-hangzhou", s.Region)
	}
	if s.KeyPool != nil && (*s.KeyPool < 0 || *s.KeyPool > 100) {
		return fmt.Errorf("--key-pool is %d: write a number from 0 to 100", *s.KeyPool)
	}
	for _, pair := range s.Credential {
		if id, secret, _ := strings.Cut(pair, ":"); id == "" || secret == "" {
			return errors.New("--credential has no id or no secret: write id:secret")
		}
	}
	return nil
}

// Run serves until it is told to stop.
func (s *serveCommand) Run(ctx context.Context, o output) (err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: level}))
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
	server, err := emulator.New(emulator.Options{
		Store:         st,
		Scenario:      scenario,
		SeedOnlyEmpty: len(s.Fixture) == 0,
		Region:        s.Region,
		Account:       s.Account,
		Credentials:   s.credentials(),
		Journal:       s.Journal,
		KeyPool:       s.keyPool(),
		Log:           log,
	})
	if err != nil {
		return err
	}
	defer server.Close()
	return s.serve(ctx, o, server, folder)
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

// serve listens, says so, and stops in order: what is under way is finished.
func (s *serveCommand) serve(ctx context.Context, o output, server *emulator.Server, folder string) error {
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen: %w; choose another --listen address", err)
	}
	web := &http.Server{
		Handler:           server,
		MaxHeaderBytes:    4 << 20, // SDKs send large values in the URL
		ReadHeaderTimeout: time.Minute,
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(slog.NewTextHandler(o.log, nil), slog.LevelWarn),
	}
	web.Protocols.SetHTTP1(true) // an HTTP/2 connection cannot be reset by a fault
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	if err := s.announce(o, server, listener.Addr().String(), folder); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return web.Shutdown(limit)
}

// announce says where alikms serves, and gives a call to try.
func (s *serveCommand) announce(o output, server *emulator.Server, address, folder string) error {
	kept := folder
	if s.Ephemeral {
		kept = "nothing kept"
	}
	fmt.Fprintf(o.out, "alikms serves http://%s, data: %s\ntry: %s\n", address, kept, server.Example("http://"+address))
	if s.ReadyFile == "" {
		return nil
	}
	text, err := json.Marshal(map[string]string{"http": address})
	if err != nil {
		return err
	}
	return writeWhole(s.ReadyFile, append(text, '\n'))
}

// writeWhole lets a reader find the file whole or not at all.
func writeWhole(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
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
