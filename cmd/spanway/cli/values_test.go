package cli

import (
	"testing"

	"github.com/spf13/pflag"
)

// The help of a flag that takes some texts only names them all.
func TestHelpNamesTheChoices(t *testing.T) {
	for usage, want := range map[string]string{
		"what to do":                     "what to do: stop or go_on",
		"what to do (default stop)":      "what to do: stop or go_on (default stop)",
		"stop, or go_on without it":      "stop, or go_on without it",
		"whether to stop (default stop)": "whether to stop: stop or go_on (default stop)",
	} {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.String("on", "", usage)
		Choices(f, "on", "stop", "go_on")
		if got := f.Lookup("on").Usage; got != want {
			t.Errorf("%q becomes %q, want %q", usage, got, want)
		}
	}
}
