package copying

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// distant is a Source that is far away, and notes how large the pages may be.
type distant struct {
	reader
	mu     sync.Mutex
	places []int
}

func (s *distant) Read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error) {
	if !how.Anew {
		s.mu.Lock()
		s.places = append(s.places, how.Places)
		s.mu.Unlock()
		select {
		case <-time.After(far):
		case <-ctx.Done():
			return mirror.Source{}, ctx.Err()
		}
	}
	return s.reader.Read(ctx, from, wait, how)
}

// A copy that is behind a source far away reads large pages, as large as there is room, and
// gives the room back.
func TestADistantSourceIsReadInLargePages(t *testing.T) {
	for room, largest := range map[int64]int{pageBytes: 2, 100 * pageBytes: widest} { // One place is the link's own.
		s := newStage()
		s.source.append(numbered(0, 1500)...)
		cfg := s.config()
		source := &distant{reader: reader{s.source}}
		cfg.Source, cfg.Room = source, NewRoom(room).OfLink()
		start(t, cfg).until("all is copied", next(1500))
		source.mu.Lock()
		if got := slices.Max(source.places); got != largest {
			t.Errorf("with room for %d pages the largest took %d of them, %v; want %d", room/pageBytes, got, source.places, largest)
		}
		source.mu.Unlock()
	}
}

// Pages grow where a full one took long, and are ordinary again at the end of the source.
func TestHowLargePagesAre(t *testing.T) {
	c := &Copier{pages: 1}
	for i, step := range []struct {
		took      time.Duration
		next, end int64
		want      int
	}{
		{far - 1, 10, 20, 1}, {far, 10, 20, 2}, {far - 1, 10, 20, 2}, {time.Second, 10, 20, 4}, {time.Second, 10, 20, widest}, {time.Second, 20, 20, 1},
	} {
		a := &ahead{took: step.took, page: mirror.Source{Page: events.Page{Next: step.next, End: step.end}}}
		if c.widen(a); c.pages != step.want {
			t.Errorf("%d: the next page takes %d places; want %d", i, c.pages, step.want)
		}
	}
}

// What was taken of a room is given back, and more than one place is not waited for.
func TestPlaces(t *testing.T) {
	all := NewRoom(3 * pageBytes)
	one, other := all.OfLink(), all.OfLink()
	a, err := one.take(t.Context(), 10)
	if err != nil || a.n != 4 {
		t.Fatalf("%d places, %v; want all three and its own", a.n, err)
	}
	b, err := other.take(t.Context(), 10)
	if err != nil || b.n != 1 {
		t.Fatalf("%d places, %v; want its own", b.n, err)
	}
	a.give()
	b.give()
	if len(all.common) != 0 || len(one.own) != 0 || len(other.own) != 0 {
		t.Errorf("%d, %d and %d places are taken still", len(all.common), len(one.own), len(other.own))
	}
	if none, err := (*Room)(nil).take(t.Context(), 3); err != nil || none.n != 3 {
		t.Errorf("without a room: %d places, %v", none.n, err)
	}
}
