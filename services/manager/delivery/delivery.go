package delivery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/manager/network"
)

// Fold is the fold of network.changes in this process. When a delivery begins it has folded all
// that was there; it is used by many goroutines.
type Fold interface {
	// Look lets see look at the core, no longer than it takes.
	Look(see func(core *network.Core))
	// Moved is closed when the core has changed since the call.
	Moved() <-chan struct{}
}

// Queue is that of one site: its IDs are a sequence.
type Queue interface {
	Held(ctx context.Context) (Held, error)
	// Put puts items in behind the end, in their order. What is in already is no error. The error
	// is ErrNewerTerm if a newer term has put entries in, and ErrMoved if the end is elsewhere.
	Put(ctx context.Context, items []queue.Item) error
	// Trim takes out all entries up to a number, and uses up the numbers to there.
	Trim(ctx context.Context, through uint64) error
}

// Inbox is that of the site's local manager.
type Inbox interface {
	// Append puts messages in, in their order. After an error they may be in it or not, all or
	// some, also later. One goroutine calls it.
	Append(ctx context.Context, messages []Message) error
}

// Status is the log of the site's local manager.
type Status interface {
	// Follow tells how the site stands, at first and when that changes, until ctx ends.
	Follow(ctx context.Context, see func(Seen)) error
}

// Requests are those to the global manager. Many goroutines use it.
type Requests interface {
	Report(ctx context.Context, report *events.NetworkSiteReport) error
}

// What a Queue says of an end that is not where it was thought to be.
var (
	ErrNewerTerm = errors.New("a newer term has put entries in")
	ErrMoved     = errors.New("the end of the queue is elsewhere")
)

// NewerTermError says that the queue of a site is that of a newer term: another global manager has
// taken over, and this delivery is not wanted any more.
type NewerTermError struct {
	Site string
	// Term is that of this delivery.
	Term uint64
}

func (e *NewerTermError) Error() string {
	return fmt.Sprintf("deliver to site %s in term %d: its queue holds entries of a newer term: another global manager has taken over, so end this one", e.Site, e.Term)
}

// Config is what a delivery works with. Site and the ports must be set.
type Config struct {
	// Site is its name.
	Site     string
	Fold     Fold
	Queue    Queue
	Inbox    Inbox
	Status   Status
	Requests Requests
	// Board is told of what is tried again.
	Board *trouble.Board
	// PerSecond is how many entries and parts of full syncs are sent in a second at most, and at
	// once; 0: as many as the window lets through.
	PerSecond float64
	// Window is how many of them may be sent that the site has not; 256 if 0. Batch is how many
	// are sent at once; 64 if 0.
	Window, Batch uint64
	// Patience is how long the site may take until what was sent is sent again; 15 s if 0.
	Patience time.Duration
	// Deadline bounds each call of a port; 30 s if 0.
	Deadline time.Duration
}

// How often a global manager is told the same, and something else, of a site.
const (
	tellEvery = 50 * time.Millisecond
	tellAgain = 5 * time.Second
)

// Delivery brings one site what it must have. Make one for each site.
type Delivery struct {
	cfg     Config
	began   time.Time
	channel *Channel // and what follows are the channel loop's own
	attempt *Attempt
	pace    pace
	// alone: entries up to this one are sent one by one; refused is one that the cluster of the
	// site did not take.
	alone, refused uint64
	// inFlight is what the channel said last.
	inFlight atomic.Int64
	relay    *Relay // the relay loop's own

	mu     sync.Mutex
	seen   Seen
	known  bool // seen is of the site's log, and not of before it was read
	passed uint64
	news   chan struct{} // closed at the next change of these
}

// New makes a delivery. It does nothing before Run.
func New(cfg Config) *Delivery {
	if cfg.Window == 0 {
		cfg.Window = 256
	}
	if cfg.Batch == 0 {
		cfg.Batch = 64
	}
	if cfg.Patience == 0 {
		cfg.Patience = 15 * time.Second
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 30 * time.Second
	}
	return &Delivery{
		cfg: cfg, began: time.Now(), news: make(chan struct{}), pace: pace{rate: cfg.PerSecond},
		channel: &Channel{Window: cfg.Window, Batch: cfg.Batch, Patience: max(1, cfg.Patience.Milliseconds())},
		relay:   &Relay{Every: tellEvery.Milliseconds(), Again: tellAgain.Milliseconds()},
	}
}

// Run delivers until ctx ends; then it returns nil. What fails is tried again and told of by the
// board. The error is a *NewerTermError, or what no trying mends, such as a deleted queue.
func (d *Delivery) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { return d.loop(ctx, "keep the queue", d.feedOnce) },
		func(ctx context.Context) error { return d.loop(ctx, "send to the inbox", d.sendOnce) },
		func(ctx context.Context) error { return d.loop(ctx, "tell the global manager", d.tellOnce) },
		func(ctx context.Context) error { return d.cfg.Status.Follow(ctx, d.see) },
	} {
		running.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("deliver to site %s: %w", d.cfg.Site, err))
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// InFlight is how many entries, or parts of a full sync, were sent that the site is not known to
// have. It may be called by any goroutine.
func (d *Delivery) InFlight() int64 { return d.inFlight.Load() }

// now is the time since the delivery began, in milliseconds: clocks that are set do not matter.
func (d *Delivery) now() int64 { return 1 + time.Since(d.began).Milliseconds() }

// see notes how the site stands.
func (d *Delivery) see(seen Seen) {
	d.note(func() (changed bool) {
		changed = !d.known || seen != d.seen
		d.seen, d.known = seen, true
		return changed
	})
}

// pass notes the number up to which the queue has all entries, or will never have them.
func (d *Delivery) pass(held Held) {
	passed := held.Next - 1
	if held.Next == 0 {
		passed = math.MaxUint64
	}
	d.note(func() (changed bool) {
		changed = passed != d.passed
		d.passed = passed
		return changed
	})
}

// note wakes what waits if something changes.
func (d *Delivery) note(change func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if change() {
		close(d.news)
		d.news = make(chan struct{})
	}
}
