package failover_test

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/services/replicator/failover"
)

// joins has a member of a consumer group at the place until leave.
func (p *place) joins(group string) (leave func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.t.Context()))
	joined, end := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(end)
		_ = p.cluster.Kafka().Join(ctx, group, "orders", func(ctx context.Context, _ *kafka.Generation) {
			select {
			case joined <- struct{}{}:
			default:
			}
			<-ctx.Done()
		})
	}()
	leave = func() { cancel(); <-end }
	p.t.Cleanup(leave)
	select {
	case <-joined:
	case <-time.After(time.Minute):
		p.t.Fatal("no member has joined")
	}
	return leave
}

// A group that has members where it is to go on is told and left alone, one that still reads
// at the source is told and carried over; and what a group has read here is carried back.
func TestGroupsWithMembers(t *testing.T) {
	ams, fra := places(t)
	ams.write(0, 10)
	fra.link()
	for _, group := range []string{"idle", "here", "there"} {
		ams.read(group, 4)
	}
	here, there := fra.joins("here"), ams.joins("there")
	r := run(t, fra.from(ams))
	seen := map[string]int{}
	for _, g := range r.Groups {
		want := failover.Group{Name: g.Name, Topic: "orders", Position: g.Position, Committed: g.Name != "here"}
		switch g.Name {
		case "here":
			want.TargetMembers = 1
		case "there":
			want.SourceMembers = 1
		}
		if g != want || g.Source != 4 || g.Had != -1 {
			t.Errorf("%+v, want %+v", g, want)
		}
		seen[g.Name]++
	}
	if seen["idle"] != partitions || seen["here"] != partitions || seen["there"] != partitions {
		t.Errorf("groups are told so often: %v", seen)
	}
	here()
	there()
	if left := fra.read("here", 100); len(left[0]) != 10 {
		t.Errorf("a group that was left alone reads %q", left[0])
	}
	if next := fra.read("idle", 3); len(next[0]) != 3 || next[0][0] != "4" {
		t.Errorf("a group that was carried over reads %q", next[0])
	}
	ams.reported()
	run(t, ams.from(fra))
	if rest := ams.read("idle", 100); len(rest[0]) != 3 || rest[0][0] != "7" {
		t.Errorf("a group that was carried back reads %q", rest[0])
	}
}
