// Counter adds up numbers, exactly, on as many machines as you like: an event-sourced
// service with a log of its own. README.md says how to run it.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
)

// An event of the counter is a number that was added.
func init() { events.Register("example.counter.added.v1", events.Event, (*wrapperspb.Int64Value)(nil)) }

const topic, adds, partitions = "counter.events", "counter.adds", 2

var catalogue = []events.Log{
	{Topic: topic, Kind: events.OwnedLog, Partitions: partitions, Kept: events.WithHistory, Inputs: []string{adds}},
	{Topic: events.Snapshots(topic), Kind: events.SnapshotLog, Of: topic, Partitions: partitions, Kept: events.NewestTwo},
	{Topic: adds, Kind: events.InputLog, Partitions: partitions, Kept: events.UntilFolded},
}

// counter is the core: a fold of one partition of the log, and decisions on it.
type counter struct{ total int64 }

func (c *counter) Apply(l events.Logged) {
	if m, ok := l.Message.(*wrapperspb.Int64Value); ok {
		c.total += m.Value
	}
}

func (c *counter) Snapshot(dst []byte) []byte { return binary.AppendVarint(dst, c.total) }

func (c *counter) Restore(state []byte) error {
	total, n := binary.Varint(state)
	if c.total = total; n <= 0 || n != len(state) {
		return errors.New("not the state of a counter")
	}
	return nil
}

func (c *counter) FoldVersion() uint32 { return 1 }

// Floor: the state refers to no offset of the log.
func (c *counter) Floor() int64 { return math.MaxInt64 }

func (c *counter) Decide(in events.Input[int64], _ events.Clock, emit func(proto.Message)) {
	if in.Value != 0 {
		emit(wrapperspb.Int64(in.Value))
	}
}

// Nothing is due by time, and nothing is published.
func (c *counter) Advance(events.Clock, func(proto.Message)) bool { return false }
func (c *counter) Publish(events.Logged, func(events.Outgoing))   {}

// number reads an input: what is not a number adds nothing.
func number(_ string, _ int32, r *events.Record) int64 {
	n, _ := strconv.ParseInt(string(r.Value), 10, 64)
	return n
}

// newService owns partitions of the log.
func newService(c *cluster.Cluster) (*logowner.Service[int64], error) {
	return logowner.New(logowner.Config[int64]{
		Name: "counter", Log: topic, Catalogue: catalogue, Group: "counter", Cluster: logowner.On(c),
		Inputs:  []logowner.Input[int64]{{Topic: adds, Prepare: number}},
		NewCore: func(int32) eventlog.Core[int64] { return &counter{} },
		Encoder: events.Encoder{Source: "/example/counter"}, Snapshots: logowner.Snapshots{Events: 1000},
	})
}

// total is what everything comes to that was decided before it was asked: a barrier on
// each partition, by a snapshot and what came since.
func total(ctx context.Context, c *cluster.Cluster) (sum int64, err error) {
	for p := range int32(partitions) {
		f := eventlog.NewFollower(eventlog.FollowerConfig{
			Log: c.Partition(topic, p), Topic: topic, Partition: p, Now: time.Now,
			NewFold:   func() eventlog.Fold { return &counter{} },
			Snapshots: &eventlog.Snapshots{Log: c.Partition(events.Snapshots(topic), p), Topic: topic, Partition: p},
		})
		if err := f.Barrier(ctx); err != nil {
			return 0, err
		}
		sum += f.Fold().(*counter).total
	}
	return sum, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 3 {
		log.Fatal("usage: counter BROKER serve|total")
	}
	c := must(cluster.Open(cluster.Config{Brokers: os.Args[1:2]}))
	if os.Args[2] == "total" {
		fmt.Println(must(total(ctx, c)))
		return
	}
	if err := must(newService(c)).Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
