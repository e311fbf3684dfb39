package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// noText is what is no text: a byte that begins no character of UTF-8.
const noText = "a\xffb"

// eachCommand calls f with each command of the program, and the words that call it.
func eachCommand(t *testing.T, f func(words []string, c *cobra.Command)) {
	t.Helper()
	n := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() {
			n++
			f(strings.Fields(c.CommandPath())[1:], c)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(cli.Tree(commands...))
	if n < 30 {
		t.Errorf("the program has %d commands: they were not all found", n)
	}
}

// eachFlag calls f with each flag that a command takes.
func eachFlag(c *cobra.Command, f func(*pflag.Flag)) {
	c.InheritedFlags().VisitAll(f)
	c.LocalFlags().VisitAll(f)
}

// refused expects that a call is a mistake that the program tells of.
func refused(t *testing.T, says string, args ...string) {
	t.Helper()
	refusedAs(t, []string{says}, args...)
}

// refusedAs expects the same, and that several things are told.
func refusedAs(t *testing.T, says []string, args ...string) {
	t.Helper()
	stdout, stderr, code := program.Call(t.Context(), "", args...)
	for _, want := range says {
		if code != cli.ExitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("spanway %q: exit code %d, stdout %q, stderr %q; want 2, nothing and a message with %s", args, code, stdout, stderr, want)
		}
	}
}

// What is no text is refused by every command, as any argument and as the value of
// any flag, and quoted: on the way through JSON other bytes would stand in its place.
func TestArgumentsAreText(t *testing.T) {
	quoted := fmt.Sprintf("%q", noText)
	eachCommand(t, func(words []string, c *cobra.Command) {
		for _, args := range [][]string{{noText}, {"x", noText}, {"--", noText}, {"--", "x", noText}} {
			refused(t, quoted, append(words[:len(words):len(words)], args...)...)
		}
		eachFlag(c, func(f *pflag.Flag) {
			refused(t, quoted, append(words[:len(words):len(words)], "--"+f.Name, noText)...)
			refused(t, fmt.Sprintf("%q", "--"+f.Name+"="+noText), append(words[:len(words):len(words)], "--"+f.Name+"="+noText)...)
		})
	})
}

// A variable with a bad value is refused with its name by every command that has it,
// as the flag would be: it never means the default.
func TestVariablesAreCheckedAsFlagsAre(t *testing.T) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "SPANWAY_") {
			t.Setenv(name, "")
		}
	}
	seen := map[string]bool{}
	eachCommand(t, func(words []string, c *cobra.Command) {
		eachFlag(c, func(f *pflag.Flag) {
			name := cli.VariableOf(f)
			if name == "" {
				return
			}
			seen[name] = true
			words := words
			if c.Args != nil && c.Args(c, nil) != nil {
				words = append(words[:len(words):len(words)], "x")
			}
			if !strings.Contains(f.Usage, "("+name+")") {
				t.Errorf("the help of --%s does not name its variable %s: %q", f.Name, name, f.Usage)
			}
			bad := []string{noText}
			if f.Value.Type() != "string" {
				bad = append(bad, `"never closed`)
			}
			for _, value := range bad {
				t.Setenv(name, value)
				refusedAs(t, []string{name, fmt.Sprintf("%q", value)}, words...)
			}
			t.Setenv(name, "")
		})
	})
	for _, name := range []string{"SPANWAY_SLOTS", "SPANWAY_ENGINE_TTL", "SPANWAY_HISTORY", "SPANWAY_LABELS", "SPANWAY_JSON", "SPANWAY_TLS", "SPANWAY_TRACE_URL"} {
		if !seen[name] {
			t.Errorf("%s was not tried", name)
		}
	}
}

// Every variable of a service, and of every connection, is in the guide of operations.
func TestVariablesAreInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	services := 0
	eachCommand(t, func(words []string, c *cobra.Command) {
		if words = append(words[:len(words):len(words)], ""); words[0] != "serve" && words[0] != "dev" {
			return
		}
		services++
		eachFlag(c, func(f *pflag.Flag) {
			if name := cli.VariableOf(f); name != "" && !strings.Contains(string(guide), "`"+name+"`") {
				t.Errorf("docs/operations.md does not name %s, which is --%s of %q", name, f.Name, c.CommandPath())
			}
		})
	})
	if services < 3 {
		t.Errorf("%d services were found", services)
	}
}

// An ID to wait for is refused by the name of the flag that gave it, before anything is sent.
func TestIDsToWaitForAreRefusedByTheirFlag(t *testing.T) {
	for ids, says := range map[string]string{"a,b\a": `--after "b\a" contains a control character`, `a,""`: "--after names an empty ID"} {
		refused(t, says, "task", "submit", "-k", "noop", "--dry-run", "--after", ids)
	}
}

