package copying

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// fragile puts the points of failure into what a Copier is given.
func fragile(cfg *Config) {
	if !failpoint.Enabled {
		return
	}
	cfg.Source, cfg.Target, cfg.Checkpoints = fragileSource{cfg.Source}, fragileTarget{cfg.Target}, fragileCheckpoints{cfg.Checkpoints}
}

// fragileSource crashes behind the reading of a page.
type fragileSource struct{ Source }

func (s fragileSource) Read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error) {
	page, err := s.Source.Read(ctx, from, wait, how)
	if len(page.Records) > 0 {
		failpoint.Hit(failpoint.CopyFetched)
	}
	return page, err
}

// fragileTarget crashes round the append of a batch.
type fragileTarget struct{ Target }

func (t fragileTarget) Append(ctx context.Context, records []events.Record) (int64, error) {
	failpoint.Hit(failpoint.CopyAppending)
	base, err := t.Target.Append(ctx, records)
	if err == nil {
		failpoint.Hit(failpoint.CopyAcknowledged)
	}
	return base, err
}

// fragileCheckpoints crash behind the saving of a checkpoint.
type fragileCheckpoints struct{ Checkpoints }

func (c fragileCheckpoints) Save(ctx context.Context, id string, mark mirror.Checkpoint) error {
	err := c.Checkpoints.Save(ctx, id, mark)
	if err == nil {
		failpoint.Hit(failpoint.CopyCheckpointed)
	}
	return err
}

// fragileClient crashes while a batch is on its way: it has connections of its own, over
// which batches are all that is produced. They are never closed: a program with failpoints
// is soon over.
func fragileClient(c *kafka.Client) *kafka.Client {
	if !failpoint.Enabled {
		return c
	}
	return c.Like(func(cfg *kafka.Config) {
		dial := cfg.Dial
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return &fragileConn{Conn: conn}, err
		}
	})
}

// fragileConn is a connection to a broker.
type fragileConn struct {
	net.Conn
	sent atomic.Bool // a batch, whose answer has not come
}

func (c *fragileConn) Write(b []byte) (int, error) {
	const produce = 0 // the key of the request, behind its length
	n, err := c.Conn.Write(b)
	if err == nil && len(b) > 5 && b[4] == 0 && b[5] == produce {
		c.sent.Store(true)
		failpoint.Hit(failpoint.CopySent)
	}
	return n, err
}

func (c *fragileConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.sent.Swap(false) {
		failpoint.Hit(failpoint.CopyAppended)
	}
	return n, err
}
