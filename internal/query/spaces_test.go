package query

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// idLogs are logs of identifiers in memory, each made when it is asked for.
type idLogs struct {
	t     *testing.T
	logs  map[string]*memlog.Log
	calls uint64
}

func newIDLogs(t *testing.T) *idLogs {
	l := &idLogs{t: t, logs: map[string]*memlog.Log{}}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	for n := range events.IDEventPartitions {
		for _, topic := range []string{topics.IDEvents(), events.Snapshots(topics.IDEvents())} {
			l.logs[fmt.Sprint(topic, n)] = memlog.New()
		}
	}
	return l
}

func (l *idLogs) Partition(topic string, n int32) eventlog.Log { return l.logs[fmt.Sprint(topic, n)] }

func (l *idLogs) Offsets(ctx context.Context, topic string, n int32) (start, end int64, err error) {
	return eventlog.Bounds(ctx, l.Partition(topic, n))
}

// does makes calls about a space.
func (l *idLogs) does(space string, messages ...proto.Message) {
	l.t.Helper()
	log := l.Partition("spanway.ids.events", events.SpacePartition(space))
	for _, m := range messages {
		l.calls++
		id := sharedlog.CallID{}
		binary.BigEndian.PutUint64(id[:], l.calls)
		r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, id, 0, m)
		if err == nil {
			_, err = log.Append(l.t.Context(), []events.Record{r})
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

// snapshot writes one of a space's partition.
func (l *idLogs) snapshot(space string) {
	l.t.Helper()
	n := events.SpacePartition(space)
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: l.Partition("spanway.ids.events", n), Topic: "spanway.ids.events", Partition: n, Shared: true, Now: time.Now,
		NewFold: func() eventlog.Fold { return sharedlog.NewFold(idspace.New(), sharedlog.Horizon) },
	})
	err := f.Barrier(l.t.Context())
	if err == nil {
		var snap *eventlog.Snapshot
		if snap, err = f.Snapshot(1<<10, 1); err == nil {
			err = New(Config{Logs: l, Encoder: events.Encoder{Source: "/test"}}).snapshots("spanway.ids.events", n).Write(l.t.Context(), snap)
		}
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// story has a grant that ended, one that rests in part, and one that is live.
func (l *idLogs) story() {
	l.does("s",
		&events.IdsSpaceDeclared{Space: "s", From: 1, To: 100, QuarantineMs: 50, MaxCount: 10, AtMs: 60_000},
		&events.IdsRangeGranted{Space: "s", RequestId: "a", Owner: "o", From: 1, To: 3, AtMs: 120_000},
		&events.IdsRangeGranted{Space: "s", RequestId: "refused", Owner: "o", From: 2, To: 4, AtMs: 120_001},
		&events.IdsRangeReleased{Space: "s", RequestId: "a", Owner: "o", Whole: true, AtMs: 120_002},
		&events.LogTimePassed{ToMs: 10}, &events.LogTimePassed{FromMs: 10, ToMs: 60})
	l.does("other", &events.IdsSpaceDeclared{Space: "other", From: 0, To: 9, MaxCount: 1})
}

// more happens in the last hour, of which a forecast needs ten minutes.
func (l *idLogs) more() {
	now := time.Now().UnixMilli()
	l.does("s",
		&events.IdsRangeGranted{Space: "s", RequestId: "b", Owner: "p", From: 2, To: 6, AtMs: now - 20*time.Minute.Milliseconds()},
		&events.IdsRangeReleased{Space: "s", RequestId: "b", Owner: "p", From: 5, To: 5, AtMs: now})
}

func TestSpaces(t *testing.T) {
	t.Parallel()
	l := newIDLogs(t)
	l.story()
	l.more()
	q, ctx := New(Config{Logs: l}), t.Context()
	all, asOf, err := q.Spaces(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "other" || all[1].Name != "s" || len(asOf) != int(events.IDEventPartitions) {
		t.Fatalf("the spaces are %+v as of %v, %v", all, asOf, err)
	}
	s, err := q.Space(ctx, "s")
	if err != nil || s.Size != 100 || s.Live != 4 || s.Quarantined != 1 || s.Free != 95 || s.LargestFree != 94 ||
		s.Grants != 1 || s.Ended != 1 || s.LogMs != 60 || s.LastsMs == nil || s.AsOf.Offset != 8 {
		t.Fatalf("the space is %+v, %v", s, err)
	}
	var got []string
	if _, err := q.Ranges(ctx, "s", 2, func(r Range) bool {
		got = append(got, fmt.Sprintf("%d-%d %s %d %s", r.From, r.To, r.State, r.Granted, r.RequestID))
		return true
	}); err != nil || fmt.Sprint(got) != "[2-4 live 2 b 5-5 resting 2 b 6-6 live 2 b 7-100 free 0 ]" {
		t.Errorf("the ranges are %v, %v", got, err)
	}
	var refused *client.Refused
	if _, err := q.Space(ctx, "none"); !errors.As(err, &refused) || refused.Code != events.CodeUnknownSpace {
		t.Errorf("an unknown space: %v", err)
	}
	if _, err := q.Identifier(ctx, "s", 101); !errors.As(err, &refused) || refused.Code != events.CodeOutOfBounds {
		t.Errorf("an identifier out of bounds: %v", err)
	}
}

// The history of an identifier goes back to the oldest snapshot that the log can be folded
// from, or to its beginning.
func TestIdentifier(t *testing.T) {
	t.Parallel()
	l := newIDLogs(t)
	l.story()
	l.snapshot("s")
	l.more()
	l.snapshot("s")
	q, ctx := New(Config{Logs: l}), t.Context()
	history := func(want string, kept int64) {
		t.Helper()
		i, err := q.Identifier(ctx, "s", 2)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range i.History {
			got = append(got, fmt.Sprint(e.Offset, " ", e.State, " ", e.RequestID))
		}
		if fmt.Sprint(got) != want || i.KeptFrom != kept || i.Range.Owner != "p" || i.Range.Since != 6 || i.Range.State != "live" {
			t.Errorf("the history since %d is %v of %+v; want %s since %d", i.KeptFrom, got, i.Range, want, kept)
		}
	}
	history("[0 free  1 live a 3 resting a 5 free  6 live b]", 0)
	log, _ := l.Partition("spanway.ids.events", events.SpacePartition("s")).(*memlog.Log)
	log.Truncate(5)
	history("[6 live b]", 6)
	log.Truncate(8)
	history("[]", 8)
}

// A log that has lost its beginning and has no snapshot is not read as if it were empty.
func TestSpacesOfALostLog(t *testing.T) {
	t.Parallel()
	l := newIDLogs(t)
	l.story()
	log, _ := l.Partition("spanway.ids.events", events.SpacePartition("s")).(*memlog.Log)
	log.Truncate(2)
	var loss *eventlog.LossError
	if _, err := New(Config{Logs: l}).Space(t.Context(), "s"); !errors.As(err, &loss) || loss.Start != 2 {
		t.Errorf("the error is %v", err)
	}
}
