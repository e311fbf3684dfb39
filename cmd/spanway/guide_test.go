package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/spanway/spanway/cmd/spanway/cli"
)

// Every command that the guides name, in a line of code or within the text, is there, with the
// flags that it is given.
func TestCommandsOfTheGuidesAreThere(t *testing.T) {
	code := regexp.MustCompile("(?m)`(spanway [^`]+)`|^(spanway .+)$")
	for _, file := range []string{"operations.md", "compatibility.md"} {
		guide, err := os.ReadFile("../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, m := range code.FindAllStringSubmatch(string(guide), -1) {
			call, _, _ := strings.Cut(m[1]+m[2], " #")
			n++
			for _, missing := range missingOf(strings.Fields(call)[1:]) {
				t.Errorf("docs/%s says %q: there is no %s", file, call, missing)
			}
		}
		if n < 5 {
			t.Errorf("%d commands were found in docs/%s", n, file)
		}
	}
}

// missingOf names what the program does not have of a call: its command, or flags of it.
func missingOf(words []string) (missing []string) {
	tree := cli.Tree(commands...)
	for len(words) > 1 && strings.HasPrefix(words[0], "--") { // Flags of all commands come first, with their values.
		words = words[2:]
	}
	c, rest, err := tree.Find(words)
	if err != nil || (c.HasSubCommands() && len(rest) > 0 && !strings.ContainsAny(rest[0], "…|[-")) {
		return []string{"command " + strings.Join(words, " ")}
	}
	have := map[string]bool{"all": true, "help": true}
	for _, f := range []*pflag.FlagSet{c.LocalFlags(), c.InheritedFlags()} {
		f.VisitAll(func(f *pflag.Flag) { have[f.Name] = true })
	}
	for _, w := range rest {
		if name, ok := strings.CutPrefix(w, "--"); ok {
			name, _, _ = strings.Cut(strings.Trim(name, "[]"), "=")
			if name != "" && !have[name] {
				missing = append(missing, "flag --"+name)
			}
		}
	}
	return missing
}
