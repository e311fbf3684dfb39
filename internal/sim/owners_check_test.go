package sim

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// counted is one event that counts, and the source of its record.
type counted struct {
	events.Logged
	source string
}

// judgeLog reads a log as anybody would.
func judgeLog(log eventlog.Log, from int64) ([]counted, error) {
	var out []counted
	r := eventlog.NewReaderAt(log, ownersTopic, 0, from)
	err := r.Barrier(context.Background(), func(l events.Logged, rec *events.Record) {
		source, _ := rec.Header(events.HeaderSource)
		out = append(out, counted{l, string(source)})
	})
	return out, err
}

// check says what is wrong with how a run ended, or nil.
func (o *owners) check() error {
	log, err := judgeLog(o.log.Whole(), 0)
	if err != nil {
		return err
	}
	for _, check := range []func([]counted) error{
		func(log []counted) error { return agree(o.world, o.log.Whole(), log) },
		checkEpochs, o.checkInputs, o.checkCores, o.checkPublished, o.two.check,
	} {
		if err := check(log); err != nil {
			return err
		}
	}
	return nil
}

// agree: every reader agrees, whatever the batches and pages on its way, and
// one that begins later agrees from where it can judge (G6).
func agree(w *World, records *memlog.Log, log []counted) error {
	single := memlog.New()
	single.PageRecords = 7
	for _, r := range records.Records() {
		_, _ = single.Append(context.Background(), []events.Record{r})
	}
	again, err := judgeLog(single, 0)
	if err != nil {
		return err
	}
	if !sameEvents(log, again) {
		return fmt.Errorf("a reader of single records counts %d events, one of batches %d", len(again), len(log))
	}
	from := w.Rand.Int64N(records.End())
	late, err := judgeLog(records, from)
	if err != nil {
		return err
	}
	if len(late) > len(log) || !sameEvents(log[len(log)-len(late):], late) {
		return fmt.Errorf("a reader from %d on counts other events than one from the beginning", from)
	}
	return nil
}

func sameEvents(a, b []counted) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Offset != b[i].Offset || a[i].Epoch != b[i].Epoch || a[i].N != b[i].N || !proto.Equal(a[i].Message, b[i].Message) {
			return false
		}
	}
	return true
}

// checkEpochs: epochs begin with a claim and hold only what the claimant wrote,
// numbered without gaps (G6).
func checkEpochs(log []counted) error {
	owner, epoch, n := "", uint32(0), uint32(0)
	for _, l := range log {
		if m, ok := l.Message.(*events.LogClaimed); ok {
			owner, epoch, n = m.Owner, epoch+1, 0
		}
		if l.Epoch != epoch || l.N != n || l.source != owner {
			return fmt.Errorf("offset %d: event %d/%d of %s counts in epoch %d of %s, number %d expected",
				l.Offset, l.Epoch, l.N, l.source, epoch, owner, n)
		}
		n++
	}
	return nil
}

// checkInputs: every input took effect exactly once, whole and in order, and
// what is owed for it was paid once.
func (o *owners) checkInputs(log []counted) error {
	input, part, started, owing := uint64(0), 0, 0, 0
	advance := func() {
		for input < o.produced && part >= toyEvents(input) {
			input, part = input+1, 0
		}
	}
	advance()
	for _, l := range log {
		switch m := l.Message.(type) {
		case *events.TaskProgressed:
			if m.Token != input || int(m.Attempt) != part {
				return fmt.Errorf("offset %d: part %d of input %d counts; part %d of input %d was next",
					l.Offset, m.Attempt, m.Token, part, input)
			}
			if part == 0 {
				owing++
			}
			part++
			advance()
		case *events.TaskStarted:
			started++
		}
	}
	if input != o.produced {
		return fmt.Errorf("input %d never took effect", input)
	}
	if started != owing {
		return fmt.Errorf("%d events were owed, %d count", owing, started)
	}
	return nil
}

// checkCores: whenever an owner looked, its core was the fold of the log.
func (o *owners) checkCores(log []counted) error {
	fold, digests := &toy{}, make([]uint64, len(log)+1)
	for _, l := range log {
		fold.Apply(l.Logged)
		digests[fold.count] = fold.digest
	}
	for _, s := range o.seen {
		if s.count >= len(digests) || digests[s.count] != s.digest {
			return fmt.Errorf("%s had a core of %d events that is not the fold of the log", s.node, s.count)
		}
	}
	return nil
}

// checkPublished: every receiver saw what was published exactly once in effect,
// in order, and nothing that does not count.
func (o *owners) checkPublished(log []counted) error {
	var want [toyParts][]counted
	for _, l := range log {
		if to, ok := toyPublished(l.Message); ok {
			want[to] = append(want[to], l)
		}
	}
	for to, partition := range o.published {
		var got []counted
		var high Mark
		for _, r := range partition.Records() {
			if high.Recovered(&r) {
				continue
			}
			m, fresh, err := high.Above(&r)
			if err != nil {
				return err
			}
			if fresh {
				_, message, err := events.Decode(&r)
				if err != nil {
					return err
				}
				got = append(got, counted{Logged: events.Logged{Epoch: m.Epoch, N: m.N, Message: message}})
			}
		}
		if err := samePublished(want[to], got); err != nil {
			return fmt.Errorf("published partition %d: %w", to, err)
		}
	}
	return nil
}

func samePublished(want, got []counted) error {
	for i := range want {
		switch {
		case i >= len(got):
			return fmt.Errorf("event %d/%d at offset %d never arrived", want[i].Epoch, want[i].N, want[i].Offset)
		case got[i].Epoch != want[i].Epoch || got[i].N != want[i].N || !proto.Equal(got[i].Message, want[i].Message):
			return fmt.Errorf("effect %d is event %d/%d; the log has %d/%d there", i, got[i].Epoch, got[i].N, want[i].Epoch, want[i].N)
		}
	}
	if len(got) > len(want) {
		return fmt.Errorf("event %d/%d took effect, which does not count", got[len(want)].Epoch, got[len(want)].N)
	}
	return nil
}
