package query

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Logs is what queries need of a Kafka cluster. It is safe for concurrent use.
type Logs interface {
	// Partition is a log of its own on a partition of a topic, to read from.
	Partition(topic string, n int32) eventlog.Log
	Offsets(ctx context.Context, topic string, n int32) (start, end int64, err error)
}

// Config says what is read. Only Logs must be set.
type Config struct {
	Logs Logs
	// Prefix of the topics; "spanway." if empty.
	Prefix string
	// Encoder writes the events of Reset.
	Encoder events.Encoder
	// Board is told what keeps Tail from reading; if nil, one that tells slog.Default().
	Board *trouble.Board
}

// Querier answers questions. It is safe for concurrent use, and needs no closing.
type Querier struct {
	logs    Logs
	topics  events.Topics
	encoder events.Encoder
	checks  *request.Checker
	board   *trouble.Board
}

// New makes a Querier. It reads nothing before it is asked.
func New(cfg Config) *Querier {
	if cfg.Prefix == "" {
		cfg.Prefix = events.DefaultPrefix
	}
	if cfg.Board == nil {
		cfg.Board = trouble.NewBoard(nil)
	}
	return &Querier{cfg.Logs, events.Topics{Prefix: cfg.Prefix}, cfg.Encoder, request.New(nil), cfg.Board}
}

// Position is how far a partition was read to give an answer.
type Position struct {
	Topic     string
	Partition int32
	// Offset is the first that was not read.
	Offset int64
}

// String writes it as TOPIC/PARTITION@OFFSET.
func (p Position) String() string { return fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset) }

// MarshalText writes it as String does.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// log is a partition of a log that judges itself: a copy is read as what it is a copy of.
func (q *Querier) log(topic string, partition int32) eventlog.Log {
	return mirrored.Of(q.logs.Partition(topic, partition))
}

// Writable returns a *eventlog.ReadOnlyError if a partition is the copy of one in another
// cluster.
func (q *Querier) Writable(ctx context.Context, topic string, partition int32) error {
	return eventlog.Writable(ctx, q.log(topic, partition))
}

func (q *Querier) offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	start, end, err = q.logs.Offsets(ctx, topic, partition)
	return start, end, wrap(err, "look up the offsets of %s/%d", topic, partition)
}

// partitionsOf lists the partitions that a pool is on; all, if none is named.
func (q *Querier) partitionsOf(pool events.Pool) []int32 {
	if pool != "" {
		return []int32{events.PoolPartition(pool)}
	}
	all := make([]int32, events.PoolPartitions)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// core configures a core that folds a partition and keeps no payload in memory.
func (q *Querier) core(partition int32) placement.Config {
	return placement.Config{Topics: q.topics, Partition: partition, PayloadBytes: 1}
}

func orDefault(p events.Pool) events.Pool {
	if p == "" {
		return events.DefaultPool
	}
	return p
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
