package logowner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

// partition runs the owner of one partition of the log for as long as the group
// gives it to this process.
type partition[I any] struct {
	number  int32
	service *Service[I]
	log     *slog.Logger
	// trails are what was read of the inputs, by whichever owner.
	trails map[eventlog.TopicPartition]*trail
	// lost is what an owner found to be lost of the log, and could not say in it.
	lost *events.LogTailLost
	// owned is closed once this process has owned the partition.
	owned chan struct{}
	once  sync.Once // closes owned
	// try is to own it; owning: it did, since it last began to.
	try    *trouble.Try
	owning bool
	stop   context.CancelFunc
	done   chan struct{}
}

const (
	// claimAgain is how long a partition that was lost is not claimed again; it doubles
	// up to claimAgainMax, and begins anew after an owner that lasted for claimLasted.
	claimAgain    = 100 * time.Millisecond
	claimAgainMax = 2 * time.Second
	claimLasted   = time.Minute
)

func (p *partition[I]) run(ctx context.Context) {
	defer close(p.done)
	p.try = p.service.board.New(fmt.Sprintf("own %s/%d", p.service.cfg.Log, p.number))
	defer p.try.End()
	for pause := claimAgain; ctx.Err() == nil; pause = min(2*pause, claimAgainMax) {
		if p.service.membership.await(ctx, p.number) != nil {
			return
		}
		began := time.Now()
		p.owning = false
		err := p.own(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > claimLasted {
			pause = claimAgain
		}
		if errors.Is(err, eventlog.ErrDisowned) {
			p.disowned(ctx, err)
			continue
		}
		if p.owning { // What keeps it from owning it again is told by the Try.
			p.log.Warn("owner stopped", "error", err, "again_in", pause)
		}
		p.try.Again(ctx, err, pause)
	}
}

// foreignAfter is how long a member may go on without knowing that its generation is over:
// a few of its heartbeats.
var foreignAfter = 2 * time.Second

// disowned waits for the end of the generation, which explains a newer claim: another
// member was given the partition, and this process did not know. If the generation lives
// on, something claimed the log that the group gave nothing to.
func (p *partition[I]) disowned(ctx context.Context, err error) {
	p.try.Failed(err)
	waiting, cancel := context.WithTimeout(ctx, foreignAfter)
	defer cancel()
	if p.service.membership.lose(waiting, p.number) == nil {
		p.log.Info("another owner claimed the log: another member of the group was given the partition", "error", err)
		p.try.End()
		return
	}
	if ctx.Err() == nil {
		p.log.Warn("a foreign owner claimed the log, although the group gives the partition to this process: "+
			"look for a process that runs with another group or outside of it; claiming it again", "error", err, "group", p.service.cfg.Group)
	}
}

// own claims the log and decides until it is lost or ctx ends.
func (p *partition[I]) own(ctx context.Context) error {
	c := &p.service.cfg
	log := mirrored.Of(c.Cluster.Partition(c.Log, p.number))
	if err := eventlog.Writable(ctx, log); err != nil {
		return fmt.Errorf("own %s/%d: %w", c.Log, p.number, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	producer := c.Cluster.Producer()
	defer func() {
		cancel()
		// What is not published yet is published by the next owner.
		_ = producer.Close(ctx)
	}()
	now := steady.New(steady.Read()).Now // A step of the time of day must not end leases.
	in := newMerge(ctx, p.sources(now)...)
	defer in.close()
	keeper := p.keeper(ctx, now)
	defer keeper.wait()
	defer cancel()
	out := newOutbox(producer, p.log)
	t := &Tenure[I]{
		Partition: p.number, Logger: p.log, Now: now, Inputs: in, Read: in.handed, Notify: out.notify,
	}
	if c.Extend != nil {
		c.Extend(t)
	}
	out.publishing = t.Publishing
	cfg := eventlog.OwnerConfig[I]{
		Log:       log,
		Topic:     c.Log,
		Partition: p.number,
		Inputs:    t.Inputs,
		Outbox:    out,
		NewCore:   func() eventlog.Core[I] { return c.NewCore(p.number) },
		Encoder:   c.Encoder,
		Now:       t.Now,
		Random:    randomClaim,
		Instance:  c.Instance,
		Receivers: c.receivers(),
		Snapshots: p.snapshots(keeper),
		Lost:      p.lost,
		Hooks:     p.hooks(t.Hooks, now),
	}
	fragile(&cfg, out)
	owner := eventlog.NewOwner(cfg)
	err := owner.Run(ctx)
	p.lost = owner.Lost()
	return err
}

func randomClaim() (id [16]byte) {
	_, _ = rand.Read(id[:]) // It never fails (crypto/rand).
	return id
}
