package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/spanway/spanway/internal/kafka/batch"
)

// FenceConfig says what a FencedWriter writes to, and in which name.
type FenceConfig struct {
	// ID is the transactional ID that all writers of the partition claim.
	ID        string
	Topic     string
	Partition int32
	// Shared says that others write to the partition too, so that a batch of another
	// producer is no earlier writer that a claim must fence.
	Shared bool
	// Expiry is after how long the cluster forgets an idle producer or transactional ID;
	// if 0 a claim reads it from the brokers, which needs DescribeConfigs on the cluster.
	Expiry time.Duration
	// Old takes batches whose greatest timestamp is older than half of the expiry too. A
	// broker goes by that timestamp when it forgets a producer, so that such a batch may
	// end the fence at once, until the next Renew.
	Old bool
	// NoTopic, if it is set, is called when a broker says that it has no such topic; the
	// append is tried again all the same.
	NoTopic func()
}

// Claim is what a writer has after it raised the epoch.
type Claim struct {
	ProducerID int64
	Epoch      int16
	// Marker is the offset of the abort marker behind which no batch of an older epoch
	// can come to stand.
	Marker int64
	// Start is the first offset that the partition has. End is what to read the tail up to
	// before the first append: behind the marker, and behind that of an earlier producer ID
	// if there was one to fence. A transaction of another writer that hangs may be open in
	// front of it, so that the tail is read uncommitted.
	Start, End int64
	// RenewEvery is how often to Renew.
	RenewEvery time.Duration
}

// FencedWriter appends to one partition, and no other writer of the same transactional ID
// does so after its Claim. It is safe for concurrent use, but calls wait for each other.
type FencedWriter struct {
	client *Client
	config FenceConfig
	txn    transaction
	log    *Partition
	using  chan struct{} // holds one while there is a call

	producer batch.Producer
	claimed  bool
	fenced   error // for good
	expiry   time.Duration
	renewed  time.Time
}

// FencedWriter makes a writer; it does not connect. Claim first.
func (c *Client) FencedWriter(config FenceConfig) *FencedWriter {
	return &FencedWriter{
		client: c, config: config, using: make(chan struct{}, 1), log: c.Partition(config.Topic, config.Partition).Uncommitted(),
		txn: transaction{client: c, id: config.ID, topic: config.Topic, partition: config.Partition},
	}
}

// Claim takes the partition from every earlier writer of the same transactional ID. After
// it the tail must be read up to Claim.End, and then appends go on behind it. It is also
// the way on after *UnknownOutcome and *FenceLapsed. Each call uses up an epoch, of which a
// producer ID has 32,766, so callers space claims that fail; the coordinator itself goes
// on with another producer ID then. *WriterFenced means that another writer claimed meanwhile.
func (w *FencedWriter) Claim(ctx context.Context) (Claim, error) {
	if err := w.enter(ctx); err != nil {
		return Claim{}, err
	}
	defer w.leave()
	w.claimed = false
	if err := w.learnExpiry(ctx); err != nil {
		return Claim{}, err
	}
	_, before, err := w.ends(ctx)
	if err != nil {
		return Claim{}, err
	}
	began := time.Now()
	err = w.step(ctx, "claim", func() (err error) {
		w.producer, err = w.txn.claim(ctx)
		return err
	})
	if err != nil {
		return Claim{}, err
	}
	if err := w.leaveMarker(ctx); err != nil {
		return Claim{}, err
	}
	marker, err := w.findMarker(ctx, before)
	if err != nil {
		return Claim{}, err
	}
	if err := w.fenceEarlier(ctx, marker); err != nil {
		return Claim{}, err
	}
	start, end, err := w.ends(ctx)
	if err != nil {
		return Claim{}, err
	}
	w.claimed, w.renewed = true, began
	return Claim{ProducerID: w.producer.ID, Epoch: w.producer.Epoch, Marker: marker, Start: start, End: max(end, marker+1), RenewEvery: w.expiry / 4}, nil
}

// Renew keeps the cluster from forgetting the writer, which would let older epochs in. It
// is due every Claim.RenewEvery. After half of the expiry without one, Append fails with
// *FenceLapsed.
func (w *FencedWriter) Renew(ctx context.Context) error {
	if err := w.enter(ctx); err != nil {
		return err
	}
	defer w.leave()
	if err := w.ready(); err != nil {
		return err
	}
	began := time.Now()
	if err := w.leaveMarker(ctx); err != nil {
		return err
	}
	w.renewed = began
	return nil
}

