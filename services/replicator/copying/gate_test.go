package copying

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// door is an Admission that is opened and closed by hand.
type door struct {
	mu      sync.Mutex
	open    bool
	calls   []string // each kind once, in the order in which they came first
	changed chan struct{}
	called  chan struct{}
}

func newDoor(open bool) *door {
	return &door{open: open, changed: make(chan struct{}), called: make(chan struct{})}
}

func (d *door) note(call string) {
	if d.calls = append(d.calls, call); slices.Index(d.calls, call) == len(d.calls)-1 {
		close(d.called)
		d.called = make(chan struct{})
	}
}

func (d *door) Ask() (bool, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.note("ask"); !d.open {
		d.note("refused")
	}
	return d.open, d.changed
}

func (d *door) Progress() { d.told("progress") }
func (d *door) Limited()  { d.told("limited") }
func (d *door) Leave()    { d.told("leave") }

func (d *door) told(call string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(call)
}

// set opens or closes it.
func (d *door) set(open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = open
	close(d.changed)
	d.changed = make(chan struct{})
}

// has tells whether something was called.
func (d *door) has(call string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.calls, call)
}

// until waits until something is called.
func (d *door) until(t *testing.T, call string) {
	t.Helper()
	for late := time.After(patient); !d.has(call); {
		d.mu.Lock()
		called := d.called
		d.mu.Unlock()
		if d.has(call) {
			return
		}
		select {
		case <-called:
		case <-late:
			t.Fatalf("%s was not called", call)
		}
	}
}

// pages are read of so many records.
const pages = 100

// gated is a stage whose copy must be admitted.
func gated(records int, open bool) (*stage, *door, Config) {
	s, d := newStage(), newDoor(open)
	s.source.append(numbered(0, records)...)
	cfg := s.config()
	cfg.Admission = d
	return s, d, cfg
}

func TestASmallSnapshotNeedsNoAdmission(t *testing.T) {
	s, d, cfg := gated(pages, false)
	r := start(t, cfg)
	r.until("all is copied", next(pages))
	s.source.append(numbered(pages, 3*pages)...)
	r.until("what comes behind it is copied", next(4*pages))
	r.stop()
	if len(d.calls) > 0 {
		t.Errorf("the admission was called: %v", d.calls)
	}
}

// A snapshot that is not admitted has its first page. It waits without what others need, and
// does what else is due.
func TestASnapshotWaitsToBeAdmitted(t *testing.T) {
	s, d, cfg := gated(10*pages, false)
	w := &renewed{writer: writer{of: s.target}, each: make(chan struct{}, 100)}
	read := &noted{reader: reader{s.source}}
	cfg.Target, cfg.Source, cfg.Room = w, read, NewRoom(1)
	r := start(t, cfg)
	r.until("the first page is copied", func(r *Report) bool { return r.Next == pages })
	d.until(t, "ask")
	saved := func() bool {
		mark, _ := s.shelf.Saved(t.Context(), cfg.ID)
		return mark != nil && mark.Next == pages
	}
	for n, late := 0, time.Now().Add(patient); n < 3 || !saved(); n++ { // It is saved beside the renewals.
		if await(t, w.each, "renewal of the claim"); time.Now().After(late) {
			t.Fatal("there is no checkpoint while it waits")
		}
	}
	if n := len(s.target.all()); n != pages || len(cfg.Room.common) > 0 {
		t.Errorf("it has copied %d records and has %d places while it waits", n, len(cfg.Room.common))
	}
	if d.has("leave") {
		t.Error("it has left")
	}
	if from := read.last.Load(); from != 0 {
		t.Errorf("it has read from %d on", from)
	}
	d.mu.Lock()
	d.calls = nil
	d.mu.Unlock()
	d.set(true)
	r.until("all is copied", next(10*pages))
	d.until(t, "leave")
	if !d.has("progress") {
		t.Error("it does not tell of its progress")
	}
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

// noted is a Source that knows from where it was read last.
type noted struct {
	reader
	last atomic.Int64
}

func (s *noted) Read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error) {
	s.last.Store(from)
	return s.reader.Read(ctx, from, wait, how)
}

// A turn that ends ends behind the page that is being appended: what was read ahead is
// given back.
func TestATurnEnds(t *testing.T) {
	s, d, cfg := gated(20*pages, true)
	cfg.Limit, cfg.Room = NewLimiter(0, 400), NewRoom(1) // There are seconds to end the turn before all is copied.
	r := start(t, cfg)
	r.until("some pages are copied", func(r *Report) bool { return r.Next > 3*pages })
	d.set(false)
	soon, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	room, err := cfg.Room.take(soon, 1) // All that there is.
	if err != nil {
		t.Fatal("it keeps its room")
	}
	at := int64(len(s.target.all()))
	r.until("it stands", func(r *Report) bool { return r.Next == at })
	if at >= 20*pages || at%pages != 0 {
		t.Errorf("%d are copied", at)
	}
	room.give()
	cfg.Limit.Set(0, 0)
	d.set(true)
	r.until("all is copied", next(20*pages))
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

// What is held up on purpose says so: it is not idle.
func TestWhatIsLimitedTellsTheAdmission(t *testing.T) {
	for _, c := range []struct {
		name  string
		bound func(*Config)
	}{
		{"by its limit", func(cfg *Config) { cfg.Limit.Set(0, 1) }},
		{"by want of room", func(cfg *Config) { cfg.Room.common <- struct{}{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, d, cfg := gated(20*pages, false)
			cfg.Limit, cfg.Room = NewLimiter(0, 0), NewRoom(1)
			r := start(t, cfg)
			r.until("the first page is copied", func(r *Report) bool { return r.Next == pages })
			d.until(t, "ask")
			c.bound(&cfg)
			d.set(true)
			d.until(t, "limited")
		})
	}
}

// A copy that is stopped, by others or by itself, gives its place up.
func TestAPlaceIsGivenUp(t *testing.T) {
	t.Run("by others", func(t *testing.T) {
		_, d, cfg := gated(10*pages, false)
		r := start(t, cfg)
		d.until(t, "ask")
		r.stop()
		if !d.has("leave") {
			t.Errorf("it told %v", d.calls)
		}
	})
	t.Run("by itself", func(t *testing.T) {
		s, d, cfg := gated(10*pages, false)
		start(t, cfg)
		d.until(t, "ask")
		s.target.append(events.Record{Value: []byte("of somebody else")})
		d.set(true)
		d.until(t, "leave")
	})
}

// What was in the way of a copy is told on while it is held up for that, and its place is
// kept until the admission takes it.
func TestTheLastErrorOfWhatIsHeldUp(t *testing.T) {
	s, d, cfg := gated(10*pages, true)
	cfg.Source = away{reader{s.source}}
	w := &renewed{writer: writer{of: s.target}, each: make(chan struct{}, 100)}
	cfg.Target = w
	r := start(t, cfg)
	r.until("it says what is in the way", func(r *Report) bool { return r.LastError == errAway.Error() })
	d.set(false)
	d.until(t, "refused")
	for range 3 {
		await(t, w.each, "renewal of the claim")
	}
	r.mu.Lock()
	last := r.reports[len(r.reports)-1]
	r.mu.Unlock()
	if last.LastError != errAway.Error() || d.has("leave") {
		t.Errorf("it says %q, and called %v", last.LastError, d.calls)
	}
}

var errAway = errors.New("the source is away")

// away is a Source that has one page only.
type away struct{ reader }

func (s away) Read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error) {
	if from >= pages {
		return mirror.Source{}, errAway
	}
	return s.reader.Read(ctx, from, wait, how)
}
