package copying

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// Room bounds the memory that several copies take for their pages, such as those of one
// link: a copy that waits keeps what it has. It is safe for concurrent use; nil bounds
// nothing.
type Room struct{ pages *semaphore.Weighted }

// pageBytes is about what a page takes, with the batch that is made of it.
const pageBytes = 2 << 20

// NewRoom makes room for pages of so many bytes in all, for one at least.
func NewRoom(bytes int64) *Room {
	return &Room{semaphore.NewWeighted(max(1, bytes/pageBytes))}
}

// NewTurns has so many copies compare keys at once (mirror.Sweeping): each holds a share of
// them.
func NewTurns(n int64) *Room { return &Room{semaphore.NewWeighted(n)} }

// take waits until there is room for a page, or ctx ends; give it back.
func (r *Room) take(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.pages.Acquire(ctx, 1)
}

func (r *Room) give() {
	if r != nil {
		r.pages.Release(1)
	}
}
