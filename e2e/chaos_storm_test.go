//go:build chaos

package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/e2e/chaos"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// senders send requests and keep what was acknowledged.
type senders struct {
	to      *kafka.Producer
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	unknown atomic.Int64

	mu           sync.Mutex
	acknowledged []acknowledged
}

type acknowledged struct {
	partition int32
	offset    int64
	id        string
}

const sendersOfARun = 3

// begin lets the producers begin.
func (w *weather) begin(seed uint64) {
	p := &senders{to: w.kafka.Producer(kafka.ProducerOptions{Forever: true})}
	p.ctx, p.stop = context.WithCancel(w.t.Context())
	w.senders = p
	for i := range sendersOfARun {
		plan := chaos.NewPlan(w.topics(), fmt.Sprint("p", i), seed+uint64(i))
		p.running.Go(func() { p.send(w, plan) })
	}
}

func (w *weather) topics() events.Topics { return events.Topics{Prefix: w.prefix} }

func (p *senders) send(w *weather, plan *chaos.Plan) {
	tick := time.NewTicker(time.Second * sendersOfARun / time.Duration(*chaosRate))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			return
		}
		r, err := plan.Request(time.Now())
		if err != nil {
			w.t.Error(err)
			return
		}
		p.to.Send(w.t.Context(), w.topics().Requests(), r.Partition, r.Record, func(offset int64, err error) {
			if err != nil {
				p.unknown.Add(1)
				return
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.acknowledged = append(p.acknowledged, acknowledged{r.Partition, offset, r.TaskID})
		})
	}
}

// end stops the producers, once what they have sent is acknowledged.
func (w *weather) end() {
	w.t.Helper()
	w.senders.stop()
	w.senders.running.Wait()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	if err := w.senders.to.Close(ctx); err != nil {
		w.t.Errorf("what was sent is not acknowledged: %v", err)
	}
}

// storm is what the adversary does.
func (w *weather) storm(seed uint64) {
	w.t.Helper()
	w.did, w.brokerAt = map[string]int{}, time.Now()
	foreign := chaos.NewPlan(w.topics(), "foreign", seed)
	deeds := []func(){
		w.kill, w.kill, w.terminate, w.sleep, w.sleep, w.sleep, w.restartBroker, w.moveClock, w.moveClock, w.cancelMany,
		func() { w.write(foreign) }, func() { w.write(foreign) }, func() { w.write(foreign) },
	}
	for began := time.Now(); time.Since(began) < *chaosFor/2; {
		if w.did["broker killed"] == 0 && time.Since(began) > *chaosFor/4 { // at least once
			w.brokerAt = time.Time{}
			w.restartBroker()
		}
		deeds[w.random.IntN(len(deeds))]()
		w.revive(false)
		pause := time.NewTimer(time.Duration(100+w.random.IntN(700)) * time.Millisecond)
		<-pause.C
	}
	w.t.Logf("in %v the adversary did %v", *chaosFor/2, w.did)
}

// calm ends all that the adversary does.
func (w *weather) calm() {
	w.t.Helper()
	for _, a := range w.actors {
		w.set(a, 0)
	}
	w.revive(true)
}

// revive continues and starts what was stopped and killed, if it is time, or now.
func (w *weather) revive(now bool) {
	w.t.Helper()
	for _, a := range w.actors {
		due := now || time.Now().After(a.wakes)
		switch {
		case a.dead() && due:
			a.start()
		case a.stopped && due:
			cont(a.now())
			a.stopped = false
		}
	}
}

// victim is a process that runs, and is hurt until a moment.
func (w *weather) victim(upTo time.Duration) *actor {
	a := w.actors[w.random.IntN(len(w.actors))]
	if a.dead() || a.stopped {
		return nil
	}
	a.wakes = time.Now().Add(time.Duration(w.random.Int64N(int64(upTo))))
	return a
}

func (w *weather) kill() {
	if a := w.victim(4 * time.Second); a != nil {
		w.did["kill -9"]++
		kill(a.now())
		<-a.now().done
	}
}

// terminate asks a process to end; it starts again when it has.
func (w *weather) terminate() {
	if a := w.victim(time.Second); a != nil {
		w.did["SIGTERM"]++
		term(a.now())
	}
}

func (w *weather) sleep() {
	if a := w.victim(9 * time.Second); a != nil {
		w.did["SIGSTOP"]++
		a.stopped = true
		stop(a.now())
	}
}

func (w *weather) restartBroker() {
	if time.Since(w.brokerAt) < w.brokerEvery {
		return
	}
	w.did["broker killed"]++
	w.broker.Kill()
	pause := time.NewTimer(time.Duration(w.random.IntN(2000)) * time.Millisecond)
	<-pause.C
	w.broker.Start()
	w.brokerAt = time.Now()
}

