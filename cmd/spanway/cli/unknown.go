package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ownVariables are the beginnings of names that other programs of this repository read.
var ownVariables = []string{"SPANWAY_PASSWORD", "SPANWAY_FAILPOINT", "SPANWAY_CLOCKSHIFT", "SPANWAY_E2E_", "SPANWAY_TEST_", "SPANWAY_BENCH_"}

// unknownVariables says of each variable SPANWAY_... that no command reads it: it may be
// misspelt, and then the default holds.
func unknownVariables(root *cobra.Command, environment []string) (warnings []string) {
	var names []string
	for _, v := range environment {
		name, value, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "SPANWAY_") && value != "" && !ofKubernetes(name, value) &&
			!slices.ContainsFunc(ownVariables, func(own string) bool { return strings.HasPrefix(name, own) }) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	known := &cobra.Command{SuggestionsMinimumDistance: nearEnough}
	read := map[string]bool{}
	add := func(f *pflag.Flag) {
		if name := VariableOf(f); name != "" && !read[name] {
			read[name] = true
			known.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
		}
	}
	eachBelow(root, func(c *cobra.Command) {
		c.Flags().VisitAll(add)
		c.PersistentFlags().VisitAll(add)
	})
	slices.Sort(names)
	for _, name := range names {
		if read[name] {
			continue
		}
		text := fmt.Sprintf("no command reads the variable %s", name)
		if near := known.SuggestionsFor(name); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		warnings = append(warnings, text)
	}
	return warnings
}

// ofKubernetes tells what Kubernetes sets in each pod where a Service is called spanway.
func ofKubernetes(name, value string) bool {
	return strings.Contains(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") || strings.Contains(name, "_PORT_") ||
		strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

func eachBelow(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		eachBelow(sub, f)
	}
}