// outOfRange are values, for each variable, that are well formed and cannot be.
var outOfRange = map[string]string{
	"SPANWAY_ACCEPTS": "1", "SPANWAY_ALLOW": "/bin/sh", "SPANWAY_ALLOWED_ADDRESSES": "10.0.0.0/99", "SPANWAY_AUDIT_RATE": "-1", "SPANWAY_BROKERS": "foo",
	"SPANWAY_CAPACITY": "slots=-1", "SPANWAY_CLUSTER": "x", "SPANWAY_CONTEXT": "x", "SPANWAY_DIAL_TIMEOUT": "-1s",
	"SPANWAY_ENGINE_ID": "a\nb", "SPANWAY_ENGINE_TTL": "-5s", "SPANWAY_FOLLOW_INTERVAL": "0s", "SPANWAY_GRACE": "-5s", "SPANWAY_HTTP": "foo", "SPANWAY_HTTP_ALLOW": "foo",
	"SPANWAY_INSTANCE": "a\nb", "SPANWAY_LOG_FORMAT": "xml", "SPANWAY_LOG_LEVEL": "loud", "SPANWAY_MEMORY": "1", "SPANWAY_MONITOR": "x", "SPANWAY_NODE": "a\nb",
	"SPANWAY_POOL": "a\nb", "SPANWAY_PREFIX": "a b", "SPANWAY_SASL_MECHANISM": "FOO", "SPANWAY_SITE": "a\nb", "SPANWAY_SLOTS": "-1",
	"SPANWAY_IN_FLIGHT": "0", "SPANWAY_PATIENCE": "-1s", "SPANWAY_PAYLOAD_BYTES": "-1", "SPANWAY_RECONCILE_INTERVAL": "0s", "SPANWAY_REDIS": "foo", "SPANWAY_REDIS_DATABASE": "-1",
	"SPANWAY_PREDICATE": "1", "SPANWAY_RATE": "-1", "SPANWAY_ROLE": "x", "SPANWAY_KIND": "a\nb",
	"SPANWAY_SNAPSHOTS": "0", "SPANWAY_SNAPSHOT_DEADLINE": "0s", "SPANWAY_SNAPSHOT_IDLE": "1s", "SPANWAY_SNAPSHOT_RETRIES": "0",
	"SPANWAY_SNAPSHOT_INTERVAL": "-1m", "SPANWAY_TRACE_URL": "foo", "SPANWAY_WAITING_LIMIT": "-4",
}

// unbounded are the variables that take every text, duration or Boolean.
var unbounded = []string{
	"SPANWAY_CONFIG", "SPANWAY_HISTORY", "SPANWAY_JSON", "SPANWAY_LABELS", "SPANWAY_PASSWORD_FILE", "SPANWAY_REALISE", "SPANWAY_REALISE_BY", "SPANWAY_TLS", "SPANWAY_TLS_CA",
	"SPANWAY_TLS_CERT", "SPANWAY_TLS_KEY", "SPANWAY_TLS_SERVER_NAME", "SPANWAY_USER",
	"SPANWAY_REDIS_MASTER", "SPANWAY_REDIS_CLUSTER", "SPANWAY_REDIS_USERNAME", "SPANWAY_REDIS_PASSWORD_FILE", "SPANWAY_REDIS_TLS",
	"SPANWAY_REDIS_TLS_CA", "SPANWAY_REDIS_TLS_CERT", "SPANWAY_REDIS_TLS_KEY", "SPANWAY_REDIS_TLS_SERVER_NAME",
}

// A value that cannot be is refused with the name of its variable, or of its flag.
func TestValuesAreInRange(t *testing.T) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "SPANWAY_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	eachCommand(t, func(words []string, c *cobra.Command) {
		aimless := slices.Contains([]string{"dev", "version", "healthcheck", "help", "completion", "spanway"}, c.Name()) || c.HasParent() && c.Parent().Name() == "completion"
		eachFlag(c, func(f *pflag.Flag) {
			name := cli.VariableOf(f)
			value, known := outOfRange[name]
			if name == "" || aimless && (f.Name == "context" || f.Name == "cluster") {
				return
			}
			if !known {
				if !slices.Contains(unbounded, name) {
					t.Errorf("%s: say which value is out of its range", name)
				}
				return
			}
			words := words[:len(words):len(words)]
			if c.Args != nil && c.Args(c, nil) != nil {
				words = append(words, "x")
			}
			t.Setenv(name, value)
			refused(t, name, words...)
			t.Setenv(name, "")
			if !aimless || c.LocalNonPersistentFlags().Lookup(f.Name) != nil {
				refused(t, "--"+f.Name, append(words, "--"+f.Name+"="+value)...)
			}
		})
	})
}

// What cannot be meant is a mistake in the call, and is told in one line.
func TestMistakesOfTheCall(t *testing.T) {
	for says, args := range map[string][]string{
		"--lines \"-5\": give an integer": {"log", "dead", "-n", "-5"},
		`open "no\nsuch\t": no such`:      {"log", "replay", "--engines", "no\nsuch\t"},
		`open "no\nsuch": no such`:        {"task", "list", "--config", "no\nsuch"},
	} {
		refused(t, says, args...)
	}
}
