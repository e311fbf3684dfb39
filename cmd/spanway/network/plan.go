package network

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
	model "github.com/spanway/spanway/pkg/network"
)

// What becomes of an object.
const (
	created   = "created"
	changed   = "changed"
	unchanged = "unchanged"
	deleted   = "deleted"
)

// plan is what makes of the networks what files say.
type plan struct {
	request *events.NetworkChangeRequested
	// of are the objects of the request as they are declared, by their place in it.
	of []*declared
	// kept are those that are declared as they are.
	kept []*declared
	// diffs tell of each object that is declared, and of each that is deleted.
	diffs []diff
	// sites get something of it, as far as is known now; gets is what.
	sites []string
	gets  model.Deliveries
}

// empty tells whether nothing is to be changed.
func (p *plan) empty() bool { return len(p.request.Objects)+len(p.request.Deletes) == 0 }

// planning says how a plan is made.
type planning struct {
	// since, if not nil, is the number of the change that the caller has seen: what has changed
	// since is not touched.
	since *uint64
	// prune, if not nil, selects by their labels objects that are deleted if they are not declared.
	prune *model.Selector
}

// plan compares what is declared with what is. Its mistakes are those that the global manager
// would find now.
func (p planning) plan(n *query.Networks, all []declared) (*plan, []mistake) {
	out := &plan{request: &events.NetworkChangeRequested{}}
	state := n.Core.State()
	var wrong []mistake
	var same []*declared
	there := map[model.Path]bool{}
	for i := range all {
		d := &all[i]
		there[model.Path(d.Path)] = true
		old, _ := state.Object(model.Path(d.Path))
		of := difference(d.Path, messageOf(old), d.message)
		if out.diffs = append(out.diffs, of); of.Change == unchanged {
			same = append(same, d)
			continue
		}
		out.request.Objects = append(out.request.Objects, d.message)
		out.of = append(out.of, d)
		switch stale := p.stale(old); {
		case d.Revision != nil:
			out.expect(d.Path, *d.Revision)
		case stale != "":
			wrong = append(wrong, d.mistake("", events.CodeStaleRevision, stale))
		case p.since != nil:
			out.expect(d.Path, revisionOf(old))
		}
	}
	if p.prune != nil {
		for _, o := range state.Objects() {
			if !there[o.Path] && p.prune.Matches(o.Message.Labels) {
				out.delete(o)
				if stale := p.stale(o); stale != "" {
					wrong = append(wrong, mistake{Path: string(o.Path), Code: events.CodeStaleRevision, Text: stale})
				}
			}
		}
	}
	if len(wrong) == 0 && !out.empty() {
		out.keep(state, same)
		wrong = out.check(n)
	}
	return out, wrong
}

// keep has the change refused if what is declared as it is has changed until then, as far as there
// is room for that.
func (p *plan) keep(state *model.State, same []*declared) {
	left := model.MaxChangeBytes/2 - proto.Size(p.request)
	for _, d := range same {
		o, _ := state.Object(model.Path(d.Path))
		e := &events.NetworkExpected{Path: d.Path, Revision: revisionOf(o)}
		if d.Revision != nil {
			e.Revision = *d.Revision
		}
		if left -= proto.Size(e) + 3; left < 0 || len(p.request.Expect) == model.MaxObjects {
			return
		}
		p.request.Expect = append(p.request.Expect, e)
		p.kept = append(p.kept, d)
	}
}

// check is what the global manager would find wrong with the request now. Without mistakes it
// also tells which sites get something of it; the state is used up then.
func (p *plan) check(n *query.Networks) (wrong []mistake) {
	state := n.Core.State()
	change, mistakes := state.Check(p.request, n.Core.Change()+1)
	for _, m := range mistakes {
		wrong = append(wrong, p.mistake(m))
	}
	if len(wrong) == 0 {
		p.gets = state.Apply(change)
		p.sites = p.gets.Sites()
	}
	return wrong
}

// delete adds the deletion of an object.
func (p *plan) delete(o *model.Object) {
	p.request.Deletes = append(p.request.Deletes, string(o.Path))
	p.diffs = append(p.diffs, difference(string(o.Path), o.Message, nil))
}

func (p *plan) expect(path string, revision uint64) {
	p.request.Expect = append(p.request.Expect, &events.NetworkExpected{Path: path, Revision: revision})
}

// stale says why an object must not be touched by who has not seen its change; empty: it may be.
func (p planning) stale(o *model.Object) string {
	if p.since == nil || o == nil || o.Revision <= *p.since {
		return ""
	}
	return fmt.Sprintf("it was changed by change %d, and --revision %d says that this was not seen: look at it again", o.Revision, *p.since)
}

// mistake is one of the request, where it stands in the files.
func (p *plan) mistake(m model.Mistake) mistake {
	parts := strings.Split(strings.TrimPrefix(m.Pointer, "/"), "/")
	out := mistake{Path: m.Path, Code: m.Code, Text: m.Message}
	if len(parts) < 2 {
		return out
	}
	i, err := strconv.Atoi(parts[1])
	switch {
	case err != nil:
	case parts[0] == "objects" && i < len(p.of):
		out = p.of[i].mistake(strings.Join(parts[2:], "."), m.Code, m.Message)
	case parts[0] == "expect" && i < len(p.request.Expect):
		for _, d := range slices.Concat(p.of, p.kept) {
			if d.Path == p.request.Expect[i].Path {
				return d.mistake("revision", m.Code, m.Message)
			}
		}
	}
	return out
}

func messageOf(o *model.Object) *events.NetworkObject {
	if o == nil {
		return nil
	}
	return o.Message
}

func revisionOf(o *model.Object) uint64 {
	if o == nil {
		return 0
	}
	return o.Revision
}
