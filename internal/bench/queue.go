package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/pkg/queue/order"
)

// QueueConfig of a measurement of queues.
type QueueConfig struct {
	Cluster *cluster.Cluster
	Prefix  string
	// Name begins the names of the queues, which are deleted again.
	Name string
	// Rounds of bare wire and queue, one after the other. A warm-up comes first.
	Rounds int
	// Entries to put in, in a round, and the bytes of each one's payload.
	Entries, Size int
	// Singles are put in one at a time, each when the one before has its place.
	Singles int
	// Claims are entries that Workers claim and finish, one at a time each.
	Claims, Workers int
	// Sizes are numbers of live entries at which the costs of a queue are measured.
	Sizes  []int
	Logger *slog.Logger
	// Progress, if set, is told as entries and their like on the wire are done, by
	// several goroutines at once.
	Progress func(done int)
}

// QueueResult of a measurement. Figures are medians of the rounds.
type QueueResult struct {
	Entries int `json:"entries"`
	Size    int `json:"size"`
	// Enqueue is of entries, the others of claims with their ends.
	Enqueue Compared `json:"enqueue"`
	Claims  int      `json:"claims"`
	Workers int      `json:"workers"`
	Claim   Compared `json:"claim"`
	// Doubles are entries that were handed out twice.
	Doubles int `json:"doubles"`
	Singles int `json:"singles"`
	// Of one entry at a time, over all rounds. On the wire: appended and fetched.
	SingleP50     float64 `json:"single_p50_ms"`
	SingleP99     float64 `json:"single_p99_ms"`
	WireSingleP50 float64 `json:"wire_single_p50_ms"`
	WireSingleP99 float64 `json:"wire_single_p99_ms"`

	Sizes []QueueSize `json:"sizes"`
}

// Compared is a rate beside that of the bare wire in the same round.
type Compared struct {
	PerSecond     float64 `json:"per_second"`
	WirePerSecond float64 `json:"wire_per_second"`
	Ratio         float64 `json:"ratio"`
	// RecordsPerAppend is how many calls were appended together, on average.
	RecordsPerAppend int `json:"records_per_append"`
	// RecordBytes are those of one record, on average; the wire carries the same.
	RecordBytes     float64 `json:"record_bytes"`
	WireRecordBytes float64 `json:"wire_record_bytes"`
	// CPU and allocations of this process, for each entry: an embedded broker's, too.
	CPU            float64 `json:"cpu_us"`
	WireCPU        float64 `json:"wire_cpu_us"`
	Allocations    float64 `json:"allocations"`
	AllocatedBytes float64 `json:"allocated_bytes"`

	Rounds     []float64 `json:"rounds_per_second"`
	RoundWire  []float64 `json:"rounds_wire_per_second"`
	RoundRatio []float64 `json:"rounds_ratio"`
}

// Validate names the first field that cannot be used.
func (c QueueConfig) Validate() error {
	switch {
	case c.Entries < 1:
		return fmt.Errorf("entries is %d; give at least 1", c.Entries)
	case c.Rounds < 1:
		return fmt.Errorf("rounds is %d; give at least 1", c.Rounds)
	case c.Size < 0 || c.Size > order.MaxEntryBytes:
		return fmt.Errorf("size is %d; give 0 to %d bytes", c.Size, order.MaxEntryBytes)
	case c.Singles < 1:
		return fmt.Errorf("singles is %d; give at least 1", c.Singles)
	case c.Claims < 1 || c.Claims > c.Entries:
		return fmt.Errorf("claims is %d; give 1 to %d, as many as there are entries", c.Claims, c.Entries)
	case c.Workers < 1:
		return fmt.Errorf("workers is %d; give at least 1", c.Workers)
	}
	for _, n := range c.Sizes {
		if n < 1 {
			return fmt.Errorf("sizes contains %d; give at least 1 entry each", n)
		}
	}
	return nil
}

// Work is how often Progress is called in all.
func (c QueueConfig) Work() int {
	n := 2 * (c.warm().Entries + c.warm().Claims + c.warm().Singles)
	n += c.Rounds * 2 * (c.Entries + c.Claims + c.Singles)
	for _, size := range c.Sizes {
		n += size
	}
	return n
}

// warm is the warm-up: what it leaves in the log is what the bare wire carries.
func (c QueueConfig) warm() QueueConfig {
	c.Entries, c.Claims, c.Singles = min(c.Entries, warmUp), min(c.Claims, sampled), min(c.Singles, 100)
	return c
}

