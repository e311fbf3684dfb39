package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Watched is a master, a replica of it, and a Sentinel that makes the replica the master
// when the master is gone.
type Watched struct {
	// Master and Replica are what they were at the beginning.
	Master, Replica *Server
	sentinel        *Server
}

// MasterName is the name by which the Sentinel knows its master.
const MasterName = "spanway"

// StartWatched runs the three, and returns when the Sentinel knows both servers and the
// replica has caught up.
func StartWatched(tb testing.TB) *Watched {
	tb.Helper()
	master := Start(tb, "--repl-diskless-sync-delay", "0")
	replica := Start(tb, "--replicaof", "127.0.0.1 "+Port(master.addr))
	w := &Watched{Master: master, Replica: replica, sentinel: newServer(tb, nil)}
	file := filepath.Join(w.sentinel.dir, "sentinel.conf")
	config := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %[3]s 2000\nsentinel failover-timeout %[3]s 5000\n",
		Port(w.sentinel.addr), w.sentinel.dir, MasterName, Port(master.addr))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	w.sentinel.run(file, "--sentinel")
	w.caughtUp()
	asked := redis.NewSentinelClient(&redis.Options{Addr: w.sentinel.addr})
	defer func() { _ = asked.Close() }()
	until(tb, "the Sentinel knows the replica", func(ctx context.Context) error {
		replicas, err := asked.Replicas(ctx, MasterName).Result()
		if err == nil && (len(replicas) != 1 || replicas[0]["master-link-status"] != "ok") {
			err = fmt.Errorf("it knows %v", replicas)
		}
		return err
	})
	return w
}

// Addr is the Sentinel's address.
func (w *Watched) Addr() string { return w.sentinel.addr }

func (w *Watched) caughtUp() {
	w.Master.tb.Helper()
	admin := w.Replica.Client()
	until(w.Master.tb, "the replica has caught up", func(ctx context.Context) error {
		info, err := admin.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = errors.New(info)
		}
		return err
	})
}

// FailOver kills the master when the replica has all it has, and returns when the replica
// is the master.
func (w *Watched) FailOver() {
	w.Master.tb.Helper()
	if n, err := w.Master.Client().Wait(context.Background(), 1, patience).Result(); err != nil || n != 1 {
		w.Master.tb.Fatalf("wait for the replica: %d have all, %v", n, err)
	}
	w.Master.Kill()
	w.promoted()
}

// SwitchOver has the Sentinel make the replica the master, while the master lives, and
// returns when it is: the old master becomes a replica, and ends its connections.
func (w *Watched) SwitchOver() {
	w.Master.tb.Helper()
	asked := redis.NewSentinelClient(&redis.Options{Addr: w.sentinel.addr})
	defer func() { _ = asked.Close() }()
	if err := asked.Failover(context.Background(), MasterName).Err(); err != nil {
		w.Master.tb.Fatalf("SENTINEL FAILOVER: %v", err)
	}
	w.promoted()
}

// promoted waits until the replica is the master.
func (w *Watched) promoted() {
	w.Master.tb.Helper()
	admin := w.Replica.Client()
	until(w.Master.tb, "the replica is the master", func(ctx context.Context) error {
		info, err := admin.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "role:master") {
			err = errors.New(info)
		}
		return err
	})
}
