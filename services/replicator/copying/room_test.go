package copying

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// stuck is a Source that proves, and then tells nothing: its cluster is slow or away.
type stuck struct {
	reader
	asked chan struct{}
}

func (s stuck) Read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error) {
	if how.Anew {
		return s.reader.Read(ctx, from, wait, how)
	}
	s.asked <- struct{}{}
	<-ctx.Done()
	return mirror.Source{}, ctx.Err()
}

// A link whose source does not answer, or whose limit is low, has all the room: another one
// copies all the same.
func TestALinkThatHoldsAllTheRoom(t *testing.T) {
	room := NewRoom(1)
	slow, quick := room.OfLink(), room.OfLink()
	asked := make(chan struct{}, 2)
	for range cap(asked) { // One place is its own, one of all.
		s := newStage()
		s.source.append(numbered(0, 500)...)
		cfg := s.config()
		cfg.Room, cfg.Source = slow, stuck{reader{s.source}, asked}
		start(t, cfg)
		await(t, asked, "page that is waited for")
	}
	s := newStage()
	s.source.append(numbered(0, 500)...)
	cfg := s.config()
	cfg.Room = quick
	start(t, cfg).until("all is copied", next(500))
	if len(slow.common) != 1 || len(slow.own) != 1 {
		t.Errorf("the slow link has %d of 1 and %d of 1 places: the test proves nothing", len(slow.common), len(slow.own))
	}
}
