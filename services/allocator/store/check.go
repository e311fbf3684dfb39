package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Check reads the settings of Redis, of each master of a cluster, and returns a warning
// for each that makes it likely that Redis forgets: no identifier is granted twice by it,
// but proposals are refused and made again. The metric spanway.allocator.store.unsafe says
// the same. A server that does not tell its settings gives a warning, too. The error, a
// *Unavailable, says that Redis cannot be reached.
//
// It asks by INFO and not by CONFIG GET, which tells passwords, too, and which managed
// services do not have.
func (r *Redis) Check(ctx context.Context) (warnings []string, err error) {
	var mu sync.Mutex
	found := map[string]bool{}
	err = masters(ctx, r.client, func(ctx context.Context, c *redis.Client) error {
		if err := c.Ping(ctx).Err(); err != nil {
			return err
		}
		info, err := c.Info(ctx).Result()
		mu.Lock()
		defer mu.Unlock()
		for _, w := range judged(lines(info), err) {
			found[w.setting] = true
			if !slices.Contains(warnings, w.text) {
				warnings = append(warnings, w.text)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("check Redis: %w", &Unavailable{Err: err})
	}
	slices.Sort(warnings)
	r.metrics.unsafe(found)
	return warnings, nil
}

// masters calls f for each server that is written to.
func masters(ctx context.Context, client redis.UniversalClient, f func(context.Context, *redis.Client) error) error {
	switch c := client.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f)
	case *redis.Client:
		return f(ctx, c)
	}
	return fmt.Errorf("a client of an unknown kind, %T", client)
}

// warning is of one setting.
type warning struct{ setting, text string }

// judged is what INFO tells, or that it does not.
func judged(info map[string]string, err error) (out []warning) {
	policy, told := info["maxmemory_policy"]
	appends, toldToo := info["aof_enabled"]
	if err == nil && !(told && toldToo) {
		err = errors.New("INFO has neither maxmemory_policy nor aof_enabled")
	}
	if err != nil {
		return []warning{{"unknown", fmt.Sprintf("the settings of Redis cannot be read (%v): see to it that maxmemory-policy is noeviction and appendonly is yes", err)}}
	}
	if strings.HasPrefix(policy, "allkeys-") {
		out = append(out, warning{"maxmemory-policy", fmt.Sprintf("maxmemory-policy of Redis is %s, so it may evict identifier storage: set it to noeviction", policy)})
	}
	if appends == "0" {
		out = append(out, warning{"appendonly", "appendonly of Redis is no, so when it restarts all is lost that is newer than its last dump, if there is one: set it to yes"})
	}
	return out
}
