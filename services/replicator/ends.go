package replicator

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// watcher follows the ends of the sources of all copies that do not see them by themselves:
// those that are paused, stopped or held up, and those whose source is silent. So what waits
// is known however a copy stands. It is for one goroutine.
type watcher struct{ of *Service }

const (
	// endsEvery is how often each broker of a source is asked, at most, and once for all
	// that it leads. An end that was seen since then is not asked for.
	endsEvery = 2 * time.Second
	// endsTimeout bounds a round.
	endsTimeout = 3 * time.Second
	// looksAtOnce is how many copies are looked at in a round for what they wait with.
	looksAtOnce = 100
	// frontBytes bounds a page that is read for its first record.
	frontBytes = 64 << 10
)

// front is what waits first in a source.
type front struct {
	known  bool
	begun  bool // records were copied, or decided, before
	next   int64
	oldest int64 // its timestamp, in milliseconds since the Unix epoch; 0 if it is not known
}

// run follows until ctx ends.
func (w *watcher) run(ctx context.Context) {
	try := w.of.deps.Cluster.Kafka().Board().New("follow the ends of sources")
	defer try.End()
	for trouble.Pause(ctx, endsEvery) {
		if err := w.round(ctx); err != nil && ctx.Err() == nil {
			try.Failed(err) // The next round tries again.
			continue
		}
		try.Passed()
	}
}

// round looks at all sources once. One that does not answer holds no other up.
func (w *watcher) round(ctx context.Context) (failed error) {
	ctx, cancel := context.WithTimeout(ctx, endsTimeout)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	for v, unseen := range w.of.status.unseen(time.Now()) {
		all.Go(func() {
			if err := w.look(ctx, v, unseen); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		})
	}
	if err := w.lookAtKept(ctx); err != nil {
		mu.Lock()
		failed = err
		mu.Unlock()
	}
	all.Wait()
	return failed
}

// look looks at copies of one source.
func (w *watcher) look(ctx context.Context, v *view, unseen []standing) error {
	of := map[string][]int32{}
	for i := range unseen {
		at := unseen[i].Config.Source
		of[at.Topic] = append(of[at.Topic], at.Partition)
	}
	began, api := time.Now(), v.cluster.Kafka()
	ends, failed := api.Ends(ctx, of)
	ids, err := api.TopicIDs(ctx, slices.Sorted(maps.Keys(of))) // Behind the ends: these are of no later topic.
	starts, err2 := api.Starts(ctx, resting(unseen))
	failed = cmp.Or(failed, err, err2)
	looks := 0
	for i := range unseen {
		st := &unseen[i]
		end, ok := ends[st.Config.Source.Topic][st.Config.Source.Partition]
		if !ok {
			continue
		}
		st.end, st.endSeen = end, began
		if start, ok := starts[st.Config.Source.Topic][st.Config.Source.Partition]; ok {
			st.start = start
		}
		if st.wantsFront() && looks < looksAtOnce {
			looks++
			if err := w.front(ctx, v, st); err != nil {
				failed = err
			}
		}
		w.of.status.seen(st, ids[st.Config.Source.Topic])
	}
	return failed
}

// resting are the partitions of copies that do not see by themselves what retention deletes, by
// topic.
func resting(all []standing) map[string][]int32 {
	of := map[string][]int32{}
	for i := range all {
		r, at := &all[i].report, all[i].Config.Source
		if r.Paused || r.Reason == mirror.Overtaken && r.State == mirror.Stopped {
			of[at.Topic] = append(of[at.Topic], at.Partition)
		}
	}
	return of
}

