//go:build !unix

package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// MaybeRun does nothing here: this system has no guards.
func MaybeRun() {}

// Run runs a command. When ctx ends it is killed; what it has started is not.
func Run(ctx context.Context, job Job, stdin io.Reader, stdout, stderr io.Writer) (Exit, error) {
	cmd := exec.CommandContext(ctx, job.Path)
	cmd.Args, cmd.Env, cmd.Dir = job.Args, job.Env, job.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return Exit{}, nil
	case errors.As(err, &exit):
		return Exit{Code: exit.ExitCode()}, nil
	}
	return Exit{}, fmt.Errorf("run %s: %w", job.Path, err)
}
