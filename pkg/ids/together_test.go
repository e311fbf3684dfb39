package ids

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// before is an allocator of before: of requests that stand together it knows nothing.
type before struct {
	t        *testing.T
	at       *cluster.Cluster
	topics   events.Topics
	together chan int // how many stood in a record that it has left
	next     int64
}

// serve answers what stands alone in one partition of requests.
func (b *before) serve(ctx context.Context, partition int32) {
	log := b.at.Partition(b.topics.IDRequests(), partition)
	for at := int64(0); ctx.Err() == nil; {
		page, err := log.Fetch(ctx, at, 100*time.Millisecond)
		if err != nil {
			continue
		}
		for i := range page.Records {
			switch m, _ := events.Message(&page.Records[i]); m := m.(type) {
			case *events.IdsRangesRequested:
				b.together <- len(m.Ranges)
			case *events.IdsRangeRequested:
				b.answer(ctx, m)
			}
		}
		at = page.Next
	}
}

func (b *before) answer(ctx context.Context, m *events.IdsRangeRequested) {
	b.next++
	r, err := events.Encoder{Source: "/test"}.Encode(m.RequestId, &events.IdsAnswered{
		Space: m.Space, RequestId: m.RequestId, Command: string(events.TypeIdsRangeRequested),
		Granted: &events.IdsRangeGranted{Space: m.Space, RequestId: m.RequestId, Owner: m.Owner, From: b.next, To: b.next},
	})
	if err == nil {
		_, err = b.at.Partition(b.topics.IDEvents(), events.SpacePartition(m.Space)).Append(ctx, []events.Record{r})
	}
	if err != nil && ctx.Err() == nil {
		b.t.Error(err)
	}
}

// While allocators of before serve, requests that stood together are made again, each alone,
// and those that follow stand alone from the beginning.
func TestAnAllocatorOfBefore(t *testing.T) {
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	at, err := cluster.Open(cluster.Config{Brokers: broker.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := at.Ensure(t.Context(), events.Specs(topics.UsedBy(events.RoleAllocator))); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Cluster: at})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.together.patience = 50 * time.Millisecond
	c.requests.made.Store(0) // The requests are of one partition.
	b := &before{t: t, at: at, topics: topics, together: make(chan int, 100)}
	ctx, stop := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	defer serving.Wait()
	defer stop()
	serving.Go(func() { b.serve(ctx, 0) })
	ask := func() {
		var all sync.WaitGroup
		seen := sync.Map{}
		for range 16 {
			all.Go(func() {
				g, err := c.Grant(ctx, Want{Space: "s"})
				if _, twice := seen.LoadOrStore(g.From, g.RequestID); err != nil || twice {
					t.Errorf("granted %+v (again: %v), %v", g, twice, err)
				}
			})
		}
		all.Wait()
	}
	for stood := false; !stood; {
		ask()
		select {
		case <-b.together:
			stood = true
		default: // All of them were made one after the other.
		}
	}
	for len(b.together) > 0 {
		<-b.together
	}
	ask()
	if len(b.together) > 0 {
		t.Errorf("%d requests stand together although such were not answered", <-b.together)
	}
}
