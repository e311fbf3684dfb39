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
package cli
