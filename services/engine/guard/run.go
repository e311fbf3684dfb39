//go:build unix

package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// argument makes the binary a guard. It stands where a user's first argument
// would and looks like none.
const argument = "__spanway-guard__"

// inner is that of the guard which an outer one starts, where there are pairs.
const inner = "__spanway-guarded__"

// stuck bounds the wait for output after the guard has ended, in case that it
// was killed and what it guarded holds the pipes.
const stuck = time.Second

// armed is set by MaybeRun. Without it, a guard would be one more process that
// does whatever this one does, and start guards in its turn.
var armed atomic.Bool

// MaybeRun never returns if this process was started to be a guard, and does
// nothing otherwise. Call it before anything else in main, or TestMain.
func MaybeRun() {
	armed.Store(true)
	switch {
	case len(os.Args) != 2:
	case os.Args[1] == argument && pairs:
		os.Exit(outer())
	case os.Args[1] == argument, os.Args[1] == inner:
		os.Exit(guard(os.NewFile(3, "control"), os.NewFile(4, "status")))
	}
}

// Run runs a command under a guard until nothing of it is left. When ctx ends
// the command is stopped, and how it ended is returned as ever. An error means
// that it could not be run or guarded; where the system did not start it, the error is
// the syscall.Errno that it gave. Streams may be nil.
func Run(ctx context.Context, job Job, stdin io.Reader, stdout, stderr io.Writer) (Exit, error) {
	if !armed.Load() {
		return Exit{}, fmt.Errorf("run %s: this program cannot guard it: call guard.MaybeRun first in its main", job.Path)
	}
	self, err := os.Executable()
	if err != nil {
		return Exit{}, fmt.Errorf("run %s: find this program to start a guard: %w", job.Path, err)
	}
	controlled, control, err := os.Pipe()
	if err != nil {
		return Exit{}, fmt.Errorf("run %s: %w", job.Path, err)
	}
	defer control.Close()
	status, reported, err := os.Pipe()
	if err != nil {
		controlled.Close()
		return Exit{}, fmt.Errorf("run %s: %w", job.Path, err)
	}
	defer status.Close()

	cmd := exec.Command(self, argument)
	cmd.Env = environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.ExtraFiles = []*os.File{controlled, reported}
	cmd.WaitDelay = stuck
	// In a group of its own, Ctrl-C on a terminal reaches the engine alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	controlled.Close()
	reported.Close()
	if err != nil {
		return Exit{}, fmt.Errorf("run %s: start a guard: %w", job.Path, err)
	}
	defer context.AfterFunc(ctx, func() { control.Close() })()
	sent := json.NewEncoder(control).Encode(job)
	exit, err := wait(cmd, status)
	switch {
	case err == nil:
		return exit, nil
	case ctx.Err() != nil:
		return Exit{}, fmt.Errorf("run %s: %w", job.Path, context.Cause(ctx))
	}
	return Exit{}, fmt.Errorf("run %s: %w", job.Path, errors.Join(err, sent))
}

// environ is that of a guard, which needs none. Only settings of the race detector are passed
// on, where there are any: else a guard of a program with the detector waits for a second at
// its end. It is never nil, which would mean all that this process has.
func environ() []string {
	env := []string{}
	if detector, set := os.LookupEnv("GORACE"); set {
		env = append(env, "GORACE="+detector)
	}
	return env
}

// wait for the guard's end and what it says.
func wait(cmd *exec.Cmd, status *os.File) (Exit, error) {
	var exit Exit
	told := json.NewDecoder(status).Decode(&exit)
	ended := cmd.Wait()
	switch {
	case told == nil && exit.Error != "":
		return Exit{}, &notStarted{exit}
	case told == nil && ended == nil:
		return exit, nil
	case ended != nil:
		return Exit{}, fmt.Errorf("the guard died: %w", ended)
	}
	return Exit{}, errors.New("the guard was stopped before it began")
}

// notStarted is the error of a command that the guard could not start.
type notStarted struct{ exit Exit }

func (e *notStarted) Error() string { return e.exit.Error }

func (e *notStarted) Unwrap() error {
	if e.exit.Errno == 0 {
		return nil
	}
	return syscall.Errno(e.exit.Errno)
}
