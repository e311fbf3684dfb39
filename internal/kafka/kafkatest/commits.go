package kafkatest

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
)

// fencedCommits: what a member commits is where the next generation goes on,
// and a member that the group has given up on changes nothing any more.
func fencedCommits(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 2, nil)
	ctx, leave := context.WithCancel(limited(t))
	defer leave()
	generations := func(stuck <-chan struct{}) (<-chan *kafka.Generation, <-chan error) {
		got, end := make(chan *kafka.Generation), make(chan error, 1)
		go func() {
			end <- c.Join(ctx, "g."+name, name, func(ctx context.Context, g *kafka.Generation) {
				select {
				case got <- g:
				case <-ctx.Done():
				}
				<-ctx.Done()
				<-stuck // as a handler that does not listen
			})
		}()
		return got, end
	}
	await := func(from <-chan *kafka.Generation, partitions int) *kafka.Generation {
		t.Helper()
		for {
			select {
			case g := <-from:
				if len(g.Partitions) == partitions {
					return g
				}
			case <-ctx.Done():
				t.Fatalf("no generation with %d partitions", partitions)
			}
		}
	}
	stuck, free := make(chan struct{}), make(chan struct{})
	close(free)
	one, end1 := generations(stuck)
	old := await(one, 2)
	if len(old.Committed) != 0 {
		t.Errorf("a new group has committed %v", old.Committed)
	}
	if err := old.Commit(map[int32]int64{0: 3, 1: 4}); err != nil {
		t.Fatal(err)
	}
	two, end2 := generations(free)
	<-old.Ended()
	g := await(two, 2) // the group waited for the first until its session ended
	if want := (map[int32]int64{0: 3, 1: 4}); !maps.Equal(g.Committed, want) || g.ID <= old.ID {
		t.Errorf("generation %d goes on at %v, and generation %d had committed %v", g.ID, g.Committed, old.ID, want)
	}
	if err := g.Commit(map[int32]int64{0: 9}); err != nil {
		t.Fatal(err)
	}
	var fenced *kafka.Fenced
	if err := old.Commit(map[int32]int64{0: 5}); !errors.As(err, &fenced) || fenced.Generation != old.ID {
		t.Errorf("the commit of a member that the group has given up on: %v", err)
	}
	close(stuck)
	if g = await(two, 1); g.Partitions[0] == 0 && g.Committed[0] != 9 || g.Partitions[0] == 1 && g.Committed[1] != 4 {
		t.Errorf("partition %d goes on at %v", g.Partitions[0], g.Committed)
	}
	leave()
	awaitLeft(t, end1)
	awaitLeft(t, end2)
}