// ends are those of the partition, whatever transactions are open in it.
func (w *FencedWriter) ends(ctx context.Context) (start, end int64, err error) {
	return w.client.ends(ctx, w.config.Topic, w.config.Partition, readUncommitted)
}

// leaveMarker leaves an abort marker of the writer's epoch. EndTxn answers before the
// marker is written, and again with ConcurrentTransactions until it is: only the second
// success says that it stands.
func (w *FencedWriter) leaveMarker(ctx context.Context) error {
	begin := func() error { return w.txn.begin(ctx, w.producer) }
	abort := func() error { return w.txn.abort(ctx, w.producer) }
	for _, try := range []func() error{begin, abort, abort} {
		if err := w.step(ctx, "leave a marker", try); err != nil {
			return err
		}
	}
	return nil
}

// fenceEarlier fences the producer IDs that the transactional ID had before, as far as the
// log in front of the marker shows them. The coordinator does not know them any more.
func (w *FencedWriter) fenceEarlier(ctx context.Context, marker int64) error {
	if w.config.Shared {
		return nil
	}
	ids, err := w.earlier(ctx, marker)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := w.client.persist(ctx, w.what("fence an earlier producer ID"), w.txn.needs(), func() error {
			err := w.txn.mark(ctx, batch.Producer{ID: id, Epoch: math.MaxInt16})
			if errors.Is(err, kafkago.InvalidProducerEpoch) {
				return nil // an epoch cannot be greater: it is fenced
			}
			return err
		})
		if err != nil {
			return &EarlierUnfenced{ID: w.config.ID, Topic: w.config.Topic, Partition: w.config.Partition, Earlier: id, Current: w.producer.ID, Err: err}
		}
	}
	return nil
}

// step is one request of the protocol, sent until its budget is spent. Another writer's
// claim ends it, and so does a cluster that has forgotten this one.
func (w *FencedWriter) step(ctx context.Context, what string, try func() error) error {
	var over error
	err := w.client.persist(ctx, w.what(what), w.txn.needs(), func() error {
		err := try()
		if fencing(err) || errors.Is(err, kafkago.InvalidProducerIDMapping) {
			over = err
			return nil
		}
		return err
	})
	switch {
	case fencing(over):
		return w.stop(over)
	case over != nil:
		w.claimed = false
		return &FenceLapsed{ID: w.config.ID, Topic: w.config.Topic, Partition: w.config.Partition, Err: over}
	}
	return err
}

func (w *FencedWriter) what(what string) string {
	return fmt.Sprintf("%s of %s/%d as %s", what, w.config.Topic, w.config.Partition, w.config.ID)
}

// fencing tells the answers by which a broker and a coordinator refuse an older epoch.
func fencing(err error) bool {
	return errors.Is(err, kafkago.InvalidProducerEpoch) || errors.Is(err, kafkago.ProducerFenced)
}

func (w *FencedWriter) stop(err error) error {
	w.claimed = false
	w.fenced = &WriterFenced{ID: w.config.ID, Topic: w.config.Topic, Partition: w.config.Partition, ProducerID: w.producer.ID, Epoch: w.producer.Epoch, Err: err}
	return w.fenced
}

func (w *FencedWriter) enter(ctx context.Context) error {
	select {
	case w.using <- struct{}{}:
	case <-ctx.Done():
		return &Unsent{Topic: w.config.Topic, Partition: w.config.Partition, Err: fmt.Errorf("wait for another call: %w", ctx.Err())}
	}
	if w.fenced != nil {
		w.leave()
		return w.fenced
	}
	return nil
}

func (w *FencedWriter) leave() { <-w.using }

// ready tells whether the writer may append.
func (w *FencedWriter) ready() error {
	if !w.claimed {
		return &Unsent{Topic: w.config.Topic, Partition: w.config.Partition, Err: errors.New("the writer has no claim: call Claim and read the tail")}
	}
	if since := time.Since(w.renewed); since > w.expiry/2 {
		w.claimed = false
		return &FenceLapsed{ID: w.config.ID, Topic: w.config.Topic, Partition: w.config.Partition,
			Err: fmt.Errorf("not renewed for %s; the cluster forgets it after %s", since.Round(time.Millisecond), w.expiry)}
	}
	return nil
}
