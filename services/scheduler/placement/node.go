package placement

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// node is a host that several engines may run on: what runs on one of them,
// predicates see of all.
type node struct {
	name string
	// engines that are present, in the order in which they registered.
	engines []*engine
	// changes counts attempts that began or ended there, and engines that left;
	// listed is where it stood when the lists were made. Not folded.
	changes, listed uint64
	kinds, tasks    ref.Val
	// version of the pool at the node's last change, and the scan that looked at it
	// last; see matcher.
	version, scan uint64
}

// settleOn puts a present engine on the node that it named; without a name it
// is a node of its own.
func (p *pool) settleOn(e *engine, name string) {
	if name == "" {
		return
	}
	n := p.nodes[name]
	if n == nil {
		n = &node{name: name, changes: 1}
		p.nodes[name] = n
	}
	n.engines = append(n.engines, e)
	e.node = n
}

// unsettle takes an engine that is gone off its node, and gives the engines that
// are left there.
func (p *pool) unsettle(e *engine) []*engine {
	n := e.node
	if n == nil {
		return nil
	}
	e.node = nil
	n.changes++
	n.engines = slices.DeleteFunc(n.engines, func(o *engine) bool { return o == e })
	if len(n.engines) == 0 {
		delete(p.nodes, n.name)
	}
	return n.engines
}

// runningKinds and runningTasks are what predicates see of all engines of a
// node: sorted, each once.
func (n *node) runningKinds() ref.Val { n.list(); return n.kinds }
func (n *node) runningTasks() ref.Val { n.list(); return n.tasks }

// list makes the lists anew if something changed.
func (n *node) list() {
	if n.listed == n.changes {
		return
	}
	n.listed = n.changes
	kinds, tasks := make(map[string]struct{}), []string{}
	for _, e := range n.engines {
		for t := e.first; t != nil; t = t.attemptNext {
			kinds[t.tmpl.kind] = struct{}{}
			tasks = append(tasks, t.id)
		}
	}
	slices.Sort(tasks)
	n.tasks = types.NewStringList(types.DefaultTypeAdapter, tasks)
	n.kinds = types.NewStringList(types.DefaultTypeAdapter, slices.Sorted(maps.Keys(kinds)))
}
