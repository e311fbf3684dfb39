package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// None says that a command takes no arguments. It and those below have errors that
// tell how to call the command.
func None(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return Usage("unexpected argument %q: %q takes none", args[0], cmd.CommandPath())
}

// One says that a command takes one argument, and what it is.
func One(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return missing(cmd, what)
		}
		return AtMostOne(what)(cmd, args)
	}
}

// AtMostOne says that a command takes one argument or none, and what it is.
func AtMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return Usage("unexpected argument %q: %q takes one %s, as in: %s", args[1], cmd.CommandPath(), what, form(cmd))
	}
}

// Some says that a command takes arguments, at least one, and what they are.
func Some(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return missing(cmd, what)
		}
		return nil
	}
}

func missing(cmd *cobra.Command, what string) error {
	return Usage("give the %s, as in: %s", what, form(cmd))
}

// form is how a command is called.
func form(cmd *cobra.Command) string {
	parent, _, _ := strings.Cut(cmd.CommandPath(), " "+cmd.Name())
	return fmt.Sprintf("%s %s", parent, cmd.Use)
}