// queueRun is a measurement of queues.
type queueRun struct {
	cfg     QueueConfig
	made    int
	enqueue kindOfCall
	claim   kindOfCall
	// singles are the times of one entry each, on the wire and in queues.
	singles, wireSingles []time.Duration
}

// kindOfCall is what the calls of one kind left in a log, and what they gave.
type kindOfCall struct {
	records   []events.Record
	perAppend int
	of, wire  []figures
	// bytes of a record on average, in the log of a queue and on the wire.
	bytes, wireBytes float64
}

// RunQueue measures queues. What it created on the cluster is gone when it returns. An entry
// that is handed out twice is an error.
func RunQueue(ctx context.Context, cfg QueueConfig) (QueueResult, error) {
	if err := cfg.Validate(); err != nil {
		return QueueResult{}, err
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int) {}
	}
	r := &queueRun{cfg: cfg.warm()}
	if err := r.warmUp(ctx); err != nil {
		return QueueResult{}, fmt.Errorf("warm up: %w", err)
	}
	r.cfg = cfg
	for i := range cfg.Rounds {
		if err := r.round(ctx); err != nil {
			return QueueResult{}, fmt.Errorf("round %d of %d: %w", i+1, cfg.Rounds, err)
		}
	}
	out := r.result()
	for _, n := range cfg.Sizes {
		size, err := r.size(ctx, n)
		if err != nil {
			return QueueResult{}, fmt.Errorf("a queue of %d entries: %w", n, err)
		}
		out.Sizes = append(out.Sizes, size)
	}
	return out, nil
}

// options of the queues' hosts.
func (r *queueRun) options() queue.Options {
	return queue.Options{Prefix: r.cfg.Prefix, Source: "/spanway/bench", Logger: r.cfg.Logger}
}

// onQueue runs do with a fresh queue, and deletes it.
func (r *queueRun) onQueue(ctx context.Context, o queue.Options, do func(context.Context, *queue.Queue) error) (err error) {
	r.made++
	name := fmt.Sprintf("%s-%d", r.cfg.Name, r.made)
	if err := queue.Create(ctx, r.cfg.Cluster, name, queue.Rules{}, o); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.deleteTopics(ctx, name)) }()
	q, err := queue.Open(ctx, r.cfg.Cluster, name, o)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, q), q.Close())
}

func (r *queueRun) logs(name string) []events.Log {
	return events.Topics{Prefix: r.cfg.Prefix}.QueueLogs(name)
}

func (r *queueRun) deleteTopics(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var topics []string
	for _, log := range r.logs(name) {
		topics = append(topics, log.Topic)
	}
	return r.cfg.Cluster.Kafka().DeleteTopics(ctx, topics)
}

func (r *queueRun) result() QueueResult {
	slices.Sort(r.singles)
	slices.Sort(r.wireSingles)
	return QueueResult{
		Entries: r.cfg.Entries, Size: r.cfg.Size, Enqueue: r.enqueue.compared(r.cfg.Entries),
		Claims: r.cfg.Claims, Workers: r.cfg.Workers, Claim: r.claim.compared(r.cfg.Claims),
		Singles:   len(r.singles),
		SingleP50: quantile(r.singles, 0.50), SingleP99: quantile(r.singles, 0.99),
		WireSingleP50: quantile(r.wireSingles, 0.50), WireSingleP99: quantile(r.wireSingles, 0.99),
		Sizes: []QueueSize{},
	}
}

// compared are the figures of rounds of so many entries.
func (k *kindOfCall) compared(entries int) Compared {
	n := float64(entries)
	out := Compared{RecordsPerAppend: k.perAppend, RecordBytes: k.bytes, WireRecordBytes: k.wireBytes}
	var cpu, wireCPU, allocations, bytes []float64
	for i, of := range k.of {
		w := k.wire[i]
		out.Rounds = append(out.Rounds, n/of.seconds)
		out.RoundWire = append(out.RoundWire, n/w.seconds)
		out.RoundRatio = append(out.RoundRatio, w.seconds/of.seconds)
		cpu = append(cpu, of.usage.cpu.Seconds()*1e6/n)
		wireCPU = append(wireCPU, w.usage.cpu.Seconds()*1e6/n)
		allocations = append(allocations, float64(of.usage.allocations)/n)
		bytes = append(bytes, float64(of.usage.bytes)/n)
	}
	out.PerSecond, out.WirePerSecond, out.Ratio = median(out.Rounds), median(out.RoundWire), median(out.RoundRatio)
	out.CPU, out.WireCPU = median(cpu), median(wireCPU)
	out.Allocations, out.AllocatedBytes = median(allocations), median(bytes)
	return out
}
