package manager_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/site"
)

// While no local manager runs a task ends, and the log that says so is deleted. The next local
// manager does not wait for it for ever: it gives the task up, says why, and tries again.
func TestEndsThatWereDeletedUnread(t *testing.T) {
	p := newSite(t)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	edge := p.realise(func(ctx context.Context, m *events.NetworkRealising) error {
		if m.Attempt > 1 {
			return nil
		}
		entered <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	s := p.status()
	stop := p.local(nil)
	p.send(topics.NetworkInbox(), first()...)
	p.send(topics.NetworkInbox(), entry(1, network()))
	select {
	case <-entered:
	case <-p.ctx.Done():
		t.Fatal("the task has not begun")
	}
	stop()
	close(release)
	p.deleteEnds(site.TaskPrefix("ams") + "1")
	p.local(nil)
	s.realised(shop)
	failed := of[*events.NetworkRealisationFailed](s.seen)
	if len(of[*events.NetworkEndsMissed](s.seen)) != 1 || len(failed) != 1 || !failed[0].Missed || failed[0].Reason != site.Unknown {
		t.Errorf("it is said that %v", s.seen)
	}
	if got := edge.log(); !slices.Equal(got, []string{shop, shop}) {
		t.Errorf("the engine was given %q", got)
	}
}

// deleteEnds waits until a task has succeeded, and deletes the log of tasks up to there.
func (p *place) deleteEnds(task string) {
	p.t.Helper()
	n := events.PoolPartition(events.DefaultPool)
	for next := int64(0); ; {
		page, err := p.c.Partition(topics.Events(), n).Fetch(p.ctx, next, time.Second)
		if err != nil {
			p.t.Fatalf("wait for the end of %s: %v", task, err)
		}
		next = page.Next
		for i := range page.Records {
			r := &page.Records[i]
			if events.TypeOfRecord(r) != events.TypeTaskSucceeded || !bytes.Contains(r.Value, []byte(task)) {
				continue
			}
			if err := p.c.Kafka().DeleteRecords(p.ctx, topics.Events(), n, r.Offset+1); err != nil {
				p.t.Fatal(err)
			}
			return
		}
	}
}
