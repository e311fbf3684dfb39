package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// besides is what else must be given for the file of a flag to be read.
var besides = map[string][]string{
	"tls-cert": {"--tls-key", "/dev/null"}, "tls-key": {"--tls-cert", "/dev/null"}, "password-file": {"--user", "alice"},
	"file": {"--kind", "k"}, "payload": {"--kind", "k"},
}

// Each file that a flag names may be a pipe, open for writing or not, of which nothing
// comes: the command ends when it is told to.
func TestAFileMayBeAPipeOfWhichNothingComes(t *testing.T) {
	silent, unopened := filepath.Join(t.TempDir(), "silent"), filepath.Join(t.TempDir(), "unopened")
	for _, name := range []string{silent, unopened} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writer, err := os.OpenFile(silent, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // ends what still waits for it
		writer.Close()
		if w, err := os.OpenFile(unopened, os.O_RDWR, 0); err == nil {
			w.Close()
		}
	})
	seen := map[string]bool{}
	eachCommand(t, func(words []string, c *cobra.Command) {
		try := func(f *pflag.Flag) {
			if !strings.Contains(strings.ToLower(f.Usage), "file") || f.Name == "cpu-profile" {
				return // That one is written.
			}
			seen[f.Name] = true
			for _, pipe := range []string{silent, unopened} {
				if strings.Contains(f.Usage, "@FILE") {
					pipe = "@" + pipe
				}
				args := slices.Concat(words, []string{"--" + f.Name, pipe, "--brokers", "127.0.0.1:1"}, besides[f.Name])
				t.Run(strings.Join(args[:len(words)+2], " "), func(t *testing.T) {
					t.Parallel()
					ends(t, args)
				})
			}
		}
		c.LocalNonPersistentFlags().VisitAll(try)
		if slices.Equal(words, []string{"task", "list"}) {
			c.InheritedFlags().VisitAll(try)
		}
	})
	for _, name := range []string{"config", "password-file", "tls-ca", "tls-cert", "tls-key", "file", "payload", "engines", "policy"} {
		if !seen[name] {
			t.Errorf("--%s was not tried", name)
		}
	}
}

// ends expects that a call ends soon after it is told to.
func ends(t *testing.T, args []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		program.Call(ctx, "", args...)
	}()
	select {
	case <-ended:
		return
	case <-time.After(200 * time.Millisecond): // Whatever it waits for, it waits by now.
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Errorf("spanway %s has not ended", strings.Join(args, " "))
	}
}
