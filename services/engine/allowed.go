package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spanway/spanway/services/engine/command"
)

// allowed are the programs that exec may run, by name.
type allowed map[string]program

// program is one of them.
type program struct {
	path  string
	any   bool       // with any arguments, environment and directory
	whole [][]string // else with the words of one of these, and nothing else
}

// add allows what an entry of the list says: a name, or a whole command.
func (a allowed) add(words []string, path string) {
	p := a[words[0]]
	p.path = path
	if len(words) == 1 {
		p.any = true
	} else {
		p.whole = append(p.whole, words)
	}
	a[words[0]] = p
}

// find is the path of a command that may run as it is specified, or why it may not.
func (a allowed) find(spec command.Spec) (string, error) {
	p, ok := a[spec.Command[0]]
	switch {
	case p.any:
		return p.path, nil
	case !ok:
		return "", fmt.Errorf("command %q is not allowed on this engine: use one of %s", spec.Command[0], a)
	case !slices.ContainsFunc(p.whole, func(words []string) bool { return slices.Equal(words, spec.Command) }):
		return "", fmt.Errorf("command %q is not allowed with these arguments on this engine: use one of %s", spec.Command[0], a)
	case len(spec.Env) > 0 || spec.Dir != "":
		// Both may lead a program to do something else.
		return "", fmt.Errorf("command %q is allowed on this engine as it stands: leave out env and dir", strings.Join(spec.Command, " "))
	}
	return p.path, nil
}

// String is all that is allowed, for people.
func (a allowed) String() string {
	var entries []string
	for name, p := range a {
		if p.any {
			entries = append(entries, name)
			continue
		}
		for _, words := range p.whole {
			entries = append(entries, strings.Join(words, " "))
		}
	}
	slices.Sort(entries)
	return strings.Join(entries, ", ")
}
