package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/selection"
)

// reversible refuses a link of which the other site cannot become the copy.
func (r *run) reversible() error {
	l := &r.link
	switch {
	case l.Prefix != "":
		return r.fail(NotReversible, nil, nil, "its copies are called %sTOPIC here, so that applications do not find them by the names of the source; use a link without a prefix", l.Prefix)
	case l.Model == links.Routed:
		return r.fail(NotReversible, nil, nil, "it copies only those records that name this site; use a link of the model topic")
	}
	return nil
}

// answering is how much longer than its time for freezing the source may take to answer.
const answering = 10 * time.Second

// freeze takes the ends of the source when no record comes any more. It looks once at least,
// however slow the source is to answer.
func (r *run) freeze(ctx context.Context) error {
	late := time.Now().Add(r.Timeout)
	ctx, cancel := context.WithDeadline(ctx, late.Add(r.Quiet+answering))
	defer cancel()
	if err := r.ends(ctx); err != nil {
		return err
	}
	for {
		if !trouble.Pause(ctx, r.Quiet) {
			return context.Cause(ctx)
		}
		written, err := r.written(ctx)
		if err != nil {
			return err
		}
		if len(written) == 0 {
			r.frozen()
			return nil
		}
		if time.Until(late) <= r.Quiet {
			return r.writtenTo(ctx, written, "records still come to the source; stop what writes there, and try again")
		}
		r.tell(Freeze, "records still come to %s", written[0])
		if err := r.ends(ctx); err != nil {
			return err
		}
	}
}

// frozen notes that what is not copied is waited for from now on.
func (r *run) frozen() {
	for i := range r.Partitions {
		p := &r.Partitions[i]
		p.Left, p.Certain = max(0, p.End-p.Next), Waiting
	}
}

// ends takes the ends of the source.
func (r *run) ends(ctx context.Context) error {
	for i := range r.Partitions {
		p := &r.Partitions[i]
		_, end, err := r.there.Cluster.Offsets(ctx, p.Topic, p.Partition)
		if err != nil {
			return fmt.Errorf("freeze the source: %w", err)
		}
		p.End = end
	}
	return nil
}

// written names the partitions of the source to which records have come since their ends
// were taken: not markers of transactions, nor copies.
func (r *run) written(ctx context.Context) (places []string, err error) {
	for i := range r.Partitions {
		p := &r.Partitions[i]
		n, err := r.count(ctx, p, p.End, own)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			places = append(places, fmt.Sprintf("%s@%d", p.at(), p.End))
		}
	}
	return places, nil
}

// writtenTo is the error of records that still come to places of the source. What was known of
// its partitions before they came is not so any more: what is not copied is told by where the
// source ends now.
func (r *run) writtenTo(ctx context.Context, places []string, text string) error {
	err := r.ends(ctx) // If that fails, the ends stay that were known.
	for i := range r.Partitions {
		p := &r.Partitions[i]
		if p.Left = max(0, p.End-p.Next); p.Certain != Unknown || err == nil {
			p.Certain = LastKnown
		}
	}
	return r.fail(SourceIsWritten, nil, places, "%s", text)
}

// own tells whether a record is no copy.
func own(r *events.Record) bool {
	_, copied := r.Header(events.HeaderOrigin)
	return !copied
}

// count counts records of a partition of the source from an offset on.
func (r *run) count(ctx context.Context, p *Partition, from int64, counts func(*events.Record) bool) (n int64, err error) {
	what := fmt.Sprintf("look for records in %s from %d on", p.at(), from)
	_, end, err := r.there.Cluster.Offsets(ctx, p.Topic, p.Partition)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	log := r.there.Cluster.Partition(p.Topic, p.Partition)
	for from < end {
		page, err := log.Fetch(ctx, from, time.Second)
		if start, _, outside := eventlog.OutOfRange(err); outside && start > from {
			from = start
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", what, err)
		}
		for i := range page.Records {
			if counts(&page.Records[i]) {
				n++
			}
		}
		from = page.Next
	}
	return n, nil
}

// errRead ends a watch of the status: it says what was to be known.
var errRead = errors.New("it is known")

// drain waits until all is copied up to the recorded ends.
func (r *run) drain(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	var behind []string
	err := replication.WatchStatus(waiting, r.Here.Cluster, r.Prefix, func(s replication.Status) (err error) {
		if behind, err = r.behind(&s); err == nil && len(behind) == 0 {
			return errRead
		}
		return err
	})
	switch {
	case errors.Is(err, errRead):
		for i := range r.Partitions {
			r.Partitions[i].Certain = Exact
		}
		return nil
	case waiting.Err() != nil && ctx.Err() == nil:
		return r.fail(NotDrained, nil, behind, "in %s not all was copied; see spanway link show %s --partitions", r.Timeout, r.link.Name)
	}
	return err
}

// behind names the partitions that are not copied up to their recorded ends. One that has
// stopped or failed is an error: it does not go on by itself.
func (r *run) behind(s *replication.Status) (places []string, err error) {
	var left int64
	copies := r.copies(s)
	for _, m := range copies {
		same := func(p Partition) bool { return p.Topic == m.Topic && p.Partition == m.Partition }
		if !slices.ContainsFunc(r.Partitions, same) {
			return nil, r.fail(NotDrained, nil, []string{fmt.Sprintf("%s/%d", m.Topic, m.Partition)}, "a further copy has begun meanwhile; try again")
		}
	}
	for i := range r.Partitions {
		p := &r.Partitions[i]
		for _, m := range copies {
			if m.Topic != p.Topic || m.Partition != p.Partition {
				continue
			}
			if m.State == "stopped" || m.State == "failed" {
				return nil, r.fail(NotDrained, nil, []string{p.at()}, "a copy has stopped (%s); see spanway link show %s --partitions for the remedy", m.Reason, r.link.Name)
			}
			p.Next, p.Left, p.At = m.Next, max(0, p.End-m.Next), time.UnixMilli(m.AtMs)
		}
		if left += p.Left; p.Left > 0 {
			places = append(places, fmt.Sprintf("%s: %d left", p.at(), p.Left))
		}
	}
	if left > 0 {
		r.tell(Drain, "records left: %d, in partitions: %d", left, len(places))
	}
	if p := r.rejected(s); p != nil && left > 0 {
		return nil, r.fail(SourceRejected, nil, places, "the replicators of this site cannot connect to the source, so that nothing is copied: %s", p.Text)
	}
	for _, m := range s.Shares {
		if m.Link == r.link.Name && (m.State == "failed" || m.FailedTopics > 0) && len(m.Problems) > 0 && len(places) == 0 && time.Since(time.UnixMilli(m.AtMs)) < fresh {
			p := m.Problems[0]
			places = append(places, fmt.Sprintf("%s: %s: %s", p.Topic, p.Code, p.Text))
		}
	}
	return places, nil
}

// rejected is the problem of a replicator whose connection to the source cannot be made as it is
// configured; nil if none has told of it lately. It does not go away by waiting.
func (r *run) rejected(s *replication.Status) *events.ReplicationProblem {
	for _, m := range s.Shares {
		if m.Link != r.link.Name || time.Since(time.UnixMilli(m.AtMs)) >= fresh {
			continue
		}
		for _, p := range m.Problems {
			if p.Code == string(selection.SourceRejected) {
				return p
			}
		}
	}
	return nil
}

// fresh is how old a report of problems may be: replicators report once a second.
const fresh = 5 * time.Second
