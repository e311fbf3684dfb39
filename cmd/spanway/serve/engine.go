package serve

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/telemetry"
	embedded "github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/engine/monitor"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/pkg/request"
	"github.com/spanway/spanway/services/engine"
	"github.com/spanway/spanway/services/engine/call"
	"github.com/spanway/spanway/services/manager/realise"
	"github.com/spanway/spanway/services/manager/site"
)

func serveEngine(a *cli.App) *cobra.Command {
	var cfg engine.Config
	var watched observation
	var labels map[string]any
	var texts map[string]string
	var capacity map[string]int64
	var slots int
	var networks realising
	c := &cobra.Command{
		Use:   "engine",
		Short: "Run a stand-alone engine for tasks of the kinds noop, exec and http",
		Args:  cli.None,
		Example: `  spanway serve engine --id disk-1 --label disk=ssd --label gpu=1 --slots 8
  spanway serve engine --allow sha256sum,"date --utc" --capacity slots=8,memory_bytes=16Gi
  spanway serve engine --realise /var/lib/spanway/realised --label role=edge
  spanway serve engine --http-allow https://api.example/v1 --accepts 'task.tenant != "guest"'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Engine.Brokers, cfg.Engine.Prefix, cfg.Engine.Site = a.BrokerList(), a.Prefix, a.Site
			var err error
			if cfg.Engine.Labels, err = addTexts(labels, texts); err != nil {
				return err
			}
			cfg.Engine.Allocatable = amounts(capacity, slots)
			if err := networks.apply(&cfg); err != nil {
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
				warnOfSlots(log, cfg.Engine.Allocatable)
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
	f.StringVar(&cfg.Engine.ID, "id", "", "name of the engine, unique in its pool; the host's name if empty")
	f.StringVar(&cfg.Engine.Pool, "pool", "default", "pool that it takes tasks of")
	cli.PairsOf(f, &labels, labelValue, "label", "what predicates see as engine.labels; integers, true and false are read as such, a;b as a list, \"007\" in quotes as text")
	cli.Pairs(f, &texts, "label-string", "labels that are text, whatever they look like")
	cli.PairsOf(f, &capacity, quantity, "capacity", "what tasks may need of it; 8 slots for each CPU if none is given")
	f.StringSliceVar(&cfg.Allow, "allow", nil, "commands that kind exec may run: a name, with any arguments, or a whole command (\"spanway version\"), with these alone; none means that it does not handle exec")
	f.StringSliceVar(&cfg.HTTPAllow, "http-allow", nil, "prefixes of URLs that kind http may send to, such as https://api.example/v1 or http://127.0.0.1:* (any port); none means that it does not handle http")
	networks.flags(c)
	f.StringVar(&cfg.Engine.Accepts, "accepts", "", "CEL over task: it is given only tasks for which this is true")
	f.StringVar(&cfg.Engine.Node, "node", "", "name of the host that it shares with other engines; the host's own if empty")
	f.StringVar((*string)(&cfg.Monitor), "monitor", "auto", "what is measured as used of cpu_millis and memory_bytes, if it has such capacity: process, cgroup, auto (cgroup if that is limited) or off")
	f.DurationVar(&cfg.Engine.TTL, "engine-ttl", 0, "how long it may be silent; as the scheduler's")
	f.DurationVar(&cfg.Engine.Grace, "grace", 30*time.Second, "how long work may go on when it is told to end")
	f.IntVar(&slots, "slots", 0, "short for --capacity slots=N")
	f.BoolVar(&cfg.Engine.JSON, "json", false, "write reports as JSON instead of protobuf")
	cli.Choices(f, "monitor", string(monitor.Process), string(monitor.Cgroup), string(monitor.Best), string(engine.MonitorOff))
	cli.Names(f, "id", "pool", "node")
	cli.AtLeast(f, 0, "slots")
	cli.Lasting(f, time.Second, true, "engine-ttl")
	cli.Lasting(f, 0, false, "grace")
	cli.Checked(f, "allow", engine.CheckCommand)
	cli.Checked(f, "http-allow", func(text string) error {
		_, err := call.NewAllowed([]string{text})
		return err
	})
	cli.Checked(f, "accepts", func(text string) error {
		_, err := predicate.CompileAccepts(text)
		return err
	})
	cli.Variables(f, "id=engine-id", "pool", "label=labels", "capacity", "allow", "http-allow", "realise", "realise-by", "accepts", "node", "monitor",
		"engine-ttl", "grace", "slots", "json")
	watched.flags(c)
	return c
}

// realising is how an engine realises logical networks: in a directory, or by a command; not at all
// if both are empty.
type realising struct{ dir, command string }

func (r *realising) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&r.dir, "realise", "", "directory in which objects of logical networks are realised, each as a file; empty means that it does not handle network.realise. Local managers choose engines with the label role=edge")
	f.StringVar(&r.command, "realise-by", "", "command that realises objects of logical networks, a name in PATH and its arguments: it is given the object as JSON on its standard input, nothing where the object is to be removed, its path as SPANWAY_OBJECT, and realise or remove as SPANWAY_ACTION")
	cli.Checked(f, "realise-by", func(text string) error {
		if text == "" {
			return nil
		}
		return engine.CheckCommand(text)
	})
}

func (r *realising) apply(cfg *engine.Config) error {
	if r.dir != "" && r.command != "" {
		return cli.Usage("--realise and --realise-by both say how objects are realised: give one of them")
	}
	if r.dir != "" {
		cfg.Handlers = map[string]embedded.Handler{site.DefaultKind: realise.Files{Dir: r.dir}.Handle}
	}
	if r.command != "" {
		cfg.By = map[string]engine.By{site.DefaultKind: {Command: r.command, Give: realise.Given}}
	}
	return nil
}

// warnOfSlots warns that an engine offers no slots: a task that says nothing of its
// needs takes one, so such an engine gets none of these.
func warnOfSlots(log *slog.Logger, offers map[string]int64) {
	if offers != nil && offers["slots"] == 0 {
		log.Warn("the engine has no slots, and a task needs one unless its needs say otherwise: give it some by --slots N, or slots=N in --capacity", "capacity", offers)
	}
}

// labelValue reads a label as predicates compare it: integers, true and false are
// such, a text in quotes is text, and several values are a list.
func labelValue(words []cli.Word) (any, error) {
	if len(words) == 1 {
		return labelWord(words[0]), nil
	}
	list := make([]any, len(words))
	for i, w := range words {
		list[i] = labelWord(w)
	}
	return list, nil
}

// labelWord takes as an integer only what is written as integers are: 01234 and +7
// are text, such as a postcode.
func labelWord(w cli.Word) any {
	if w.Quoted {
		return w.Text
	}
	if n, err := strconv.ParseInt(w.Text, 10, 64); err == nil && strconv.FormatInt(n, 10) == w.Text {
		return n
	}
	if w.Text == "true" || w.Text == "false" {
		return w.Text == "true"
	}
	return w.Text
}

// addTexts adds labels that are text whatever they look like.
func addTexts(labels map[string]any, texts map[string]string) (map[string]any, error) {
	for name, text := range texts {
		if _, twice := labels[name]; twice {
			return nil, cli.Usage("label %q is given by --label and by --label-string: give it once", name)
		}
		if labels == nil {
			labels = map[string]any{}
		}
		labels[name] = text
	}
	return labels, nil
}

// quantity reads an amount of capacity.
func quantity(words []cli.Word) (int64, error) {
	if n, ok := request.Quantity(words[0].Text); ok && len(words) == 1 {
		return n, nil
	}
	return 0, fmt.Errorf("%q: give an integer of at least 0, or a quantity such as 16Gi%s", words[0].Text, request.Meant(words[0].Text))
}

// amounts is the capacity with slots; nil stands for the default.
func amounts(capacity map[string]int64, slots int) map[string]int64 {
	if len(capacity) == 0 && slots == 0 {
		return nil
	}
	out := maps.Clone(capacity)
	if out == nil {
		out = map[string]int64{}
	}
	if _, given := out["slots"]; !given && slots != 0 {
		out["slots"] = int64(slots)
	}
	return out
}
