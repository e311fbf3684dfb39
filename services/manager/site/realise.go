package site

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// effective is what is to be at the site: nil, if nothing is. Where both sides have one, the
// policy of the type decides.
func (c *Core) effective(p network.Path) *events.NetworkObject {
	local := c.local[p]
	o := c.objects[p]
	switch {
	case o == nil || o.wanted == nil:
		return local
	case local != nil && network.PolicyOf(p.Type()) != network.GlobalWins:
		return local
	}
	return o.wanted.Message
}

// lastAttempt is the number from which on the time between attempts does not grow, from
// firstAgainMs to an hour.
const (
	firstAgainMs = 5_000
	lastAgainMs  = 3_600_000
)

// againMs is how long after an attempt, the first being 1, the next one comes.
func againMs(attempt uint32) int64 {
	return min(lastAgainMs, int64(firstAgainMs)<<min(attempt, 20))
}

// realisation folds what became of objects at the site.
func (c *Core) realisation(m proto.Message) {
	switch m := m.(type) {
	case *events.NetworkRealising:
		p := network.Path(m.Path)
		o := c.of(p)
		o.task, o.tried, o.attempt, o.failed = m.TaskId, m.Object, m.Attempt, ""
		c.tasks++
		c.byTask[m.TaskId] = p
		c.again.remove(p)
		c.link(p)
	case *events.NetworkRealised:
		if o := c.finish(m.Path, m.TaskId); o != nil {
			o.realised, o.attempt, o.drifted, o.tried = o.tried, 0, false, nil
			if !c.differs(network.Path(m.Path)) { // What is mended later is of no trace.
				o.trace = events.Trace{}
			}
			c.touch(network.Path(m.Path))
		}
	case *events.NetworkRealisationFailed:
		if o := c.finish(m.Path, m.TaskId); o != nil {
			// How the site is now is not known: whatever is wanted is tried.
			o.failed, o.againAt, o.drifted = m.Reason, m.AgainAtMs, true
			c.again.put(network.Path(m.Path), o.againAt)
			c.touch(network.Path(m.Path))
		}
	case *events.NetworkEndsMissed:
		for _, p := range c.byTask {
			c.objects[p].missed = true
			c.dirty.put(p, 0)
		}
	case *events.NetworkDrifted:
		p := network.Path(m.Path)
		o := c.of(p)
		o.drifted = m.Mended
		if !m.Mended {
			o.realised = m.Found
			o.tried, o.failed, o.againAt = c.effective(p), Drifted, math.MaxInt64
			c.again.put(p, o.againAt)
			return
		}
		c.touch(p)
	}
}

// Unknown is the reason why a task is given up whose end may have been deleted before it was read.
const Unknown = "UNKNOWN: how the task has ended was deleted before it was read"

// Drifted is the reason why an object of which something else was found is left as it is.
const Drifted = "DRIFTED"

// finish notes that a task has ended; nil if it is not the one in flight.
func (c *Core) finish(path, task string) *object {
	delete(c.byTask, task)
	o := c.objects[network.Path(path)]
	if o == nil || o.task != task {
		return nil
	}
	o.task, o.missed = "", false
	return o
}

// TaskPrefix is what the IDs of the tasks of a site begin with, in front of their numbers.
func TaskPrefix(site string) string { return "network/" + site + "/" }

// mostRealisations bounds the tasks that one call of Advance submits.
const mostRealisations = 500

// Advance implements eventlog.Core: it submits tasks for objects that are not as they must be,
// and gives up those of which it may have missed the end.
func (c *Core) Advance(now events.Clock, emit func(proto.Message)) (more bool) {
	for d, some := c.again.first(); some && d.at <= now.Now; d, some = c.again.first() {
		c.again.remove(d.path)
		c.dirty.put(d.path, 0)
	}
	left := mostRealisations
	for d, some := c.dirty.first(); some; d, some = c.dirty.first() {
		if left == 0 {
			return true
		}
		p := d.path
		c.dirty.remove(p)
		o := c.objects[p]
		if o != nil && o.missed {
			left--
			emit(&events.NetworkRealisationFailed{
				Path: string(p), TaskId: o.task, Reason: Unknown, Missed: true, AgainAtMs: now.Now + againMs(o.attempt), AtMs: now.Now,
			})
			continue
		}
		if !c.due(p, now.Now) { // What it waits for has it looked at again.
			continue
		}
		left--
		emit(&events.NetworkRealising{
			Path: string(p), TaskId: fmt.Sprint(TaskPrefix(c.cfg.Site), c.tasks+1), Object: c.effective(p),
			Term: o.term, Sequence: o.sequence, Attempt: o.attempt + 1, AtMs: now.Now,
			Traceparent: o.trace.Parent, Tracestate: o.trace.State,
		})
	}
	return false
}

