package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// demo runs three nodes and one process that moves money, and kills the third node again
// and again.
type demo struct {
	broker string
	out    io.Writer
	// every is how long it is from one kill to the next.
	every time.Duration
	// role, if set, prepares the command of a process; killed is told of each kill.
	role   func(cmd *exec.Cmd, name string)
	killed func(n int)

	said chan said
}

// said is a line of a process; n is the number of a node, or that of the mover.
type said struct {
	n    int
	line string
	err  error // how the process ended
}

const (
	nodes = 3
	mover = nodes
)

// process is one that runs.
type process struct {
	cmd   *exec.Cmd
	input io.Closer // ends it
}

func (d *demo) start(n int, role string) (*process, error) {
	cmd := exec.Command(os.Args[0], d.broker, role)
	cmd.Stderr = os.Stderr
	if d.role != nil {
		d.role(cmd, role)
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			d.said <- said{n: n, line: lines.Text()}
		}
		d.said <- said{n: n, err: errors.Join(errEnded, cmd.Wait())}
	}()
	return &process{cmd, input}, nil
}

var errEnded = errors.New("the process has ended")

// run goes on until ctx ends, lets every node come to the last report, and compares.
func (d *demo) run(ctx context.Context) (err error) {
	d.said = make(chan said)
	running := map[int]*process{}
	defer func() { d.end(running) }()
	for n := range nodes + 1 {
		role := "node"
		if n == mover {
			role = "transfer"
		}
		if running[n], err = d.start(n, role); err != nil {
			delete(running, n)
			return err
		}
	}
	fmt.Fprintln(d.out, "money moves between accounts; node 3 is killed again and again; stop it with Ctrl-C")
	kill := time.NewTicker(d.every)
	defer kill.Stop()
	c := comparison{reports: map[string]string{}, newest: map[int]string{}}
	stop, kills := ctx.Done(), 0
	for {
		select {
		case <-stop:
			stop = nil // It is not to be heard again.
			kill.Stop()
			if err := running[mover].input.Close(); err != nil {
				return err
			}
		case <-kill.C:
			fmt.Fprintln(d.out, c.String())
			if err := running[nodes-1].cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return err
			}
		case s := <-d.said:
			switch {
			case s.err == nil:
				if err := c.take(s); err != nil {
					return err
				}
			case s.n == nodes-1: // It was killed.
				if running[s.n], err = d.start(s.n, "node"); err != nil {
					delete(running, s.n)
					return err
				}
				if kills++; d.killed != nil {
					d.killed(kills)
				}
			case s.n == mover && stop == nil:
				delete(running, mover)
			default:
				delete(running, s.n)
				return fmt.Errorf("process %d: %w", s.n+1, s.err)
			}
		}
		if c.agreed() {
			_, err := fmt.Fprintf(d.out, "all three nodes have the same accounts: %s after %d reports, one of them was killed %d times\n", c.reports[c.last], len(c.reports), kills)
			return err
		}
	}
}

// end stops what runs, and waits for it.
func (d *demo) end(running map[int]*process) {
	for _, p := range running {
		_ = p.cmd.Process.Kill() // It may have ended by itself.
	}
	for len(running) > 0 {
		if s := <-d.said; s.err != nil {
			delete(running, s.n)
		}
	}
}

// comparison is what the nodes have reported: one text for each place, or they differ.
type comparison struct {
	reports map[string]string
	newest  map[int]string // the newest place of each node
	last    string         // the place of the last report, once it is known
}

func (c *comparison) take(s said) error {
	if s.n == mover {
		c.last = s.line
		return nil
	}
	var place, hash, moved string
	if _, err := fmt.Sscan(s.line, &place, &hash, &moved); err != nil {
		return fmt.Errorf("node %d says %q: %w", s.n+1, s.line, err)
	}
	state := hash + ", " + moved + " transfers"
	if before, ok := c.reports[place]; ok && before != state {
		return fmt.Errorf("the nodes differ at %s: node %d has %s, another %s", place, s.n+1, state, before)
	}
	c.reports[place], c.newest[s.n] = state, place
	return nil
}

// String is how far the nodes are, and that they agree so far.
func (c *comparison) String() string {
	line := fmt.Sprintf("%d reports agree;", len(c.reports))
	for n := range nodes {
		if place, ok := c.newest[n]; ok {
			line += fmt.Sprintf(" node %d at %s: %s;", n+1, place, c.reports[place])
		}
	}
	return line + " node 3 is killed"
}

// agreed tells whether every node has come to the last report.
func (c *comparison) agreed() bool {
	for n := range nodes {
		if c.last == "" || c.newest[n] != c.last {
			return false
		}
	}
	return true
}
