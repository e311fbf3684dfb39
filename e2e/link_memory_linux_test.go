package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// A source is far ahead of a target that takes little: what the replicator holds of it in
// memory is bounded by --memory, not by how far it is behind.
func TestASlowTargetTakesNoMemory(t *testing.T) {
	t.Parallel()
	slowTarget(t, twoOnKfake(t))
}

// The same between two Apache Kafkas.
func TestApacheASlowTargetTakesNoMemory(t *testing.T) {
	t.Parallel()
	slowTarget(t, twoOnApache(t))
}

func slowTarget(t *testing.T, sites twoSites) {
	const ahead, most = 128 << 20, 96 << 20
	proxy := newLinkProxy(t, sites.fra.Addr())
	w := newLinkWorld(t, sites, [2]string{sites.ams.Addr(), proxy.addr()}, "slow", binary, 64)
	noise := rand.NewChaCha8([32]byte{1})
	random := rand.New(noise)
	for n := 0; n < ahead; {
		batch := make([]events.Record, 0, 64)
		for range cap(batch) {
			r := linkRecord(random, n)
			r.Value = make([]byte, 8<<10)
			_, _ = noise.Read(r.Value) // It never fails.
			batch, n = append(batch, r), n+len(r.Value)
		}
		if _, err := w.source.Partition(w.topic, int32(n>>19)%64).Append(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	proxy.rate.Store(8 << 20) // A second, for each connection.
	p := w.replicator("one", "", "--memory", "8")
	p.log.await(t, "running=64", patience)
	const appends = 64
	before := proxy.produced.Load()
	eventually(t, patience, "it copies, slowly", func(context.Context) bool { return proxy.produced.Load() >= before+appends })
	slow := peak(t, p)
	proxy.rate.Store(0)
	w.copied(1)
	whole := peak(t, p)
	t.Logf("at most %d MiB while the target was slow, %d MiB in all; the source was %d MiB ahead", slow>>20, whole>>20, ahead>>20)
	if slow > most {
		t.Errorf("it took %d MiB; at most %d are allowed", slow>>20, most>>20)
	}
	w.equal(nil)
}

// peak is the most memory that a process has had, in bytes.
func peak(t *testing.T, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
