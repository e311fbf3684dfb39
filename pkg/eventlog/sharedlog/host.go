package sharedlog

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Config is what a host works with. Log, Reads, Topic and NewCore must be set.
type Config struct {
	// Log is a handle to append with, Reads one to follow with: both of the same
	// partition, and used by this host alone.
	Log, Reads eventlog.Log
	Topic      string
	Partition  int32
	// NewCore makes a core of nothing.
	NewCore func() Core
	// Snapshots, if set, are where a fold begins; else it begins at offset 0.
	Snapshots *eventlog.Snapshots
	// Encoder writes the calls.
	Encoder events.Encoder
	// Random is where call IDs come from: crypto/rand if nil.
	Random io.Reader
	// Now is a clock without steps; that of package steady if nil.
	Now func() time.Time
	// Board is told of what is tried again; slog.Default() is, if nil.
	Board *trouble.Board
	// Meter makes the metrics; none if nil.
	Meter metric.Meter
}

// Done is told, once, what became of a call. v holds if err is nil: then core is the
// fold's at that very moment and c the call, and it is called in the host's goroutine: it
// must be quick, and call nothing of the host that waits. Else core and c are nil.
type Done func(core Core, c *Call, v Verdict, err error)

// Position is up to where a log is folded.
type Position struct {
	Topic     string
	Partition int32
	// Offset is that below which everything is folded.
	Offset int64
	// Now is the time of the log, in milliseconds since the log began.
	Now int64
}

// UnknownError says that a call has no verdict yet: it may be in the log, come to stand
// in it later, or never. Resolve tells.
type UnknownError struct {
	Topic     string
	Partition int32
	Call      CallID
	// Err is why it was not waited for any longer.
	Err error
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("the verdict on call %s in %s/%d is unknown; the same call must be made again (Resolve), not another one: %v",
		e.Call, e.Topic, e.Partition, e.Err)
}

func (e *UnknownError) Unwrap() error { return e.Err }

// ErrEnded says that the host has ended, or was not started, and takes no calls.
var ErrEnded = errors.New("the host of the shared log has ended")

// Host makes calls to one partition of a shared log, and answers them from the fold. Make
// one with NewHost, run it once. Its methods are for any goroutine, and may be called
// before Run: they wait for it.
type Host struct {
	cfg     Config
	metrics *metrics

	// folding is held (by a value in it) by what looks at the fold. The host's goroutine
	// holds it but while it waits for records.
	folding  chan struct{}
	fold     *Fold
	follower *eventlog.Follower
	landing  landing
	watchers []*Watcher
	grown    growth
	anew     bool // the fold has begun, and nothing was fetched since
	early    bool // the record that is folded tells of a lost end
	read     bool // a page of the log, once
	denials  int  // how often the log was denied since a page of it was read

	mu      sync.Mutex
	random  *bufio.Reader
	calls   map[CallID]*call // that have no verdict, or whose landing has it
	made    uint64
	given   givenUp
	queue   []*call // to be appended, the oldest first
	queued  chan struct{}
	flights []flight
	at      progress
	buffer  int // bytes of calls
	moved   chan struct{}
	waiting int // for moved

	ran   atomic.Bool
	ended chan struct{}
	err   error // why it ended
}

// progress is how far the host has come.
type progress struct {
	position int64 // below which everything is folded
	end      int64 // where the log ended then
	// unread is the time of the oldest record that is to be folded, or that of the one before it.
	unread     time.Time
	beginnings int
	// level: the host is near the end of the log, so that its calls do not come too late.
	level bool
}

// growth is what was folded since the fold began.
type growth struct{ bytes, records int64 }

const (
	// batchBytes is how much is appended at once.
	batchBytes = 1 << 20
	// bufferBytes and bufferCalls bound the calls without verdict: four appends, or as many
	// small ones. With eight times as many, what is known of them was out of the processor's
	// caches when their verdicts came, and each took a tenth longer.
	bufferBytes = 4 * batchBytes
	bufferCalls = 20_000
)

// NewHost makes a host; nothing happens before Run.
func NewHost(cfg Config) *Host {
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Now == nil {
		cfg.Now = steady.New(steady.Read()).Now
	}
	if cfg.Board == nil {
		cfg.Board = trouble.NewBoard(nil)
	}
	h := &Host{
		cfg: cfg, folding: make(chan struct{}, 1), random: bufio.NewReader(cfg.Random),
		calls: map[CallID]*call{}, queued: make(chan struct{}, 1), moved: make(chan struct{}), ended: make(chan struct{}),
	}
	h.metrics = newMetrics(cfg.Topic, cfg.Partition)
	return h
}

// Run follows the log and appends calls until ctx ends, and then returns nil: calls that
// have no verdict end with an *UnknownError. Its error is final (eventlog.Final): what
// the log holds cannot be read or folded, or the broker denies it. A right that is taken
// away later (eventlog.IsForbidden) does not end it: Trouble names it, and it goes on when
// the right is given back.
func (h *Host) Run(ctx context.Context) error {
	if h.ran.Swap(true) {
		return fmt.Errorf("run the host of %s/%d: it was run before; a host runs once", h.cfg.Topic, h.cfg.Partition)
	}
	if err := h.metrics.register(h.cfg.Meter, h.load); err != nil {
		h.end(err)
		return fmt.Errorf("run the host of %s/%d: register metrics: %w", h.cfg.Topic, h.cfg.Partition, err)
	}
	defer h.metrics.end()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	var appending sync.WaitGroup
	appending.Go(func() { h.appendCalls(inner) })
	err := h.follow(inner)
	stop()
	appending.Wait()
	if ctx.Err() != nil {
		err = nil
	}
	h.end(err)
	return err
}

// Trouble is what is in the way now, for more than a second; nil if nothing is.
func (h *Host) Trouble() error { return h.cfg.Board.Err() }

// Call makes one call and returns its verdict once the fold has it. m must not be changed
// any more. look, if not nil,
// sees the core at that very moment: it is called in the host's goroutine, must be quick,
// and call nothing of the host that waits. If ctx ends before the verdict is known the
// error is an *UnknownError. After any other error nothing of the call is in the log, or
// will be: the message cannot be a call (*events.Malformed), or ctx ended before anything
// was sent.
func (h *Host) Call(ctx context.Context, m proto.Message, look func(core Core, c *Call, v Verdict)) (Verdict, error) {
	c := newWait(look)
	id, err := h.Start(ctx, m, c.done)
	if err != nil {
		return Verdict{}, err
	}
	return h.await(ctx, id, c)
}

// wait is a call that is waited for.
type wait struct {
	look    func(core Core, c *Call, v Verdict)
	verdict Verdict
	err     error
	over    chan struct{}
}

func newWait(look func(core Core, c *Call, v Verdict)) *wait {
	return &wait{look: look, over: make(chan struct{})}
}

func (w *wait) done(core Core, c *Call, v Verdict, err error) {
	if w.verdict, w.err = v, err; err == nil && w.look != nil {
		w.look(core, c, v)
	}
	close(w.over)
}

func (h *Host) await(ctx context.Context, id CallID, w *wait) (Verdict, error) {
	select {
	case <-w.over:
	case <-ctx.Done():
		h.giveUp(id, ctx.Err())
		<-w.over
	}
	return w.verdict, w.err
}