// due tells whether a task is to be submitted for an object now.
func (c *Core) due(p network.Path, now int64) bool {
	o := c.objects[p]
	switch {
	case o == nil || o.task != "":
		return false
	case o.failed != "" && o.againAt > now:
		return false
	}
	return (o.failed != "" || c.differs(p)) && !c.held(p)
}

// differs tells whether an object is not as it must be, as far as is known.
func (c *Core) differs(p network.Path) bool {
	o := c.objects[p]
	return o.drifted || !network.Equal(o.realised, c.effective(p))
}

// Wakes implements eventlog.Timed.
func (c *Core) Wakes() (now, readTo int64) {
	if c.dirty.Len() > 0 {
		return 0, 0
	}
	if d, some := c.again.first(); some {
		return d.at, math.MaxInt64
	}
	return math.MaxInt64, math.MaxInt64
}

// Publish implements eventlog.Core: a task for each realisation, and a cancellation of one that
// was given up, for it may be at work.
func (c *Core) Publish(l events.Logged, send func(events.Outgoing)) {
	switch m := l.Message.(type) {
	case *events.NetworkRealising:
		c.submit(m, send)
	case *events.NetworkRealisationFailed:
		if m.Missed {
			send(events.Outgoing{
				Topic: c.cfg.Topics.Requests(), Partition: events.PoolPartition(c.cfg.Pool), Key: []byte(c.cfg.Pool),
				Message: &events.TaskCancelRequested{TaskId: m.TaskId, Pool: string(c.cfg.Pool), Reason: "the local manager has missed how it ended"},
			})
		}
	}
}

func (c *Core) submit(m *events.NetworkRealising, send func(events.Outgoing)) {
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil { // It was read from the log.
		panic(fmt.Sprintf("site: write the realisation of %s: %v", m.Path, err))
	}
	send(events.Outgoing{
		Topic: c.cfg.Topics.Requests(), Partition: events.PoolPartition(c.cfg.Pool), Key: []byte(c.cfg.Pool),
		Headers: events.Trace{Parent: m.Traceparent, State: m.Tracestate}.Headers(),
		Message: &events.TaskRequested{
			TaskId: m.TaskId, Pool: string(c.cfg.Pool), Kind: c.cfg.Kind, Predicate: c.cfg.Predicate,
			Payload: payload, PayloadType: string(events.TypeNetworkRealising),
		},
	})
}

// missed has tasks in flight be given up: how they ended may never be read.
func (d *decision) missed(m *events.NetworkEndsMissed) {
	if len(d.byTask) > 0 {
		d.emit(&events.NetworkEndsMissed{Partition: m.Partition, From: m.From, To: m.To, AtMs: d.now})
	}
}

// ended notes how a task of this core has ended; others are nobody's here.
func (d *decision) ended(m proto.Message) {
	switch m := m.(type) {
	case *events.TaskSucceeded:
		if p, ok := d.byTask[m.TaskId]; ok {
			d.emit(&events.NetworkRealised{Path: string(p), TaskId: m.TaskId, AtMs: d.now})
		}
	case *events.TaskFailed:
		d.failed(m.TaskId, "FAILED: "+m.GetError().GetMessage())
	case *events.TaskDeadLettered:
		d.failed(m.TaskId, "FAILED: "+m.GetError().GetMessage())
	case *events.TaskExpired:
		d.failed(m.TaskId, "EXPIRED")
	case *events.TaskCancelled:
		d.failed(m.TaskId, "CANCELLED")
	case *events.TaskRejected:
		d.failed(m.TaskId, "REJECTED: "+m.GetCode())
	}
}

// maxReasonBytes bounds what is told of a failure.
const maxReasonBytes = 1000

func (d *decision) failed(task, reason string) {
	p, ok := d.byTask[task]
	if !ok {
		return
	}
	d.emit(&events.NetworkRealisationFailed{
		Path: string(p), TaskId: task, Reason: string(events.Cut([]byte(reason), maxReasonBytes)),
		AgainAtMs: d.now + againMs(d.objects[p].attempt), AtMs: d.now,
	})
}

// found compares what a realiser found with what it has to be. While a task is in flight
// nobody knows what that will be.
func (d *decision) found(m *events.NetworkFound) {
	p, t, err := network.ParsePath(m.Path)
	o := d.objects[p]
	switch {
	case err != nil, m.Object != nil && m.Object.Path != m.Path:
		d.decline(0, 0, string(events.CodeBadPath), "what was found has the path %.200q and is %.200q", m.Path, m.Object.GetPath())
		return
	case o == nil && d.local[p] == nil && m.Object == nil, o != nil && o.task != "":
		return
	}
	wanted := d.effective(p)
	if o != nil && !network.Equal(o.realised, wanted) && o.failed != Drifted || network.Equal(m.Object, wanted) {
		return // It is about to be realised, or it is so.
	}
	d.emit(&events.NetworkDrifted{Path: m.Path, Wanted: wanted, Found: m.Object, Mended: network.Mends(t), AtMs: d.now})
}
