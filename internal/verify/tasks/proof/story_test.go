package proof

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/services/scheduler/placement"
)

const (
	blue   = "blue"
	owners = 4
	stepMs = 100
	// roundsPerStep is how often the owner looks at the time in a step.
	roundsPerStep = 5
	steps         = 200 // in which there are requests
	lastRest      = 100 // steps after the last request
)

var (
	topics    = events.Topics{Prefix: events.DefaultPrefix}
	partition = events.PoolPartition(blue)
)

// Errors with which an owner's life ends.
var (
	errDone   = errors.New("the story is told")
	errKilled = errors.New("this owner is killed")
)

// story is one world: it is the ports of the owner, and the fleet behind them.
type story struct {
	t         testing.TB
	r         *rand.Rand
	log       *memlog.Log
	cfg       placement.Config
	prep      *placement.Preparer
	nowMs     int64
	step      int
	round     int
	submitted int
	killAt    int // the step at which the owner is killed
	moves     bool

	topics [2]input // requests, reports
	texts  []expr
	fleet
}

// input is one topic that the owner reads.
type input struct {
	name    string
	records []events.Record
	next    int64
}

func newStory(t testing.TB, seed uint64) *story {
	s := &story{t: t, r: rand.New(rand.NewPCG(seed, 1)), log: memlog.New(), nowMs: 1_700_000_000_000}
	s.cfg = placement.Config{Topics: topics, Partition: partition, Predicates: predicate.NewCache(0)}
	s.prep = placement.NewPreparer(s.cfg)
	s.topics = [2]input{{name: topics.Requests()}, {name: topics.Reports()}}
	s.texts = predicates(s.r, 400)
	s.build()
	return s
}

// tell runs owners one after the other, until the story is over.
func (s *story) tell() {
	s.t.Helper()
	for i := range owners {
		s.killAt = (i + 1) * steps / (owners - 1)
		if i == owners-1 {
			s.killAt = 1 << 30
		}
		err := eventlog.NewOwner(eventlog.OwnerConfig[*placement.Prepared]{
			Log: s.log, Topic: topics.Events(), Partition: partition, Inputs: s, Outbox: s,
			NewCore: func() eventlog.Core[*placement.Prepared] { return placement.New(s.cfg) },
			Encoder: events.Encoder{Source: "/spanway/proof/scheduler"}, Instance: fmt.Sprintf("owner-%d", i),
			Now:    func() time.Time { return time.UnixMilli(s.nowMs) },
			Random: func() (id [16]byte) { binary.BigEndian.PutUint64(id[:], s.r.Uint64()); return id },
		}).Run(context.Background())
		if errors.Is(err, errDone) {
			return
		}
		if !errors.Is(err, errKilled) {
			s.t.Fatal(err)
		}
	}
	s.t.Fatal("the story has no end")
}

// records gives the log and forgets all else that there was.
func (s *story) records() []events.Record {
	s.t.Helper()
	var out []events.Record
	for next := int64(0); ; {
		page, err := s.log.Fetch(context.Background(), next, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(page.Records) == 0 {
			break
		}
		out, next = append(out, page.Records...), page.Next
	}
	s.topics, s.fleet = [2]input{}, fleet{}
	return out
}

// Seek implements eventlog.Inputs.
func (s *story) Seek(positions map[eventlog.TopicPartition]int64) {
	for i := range s.topics {
		s.topics[i].next = positions[eventlog.TopicPartition{Topic: s.topics[i].name, Partition: partition}]
	}
}

// Next implements eventlog.Inputs: a step of time, and what it brought. Between
// two steps the owner has some rounds in which nothing happens, to catch up.
func (s *story) Next(context.Context, eventlog.Wait) (eventlog.Arrivals[*placement.Prepared], error) {
	if s.round++; s.round%roundsPerStep > 0 {
		return eventlog.Arrivals[*placement.Prepared]{ReadTo: s.nowMs}, nil
	}
	s.step++
	s.nowMs += stepMs
	switch {
	case s.submitted >= manyTasks && s.rest <= 0:
		return eventlog.Arrivals[*placement.Prepared]{}, errDone
	case s.step >= s.killAt:
		return eventlog.Arrivals[*placement.Prepared]{}, errKilled
	}
	s.live()
	a := eventlog.Arrivals[*placement.Prepared]{ReadTo: s.nowMs}
	for i := range s.topics {
		in := &s.topics[i]
		for ; in.next < int64(len(in.records)); in.next++ {
			a.Inputs = append(a.Inputs, events.Input[*placement.Prepared]{
				Place: events.Place{Topic: in.name, Partition: partition, Offset: in.next},
				Value: s.prep.Prepare(in.name, partition, &in.records[in.next]),
			})
		}
	}
	return a, nil
}

// send appends a message to the topic that it belongs on.
func (s *story) send(m proto.Message) {
	in := &s.topics[0]
	if events.KindOf(events.TypeOf(m)) == events.Report {
		in = &s.topics[1]
	}
	record, err := events.Encoder{Source: "/proof"}.Encode(fmt.Sprintf("%d", len(in.records)), m)
	if err != nil {
		s.t.Fatal(err)
	}
	record.Key, record.Offset = []byte(blue), int64(len(in.records))
	in.records = append(in.records, record)
}

// Send implements eventlog.Outbox: an engine is given its assignment at once,
// unless it is not there.
func (s *story) Send(_ int64, topic string, _ int32, record events.Record) {
	if topic != topics.Assignments() {
		return
	}
	_, m, err := events.DecodeTrusted(&record)
	if err != nil {
		s.t.Fatal(err)
	}
	var epoch, n uint32
	from, _ := record.Header(events.HeaderFrom)
	if _, err := fmt.Sscanf(string(from[len(topics.Events()):]), fmt.Sprintf("/%d/%%d/%%d", partition), &epoch, &n); err != nil {
		s.t.Fatal(err)
	}
	s.deliver(epoch, n, m)
}

// Through implements eventlog.Outbox.
func (s *story) Room(string, int32) bool   { return true }
func (s *story) Through(limit int64) int64 { return limit }

// Reset implements eventlog.Outbox.
func (s *story) Reset() {}
