package store

import (
	"context"
	"fmt"
	"strings"
)

// Check reads the settings of Redis, and returns a warning for each that makes it likely
// that Redis forgets: no identifier is granted twice by it, but proposals are refused and
// made again. The metric spanway.allocator.store.unsafe says the same. A server that does
// not tell its settings gives a warning, too; the error says that Redis cannot be reached.
func (r *Redis) Check(ctx context.Context) (warnings []string, err error) {
	if err := r.client.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("check Redis: %w", &Unavailable{Err: err})
	}
	settings := map[string]string{}
	for _, name := range []string{"maxmemory-policy", "appendonly", "save"} {
		got, err := r.client.ConfigGet(ctx, name).Result()
		if err != nil {
			r.metrics.unsafe(map[string]bool{"unknown": true})
			return []string{fmt.Sprintf("the settings of Redis cannot be read (%v): see to it that maxmemory-policy is noeviction and appendonly is yes", err)}, nil
		}
		settings[name] = got[name]
	}
	found := map[string]bool{}
	if policy := settings["maxmemory-policy"]; strings.HasPrefix(policy, "allkeys-") {
		found["maxmemory-policy"] = true
		warnings = append(warnings, fmt.Sprintf("maxmemory-policy of Redis is %s, so it may evict identifier storage: set it to noeviction", policy))
	}
	if settings["appendonly"] == "no" {
		found["appendonly"] = true
		kept := "nothing is kept"
		if settings["save"] != "" {
			kept = "what is newer than the last dump is lost"
		}
		warnings = append(warnings, fmt.Sprintf("appendonly of Redis is no, so when it restarts %s: set it to yes", kept))
	}
	r.metrics.unsafe(found)
	return warnings, nil
}
