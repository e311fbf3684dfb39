package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
)

// Members that wait for another one to join anew stay in the group for as long as the
// group waits, which is longer than a session: they are all in the next generation.
func TestMembersThatWaitStay(t *testing.T) {
	_, c := start(t)
	ensure(t, c, "t", 5)
	for i := range 4 { // Whose session ends first is a matter of when its last heartbeat was.
		t.Run("", func(t *testing.T) {
			t.Parallel()
			waitForASlowMember(t, c, fmt.Sprint("g", i))
		})
	}
}

func waitForASlowMember(t *testing.T, c *kafka.Client, group string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	// join makes a member that tells of its generations. hold is called at the end of each.
	join := func(hold func()) <-chan *kafka.Generation {
		in := make(chan *kafka.Generation, 100)
		all.Go(func() {
			_ = c.Join(ctx, group, "t", func(ctx context.Context, g *kafka.Generation) {
				in <- g
				<-ctx.Done()
				hold()
			})
		})
		return in
	}
	var slow atomic.Bool
	late := make(chan struct{})
	release := sync.OnceFunc(func() { close(late) })
	defer release()
	members := []<-chan *kafka.Generation{join(func() {
		if slow.Load() {
			<-late
		}
	})}
	for range 4 {
		members = append(members, join(func() {}))
	}
	for i, in := range members {
		for len(await(t, fmt.Sprint("that all are members, ", i), in).Partitions) != 1 {
		}
	}
	slow.Store(true)
	first := await(t, "another member", join(func() {})).ID
	release() // The group has gone on without the slow one.
	for i, in := range members[1:] {
		id := int32(0)
		for id < first {
			id = await(t, fmt.Sprint("member ", i+1), in).ID
		}
		if id != first {
			t.Errorf("another member's first generation is %d, and member %d, which waited for it, is in %d", first, i+1, id)
		}
	}
}
