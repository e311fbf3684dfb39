package copying

import "context"

// Room bounds the memory that copies take for their pages: a copy that waits keeps what it
// has. It is safe for concurrent use; nil bounds nothing.
type Room struct {
	common chan struct{} // what is taken of the room of all
	own    chan struct{} // of the place that one link has besides; nil if it is of no link
}

// place is what was taken of a room: the channel that holds it.
type place chan struct{}

// pageBytes is about what a page takes, with the batch that is made of it.
const pageBytes = 2 << 20

// NewRoom makes room for pages of so many bytes in all, for one at least.
func NewRoom(bytes int64) *Room { return NewTurns(max(1, bytes/pageBytes)) }

// NewTurns has so many copies compare keys at once (mirror.Sweeping): each holds a share of
// them.
func NewTurns(n int64) *Room { return &Room{common: make(chan struct{}, n)} }

// OfLink is the same room for the copies of one link, with a place besides that no other
// link takes. So a link whose source or limit is slow, and whose copies hold all the room,
// does not stop the others.
func (r *Room) OfLink() *Room { return &Room{common: r.common, own: make(chan struct{}, 1)} }

// take waits until there is a place, or ctx ends; give it back.
func (r *Room) take(ctx context.Context) (place, error) {
	if r == nil {
		return nil, nil
	}
	select {
	case r.own <- struct{}{}: // It is of no use to others.
		return r.own, nil
	default:
	}
	select {
	case r.own <- struct{}{}:
		return r.own, nil
	case r.common <- struct{}{}:
		return r.common, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// give gives a place back; nil is none.
func (p place) give() {
	if p != nil {
		<-p
	}
}
