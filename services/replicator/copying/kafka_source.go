package copying

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// kafkaSource is a partition of a Kafka cluster that is read.
type kafkaSource struct {
	client    *kafka.Client
	topic     string
	partition int32
	log       *kafka.Partition
	id        string // of the topic, when it was last read
	settle    time.Duration
}

// NewSource makes a Source of a partition; it does not connect.
func NewSource(client *kafka.Client, topic string, partition int32) Source {
	return &kafkaSource{client: client, topic: topic, partition: partition, settle: time.Second}
}

// handle reads the partition of a topic with an ID. Of headers only few are looked at.
func (s *kafkaSource) handle(id string) *kafka.Partition {
	return s.client.Partition(s.topic, s.partition).OfTopic(id).HeadersEncoded()
}

// proofBytes bounds a page of a proof, of which few records are needed: all copies read one
// when they begin, whether there is room for pages or not.
const proofBytes = 64 << 10

// errCreatedAgain: while the topic is created again its name stands for either.
var errCreatedAgain = errors.New("the topic was created again")

// Read implements Source. A leader that takes requests by ID proves the topic with each page.
// Of others it is asked: an ID that was seen after the page before, and again after this one,
// was that of the topic in between, for none comes back.
func (s *kafkaSource) Read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error) {
	if how.Anew || s.id == "" {
		id, err := s.client.TopicID(ctx, s.topic, s.partition)
		if err != nil {
			return mirror.Source{}, err
		}
		s.id, s.log = id, s.handle(id)
	}
	id, log := s.id, s.log.AtMost(placeBytes*int32(max(1, how.Places)))
	if how.Anew {
		log = s.handle(id).AtMost(proofBytes)
	}
	page, proven, err := s.page(ctx, log, from, wait)
	var gone *kafka.TopicGone
	if errors.As(err, &gone) {
		s.id = ""
	}
	if err != nil {
		return mirror.Source{}, err
	}
	if !proven {
		err = s.prove(ctx)
	}
	return mirror.Source{Page: page, ID: id}, err
}

// prove asks whether the topic still has the ID.
func (s *kafkaSource) prove(ctx context.Context) error {
	has, err := s.client.TopicID(ctx, s.topic, s.partition)
	if err != nil || has == s.id {
		return err
	}
	before := s.id
	s.id = ""
	return fmt.Errorf("read %s/%d: %w: it had ID %s and has %s", s.topic, s.partition, errCreatedAgain, before, has)
}

// page reads a page, and says whether it is proven; of an offset that is not there one
// without records.
func (s *kafkaSource) page(ctx context.Context, log *kafka.Partition, from int64, wait time.Duration) (events.Page, bool, error) {
	page, proven, err := log.FetchProven(ctx, from, wait)
	var out *kafka.OutOfRange
	if !errors.As(err, &out) {
		return page, proven, err
	}
	if out.End < from {
		if out, err = s.certain(ctx, out); err != nil {
			return page, false, err
		}
	}
	return events.Page{Next: from, Start: out.Start, End: out.End, Term: out.Term}, false, nil
}

// confirmations are how often the leader of one epoch must say that it has lost its end.
const confirmations = 2

// certain asks the leader again, over fresh connections, until it has said for a while that
// it does not have an offset. A leader that is new may show less than there is.
func (s *kafkaSource) certain(ctx context.Context, first *kafka.OutOfRange) (*kafka.OutOfRange, error) {
	fresh := s.client.Like(func(*kafka.Config) {})
	defer fresh.Close()
	try := s.client.Board().New(fmt.Sprintf("make certain that %s/%d has lost its end", s.topic, s.partition))
	defer try.End()
	log, last := fresh.Partition(s.topic, s.partition), *first
	for range confirmations {
		if !try.Again(ctx, first, s.settle/confirmations) {
			return nil, ctx.Err()
		}
		var out *kafka.OutOfRange
		if _, err := log.Fetch(ctx, first.Offset, 0); !errors.As(err, &out) {
			return nil, fmt.Errorf("read %s/%d from offset %d: its leader said that it has lost its end, and now that it has not: %w", s.topic, s.partition, first.Offset, errors.Join(first, err))
		}
		if uint32(out.Term) != uint32(last.Term) || out.End >= first.Offset { // The epoch of the leader is in the lower half.
			return nil, fmt.Errorf("read %s/%d: its leader moves: %w", s.topic, s.partition, out)
		}
		last = *out
	}
	last.Term = first.Term
	return &last, nil
}
