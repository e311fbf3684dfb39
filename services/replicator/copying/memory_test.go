package copying

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// partition is one of a cluster in memory. Its writers are fenced by an epoch.
type partition struct {
	mu         sync.Mutex
	records    []events.Record
	start, end int64
	id         string
	term       int64
	untold     int64 // so many offsets at the end a new leader has, and does not tell of
	epoch      int
	changed    chan struct{} // closed when the end has moved
}

func newPartition(id string) *partition { return &partition{id: id, changed: make(chan struct{})} }

func (p *partition) append(records ...events.Record) (base int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.put(records)
}

func (p *partition) put(records []events.Record) (base int64) {
	base = p.end
	for _, r := range records {
		r.Offset = p.end
		p.records, p.end = append(p.records, r), p.end+1
	}
	close(p.changed)
	p.changed = make(chan struct{})
	return base
}

// recreate deletes the topic and creates it again, with records.
func (p *partition) recreate(id string, records ...events.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records, p.start, p.end, p.id = nil, 0, 0, id
	p.put(records)
}

func (p *partition) all() []events.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.records)
}

// moves has another leader, which does not tell of some offsets at the end until it is told to.
func (p *partition) moves(untold int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term, p.untold = p.term+1, untold
	close(p.changed)
	p.changed = make(chan struct{})
}

// page is at most 100 records.
func (p *partition) page(from int64) (page mirror.Source, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := p.end - p.untold
	page = mirror.Source{Page: events.Page{Next: from, Start: p.start, End: end, Term: p.term}, ID: p.id}
	if from < p.start || from > p.end {
		return page, nil
	}
	for i := range p.records {
		if r := p.records[i]; r.Offset >= from && r.Offset < end && len(page.Records) < 100 {
			page.Records, page.Next = append(page.Records, r), r.Offset+1
		}
	}
	if len(page.Records) == 0 {
		page.Next = max(from, end)
		page.End = page.Next // So readers tell.
		return page, p.changed
	}
	return page, nil
}

// reader is a Source.
type reader struct{ of *partition }

func (r reader) Read(ctx context.Context, from int64, wait time.Duration, _ Reading) (mirror.Source, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		page, changed := r.of.page(from)
		if changed == nil {
			return page, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return page, nil
		case <-ctx.Done():
			return page, ctx.Err()
		}
	}
}

// writer is a Target.
type writer struct {
	of    *partition
	epoch int
	// fails is asked before an append: it may fail before or after the records stand.
	fails func() (before, after error)
	// single refuses no batch of one record by chance.
	single bool
}

func (w *writer) Claim(context.Context) (Claimed, error) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.of.epoch++
	w.epoch = w.of.epoch
	w.of.end++ // Its marker.
	return Claimed{Start: w.of.start, End: w.of.end, ID: w.of.id, RenewEvery: time.Hour}, nil
}

func (w *writer) Tail(_ context.Context, from, to int64) (mirror.Tail, error) {
	page, _ := w.of.page(from)
	if page.End < to || page.Next > to || len(page.Records) == 0 {
		page.Next = max(to, page.Next)
	}
	return mirror.Tail{Records: page.Records, Next: page.Next}, nil
}

func (w *writer) Append(_ context.Context, records []events.Record) (int64, error) {
	var before, after error
	if w.fails != nil {
		before, after = w.fails()
	}
	var refused *kafka.Refused
	if before != nil && !(w.single && len(records) == 1 && errors.As(before, &refused)) {
		return 0, before
	}
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	if w.epoch != w.of.epoch {
		return 0, &kafka.WriterFenced{Err: errors.New("the epoch is old")}
	}
	for i := range records {
		if len(records[i].Value) > 1000 {
			return 0, &kafka.Refused{Err: errors.New("too large")}
		}
	}
	return w.of.put(records), after
}

func (w *writer) Renew(context.Context) error {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	if w.epoch != w.of.epoch {
		return &kafka.WriterFenced{Err: errors.New("the epoch is old")}
	}
	w.of.end++
	return nil
}

// shelf is Checkpoints.
type shelf struct {
	mu    sync.Mutex
	saved map[string]mirror.Checkpoint
}

func (s *shelf) Saved(_ context.Context, id string) (*mirror.Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.saved[id]; ok {
		return &c, nil
	}
	return nil, nil
}

func (s *shelf) SavedFor(ctx context.Context, id string, fits func(*mirror.Checkpoint) bool) (*mirror.Checkpoint, error) {
	c, err := s.Saved(ctx, id)
	if c != nil && !fits(c) {
		c = nil
	}
	return c, err
}

func (s *shelf) Save(_ context.Context, id string, c mirror.Checkpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved == nil {
		s.saved = map[string]mirror.Checkpoint{}
	}
	if old, ok := s.saved[id]; !ok || !old.Newer(&c) {
		s.saved[id] = c
	}
	return nil
}

// box is Letters.
type box struct {
	mu   sync.Mutex
	held []string
}

func (b *box) Bury(_ context.Context, from events.Origin, _ events.Record, reason mirror.Reason) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, fmt.Sprint(from.Offset, " ", reason))
	return nil
}
