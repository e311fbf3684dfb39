package serve

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/request"
	"github.com/spanway/spanway/services/engine"
)

func serveEngine(a *cli.App) *cobra.Command {
	var cfg engine.Config
	var watched observation
	var labels, capacity map[string]string
	var slots int
	c := &cobra.Command{
		Use:   "engine",
		Short: "Run a stand-alone engine for tasks of the kinds noop, exec and http",
		Args:  cli.None,
		Example: `  spanway serve engine --id disk-1 --label disk=ssd --label gpu=1 --slots 8
  spanway serve engine --allow sha256sum,gzip --capacity slots=8,memory_bytes=16Gi
  spanway serve engine --http-allow https://api.example/v1 --accepts 'task.tenant != "guest"'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Engine.Brokers, cfg.Engine.Prefix, cfg.Engine.Site = a.BrokerList(), a.Prefix, a.Site
			cfg.Engine.Labels = labelValues(labels)
			var err error
			if cfg.Engine.Allocatable, err = amounts(capacity, slots); err != nil {
				return err
			}
			if cfg.Engine.Grace == 0 {
				cfg.Engine.Grace = -1 // The library takes 0 as not given.
			}
			if err := cfg.Validate(); err != nil {
				return cli.Misuse(err)
			}
			return watched.run(cmd.Context(), a, "engine", func(ctx context.Context, tel *telemetry.Telemetry, log *slog.Logger) error {
				cfg.Engine.Logger = log
				c, err := a.Cluster(strings.TrimSuffix("engine-"+cfg.Engine.ID, "-"), log)
				if err != nil {
					return err
				}
				defer c.Close()
				return run.Engine(ctx, c, cfg, tel)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&cfg.Engine.ID, "id", cli.Env("ENGINE_ID", ""), "name of the engine, unique in its pool; the host's name if empty (SPANWAY_ENGINE_ID)")
	f.StringVar(&cfg.Engine.Pool, "pool", cli.Env("POOL", "default"), "pool that it takes tasks of (SPANWAY_POOL)")
	f.StringToStringVar(&labels, "label", cli.EnvMap("LABELS"), "what predicates see as engine.labels; integers, true and false are read as such, a;b as a list (SPANWAY_LABELS)")
	f.StringToStringVar(&capacity, "capacity", cli.EnvMap("CAPACITY"), "what tasks may need of it; 8 slots for each CPU if none is given (SPANWAY_CAPACITY)")
	f.StringSliceVar(&cfg.Allow, "allow", cli.EnvList("ALLOW"), "commands that kind exec may run, by name; "+strings.Join(engine.DefaultAllow(), ",")+" if none is given (SPANWAY_ALLOW)")
	f.StringSliceVar(&cfg.HTTPAllow, "http-allow", cli.EnvList("HTTP_ALLOW"), "prefixes of URLs that kind http may send to, such as https://api.example/v1 or http://127.0.0.1:* (any port); none means that it does not handle http (SPANWAY_HTTP_ALLOW)")
	f.StringVar(&cfg.Engine.Accepts, "accepts", cli.Env("ACCEPTS", ""), "CEL over task: it is given only tasks for which this is true (SPANWAY_ACCEPTS)")
	f.StringVar(&cfg.Engine.Node, "node", cli.Env("NODE", ""), "name of the host that it shares with other engines; the host's own if empty (SPANWAY_NODE)")
	f.StringVar((*string)(&cfg.Monitor), "monitor", cli.Env("MONITOR", "auto"), "what is measured as used of cpu_millis and memory_bytes, if it has such capacity: process, cgroup, auto (cgroup if that is limited) or off (SPANWAY_MONITOR)")
	f.DurationVar(&cfg.Engine.TTL, "engine-ttl", cli.EnvDuration("ENGINE_TTL", 0), "how long it may be silent; as the scheduler's (SPANWAY_ENGINE_TTL)")
	f.DurationVar(&cfg.Engine.Grace, "grace", cli.EnvDuration("GRACE", 30*time.Second), "how long work may go on when it is told to end (SPANWAY_GRACE)")
	f.IntVar(&slots, "slots", cli.EnvInt("SLOTS", 0), "short for --capacity slots=N (SPANWAY_SLOTS)")
	f.BoolVar(&cfg.Engine.JSON, "json", cli.Env("JSON", "") == "true", "write reports as JSON instead of protobuf (SPANWAY_JSON)")
	watched.flags(c, "127.0.0.1:0")
	return c
}

// labelValues reads labels as predicates compare them.
func labelValues(in map[string]string) map[string]any {
	out := make(map[string]any, len(in))
	for name, text := range in {
		if !strings.Contains(text, ";") {
			out[name] = labelValue(text)
			continue
		}
		var list []any
		for part := range strings.SplitSeq(text, ";") {
			list = append(list, labelValue(part))
		}
		out[name] = list
	}
	return out
}

func labelValue(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if text == "true" || text == "false" {
		return text == "true"
	}
	return text
}

// amounts reads capacity; nil stands for the default.
func amounts(in map[string]string, slots int) (map[string]int64, error) {
	if len(in) == 0 && slots == 0 {
		return nil, nil
	}
	out := make(map[string]int64, len(in)+1)
	if slots != 0 {
		out["slots"] = int64(slots)
	}
	for name, text := range in {
		n, ok := request.Quantity(text)
		if !ok {
			return nil, cli.Usage("--capacity %s=%s: give an integer, or a quantity such as 16Gi", name, text)
		}
		out[name] = n
	}
	return out, nil
}
