package run

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// Config of a system in one process.
type Config struct {
	// DataDir keeps the brokers' data; empty keeps it in memory. The data of one
	// site without Sites is in it, that of each of Sites in a directory of its
	// name in it.
	DataDir string
	// Port on 127.0.0.1 of the first site's broker; those of the other sites take
	// the ones after it. 0 takes free ones.
	Port int
	// RedisPort on 127.0.0.1 of the first site's Redis, as Port.
	RedisPort int
	// Engines is how many stand-alone engines to include at each site.
	Engines int
	// Site names the only site; local if it is empty. It is not used with Sites.
	Site string
	// Sites are the names of the sites, the first one global, each with a cluster
	// and services of its own. Empty is one site, Site.
	Sites  []string
	Prefix string
	// Engine is how each of them is.
	Engine EngineConfig
	// JSON writes events and reports as JSON instead of protobuf.
	JSON bool
	// Logs says how the scheduler keeps its logs; its defaults if zero.
	Logs   scheduler.LogConfig
	Logger *slog.Logger
	// Telemetry, if set, learns what must be ready.
	Telemetry *telemetry.Telemetry
}

// EngineConfig is how an included engine is.
type EngineConfig struct {
	// TTL is how long it may be silent; the scheduler's default if 0.
	TTL time.Duration
	// Slots is how many tasks it runs at once; 0 is what an engine has by itself, which
	// depends on the machine.
	Slots int
}

// siteName is a label of the DNS: such a name is also good for a directory, on
// file systems that do not tell cases apart, too, and as part of an ID.
var siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

const lastPort = 65535

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	for i, name := range c.Sites {
		if !siteName.MatchString(name) {
			return fmt.Errorf("site %q: the name of a site is 1 to 63 of a-z, 0-9 and -, and neither begins nor ends with -, as in ams,fra", name)
		}
		if slices.Contains(c.Sites[:i], name) {
			return fmt.Errorf("site %q is given twice: each site has a name of its own", name)
		}
	}
	if last := lastPort - max(len(c.Sites), 1) + 1; c.Port < 0 || c.Port > last {
		return fmt.Errorf("port %d: give 0, or 1 to %d, since each site takes one", c.Port, last)
	}
	if last := lastPort - max(len(c.Sites), 1) + 1; c.RedisPort < 0 || c.RedisPort > last {
		return fmt.Errorf("port %d for Redis: give 0, or 1 to %d, since each site takes one", c.RedisPort, last)
	}
	if c.Engines < 0 {
		return fmt.Errorf("%d engines: give 0 or more", c.Engines)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Site == "" {
		c.Site = "local"
	}
	if c.Prefix == "" {
		c.Prefix = events.DefaultPrefix
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = slog.New(quiet{c.Logger.Handler()})
	return c
}

// quiet leaves out the warning that a broker is not fit for production: this one
// is not meant to be.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "the topics are good for development only") {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }
