package logowner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Config says which log a program owns, and with what. I is what its core decides
// on. All but Instance, Snapshots, Logger, Meter and Extend must be set.
type Config[I any] struct {
	// Name names the program in errors, such as "shop.orders".
	Name string
	// Log is the topic to own, and Catalogue the entries of that log and of every
	// topic that it names: its inputs, its outputs, its snapshots. They are created
	// if they are missing, but for those that are another service's (events.Log.Foreign): of
	// these the inputs are waited for. Package events has the entries of Spanway's own logs.
	Log       string
	Catalogue []events.Log
	// Group is the consumer group by which the processes of the program share the
	// partitions of the log.
	Group string
	// Inputs are those that the entry of the log names. Of what has arrived the
	// records of the first one are decided first. A topic may be there several times, each
	// time with another Partition.
	Inputs []Input[I]
	// NewCore makes the empty core of a partition.
	NewCore func(partition int32) eventlog.Core[I]

	Cluster Cluster
	// Encoder writes the events. Its source should name the program, not the process.
	Encoder events.Encoder
	// Instance names this process to people; nothing is decided by it.
	Instance  string
	Snapshots Snapshots
	Telemetry Telemetry
	// Extend may change what an owner of a partition works with, before it runs.
	Extend func(t *Tenure[I])
}

// Input is a topic that the core decides on. If its entry in the catalogue says that
// it is an owned log, only what counts is handed on.
type Input[I any] struct {
	Topic string
	// Partition, if set, is which partition of the topic the owner of a partition of the log
	// reads, such as At(0); if nil, the one with its own number. It must give the same at each
	// call, and at each process. Two owners may read one partition only if they do not delete
	// its records: if it is Foreign, or not kept UntilFolded.
	Partition func(own int32) int32
	// Prepare makes of a record what the core is given. It is called outside of the
	// owner's loop, in one goroutine for each partition. It cannot fail: what is
	// wrong with a record is part of what it makes, and the core's to refuse.
	Prepare func(topic string, partition int32, rec *events.Record) I
	// Missed, if set, makes an input of the fact that records were deleted before they were
	// read: those from one offset on, below another. It is called as Prepare is.
	Missed func(topic string, partition int32, from, to int64) I
	// Silence: what depends on silence is measured by this input (events.Clock.ReadTo).
	// If it is set for none, it is measured by all.
	Silence bool
}

// At is a Partition: this one, whichever partition of the log is owned.
func At(partition int32) func(own int32) int32 { return func(int32) int32 { return partition } }

// of is the partition that the owner of a partition reads.
func (in *Input[I]) of(own int32) int32 {
	if in.Partition == nil {
		return own
	}
	return in.Partition(own)
}

// Snapshots says when snapshots are written and what is kept. What is 0 has the
// default that is named.
type Snapshots struct {
	// Bytes is how much a log grows between two snapshots, in bytes: 64 MiB, and at
	// least twice the size of the last one. Events bounds it by the number of events:
	// no bound. Interval is how long what was appended may stand in no snapshot: 10
	// minutes.
	Bytes    int64
	Events   int64
	Interval time.Duration
	// History is how long events stay in the log although a snapshot holds what they
	// led to: 7 days. Below 0: for ever.
	History time.Duration
}

// Defaults of Snapshots.
const (
	DefaultHistory  = 7 * 24 * time.Hour
	DefaultInterval = 10 * time.Minute
)

// Telemetry is what tells people how it goes: slog.Default and no metrics if it is
// empty.
type Telemetry struct {
	Logger *slog.Logger
	Meter  metric.Meter
}

// Tenure is what one owner of one partition works with, from its claim to the loss of
// it. Extend may wrap or replace what is in it. All is used by the owner's goroutine.
type Tenure[I any] struct {
	Partition int32
	Logger    *slog.Logger
	// Now is the owner's clock, which no step of the wall clock moves.
	Now func() time.Time
	// Inputs is what the owner reads: a Merge of the topics.
	Inputs eventlog.Inputs[I]
	// Read tells, of a topic, up to where the owner was handed records: of its first input, if
	// it is several.
	Read func(topic string) int64
	// Hooks are called besides those of this package.
	Hooks eventlog.Hooks[I]
	// Publishing, if set, may add headers to a record that the event at that offset
	// causes. sent, if not nil, is told what became of it, from any goroutine; ctx is
	// for what is logged of it.
	Publishing func(cause int64, partition int32, rec *events.Record) (ctx context.Context, sent func(offset int64, err error))
	// Notify sends a record that no event causes, or drops it if its partition takes
	// none now: false. It never blocks.
	Notify func(topic string, partition int32, rec events.Record) bool
}

// Validate names the first field that cannot be used, and the remedy.
func (c *Config[I]) Validate() error {
	log, ok := c.entry(c.Log)
	switch {
	case c.Name == "":
		return errors.New("log owner config: Name is empty; name the program, such as \"shop.orders\"")
	case !ok:
		return fmt.Errorf("log owner config: the catalogue has no entry of %q; add one, of kind OwnedLog", c.Log)
	case log.Kind != events.OwnedLog:
		return fmt.Errorf("log owner config: %s is a log of kind %q; only one of kind %q has an owner", c.Log, log.Kind, events.OwnedLog)
	case log.Foreign:
		return fmt.Errorf("log owner config: %s is Foreign in the catalogue; a log that is owned is the program's own", c.Log)
	case c.Group == "":
		return errors.New("log owner config: Group is empty; name the consumer group that shares the partitions")
	case c.Cluster == nil:
		return errors.New("log owner config: Cluster is nil; open one with cluster.Open, and give it by On")
	case c.NewCore == nil:
		return errors.New("log owner config: NewCore is nil; give a function that makes an empty core")
	case c.Encoder.Source == "":
		return errors.New("log owner config: Encoder.Source is empty; name the program, such as \"/shop/orders\"")
	case c.Snapshots.Bytes < 0 || c.Snapshots.Events < 0 || c.Snapshots.Interval < 0:
		return errors.New("log owner config: Snapshots has a size, count or interval below 0; use 0 for the default")
	}
	return errors.Join(c.validateInputs(log), c.validateTopics(log))
}

func (c *Config[I]) validateInputs(log events.Log) error {
	for i, in := range c.Inputs {
		entry, ok := c.entry(in.Topic)
		switch {
		case !ok || !slices.Contains(log.Inputs, in.Topic):
			return fmt.Errorf("log owner config: input %q is not one of those that the catalogue names for %s: %q", in.Topic, log.Topic, log.Inputs)
		case in.Prepare == nil:
			return fmt.Errorf("log owner config: Prepare of input %q is nil; give a function that reads a record", in.Topic)
		case entry.Kind == events.SharedLog: // Package eventlog/sharedlog is to judge it.
			return fmt.Errorf("log owner config: input %q is a shared log, which cannot be an input yet", in.Topic)
		case in.Partition == nil && entry.Partitions != log.Partitions:
			return fmt.Errorf("log owner config: input %q has %d partitions, and %s has %d; an owner reads the partition with its own number, unless Partition says another",
				in.Topic, entry.Partitions, log.Topic, log.Partitions)
		}
		if err := c.validatePartitions(log, entry, i); err != nil {
			return err
		}
	}
	for _, topic := range log.Inputs {
		if !slices.ContainsFunc(c.Inputs, func(in Input[I]) bool { return in.Topic == topic }) {
			return fmt.Errorf("log owner config: there is no input %q, and the catalogue names %q for %s; give each of them", topic, log.Inputs, log.Topic)
		}
	}
	return nil
}

// validatePartitions looks which partitions of an input the owners of the log read: each must be
// there, none is read twice by one of them, nor by two if they delete what they have read.
func (c *Config[I]) validatePartitions(log, entry events.Log, input int) error {
	read := map[int32]int32{} // by whom
	for own := range log.Partitions {
		n := c.Inputs[input].of(own)
		other, twice := read[n]
		switch {
		case !entry.Has(n):
			return fmt.Errorf("log owner config: the owner of partition %d is to read partition %d of input %q, which has %d; mend Partition", own, n, entry.Topic, entry.Partitions)
		case slices.ContainsFunc(c.Inputs[:input], func(in Input[I]) bool { return in.Topic == entry.Topic && in.of(own) == n }):
			return fmt.Errorf("log owner config: partition %d of input %q is there twice for the owner of partition %d; give it once", n, entry.Topic, own)
		case twice && c.deletes(entry.Topic):
			return fmt.Errorf("log owner config: the owners of partitions %d and %d read partition %d of input %q, and each deletes what it has read; give each another one", other, own, n, entry.Topic)
		}
		read[n] = own
	}
	return nil
}

// validateTopics looks for the entries of the topics that are written.
func (c *Config[I]) validateTopics(log events.Log) error {
	for _, topic := range append(slices.Clone(log.Outputs), events.Snapshots(log.Topic)) {
		if _, ok := c.entry(topic); !ok {
			return fmt.Errorf("log owner config: the catalogue has no entry of %q, to which the owner of %s writes; add one", topic, log.Topic)
		}
	}
	return nil
}

// entry finds a topic in the catalogue.
func (c *Config[I]) entry(topic string) (events.Log, bool) {
	i := slices.IndexFunc(c.Catalogue, func(l events.Log) bool { return l.Topic == topic })
	if i < 0 {
		return events.Log{}, false
	}
	return c.Catalogue[i], true
}

// receivers are the partitions on which a lost tail is told: those of published logs
// that some role reads. Which of them had read what is lost is not known.
func (c *Config[I]) receivers() (out []eventlog.TopicPartition) {
	log, _ := c.entry(c.Log)
	for _, topic := range log.Outputs {
		entry, _ := c.entry(topic)
		if entry.Kind != events.PublishedLog || len(entry.Readers) == 0 {
			continue
		}
		for i := range entry.Partitions {
			out = append(out, eventlog.TopicPartition{Topic: topic, Partition: i})
		}
	}
	return out
}

// deletes tells whether the owner is the one that deletes records of a topic: of its
// log, of its snapshots, and of inputs that nothing else needs.
func (c *Config[I]) deletes(topic string) bool {
	entry, ok := c.entry(topic)
	return ok && !entry.Foreign && (topic == c.Log || topic == events.Snapshots(c.Log) || entry.Kept == events.UntilFolded)
}
