package allocator_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/spaces"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
)

// grantLog reads all of a partition of ids.events.
func grantLog(t *testing.T, c *cluster.Cluster, n int32) (records []events.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	start, end, err := c.Offsets(ctx, topics.IDEvents(), n)
	for err == nil && start < end {
		var page events.Page
		page, err = c.Partition(topics.IDEvents(), n).Fetch(ctx, start, time.Second)
		records, start = append(records, page.Records...), page.Next
	}
	if err != nil {
		t.Fatalf("read %s/%d: %v", topics.IDEvents(), n, err)
	}
	return records
}

// message is what a record says; nil if that cannot be read.
func message(r *events.Record) proto.Message {
	if m, err := events.Message(r); err == nil {
		return m
	}
	return nil
}

// judged has the logs of all spaces judged: by the verifier, and by an exact check of what
// requesters were told that knows nothing of the rule.
func judged(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for n := range events.IDEventPartitions {
		records := grantLog(t, c, n)
		p := spaces.NewPartition(topics.IDEvents(), n, chain.Options{})
		for i := range records {
			p.Feed(&records[i])
		}
		if r := p.Report(); !r.OK() {
			t.Errorf("the verifier finds: %+v", r.Findings)
		}
		for _, twice := range overlaps(records) {
			t.Error(twice)
		}
	}
}

// interval is a range that a requester was told of, and when it was its own: from the offset
// of its grant up to that of the first record that may have ended it.
type interval struct {
	space, id    string
	from, to     int64
	since, until int64
	leased       bool
}

// overlaps compares all that was told, each with each.
func overlaps(records []events.Record) (found []string) {
	told := map[[2]string]*interval{}
	end := func(at int64, which func(i *interval) bool) {
		for _, i := range told {
			if which(i) {
				i.until = min(i.until, at)
			}
		}
	}
	answered := func(m *events.IdsAnswered) {
		key := [2]string{m.Space, m.RequestId}
		if g := m.Granted; g != nil && told[key] == nil {
			told[key] = &interval{m.Space, m.RequestId, g.From, g.To, m.Offset, math.MaxInt64, g.LeaseMs > 0}
		}
	}
	for n := range records {
		at := records[n].Offset
		switch m := message(&records[n]).(type) {
		case *events.IdsAnswered:
			answered(m)
		case *events.IdsRangesAnswered:
			for _, a := range m.Answers {
				a.Space = m.Space
				answered(a)
			}
		case *events.IdsRangeReleased:
			end(at, func(i *interval) bool { return i.space == m.Space && i.id == m.RequestId })
		case *events.IdsSpaceDeleted:
			end(at, func(i *interval) bool { return i.space == m.Space })
		case *events.LogTimePassed:
			end(at, func(i *interval) bool { return i.leased })
		}
	}
	all := slices.Collect(maps.Values(told))
	for n, a := range all {
		for _, b := range all[:n] {
			if a.space == b.space && a.from <= b.to && b.from <= a.to && a.since < b.until && b.since < a.until {
				found = append(found, fmt.Sprintf("space %q: [%d, %d] was told to %q from %d on, [%d, %d] to %q from %d on", a.space, a.from, a.to, a.id, a.since, b.from, b.to, b.id, b.since))
			}
		}
	}
	return found
}

// The exact check finds an overlap, and none where the first range was given back.
func TestOverlaps(t *testing.T) {
	t.Parallel()
	var log []events.Record
	add := func(m proto.Message) {
		r, err := events.Encoder{Source: "/test"}.Encode("x", m)
		must(t, err)
		r.Offset = int64(len(log))
		log = append(log, r)
	}
	answer := func(id string, from, to int64) {
		add(&events.IdsAnswered{Space: "s", RequestId: id, Offset: int64(len(log)) - 1, Granted: &events.IdsRangeGranted{From: from, To: to}})
	}
	add(&events.IdsRangeGranted{Space: "s"})
	answer("a", 1, 4)
	answer("a", 1, 4)
	answer("b", 5, 6)
	add(&events.IdsRangeReleased{Space: "s", RequestId: "a"})
	add(&events.IdsRangeGranted{Space: "s"})
	answer("c", 4, 4)
	if found := overlaps(log); len(found) > 0 {
		t.Errorf("found %q", found)
	}
	answer("d", 4, 5)
	if found := overlaps(log); len(found) != 2 {
		t.Errorf("found %q; want d with b and with c", found)
	}
	add(&events.IdsRangesAnswered{Space: "s", Answers: []*events.IdsAnswered{
		{RequestId: "e", Offset: int64(len(log)) - 1, Granted: &events.IdsRangeGranted{From: 7, To: 9}},
		{RequestId: "f", Offset: int64(len(log)) - 1, Granted: &events.IdsRangeGranted{From: 9, To: 9}},
	}})
	if found := overlaps(log); len(found) != 3 {
		t.Errorf("found %q; want e with f, too", found)
	}
}

// client is one that asks for identifiers until the test ends; then all that requesters were
// told is judged.
func client(t *testing.T, c *cluster.Cluster) *ids.Client {
	t.Helper()
	i := unjudged(t, c)
	t.Cleanup(func() { judged(t, c) })
	return i
}

// unjudged is a client of a log to which strangers write.
func unjudged(t *testing.T, c *cluster.Cluster) *ids.Client {
	t.Helper()
	i, err := ids.New(ids.Config{Cluster: c, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}
