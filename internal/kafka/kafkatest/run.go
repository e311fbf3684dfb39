package kafkatest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

// Broker is one running broker, fit to be killed.
type Broker struct {
	Addr string
	// Kill ends it as roughly as it can, Stop as an operator does; Start runs it again
	// with the data and the address it had.
	Kill, Stop, Start func()
	// Away is how long a leader is away in the test of that name.
	Away time.Duration
	// Pause stops it with its connections open, Continue lets it run on. Nil where that
	// cannot be done: then the suite has no test of it.
	Pause, Continue func()
	// Move makes another broker the leader of a partition; for RunMoves.
	Move func(topic string, partition int32)
	// Compact makes the broker compact now; nil if it does so by itself, within
	// seconds.
	Compact func()
	// ForgetsProducers says that the broker forgets idle producers when
	// producer.id.expiration.ms says so, and looks at it every second or so.
	ForgetsProducers bool
	// ChecksTopics says that the broker refuses names and settings that are none.
	ChecksTopics bool

	byID bool // idle partitions are asked for by the ID of their topic
}

// patience bounds every wait of the suite.
const patience = 90 * time.Second

// Run runs the suite, one test after the other because some kill the broker.
func Run(t *testing.T, b Broker) {
	tests := []test{
		{"records come back as they were", roundTrip},
		{"every compression is written", compressionsWritten},
		{"every compression is read", compressionsRead},
		{"a batch beyond the fetch limit is read", largeBatch},
		{"a batch that opens to more than a page is read in pieces", hugeBatches},
		{"a record that is too large is refused", tooLarge},
		{"a fetch waits for a record", fetchWaits},
		{"an offset out of range is told", outOfRange},
		{"idle partitions, asked for by name", waits},
		{"idle partitions, asked for by the ID of their topic", byID(waits)},
		{"both kinds of them at once", bothKinds},
		{"a topic that is created again", createdAgain},
		{"a topic that does not exist is named", noSuchTopic},
		{"two producers interleave", twoProducers},
		{"a producer of many partitions", manyPartitions},
		{"aborted records and control batches are passed", abortedAtTheEnd},
		{"aborted records of a transaction around another are passed", abortedWithinAnother},
		{"an open transaction is not read", openTransaction},
		{"a compacted tail and empty batches are passed", compactedTail},
		{"a lost acknowledgement appends once", lostAcknowledgement},
		{"a lost request is sent again", lostRequest},
		{"expired producer state is no obstacle", expiredProducer},
		{"the beginning of a partition is deleted", deleteRecords},
		{"topics are created and verified", ensureTopics},
		{"topics are created by several at once", ensureAtOnce},
		{"topics are described and changed", alterTopics},
		{"a dead member is replaced", deadMember},
		{"a group shares partitions and is left at once", groupMembership},
		{"commits are fenced", fencedCommits},
		{"offsets are committed for a group without members", foreignCommits},
		{"a restart of the broker", restart},
		{"the end of an empty partition outlives a restart", emptyRestart},
		{"connections that died idle", deadConnections},
		{"a leader that is away", leaderAway},
		{"idle partitions of a broker that is restarted", idleOverRestart},
		{"idle partitions of a broker that is restarted, asked for by ID", byID(idleOverRestart)},
	}
	if b.Pause != nil {
		tests = append(tests, test{"a broker that is paused", pausedBroker})
	}
	runAll(t, b, tests)
}

type test struct {
	name string
	run  func(*testing.T, Broker)
}

func runAll(t *testing.T, b Broker, tests []test) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, b) })
	}
}

// byID is a test whose partitions are asked for by the ID of their topic.
func byID(run func(*testing.T, Broker)) func(*testing.T, Broker) {
	return func(t *testing.T, b Broker) {
		b.byID = true
		run(t, b)
	}
}

// RunMoves runs what needs more than one broker, and needs none to be killed.
func RunMoves(t *testing.T, b Broker) {
	runAll(t, b, []test{
		{"the leader of an idle partition moves", leaderMoved},
		{"the leader of an idle partition moves, asked for by ID", byID(leaderMoved)},
	})
}

// client makes a client that ends with the test.
func client(t *testing.T, b Broker, change ...func(*kafka.Config)) *kafka.Client {
	t.Helper()
	config := kafka.Config{Brokers: []string{b.Addr}}
	for _, f := range change {
		f(&config)
	}
	c := kafka.New(config)
	t.Cleanup(c.Close)
	return c
}

// topic creates one for the test, named after it.
func topic(t *testing.T, c *kafka.Client, partitions int32, config map[string]string) string {
	t.Helper()
	name := topicOf(t)
	if _, err := c.Ensure(limited(t), []events.TopicSpec{{Name: name, Partitions: partitions, Config: config}}); err != nil {
		t.Fatal(err)
	}
	return name
}

// topicOf is the name of a test's topic.
func topicOf(t *testing.T) string {
	return "t." + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name())
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// other is a client of another maker.
func other(t *testing.T, b Broker, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// values makes n records whose values tell them apart.
func values(prefix string, n int) []events.Record {
	out := make([]events.Record, n)
	for i := range out {
		out[i] = events.Record{Timestamp: time.Now().UnixMilli(), Value: fmt.Append(nil, prefix, i)}
	}
	return out
}

func appended(t *testing.T, p *kafka.Partition, records []events.Record) int64 {
	t.Helper()
	base, err := p.Append(limited(t), records)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// readAll reads from an offset to the end and checks what every page must be.
func readAll(t *testing.T, p *kafka.Partition, from int64) (records []events.Record, end int64) {
	t.Helper()
	ctx := limited(t)
	for {
		page, err := p.Fetch(ctx, from, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if page.Next < from || page.End < page.Next {
			t.Fatalf("from %d: next %d, end %d", from, page.Next, page.End)
		}
		for i := range page.Records {
			if o := page.Records[i].Offset; o < from || o >= page.Next {
				t.Fatalf("a record at %d in a page of [%d, %d)", o, from, page.Next)
			}
			from = page.Records[i].Offset + 1
		}
		records = append(records, page.Records...)
		if from = page.Next; from >= page.End {
			return records, from
		}
		if ctx.Err() != nil {
			t.Fatalf("it stalls at %d of %d", from, page.End)
		}
	}
}

// texts are the records' values.
func texts(records []events.Record) []string {
	out := make([]string, len(records))
	for i := range records {
		out[i] = string(records[i].Value)
	}
	return out
}

func compressed(c batch.Compression) func(*kafka.Config) {
	return func(config *kafka.Config) { config.Compression = c }
}
