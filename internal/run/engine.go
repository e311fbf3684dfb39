package run

import (
	"context"
	"os/exec"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	standalone "github.com/spanway/spanway/services/engine"
)

// Engine runs a stand-alone engine on a cluster until ctx ends, and then drains it.
func Engine(ctx context.Context, c *cluster.Cluster, cfg standalone.Config, tel *telemetry.Telemetry) error {
	e, err := standalone.New(cfg, standalone.Deps{Cluster: c})
	if err != nil {
		return err
	}
	tel.Ready("engine", e.Ready())
	tel.Watch("engine", e.Trouble)
	return e.Run(ctx)
}

// loopback is where an engine of a system in one process may send HTTP requests.
var loopback = []string{"http://127.0.0.1:*", "http://localhost:*", "http://[::1]:*"}

// tried are the commands that such an engine may run, those of them that are there: its
// brokers are on loopback, and have no passwords. They change no file, and read what its
// user may read.
func tried() []string {
	return slices.DeleteFunc([]string{"true", "false", "cat", "sleep", "sha256sum"}, func(name string) bool {
		_, err := exec.LookPath(name)
		return err != nil
	})
}

// engineGrace is short, because a person waits for the prompt to come back.
const engineGrace = 2 * time.Second

func newEngine(x *site, id string) (*standalone.Service, error) {
	var allocatable map[string]int64
	if x.cfg.Engine.Slots > 0 {
		allocatable = map[string]int64{"slots": int64(x.cfg.Engine.Slots)}
	}
	return standalone.New(standalone.Config{Engine: engine.Config{
		Prefix: x.cfg.Prefix, ID: id, Site: x.name, Labels: x.edge(),
		Allocatable: allocatable, TTL: x.cfg.Engine.TTL, Grace: engineGrace, JSON: x.cfg.JSON, Logger: x.log,
	}, Allow: tried(), HTTPAllow: loopback, Handlers: x.realiser(), Monitor: standalone.MonitorOff}, standalone.Deps{Cluster: x.cluster})
}
