package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/internal/verify/spaces"
	"github.com/spanway/spanway/pkg/events"
)

// G9: whatever happens to allocators, to Redis or to the broker, no identifier is granted
// twice, no grant that a caller was told of is lost, and every request is answered.
func TestRealRedisIdentifiersAreGrantedOnce(t *testing.T)     { identifiersAreGrantedOnce(t, onKfake) }
func TestApacheIdentifiersAreGrantedOnceByRedis(t *testing.T) { identifiersAreGrantedOnce(t, onApache) }

// disturbance is what happens in a world of its own. Whether the log then refuses a
// proposal, or the store is compared with the log before the next request comes, is a
// matter of time: only in "different settings" it is certain.
type disturbance struct {
	name    string
	disturb func(*idWorld)
}

var disturbances = []disturbance{
	{"all are killed", allKilled},
	{"a zombie", zombie},
	{"flushed", flushed},
	{"an old dump", oldDump},
	{"a replica is promoted", replicaPromoted},
	{"answers of EXEC are lost", execLost},
}

func identifiersAreGrantedOnce(t *testing.T, on brokers) {
	t.Parallel()
	b := on(t)
	fragile := builtWith(t, "failpoints")
	t.Run("worlds", func(t *testing.T) {
		for i, d := range slices.Concat(disturbances, kills()) {
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				w := newIDWorld(t, b, redistest.Start(t), fmt.Sprintf("world%d.", i), fragile, nil, nil)
				d.disturb(w)
				w.callers.progress("afterwards")
				w.judge()
			})
		}
		t.Run("different settings", func(t *testing.T) {
			t.Parallel()
			w := differentSettings(t, b, fragile)
			w.until("a proposal is refused", func(r spaces.Report) bool { return r.Refused[string(events.CodeRangeTaken)] > 0 })
			w.judge()
		})
	})
	t.Run("the broker is killed", func(t *testing.T) {
		w := newIDWorld(t, b, redistest.Start(t), "broker.", fragile, nil, nil)
		b.Kill()
		b.Start()
		w.callers.progress("on a broker that was killed")
		w.judge()
	})
}

// kills have a third allocator kill itself, at each point that a request comes to.
func kills() (all []disturbance) {
	for _, point := range failpoint.Allocator {
		all = append(all, disturbance{"killed at " + point, func(w *idWorld) { <-w.fragile(point, "kill").done }})
	}
	return all
}

// zombie stops an allocator that holds proposals. Redis forgets them, others grant the same
// ranges, and only then it goes on. It must be of use: in the end it is alone.
func zombie(w *idWorld) {
	z := w.fragile(failpoint.RangeProposed, "stop")
	flush(w)
	w.callers.progress("beside a zombie")
	cont(z)
	w.callers.progress("with what was a zombie")
	for _, p := range w.allocators {
		term(p)
		p.wait(patience)
	}
}

// allKilled has all processes start anew, with an empty Redis.
func allKilled(w *idWorld) {
	for _, p := range w.allocators {
		kill(p)
	}
	flush(w)
	w.allocators = []*process{w.allocator(nil), w.allocator(nil)}
}

func execLost(w *idWorld) {
	w.proxy.LoseExec(5)
	eventually(w.t, patience, "answers are lost", func(context.Context) bool { return w.proxy.Lost() })
}

func flush(w *idWorld) {
	if err := w.redis.Client().FlushAll(context.Background()).Err(); err != nil {
		w.t.Error(err)
	}
}

func flushed(w *idWorld) {
	for range 5 {
		flush(w)
		w.callers.progress("in an empty Redis")
	}
}

// oldDump has Redis come back with free ranges that were granted since.
func oldDump(w *idWorld) {
	client := w.redis.Client()
	free := func(ctx context.Context) string { return client.HGet(ctx, w.prefix+"ids.{"+idSpace+"}", "free").Val() }
	eventually(w.t, patience, "Redis holds free ranges", func(ctx context.Context) bool { return free(ctx) != "" })
	dump := w.redis.Dump()
	w.callers.keepAll.Store(true)
	eventually(w.t, patience, "all of them are granted", func(ctx context.Context) bool { return free(ctx) == "" })
	w.callers.progress("when all of them are granted") // Each change of Redis also notes what was granted last.
	w.redis.Restore(dump)
}

// replicaPromoted loses what the replica did not get.
func replicaPromoted(w *idWorld) {
	link := redistest.NewProxy(w.t, w.redis.Addr())
	host, port, _ := strings.Cut(link.Addr(), ":")
	replica := redistest.Start(w.t, "--replicaof", host, port)
	eventually(w.t, patience, "the replica follows", func(ctx context.Context) bool {
		return strings.Contains(replica.Client().Info(ctx, "replication").Val(), "master_link_status:up")
	})
	w.callers.progress("with a replica")
	link.Close()
	w.callers.progress("beside a replica that gets nothing")
	if err := replica.Client().ReplicaOf(context.Background(), "NO", "ONE").Err(); err != nil {
		w.t.Error(err)
	}
	w.redis.Kill()
	w.proxy.Redirect(replica.Addr())
}

// differentSettings has two allocators on one space that share neither a Redis nor
// settings: they propose the same, and the log decides.
func differentSettings(t *testing.T, b broker, binary string) *idWorld {
	t.Helper()
	other := redistest.Start(t)
	return newIDWorld(t, b, redistest.Start(t), "settings.", binary,
		[]string{"--json", "--in-flight", "1", "--patience", "500ms"},
		[]string{"--redis", other.Addr(), "--redis-database", "3", "--patience", "10s", "--snapshot-interval", "1s"})
}

// The verifier finds what it is for: in a build without the rule that a granted range
// overlaps no other, callers are told of the same identifiers, and it says so.
func TestRealRedisABuildWithoutTheRuleIsFound(t *testing.T) {
	t.Parallel()
	w := differentSettings(t, onKfake(t), builtWith(t, "norule"))
	overlaps := func(f chain.Finding) bool {
		return f.Rule == "G9" && strings.Contains(f.Text, "overlaps what is held since")
	}
	w.until("an overlap is found", func(r spaces.Report) bool { return slices.ContainsFunc(r.Findings, overlaps) })
	w.callers.stop()
	r := w.verified()
	t.Logf("ranges told twice, as the callers know: %d; findings of the verifier: %d, such as %+v", len(w.twice()), r.Violations, r.Findings[0])
}
