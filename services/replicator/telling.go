package replicator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// run writes until ctx ends, and then that this process has no share any more.
func (s *status) run(ctx context.Context) {
	try := s.board.New("write how links and copies stand")
	defer try.End()
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		all := s.news
		select {
		case <-tick.C:
		case <-s.urgent:
			all = s.claimNews
		case <-ctx.Done():
			continue
		}
		within, cancel := context.WithTimeout(ctx, statusTimeout)
		err := s.write(within, all(time.Now()))
		cancel()
		if err != nil && ctx.Err() == nil {
			try.Failed(err) // The next round tells all that is news then.
			s.again()
			continue
		}
		try.Passed()
	}
	s.mu.Lock()
	for _, l := range s.linked {
		s.gone[s.shareKey(l.Name)] = true
	}
	s.linked = nil
	s.mu.Unlock()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTimeout)
	defer cancel()
	_ = s.write(within, s.news(time.Now())) // A share that is told no more is out of date by itself.
}

// again has all told once more.
func (s *status) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.copies {
		st.news, st.told = true, time.Time{}
	}
	for _, e := range s.ended {
		e.news = true
	}
}

// told is a record to write: a nil message deletes what the key had.
type told struct {
	key     string
	message proto.Message
}

// news is what there is to tell.
func (s *status) news(now time.Time) (all []told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = append(s.goneNews(), s.endedNews(now)...)
	all = append(all, s.copyNews(now, func(*standing) bool { return true })...)
	for i := range s.linked {
		all = append(all, told{s.shareKey(s.linked[i].Name), s.shareOf(&s.linked[i], now)})
	}
	return all
}

// claimNews is what there is to tell of copies that wait for it.
func (s *status) claimNews(now time.Time) []told {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(s.goneNews(), s.copyNews(now, func(st *standing) bool { return st.claim == 0 })...)
}

// goneNews deletes what is not told of any more.
func (s *status) goneNews() (all []told) {
	for _, key := range slices.Sorted(maps.Keys(s.gone)) {
		all = append(all, told{key: key})
	}
	clear(s.gone)
	return all
}

// copyNews is what there is to tell of some copies.
func (s *status) copyNews(now time.Time, of func(*standing) bool) (all []told) {
	for _, id := range slices.Sorted(maps.Keys(s.copies)) {
		st := s.copies[id]
		if !of(st) {
			continue
		}
		if st.admit(s.standing(id), now); st.news {
			st.news, st.told = false, now
			all = append(all, told{st.key(), st.message(s.name, now)})
		}
	}
	return all
}

// write appends records.
func (s *status) write(ctx context.Context, all []told) error {
	for some := range slices.Chunk(all, inOneBatch) {
		records := make([]events.Record, 0, len(some))
		for _, t := range some {
			r := events.Record{}
			if t.message != nil {
				var err error
				if r, err = s.encoder.Encode(t.key, t.message); err != nil {
					return err
				}
			}
			r.Key, r.Timestamp = []byte(t.key), time.Now().UnixMilli()
			records = append(records, r)
		}
		if _, err := s.log.Append(ctx, records); err != nil {
			return fmt.Errorf("write %d records to the status: %w", len(records), err)
		}
	}
	return nil
}
