package owners

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// followers read the owners' log for as long as the world lives. They draw from a
// source of chance of their own: the owners do what they do without them.
type followers struct {
	world *sim.World
	rand  *rand.Rand
	log   *sim.Partition
	all   []*follower
	// terms are the digests of the log's fold by the number of events, just before
	// the log lost its tail: one for each time.
	terms [][]uint64
	// mutant, if set, changes each follower before it begins.
	mutant func(*follower)
	// over: the world has ended, and reading takes no time.
	over bool
}

// follower is one that lives on: through pauses, a broker that is away, connections
// that break, truncation, and lost tails.
type follower struct {
	*eventlog.Follower
	name    string
	process *sim.Process
	reads   *sim.Reads
	cfg     eventlog.FollowerConfig
	// fold is that of a follower with a fold, as it was told.
	fold *toy
	next int64 // from where it reads the next page
	seen []followed
	// visited is what one without a fold has visited since the last gap.
	visited []events.Logged
	lost    int // how often it began anew because a tail was lost
}

// followed is what a follower's fold was when it had read a page of that term.
type followed struct {
	term, at int64
	count    int
	digest   uint64
}

// newFollowers returns none yet.
func newFollowers(seed uint64, w *sim.World, log *sim.Partition) *followers {
	return &followers{world: w, rand: rand.New(rand.NewPCG(seed, 0xf0110)), log: log}
}

func (f *followers) between(low, high time.Duration) time.Duration {
	return sim.Between(f.rand, low, high)
}

// add starts a follower, with a fold if there are snapshots for it.
func (f *followers) add(name string, snapshots *sim.Partition) {
	w := &follower{name: name}
	f.all = append(f.all, w)
	w.process = f.world.Spawn(func(p *sim.Process) {
		w.reads = f.open(p, f.log)
		w.cfg = eventlog.FollowerConfig{
			Log: w.reads, Topic: ownersTopic, From: eventlog.AtStart, Now: p.World.Now,
			Hooks: eventlog.FollowerHooks{Began: w.began, Visit: w.visit},
		}
		if snapshots != nil {
			w.cfg.NewFold = newToyFold
			w.cfg.Snapshots = &eventlog.Snapshots{Log: f.open(p, snapshots), Topic: ownersTopic}
			w.cfg.Hooks.Visit, w.cfg.Hooks.Stepped = nil, w.stepped
		}
		if f.mutant != nil {
			f.mutant(w)
		}
		w.Follower = eventlog.NewFollower(w.cfg)
		w.live(f)
	})
}

func (f *followers) open(p *sim.Process, partition *sim.Partition) *sim.Reads {
	return sim.NewReads(partition.Open(p), f.rand, &f.over)
}

// live steps for ever. Now and then it is paused for long.
func (w *follower) live(f *followers) {
	for {
		pause := f.between(0, 20*time.Millisecond)
		if f.rand.IntN(30) == 0 {
			pause = f.between(0, time.Second)
		}
		if err := w.Step(context.Background(), f.between(0, 100*time.Millisecond)); err != nil {
			pause += 10 * time.Millisecond
		}
		w.process.Sleep(pause)
	}
}

func (w *follower) began(b eventlog.Beginning) {
	var lost *eventlog.LostError
	var gap *eventlog.OvertakenError
	switch {
	case errors.As(b.Why, &lost):
		w.lost++
	case errors.As(b.Why, &gap):
		w.visited = nil
	}
	w.fold, _ = b.Fold.(*toy)
	w.next = b.At
	for n := len(w.visited); n > 0 && w.visited[n-1].Offset >= b.At; n-- {
		w.visited = w.visited[:n-1]
	}
}

func (w *follower) visit(l events.Logged, _ *events.Record) { w.visited = append(w.visited, l) }

// stepped notes what the fold is, and of which term the page was.
func (w *follower) stepped() {
	w.seen = append(w.seen, followed{w.reads.Term(w.next), w.next, w.fold.count, w.fold.digest})
	w.next = w.Next()
}

// lose is called before the log loses its tail.
func (f *followers) lose() error {
	log, err := sim.Judge(f.log.Whole(), 0)
	f.terms = append(f.terms, digests(log))
	return err
}

// digests are those of the fold of a log, by the number of events.
func digests(log []sim.Counted) []uint64 {
	fold, out := &toy{}, make([]uint64, len(log)+1)
	for _, l := range log {
		fold.Apply(l.Logged)
		out[fold.count] = fold.digest
	}
	return out
}

// stop ends them, so that nothing is left of the run.
func (f *followers) stop() {
	f.over = true
	for _, w := range f.all {
		w.process.Crash()
	}
}

// check: whenever a follower had read a page, its fold was that of the log of then;
// and when it has read to the end, it agrees with a reader that begins now (G6).
func (f *followers) check(log []sim.Counted) error {
	f.terms = append(f.terms, digests(log))
	for _, w := range f.all {
		for _, s := range w.seen {
			if of := f.terms[s.term]; s.count >= len(of) || of[s.count] != s.digest {
				return fmt.Errorf("%s, having read from %d in term %d, had a fold of %d events that is not the fold of the log then", w.name, s.at, s.term, s.count)
			}
		}
		err := w.Barrier(context.Background())
		var gap *eventlog.OvertakenError
		if errors.As(err, &gap) {
			err = w.Barrier(context.Background())
		}
		if err == nil {
			err = w.agrees(log)
		}
		if err != nil {
			return fmt.Errorf("%s, in the end: %w", w.name, err)
		}
	}
	return nil
}

func (w *follower) agrees(log []sim.Counted) error {
	if w.cfg.NewFold != nil {
		if of := digests(log); w.fold.count != len(log) || w.fold.digest != of[len(log)] {
			return fmt.Errorf("the fold has %d events and is not that of the log, which has %d", w.fold.count, len(log))
		}
		return nil
	}
	if len(w.visited) == 0 || len(w.visited) > len(log) {
		return fmt.Errorf("visited %d events; %d count", len(w.visited), len(log))
	}
	for i, l := range log[len(log)-len(w.visited):] {
		if v := w.visited[i]; v.Offset != l.Offset || v.Epoch != l.Epoch || v.N != l.N || !proto.Equal(v.Message, l.Message) {
			return fmt.Errorf("visited event %d/%d at %d; event %d/%d at %d counts there", v.Epoch, v.N, v.Offset, l.Epoch, l.N, l.Offset)
		}
	}
	return nil
}

// neverLost: where no tail is lost, nobody begins anew as if it were.
func (f *followers) neverLost([]sim.Counted) error {
	for _, w := range f.all {
		if w.lost > 0 {
			return fmt.Errorf("%s began anew %d times, although nothing was lost", w.name, w.lost)
		}
	}
	return nil
}
