package placement

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// BenchmarkPlace is the table of docs/benchmarks.md: a pool with all slots taken
// and tasks of 100 different predicates waiting. In each round 500 attempts end
// and Advance fills the slots again: "placements/s" counts the time of Advance
// alone, "tasks/s" that of accepting, placing and ending a task.
func BenchmarkPlace(b *testing.B) {
	for _, engines := range []int{10, 100, 1_000, 10_000} {
		for _, waiting := range []int{1_000, 10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("engines=%d/waiting=%d", engines, waiting), func(b *testing.B) { benchPlace(b, engines, waiting) })
		}
	}
}

const (
	benchClasses    = 20
	benchPredicates = 100
	benchRound      = 500
)

func benchPredicate(i int) string {
	return []string{
		"engine.labels.gpu >= %d || engine.labels.zone == \"z%d\"",
		"!(engine.labels.zone == \"z%[2]d\") && engine.labels.gpu + 1 > %[1]d",
		"engine.labels.zone in [\"z%[2]d\", \"z0\", \"z1\"] && engine.allocatable.slots * 4 > %[1]d",
		"has(engine.labels.fast) && engine.labels.fast || engine.labels.gpu == %d || engine.labels.zone == \"z%d\"",
	}[i%4]
}

// benchPool is a full pool with a backlog.
type benchPool struct {
	*world
	random  *rand.Rand
	running []*events.TaskAssigned
	next    int
}

func newBenchPool(tb testing.TB, engines, waiting int) *benchPool {
	w := newWorld(tb, Config{})
	w.keep, w.replica = false, nil
	p := &benchPool{world: w, random: rand.New(rand.NewPCG(1, 2))}
	slots := int64(max(1, 2*benchRound/engines))
	for i := range engines {
		class := i % benchClasses
		w.engine(fmt.Sprintf("e%d", i), "1", map[string]int64{"slots": slots},
			map[string]any{"gpu": class % 4, "zone": fmt.Sprintf("z%d", class%7), "fast": class%3 == 0})
	}
	w.onEvent = func(l events.Logged) {
		if a, ok := l.Message.(*events.TaskAssigned); ok {
			p.running = append(p.running, a)
		}
	}
	for range int(slots)*engines + waiting {
		w.state.Decide(p.request(), w.clock(), w.emit)
	}
	w.advance()
	return p
}

func (p *benchPool) request() events.Input[*Prepared] {
	i := p.random.IntN(benchPredicates)
	rec, _ := events.Encoder{Source: "/t"}.Encode("x", &events.TaskRequested{
		TaskId: fmt.Sprintf("task-%09d", p.next), Pool: blue, Kind: "k", Payload: make([]byte, 200),
		Predicate: fmt.Sprintf(benchPredicate(i), i%4, i%7) + fmt.Sprintf(" && %d >= 0", i),
	})
	p.next++
	return events.Input[*Prepared]{Value: p.prep.Prepare(p.cfg.Topics.Requests(), p.cfg.Partition, &rec)}
}

// ends makes reports of attempts chosen at random.
func (p *benchPool) ends(n int) (inputs []events.Input[*Prepared]) {
	for range min(n, len(p.running)) {
		i := p.random.IntN(len(p.running))
		a := p.running[i]
		p.running[i] = p.running[len(p.running)-1]
		p.running = p.running[:len(p.running)-1]
		rec, _ := events.Encoder{Source: "/t"}.Encode("x", &events.AttemptFinished{
			TaskId: a.TaskId, Pool: blue, EngineId: a.EngineId, Token: a.Token, Attempt: a.Attempt, Outcome: events.AttemptFinished_SUCCEEDED})
		inputs = append(inputs, events.Input[*Prepared]{Value: p.prep.Prepare(p.cfg.Topics.Reports(), p.cfg.Partition, &rec)})
	}
	return inputs
}

func benchPlace(b *testing.B, engines, waiting int) {
	p := newBenchPool(b, engines, waiting)
	placed, placing, all := 0, time.Duration(0), time.Duration(0)
	b.ResetTimer()
	for placed < b.N {
		b.StopTimer()
		ends, before := p.ends(benchRound), len(p.running)
		var requests []events.Input[*Prepared]
		for range ends {
			requests = append(requests, p.request())
		}
		b.StartTimer()
		began := time.Now()
		for _, in := range ends {
			p.state.Decide(in, p.clock(), p.emit)
		}
		for _, in := range requests {
			p.state.Decide(in, p.clock(), p.emit)
		}
		decided := time.Now()
		p.world.advance()
		placing += time.Since(decided)
		all += time.Since(began)
		n := len(p.running) - before
		if n == 0 {
			b.Fatal("nothing was placed")
		}
		placed += n
	}
	b.ReportMetric(float64(placed)/placing.Seconds(), "placements/s")
	b.ReportMetric(float64(placed)/all.Seconds(), "tasks/s")
}
