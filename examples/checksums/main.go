// Checksums computes the SHA-256 of every file of a directory tree with Spanway,
// as an ordinary Go program would: it embeds engines with different labels and
// capacities and submits one task per file, with predicates over those labels.
// On the way it kills one engine; at the end it compares every digest with what
// the program sha256sum says.
//
//	spanway dev                    # in one terminal
//	go run ./examples/checksums    # in another; or both, and more: make demo
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"go/build"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// options are what the command line says.
type options struct {
	brokers []string
	dir     string
	pool    string
	spanway string
	out     io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "checksums:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context) error {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	// Engines log what they do; here only what is wrong is of interest.
	slog.SetLogLoggerLevel(slog.LevelWarn)
	if id := os.Getenv(childEnv); id != "" {
		return runChild(ctx, o, id)
	}
	return run(ctx, o)
}

func parse(args []string) (options, error) {
	o := options{out: os.Stdout}
	flags := flag.NewFlagSet("checksums", flag.ContinueOnError)
	brokers := flags.String("brokers", addresses(), "Kafka brokers, host:port,…; also $SPANWAY_BROKERS")
	flags.StringVar(&o.dir, "dir", "", "the tree of files (the sources of the Go toolchain)")
	flags.StringVar(&o.pool, "pool", "checksums", "the pool of the engines and tasks")
	flags.StringVar(&o.spanway, "spanway", "", "the program spanway, to show \"task why\" with; without it that part is left out")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unknown argument %q; name the tree with --dir", flags.Arg(0))
	}
	o.brokers = strings.Split(*brokers, ",")
	if o.dir == "" {
		o.dir = toolchain()
	}
	dir, err := filepath.Abs(o.dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return options{}, fmt.Errorf("find the tree %q: %w; choose another with --dir", o.dir, err)
	}
	o.dir = dir
	return o, nil
}

func addresses() string {
	if s := os.Getenv("SPANWAY_BROKERS"); s != "" {
		return s
	}
	return "127.0.0.1:29092"
}

// toolchain is where the Go toolchain has its sources.
func toolchain() string {
	root := build.Default.GOROOT
	if out, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		root = strings.TrimSpace(string(out))
	}
	return filepath.Join(root, "src")
}

// newRun names a run, so that a second one on the same brokers has tasks of its own.
func newRun() string { return strings.ToLower(rand.Text()[:6]) }
