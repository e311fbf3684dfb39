package eventlog

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// tenure is one attempt to own the log, from the fold to the loss of the claim.
// All that is tentative lives here and ends with it.
type tenure[I any] struct {
	*OwnerConfig[I]
	reader *Reader
	core   Core[I]
	batch  batch
	claim  ClaimID

	// last is the newest batch of this tenure that counts, for its confirmation.
	last Header

	// What was read, and how far the log knows of it.
	positions Positions
	unwritten int // inputs decided since a batch was written
	writtenAt int64

	emitter func(proto.Message) // emit, made once and not for every input
	sender  func(events.Outgoing)
	taker   func(int64, *events.Outgoing) bool // takes
	out     []events.Outgoing                  // what sender was given of one event

	clock  events.Clock
	newest newest    // of what the core has folded
	read   time.Time // when clock was read last
	tailAt int64
	idle   bool
	quiet  bool  // since tailAt nothing arrived, and nothing was appended
	fault  error // what emit could not do

	published publishing
	pages     pages // of this log, for what the core left in it
	keeping   *keeping

	// lost is what somebody has seen of the log and is gone, until a claim says so;
	// untold is what claims say, until the log says where it ended.
	lost, untold *events.LogTailLost

	owned, progressed bool
}

func newTenure[I any](cfg *OwnerConfig[I]) *tenure[I] {
	t := &tenure[I]{
		OwnerConfig: cfg,
		reader:      NewReader(cfg.Log, cfg.Topic, cfg.Partition),
		core:        cfg.NewCore(),
		published:   publishing{sent: -1},
		pages:       pages{log: cfg.Log},
	}
	t.emitter, t.taker = t.emit, t.takes
	t.sender = func(out events.Outgoing) { t.out = append(t.out, out) }
	if cfg.Snapshots != nil {
		t.keeping = &keeping{SnapshotConfig: cfg.Snapshots}
	}
	t.reader.OnSkip = t.skipped
	return t
}

func (t *tenure[I]) skipped(why Skip, records []events.Record) {
	if t.Hooks.Skipped != nil {
		t.Hooks.Skipped(why, len(records))
	}
}

func (t *tenure[I]) run(ctx context.Context) error {
	t.Outbox.Reset()
	if err := t.restore(ctx); err != nil {
		return err
	}
	if err := t.reader.Barrier(ctx, t.fold); err != nil {
		return err
	}
	if t.fault != nil {
		return t.fault
	}
	if err := t.claimLog(ctx); err != nil {
		return err
	}
	t.begin()
	if err := t.republish(ctx); err != nil {
		return err
	}
	if err := t.tellLoss(ctx); err != nil {
		return err
	}
	for {
		if err := t.round(ctx); err != nil {
			return err
		}
	}
}

// fold takes an event of the time before this tenure.
func (t *tenure[I]) fold(l events.Logged, r *events.Record) {
	t.apply(l)
	t.foldLoss(l)
	t.published.fold(l, r.Timestamp, r.Size())
	t.grow(1, r.Size())
}

// apply folds an event.
func (t *tenure[I]) apply(l events.Logged) {
	t.core.Apply(l)
	t.newest.pass(l.Message)
	if err := behind(t.core, l, t.Topic, t.Partition); err != nil {
		t.fault = err
	}
}

// claimLog appends a claim and reads it back: who wrote the claim that is the
// current one after its own acknowledged offset owns the log.
func (t *tenure[I]) claimLog(ctx context.Context) error {
	t.claim = t.Random()
	judge := t.reader.Judge()
	at := t.reader.Next()
	counted, countedAt := t.reader.counted, t.reader.countedAt
	t.beyond()
	record, err := t.claimRecord(judge, at)
	if err != nil {
		return err
	}
	base, err := t.Log.Append(ctx, []events.Record{record})
	if err != nil {
		return fmt.Errorf("claim at %d: %w", at, err)
	}
	if t.Hooks.Claimed != nil {
		t.Hooks.Claimed()
	}
	if base < at {
		return &abandoned{&LostError{Expected: at, Found: base}}
	}
	if err := t.readThrough(ctx, base+1, t.fold); err != nil {
		return err
	}
	if t.reader.Judge().Claim != t.claim {
		return fmt.Errorf("claim at %d: %w", base, ErrDisowned)
	}
	return t.confirmFold(ctx, counted, countedAt)
}

// confirmFold checks, once the claim counts, that what it was folded from still
// stands: a tail that was lost after it was read, and has grown again since, would
// else leave an owner whose history nobody shares.
func (t *tenure[I]) confirmFold(ctx context.Context, counted Header, at int64) error {
	if counted.Records == 0 {
		return nil
	}
	page, err := t.Log.Fetch(ctx, at, 0)
	if start, _, outside := OutOfRange(err); outside {
		if start > at {
			return nil // It was truncated.
		}
	} else if err != nil {
		return fmt.Errorf("confirm what was folded up to %d: %w", at, err)
	}
	if r := recordIn(&page, at); r != nil {
		if h, _, err := begin(r); err == nil && h == counted {
			return nil
		}
	}
	return &abandoned{&LostError{Expected: at + int64(counted.Records), Found: at}}
}

func (t *tenure[I]) claimRecord(judge Judge, at int64) (events.Record, error) {
	id := fmt.Sprintf("%s/%d/%d/0", t.Topic, t.Partition, judge.Epoch+1)
	claim := &events.LogClaimed{ClaimId: t.claim[:], Owner: t.Instance}
	if t.lost != nil {
		claim.Lost = &events.LogTailLost{SeenEpoch: t.lost.SeenEpoch, SeenN: t.lost.SeenN, Witness: t.lost.Witness}
	}
	record, err := t.Encoder.Encode(id, claim)
	if err != nil {
		return record, err
	}
	record.Timestamp = t.Now().UnixMilli()
	h := Header{At: at, Prev: judge.History, Epoch: judge.Epoch + 1, Records: 1}
	h.Hash = Hash(h.Prev, []events.Record{record})
	record.Headers = append(record.Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
	return record, nil
}

// readThrough reads up to an offset that was acknowledged. That it cannot be
// reached means that what was acknowledged is gone.
func (t *tenure[I]) readThrough(ctx context.Context, end int64, visit Visit) error {
	// A broker may show a record a moment after it has acknowledged it.
	for tries := 0; t.reader.Next() < end; tries++ {
		before := t.reader.Next()
		switch err := t.reader.Poll(ctx, longPoll, visit); {
		case IsOutOfRange(err) || tries > 10:
			return &abandoned{&LostError{Expected: end, Found: t.reader.End()}}
		case err != nil:
			return err
		case t.reader.Next() > before:
			tries = 0
		}
	}
	return nil
}

// begin starts to decide: the core is at the fold, the claim counts.
func (t *tenure[I]) begin() {
	judge := t.reader.Judge()
	t.owned = true
	t.last = Header{At: judge.ClaimedAt, Epoch: judge.Epoch, Records: 1}
	t.batch.begin(t.Encoder, t.Topic, t.Partition, judge.Epoch)
	t.positions = t.reader.Inputs()
	t.tick()
	t.writtenAt, t.tailAt = t.clock.Now, t.clock.Now
	if t.Hooks.Owned != nil {
		t.Hooks.Owned(judge.Epoch, t.core)
	}
	t.Inputs.Seek(t.positions.Map())
}
