package sim

import (
	"errors"
	"iter"
	"time"
)

// Process is code of a node that runs as a coroutine: it goes on only when the
// world lets it, and only until its next port call.
type Process struct {
	World *World
	// Muted: what it sends is lost, although it hears.
	Muted bool

	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool

	place  uint64 // counts the waits, so that a late wake-up finds nobody
	paused bool
	dead   bool
	late   []func() // what would have happened to it during a pause
}

// errCrashed unwinds the code of a process that was crashed.
var errCrashed = errors.New("the process crashed")

// Spawn starts a process. It ends when body returns, or when it is crashed.
func (w *World) Spawn(body func(p *Process)) *Process {
	p := &Process{World: w}
	p.resume, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		defer func() {
			if r := recover(); r != nil && r != any(errCrashed) {
				panic(r)
			}
		}()
		body(p)
	})
	p.After(0, p.goOn)
	return p
}

// After plans something that needs the process: it happens later if the process
// is paused then, and never if it is dead.
func (p *Process) After(d time.Duration, do func()) {
	p.World.After(d, func() { p.Do(do) })
}

// Do does something that needs the process, as After does.
func (p *Process) Do(do func()) {
	switch {
	case p.dead:
	case p.paused:
		p.late = append(p.late, do)
	default:
		do()
	}
}

// Send lets a message of the process arrive: never, once, or twice.
func (p *Process) Send(arrive func()) {
	if !p.Muted {
		p.World.Send(arrive)
	}
}

func (p *Process) goOn() {
	if _, alive := p.resume(); !alive {
		p.dead = true
	}
}

// Sleep parks the process; only its own code calls it.
func (p *Process) Sleep(d time.Duration) { p.Await(d, func(func()) {}) }

// Await parks the process until wake was called or the time is up; only its own
// code calls it. start is given wake.
func (p *Process) Await(timeout time.Duration, start func(wake func())) {
	p.place++
	place := p.place
	wake := func() {
		if p.place == place {
			p.place++
			p.goOn()
		}
	}
	start(func() { p.After(0, wake) })
	p.After(timeout, wake)
	if !p.yield(struct{}{}) {
		panic(errCrashed)
	}
}

// Crash ends the process where it stands. It must not be called by itself.
func (p *Process) Crash() {
	if !p.dead {
		p.dead, p.late = true, nil
		p.stop()
	}
}

// Pause stops the process until Continue; it will not notice.
func (p *Process) Pause() { p.paused = true }

// Continue ends a pause.
func (p *Process) Continue() {
	p.paused = false
	late := p.late
	p.late = nil
	for i, do := range late {
		if p.paused {
			p.late = append(p.late, late[i:]...)
			return
		}
		p.Do(do)
	}
}

// Alive tells whether the process neither ended nor was crashed.
func (p *Process) Alive() bool { return !p.dead }
