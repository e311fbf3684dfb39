//go:build unix

package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/services/engine/command"
)

// What the system will never start is final; what may be mended on an engine, or is not
// so on another, is tried again.
func TestWhatCanNeverBeStartedIsFinal(t *testing.T) {
	long := strings.Repeat("x", 200_000) // More than Linux takes in one argument.
	locked := filepath.Join(t.TempDir(), "locked")
	if err := os.WriteFile(locked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spec  command.Spec
		path  string
		code  string
		final bool
		cause error
		says  string
	}{
		"an argument":            {command.Spec{Command: []string{"true", long}}, "", codeNotRun, true, syscall.E2BIG, "stdin"},
		"a variable":             {command.Spec{Command: []string{"true"}, Env: map[string]string{"A": long}}, "", codeNotRun, true, syscall.E2BIG, "stdin"},
		"a path":                 {command.Spec{Command: []string{"true"}}, "/" + long, codeNotRun, true, syscall.ENAMETOOLONG, ""},
		"a directory":            {command.Spec{Command: []string{"true"}, Dir: "/" + long}, "", codeBadDir, true, syscall.ENAMETOOLONG, ""},
		"a zero byte":            {command.Spec{Command: []string{"true", "a\x00b"}}, "", codeBadPayload, true, nil, "zero byte"},
		"a command that is gone": {command.Spec{Command: []string{"true"}}, "/nonexistent", codeNotRun, false, syscall.ENOENT, ""},
		"no permission":          {command.Spec{Command: []string{"true"}}, locked, codeNotRun, false, syscall.EACCES, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := newExecutor(t, "true")
			if c.path != "" {
				x.allowed["true"] = program{path: c.path, any: true}
			}
			_, err := x.run(t.Context(), &engine.Task{Payload: payload(t, c.spec)})
			if code, final := engine.CodeOf(err); code != c.code || final != c.final {
				t.Errorf("code %s, final %v; want %s, %v (%.300v)", code, final, c.code, c.final, err)
			}
			if c.cause != nil && !errors.Is(err, c.cause) {
				t.Errorf("%.300v; want the cause %v", err, c.cause)
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %.300v; want %q", err, c.says)
			}
		})
	}
}
