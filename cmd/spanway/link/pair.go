package link

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/audit/compare"
	"github.com/spanway/spanway/services/replicator/failover"
)

// copied are topics of a link's source, and the names of their copies.
type copied struct{ topic, target string }

// paired runs f with each topic that a link copies and its copy, or with the one of that
// name. change may add to what is compared, and is told what the replicators report.
func paired(ctx context.Context, a *cli.App, name, only string, change func(*replication.Link, *replication.Status, *audit.Config), f func(context.Context, copied, *audit.Pair) error) error {
	return a.Answering(ctx, func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		state, err := declared(ctx, a, c, log)
		if err != nil {
			return err
		}
		l, there := state.Link(name)
		if !there {
			return unknown("look at", name)
		}
		read := func(ctx context.Context) (replication.Status, error) { return replication.ReadStatus(ctx, c, a.Prefix) }
		wait := reportWait
		if only != "" {
			wait = 0
		}
		status, err := awaitReports(ctx, a, name, wait, read)
		if err != nil {
			return err
		}
		topics := topicsOf(&l, &status, only)
		if v := viewLink(l, &status, time.Now().UnixMilli()); only == "" && v.State == "failed" && (len(topics) == 0 || v.Reason == sourceUnreachable || v.Reason == sourceRejected) {
			return &linkFailed{&v}
		}
		if len(topics) == 0 && failover.AllDeleted(name, &status, time.Now()) {
			return &nothingLeft{name}
		}
		if len(topics) == 0 {
			return fmt.Errorf("no replicator has reported a copy of link %q within %s: name a topic (--topic), or see spanway link show %s", name, wait, name)
		}
		source, err := openSource(a, l.Source, log)
		if err != nil {
			return err
		}
		defer source.Close()
		checkpoints := checkpointsOf(a, c)
		for _, topic := range topics {
			config := configOf(a, &l, topic, checkpoints)
			config.Source, config.Target = source, c
			if change != nil {
				change(&l, &status, &config)
			}
			p, err := audit.Open(ctx, config)
			if err == nil {
				err = f(ctx, topic, p)
			}
			if err != nil {
				return fmt.Errorf("topic %s of link %s: %w", topic.topic, name, err)
			}
		}
		return nil
	})
}

// Reasons for which nothing can be asked of the source of a link.
const (
	sourceUnreachable = "source_unreachable"
	sourceRejected    = "source_rejected"
)

// linkFailed says that nothing of a link can be looked at, and why.
type linkFailed struct{ view *linkView }

func (e *linkFailed) Error() string {
	text := fmt.Sprintf("LINK_FAILED: link %s is failed (%s)", e.view.Name, e.view.Reason)
	for _, p := range e.view.Problems {
		if p.Code == e.view.Reason {
			return text + ": " + p.Text
		}
	}
	return text + ": see spanway link show " + e.view.Name
}

// ExitCode is that of a refusal, or says that a cluster is away.
func (e *linkFailed) ExitCode() int {
	if e.view.Reason == sourceUnreachable {
		return cli.ExitUnavailable
	}
	return cli.ExitRefused
}

// topicsOf are those that replicators report of a link, without those that the source has
// deleted.
func topicsOf(l *replication.Link, status *replication.Status, only string) (topics []copied) {
	seen := map[copied]bool{}
	for _, report := range status.Copies {
		of := copied{report.GetTopic(), report.GetTargetTopic()}
		if report.GetLink() == l.Name && report.GetState() != sourceDeleted && !seen[of] && (only == "" || of.topic == only) {
			seen[of] = true
			topics = append(topics, of)
		}
	}
	if len(topics) == 0 && only != "" {
		topics = []copied{{only, l.Prefix + only}}
	}
	return topics
}

// openSource opens the cluster of the configuration file that a link names.
func openSource(a *cli.App, name string, log *slog.Logger) (*cluster.Cluster, error) {
	all, err := a.Clusters()
	if err != nil {
		return nil, err
	}
	config, there := all[name]
	if !there {
		return nil, cli.Usage("the source %q of the link is no cluster of the configuration file: add it there, or set SPANWAY_CONFIG to the file of the replicator", name)
	}
	config.ClientID, config.Logger = "spanway-audit", log
	return cluster.Open(config)
}

// checkpointsOf are those of the copies of this site, which are read once for all topics.
func checkpointsOf(a *cli.App, c *cluster.Cluster) *audit.Checkpoints {
	return audit.NewCheckpoints(c, events.Topics{Prefix: a.Prefix}.ReplicationCheckpoints())
}

// configOf is how a link copies a topic.
func configOf(a *cli.App, l *replication.Link, topic copied, checkpoints *audit.Checkpoints) audit.Config {
	config := audit.Config{
		SourceTopic: topic.topic, TargetTopic: topic.target, Letters: events.Topics{Prefix: a.Prefix}.DeadLetters(),
		Declaration: audit.Declaration{
			Relay: l.Relay, Announced: len(l.Applications) > 0, Checkpoints: checkpoints,
		},
	}
	config.Tolerated = func(p int32) int64 { return l.Tolerated(topic.topic, p) }
	if l.Shared {
		config.Tolerated = func(int32) int64 { return compare.Shared }
	}
	config.BothWays = l.Shared || l.Tolerates(topic.topic)
	if l.Model == links.Routed {
		config.Routed = &compare.Routing{
			Header: cmp.Or(l.Routing.Header, "sites"), Site: a.Site, Allowed: l.Routing.Allowed,
			Unrouted: l.Routing.Unrouted, UnknownGoOn: l.Routing.PassUnknown,
		}
	}
	return config
}
