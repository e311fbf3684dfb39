package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress shows how far the work is: a bar that redraws itself on a terminal,
// a line now and then elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	total    int
	began    time.Time
	shown    time.Time
	drawn    bool
}

const (
	redrawEvery = 100 * time.Millisecond
	lineEvery   = 2 * time.Second
	barWidth    = 40
)

// show reports that done tasks have ended, unless it did a moment ago.
func (p *progress) show(done int, now time.Time) {
	every := lineEvery
	if p.terminal {
		every = redrawEvery
	}
	if now.Sub(p.shown) < every {
		return
	}
	p.shown = now
	p.draw(done, now)
}

// draw reports at once.
func (p *progress) draw(done int, now time.Time) {
	counts := fmt.Sprintf("%s of %s tasks", grouped(done), grouped(p.total))
	if !p.terminal {
		say(p.out, "%s %s", p.at(now), counts)
		return
	}
	full := barWidth * done / max(p.total, 1)
	bar := strings.Repeat("#", full) + strings.Repeat(".", barWidth-full)
	fmt.Fprintf(p.out, "\r  %s [%s] %s\x1b[K", p.at(now), bar, counts)
	p.drawn = true
}

// clear removes the bar, to print something else.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// at says when something happened.
func (p *progress) at(t time.Time) string { return fmt.Sprintf("%5.1f s ", t.Sub(p.began).Seconds()) }
