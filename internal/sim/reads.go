package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Reads is a process's access to a partition that it follows: the broker is away now and
// then, and connections break. It implements eventlog.Log. What happens to it is drawn
// from a source of chance of its own, so that the world goes on as without it.
type Reads struct {
	*Handle
	// Termless: no term shows.
	Termless bool

	chance *rand.Rand
	over   *bool
	broken int64           // connections so far
	terms  map[int64]int64 // of the newest page from an offset on
}

// NewReads returns one that draws from chance. Once over is true reading takes no time.
func NewReads(h *Handle, chance *rand.Rand, over *bool) *Reads {
	r := &Reads{Handle: h, chance: chance, over: over, terms: map[int64]int64{}}
	r.Delay = func() time.Duration { return Between(chance, 100*time.Microsecond, 3*time.Millisecond) }
	return r
}

// Term is that of the log when the newest page from an offset on was read.
func (r *Reads) Term(from int64) int64 { return r.terms[from] }

var errAway = errors.New("the broker is away")

// Fetch implements eventlog.Log.
func (r *Reads) Fetch(ctx context.Context, from int64, wait time.Duration) (page events.Page, err error) {
	switch {
	case *r.over:
		page, err = r.Log.Fetch(ctx, from, 0)
	case r.chance.IntN(40) == 0:
		r.Process.Sleep(r.Delay())
		return page, errAway
	default:
		page, err = r.Handle.Fetch(ctx, from, wait)
	}
	r.terms[from] = page.Term
	if !*r.over && r.chance.IntN(20) == 0 {
		r.broken++
	}
	if page.Term += r.broken << 32; r.Termless {
		page.Term = 0
	}
	return page, err
}
