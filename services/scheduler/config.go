package scheduler

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/services/scheduler/placement"
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
	// Logs says how the owned logs are kept.
	Logs LogConfig
}

// LogConfig says when snapshots are written and what is kept. What is 0 has the
// default that is named.
type LogConfig struct {
	// SnapshotBytes is how much a log grows between two snapshots, in bytes: 64 MiB,
	// and at least twice the size of the last one. SnapshotEvents bounds it by the
	// number of events: no bound. SnapshotInterval is how long what was appended
	// may stand in no snapshot: 10 minutes.
	SnapshotBytes    int64
	SnapshotEvents   int64
	SnapshotInterval time.Duration
	// History is how long events stay in the log although a snapshot holds what
	// they led to: 7 days. Below 0: for ever.
	History time.Duration
	// FoldVersion is the version to which logs are raised: the newest.
	FoldVersion uint32
	// PayloadBytes bounds the payloads of waiting tasks that are held in memory for
	// each partition: 256 MiB. Others are read from the log again.
	PayloadBytes int
}

// Defaults of LogConfig.
const (
	DefaultHistory          = logowner.DefaultHistory
	DefaultSnapshotInterval = logowner.DefaultInterval
)

// Snapshots says when snapshots of a log are written that is kept alike.
func (c LogConfig) Snapshots() logowner.Snapshots {
	return logowner.Snapshots{Bytes: c.SnapshotBytes, Events: c.SnapshotEvents, Interval: c.SnapshotInterval, History: c.History}
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
	case c.Logs.SnapshotBytes < 0 || c.Logs.SnapshotEvents < 0 || c.Logs.SnapshotInterval < 0 || c.Logs.PayloadBytes < 0:
		return errors.New("scheduler config: Logs has a size, count or interval below 0; use 0 for the default")
	case c.Logs.FoldVersion > placement.NewestFoldVersion:
		return fmt.Errorf("scheduler config: FoldVersion is %d; this release knows up to %d", c.Logs.FoldVersion, placement.NewestFoldVersion)
	case c.WaitingLimit < 1:
		return fmt.Errorf("scheduler config: WaitingLimit is %d; it must be at least 1", c.WaitingLimit)
	}
	return c.checkNames()
}

func (c Config) checkNames() error {
	err := events.CheckPrefix(c.Prefix)
	if err == nil {
		err = events.CheckOptionalID("Site", c.Site)
	}
	if err == nil {
		err = events.CheckOptionalID("Instance", c.Instance)
	}
	if err != nil {
		return fmt.Errorf("scheduler config: %w", err)
	}
	return nil
}
