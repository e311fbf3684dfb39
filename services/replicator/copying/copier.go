package copying

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// Config is what a Copier copies, and with what.
type Config struct {
	// Copy says what is copied where.
	Copy mirror.Config
	// ID names the copy among the checkpoints.
	ID          string
	Source      Source
	Target      Target
	Checkpoints Checkpoints
	Letters     Letters
	Bounds
	// Larger, if it is set, is called with a record that the target seems not to take: it waits
	// until what the target takes is as it is to be. It may have the Copier stopped.
	Larger func(ctx context.Context)
	// Missing, if it is set, is called when a broker says that it has no such topic: of the
	// source or of the target.
	Missing func()
	// Board tells of what is tried again; nil makes one of Logger.
	Board *trouble.Board
	// Logger is told of incidents; slog.Default() if nil.
	Logger *slog.Logger
	// Report, if it is set, is told how the copy stands: at once when its state or its
	// last error changes, else at most once a second, and not while nothing changes. It is
	// not called concurrently, and holds the copy up.
	Report func(Report)
}

// Bounds are what bounds the copies of a link, or those of all, together.
type Bounds struct {
	// Limit is that of the link; nil is none.
	Limit *Limiter
	// Room bounds the memory of pages; nil is no bound.
	Room *Room
	// Turns bounds how many copies compare keys at once; nil is no bound.
	Turns *Room
	// Admission bounds how many snapshots are copied at once; nil is no bound.
	Admission Admission
}

const (
	// every is how often a checkpoint is saved and what changed is reported, at most.
	every = time.Second
	// patience is how long one read of the source waits for records.
	patience = 5 * time.Second
	// lasts is how long a claim must have stood for the next one not to be spaced.
	lasts = time.Minute
	// parting is how long the last checkpoint of a Copier that is stopped may take.
	parting = 3 * time.Second
)

// Copier runs one copy. Make it with New, and Run it once.
type Copier struct {
	cfg  Config
	copy *mirror.Copy
	try  *trouble.Try

	ahead     *ahead
	pages     int // places of the next page, if it is full
	renewal   time.Duration
	claimed   time.Time // zero: there is no claim
	held      Claimed   // what the target held by then
	renewed   time.Time
	claims    pauses        // between attempts to take the partition
	others    pauses        // between other attempts
	every     time.Duration // see Config.Report
	turn      place         // to compare keys
	room      place         // of the page that the core has
	entry     entry
	waited    int64             // the records of the source below were waited for, see Larger
	waitAt    time.Time         // before it none is waited for
	saved     mirror.Checkpoint // the last one, also while it is being saved
	saveAt    time.Time         // before it the next one is not saved
	saving    *saving           // nil if none is being saved
	unsaved   error             // why the last one was not saved; nil if it was
	saves     pauses            // between attempts to save
	ended     *mirror.Ended     // what is known of the source before the copy has read it
	report    Report
	told      Report // the last one
	toldAt    time.Time
	incidents []mirror.Incident
}

// New makes a Copier.
func New(cfg Config) *Copier {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Board == nil {
		cfg.Board = trouble.NewBoard(cfg.Logger)
	}
	if cfg.Copy.MaxBatch == 0 { // What a target takes bounds a batch, which holds one record at least.
		cfg.Copy.MaxBatch = cfg.Copy.MaxRecord
	}
	fragile(&cfg)
	return &Copier{
		cfg: cfg, pages: 1, every: every, report: Report{Since: time.Now()},
		claims: pauses{first: time.Second, most: time.Minute}, others: pauses{first: 100 * time.Millisecond, most: 5 * time.Second},
		saves: pauses{first: 2 * every, most: time.Minute},
	}
}

// Ended says where the source ended before it Runs, as others have seen it (mirror.Copy.Ended).
func (c *Copier) Ended(e mirror.Ended) { c.ended = &e }

// Run copies until ctx ends, and returns when nothing of it runs any more. A copy that has
// stopped by itself, with a Reason, waits for that too.
func (c *Copier) Run(ctx context.Context) {
	c.try = c.cfg.Board.New(fmt.Sprintf("copy %s/%d of cluster %s", c.cfg.Copy.Source.Topic, c.cfg.Copy.Source.Partition, c.cfg.Copy.Source.Cluster))
	defer c.try.End()
	defer c.part(ctx)
	c.tell(nil)
	for ctx.Err() == nil {
		err := c.advance(ctx)
		c.account()
		if ctx.Err() != nil {
			return
		}
		c.collect(ctx)
		if err == nil && c.settled() {
			c.passed()
		}
		if c.cfg.Missing != nil && kafka.NoSuchTopic(err) {
			c.cfg.Missing()
		}
		c.tell(err)
		switch {
		case err == nil:
		case c.claimed.IsZero():
			c.try.Again(ctx, err, c.claims.next())
		default:
			c.try.Again(ctx, err, c.others.next())
		}
	}
}

