package placement

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// predicates of random tasks: constant, static, single, live, failing.
var predicates = []string{
	"", "engine.labels.gpu >= 1", "engine.labels.gpu == 2 || engine.site == 'us'", "engine.labels.missing == 1",
	"engine.id == 'e1'", "engine.id != 'e0' && task.attempt < 3", "engine.free.slots >= 2", "!(task.id in engine.running.tasks) && engine.free.mem > 1",
	"size(engine.running.tasks) < 2", "task.priority > 4 || engine.labels.gpu == 0", "task.needs.slots <= 1", "!('k' in engine.running.kinds)",
	"engine.allocatable.slots > 2", "engine.node == 'n1'", "!('k2' in engine.running.node_kinds)", "engine.used.slots <= 2 || engine.free.slots > 3",
	"task.kind == 'k2' || 'k2' in engine.running.node_kinds", "size(engine.running.node_tasks) < 3", "!('t1' in engine.running.node_tasks)",
}

// chaos drives a world at random and judges every event by a replica that
// has folded exactly what the event's view names.
type chaos struct {
	*world
	t           *rapid.T
	incarnation int
	submitted   int
	results     map[string]int
	terminals   map[string]int
	accepted    map[string]bool
	lastToken   uint64
	lastAt      int64
	// published is what each event caused when it was new; "": nothing.
	published []string
	order     *ordered
}

func newChaos(t *rapid.T, tb testing.TB, cfg Config) *chaos {
	c := &chaos{world: newWorld(tb, cfg), t: t, results: map[string]int{}, terminals: map[string]int{}, accepted: map[string]bool{}, order: newOrdered()}
	c.world.tb, c.world.judge = t, c.judge
	c.cfg.KeepEnded, c.cfg.PayloadBytes = 3, 40
	c.state, c.replica, c.log, c.offset = New(c.cfg), New(c.cfg), nil, 0
	c.emit(&events.LogPublished{}) // Something stands at offset 0, as the claim does in a log.
	return c
}

// judge is called before the replica folds l.
func (c *chaos) judge(l events.Logged) {
	if m, ok := l.Message.(interface{ GetAtMs() int64 }); ok {
		if m.GetAtMs() < c.lastAt {
			c.t.Fatalf("%s is of %d, an event before it of %d", l.Type, m.GetAtMs(), c.lastAt)
		}
		c.lastAt = m.GetAtMs()
	}
	c.published = append(c.published, c.publish(c.state, l))
	ends := func(id string) {
		if c.terminals[id]++; c.terminals[id] > 1 || !c.accepted[id] {
			c.t.Fatalf("%s ended %d times (accepted: %v)", id, c.terminals[id], c.accepted[id])
		}
	}
	defer c.order.follow(l.Message)
	switch m := l.Message.(type) {
	case *events.TaskReserved:
		c.judgeReserved(m, c.replica.pools[blue])
	case *events.TaskAccepted:
		c.accepted[m.Task.Id] = true
	case *events.TaskAssigned:
		c.judgeAssigned(m)
	case *events.TaskSucceeded:
		if c.results[m.TaskId]++; c.results[m.TaskId] > 1 {
			c.t.Fatalf("two results of %s were accepted", m.TaskId)
		}
		if t := c.replica.pools[blue].tasks[m.TaskId]; t == nil || t.token != m.Token || t.status != assigned {
			c.t.Fatalf("a result of %s was accepted under token %d, which is not current", m.TaskId, m.Token)
		}
		ends(m.TaskId)
	case *events.TaskFailed:
		ends(m.TaskId)
	case *events.TaskExpired:
		ends(m.TaskId)
	case *events.TaskCancelled:
		ends(m.TaskId)
	case *events.TaskDeadLettered:
		ends(m.TaskId)
	}
}

func (c *chaos) judgeAssigned(m *events.TaskAssigned) {
	p := c.replica.pools[blue]
	t, e := p.tasks[m.TaskId], p.engines[m.EngineId]
	switch {
	case m.View != c.replica.next:
		c.t.Fatalf("the view is %d, but %d is folded", m.View, c.replica.next)
	case t == nil || t.status != waiting || t.fate != none:
		c.t.Fatalf("%s is assigned but does not wait", m.TaskId)
	case e == nil || e.status != ready || e.incarnation != m.Incarnation:
		c.t.Fatalf("%s is assigned to %s, which takes no work", m.TaskId, m.EngineId)
	case t.notBefore > m.AtMs:
		c.t.Fatalf("%s is assigned %dms too early", m.TaskId, t.notBefore-m.AtMs)
	case !hasRoom(t, e):
		c.t.Fatalf("%s does not fit on %s", m.TaskId, m.EngineId)
	case !canRun(c.replica, p, t, e):
		c.t.Fatalf("the predicate %q of %s is false on %s, or it is not accepted", t.tmpl.predicate, m.TaskId, m.EngineId)
	case m.Token <= c.lastToken:
		c.t.Fatalf("token %d after %d", m.Token, c.lastToken)
	}
	c.lastToken = m.Token
	c.judgeOrder(m, p)
	c.judgeScore(m, p, t, e)
}

