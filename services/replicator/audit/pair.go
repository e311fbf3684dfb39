package audit

import (
	"context"
	"fmt"
	"strings"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Config says which topics are compared, and how the link between them copies.
type Config struct {
	// Source and Target are the clusters, which must be two.
	Source, Target *cluster.Cluster
	// SourceTopic and TargetTopic are the topics.
	SourceTopic, TargetTopic string
	Declaration
	// Tolerated is that of compare.Config for a partition; 0 if it is nil.
	Tolerated func(partition int32) int64
	// BothWays says that the source may have copies of the target's own records, as after a
	// fail-over.
	BothWays bool
	// Whole demands that all of the source is copied; else what is not copied yet is
	// counted as behind.
	Whole bool
	// Every cuts the source into windows.
	Every compare.Cut
	// Letters is the topic of the target cluster that has the dead letters of the link;
	// none if it is empty.
	Letters string
	// Progress, if set, is told how far a partition was read, after each page.
	Progress func(Progress)
}

// Declaration says which records were to be copied.
type Declaration struct {
	// Relay and Routed are as in compare.Declaration. Announced says that what Routed is may be
	// of an application that has announced the topic: then the newest of the checkpoint counts.
	Relay     bool
	Routed    *compare.Routing
	Announced bool
	// Checkpoints, of the target cluster, say what was declared before; what is declared now
	// counts for all if it is nil.
	Checkpoints *Checkpoints
}

// Progress is how far an audit of a partition has come.
type Progress struct {
	Partition int32
	// Read are offsets of both sides, of All.
	Read, All int64
}

// Pair is a topic and its copy. It is safe for concurrent use.
type Pair struct {
	cfg                          Config
	sourceCluster, targetCluster string
	// Partitions is how many the source has; the target has as many at least.
	Partitions int32
	compacted  bool
	letters    letters
}

// SameCluster means that source and target are one cluster.
type SameCluster struct{ ID string }

func (e *SameCluster) Error() string {
	return fmt.Sprintf("source and target are the same cluster, %s: name two clusters", e.ID)
}

// NoTopic means that a cluster has no such topic, or hides it.
type NoTopic struct {
	Topic string
	Err   error
}

func (e *NoTopic) Error() string {
	return fmt.Sprintf("UNKNOWN_TOPIC: it has no topic %.249q: look for its name (spanway link show NAME --partitions): %v", e.Topic, e.Err)
}

func (e *NoTopic) Unwrap() error { return e.Err }

// ExitCode is that of a refusal.
func (e *NoTopic) ExitCode() int { return 1 }

// Open looks at both topics. An error names the side that is at fault.
func Open(ctx context.Context, cfg Config) (*Pair, error) {
	p := &Pair{cfg: cfg}
	source, err := look(ctx, cfg.Source, cfg.SourceTopic)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	target, err := look(ctx, cfg.Target, cfg.TargetTopic)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	if source.cluster == target.cluster {
		return nil, &SameCluster{source.cluster}
	}
	if target.partitions < source.partitions {
		return nil, fmt.Errorf("the target %s has %d partitions, and the source %s has %d: it needs as many",
			cfg.TargetTopic, target.partitions, cfg.SourceTopic, source.partitions)
	}
	p.sourceCluster, p.targetCluster = source.cluster, target.cluster
	p.Partitions, p.compacted = source.partitions, source.compacted || target.compacted
	if cfg.Letters != "" {
		p.letters, err = readLetters(ctx, cfg.Target, cfg.Letters, source.cluster, cfg.SourceTopic)
	}
	return p, err
}

// topic is what a cluster says of a topic.
type topic struct {
	cluster    string
	partitions int32
	compacted  bool
}

func look(ctx context.Context, c *cluster.Cluster, name string) (t topic, err error) {
	info, err := c.Kafka().Describe(ctx)
	if err != nil {
		return t, err
	}
	t.cluster = info.ID
	if t.partitions, err = c.Kafka().AwaitTopic(ctx, name); kafka.NoSuchTopic(err) {
		return t, &NoTopic{name, err}
	}
	if err != nil {
		return t, err
	}
	settings, err := c.Kafka().Settings(ctx, []string{name})
	if err != nil {
		return t, err
	}
	t.compacted = strings.Contains(settings[name]["cleanup.policy"], "compact")
	return t, nil
}

// sides are both sides of a partition.
func (p *Pair) sides(partition int32) *sides {
	s := &sides{
		source: kept{p.cfg.Source, p.cfg.SourceTopic, partition, p.cfg.Source.Partition(p.cfg.SourceTopic, partition)},
		target: kept{p.cfg.Target, p.cfg.TargetTopic, partition, p.cfg.Target.Partition(p.cfg.TargetTopic, partition)},
		cfg: compare.Config{
			Source:    events.ClusterPartition{Cluster: p.sourceCluster, Topic: p.cfg.SourceTopic, Partition: partition},
			Target:    events.ClusterPartition{Cluster: p.targetCluster, Topic: p.cfg.TargetTopic, Partition: partition},
			Compacted: p.compacted, Whole: p.cfg.Whole, Every: p.cfg.Every,
			Declaration: compare.Declaration{Relay: p.cfg.Relay, Routed: p.cfg.Routed},
		},
		bothWays: p.cfg.BothWays, announced: p.cfg.Announced,
	}
	s.declared = func(ctx context.Context) (Declared, error) {
		return p.cfg.Checkpoints.declared(ctx, fmt.Sprintf("%s/%s/%d/%s", p.sourceCluster, p.cfg.SourceTopic, partition, p.cfg.TargetTopic), s.cfg.Target)
	}
	if p.cfg.Tolerated != nil {
		s.cfg.Tolerated = p.cfg.Tolerated(partition)
	}
	if buried := p.letters[partition]; buried != nil {
		s.cfg.Buried = func(offset int64) bool { return buried[offset] }
	}
	if p.cfg.Progress != nil {
		s.progress = func(read, all int64) { p.cfg.Progress(Progress{partition, read, all}) }
	}
	return s
}
