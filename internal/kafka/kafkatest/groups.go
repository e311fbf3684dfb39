package kafkatest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
)

// foreignCommits: offsets can be committed for a group that has no members, and for one
// that has some they cannot.
func foreignCommits(t *testing.T, b Broker) {
	c, ctx := client(t, b), limited(t)
	name := topic(t, c, 2, nil)
	group := "g." + name
	if n, err := c.Members(ctx, group); n != 0 || err != nil {
		t.Fatalf("%d members of no group, %v", n, err)
	}
	if got, err := c.Committed(ctx, group, name, 2); len(got) != 0 || err != nil {
		t.Fatalf("no group has committed %v, %v", got, err)
	}
	want := map[int32]int64{1: 7}
	if err := c.SetCommitted(ctx, group, name, want); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Committed(ctx, group, name, 2); !maps.Equal(got, want) || err != nil {
		t.Errorf("committed are %v, %v", got, err)
	}
	if names, err := c.Groups(ctx); !slices.Contains(names, group) || err != nil {
		t.Errorf("the groups are %v, %v", names, err)
	}
	joined, end := make(chan map[int32]int64, 1), make(chan error, 1)
	in, leave := context.WithCancel(ctx)
	defer leave()
	go func() {
		end <- c.Join(in, group, name, func(ctx context.Context, g *kafka.Generation) {
			select {
			case joined <- g.Committed:
			default:
			}
			<-ctx.Done()
		})
	}()
	select {
	case got := <-joined:
		if !maps.Equal(got, want) {
			t.Errorf("a member goes on at %v", got)
		}
	case <-ctx.Done():
		t.Fatal("no member has joined")
	}
	if n, err := c.Members(ctx, group); n != 1 || err != nil {
		t.Errorf("%d members, %v", n, err)
	}
	var inUse *kafka.GroupInUse
	if err := c.SetCommitted(ctx, group, name, map[int32]int64{1: 9}); !errors.As(err, &inUse) {
		t.Errorf("a commit for a group in use: %v", err)
	}
	if got, err := c.Committed(ctx, group, name, 2); !maps.Equal(got, want) || err != nil {
		t.Errorf("after it committed are %v, %v", got, err)
	}
	leave()
	if err := <-end; !errors.Is(err, context.Canceled) {
		t.Errorf("the member ends with %v", err)
	}
}