// canRun judges by brute force, from what the log says alone.
func canRun(s *State, p *pool, t *task, e *engine) bool {
	if !slices.Contains(e.registered.Kinds, t.tmpl.kind) || e.status != ready || !hasRoom(t, e) {
		return false
	}
	pred, err := s.cfg.Predicates.Compile(t.tmpl.predicate)
	if err != nil {
		return false
	}
	accepts, err := s.cfg.Predicates.Accepts(e.registered.Accepts)
	if err != nil {
		return false
	}
	ok, _ := pred.Eval(seenBy(p, t, e))
	accepted, _ := accepts.Eval(seenBy(p, t, e))
	return ok && accepted
}

func (c *chaos) publish(s *State, l events.Logged) string {
	out, ok := c.world.publish(s, l)
	if !ok {
		return ""
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(out.Message)
	if err != nil {
		c.t.Fatal(err)
	}
	return fmt.Sprintf("%s/%d %s %x", out.Topic, out.Partition, out.Key, b)
}

// checkPublished: whoever owns the log next publishes what was not, alike.
func (c *chaos) checkPublished() {
	for i, l := range c.log {
		got := c.publish(c.replica, l)
		over := got == "" && l.Type == events.TypeTaskAssigned
		if got != c.published[i] && !over {
			c.t.Fatalf("%s at %d caused\n%q, for the next owner\n%q", l.Type, l.Offset, c.published[i], got)
		}
	}
}

// check compares the index with brute force and the capacity with a recount.
func (c *chaos) check() {
	if a, b := c.state.Hash(), c.replica.Hash(); a != b {
		c.t.Fatalf("the state that decided has hash %x, the one that only folded %x", a, b)
	}
	p := c.state.pools[blue]
	if p == nil {
		return
	}
	live, running := 0, 0
	for t := p.first; t != nil; t = t.next {
		live++
		if t.status == assigned {
			running++
			continue
		}
		if t.fate != none {
			c.t.Fatalf("%s still owes an event", t.id)
		}
		for _, e := range p.byIndex {
			if e != nil && t.notBefore <= c.now && canRun(c.state, p, t, e) && !heldBack(p, t, e) {
				c.t.Fatalf("%s (%q) waits although %s could run it", t.id, t.tmpl.predicate, e.id)
			}
		}
	}
	if live != len(p.tasks) || running != p.running || live-running != p.waiting {
		c.t.Fatalf("%d live and %d running, but the pool says %d, %d and %d waiting", live, running, len(p.tasks), p.running, p.waiting)
	}
	c.checkCapacity(p)
	c.checkOrder(p)
}

func (c *chaos) checkCapacity(p *pool) {
	for _, e := range p.byIndex {
		if e == nil {
			continue
		}
		used := make([]int64, len(e.allocatable))
		for t := e.first; t != nil; t = t.attemptNext {
			for _, n := range t.tmpl.shape.needs {
				used[n.dim] += n.amount
			}
		}
		for d := range used {
			if e.allocatable[d] >= 0 && (used[d] > e.allocatable[d] || e.allocatable[d]-used[d] != e.free[d]) {
				c.t.Fatalf("%s: %d of dimension %d are used, %d allocatable, %d free", e.id, used[d], d, e.allocatable[d], e.free[d])
			}
		}
	}
}

func (c *chaos) draw(n int, what string) int { return rapid.IntRange(0, n-1).Draw(c.t, what) }

func (c *chaos) anyTask() string { return fmt.Sprintf("t%d", c.draw(c.submitted+1, "task")) }

func (c *chaos) step() {
	engineID := fmt.Sprintf("e%d", c.draw(4, "engine"))
	switch c.draw(18, "action") {
	case 0, 1:
		c.incarnation++
		name := fmt.Sprintf("%06d", c.incarnation)
		if c.draw(4, "slow clock") == 0 {
			name = "0" + name // Lower than all others.
		}
		c.registerRandom(engineID, name)
	case 2, 3, 4, 5:
		c.submitRandom()
	case 6, 7, 8:
		c.report()
	case 9:
		c.now += int64(c.draw(3000, "ms"))
		for _, e := range c.enginesReady() {
			if c.draw(4, "beats") > 0 {
				c.heartbeat(e)
				c.measureRandom(e)
			}
		}
	case 10:
		c.send(&events.TaskCancelRequested{TaskId: c.anyTask(), Pool: blue})
	case 11:
		c.send(&events.EngineDrainRequested{EngineId: engineID, Pool: blue})
	case 12:
		c.send(&events.EngineResumeRequested{EngineId: engineID, Pool: blue})
	case 13:
		if c.draw(4, "bulk") == 0 {
			c.send(&events.TaskCancelRequested{Pool: blue, Filter: &events.TaskFilter{IdPrefix: fmt.Sprintf("t%d", c.draw(10, "prefix"))}})
		} else {
			c.send(&events.TaskRetryRequested{TaskId: c.anyTask(), Pool: blue})
		}
	case 14:
		for _, e := range c.enginesReady() {
			if e == engineID {
				c.send(&events.EngineLeaving{EngineId: e, Incarnation: c.state.pools[blue].engines[e].incarnation, Pool: blue, Departed: true})
			}
		}
	case 17:
		c.moveRandom()
	case 16:
		c.configureRandom()
	case 15:
		c.failover(int64(c.draw(5, "skew")-2) * 30_000)
	}
}

func (c *chaos) enginesReady() (ids []string) {
	if p := c.state.pools[blue]; p != nil {
		for _, e := range p.known {
			if e.present() {
				ids = append(ids, e.id)
			}
		}
	}
	return ids
}

func (c *chaos) submitRandom() {
	r := &events.TaskRequested{
		TaskId: fmt.Sprintf("t%d", c.submitted), Pool: blue, Kind: "k", Tenant: []string{"", "acme"}[c.draw(2, "tenant")], Priority: proto.Int32(int32(c.draw(10, "priority"))),
		Predicate: predicates[c.draw(len(predicates), "predicate")], ExecutionTimeout: "20s",
		Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(float64(c.draw(3, "slots")))},
	}
	if c.draw(3, "mem") == 0 {
		r.Needs["mem"] = structpb.NewNumberValue(float64(c.draw(4, "mem")))
	}
	if c.draw(2, "payload") == 0 {
		r.Payload = []byte(r.TaskId + " carries this")
	}
	c.preferRandom(r)
	c.orderRandom(r)
	if c.draw(5, "expires") == 0 {
		r.ScheduleTimeout = "4s"
	}
	c.submitted++
	c.send(r)
}

