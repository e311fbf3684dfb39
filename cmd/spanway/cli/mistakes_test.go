package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/pkg/cluster"
)

// A name that is given twice in one list, or has a space in it, is a mistake.
func TestPairsThatAreMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"slots=1,slots=2": `"slots" is given twice`,
		"bad key=1":       `"bad key" is no name: it has a space in it`,
		"slots=1,gpu=2":   "",
	} {
		var into map[string]string
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		Pairs(f, &into, "needs", "")
		if err := f.Set("needs", text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", text, err, want)
		}
	}
}

// A user without a password, and the other way round, is told by the names of flags and variables.
func TestHalfUser(t *testing.T) {
	for want, s := range map[string]cluster.SASL{
		"SPANWAY_PASSWORD_FILE":       {Username: "u"},
		"no user":                     {Password: "p"},
		"the password is given twice": {Username: "u", Password: "p", PasswordFile: "f"},
	} {
		if err := halfUser(s); err == nil || !strings.Contains(err.Error(), want) || ExitCode(err) != ExitUsage {
			t.Errorf("%+v gives %v, want %q", s, err, want)
		}
	}
	if err := errors.Join(halfUser(cluster.SASL{}), halfUser(cluster.SASL{Username: "u", PasswordFile: "f"})); err != nil {
		t.Error(err)
	}
}

// A variable that no command reads is warned of, with the one that was meant.
func TestUnknownVariables(t *testing.T) {
	root, sub := &cobra.Command{Use: "spanway"}, &cobra.Command{Use: "sub"}
	root.AddCommand(sub)
	sub.Flags().String("brokers", "", "")
	Variables(sub.Flags(), "brokers")
	got := unknownVariables(root, []string{
		"PATH=/bin", "SPANWAY_BROKERS=a", "SPANWAY_BROKER=b", "SPANWAY_EMPTY=", "SPANWAY_NONSENSE=1", "SPANWAY_PASSWORD=p",
		"SPANWAY_SERVICE_HOST=10.0.0.1", "SPANWAY_PORT=tcp://10.0.0.1:80", "SPANWAY_PORT_80_TCP=tcp://10.0.0.1:80",
	})
	want := []string{
		"no command reads the variable SPANWAY_BROKER; did you mean SPANWAY_BROKERS?",
		"no command reads the variable SPANWAY_NONSENSE",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it warns %q, want %q", got, want)
	}
}

// That a context was cancelled is how a command is interrupted; it says nothing more.
func TestInterruptedSaysWhatWasNotDone(t *testing.T) {
	err := &interrupted{fmt.Errorf("wait for task %q: %w", "x", context.Canceled)}
	if got, want := err.Error(), `interrupted: wait for task "x"`; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if ExitCode(err) != ExitInterrupted || !errors.Is(err, context.Canceled) {
		t.Errorf("exit code %d", ExitCode(err))
	}
}
