package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/engine/command"
	"github.com/spanway/spanway/services/engine/guard"
)

// Codes of exec tasks that fail; those for exit codes and signals are made.
const (
	codeBadPayload = "BAD_PAYLOAD"
	codeNotAllowed = "NOT_ALLOWED"
	codeBadDir     = "BAD_DIR"
	codeNotRun     = "NOT_RUN"
)

// Types of results, and what is added where the output was longer.
const (
	typeText  = "text/plain; charset=utf-8"
	typeBytes = "application/octet-stream"
	truncated = "; truncated=true"
)

const (
	maxOutput = events.MaxPayloadBytes
	// maxComplaint is how much of the end of standard error goes into an error.
	maxComplaint = 2 << 10
)

// executor runs commands.
type executor struct {
	allowed allowed
	path    string // PATH of commands
}

// run is the handler of kind exec.
func (x *executor) run(ctx context.Context, t *engine.Task) ([]byte, error) {
	job, stdin, err := x.prepare(t.Payload)
	if err != nil {
		return nil, engine.Final(err)
	}
	out, complaint := &head{max: maxOutput}, &tail{max: maxComplaint}
	live := newStream(quietStart, func(s engine.Stream, b []byte) error { return t.Output(ctx, s, b) })
	exit, err := guard.Run(ctx, job, stdin, io.MultiWriter(out, live.of(engine.Stdout)), io.MultiWriter(complaint, live.of(engine.Stderr)))
	live.end(err == nil && exit == guard.Exit{})
	switch {
	case ctx.Err() != nil && (err != nil || exit != guard.Exit{}):
		return nil, fmt.Errorf("%s was stopped: %w", job.Args[0], context.Cause(ctx))
	case err != nil:
		return nil, notRun(job, err)
	case exit.Signal != 0:
		return nil, engine.Fail(fmt.Sprintf("SIGNAL_%d", exit.Signal), fmt.Errorf("%s was ended by signal %d%s", job.Args[0], exit.Signal, complaint))
	case exit.Code != 0:
		return nil, engine.Fail(fmt.Sprintf("EXIT_%d", exit.Code), fmt.Errorf("%s ended with exit code %d%s", job.Args[0], exit.Code, complaint))
	}
	result := out.beginning()
	t.ResultType = typeBytes
	if utf8.Valid(result) {
		t.ResultType = typeText
	}
	if out.cut {
		t.ResultType += truncated
	}
	return result, nil
}

// notRun is the error of a command that could not be started. It is final where no other
// attempt could do better: a command that is gone, or may not be run, may be mended, but
// what is too long for this system stays so.
func notRun(job guard.Job, err error) error {
	switch {
	case errors.Is(err, syscall.E2BIG):
		size := 0
		for _, text := range slices.Concat(job.Args, job.Env) {
			size += len(text) + 1
		}
		return engine.Final(engine.Fail(codeNotRun, fmt.Errorf(
			"%w: its arguments and environment are %d bytes; pass what is long by stdin, or in a file", err, size)))
	case errors.Is(err, syscall.ENAMETOOLONG):
		return engine.Final(engine.Fail(codeNotRun, err))
	}
	return engine.Fail(codeNotRun, err)
}

// prepare makes a job of a payload, or says why no engine like this one can.
func (x *executor) prepare(payload []byte) (guard.Job, io.Reader, error) {
	spec, err := command.Parse(payload)
	if err != nil {
		return guard.Job{}, nil, engine.Fail(codeBadPayload, err)
	}
	path, err := x.allowed.find(spec)
	if err != nil {
		return guard.Job{}, nil, engine.Fail(codeNotAllowed, err)
	}
	if err := checkDir(spec.Dir); err != nil {
		return guard.Job{}, nil, engine.Fail(codeBadDir, err)
	}
	return guard.Job{Path: path, Args: spec.Command, Env: spec.Environ(x.path), Dir: spec.Dir}, strings.NewReader(spec.Stdin), nil
}

func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory")
	}
	if err != nil {
		return fmt.Errorf("dir %q must be a directory on the engine: %w", dir, err)
	}
	return nil
}
