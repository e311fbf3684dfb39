package site

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Snapshot implements eventlog.Fold.
func (c *Core) Snapshot(dst []byte) []byte {
	m := &events.NetworkStatusState{
		Term: c.term, Sequence: c.sequence, Sync: c.sync, LastSyncId: c.syncID, NeedsSync: c.needs, Tasks: c.tasks, Local: c.Local(),
	}
	if c.begun != nil {
		m.Begin, m.Segments = c.begun.begin, c.begun.segments
		for _, o := range c.begun.objects {
			m.Collected = append(m.Collected, o.Revised())
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.objects)) {
		o := c.objects[p]
		s := &events.NetworkRealisationState{
			Path: string(p), Term: o.term, Sequence: o.sequence, Realised: o.realised, TaskId: o.task, Tried: o.tried,
			Attempt: o.attempt, Failed: o.failed, AgainAtMs: o.againAt, Dirty: o.drifted, Missed: o.missed,
			Traceparent: o.trace.Parent, Tracestate: o.trace.State,
		}
		if o.wanted != nil {
			s.Wanted = o.wanted.Revised()
		}
		m.Objects = append(m.Objects, s)
	}
	dst, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, m)
	if err != nil { // Texts of events that were read are UTF-8.
		panic(fmt.Sprintf("site: write the state of %s: %v", c.cfg.Site, err))
	}
	return dst
}

// Restore implements eventlog.Fold.
func (c *Core) Restore(state []byte) error {
	m := &events.NetworkStatusState{}
	if err := proto.Unmarshal(state, m); err != nil {
		return fmt.Errorf("read the state of %s: %w", c.cfg.Site, err)
	}
	c.term, c.sequence, c.sync, c.syncID, c.needs, c.tasks = m.Term, m.Sequence, m.Sync, m.LastSyncId, m.NeedsSync, m.Tasks
	if m.Begin != nil {
		c.begun = &collecting{begin: m.Begin}
		c.collect(&events.NetworkSyncSegment{Objects: m.Collected})
		c.begun.segments = m.Segments
	}
	for _, o := range m.Local {
		c.local[network.Path(o.GetPath())] = o
	}
	for _, s := range m.Objects {
		p := network.Path(s.Path)
		o := &object{
			term: s.Term, sequence: s.Sequence, realised: s.Realised, task: s.TaskId, tried: s.Tried, attempt: s.Attempt,
			failed: s.Failed, againAt: s.AgainAtMs, drifted: s.Dirty, missed: s.Missed,
			trace: events.Trace{Parent: s.Traceparent, State: s.Tracestate},
		}
		if s.Wanted != nil {
			if o.wanted = network.FromRevised(s.Wanted); o.wanted == nil {
				return fmt.Errorf("read the state of %s: %q is no object", c.cfg.Site, s.Path)
			}
		}
		c.objects[p] = o
		if o.task != "" {
			c.byTask[o.task] = p
		}
		if o.failed != "" {
			c.again.put(p, o.againAt)
		}
		c.dirty.put(p, 0)
	}
	for p := range c.objects {
		c.link(p)
	}
	return nil
}
