package copying

import "context"

// Room bounds the memory that copies take for their pages: a copy that waits keeps what it
// has. It is safe for concurrent use; nil bounds nothing.
type Room struct {
	common chan struct{} // what is taken of the room of all
	own    chan struct{} // of the place that one link has besides; nil if it is of no link
}

// place is what was taken of a room. The zero value is nothing.
type place struct {
	held   chan struct{} // has a value of it
	common chan struct{} // has one for each place but the first
	n      int           // places
}

const (
	// placeBytes is how much of an answer an ordinary page is made of: one place.
	placeBytes = 1 << 20
	// pageBytes is about what such a page takes, with the batch that is made of it.
	pageBytes = 2 * placeBytes
)

// NewRoom makes room for pages of so many bytes in all, for one at least.
func NewRoom(bytes int64) *Room { return NewTurns(max(1, bytes/pageBytes)) }

// NewTurns has so many copies compare keys at once (mirror.Sweeping): each holds a share of
// them.
func NewTurns(n int64) *Room { return &Room{common: make(chan struct{}, n)} }

// OfLink is the same room for the copies of one link, with a place besides that no other
// link takes. So a link whose source or limit is slow, and whose copies hold all the room,
// does not stop the others.
func (r *Room) OfLink() *Room { return &Room{common: r.common, own: make(chan struct{}, 1)} }

// take waits until there is a place, or ctx ends; give it back. It takes as many as are
// wanted if others do not have them: it waits for the first one only.
func (r *Room) take(ctx context.Context, want int) (place, error) {
	if r == nil {
		return place{n: want}, nil
	}
	p, err := r.first(ctx)
	for err == nil && p.n < want {
		select {
		case r.common <- struct{}{}:
			p.n++
		default:
			return p, nil
		}
	}
	return p, err
}

func (r *Room) first(ctx context.Context) (place, error) {
	select {
	case r.own <- struct{}{}: // It is of no use to others.
		return place{r.own, r.common, 1}, nil
	default:
	}
	select {
	case r.own <- struct{}{}:
		return place{r.own, r.common, 1}, nil
	case r.common <- struct{}{}:
		return place{r.common, r.common, 1}, nil
	case <-ctx.Done():
		return place{}, ctx.Err()
	}
}

// give gives back what was taken.
func (p place) give() {
	if p.held == nil {
		return
	}
	<-p.held
	for range p.n - 1 {
		<-p.common
	}
}
