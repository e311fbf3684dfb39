package scheduler

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// partition runs the owner of one partition of tasks.events for as long as the
// group gives it to this process.
type partition struct {
	number  int32
	service *Service
	log     *slog.Logger
	// What was read of the inputs, by whichever owner.
	requests, reports trail
	// lost is what an owner found to be lost of the log, and could not say in it.
	lost *events.LogTailLost
	// owned is closed once this process has owned the partition.
	owned chan struct{}
	once  sync.Once // closes owned
	stop  context.CancelFunc
	done  chan struct{}
}

// claimAgain bounds the pause before a partition that was lost is claimed again.
const claimAgain = 2 * time.Second

func (p *partition) run(ctx context.Context) {
	defer close(p.done)
	for pause := 100 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, claimAgain) {
		if p.service.membership.await(ctx, p.number) != nil {
			return
		}
		began := time.Now()
		err := p.own(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			pause = 100 * time.Millisecond
		}
		if errors.Is(err, eventlog.ErrDisowned) {
			p.log.Info("another owner claimed the log", "again_in", pause)
		} else {
			p.log.Warn("owner stopped", "error", err, "again_in", pause)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// own claims the log and decides until it is lost or ctx ends.
func (p *partition) own(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s := p.service
	producer := s.kafka.Producer(kafka.ProducerOptions{Forever: true})
	defer func() {
		cancel()
		_ = producer.Close(ctx)
	}()
	// At once, even if the owner waits for room in it: what is not published
	// yet is published by the next owner.
	defer context.AfterFunc(ctx, func() { _ = producer.Close(ctx) })()
	now := steady()
	traces := newTraces(p, now)
	preparer := placement.NewPreparer(p.placementConfig())
	in := &inputs{
		ctx:      ctx,
		requests: p.pump(s.topics.Requests(), &p.requests, newRoots(s.topics.Requests()).before(preparer.Prepare), now),
		reports:  p.pump(s.topics.Reports(), &p.reports, preparer.Prepare, now),
		traces:   traces,
	}
	defer in.close()
	keeper := p.keeper(ctx, now)
	defer keeper.wait()
	defer cancel()
	cfg := eventlog.OwnerConfig[input]{
		Log:       s.kafka.Partition(s.topics.Events(), p.number),
		Topic:     s.topics.Events(),
		Partition: p.number,
		Inputs:    in,
		Outbox:    &outbox{sender: producer, log: p.log, traces: traces},
		NewCore:   p.newCore,
		Encoder:   s.encoder(),
		Now:       traces.clock,
		Random:    randomClaim,
		Instance:  s.cfg.Instance,
		Receivers: p.receivers(),
		Snapshots: p.snapshotConfig(keeper),
		Lost:      p.lost,
		Hooks:     p.hooks(in, &echoes{partition: p.number, topics: s.topics, encoder: s.encoder(), sender: producer}),
	}
	fragile(&cfg)
	owner := eventlog.NewOwner(cfg)
	err := owner.Run(ctx)
	p.lost = owner.Lost()
	return err
}

// hooks connects the owner with logs, metrics, readiness and echoes.
func (p *partition) hooks(in *inputs, e *echoes) eventlog.Hooks[input] {
	m, ctx := p.service.metrics, context.Background()
	figures := m.partition(p.number)
	return eventlog.Hooks[input]{
		Owned: func(epoch uint32, _ eventlog.Core[input]) {
			p.log.Info("owning", "epoch", epoch)
			m.claims.Add(ctx, 1)
			in.witnesses.owned(epoch)
			in.traces.forget()
			p.once.Do(func() { close(p.owned) })
		},
		Disowned: func(error) { figures.clear() },
		Counted:  in.traces.counted,
		Observe: func(core eventlog.Core[input]) {
			state := core.(*placement.State)
			figures.read(state)
			e.send(time.Now(), in.handed, state.AssignmentPartitions())
		},
		Appended: func(events, _ int) {
			m.events.Add(ctx, int64(events))
			in.witnesses.appended(events)
		},
		Skipped: func(why eventlog.Skip, records int) { m.skip(ctx, why.String(), records) },
		Lost: func(err error) {
			p.log.Error("acknowledged records are gone", "error", err)
			m.losses.Add(ctx, 1)
		},
		Restored:    p.restored,
		BadSnapshot: p.badSnapshot,
		Kept:        p.kept,
	}
}

func (p *partition) at(topic string) eventlog.TopicPartition {
	return eventlog.TopicPartition{Topic: topic, Partition: p.number}
}

func (p *partition) placementConfig() placement.Config {
	c := p.service.cfg
	return placement.Config{
		Topics:       p.service.topics,
		Partition:    p.number,
		WaitingLimit: c.WaitingLimit,
		TTL:          c.EngineTTL,
		Predicates:   p.service.predicates,
		FoldVersion:  c.Logs.FoldVersion,
		PayloadBytes: c.Logs.PayloadBytes,
	}
}

func randomClaim() (id [16]byte) {
	_, _ = rand.Read(id[:]) // It never fails (crypto/rand).
	return id
}

// steady is the wall clock as it was now, moved on by the monotonic one: a step
// of the wall clock must not end leases.
func steady() func() time.Time {
	begin := time.Now()
	wall := begin.Round(0)
	return func() time.Time { return wall.Add(time.Since(begin)) }
}
