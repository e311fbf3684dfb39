package cli

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variableKey is the annotation of a flag that names its environment variable.
const variableKey = "spanway_variable"

// Variables gives flags an environment variable each. It is set as the flag would
// be, where the flag is not given. Its name follows from the flag's: SPANWAY_LOG_LEVEL
// is that of --log-level; "id=ENGINE_ID" gives --id another one.
func Variables(f *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flag, of, other := strings.Cut(name, "=")
		if !other {
			of = flag
		}
		declare(f.Lookup(flag), variable(of))
	}
}

func declare(f *pflag.Flag, variable string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[variableKey] = []string{variable}
	f.Usage += " (" + variable + ")"
}

// VariableOf is the environment variable of a flag; empty if it has none.
func VariableOf(f *pflag.Flag) string {
	if names := f.Annotations[variableKey]; len(names) == 1 {
		return names[0]
	}
	return ""
}

// applyVariables sets what flags were not given from their variables. Those of a
// Connection it only checks: the Connection puts them and the file in order.
func applyVariables(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := VariableOf(f)
		value := os.Getenv(name)
		switch {
		case name == "" || value == "" || err != nil:
		case !utf8.ValidString(value):
			err = Usage("%s is %q: give text in UTF-8", name, value)
		case f.Changed:
		case f.Annotations[layeredKey] != nil:
			err = checkLayered(f.Name, name, value)
		default:
			if wrong := cmd.Flags().Set(f.Name, value); wrong != nil {
				err = Misuse(wrongValue(name, wrong))
			}
		}
	})
	return err
}

// checkArguments refuses what is not UTF-8: in JSON and in the log other bytes would
// stand in its place.
func checkArguments(args []string) error {
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return Usage("argument %q is not UTF-8; bytes that are no text can be given as a payload: --payload @FILE, or --payload - for standard input", arg)
		}
	}
	return nil
}

// wrongFlag makes the error of a flag that cannot be read, or does not exist, one
// that says what to give.
func wrongFlag(cmd *cobra.Command, err error) error {
	switch e := err.(type) { //nolint:errorlint // pflag wraps none of these.
	case *pflag.InvalidValueError:
		return wrongValue("--"+e.GetFlag().Name, err)
	case *pflag.NotExistError:
		if near := nearFlags(cmd, e.GetSpecifiedName()); near != "" && e.GetSpecifiedShortnames() == "" {
			return fmt.Errorf("%w; did you mean %s?", err, near)
		}
	}
	return err
}

// nearFlags are the flags of a command whose names are close to one.
func nearFlags(cmd *cobra.Command, name string) string {
	var near []string
	known := &cobra.Command{SuggestionsMinimumDistance: nearEnough}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		known.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	for _, n := range known.SuggestionsFor(name) {
		near = append(near, "--"+n)
	}
	return strings.Join(near, " or ")
}

// nearEnough is how many letters of a name may be wrong for it to be suggested.
const nearEnough = 2

// near is what to say of the commands below one whose names are close to a name.
func near(cmd *cobra.Command, name string) string {
	cmd.SuggestionsMinimumDistance = nearEnough
	if names := cmd.SuggestionsFor(name); len(names) > 0 {
		return ", did you mean " + strings.Join(names, " or ") + "?"
	}
	return ""
}
