package networks

import (
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// world is the objects and the sites by now.
type world struct{ state *network.State }

func newWorld() *world { return &world{network.NewState()} }

// missing names a reference to nothing that a change has left; empty: there is none.
func (w *world) missing(c network.Change) string {
	for _, o := range c.Puts {
		now, ok := w.state.Object(o.Path)
		if !ok { // It is deleted by the same change.
			continue
		}
		for _, r := range now.References {
			if _, there := w.state.Object(r); !there {
				return fmt.Sprintf("%s refers to %s", o.Path, r)
			}
		}
	}
	for _, p := range c.Deletes {
		if users := w.state.Users(p); len(users) > 0 {
			return fmt.Sprintf("%s refers to %s", users[0], p)
		}
	}
	return ""
}

// places says where each object must be: sorted. It looks at all of them.
//
// An object is where its span says; without one, a segment, a router, a rule and a chain are
// where the span of their network says. Besides, each is where what refers to it is.
func (w *world) places() map[network.Path][]string {
	all := map[network.Path]map[string]bool{}
	var spread func(p network.Path, site string)
	spread = func(p network.Path, site string) {
		o, ok := w.state.Object(p)
		if !ok || all[p][site] {
			return
		}
		if all[p] == nil {
			all[p] = map[string]bool{}
		}
		all[p][site] = true
		for _, r := range o.References {
			spread(r, site)
		}
	}
	sites := w.state.Sites()
	for _, o := range w.state.Objects() {
		span := o.Message.Span
		if t := o.Path.Type(); span == nil && t != network.NetworkType && t != network.GroupType {
			if n, ok := w.state.Object(o.Path.Network()); ok {
				span = n.Message.Span
			}
		}
		for _, s := range sites {
			if within(span, s) {
				spread(o.Path, s.Name)
			}
		}
	}
	out := map[network.Path][]string{}
	for _, o := range w.state.Objects() {
		out[o.Path] = []string{}
		for _, s := range sites {
			if all[o.Path][s.Name] {
				out[o.Path] = append(out[o.Path], s.Name)
			}
		}
	}
	return out
}

// within tells whether a span names or finds a site.
func within(span *events.NetworkSpan, s network.Site) bool {
	if span == nil || span.WhereUsed {
		return false
	}
	if slices.Contains(span.Sites, s.Name) {
		return true
	}
	found, err := network.ParseSelector(span.Selector)
	return span.Selector != "" && err == nil && found.Matches(s.Labels)
}
