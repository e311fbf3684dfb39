package networks

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Config of a client. Only Cluster must be set.
type Config struct {
	// Cluster is that of the global manager. It is not closed with the client.
	Cluster *cluster.Cluster
	// Prefix of every topic; "spanway." if empty.
	Prefix string
	// Source names the program in its commands; "/spanway/networks" if empty.
	Source string
	// JSON writes commands as JSON instead of protobuf.
	JSON bool
	// Timeout bounds how long an answer is waited for; 30 s if 0.
	Timeout time.Duration
}

func (c *Config) setDefaults() {
	if c.Prefix == "" {
		c.Prefix = events.DefaultPrefix
	}
	if c.Source == "" {
		c.Source = "/spanway/networks"
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
}

// Validate names the first field that cannot be used, and the remedy.
func (c Config) Validate() error {
	switch {
	case c.Cluster == nil:
		return errors.New("networks config: Cluster is nil; open one with cluster.Open")
	case c.Timeout < 0:
		return fmt.Errorf("networks config: Timeout is %v; it must not be negative", c.Timeout)
	case c.Prefix != "" && events.CheckPrefix(c.Prefix) != nil:
		return fmt.Errorf("networks config: %w", events.CheckPrefix(c.Prefix))
	}
	return nil
}
