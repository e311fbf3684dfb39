package pool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// copyPause is how often the copy is looked at; after copyPatience a person is told.
const (
	copyPause    = 200 * time.Millisecond
	copyPatience = 5 * time.Second
)

// giveUp has the other site give the pools up, and waits until the copy says so.
func (p *promotion) giveUp(ctx context.Context, pools []*query.Pool) error {
	if !slices.ContainsFunc(pools, func(x *query.Pool) bool { return !x.Replaced }) {
		return nil // Somebody has done that before.
	}
	links, err := p.app.Copies(ctx, p.conn.Cluster, p.any())
	if err != nil {
		return err
	}
	var source string
	for _, l := range links {
		if !l.Paused {
			source = l.Source
		}
	}
	if source == "" {
		return &client.Refused{Code: client.CodeNoCopy, Message: "no link of this site makes the copy, or it is paused, so that it would never say that the pools are given up: resume it, or go on without --fence"}
	}
	targets, err := p.app.SiteTargets()
	if err != nil {
		return err
	}
	at, known := targets[source]
	if !known {
		return fmt.Errorf("nothing says where site %s is: name it in the configuration file (a context with site: %s), or go on without --fence", source, source)
	}
	there, err := p.app.Elsewhere(ctx, at, events.Topics.Requests)
	if err != nil {
		return fmt.Errorf("have site %s give the pools up (go on without --fence if it is lost): %w", source, err)
	}
	defer there.Close()
	for _, pool := range pools {
		if err := p.giveUpOne(ctx, there, pool); err != nil {
			return fmt.Errorf("have site %s give the pool up: %w", source, err)
		}
	}
	for i := range pools {
		if pools[i], err = p.copied(ctx, pools[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *promotion) giveUpOne(ctx context.Context, there *cli.Elsewhere, pool *query.Pool) error {
	defer p.app.Hint()()
	return there.ReplacePool(ctx, pool.Pool, p.reason)
}

// copied waits until the copy says that a pool is given up.
func (p *promotion) copied(ctx context.Context, pool *query.Pool) (*query.Pool, error) {
	tell := time.AfterFunc(copyPatience, func() {
		fmt.Fprintf(p.app.Err, "still waiting: pool %s is given up at the other site, and the copy here does not say so yet; does a replicator run, and the link? (spanway link list)\n", pool.Pool)
	})
	defer tell.Stop()
	for !pool.Replaced {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(copyPause):
		}
		var err error
		if pool, err = p.copies.Pool(ctx, pool.Pool); err != nil {
			return nil, err
		}
	}
	return pool, nil
}
