//go:build unix

package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// grace lies between SIGTERM and SIGKILL.
	grace = time.Second
	// again is the time between two rounds of SIGKILL, while processes that
	// were killed hand their children to the guard.
	again = 10 * time.Millisecond
)

// guarded is the command and what came of it.
type guarded struct {
	main  int           // the command's process
	ended chan struct{} // closed when it has ended
	gone  chan struct{} // closed when nothing of it is left

	mu     sync.Mutex // held while processes are reaped, and while they are signalled
	reaped bool       // main's number may belong to another by now
	status syscall.WaitStatus
}

// guard is the guard's main. Its thread is kept for as long as it lives: Linux
// kills the command when the thread that started it ends.
func guard(control, status *os.File) int {
	runtime.LockOSThread()
	syscall.CloseOnExec(int(control.Fd()))
	syscall.CloseOnExec(int(status.Fd()))
	var job Job
	orders := json.NewDecoder(control)
	if err := orders.Decode(&job); err != nil {
		return 1 // The engine ended before it said what to do.
	}
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		defer close(stop)
		gone := make(chan struct{})
		go func() { io.Copy(io.Discard, control); close(gone) }() //nolint:errcheck // Its end is all that matters.
		select {
		case <-gone:
		case <-signals:
		}
	}()
	exit := run(job, stop)
	if err := json.NewEncoder(status).Encode(exit); err != nil {
		return 1 // The engine is dead.
	}
	return 0
}

// outer is the main of the outer guard of a pair: it starts the inner one, and ends what
// that leaves behind if it is killed. If this one is killed, the inner one is told.
func outer() int {
	runtime.LockOSThread()
	becomeReaper()
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() { <-signals; close(stop) }()
	g := newGuarded()
	var err error
	g.main, err = startInner()
	for fd := range 5 { // Whoever reads what the command or the inner guard writes must see its end.
		if fd != statusFile || err == nil {
			syscall.Close(fd) //nolint:errcheck // It is open.
		}
	}
	if err != nil {
		//nolint:errcheck // The engine may be dead.
		json.NewEncoder(os.NewFile(statusFile, "status")).Encode(Exit{Error: fmt.Sprintf("start the inner guard: %v", err)})
		return 0
	}
	g.await(stop)
	if g.status != 0 {
		return 1
	}
	return 0
}

// statusFile is where a guard writes how the command ended.
const statusFile = 4

// run starts the command and returns when nothing of it is left.
func run(job Job, stop <-chan struct{}) Exit {
	becomeReaper()
	g := newGuarded()
	var err error
	g.main, err = syscall.ForkExec(job.Path, job.Args, &syscall.ProcAttr{
		Dir: job.Dir, Env: job.Env, Files: []uintptr{0, 1, 2}, Sys: attributes(),
	})
	// Whoever reads the command's output must see its end.
	os.Stdin.Close()
	os.Stdout.Close()
	os.Stderr.Close()
	if err != nil {
		exit := Exit{Error: fmt.Sprintf("start it in %q: %v", job.Dir, err)}
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			exit.Errno = int(errno)
		}
		return exit
	}
	g.await(stop)
	if g.status.Signaled() {
		return Exit{Signal: int(g.status.Signal())}
	}
	return Exit{Code: g.status.ExitStatus()}
}

func newGuarded() *guarded { return &guarded{ended: make(chan struct{}), gone: make(chan struct{})} }

// await returns when nothing is left of what was started.
func (g *guarded) await(stop <-chan struct{}) {
	swept := make(chan struct{})
	go func() { defer close(swept); g.sweep(stop) }()
	g.reap()
	close(g.gone)
	<-swept
}

// sweep ends what is left when the command has ended or must end.
func (g *guarded) sweep(stop <-chan struct{}) {
	select {
	case <-stop:
	case <-g.ended:
	}
	g.signal(syscall.SIGTERM)
	wait := time.NewTimer(grace)
	defer wait.Stop()
	for {
		select {
		case <-g.gone:
			return
		case <-wait.C:
			g.signal(syscall.SIGKILL)
			wait.Reset(again)
		}
	}
}

// signal reaches the command's group and everything that is a child of the
// guard. Children of children come to the guard when their parents end. None is
// reaped meanwhile, so no number means a stranger.
func (g *guarded) signal(s syscall.Signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.reaped {
		syscall.Kill(-g.main, s) //nolint:errcheck // It may have ended.
	}
	for _, pid := range children() {
		syscall.Kill(pid, s) //nolint:errcheck // It may have ended.
	}
}
