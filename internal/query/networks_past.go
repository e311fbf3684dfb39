package query

import (
	"context"
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
)

// NetworksAt folds the log of a global manager up to a moment. The error is a *client.Refused
// with NO_HISTORY where the log does not go back that far, with NOT_YET where the moment has
// not come, and with BAD_DATA where it is a place of another log.
func (q *Querier) NetworksAt(ctx context.Context, at At) (*Networks, error) {
	if at.Now() {
		return q.Networks(ctx)
	}
	topic := q.topics.NetworkChanges()
	if at.topic != "" && (at.topic != topic && q.topics.Prefix+at.topic != topic || at.partition != 0) {
		return nil, &client.Refused{Code: events.CodeBadData, Message: fmt.Sprintf("%s is no place of %s", at, topic)}
	}
	n := &Networks{}
	err := q.folding(ctx, topic, 0, func(start int64, log eventlog.Log) (err error) {
		n.Core = network.New()
		r := eventlog.NewReader(log, topic, 0)
		if start > 0 {
			if n.Core, r, err = q.networksFrom(ctx, log, at); err != nil {
				return err
			}
		}
		done, err := q.readTo(ctx, reading{r, topic, 0, start}, at, func(l events.Logged, _ *events.Record) { n.Core.Apply(l) })
		if n.AsOf = done.asOf; err != nil {
			return err
		}
		return done.tooEarly()
	})
	return n, wrap(err, "read the networks as they were")
}

// networksFrom restores the fold of a log whose beginning is gone from the newest snapshot that
// is not beyond a moment.
func (q *Querier) networksFrom(ctx context.Context, log eventlog.Log, at At) (*network.Core, *eventlog.Reader, error) {
	s := q.snapshots(q.topics.NetworkChanges(), 0)
	usable, beyond, err := s.Usable(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	if usable, err = at.among(usable); err != nil {
		return nil, nil, err
	}
	snap, fold, err := s.Restore(ctx, usable, func() eventlog.Fold { return network.New() })
	if err != nil {
		return nil, nil, err
	}
	core, ok := fold.(*network.Core)
	if snap == nil || !ok {
		start, end, err := eventlog.Bounds(ctx, log)
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, &eventlog.LossError{Topic: s.Topic, Start: start, End: end, Snapshots: len(usable) + len(beyond)}
	}
	r, err := eventlog.NewReaderFrom(log, snap.Manifest)
	return core, r, err
}

// NetworkChangeAt is the moment right behind a change of the networks. The error is a
// *client.Refused: UNKNOWN_CHANGE if there is none of that number, NO_HISTORY if the log does
// not hold it any more.
func (q *Querier) NetworkChangeAt(ctx context.Context, change uint64) (At, error) {
	var at At
	var known []uint64 // the oldest and the newest that are kept
	asOf, err := q.NetworkHistory(ctx, func(l events.Logged) {
		m, ok := l.Message.(*events.NetworkChanged)
		if !ok {
			return
		}
		if known = append(known, m.Change); len(known) > 2 {
			known = slices.Delete(known, 1, 2)
		}
		if m.Change == change {
			at = AtOffset(l.Offset + 1)
		}
	})
	switch {
	case err != nil:
		return at, err
	case !at.Now():
		return at, nil
	case len(known) > 0 && change < known[0]:
		return at, &client.Refused{Code: CodeNoHistory, Message: fmt.Sprintf("change %d is not kept any more; answers exist from change %d on", change, known[0])}
	}
	return at, &client.Refused{Code: events.CodeUnknownChange, Message: fmt.Sprintf("there is no change %d as of %s; see spanway network history", change, asOf)}
}
