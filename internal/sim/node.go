package sim

import (
	"encoding/binary"
	"time"
)

// Node is a machine on which one process runs at a time.
type Node struct {
	Name string
	// Body is what its process does; it is started again after a crash.
	Body func(p *Process)

	world   *World
	process *Process
}

// NewNode starts a node.
func (w *World) NewNode(name string, body func(p *Process)) *Node {
	n := &Node{Name: name, Body: body, world: w}
	n.Restart()
	return n
}

// Restart crashes what runs and starts anew.
func (n *Node) Restart() {
	n.Stop()
	n.process = n.world.Spawn(n.Body)
}

// Stop crashes what runs, for good: what its misfortune had planned is void.
// Messages that it sent may still arrive.
func (n *Node) Stop() {
	if n.process != nil {
		n.process.Crash()
		n.process = nil
	}
}

// Running tells whether it has a process, though that may have ended by itself.
func (n *Node) Running() bool { return n.process != nil }

// Misfortune plans crashes, pauses and times of silence of a node until the
// world is as old as until. What is down by then comes back soon after.
func (n *Node) Misfortune(until, every time.Duration) {
	w := n.world
	w.After(w.Between(every/4, 2*every), func() {
		p := n.process
		if w.Elapsed() > until || p == nil {
			return
		}
		away := w.Between(time.Millisecond, 200*time.Millisecond)
		if w.Chance(0.3) {
			away = w.Between(time.Millisecond, until/3)
		}
		switch w.Rand.IntN(3) {
		case 0:
			p.Crash()
			w.After(away, func() {
				if n.process == p {
					n.Restart()
				}
			})
		case 1:
			p.Pause()
			w.After(away, p.Continue)
		case 2:
			p.Muted = true
			w.After(w.Between(until/10, until/3), func() { p.Muted = false })
		}
		n.Misfortune(until, every)
	})
}

// Random is a source of IDs for a process.
func (w *World) Random() (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], w.Rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], w.Rand.Uint64())
	return id
}
