package engine

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/services/engine/command"
)

// An entry of several words allows that command and nothing that a submitter adds to it.
func TestWholeCommands(t *testing.T) {
	x := newExecutor(t, "echo a", "echo  b c", "true")
	for name, c := range map[string]struct {
		spec    command.Spec
		failure string // part of the error; none if it runs
	}{
		"as it stands":       {spec: command.Spec{Command: []string{"echo", "a"}}},
		"another entry":      {spec: command.Spec{Command: []string{"echo", "b", "c"}}},
		"with stdin":         {spec: command.Spec{Command: []string{"echo", "a"}, Stdin: "x"}},
		"a name alone":       {spec: command.Spec{Command: []string{"true", "x"}, Env: map[string]string{"A": "b"}}},
		"no arguments":       {spec: command.Spec{Command: []string{"echo"}}, failure: `"echo" is not allowed with these arguments on this engine: use one of echo a, echo b c, true`},
		"one more":           {spec: command.Spec{Command: []string{"echo", "a", "--user"}}, failure: "with these arguments"},
		"one less":           {spec: command.Spec{Command: []string{"echo", "b"}}, failure: "with these arguments"},
		"words of one entry": {spec: command.Spec{Command: []string{"echo", "b c"}}, failure: "with these arguments"},
		"the whole as name":  {spec: command.Spec{Command: []string{"echo a"}}, failure: `"echo a" is not allowed on this engine`},
		"environment":        {spec: command.Spec{Command: []string{"echo", "a"}, Env: map[string]string{"LD_PRELOAD": "x"}}, failure: "leave out env and dir"},
		"directory":          {spec: command.Spec{Command: []string{"echo", "a"}, Dir: t.TempDir()}, failure: "leave out env and dir"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := x.run(t.Context(), &engine.Task{Payload: payload(t, c.spec)})
			if c.failure == "" && err != nil || c.failure != "" && (err == nil || !strings.Contains(err.Error(), c.failure)) {
				t.Errorf("got %v, want %q", err, c.failure)
			}
			if code, final := engine.CodeOf(err); c.failure != "" && (code != codeNotAllowed || !final) {
				t.Errorf("its code is %s, final: %v", code, final)
			}
		})
	}
}
