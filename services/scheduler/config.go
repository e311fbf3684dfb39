package scheduler

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Config is what an operator chooses. The zero value is not valid; begin with
// DefaultConfig.
type Config struct {
	// Prefix of every topic.
	Prefix string
	// Site becomes part of the events' source: /spanway/<site>/scheduler.
	Site string
	// Instance names this process to people; nothing is decided by it.
	Instance string
	// EngineTTL is how long an engine may be silent before its work is placed
	// elsewhere. At least a second; engines must be given the same.
	EngineTTL time.Duration
	// WaitingLimit bounds the waiting tasks of a pool; beyond it: POOL_FULL.
	WaitingLimit int
	// JSON writes events as JSON instead of protobuf.
	JSON bool
}

// DefaultConfig is what a deployment begins with.
func DefaultConfig() Config {
	return Config{
		Prefix:       events.DefaultPrefix,
		Site:         "local",
		EngineTTL:    5 * time.Second,
		WaitingLimit: 2_000_000,
	}
}

// Validate names the first field that cannot be used, and the remedy.
func (c Config) Validate() error {
	switch {
	case c.Prefix == "":
		return errors.New("scheduler config: Prefix is empty; use \"spanway.\" or one of your own")
	case c.Site == "":
		return errors.New("scheduler config: Site is empty; name the site, such as \"ams\"")
	case c.EngineTTL < time.Second:
		return fmt.Errorf("scheduler config: EngineTTL is %v; it must be at least 1s, because engines send one heartbeat a second", c.EngineTTL)
	case c.WaitingLimit < 1:
		return fmt.Errorf("scheduler config: WaitingLimit is %d; it must be at least 1", c.WaitingLimit)
	}
	return nil
}
