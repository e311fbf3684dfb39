// Package cli is what all commands of the binary have in common: its flags and their
// SPANWAY_* variables, the connection that they describe, how a noun lists its verbs,
// output as a table, in colour or as JSON, and exit codes.
//
// A command is a function that makes a cobra.Command of an App, the state of one call
// of the program:
//
//	func Command(a *cli.App) *cobra.Command {
//		return cli.Noun("pool", "See pools", list(a), show(a))
//	}
//
// Each noun (task, engine, pool, log, ...) has a package of its own beside this one,
// with a file for each verb or two; main wires them. To add a noun: write a package
// with such a function and add it to the commands of main.
//
// Errors decide the exit code (ExitCode): a mistake in the call is made by Misuse or
// Usage; an error that has a method ExitCode decides itself.
// All text for people is cleaned for a terminal where it is printed (package render):
// by App.Printf, App.Table and App.Notef; App.Object does so within JSON, whose values
// stay. Nothing else reaches standard output, but what tasks write (App.TaskOutput):
// that is cleaned for a terminal, and goes to a program as it is.
//
// Standard output remembers the first write that failed: whatever a command does about
// it, the program says so and exits with 1.
//
// A Connection says where the cluster is and how it is reached, from flags, variables
// and a file. Each setting comes from the first place that has it:
//
//	flag > context or cluster that a flag names > variable SPANWAY_… > context > default
//
// The settings of a context belong together: if --brokers or SPANWAY_BROKERS name
// others and nothing names a context or a cluster, the file's current context counts
// for nothing, so that its password goes nowhere but to its brokers.
//
// The other variables belong to a flag (Variables) and are set as the flag would be. All
// texts are checked before a command runs: they are UTF-8, and a value that a flag
// refuses is refused with the name of the flag or the variable that has it. Every flag
// takes days in durations, yes and no, and lists whose items are trimmed and may stand
// in quotes; a command does nothing for that.
//
// A password is never a flag, which everybody on the machine can read: it comes from a
// file (--password-file), or from SPANWAY_PASSWORD.
package cli
