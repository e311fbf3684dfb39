package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// SiteTargets are where sites are, by name: the contexts of the configuration file that have a
// site, and this command's own. Where brokers are given by name, the file is about others, unless
// it is named, too.
func (a *App) SiteTargets() (map[string]Target, error) {
	all := map[string]Target{a.Site: a.Target}
	path, named := first(a.connection.config, "config", defaultPath())
	if !named && (a.connection.given().of(brokers) != "" || environment.of(brokers) != "") {
		return all, nil
	}
	f, err := readFile(a.ctx, path, named)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(f.Contexts)) {
		of := f.Contexts[name].Site
		if _, there := all[of]; there || of == "" {
			continue
		}
		chosen, cluster, at, err := f.choose(name, "")
		if err != nil {
			return nil, err
		}
		filed := layer{
			of:    func(s *setting) string { return s.file(chosen, at) },
			where: func(s *setting) string { return fmt.Sprintf("%s of cluster %q in %s", s.name, cluster, f.path) },
		}
		if all[of], err = target(cluster, []layer{a.connection.patience(), filed, otherwise}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// patience is how long a connection may take, where the flag or its variable says so.
func (c *Connection) patience() layer {
	given := c.given()
	return layer{
		of: func(s *setting) string {
			if s.name != "dial-timeout" {
				return ""
			}
			return cmp.Or(given.of(s), environment.of(s))
		},
		where: given.where,
	}
}

// Elsewhere is a connection to another site than that of the command. Close it.
type Elsewhere struct {
	*query.Querier
	Prefix  string
	cluster *cluster.Cluster
	asks    *client.Client
}

// Close closes the connection.
func (e *Elsewhere) Close() {
	_ = e.asks.Close(context.Background()) // What it has sent is answered, so it waits for nothing.
	e.cluster.Close()
}

// Offsets tells where a partition begins and ends.
func (e *Elsewhere) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	return e.asks.Offsets(ctx, topic, partition)
}

// ReplacePool has the scheduler there give a pool up.
func (e *Elsewhere) ReplacePool(ctx context.Context, pool events.Pool, reason string) error {
	return e.asks.ReplacePool(ctx, pool, reason)
}

// ListTopics lists the topics of the deployment there.
func (e *Elsewhere) ListTopics(ctx context.Context) ([]client.TopicInfo, error) {
	return e.asks.ListTopics(ctx)
}

// Elsewhere connects to a site that has a topic of a kind, such as that of what a local manager
// says.
func (a *App) Elsewhere(ctx context.Context, at Target, topic func(events.Topics) string) (*Elsewhere, error) {
	config := at.Cluster
	config.ClientID, config.Logger = "spanway-cli", slog.New(slog.DiscardHandler) // What is in the way is told by the error.
	c, err := cluster.Open(config)
	if err != nil {
		return nil, Misuse(err)
	}
	asks, err := client.New(client.Config{Cluster: c, Prefix: at.Prefix, Source: a.Source(), DialTimeout: config.DialTimeout})
	if err == nil {
		if err = asks.CheckFor(ctx, topic(events.Topics{Prefix: at.Prefix})); err != nil {
			_ = asks.Close(ctx) // It has sent nothing.
		}
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	q := query.New(query.Config{Logs: c, Prefix: at.Prefix, Encoder: events.Encoder{Source: a.Source()}, Board: c.Kafka().Board()})
	return &Elsewhere{q, at.Prefix, c, asks}, nil
}
