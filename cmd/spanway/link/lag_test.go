package link

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// Where something that is chosen is not copied no lag is told to be 0: nobody knows it.
func TestWhatIsNotCopiedHasNoLag(t *testing.T) {
	l := replication.Link{Spec: replication.Spec{Name: "in"}}
	paused := l
	paused.Paused = true
	for name, c := range map[string]struct {
		link  replication.Link
		share *events.ReplicationLinkReported
		want  string
		known bool
	}{
		"its only topic has failed":     {l, &events.ReplicationLinkReported{State: "failed", Reason: "two_links", FailedTopics: 1}, "? not known", false},
		"a source that was never there": {l, &events.ReplicationLinkReported{State: "failed", Reason: "source_unreachable"}, "? not known", false},
		"its source has not answered":   {l, &events.ReplicationLinkReported{State: "connecting"}, "? not known", false},
		"paused before it had copies":   {paused, &events.ReplicationLinkReported{State: "paused"}, "? not known", false},
		"one topic of two has failed": {l, &events.ReplicationLinkReported{State: "delta", Copies: 1, FailedTopics: 1},
			"0+ 0 records; of 1 topic that is not copied it is not known", true},
		"others wait": {l, &events.ReplicationLinkReported{State: "delta", Copies: 1, Lag: 3, LagMs: 500, FailedTopics: 2},
			"3+ (0.5s) 3 records; the oldest is 0.5s old; of 2 topics that are not copied it is not known", true},
		"its source is away, and what waits is known to be more": {l, away(&events.ReplicationLinkReported{State: "failed", Copies: 2, LagUnknown: 2, Lag: 3, LagMs: 500}),
			"3+ (0.5s) 3 records; the oldest is 0.5s old, as known last: the source is away, and may have more", true},
		"its source is away, and nothing waited": {l, away(&events.ReplicationLinkReported{State: "failed", Copies: 2, LagUnknown: 2}), "? not known", false},
		"nothing is chosen":                      {l, &events.ReplicationLinkReported{State: "idle"}, "0 0 records", true},
		"paused with copies": {paused, &events.ReplicationLinkReported{State: "paused", Copies: 1, Lag: 7, LagMs: 500},
			"7 (0.5s) 7 records; the oldest is 0.5s old", true},
	} {
		c.share.Link, c.share.AtMs = "in", 1000
		v := viewLink(c.link, &replication.Status{Shares: []*events.ReplicationLinkReported{c.share}}, 1000)
		if got := v.lag() + " " + v.waiting(); got != c.want || (v.Lag != nil) != c.known {
			t.Errorf("%s: %s, %v, want %s", name, got, v.Lag, c.want)
		}
	}
}

// away adds that the source is.
func away(m *events.ReplicationLinkReported) *events.ReplicationLinkReported {
	m.Reason, m.Problems = sourceUnreachable, []*events.ReplicationProblem{{Code: sourceUnreachable}}
	return m
}

// Nor is it told of a copy that nothing waits for it while its source is away.
func TestTheLagOfCopiesWhoseSourceIsAway(t *testing.T) {
	status := &replication.Status{Shares: []*events.ReplicationLinkReported{away(&events.ReplicationLinkReported{Link: "in", Replicator: "one", Copies: 2})}}
	for p, end := range []int64{25, 3} {
		status.Copies = append(status.Copies, &events.ReplicationCopyReported{Link: "in", Replicator: "one", Partition: int32(p), Next: 3, SourceEnd: end})
	}
	copies := viewCopies(&replication.Link{Spec: replication.Spec{Name: "in"}}, status, 0)
	if len(copies) != 2 || copies[0].Lag == nil || *copies[0].Lag != 22 || !copies[0].LagAtLeast || copies[1].Lag != nil || !copies[1].LagAtLeast {
		t.Errorf("%+v", copies)
	}
}

// What was lost does not wait any more.
func TestTheLagOfAnOvertakenCopyIsWithoutWhatIsLost(t *testing.T) {
	copies := viewCopies(&replication.Link{Spec: replication.Spec{Name: "in"}}, &replication.Status{
		Shares: attended(0), Copies: []*events.ReplicationCopyReported{{Link: "in", Next: 3, SourceStart: 15, SourceEnd: 25}},
	}, 0)
	if *copies[0].Lag != 10 || copies[0].Next != 3 {
		t.Errorf("%+v", copies[0])
	}
}
