package network

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// cycles looks for a circle of references through what is put: every new one leads through it.
func (c *checker) cycles(puts []*Object) {
	done, on := map[Path]bool{}, map[Path]bool{}
	var trail []Path
	var circle func(o *Object) bool
	circle = func(o *Object) bool {
		switch {
		case on[o.Path]:
			trail = append(trail, o.Path)
			return true
		case done[o.Path]:
			return false
		}
		done[o.Path], on[o.Path] = true, true
		trail = append(trail, o.Path)
		for _, r := range o.References {
			if of := c.there(r); of != nil && circle(of) {
				return true
			}
		}
		trail = trail[:len(trail)-1]
		delete(on, o.Path)
		return false
	}
	for _, o := range puts {
		if circle(o) {
			c.wrong(string(o.Path), c.where[o.Path], events.CodeReferenceCycle, "references make a circle: %s", drawn(trail))
			return
		}
	}
}

// maxDrawn are the objects of a circle that a message names.
const maxDrawn = 10

// drawn writes the circle that a trail ends with.
func drawn(trail []Path) string {
	for i, p := range trail {
		if p == trail[len(trail)-1] {
			trail = trail[i:]
			break
		}
	}
	var b strings.Builder
	for i, p := range trail {
		if i == maxDrawn {
			fmt.Fprintf(&b, " → … (%d more)", len(trail)-i)
			break
		}
		if i > 0 {
			b.WriteString(" → ")
		}
		b.WriteString(string(p))
	}
	return b.String()
}
