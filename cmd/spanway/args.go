package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// none, one, atMostOne and some say how many arguments a command takes, and what
// they are; their errors tell how to call it.
func none(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage("unexpected argument %q: %q takes none", args[0], cmd.CommandPath())
}

func one(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return missing(cmd, what)
		}
		return atMostOne(what)(cmd, args)
	}
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usage("unexpected argument %q: %q takes one %s, as in: %s", args[1], cmd.CommandPath(), what, form(cmd))
	}
}

func some(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return missing(cmd, what)
		}
		return nil
	}
}

func missing(cmd *cobra.Command, what string) error {
	return usage("give the %s, as in: %s", what, form(cmd))
}

// form is how a command is called.
func form(cmd *cobra.Command) string {
	parent, _, _ := strings.Cut(cmd.CommandPath(), " "+cmd.Name())
	return fmt.Sprintf("%s %s", parent, cmd.Use)
}
