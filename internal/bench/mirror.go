package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Mirror copies the topics of one cluster into another: a replicator, or a peer that is
// measured beside it.
type Mirror interface {
	// Copy copies every topic whose name begins with a prefix, under the same name and
	// from its first record, until the context ends.
	Copy(ctx context.Context, prefix string) error
	// Usage is what it has used since it began.
	Usage() (MirrorUsage, error)
}

// MirrorUsage is what a mirror has used.
type MirrorUsage struct {
	CPU time.Duration
	// Memory is the most that it held at once, in bytes; 0 if that is not known.
	Memory int64
}

// MirrorConfig of a measurement of one mirror.
type MirrorConfig struct {
	Source, Target *cluster.Cluster
	Mirror         Mirror
	// Prefix begins the names of the topics, which are deleted again.
	Prefix string
	// Records are copied from a topic that holds them all when the mirror first sees it,
	// for each of Sizes (bytes of a value) and each of Partitions (of the topic).
	Records           int
	Sizes, Partitions []int
	// Rate is how many records a second are written while the delay of each copy is
	// measured, for Duration.
	Rate     int
	Duration time.Duration
	// Found is how many topics are made, one at a time, to see when the first record of
	// each stands in the target.
	Found int
	// Crowd is how many topics are made at once, while the delay of an older one is
	// measured.
	Crowd int
	// Progress, if set, is told of records that were loaded and seen.
	Progress func(done int)
}

// MirrorResult of a measurement.
type MirrorResult struct {
	Copies []MirrorCopy `json:"copies"`
	Delay  MirrorDelay  `json:"delay"`
	// Source is the time from when the same records were written until they were read at the
	// source: what no mirror can be faster than.
	Source MirrorDelay `json:"source_delay"`
	// FoundP50 and FoundMax are the time from when a topic was made until its first
	// record stood in the target.
	FoundP50 float64 `json:"found_p50_ms"`
	FoundMax float64 `json:"found_max_ms"`
	// Crowd is the delay while that many topics appeared.
	Crowd       MirrorDelay `json:"crowd"`
	CrowdTopics int         `json:"crowd_topics"`
	// CrowdFound is the time until all of them had their first record in the target.
	CrowdFound float64 `json:"crowd_found_ms"`
	// Memory is the most that the mirror held at once, in bytes; 0 if not known.
	Memory int64 `json:"memory_bytes"`
}

// MirrorCopy is one copy of many records, from the last look at the target that saw none to
// the last record.
type MirrorCopy struct {
	Size             int     `json:"size"`
	Partitions       int     `json:"partitions"`
	Records          int     `json:"records"`
	RecordsPerSecond float64 `json:"records_per_second"`
	MegabytesASecond float64 `json:"megabytes_per_second"`
	// CPU of the mirror for each record.
	CPU    float64 `json:"cpu_us"`
	Memory int64   `json:"memory_bytes"`
}

// MirrorDelay is the time from when a record was written until its copy was read.
type MirrorDelay struct {
	Records int     `json:"records"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Max     float64 `json:"max_ms"`
}

// Validate names the first field that cannot be used.
func (c *MirrorConfig) Validate() error {
	switch {
	case c.Records < 1:
		return fmt.Errorf("records is %d; give at least 1", c.Records)
	case c.Rate < 0 || c.Rate > 100_000:
		return fmt.Errorf("rate is %d; give 0 to 100000 records a second", c.Rate)
	case c.Rate > 0 && c.Duration <= 0:
		return fmt.Errorf("duration is %v; give more than 0, or rate 0", c.Duration)
	case c.Found < 0 || c.Crowd < 0:
		return fmt.Errorf("found is %d and crowd %d; give at least 0", c.Found, c.Crowd)
	}
	for _, n := range c.Sizes {
		if n < 8 || n > events.MaxRecordBytes {
			return fmt.Errorf("sizes contains %d; give 8 to %d bytes each", n, events.MaxRecordBytes)
		}
	}
	for _, n := range c.Partitions {
		if n < 1 || n > c.Records {
			return fmt.Errorf("partitions contains %d; give 1 to %d each, as many as there are records", n, c.Records)
		}
	}
	return nil
}

// Work is how often Progress is called in all.
func (c *MirrorConfig) Work() int {
	paced := int(c.Duration.Seconds()) * c.Rate
	n := 2*c.Records*len(c.Sizes)*len(c.Partitions) + paced
	if c.Crowd > 0 {
		n += paced
	}
	return n
}

// RunMirror measures. The topics that it made are deleted when it returns.
func RunMirror(ctx context.Context, cfg *MirrorConfig) (result MirrorResult, err error) {
	if err := cfg.Validate(); err != nil {
		return result, err
	}
	r := &mirrorRun{MirrorConfig: *cfg}
	if r.Progress == nil {
		r.Progress = func(int) {}
	}
	defer func() { err = errors.Join(err, r.deleteTopics(context.WithoutCancel(ctx))) }()
	for _, size := range r.Sizes {
		for _, partitions := range r.Partitions {
			c, err := r.copies(ctx, size, partitions)
			if err != nil {
				return result, fmt.Errorf("copy %d records of %d bytes over %d partitions: %w", r.Records, size, partitions, err)
			}
			result.Copies = append(result.Copies, c)
		}
	}
	err = r.running(ctx, r.Prefix+"live.", func(ctx context.Context) error { return r.live(ctx, &result) })
	if err != nil {
		return result, err
	}
	used, err := r.Mirror.Usage()
	result.Memory = used.Memory
	return result, err
}

// mirrorRun is one measurement.
type mirrorRun struct {
	MirrorConfig
	made []string // topics, in both clusters
}

// create makes a topic in the source.
func (r *mirrorRun) create(ctx context.Context, topic string, partitions int) error {
	r.made = append(r.made, topic)
	spec := events.Log{Topic: topic, Partitions: int32(partitions), Kept: events.WithHistory}
	_, err := r.Source.Ensure(ctx, []events.TopicSpec{spec.Spec()})
	return err
}

func (r *mirrorRun) deleteTopics(ctx context.Context) error {
	made := slices.Clone(r.made)
	r.made = nil
	return errors.Join(r.Source.Kafka().DeleteTopics(ctx, made), r.Target.Kafka().DeleteTopics(ctx, made))
}

// running calls a function while the mirror copies what begins with a prefix.
func (r *mirrorRun) running(ctx context.Context, prefix string, measured func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := r.Mirror.Copy(ctx, prefix)
		if err != nil && ctx.Err() == nil {
			cancel(fmt.Errorf("the mirror has ended: %w", err))
		}
		ended <- err
	}()
	err := measured(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	if last := <-ended; err == nil {
		err = last
	}
	return err
}