// front finds what a copy waits with.
func (w *watcher) front(ctx context.Context, v *view, st *standing) error {
	at, api := st.Config.Source, v.cluster.Kafka()
	if st.report.Generation == 0 && !st.front.known { // It has not begun here.
		saved, err := w.of.keep.Saved(ctx, st.ID)
		if err != nil {
			return fmt.Errorf("read the checkpoint of %s: %w", st.ID, err)
		}
		next := int64(0)
		if saved != nil {
			next = saved.Next
		} else if next, _, err = api.Offsets(ctx, at.Topic, at.Partition); err != nil {
			return err
		}
		st.front = front{known: true, next: next, begun: saved != nil}
		if saved != nil {
			st.topic.saved(saved)
		}
	}
	if st.behind() == 0 {
		return nil
	}
	next := st.next()
	from := max(next, st.sourceStart())
	page, err := api.Partition(at.Topic, at.Partition).AtMost(frontBytes).Fetch(ctx, from, 0)
	if err != nil {
		return err // Such as that it was deleted: then how old it is is not known.
	}
	st.front = front{known: true, next: next, begun: st.front.begun}
	if len(page.Records) > 0 {
		st.front.oldest = page.Records[0].Timestamp
	}
	return nil
}

// unseen are the copies whose sources' ends are to be looked at, by source.
func (s *status) unseen(now time.Time) map[*view][]standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[*view][]standing{}
	for _, st := range s.copies {
		if v := st.source; v != nil && !v.away() && (now.Sub(st.lastSeen()) >= endsEvery || st.wantsFront()) {
			all[v] = append(all[v], *st)
		}
	}
	return all
}

// seen notes what was seen of a source, whose topic has the ID.
func (s *status) seen(now *standing, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.copies[now.ID]
	if st == nil || st.source != now.source {
		return
	}
	before, was := st.behind(), st.topic.gone
	st.end, st.endSeen, st.start, st.front = now.end, now.endSeen, now.start, now.front
	if st.topic.ID == "" {
		st.topic = now.topic
	}
	if st.report.Paused || !st.report.SeenAt.After(now.endSeen) {
		st.topic.seen(id, now.end)
	}
	st.news = st.news || st.behind() != before || st.topic.gone != was
}

// lastSeen is when the end of the source was seen last.
func (st *standing) lastSeen() time.Time {
	if st.endSeen.After(st.report.SeenAt) {
		return st.endSeen
	}
	return st.report.SeenAt
}

// sourceEnd is the end of the source as it was seen last; of a topic that is gone its own.
func (st *standing) sourceEnd() int64 {
	if st.topic.gone || st.lastSeen().IsZero() {
		return max(0, st.topic.End)
	}
	if st.endSeen.After(st.report.SeenAt) {
		return st.end
	}
	return st.report.SourceEnd
}

// next is the offset of the source that comes next, once it is known.
func (st *standing) next() int64 {
	if st.report.Generation == 0 {
		return st.front.next
	}
	return st.report.Next
}

// behind is how many offsets of the source are yet to be decided.
func (st *standing) behind() int64 {
	if st.lagUnknown() {
		return 0
	}
	return max(0, st.sourceEnd()-max(st.next(), st.sourceStart()))
}

// sourceStart is where the source begins, as it was seen last, if that is behind what comes
// next: what stood between is gone. Else it is 0.
func (st *standing) sourceStart() int64 {
	if start := max(st.start, st.report.SourceStart); start > st.next() {
		return start
	}
	return 0
}

// lagUnknown says that it is not known what comes next, or where the source ends, or that this
// is another topic than the one that was copied: how it goes on is not decided.
func (st *standing) lagUnknown() bool {
	return st.report.Generation == 0 && !st.front.known || st.lastSeen().IsZero() || st.topic.gone
}

// oldest is the timestamp of the oldest record that waits, in milliseconds since the Unix
// epoch; 0 if none does, or it is not known.
func (st *standing) oldest() int64 {
	switch {
	case st.behind() == 0:
		return 0
	case st.report.Oldest > 0:
		return st.report.Oldest
	case st.front.known && st.front.next == st.next():
		return st.front.oldest
	}
	return 0
}

// wantsFront says that something may wait of which it is not known how old it is, in a copy
// that does not read by itself.
func (st *standing) wantsFront() bool {
	if st.report.Generation == 0 {
		return !st.front.known || st.behind() > 0 && st.front.oldest == 0
	}
	return (st.report.Paused || st.report.State == mirror.Stopped || time.Since(st.report.SeenAt) > endsEvery) && st.behind() > 0 && st.oldest() == 0
}