// report sends a report on some attempt: mostly the current one.
func (c *chaos) report() {
	id := c.anyTask()
	m := &events.AttemptFinished{TaskId: id, Pool: blue, Outcome: events.AttemptFinished_Outcome(1 + c.draw(5, "outcome"))}
	if t := c.task(id); t != nil {
		m.Token, m.Attempt = t.token, t.attempt()
		if t.engine != nil && c.draw(8, "foreign") > 0 {
			m.EngineId = t.engine.id
		}
		if c.draw(6, "old") == 0 {
			m.Token -= uint64(c.draw(2, "older"))
		}
	}
	c.sendReport(m)
	if c.draw(4, "copy") == 0 {
		c.sendReport(m)
	}
}

// sendReport checks that only a report on the current attempt has an effect.
func (c *chaos) sendReport(m *events.AttemptFinished) {
	t := c.task(m.TaskId)
	current := t != nil && t.status == assigned && t.token == m.Token && t.engine.id == m.EngineId
	before := len(c.log)
	c.send(m)
	for _, l := range c.log[before:] {
		if l.Type != events.TypeTaskStaleResultRejected && l.Type != events.TypeLogFoldVersionRaised && !current {
			c.t.Fatalf("a report on %s under token %d, which is not current, caused %s", m.TaskId, m.Token, l.Type)
		}
	}
}

// finishAll gives every task what it needs, until none is left.
func (c *chaos) finishAll() {
	c.send(&events.TaskCancelRequested{Pool: blue, Filter: &events.TaskFilter{PendingOnly: true}})
	for range 100 {
		c.advance()
		running := c.tasksCopy()
		for _, id := range slices.Sorted(maps.Keys(running)) { // In order, so that what fails fails again.
			if running[id] == assigned {
				c.finish(id, events.AttemptFinished_SUCCEEDED)
			}
		}
		c.send(&events.TaskCancelRequested{Pool: blue, Filter: &events.TaskFilter{PendingOnly: true}})
	}
	for id := range c.accepted {
		if c.terminals[id] != 1 {
			c.t.Fatalf("%s was accepted and ended %d times", id, c.terminals[id])
		}
	}
}

func (c *chaos) tasksCopy() map[string]status {
	m := map[string]status{}
	if p := c.state.pools[blue]; p != nil {
		for id, t := range p.tasks {
			m[id] = t.status
		}
	}
	return m
}

// TestProperties checks G1 to G5 on random histories, and that no task waits
// that could run (the index misses no wake-up).
func TestProperties(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue && !testing.Short() {
		_ = f.Value.Set("1000")
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := newChaos(rt, t, Config{})
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			c.step()
			if c.draw(3, "advance") > 0 {
				c.advance()
				c.check()
			}
		}
		c.finishAll()
		c.checkPublished()
	})
}