// passed notes that steps pass again. Nothing else may be told to be well while checkpoints
// are not saved.
func (c *Copier) passed() {
	c.others.reset()
	if c.unsaved != nil {
		c.report.LastError = c.unsaved.Error()
		return
	}
	c.try.Passed()
	if !c.entry.held { // What was in the way last may be why it is.
		c.report.LastError = ""
	}
}

// settled says that nothing is in the way: all that was read is appended, or the copy rests.
func (c *Copier) settled() bool {
	switch s := c.copy.Next().(type) {
	case mirror.ReadSource:
		return !s.Prove
	case mirror.Rest:
		return true
	}
	return false
}

// advance takes the next step, and what is due beside it.
func (c *Copier) advance(ctx context.Context) error {
	if c.copy == nil {
		saved, err := c.savedNow(ctx)
		if err != nil {
			return err
		}
		c.copy = mirror.New(c.cfg.Copy, saved)
		if c.ended != nil {
			c.copy.Ended(*c.ended)
		}
	}
	if err := c.beside(ctx); err != nil {
		return err
	}
	if held, err := c.takeTurn(ctx); held || err != nil {
		return err
	}
	return c.take(ctx, c.copy.Next())
}

// beside does what is due beside the steps.
func (c *Copier) beside(ctx context.Context) error {
	if err := c.renew(ctx); err != nil {
		return err
	}
	c.save(ctx)
	return nil
}

// takeTurn waits for a turn to compare keys when that begins, until it has one or something
// else is due, such as the end of a checkpoint that is being saved, and gives it back behind it.
func (c *Copier) takeTurn(ctx context.Context) (held bool, err error) {
	switch sweeping := c.copy.State() == mirror.Sweeping; {
	case sweeping && c.turn.n == 0:
		within, cancel := c.untilDue(ctx)
		defer cancel()
		c.turn, err = c.cfg.Turns.take(within, 1)
		if err != nil && ctx.Err() == nil {
			return true, nil
		}
	case !sweeping:
		c.turn.give()
		c.turn = place{}
	}
	return false, err
}

// untilDue is a context that ends when something is due, or the checkpoint that is being saved
// is saved, or was not; cancel must be called, and returns when nothing of it runs any more.
func (c *Copier) untilDue(ctx context.Context) (within context.Context, cancel func()) {
	within, end := context.WithTimeout(ctx, c.due())
	saved := c.beingSaved()
	if saved == nil {
		return within, end
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-saved:
			end()
		case <-within.Done():
		}
	}()
	return within, func() { end(); <-watched }
}

// renew renews the claim if that is due.
func (c *Copier) renew(ctx context.Context) error {
	if c.claimed.IsZero() || c.renewal <= 0 || time.Since(c.renewed) < c.renewal {
		return nil
	}
	began := time.Now()
	if err := c.cfg.Target.Renew(ctx); err != nil {
		c.unknown()
		return err
	}
	c.renewed = began
	return nil
}

// unknown begins anew with a claim.
func (c *Copier) unknown() {
	if time.Since(c.claimed) > lasts {
		c.claims.reset()
	}
	c.claimed = time.Time{}
	c.dropAhead()
	c.giveRoom()
	c.copy.Unknown()
}

// same says that two checkpoints say the same.
func same(a, b *mirror.Checkpoint) bool {
	return a.Generation == b.Generation && a.Claim == b.Claim && a.Start == b.Start && a.Next == b.Next &&
		(a.Last == nil) == (b.Last == nil) && (a.Last == nil || *a.Last == *b.Last) && a.SourceID == b.SourceID && a.TargetID == b.TargetID && a.CaughtUp == b.CaughtUp
}

// part ends what a Copier has begun when it is stopped.
func (c *Copier) part(ctx context.Context) {
	c.dropAhead()
	c.giveRoom()
	c.turn.give()
	c.leave()
	c.awaitSaved() // It ends with ctx.
	if c.copy != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
		defer cancel()
		if mark, ok := c.copy.Checkpoint(); ok && !same(&mark, &c.saved) {
			if err := c.saveNow(last, mark); err != nil { // It is never needed, but saves reading.
				c.cfg.Logger.Warn("the last checkpoint of a copy was not saved", "copy", c.cfg.ID, "error", err)
			}
		}
	}
	c.report.Paused = true
	c.tell(nil)
}

// pauses space attempts: each is about twice as long as the one before, with jitter.
type pauses struct{ first, most, last time.Duration }

func (p *pauses) next() time.Duration {
	p.last = min(max(2*p.last, p.first), p.most)
	return p.last/2 + rand.N(p.last/2+1)
}

func (p *pauses) reset() { p.last = 0 }
