package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/ids"
)

// idWorld is a space of identifiers: processes of allocators, a real Redis behind a proxy,
// and callers that ask for ranges all the time.
type idWorld struct {
	t              *testing.T
	broker         broker
	prefix, binary string
	redis          *redistest.Server
	proxy          *redistest.Proxy
	allocators     []*process
	cluster        *cluster.Cluster
	callers        *callers
}

const idSpace = "spi"

// newIDWorld starts an allocator for each list of arguments, and callers.
func newIDWorld(t *testing.T, b broker, redis *redistest.Server, prefix, binary string, allocators ...[]string) *idWorld {
	t.Helper()
	w := &idWorld{t: t, broker: b, prefix: prefix, binary: binary, redis: redis}
	w.proxy = redistest.NewProxy(t, w.redis.Addr())
	var err error
	if w.cluster, err = cluster.Open(cluster.Config{Brokers: []string{b.Addr()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cluster.Close)
	for _, args := range allocators {
		w.allocators = append(w.allocators, w.allocator(nil, args...))
	}
	client, err := ids.New(ids.Config{Cluster: w.cluster, Prefix: prefix, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	eventually(t, patience, "a space is declared", func(context.Context) bool {
		return client.Declare(t.Context(), ids.Rules{Space: idSpace, From: 1, To: 1 << 24, Quarantine: -1}) == nil
	})
	w.callers = call(t, client)
	w.callers.progress("before anything happens")
	return w
}

// allocator starts an allocator that reaches Redis through the proxy, unless args say otherwise.
func (w *idWorld) allocator(env []string, args ...string) *process {
	w.t.Helper()
	args = append([]string{
		"serve", "allocator", "--brokers", w.broker.Addr(), "--prefix", w.prefix, "--reconcile-interval", "100ms",
	}, args...)
	cmd := exec.Command(w.binary, args...)
	cmd.Env = append(append(os.Environ(), "SPANWAY_REDIS="+w.proxy.Addr()), env...)
	return start(w.t, strings.Join(args, " "), cmd)
}

// fragile starts an allocator that kills or stops itself at a point, and returns when it has.
func (w *idWorld) fragile(point, what string) *process {
	w.t.Helper()
	p := w.allocator([]string{fmt.Sprintf("SPANWAY_FAILPOINT=%s:5:%s", point, what)})
	p.log.await(w.t, "failpoint "+point, patience)
	return p
}

// patience bounds what should happen, on a machine that does other things as well.
const patience = 2 * time.Minute
