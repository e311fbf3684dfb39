package watermillkafka

import (
	"context"
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
)

// delivery is a message that is handed out until it is acknowledged.
type delivery struct {
	worker *worker
	record *events.Record
	number int // in the worker's window
	msg    *message.Message
	cancel context.CancelFunc // of the message's context
}

// handle hands one record out when it has its turn. It reports whether to go on:
// with one message in flight when it is acknowledged, with more at once.
func (w *worker) handle(ctx context.Context, record *events.Record) bool {
	if !w.keys.enter(ctx, record.Key) {
		return false
	}
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	d := &delivery{worker: w, record: record, number: w.start(record.Offset + 1)}
	msg, err := w.decode(record)
	if err != nil {
		if !w.setAside(ctx, record, err) {
			return false
		}
		d.acknowledged()
		return true
	}
	if !d.handOver(ctx, msg) {
		return false
	}
	if cap(w.slots) == 1 {
		return d.await(ctx)
	}
	w.share.running.Go(func() { d.await(ctx) })
	return true
}

func (w *worker) decode(record *events.Record) (*message.Message, error) {
	if reason, bad := record.Header(events.HeaderUndecodable); bad && len(record.Headers) == 1 {
		return nil, errors.New(string(reason)) // of a whole batch; it is never on the wire
	}
	return w.in.of.config.Unmarshaler.Unmarshal(w.in.topic, record)
}

// handOver gives the message to whoever reads the channel, unless ctx ends
// before somebody does.
func (d *delivery) handOver(ctx context.Context, msg *message.Message) bool {
	if ctx.Err() != nil {
		return false // and if somebody reads all the same, select would toss a coin
	}
	w := d.worker
	var of context.Context
	of, d.cancel = context.WithCancel(&recordCtx{
		Context: messaging.Extract(w.share.messages, msg.Metadata.Get(events.HeaderTraceparent), msg.Metadata.Get(events.HeaderTracestate)),
		record:  d.record, partition: w.partition, generation: w.share.generation,
	})
	d.msg = msg
	msg.SetContext(of)
	select {
	case w.in.out <- msg:
		return true
	case <-ctx.Done():
		d.cancel()
		return false
	}
}

// await waits for the acknowledgement, and hands the message out again as often
// as it is refused. It reports false if the generation ended before.
func (d *delivery) await(ctx context.Context) bool {
	w := d.worker
	for {
		select {
		case <-d.msg.Acked():
			d.cancel()
			d.acknowledged()
			return true
		case <-d.msg.Nacked():
			d.cancel()
		case <-w.share.messages.Done():
			d.cancel()
			return false
		}
		if !trouble.Pause(ctx, w.in.of.config.NackResendSleep) || !d.handOver(ctx, d.msg.Copy()) {
			return false
		}
	}
}

func (d *delivery) acknowledged() {
	d.worker.done(d.number)
	d.worker.keys.leave(d.record.Key)
	<-d.worker.slots
}
