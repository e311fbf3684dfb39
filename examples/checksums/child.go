package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
)

// childEnv makes the program one engine and nothing else: that of the machine
// it names.
const childEnv = "CHECKSUMS_ENGINE"

// child is an engine in a process of its own.
type child struct {
	process *os.Process
	killed  atomic.Bool
	ended   chan struct{}
}

// startChild starts this program again as the engine of one machine. If it ends
// without being killed, failed is told.
func startChild(id string, failed func(error)) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start engine %s: find this program: %w", id, err)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"="+id)
	cmd.Stderr = os.Stderr
	// It ends when this pipe closes, so it never outlives its parent.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start engine %s: %w", id, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start engine %s as a process: %w", id, err)
	}
	c := &child{process: cmd.Process, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // ProcessState says it better.
		if !c.killed.Load() {
			failed(fmt.Errorf("the process of engine %s ended by itself: %s", id, cmd.ProcessState))
		}
		close(c.ended)
	}()
	return c, nil
}

// kill ends it as kill -9 does, and returns when it is gone.
func (c *child) kill() {
	c.killed.Store(true)
	_ = c.process.Kill()
	<-c.ended
}

// runChild is the child's whole life.
func runChild(ctx context.Context, o options, id string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	for _, m := range machines {
		if m.id != id {
			continue
		}
		root, err := os.OpenRoot(o.dir)
		if err != nil {
			return err
		}
		defer func() { _ = root.Close() }()
		e, err := newEngine(o, m, root)
		if err != nil {
			return err
		}
		return e.Run(ctx)
	}
	return fmt.Errorf("%s names no engine of this example: %q", childEnv, id)
}