// moveClock moves the time of day of a process, by up to a minute, or of an engine by
// up to a day; half of the time back to what is right.
func (w *weather) moveClock() {
	a := w.actors[w.random.IntN(len(w.actors))]
	w.did["clock moved"]++
	far := time.Minute
	if a.name[0] != 's' && w.random.IntN(4) == 0 {
		far = 24 * time.Hour
	}
	offset := time.Duration(0)
	if w.random.IntN(2) == 0 {
		offset = time.Duration(w.random.Int64N(int64(2*far))) - far
	}
	w.set(a, offset)
}

func (w *weather) set(a *actor, offset time.Duration) {
	if err := a.clock.Set(offset); err != nil {
		w.t.Fatal(err)
	}
}

func (w *weather) cancelMany() {
	pool := chaos.Pools()[w.random.IntN(len(chaos.Pools()))]
	filter := []*events.TaskFilter{
		{PendingOnly: true, Kind: chaos.KindNoop}, {Tenant: "eve"}, {Kind: chaos.KindSleep}, {IdPrefix: "p1-", PendingOnly: true}, {Kind: chaos.KindHang},
	}[w.random.IntN(5)]
	r, err := events.Encoder{Source: "/chaos"}.Encode(fmt.Sprint("cancel-", w.random.Uint64()),
		&events.TaskCancelRequested{Pool: string(pool), Filter: filter, Reason: "as it was asked to"})
	if err != nil {
		w.t.Fatal(err)
	}
	r.Key, r.Timestamp = []byte(pool), time.Now().UnixMilli()
	w.did["cancelled many"]++
	w.senders.to.Send(w.t.Context(), w.topics().Requests(), events.PoolPartition(pool), r, nil)
}

// write writes what no program should.
func (w *weather) write(plan *chaos.Plan) {
	for range 1 + w.random.IntN(4) {
		pool := chaos.Pools()[w.random.IntN(len(chaos.Pools()))]
		f, err := plan.Foreign(pool, w.epoch(events.PoolPartition(pool)))
		if err != nil {
			w.t.Fatal(err)
		}
		w.did["foreign records"]++
		f.Record.Timestamp = time.Now().UnixMilli()
		w.senders.to.Send(w.t.Context(), f.Topic, f.Partition, f.Record, nil)
	}
}

// epoch is the current one of a log as its last records tell; 0 if they do not now.
func (w *weather) epoch(partition int32) (epoch uint32) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Second)
	defer cancel()
	start, end, err := w.kafka.Offsets(ctx, w.topics().Events(), partition)
	if err != nil {
		return 0
	}
	page, err := w.kafka.Partition(w.topics().Events(), partition).Fetch(ctx, max(start, end-500), 0)
	if err != nil {
		return 0
	}
	for i := range page.Records {
		if h, ok := page.Records[i].Header(events.HeaderLog); ok && len(h) == 32 {
			epoch = max(epoch, uint32(h[24])<<24|uint32(h[25])<<16|uint32(h[26])<<8|uint32(h[27]))
		}
	}
	return epoch
}

// judge waits until all is decided, and then looks for what is wrong.
func (w *weather) judge() {
	w.t.Helper()
	began := time.Now()
	r := chaos.NewRecount(w.topics())
	for _, a := range w.senders.acknowledged {
		r.Acknowledged(a.partition, a.offset, a.id)
	}
	var waiting []chaos.Task
	for tick := time.NewTicker(500 * time.Millisecond); ; <-tick.C {
		w.read(r)
		waiting = r.Waiting()
		stuck := 0
		for _, task := range waiting {
			if task.Kind == chaos.KindNever {
				stuck++
			}
		}
		if r.Undecided() == 0 && stuck == len(waiting) {
			tick.Stop()
			break
		}
		if time.Since(began) > drainedWithin {
			w.t.Errorf("%v after the adversary stopped %d requests are not decided, and %d tasks wait", drainedWithin, r.Undecided(), len(waiting)-stuck)
			break
		}
	}
	w.t.Logf("drained in %v: %s; %d with an unknown outcome", time.Since(began).Round(time.Millisecond), r.Summary(), w.senders.unknown.Load())
	for i, task := range waiting {
		if i < 10 {
			w.why(task)
		}
	}
	found := r.Findings()
	for _, f := range found[:min(20, len(found))] {
		w.t.Error("recount: ", f)
	}
	if len(found) > 20 {
		w.t.Errorf("recount: %d findings in all", len(found))
	}
	report := w.verify()
	w.t.Logf("verify: %d records, skipped %v, %d claims", report.Records, maps.Clone(report.Skipped), report.Claims)
}

// read feeds the recount what is new in the logs.
func (w *weather) read(r *chaos.Recount) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for partition := range events.PoolPartitions {
		log := w.kafka.Partition(w.topics().Events(), partition)
		for {
			page, err := log.Fetch(ctx, r.Next(partition), 0)
			if err != nil {
				w.t.Fatalf("read %s/%d: %v", w.topics().Events(), partition, err)
			}
			r.Feed(partition, &page)
			if page.Next >= page.End {
				break
			}
		}
	}
}
