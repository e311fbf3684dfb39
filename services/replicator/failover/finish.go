package failover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/audit"
)

// away goes on without a source that does not answer, if that is forced.
func (r *run) away(ctx context.Context, why error) error {
	if rejected := (*cluster.Rejected)(nil); !r.Force && errors.As(why, &rejected) {
		return r.fail(SourceRejected, why, nil, "the source %s is there, and does not take the connection as it is configured here, or is not taken; mend that in the configuration file, for --force is for a source that is away", r.link.Source)
	}
	if !r.Force {
		return r.fail(SourceUnreachable, why, nil, "the source %s does not answer; --force goes on without it, and says what is known to be missing", r.link.Source)
	}
	r.Forced, r.Unfinished = true, true
	if r.Already = r.link.FailedOver; r.Already || r.DryRun {
		return nil
	}
	r.tell(Pause, "the source is away; the link is paused")
	r.Number++ // If the other site has failed over once more it has the same number, not a higher one.
	reason := fmt.Sprintf("failed over without its source %s, which was away: %s is written to now", r.link.Source, r.Here.Name)
	return r.Here.Links.FailOver(ctx, r.link.Name, replication.FailOver{Number: r.Number, Reason: reason, NoLinkBack: true})
}

// held refuses a link that an operator has paused: nothing is copied. Without its source it is
// failed over by force, for resuming it would copy nothing either.
func (r *run) held(away error) error {
	l := &r.link
	switch {
	case !l.Paused || l.FailedOver:
		return nil
	case away == nil:
		return r.fail(LinkPaused, nil, nil, "it is paused, so that nothing is copied; resume it first (spanway link resume %s)", l.Name)
	case !r.Force:
		return r.fail(LinkPaused, away, nil, "it is paused, and its source %s does not answer; --force goes on without it, and says what is known to be missing", l.Source)
	}
	r.tell(Pause, "the link is paused already: of what came to the source since then only what replicators have reported is known")
	return nil
}

// finish goes on with a fail-over of which the link is paused: the link back is there
// already, or the source was away.
func (r *run) finish(ctx context.Context) error {
	if err := r.checkBack(); err != nil {
		return err
	}
	r.tell(LinkBack, "the link is failed over; the link back is looked for")
	if err := r.since(ctx); err != nil || r.DryRun {
		return err
	}
	if r.Already {
		return errors.Join(r.keep(ctx), r.backIsThere(ctx), r.lookBack(ctx))
	}
	if err := r.ends(ctx); err != nil {
		return err
	}
	if err := r.declareBack(ctx); err != nil {
		return err
	}
	if err := r.turn(ctx); err != nil {
		return err
	}
	if err := r.backIsThere(ctx); err != nil {
		return err
	}
	r.tell(Groups, "the offsets of consumer groups are carried over")
	if err := r.groups(ctx); err != nil {
		return err
	}
	return r.lookBack(ctx)
}

// backIsThere notes that there is a link back now.
func (r *run) backIsThere(ctx context.Context) error {
	if !r.link.NoLinkBack || r.DryRun {
		return nil
	}
	return r.Here.Links.FailOver(ctx, r.link.Name, replication.FailOver{Number: max(1, r.link.FailOvers), Reason: r.reason()})
}

// since tells what has come to the source behind what is copied, and whether the link back is
// at work.
func (r *run) since(ctx context.Context) error {
	r.Already = r.back != nil && !r.back.FailedOver && !r.back.Shared
	for i := range r.Partitions {
		p := &r.Partitions[i]
		pair, err := r.pair(ctx, p)
		if err != nil {
			return err
		}
		_, end, err := r.there.Cluster.Offsets(ctx, p.Topic, p.Partition)
		if err != nil {
			return fmt.Errorf("look at %s of the source: %w", p.at(), err)
		}
		if p.Next, err = copiedTo(ctx, pair, p.Partition); err != nil {
			return err
		}
		p.End, p.Gone, p.At, p.Certain = end, max(0, p.Next-end), time.Now(), Exact
		if p.Left, err = r.count(ctx, p, p.Next, own); err != nil {
			return err
		}
	}
	return nil
}

// copiedTo is up to where a partition of the source is copied, by its newest copy.
func copiedTo(ctx context.Context, pair *audit.Pair, partition int32) (int64, error) {
	t, err := pair.TranslateBack(ctx, partition, endOfAll)
	if err != nil || t.Before == nil {
		return 0, err
	}
	return t.Before.Source + 1, nil
}

// endOfAll is behind each record.
const endOfAll = 1<<62 - 1
